"""The custody of a package's clips: waits until the submission stands in the sealed log, then proves every clip."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from workers.custody import bwv_verify
from workers.custody.export import Row, Timestamp, build_export
from workers.custody.merkle import Hashes
from workers.custody.queries import SealedHead, entries_of, newest_seal, timestamp_of
from workers.custody.tree import answer
from workers.database.engine import Database
from workers.errors import PartUnreachable
from workers.prosecution.package.contents import Contents
from workers.prosecution.package.extract import extract, said_in

LOOK_EVERY = 0.5
"""Seconds between two looks for the seal."""


class Custody(Struct, frozen=True):
    """What the log says of one clip.

    Attributes:
        files: of the export, as this recipient gets it.
        since: who declared the master's digest first, and when; from all of the clip's entries.
    """

    files: dict[str, bytes]
    since: tuple[str, str] | None


async def custody_of(
    database: Database,
    namespace: str,
    contents: Contents,
    *,
    patience: float,
    waiting: Callable[[float], None],
) -> dict[str, Custody]:
    """The custody of each clip, all at one seal that has every entry of the submission.

    Args:
        patience: seconds to wait for that seal.
        waiting: is told, while it waits, how many seconds are left.

    Raises:
        PartUnreachable: it was not sealed in time.
    """
    end = time.monotonic() + patience
    seen: SealedHead | None = None
    while True:
        sealed = await newest_seal(database)
        if sealed is not None and sealed != seen:  # without a new seal there is nothing new to find
            seen = sealed
            rows = {clip: await entries_of(database, clip) for clip in contents.clips}
            if all(_stands(contents, clip, rows[clip], sealed) for clip in contents.clips):
                break
        left = end - time.monotonic()
        if left <= 0:
            raise PartUnreachable(
                f"{contents.submission.submission_id} does not stand in the sealed custody log yet; "
                "build it again once record has sealed it (bwv custody head)"
            )
        waiting(left)
        await asyncio.sleep(min(LOOK_EVERY, left))
    stamped = await timestamp_of(database)
    stamp = stamped[1] if stamped else None
    return {clip: await _one(database, namespace, contents, clip, rows[clip], sealed, stamp) for clip in contents.clips}


def _stands(contents: Contents, clip: str, rows: Sequence[Row], sealed: SealedHead) -> bool:
    """Whether every item of the clip has its entry below the seal."""
    told = set()
    for row in rows:
        if row.index < sealed.size and msgspec.json.decode(row.entry)["type"] == bwv_verify.SUBMITTED:
            said = said_in(row)
            if said.get("manifest_sha256") == contents.submission.manifest_sha256:
                told.add((said.get("reference"), said.get("sha256")))
    wanted = {(item.about.reference, item.about.sha256) for item in contents.items if item.about.clip_id == clip}
    return wanted <= told


async def _one(
    database: Database,
    namespace: str,
    contents: Contents,
    clip: str,
    rows: Sequence[Row],
    sealed: SealedHead,
    stamp: Timestamp | None,
) -> Custody:
    below = [row for row in rows if row.index < sealed.size]
    items = [item for item in contents.items if item.about.clip_id == clip]
    shown = extract(
        below,
        contents.recipient,
        contents.submission.submission_id,
        made={item.about.derivative_id for item in items if item.about.derivative_id},
        told={item.about.derivative_id for item in items if item.about.derivative_id and item.told},
        redacted=any(item.about.kind == "redaction" for item in items),
    )

    def build(hashes: Hashes) -> dict[str, bytes]:
        return build_export(namespace, clip, shown, sealed.size, hashes, sealed.checkpoint, stamp)

    return Custody(await answer(database, build), _since(namespace, clip, below))


def _since(namespace: str, clip: str, rows: Sequence[Row]) -> tuple[str, str] | None:
    events = [
        bwv_verify.Event(msgspec.json.decode(row.entry), row.payload, said_in(row), None)
        for row in sorted(rows, key=lambda row: row.index)
    ]
    return bwv_verify.declared_when(events, bwv_verify.find_declared(namespace, clip, events))
