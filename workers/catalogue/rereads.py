"""When each stored clip was last read in full: by verification, or again by the scrub. Oldest first."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec
from msgspec import Struct

from workers.database.engine import Database

READ_AT = "COALESCE(c.reread_at, c.verified_at)"
STORED = (
    "FROM clips c JOIN clip_fate f USING (clip_id) WHERE c.verified_at IS NOT NULL AND f.verified_version IS NOT NULL"
    " AND (f.disposal IS NULL OR f.disposal = 'intended')"
)
"""Clips that lie in the vault; damaged ones too."""
SOUND = f"{STORED} AND c.damaged_at IS NULL AND f.standing IN ('verified', 'released')"
"""Those of them of which no damage is known."""
COLUMNS = (
    f"c.clip_id, c.size, {READ_AT} AS read_at, extract(epoch FROM now() - {READ_AT})::float AS age, c.manifest_version,"
    " c.stored_attempt, f.hold_reasons <> '{}' AS held, f.lease_end"
)


class Stored(Struct, frozen=True):
    """A clip that lies in the vault.

    Attributes:
        age: seconds since it was last read in full.
        manifest_version: of the attempt `stored_attempt`.
        held: there is a reason for a legal hold.
    """

    clip_id: str
    size: int
    read_at: datetime
    age: float
    manifest_version: str | None
    stored_attempt: int | None
    held: bool
    lease_end: datetime | None


class Share(Struct, frozen=True):
    """A part of the stored clips, picked by their ids: always the same ones.

    Attributes:
        number: from 1 to `of`.
        age: only those not read for so many seconds.
        clip_id: only this one, damaged or not.
    """

    number: int = 1
    of: int = 1
    age: float = 0.0
    clip_id: str | None = None


class Coverage(Struct, frozen=True):
    """How much of what is stored was read in full lately.

    Attributes:
        clips, bytes: that lie in the vault and of which no damage is known.
        covered: bytes of those that were read within the period.
        oldest: seconds since the longest unread one was read; None when nothing is stored.
        damaged: clips whose damage is known.
    """

    clips: int
    bytes: int
    covered: int
    oldest: float | None
    damaged: int

    @property
    def ratio(self) -> float:
        """From 0 to 1; 1 when nothing is stored."""
        return self.covered / self.bytes if self.bytes else 1.0


async def longest_unread(database: Database, passed_over: Collection[str] = ()) -> Stored | None:
    """The sound clip that was not read for the longest time.

    Args:
        passed_over: clip ids that are not asked about.
    """
    row = await database.fetch_one(
        f"SELECT {COLUMNS} {SOUND} AND c.clip_id <> ALL(%s) ORDER BY {READ_AT} LIMIT 1", (list(passed_over),)
    )
    return msgspec.convert(row, Stored) if row else None


async def share_of(database: Database, share: Share) -> tuple[int, int]:
    """How many clips a share has, and their bytes."""
    where, parameters = _where(share)
    row = await database.fetch_one(
        f"SELECT count(*) AS clips, COALESCE(sum(c.size), 0)::bigint AS bytes {where}", parameters
    )
    return (row["clips"], row["bytes"]) if row else (0, 0)


async def page_of(database: Database, share: Share, after: str, most: int) -> list[Stored]:
    """The next clips of a share, in the order of their ids.

    Args:
        after: the last clip id of the page before; empty for the first.
    """
    where, parameters = _where(share)
    rows = await database.fetch(
        f"SELECT {COLUMNS} {where} AND c.clip_id > %(after)s ORDER BY c.clip_id LIMIT %(most)s",
        parameters | {"after": after, "most": most},
    )
    return [msgspec.convert(row, Stored) for row in rows]


async def lately_read(database: Database, but: str, most: int = 3) -> list[Stored]:
    """Sound clips that were read last, to see whether the store serves."""
    rows = await database.fetch(
        f"SELECT {COLUMNS} {SOUND} AND c.clip_id <> %s AND c.manifest_version IS NOT NULL"
        f" ORDER BY {READ_AT} DESC LIMIT %s",
        (but, most),
    )
    return [msgspec.convert(row, Stored) for row in rows]


async def reread_since(database: Database, noted: dict[str, datetime]) -> list[str]:
    """Those of the clips whose reading at this time the catalogue knows by now, or that are damaged by now."""
    rows = await database.fetch(
        "SELECT clip_id, reread_at, damaged_at FROM clips WHERE clip_id = ANY(%s)", (list(noted),)
    )
    return [
        row["clip_id"]
        for row in rows
        if row["damaged_at"] is not None or (row["reread_at"] is not None and row["reread_at"] >= noted[row["clip_id"]])
    ]


async def coverage(database: Database, within: float) -> Coverage:
    """How much was read in full within so many seconds."""
    row = await database.fetch_one(
        "SELECT count(*) AS clips, COALESCE(sum(c.size), 0)::bigint AS bytes,"
        f" COALESCE(sum(c.size) FILTER (WHERE {READ_AT} >= now() - make_interval(secs => %s)), 0)::bigint AS covered,"
        f" extract(epoch FROM now() - min({READ_AT}))::float AS oldest,"
        f" (SELECT count(*) FROM clip_fate WHERE standing = 'damaged') AS damaged {SOUND}",
        (within,),
    )
    return msgspec.convert(row, Coverage)


def _where(share: Share) -> tuple[str, dict[str, object]]:
    """The share's clips and what to fill in. An id is a digest already; eight of its hex digits of MD5 spread it."""
    parameters: dict[str, object] = {
        "of": share.of, "number": share.number - 1, "age": share.age, "clip_id": share.clip_id
    }  # fmt: skip
    if share.clip_id is not None:
        return f"{STORED} AND c.clip_id = %(clip_id)s", parameters
    return (
        f"{SOUND} AND ('x' || substr(md5(c.clip_id), 1, 8))::bit(32)::bigint %% %(of)s = %(number)s"
        f" AND {READ_AT} <= now() - make_interval(secs => %(age)s)",
        parameters,
    )
