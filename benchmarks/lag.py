"""How long a look at the lag takes at a force's size: the rows, a whole round with its verdicts, and the command.

    rows      clips and bytes before each stage, the outbox, what is on record, who holds which lock
    a round   all of that, every group's offsets and members, the age of what waits, signs of work, verdicts
    bwv lag   as a person gives it, with the start of its process

`python -m benchmarks.lag --clips 1600000 --behind 9000 60000` is the full size; the default is small. Behind are the
clips of a store outage of six hours at peak, and of two days.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.board import said
from benchmarks.retention import report
from local.kafka import Kafka
from local.postgres import Postgres
from streams import messages as m
from streams.engine.admin import apply
from streams.engine.publishing import Publisher, type_of
from streams.lag_stages import BY_LOCK
from streams.lagging import Watching
from streams.settings import Settings, load
from streams.topics import full_name
from workers.database.engine import Database
from workers.database.schema import upgrade
from workers.keys.signing import Signed
from workers.operations.lag.rows import read_rows

BAR = 1.0
"""Seconds; p95."""
SLICE = 100_000
TOPIC = "clips.registered"

FATES = """
INSERT INTO clip_fate (clip_id, camera, recording, standing, docking, report, declared_size)
SELECT 'clip-' || md5(n::text), 'BWC-' || n %% 22000, 'r-' || n, 'released', 1, %(report)s::jsonb, 300000000
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
"""
DECLARED = """
INSERT INTO declared (camera, recording, sha256, size, clip_id)
SELECT camera, recording, md5(clip_id), 300000000, clip_id FROM clip_fate
"""
LATE = """
UPDATE clip_fate SET standing = CASE WHEN n %% 3 = 0 THEN 'secured' ELSE 'registered' END
FROM (SELECT clip_id, row_number() OVER () AS n FROM clip_fate TABLESAMPLE SYSTEM (20) LIMIT %(behind)s) w
WHERE w.clip_id = clip_fate.clip_id
"""


async def fill(database: Database, clips: int) -> None:
    """Rows of so many clips, all of them safe."""
    signed = report()
    for first in range(1, clips + 1, SLICE):
        given = {"first": first, "last": min(first + SLICE - 1, clips), "report": signed}
        await database.execute(FATES, given)
    await database.execute(DECLARED)


async def behind(settings: Settings, database: Database, clips: int) -> None:
    """So many clips are not verified, and a message waits for each."""
    await database.execute("UPDATE clip_fate SET standing = 'released' WHERE standing <> 'released'")
    await database.execute(LATE, {"behind": clips})
    for table in ("clip_fate", "declared"):
        await database.execute(f"VACUUM (ANALYZE) {table}")
    publisher = Publisher(settings.kafka, settings.namespace, "benchmark")
    headers = [("ce_id", b"evt-benchmark"), ("ce_type", type_of(TOPIC).encode())]
    topic, told = full_name(settings.namespace, TOPIC), Signed("{}", "dock:B", "none")
    try:
        for first in range(0, clips, 2000):
            some = {
                name: m.encode(m.ClipRegistered(name, 1, told))
                for name in (f"clip-{number}" for number in range(first, min(first + 2000, clips)))
            }
            await asyncio.gather(
                *(publisher.send(topic, key=key.encode(), headers=headers, value=body) for key, body in some.items())
            )
    finally:
        await publisher.stop()


async def looks(settings: Settings, database: Database, rounds: int) -> None:
    """The rows by themselves, and whole rounds."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        await read_rows(database, BY_LOCK)
        took.append(time.perf_counter() - began)
    print(said("rows", took, BAR), flush=True)
    began = time.perf_counter()
    async with Watching(settings, database) as watching:
        lags = await watching.now()
        print(said("first look, with connecting", [time.perf_counter() - began], BAR))
        took = []
        for _ in range(rounds):
            began = time.perf_counter()
            lags = await watching.now()
            took.append(time.perf_counter() - began)
    print(said("a round", took, BAR))
    transfer = next(lag for lag in lags if lag.stage == "transfer")
    print(f"  transfer: {transfer.messages:,} messages, {transfer.clips:,} clips, {transfer.bytes:,} bytes wait")


async def command(settings: Settings) -> None:
    """The command, once: others have looked lately, so it takes one look."""
    names = ("kafka", "database", "partitions", "replication")
    environment = {f"BWV_{name.upper()}": str(getattr(settings, name)) for name in names}
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "console.cli.main", "--home", str(settings.home), "lag", "--json"),
        env=os.environ | environment, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    code = await process.wait()
    print(f"{'bwv lag, its start included':34}{1000 * (time.perf_counter() - began):9.1f} ms, exit {code}")


async def measured(settings: Settings, clips: int, late: list[int], rounds: int) -> None:
    """Fill, and look."""
    await apply(settings)
    async with Database(settings.database, settings.namespace, size=4) as database:
        await fill(database, clips)
        for number in late:
            await behind(settings, database, number)
            print(f"{clips:,} clips, {number:,} of them behind")
            await looks(settings, database, rounds)
            await command(settings)


def main() -> None:
    """Measure with servers of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=20_000)
    parser.add_argument("--behind", type=int, nargs="+", default=[1000])
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bwv-lag-") as folder:
        home = Path(folder)
        database, broker = Postgres(home / "postgres", home / "credentials"), Kafka(home / "kafka")
        try:
            database.start()
            broker.start()
            upgrade(database.dsn, "bwv")
            settings = load(home, database=database.dsn, kafka=broker.bootstrap, partitions="12", replication="1")
            asyncio.run(measured(settings, given.clips, given.behind, given.rounds))
        finally:
            broker.stop()
            database.stop()


if __name__ == "__main__":
    main()
