"""The custody log: entries a second, milliseconds a proof, and whether a long log costs more than an empty one.

    make bench         an empty log
    make bench-large   30 million entries are loaded in bulk, then 100,000 appended; beside an empty log

The messages are those of ingest: seven a clip, with a signed report in each, in batches as the record reads
them. Loaded entries have everything that an append meets (rows, indexes, tiles) and short texts.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from local.postgres import Postgres
from streams.topics import BY_NAME
from workers.custody.entry import Recorded
from workers.custody.log import append, read_head
from workers.custody.merkle import check_inclusion, inclusion_path
from workers.custody.tiles import Edge
from workers.custody.tree import answer, write_tiles
from workers.database.engine import Database
from workers.database.schema import upgrade
from workers.footage.canonical import canonical
from workers.footage.clip import clip_id
from workers.footage.recording import Kind, Recording, Report, SourceType

BATCH = 500
"""As the record takes them."""
SLICE = 250_000
PROOFS = 200
STARTED = "2026-11-22T08:00:00.000Z"
KINDS = ("uploads.reported", "clips.registered", "clips.secured", "clips.verified", "clips.released", "clips.wiped",
         "clips.probed")  # fmt: skip


def messages(start: int, count: int) -> list[Recorded]:
    """The messages of some clips, one after the other."""
    made = []
    for number in range(start, start + count):
        clip, kind = number // len(KINDS), KINDS[number % len(KINDS)]
        camera, name = f"BWC-{clip % 5000:05}", f"20261122-{clip:08}"
        sha256 = hashlib.sha256(name.encode()).hexdigest()
        identity = clip_id("bench", camera, name, 200_000_000, sha256)
        report = {"body": _report(camera, name, sha256), "key": "dock:DOCK-01:0123456789abcdef", "signature": "s" * 88}
        content = {"clip_id": identity, "camera": camera, "recording": name, "attempt": 1, "report": report,
                   "version_id": "v1", "key": "k", "size": 200_000_000, "sha256": sha256}  # fmt: skip
        body = msgspec.json.encode(content)
        event = f"evt-{hashlib.sha256(f'{number}'.encode()).hexdigest()[:32]}"
        made.append(
            Recorded(kind, 0, number, event, kind, STARTED, "bench", identity, BY_NAME[kind].verb, body, content)
        )
    return made


def _report(camera: str, name: str, sha256: str) -> str:
    recording = Recording(
        camera, name, SourceType.BODY_WORN, Kind.FOOTAGE, 1, 200_000_000, sha256, 200_000_000, sha256, "video/mp4",
        STARTED, STARTED, "button", "PC-4711", 0.1, None, "INC-1", False, False, 300, sha256,
    )  # fmt: skip
    return canonical(Report("DOCK-01", "BAY-01", 7, STARTED, sha256, "http://127.0.0.1/x", recording)).decode()


async def grow(database: Database, first: int, count: int) -> float:
    """Append messages; entries a second, the making of the messages excluded."""
    head = await read_head(database)
    spent = 0.0
    for start in range(first, first + count, BATCH):
        batch = messages(start, min(BATCH, first + count - start))
        began = time.perf_counter()
        head = await append(database, head, batch)
        spent += time.perf_counter() - began
    return count / spent


async def proofs(database: Database, size: int) -> list[float]:
    """Milliseconds of some inclusion proofs, from the question to the path; each is checked afterwards."""
    head = await read_head(database)
    root, spent = head.root, []
    for index in random.Random(7).sample(range(size), PROOFS):
        began = time.perf_counter()
        path = await answer(database, lambda hashes, i=index: inclusion_path(i, size, hashes))
        spent.append(1000 * (time.perf_counter() - began))
        row = await database.fetch_one("SELECT leaf FROM custody WHERE index = %s", (index,))
        assert row is not None
        check_inclusion(index, size, bytes(row["leaf"]), path, root)
    return spent


async def load(database: Database, count: int) -> None:
    """Put entries into an empty log without the record: rows, indexes and tiles as an append leaves them."""
    edge = Edge(0, {})
    began = time.monotonic()
    # Indexes are made after the rows, as a restore does.
    indexes = await database.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema AND tablename = 'custody'"
        " AND indexname <> 'custody_pkey'"
    )
    for index in indexes:
        await database.execute(f"DROP INDEX {index['indexname']}")
    for start in range(0, count, SLICE):
        some = range(start, min(count, start + SLICE))
        leaves = [hashlib.sha256(b"%d" % number).digest() for number in some]
        async with database.transaction() as connection:
            async with (
                connection.cursor() as cursor,
                cursor.copy(
                    b"COPY custody (index, event_id, type, clip_id, camera, verb, time, entry, leaf, payload, salt,"
                    b' topic, partition, "offset") FROM STDIN'
                ) as copy,
            ):
                for row in _rows(some, leaves):
                    await copy.write_row(row)
            await write_tiles(connection, edge.append(leaves))
            await connection.execute("UPDATE custody_head SET size = %s", (edge.size,))
        print(f"  {edge.size:,} of {count:,} loaded, {edge.size / (time.monotonic() - began):,.0f}/s", flush=True)
    for index in indexes:
        await database.execute(str(index["indexdef"]))
    await database.execute("ANALYZE custody")
    await database.execute("CHECKPOINT")
    print(f"  loaded and indexed in {time.monotonic() - began:.0f} s", flush=True)


def _rows(numbers: range, leaves: list[bytes]) -> Iterator[tuple[object, ...]]:
    for number, leaf in zip(numbers, leaves, strict=True):
        digest = leaf.hex()
        clip = f"clip-{hashlib.md5(b'%d' % (number // len(KINDS)), usedforsecurity=False).hexdigest()}"
        yield (number, f"evt-{digest[:32]}", "clips.verified", clip, f"BWC-{number % 5000:05}", "collection", STARTED,
               "{}", leaf, b"{}", leaf[:16], "loaded", 0, number)  # fmt: skip


def main() -> None:
    """Measure, print; PostgreSQL is started for this alone."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--appended", type=int, default=20_000)
    asked.add_argument("--loaded", type=int, default=0)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="bwv-bench-", dir=os.environ.get("BWV_BENCH_DIR")) as folder:
        server = Postgres(Path(folder) / "postgres", Path(folder) / "credentials")
        server.start()
        try:
            asyncio.run(_measure(server.dsn, given.appended, given.loaded))
        finally:
            server.stop()


async def _measure(dsn: str, appended: int, loaded: int) -> None:
    print(f"custody log, {appended:,} entries appended in batches of {BATCH}")
    empty = await _one(dsn, "empty", appended, 0)
    if loaded:
        print(f"the same after {loaded:,} entries")
        long = await _one(dsn, "long", appended, loaded)
        again = await _one(dsn, "empty_again", appended, 0)
        print(f"an entry of the long log costs {(empty + again) / 2 / long:.2f} × one of an empty log")


async def _one(dsn: str, schema: str, appended: int, loaded: int) -> float:
    await asyncio.to_thread(upgrade, dsn, schema)
    async with Database(dsn, schema, size=2) as database:
        if loaded:
            await load(database, loaded)
        rate = await grow(database, loaded, appended)
        spent = await proofs(database, loaded + appended)
    print(
        f"  {schema:12} {rate:8,.0f} entries/s   proof of one among {loaded + appended:,}: "
        f"median {statistics.median(spent):.1f} ms, slowest {max(spent):.1f} ms",
        flush=True,
    )
    return rate


if __name__ == "__main__":
    main()
