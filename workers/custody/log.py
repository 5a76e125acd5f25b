"""Appends to the custody log, exactly once: entries, catalogue and offsets move in one transaction.

The head row is locked and compared: a second writer, or one that slept and woke, finds the log longer than
it left it and is refused before it wrote a line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workers.catalogue.projection import project
from workers.custody.entry import Recorded, entry_for, leaf, new_salt
from workers.database.engine import Connection, Database, fetch
from workers.errors import MoveRefused

Position = tuple[str, int]
"""Topic and partition."""

COLUMNS = (
    "index, event_id, type, clip_id, camera, verb, person, time, entry, leaf, payload, salt, topic, partition,"
    ' "offset", conflicts_with'
)


class Head:
    """How far the log and each partition have come, as this writer left them."""

    def __init__(self, size: int, offsets: Mapping[Position, int]) -> None:
        self.size = size
        self.offsets = dict(offsets)


async def read_head(database: Database) -> Head:
    """Read how far the log has come."""
    size = await database.fetch_one("SELECT size FROM custody_head")
    rows = await database.fetch("SELECT topic, partition, next_offset FROM record_offsets")
    return Head(size["size"] if size else 0, {(row["topic"], row["partition"]): row["next_offset"] for row in rows})


async def append(database: Database, head: Head, batch: Sequence[Recorded]) -> Head:
    """Append a batch and return the new head.

    Args:
        head: as this writer left it; offsets below it are repeats of the broker and are passed over.
        batch: in offset order within each partition.

    Raises:
        MoveRefused: another writer has appended meanwhile; nothing was written.
        DatabaseAway: unknown whether it was written; read the head again.
    """
    fresh = [item for item in batch if item.offset >= head.offsets.get((item.topic, item.partition), 0)]
    if not fresh:
        return head
    after = Head(head.size, head.offsets)
    for item in fresh:
        after.offsets[item.topic, item.partition] = item.offset + 1
    async with database.transaction() as connection:
        await _lock(connection, head)
        known = await _known(connection, [item.event_id for item in fresh])
        rows = []
        for item in fresh:
            first = known.get(item.event_id)
            if first is not None and first[1] == item.body:
                continue
            salt = new_salt()
            entry = entry_for(item, after.size, salt, first[0] if first else None)
            text, digest = leaf(entry)
            rows.append(
                (entry.index, entry.event_id, entry.type, entry.clip_id, entry.camera, entry.verb, entry.person,
                 entry.time, text, digest, item.body, salt, item.topic, item.partition, item.offset,
                 entry.conflicts_with)
            )  # fmt: skip
            if first is None:
                known[item.event_id] = (after.size, item.body)
                await project(connection, item)
            after.size += 1
        async with connection.cursor() as cursor:
            if rows:
                places = ", ".join(["%s"] * len(rows[0]))
                await cursor.executemany(f"INSERT INTO custody ({COLUMNS}) VALUES ({places})".encode(), rows)
            await cursor.execute("UPDATE custody_head SET size = %s", (after.size,))
            await cursor.executemany(
                "INSERT INTO record_offsets VALUES (%s, %s, %s) ON CONFLICT (topic, partition)"
                " DO UPDATE SET next_offset = EXCLUDED.next_offset",
                [(topic, partition, offset) for (topic, partition), offset in after.offsets.items()
                 if head.offsets.get((topic, partition)) != offset],
            )  # fmt: skip
    return after


async def _lock(connection: Connection, head: Head) -> None:
    rows = await fetch(connection, "SELECT size FROM custody_head FOR UPDATE")
    offsets = await fetch(connection, "SELECT topic, partition, next_offset FROM record_offsets")
    stored = {(row["topic"], row["partition"]): row["next_offset"] for row in offsets}
    if rows[0]["size"] != head.size or stored != head.offsets:
        raise MoveRefused(
            f"the custody log has {rows[0]['size']} entries, this writer left it at {head.size}: "
            "another record process writes; this one stops"
        )


async def _known(connection: Connection, event_ids: list[str]) -> dict[str, tuple[int, bytes]]:
    rows = await fetch(
        connection,
        "SELECT event_id, index, payload FROM custody WHERE event_id = ANY(%s) AND conflicts_with IS NULL",
        (event_ids,),
    )
    return {row["event_id"]: (row["index"], row["payload"]) for row in rows}
