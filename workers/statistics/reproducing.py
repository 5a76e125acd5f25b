"""A figure made again from the vault alone: the sealed bundles of one checkpoint, in a schema of its own.

Nothing of the present database is read. The signed checkpoint is fetched, the tree grown from the entries must have its
root, and every payload the digest that its entry names; then the same fold and the same SQL run there.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from workers.custody.archive import Archive, SealedPayload
from workers.custody.checkpoint import Checkpoint, read_checkpoint
from workers.custody.entry import Entry
from workers.custody.log import COLUMNS
from workers.custody.merkle import leaf_hash
from workers.custody.note import Verifier
from workers.custody.tiles import TILE_WIDTH, Edge, entries_path, unbundle
from workers.database.engine import Connection, Database, execute, fetch
from workers.database.schema import drop_schema, upgrade
from workers.errors import LogForked, NoteInvalid, RuleBroken, TileInvalid
from workers.statistics.areas import Areas
from workers.statistics.asking import Answers, ask
from workers.statistics.counting import count
from workers.statistics.figures import Figure
from workers.statistics.months import Month
from workers.vault.faults import NotThere
from workers.vault.keys import CUSTODY_OTHER

Told = Callable[[str, int], None]
"""Called with what is being done and how many of it are done."""

BUNDLES_AT_ONCE = 16


def checkpoint_at(archive: Archive, size: int, verifiers: Sequence[Verifier], origin: str) -> tuple[Checkpoint, str]:
    """The signed checkpoint of this size as it lies in the vault, and its note.

    Raises:
        RuleBroken: nothing was sealed at this size.
        LogForked: it is not signed by a key that is known here, or is of another size.
    """
    try:
        note = archive.note(size)
    except NotThere as error:
        sizes = archive.sizes()
        near = ", ".join(map(str, sizes[-5:])) or "none"
        raise RuleBroken(f"no checkpoint of {size} entries was sealed; the newest are of: {near}") from error
    try:
        found = read_checkpoint(note, verifiers, origin)
    except NoteInvalid as error:
        raise LogForked(f"the checkpoint of {size} entries in the vault: {error}") from error
    if found.size != size:
        raise LogForked(f"the checkpoint that lies in the vault for {size} entries is of {found.size}")
    return found, note


async def reproduce(
    dsn: str,
    schema: str,
    archive: Archive,
    checkpoint: Checkpoint,
    figures: Iterable[Figure],
    month: Month,
    areas: Areas,
    *,
    told: Told,
) -> Answers:
    """Ask figures of the log as the vault holds it at a checkpoint.

    Args:
        schema: name of the schema that is made for it, and dropped.
        checkpoint: its signature has been checked.

    Raises:
        LogForked: what lies in the vault does not have the root that was signed.
    """
    await asyncio.to_thread(drop_schema, dsn, schema)
    await asyncio.to_thread(upgrade, dsn, schema)
    try:
        async with Database(dsn, schema, size=2) as database:
            await restore_entries(database, archive, checkpoint, told=lambda n: told("entries from the vault", n))
            await count(database, checkpoint.size, told=lambda n: told("entries counted", n))
            async with database.connection() as connection:
                return await ask(connection, figures, month, checkpoint.size, areas)
    finally:
        await asyncio.to_thread(drop_schema, dsn, schema)


async def restore_entries(
    database: Database, archive: Archive, checkpoint: Checkpoint, *, told: Callable[[int], None]
) -> None:
    """Fill the custody table of an empty schema up to a checkpoint, with the payloads that are about no clip."""
    async with database.connection() as connection:
        await _stage(connection, archive, checkpoint.size)
        edge = Edge(0, {})
        while edge.size < checkpoint.size:
            numbers = range(edge.size // TILE_WIDTH, -(-checkpoint.size // TILE_WIDTH))[:BUNDLES_AT_ONCE]
            wanted = [entries_path(number, _width(number, checkpoint.size)) for number in numbers]
            bundles = await asyncio.gather(*(asyncio.to_thread(archive.read, path) for path in wanted))
            entries = [text for data in bundles for text in unbundle(data)]
            await _write(connection, edge, entries)
            told(edge.size)
        if edge.size != checkpoint.size or edge.root() != checkpoint.root:
            raise LogForked(
                f"the {edge.size} entries in the vault have root {edge.root().hex()}, the checkpoint of "
                f"{checkpoint.size} says {checkpoint.root.hex()}: the vault was changed; compare with a witness"
            )
        [holes] = await fetch(
            connection,
            "SELECT count(*) AS count, min(index) AS first FROM custody WHERE payload IS NULL AND clip_id IS NULL",
        )
        if holes["count"]:
            raise LogForked(
                f"{holes['count']} payloads that are about no clip are missing in the vault, the first of entry "
                f"{holes['first']}: none of them may go while its log is locked; find out who deleted it"
            )
        await execute(connection, "UPDATE custody_head SET size = %s", (edge.size,))
        await execute(connection, "ANALYZE custody")


def _width(number: int, size: int) -> int:
    return min(TILE_WIDTH, size - number * TILE_WIDTH)


async def _stage(connection: Connection, archive: Archive, size: int) -> None:
    """Payloads lie by what they are about; a table puts them into the order of the log."""
    await execute(connection, "CREATE TEMP TABLE staged (index bigint, salt bytea, body bytea)")
    objects = archive.payloads(CUSTODY_OTHER)
    async with connection.cursor() as cursor, cursor.copy(b"COPY staged FROM STDIN") as copy:
        while (some := await asyncio.to_thread(_next, objects)) is not None:
            for held in some:
                if held.index < size:
                    await copy.write_row((held.index, held.salt, held.body))
    await execute(connection, "CREATE INDEX ON staged (index)")


def _next(objects: Iterator[list[SealedPayload]]) -> list[SealedPayload] | None:
    try:
        return next(objects, None)
    except msgspec.DecodeError as error:
        raise LogForked(f"payloads in the vault cannot be read any more: {error}; find out who changed them") from error


async def _write(connection: Connection, edge: Edge, entries: Sequence[bytes]) -> None:
    """Write the next entries, with those of their payloads that are there, and grow the tree by them."""
    start = edge.size
    rows = await fetch(
        connection, "SELECT * FROM staged WHERE index >= %s AND index < %s", (start, start + len(entries))
    )
    payloads = {row["index"]: (bytes(row["salt"]), bytes(row["body"])) for row in rows}
    async with connection.cursor() as cursor, cursor.copy(f"COPY custody ({COLUMNS}) FROM STDIN".encode()) as copy:
        for index, text in enumerate(entries, start):
            await copy.write_row(_row(index, text, payloads))
    edge.append([leaf_hash(text) for text in entries])


def _row(index: int, text: bytes, payloads: Mapping[int, tuple[bytes, bytes]]) -> tuple[object, ...]:
    try:
        entry, said = msgspec.json.decode(text, type=Entry), text.decode()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LogForked(f"entry {index} in the vault is no entry any more: {error}; compare with a witness") from error
    if entry.index != index:
        raise TileInvalid(f"the bundles have entry {entry.index} in the place of entry {index}")
    salt, body = payloads.get(index, (None, None))
    if salt is not None and body is not None and hashlib.sha256(salt + body).hexdigest() != entry.payload:
        raise LogForked(f"the payload of entry {index} in the vault has not the digest that its entry names")
    return (index, entry.event_id, entry.type, entry.clip_id, entry.camera, entry.verb, entry.person, entry.time,
            said, leaf_hash(text), body, salt, None, None, None, entry.conflicts_with)  # fmt: skip
