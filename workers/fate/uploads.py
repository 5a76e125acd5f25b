"""Multipart uploads that transfer began, in `open_uploads`: our own record, so that none is left behind.

The store's list of unfinished uploads is no record: MinIO lists by exact key only, and lifecycle rules that
would abort them are missing on other stores.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from msgspec import Struct

from workers.database.engine import Database
from workers.errors import DatabaseAway

T = TypeVar("T")

LONGEST = 30.0
"""Seconds that a worker's thread waits for an answer of the loop that owns the database."""


class OpenUploads:
    """The record as a worker's thread sees it (workers/footage/deposit.py: Uploads). All calls block.

    Args:
        loop: where `database` lives; not the calling thread's.
    """

    def __init__(self, database: Database, loop: asyncio.AbstractEventLoop, *, clip_id: str, attempt: int) -> None:
        self._database = database
        self._loop = loop
        self._clip_id = clip_id
        self._attempt = attempt

    def find(self, key: str) -> str | None:
        """Id of the upload that was begun for this key."""
        row = self._wait(self._database.fetch_one("SELECT upload_id FROM open_uploads WHERE key = %s", (key,)))
        return str(row["upload_id"]) if row else None

    def remember(self, key: str, upload_id: str) -> str:
        """Record an upload unless one is recorded for this key; the id that counts."""
        row = self._wait(
            self._database.fetch_one(
                # The update changes nothing; without it the row that was there would not be returned.
                "INSERT INTO open_uploads (key, upload_id, clip_id, attempt) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (key) DO UPDATE SET key = excluded.key RETURNING upload_id",
                (key, upload_id, self._clip_id, self._attempt),
            )
        )
        assert row is not None
        return str(row["upload_id"])

    def forget(self, key: str) -> None:
        """The upload was completed or aborted."""
        self._wait(self._database.execute("DELETE FROM open_uploads WHERE key = %s", (key,)))

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(LONGEST)
        except TimeoutError as error:
            future.cancel()
            raise DatabaseAway(f"PostgreSQL does not answer within {LONGEST:g} s") from error


class StaleUpload(Struct, frozen=True):
    """An upload that nobody will finish."""

    key: str
    upload_id: str


async def stale_uploads(database: Database) -> list[StaleUpload]:
    """Uploads whose clip has gone on: it is no longer registered, or at a later attempt."""
    rows = await database.fetch(
        "SELECT key, upload_id FROM open_uploads u LEFT JOIN clip_fate f USING (clip_id)"
        " WHERE f.clip_id IS NULL OR f.standing <> 'registered' OR f.attempt > u.attempt"
    )
    return [StaleUpload(row["key"], row["upload_id"]) for row in rows]


async def forget_upload(database: Database, stale: StaleUpload) -> None:
    """The stale upload was aborted; a newer one of the same key stays."""
    await database.execute("DELETE FROM open_uploads WHERE key = %s AND upload_id = %s", (stale.key, stale.upload_id))
