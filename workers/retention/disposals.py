"""What each committed disposal has found so far, in the table `disposals`; written by the disposal stage alone.

A row begins with the event that commits the disposal. Whatever is to be deleted is noted before it is deleted, so
that the certificate names it after any crash. The row goes when a later look has found nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, Database, execute
from workers.keys.signing import Signed

Name = tuple[str, str]
"""A key with its version id or upload id."""

CLAIMED = 600.0
"""Seconds for which a disposal that fell due is left to the process that took it."""


class Committed(Struct, frozen=True):
    """What the event disposals.committed says of the decision, as far as the certificate repeats it."""

    policy: int
    category: str
    rule: str
    reasons: tuple[str, ...]
    intended_at: str
    committed_at: str
    receipt: Signed | None = None


class Noted(Struct, frozen=True):
    """A disposal under way.

    Attributes:
        committed: of the event that committed it.
        versions, uploads: what was found to be deleted or aborted and stands in no statement yet.
        gone_at: when all of it was found gone; None before.
    """

    clip_id: str
    committed: Committed
    versions: tuple[Name, ...]
    uploads: tuple[Name, ...]
    gone_at: datetime | None = None


COLUMNS = ", ".join(Noted.__struct_fields__)


async def begin(database: Database, clip_id: str, committed: bytes) -> None:
    """Note that a disposal was committed; a repeat changes nothing.

    Args:
        committed: the event's body, JSON.
    """
    await database.execute(
        "INSERT INTO disposals (clip_id, committed) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (clip_id, committed.decode()),
    )


async def note(database: Database, clip_id: str, versions: Sequence[Name], uploads: Sequence[Name]) -> None:
    """Add what was found; called before any of it is deleted."""
    if not versions and not uploads:
        return
    added = "COALESCE((SELECT jsonb_agg(DISTINCT v ORDER BY v) FROM jsonb_array_elements({0} || %s::jsonb) AS v), '[]')"
    await database.execute(
        f"UPDATE disposals SET versions = {added.format('versions')}, uploads = {added.format('uploads')}"
        " WHERE clip_id = %s",
        (_json(versions), _json(uploads), clip_id),
    )


async def note_gone(database: Database, clip_id: str) -> Noted:
    """Everything was proved gone; the first time counts, so that a repeat writes the same certificate."""
    row = await database.fetch_one(
        "UPDATE disposals SET gone_at = COALESCE(gone_at, date_trunc('milliseconds', now())), waits_for = NULL"
        f" WHERE clip_id = %s RETURNING {COLUMNS}",
        (clip_id,),
    )
    return msgspec.convert(row, Noted)


async def postpone(database: Database, clip_id: str, reason: str, seconds: float) -> None:
    """It cannot be finished now: say why, and look again after so many seconds."""
    await database.execute(
        "UPDATE disposals SET waits_for = %s, due_at = now() + make_interval(secs => %s) WHERE clip_id = %s",
        (reason, seconds, clip_id),
    )


async def look_later(connection: Connection, clip_id: str, seconds: float, untold: Sequence[Name] = ()) -> None:
    """Everything is gone and told; look once more after so many seconds, at what came late.

    Args:
        untold: versions that are gone and stand in no statement yet.
    """
    await execute(
        connection,
        "UPDATE disposals SET versions = %s, uploads = '[]', gone_at = NULL, waits_for = NULL,"
        " due_at = now() + make_interval(secs => %s) WHERE clip_id = %s",
        (_json(untold), seconds, clip_id),
    )


async def claim_due(database: Database) -> Noted | None:
    """Take the disposal that has been due for longest; None if nothing is due.

    It is due again after CLAIMED seconds, should the process that took it be killed.
    """
    row = await database.fetch_one(
        "UPDATE disposals SET due_at = now() + make_interval(secs => %s) WHERE clip_id = (SELECT clip_id"
        " FROM disposals WHERE due_at <= now() ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
        f" RETURNING {COLUMNS}",
        (CLAIMED,),
    )
    return msgspec.convert(row, Noted) if row else None


async def close(database: Database, clip_id: str) -> None:
    """A later look has found nothing: there is no more to know."""
    await database.execute("DELETE FROM disposals WHERE clip_id = %s", (clip_id,))


async def waiting(database: Database) -> int:
    """How many committed disposals cannot be finished now."""
    row = await database.fetch_one("SELECT count(*) AS n FROM disposals WHERE waits_for IS NOT NULL")
    return int(row["n"]) if row else 0


def _json(names: Sequence[Name]) -> str:
    return msgspec.json.encode(names).decode()
