"""Seals the log: at a size, everything up to it goes into the vault under lock, the signed checkpoint last.

The size is decided in PostgreSQL first, with the offsets and the root as they stood, so whoever seals it after
a crash puts the same bytes. One seal is unfinished at a time. Appending goes on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from workers.custody.archive import Archive, SealedPayload, SealFacts
from workers.custody.checkpoint import Checkpoint, sign_checkpoint
from workers.custody.log import OUTLASTS
from workers.custody.note import Signer
from workers.custody.tiles import TILE_WIDTH, bundle, bundles_at, tiles_at
from workers.custody.tree import load_edge, read_tiles
from workers.database.engine import Database, Row, execute, fetch
from workers.failpoints import reach
from workers.fate.outbox import EVENT_COLUMNS, EVENT_PLACES, Event, event_row

PAYLOADS_AT_ONCE = 500
"""Entries whose payloads are in memory together, and the most in one object."""

TILES_AT_ONCE = 64

GROUPS = f"""
SELECT CASE WHEN NOT {OUTLASTS} THEN clip_id END AS about, array_agg(index ORDER BY index) AS indexes FROM custody
WHERE index >= %s AND index < %s AND payload IS NOT NULL AND ({OUTLASTS} OR NOT EXISTS
    (SELECT FROM disposals d WHERE d.clip_id = custody.clip_id))
GROUP BY about ORDER BY min(index)"""
"""Payloads by the clip that they go with. What outlasts its clip lies with those of no clip; where disposal has begun
to delete, nothing is put that it would have to delete again."""


class Seal(Struct, frozen=True):
    """A size at which the log is sealed."""

    size: int
    previous: int
    root: bytes
    facts: SealFacts


class Sealer:
    """Decides seals and carries them out.

    Args:
        origin: the log's name, first line of each checkpoint.
        signers: one key, or the old and the new one while they are rotated.
    """

    def __init__(self, database: Database, archive: Archive, origin: str, signers: Sequence[Signer]) -> None:
        self._database = database
        self._archive = archive
        self.origin = origin
        self._signers = signers

    async def unsealed(self) -> int:
        """How many entries wait for a seal."""
        row = await self._database.fetch_one(
            "SELECT size - COALESCE((SELECT max(size) FROM custody_seals), 0) AS waiting FROM custody_head"
        )
        return int(row["waiting"]) if row else 0

    async def decide(self) -> None:
        """Decide to seal the log as it stands; nothing happens while a seal is unfinished or nothing is new."""
        async with self._database.transaction() as connection:
            size = (await fetch(connection, "SELECT size FROM custody_head FOR UPDATE"))[0]["size"]
            last = await fetch(
                connection, "SELECT size, sealed_at IS NULL AS unfinished FROM custody_seals ORDER BY size DESC LIMIT 1"
            )
            previous = last[0]["size"] if last else 0
            if size == previous or (last and last[0]["unfinished"]):
                return
            rows = await fetch(
                connection, "SELECT topic, partition, next_offset FROM record_offsets ORDER BY topic, partition"
            )
            offsets = [(row["topic"], row["partition"], row["next_offset"]) for row in rows]
            root = (await load_edge(connection, size)).root()
            await execute(
                connection,
                "INSERT INTO custody_seals (size, previous, root, offsets) VALUES (%s, %s, %s, %s)",
                (size, previous, root, msgspec.json.encode(offsets).decode()),
            )

    async def unfinished(self) -> Seal | None:
        """The seal that was decided and not carried out."""
        row = await self._database.fetch_one(
            "SELECT size, previous, root, offsets FROM custody_seals WHERE sealed_at IS NULL"
        )
        if row is None:
            return None
        facts = SealFacts(row["size"], row["previous"], tuple((t, p, o) for t, p, o in row["offsets"]))
        return Seal(row["size"], row["previous"], bytes(row["root"]), facts)

    async def carry_out(self, seal: Seal) -> str:
        """Put everything that `seal` adds into the vault, the checkpoint last; returns the signed checkpoint.

        Raises:
            LogForked: the vault holds other bytes: another history was sealed.
            StoreAway, DatabaseAway: do it again, the same bytes come out.
        """
        await self._keep_entries(seal)
        reach("record.seal_after_bundles")
        await self._keep_tiles(seal)
        await asyncio.to_thread(self._archive.keep_facts, seal.facts)
        reach("record.seal_after_tiles")
        note = sign_checkpoint(Checkpoint(self.origin, seal.size, seal.root), self._signers)
        note = await asyncio.to_thread(self._archive.keep_checkpoint, seal.size, note)
        reach("record.seal_after_checkpoint")
        return note

    async def finish(self, seal: Seal, note: str, event: Event) -> None:
        """Note that a seal lies in the vault and tell of it, in one transaction."""
        async with self._database.transaction() as connection:
            await execute(
                connection,
                "UPDATE custody_seals SET checkpoint = %s, sealed_at = now() WHERE size = %s AND sealed_at IS NULL",
                (note, seal.size),
            )
            await execute(
                connection,
                f"INSERT INTO outbox ({EVENT_COLUMNS}) VALUES ({EVENT_PLACES}) ON CONFLICT DO NOTHING",
                event_row(event),
            )

    async def _keep_entries(self, seal: Seal) -> None:
        groups = await self._database.fetch(GROUPS, (seal.previous, seal.size))
        # A few clips at a time: the seal that follows a long outage must not fill the memory.
        for some in _batches(groups):
            wanted = [index for _, indexes in some for index in indexes]
            rows = await self._database.fetch(
                'SELECT index, salt, payload, topic, partition, "offset" FROM custody WHERE index = ANY(%s)', (wanted,)
            )
            payloads = {row["index"]: _payload(row) for row in rows}
            await asyncio.gather(
                *(
                    asyncio.to_thread(self._archive.keep_payloads, about, [payloads[index] for index in indexes])
                    for about, indexes in some
                )
            )
        for number, width in bundles_at(seal.size, seal.previous):
            rows = await self._database.fetch(
                "SELECT entry FROM custody WHERE index >= %s AND index < %s ORDER BY index",
                (number * TILE_WIDTH, number * TILE_WIDTH + width),
            )
            data = bundle(row["entry"].encode() for row in rows)
            await asyncio.to_thread(self._archive.keep_bundle, number, width, data)

    async def _keep_tiles(self, seal: Seal) -> None:
        wanted = list(tiles_at(seal.size, seal.previous))
        for start in range(0, len(wanted), TILES_AT_ONCE):
            some = wanted[start : start + TILES_AT_ONCE]
            async with self._database.connection() as connection:
                held = await read_tiles(connection, ((tile.level, tile.number) for tile in some))
            for tile in some:
                # The row may have grown since; what is sealed is its beginning.
                await asyncio.to_thread(self._archive.keep_tile, tile, held[tile.level, tile.number][: tile.size])


def _batches(groups: Sequence[Row]) -> Iterator[list[tuple[str | None, list[int]]]]:
    """The groups, long ones cut, some hundred entries together."""
    some: list[tuple[str | None, list[int]]] = []
    count = 0
    for group in groups:
        indexes = group["indexes"]
        for start in range(0, len(indexes), PAYLOADS_AT_ONCE):
            part = indexes[start : start + PAYLOADS_AT_ONCE]
            if some and count + len(part) > PAYLOADS_AT_ONCE:
                yield some
                some, count = [], 0
            some.append((group["about"], part))
            count += len(part)
    if some:
        yield some


def _payload(row: Row) -> SealedPayload:
    return SealedPayload(
        row["index"], bytes(row["salt"]), bytes(row["payload"]), row["topic"], row["partition"], row["offset"]
    )
