"""Questions about the custody log: what is sealed, what is about a clip, how it stood at some time."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from workers.custody.export import Row, Timestamp
from workers.database.engine import Database


class SealedHead(Struct, frozen=True):
    """A seal that lies in the vault.

    Attributes:
        checkpoint: the signed note.
    """

    size: int
    root: bytes
    checkpoint: str
    sealed_at: datetime


async def log_size(database: Database) -> int:
    """Entries in the log now, sealed or not."""
    row = await database.fetch_one("SELECT size FROM custody_head")
    return int(row["size"]) if row else 0


async def newest_seal(database: Database, *, at: datetime | None = None) -> SealedHead | None:
    """The newest seal, or the newest of a past moment."""
    row = await database.fetch_one(
        "SELECT size, root, checkpoint, sealed_at FROM custody_seals"
        " WHERE sealed_at IS NOT NULL AND (%(at)s::timestamptz IS NULL OR sealed_at <= %(at)s)"
        " ORDER BY size DESC LIMIT 1",
        {"at": at},
    )
    return SealedHead(row["size"], bytes(row["root"]), row["checkpoint"], row["sealed_at"]) if row else None


async def seals(database: Database, size: int) -> list[SealedHead]:
    """Every finished seal up to a size, ascending."""
    rows = await database.fetch(
        "SELECT size, root, checkpoint, sealed_at FROM custody_seals WHERE sealed_at IS NOT NULL AND size <= %s"
        " ORDER BY size",
        (size,),
    )
    return [SealedHead(row["size"], bytes(row["root"]), row["checkpoint"], row["sealed_at"]) for row in rows]


async def entries_of(database: Database, clip_id: str) -> list[Row]:
    """The entries about a clip, ascending, as an export needs them."""
    rows = await database.fetch(
        "SELECT index, entry, payload, salt FROM custody WHERE clip_id = %s ORDER BY index", (clip_id,)
    )
    return [
        Row(row["index"], row["entry"], row["payload"], None if row["payload"] is None else row["salt"])
        for row in rows
    ]  # fmt: skip


async def timestamp_of(database: Database, day: str | None = None) -> tuple[str, Timestamp] | None:
    """The time stamp of a day (ISO date), or the newest that was taken; with its day."""
    row = await database.fetch_one(
        "SELECT day, checkpoint, token FROM custody_timestamps"
        " WHERE token IS NOT NULL AND (%(day)s::date IS NULL OR day = %(day)s) ORDER BY day DESC LIMIT 1",
        {"day": day},
    )
    return (row["day"].isoformat(), Timestamp(bytes(row["token"]), row["checkpoint"])) if row else None
