"""Makes the custody log, its tree and the catalogue again from what is sealed in the vault.

Bundles give the entries, payload objects what each entry was about. Nothing is believed: the tree that grows
from the entries must have the root that was signed, and every payload the digest in its entry.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from workers.catalogue.projection import project
from workers.custody.archive import Archive, SealedPayload
from workers.custody.checkpoint import Checkpoint, read_checkpoint
from workers.custody.entry import Entry, Recorded, content_of
from workers.custody.log import COLUMNS
from workers.custody.merkle import leaf_hash
from workers.custody.note import Verifier
from workers.custody.tiles import TILE_WIDTH, Edge, entries_path, unbundle
from workers.custody.tree import write_tiles
from workers.database.engine import Connection, Database, execute, fetch
from workers.errors import LogForked, TileInvalid

Progress = Callable[[int], None]


class Restored(Struct, frozen=True):
    """What came back.

    Attributes:
        size: entries, all that was sealed.
        erased: of these, entries whose payload went with its clip.
    """

    size: int
    erased: int


async def restore_log(
    database: Database, archive: Archive, verifiers: Sequence[Verifier], origin: str, *, told: Progress
) -> Restored:
    """Fill an empty schema from the vault, in one transaction a slice; the head comes last.

    Args:
        told: gets the number of entries done.

    Raises:
        LogForked: what lies in the vault does not have the root that was signed.
        StoreAway, DatabaseAway: begin again with another empty schema.
    """
    newest = await asyncio.to_thread(archive.newest, verifiers, origin)
    if newest is None:
        return Restored(0, 0)
    async with database.connection() as connection:
        await _stage_payloads(connection, archive)
        edge, erased = Edge(0, {}), 0
        while edge.size < newest.size:
            number = edge.size // TILE_WIDTH
            width = min(TILE_WIDTH, newest.size - edge.size)
            bundle = await asyncio.to_thread(archive.read, entries_path(number, width))
            erased += await _restore_bundle(connection, edge, unbundle(bundle), width)
            told(edge.size)
        if edge.root() != newest.root:
            raise LogForked(
                f"the entries in the vault have root {edge.root().hex()}, the checkpoint of {newest.size} entries says "
                f"{newest.root.hex()}: the vault was changed; compare with a witness"
            )
        await _restore_seals(connection, archive, verifiers, origin)
        await _restore_offsets(connection, archive, newest)
        await _restore_timestamps(connection, archive)
        await execute(connection, "DROP TABLE sealed_payloads")
    return Restored(newest.size, erased)


async def _stage_payloads(connection: Connection, archive: Archive) -> None:
    """Payloads lie by clip; a table puts them into the order of the log without holding them in memory."""
    await execute(
        connection,
        "CREATE TEMPORARY TABLE sealed_payloads (index bigint, salt bytea, body bytea, topic text, partition int,"
        ' "offset" bigint)',
    )
    objects = archive.payloads()
    async with connection.cursor() as cursor, cursor.copy(b"COPY sealed_payloads FROM STDIN") as copy:
        while (some := await asyncio.to_thread(next, objects, None)) is not None:
            for held in some:
                await copy.write_row(msgspec.structs.astuple(held))
    await execute(connection, "CREATE INDEX ON sealed_payloads (index)")


async def _restore_bundle(connection: Connection, edge: Edge, entries: Sequence[bytes], width: int) -> int:
    """Write a bundle's entries; returns how many have no payload any more."""
    if len(entries) != width:
        raise TileInvalid(f"the bundle from entry {edge.size} on holds {len(entries)} entries, expected {width}")
    rows = await fetch(
        connection,
        "SELECT * FROM sealed_payloads WHERE index >= %s AND index < %s",
        (edge.size, edge.size + width),
    )
    payloads = {row["index"]: msgspec.convert(row, SealedPayload) for row in rows}
    parsed = [(text, msgspec.json.decode(text, type=Entry)) for text in entries]
    async with connection.transaction():
        async with connection.cursor() as cursor, cursor.copy(f"COPY custody ({COLUMNS}) FROM STDIN".encode()) as copy:
            for text, entry in parsed:
                await copy.write_row(_row(text, entry, payloads.get(entry.index)))
        async with connection.pipeline():
            for _, entry in parsed:
                held = payloads.get(entry.index)
                if held is not None and entry.conflicts_with is None:
                    await project(connection, _recorded(entry, held))
        await write_tiles(connection, edge.append([leaf_hash(text) for text in entries]))
        await execute(connection, "UPDATE custody_head SET size = %s", (edge.size,))
    return width - len(payloads)


def _row(text: bytes, entry: Entry, held: SealedPayload | None) -> tuple[object, ...]:
    if held is not None and hashlib.sha256(held.salt + held.body).hexdigest() != entry.payload:
        raise LogForked(f"the payload of entry {entry.index} in the vault has not the digest that its entry names")
    where = (held.topic, held.partition, held.offset) if held else (None, None, None)
    return (entry.index, entry.event_id, entry.type, entry.clip_id, entry.camera, entry.verb, entry.person, entry.time,
            text.decode(), leaf_hash(text), held.body if held else None, held.salt if held else None, *where,
            entry.conflicts_with)  # fmt: skip


def _recorded(entry: Entry, held: SealedPayload) -> Recorded:
    content, unreadable = content_of(held.body)
    return Recorded(
        topic=held.topic,
        partition=held.partition,
        offset=held.offset,
        event_id=entry.event_id,
        type=entry.type,
        time=entry.time,
        source=entry.source,
        subject=entry.subject,
        verb=entry.verb,
        body=held.body,
        content=content,
        unreadable=unreadable,
        about=entry.clip_id,
    )


async def _restore_seals(connection: Connection, archive: Archive, verifiers: Sequence[Verifier], origin: str) -> None:
    previous = 0
    for size in await asyncio.to_thread(archive.sizes):
        note = await asyncio.to_thread(archive.note, size)
        facts = await asyncio.to_thread(archive.facts, size)
        root = read_checkpoint(note, verifiers, origin).root
        await execute(
            connection,
            "INSERT INTO custody_seals (size, previous, root, offsets, checkpoint, sealed_at)"
            " VALUES (%s, %s, %s, %s, %s, now())",
            (size, previous, root, msgspec.json.encode(facts.offsets).decode(), note),
        )
        previous = size


async def _restore_offsets(connection: Connection, archive: Archive, newest: Checkpoint) -> None:
    facts = await asyncio.to_thread(archive.facts, newest.size)
    async with connection.cursor() as cursor:
        await cursor.executemany("INSERT INTO record_offsets VALUES (%s, %s, %s)", facts.offsets)


async def _restore_timestamps(connection: Connection, archive: Archive) -> None:
    for day, size, token in await asyncio.to_thread(lambda: sorted(archive.timestamps())):
        note = await asyncio.to_thread(archive.note, size)
        await execute(
            connection,
            "INSERT INTO custody_timestamps VALUES (%s, %s, %s, %s, now()) ON CONFLICT DO NOTHING",
            (day, size, note, token),
        )
