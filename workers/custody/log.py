"""Appends to the custody log, exactly once: entries, tree, catalogue and offsets move in one transaction.

The head row is locked and compared: a second writer, or one that slept and woke, finds the log longer than
it left it and is refused before it wrote a line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from workers.catalogue.projection import project
from workers.custody.entry import Entry, Recorded, entry_for, leaf, new_salt
from workers.custody.tiles import Edge
from workers.custody.tree import load_edge, write_tiles
from workers.database.engine import Connection, Database, execute, fetch
from workers.errors import MoveRefused

Position = tuple[str, int]
"""Topic and partition."""

COLUMNS = (
    "index, event_id, type, clip_id, camera, verb, person, time, entry, leaf, payload, salt, topic, partition,"
    ' "offset", conflicts_with'
)


DISPOSED = "clips.disposed"
"""The topic whose messages end a clip; a type that a header claims elsewhere erases nothing."""

OUTLASTS = "(topic = 'clips.disposed' OR topic LIKE 'disposals.%%')"
"""Entries whose payloads stay when their clip goes: they say why it went. In SQL with parameters."""


class Head(Struct, frozen=True):
    """How far the log and each partition have come, as this writer left them.

    Attributes:
        root: of the tree: a log of the same size that was made again from the vault is another one.
    """

    size: int
    root: bytes
    offsets: Mapping[Position, int]


class Line:
    """One entry on its way into the log."""

    def __init__(self, recorded: Recorded, entry: Entry, salt: bytes) -> None:
        self.recorded = recorded
        self.entry = entry
        self.salt = salt
        self.text, self.leaf = leaf(entry)

    def row(self) -> tuple[object, ...]:
        """Its columns, in the order of COLUMNS."""
        entry, item = self.entry, self.recorded
        return (entry.index, entry.event_id, entry.type, entry.clip_id, entry.camera, entry.verb, entry.person,
                entry.time, self.text, self.leaf, item.body, self.salt, item.topic, item.partition, item.offset,
                entry.conflicts_with)  # fmt: skip


async def read_head(database: Database) -> Head:
    """Read how far the log has come."""
    async with database.transaction() as connection:
        size = (await fetch(connection, "SELECT size FROM custody_head"))[0]["size"]
        return Head(size, (await load_edge(connection, size)).root(), await _offsets(connection))


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
    offsets = {**head.offsets} | {(item.topic, item.partition): item.offset + 1 for item in fresh}
    async with database.transaction() as connection:
        edge = await _lock(connection, head)
        lines = await _lines(connection, head.size, fresh)
        await _write(connection, lines)
        await erase_disposed(connection, sorted({line.entry.clip_id for line in lines if line.entry.clip_id}))
        await write_tiles(connection, edge.append([line.leaf for line in lines]))
        # One round trip for all statements of the batch instead of one each.
        async with connection.pipeline(), connection.cursor() as cursor:
            for line in lines:
                if line.entry.conflicts_with is None:
                    await project(connection, line.recorded)
            await cursor.execute("UPDATE custody_head SET size = %s", (edge.size,))
            for (topic, partition), offset in offsets.items():
                if head.offsets.get((topic, partition)) != offset:
                    await cursor.execute(
                        "INSERT INTO record_offsets VALUES (%s, %s, %s) ON CONFLICT (topic, partition)"
                        " DO UPDATE SET next_offset = EXCLUDED.next_offset",
                        (topic, partition, offset),
                    )
    return Head(edge.size, edge.root(), offsets)


async def erase_disposed(connection: Connection, among: Sequence[str] | None = None) -> int:
    """Erase the payloads of clips that were disposed of, and their salts; headers and leaves stay and prove as before.

    Called with every batch, so that what is told of a clip after its disposal goes too.

    Args:
        among: clips that are looked at; None for all.

    Returns:
        How many entries lost their payload.
    """
    return await execute(
        connection,
        f"UPDATE custody SET payload = NULL, salt = NULL WHERE payload IS NOT NULL AND NOT {OUTLASTS} AND clip_id IN"
        " (SELECT clip_id FROM custody WHERE topic = %(disposed)s AND conflicts_with IS NULL"
        "  AND (%(among)s::text[] IS NULL OR clip_id = ANY(%(among)s)))",
        {"disposed": DISPOSED, "among": among},
    )


async def _lock(connection: Connection, head: Head) -> Edge:
    """Hold the head row for this transaction; the tree's edge, unless the log is not as this writer left it."""
    size = (await fetch(connection, "SELECT size FROM custody_head FOR UPDATE"))[0]["size"]
    edge = await load_edge(connection, size)
    if (size, edge.root()) != (head.size, head.root) or await _offsets(connection) != head.offsets:
        raise MoveRefused(
            f"the custody log has {size} entries, root {edge.root().hex()[:16]}…; this writer left it at {head.size}, "
            f"{head.root.hex()[:16]}…: another record process writes, or the log was rebuilt; this one stops"
        )
    return edge


async def _offsets(connection: Connection) -> dict[Position, int]:
    rows = await fetch(connection, "SELECT topic, partition, next_offset FROM record_offsets")
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def _lines(connection: Connection, size: int, fresh: Sequence[Recorded]) -> list[Line]:
    """The batch as entries from index `size` on; repeats of what is on record are left out."""
    rows = await fetch(
        connection,
        "SELECT event_id, index, payload FROM custody WHERE event_id = ANY(%s) AND conflicts_with IS NULL",
        ([item.event_id for item in fresh],),
    )
    known: dict[str, tuple[int, bytes | None]] = {row["event_id"]: (row["index"], row["payload"]) for row in rows}
    lines: list[Line] = []
    for item in fresh:
        first = known.get(item.event_id)
        # What was erased with its clip cannot be compared any more; the id speaks for it.
        if first is not None and first[1] in (None, item.body):
            continue
        salt = new_salt()
        entry = entry_for(item, size + len(lines), salt, first[0] if first else None)
        lines.append(Line(item, entry, salt))
        if first is None:
            known[item.event_id] = (entry.index, item.body)
    return lines


async def _write(connection: Connection, lines: Sequence[Line]) -> None:
    async with connection.cursor() as cursor, cursor.copy(f"COPY custody ({COLUMNS}) FROM STDIN".encode()) as copy:
        for line in lines:
            await copy.write_row(line.row())
