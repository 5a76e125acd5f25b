"""How long a month's figures take in a log of a year: counting, each query, what is withheld, the page, and memory.

    count     entries of the custody log become what figures read; what `bwv stats` does once for each entry
    figures   each query of one month, at the checkpoint of the whole year and at one in its middle
    withheld  12 BCUs, 32 boroughs, every figure: small numbers and those that protect them
    served    the published folder by a plain static server over loopback

`python -m benchmarks.statistics --clips 1600000 --encounters 220000` is the full size (some minutes to load).
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import socket
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.statistics_year import LOAD, LOG
from local.postgres import Postgres
from workers.custody.queries import SealedHead
from workers.database.engine import Database, fetch
from workers.database.schema import upgrade
from workers.statistics.areas import Areas
from workers.statistics.asking import Answers, ask, statement
from workers.statistics.counting import count
from workers.statistics.figures import FIGURES
from workers.statistics.months import month
from workers.statistics.publishing import publish
from workers.statistics.stated import Stated, publishable

BAR = 10.0
"""Seconds for all figures of a month."""

ENTRIES = 10
"""Entries of the custody log that a clip makes, on average."""

BOROUGHS, BCUS, DOCKS = 32, 12, 62
MONTH = month("2026-10")


def peak() -> float:
    """Megabytes that this process had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def counting(database: Database, entries: int) -> None:
    """Count a log, and leave nothing of it."""
    await database.execute(LOG.replace("{entries}", str(entries)))
    await database.execute("UPDATE custody_head SET size = %s", (entries,))
    began = time.perf_counter()
    assert await count(database, entries) == entries
    took = time.perf_counter() - began
    print(f"count     {entries:,} entries in {took:.1f} s: {entries / took:,.0f}/s", flush=True)
    tables = ("recordings", "deeds", "submissions", "items", "outcomes", "encounters", "gaps")
    await database.execute(f"TRUNCATE {', '.join(f'counted_{table}' for table in tables)}")
    await database.execute("TRUNCATE custody")


async def load(database: Database, clips: int, encounters: int) -> None:
    """What a year's log is counted into."""
    began = time.perf_counter()
    values = {"clips": clips, "encounters": encounters, "entries": ENTRIES, "docks": DOCKS, "boroughs": BOROUGHS,
              "bcus": BCUS}  # fmt: skip
    text = LOAD
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    for part in text.strip().split("\n\n"):
        await database.execute(part.rstrip(";"))
    print(f"{clips:,} clips and {encounters:,} encounters loaded in {time.perf_counter() - began:.0f} s", flush=True)


def areas() -> Areas:
    """Docks of every borough."""
    rows = [(n, n % BOROUGHS) for n in range(DOCKS)]
    return Areas("", tuple((f"DOCK-{n:02}", f"BCU-{borough % BCUS}", f"Borough {borough}") for n, borough in rows))


async def scanned(database: Database, size: int, where: Areas) -> None:
    """Which tables a month's question of every borough reads from end to end; the custody log must be none of them."""
    read: set[str] = set()
    async with database.connection() as connection:
        await ask(connection, [], MONTH, size, where)  # makes the table of areas
        for figure in FIGURES:
            plan = await fetch(connection, f"EXPLAIN {statement(figure, MONTH, size)}")
            lines = [str(row["QUERY PLAN"]) for row in plan]
            read |= {line.partition("Seq Scan on ")[2].split()[0] for line in lines if "Seq Scan on " in line}
    print(f"scanned   from end to end: {', '.join(sorted(read)) or 'nothing'}", flush=True)
    if "custody" in read:
        raise SystemExit("a month's question reads the whole custody log")


async def figures(database: Database, size: int, where: Areas) -> Answers:
    """Each figure by itself; one after the other, as a statement asks them."""
    found: Answers = {}
    every = 0.0
    for figure in FIGURES:
        async with database.connection() as connection:
            began = time.perf_counter()
            found |= await ask(connection, [figure], MONTH, size, where)
            took = time.perf_counter() - began
        every += took
        rows = sum(row.number for row in found[figure.name])
        print(f"figure    {figure.name:16}{1000 * took:8.0f} ms   {len(found[figure.name]):5} rows, {rows:,} counted")
    print(f"figures   at {size:,} entries: {every:.1f} s, {'within' if every <= BAR else 'OVER'} {BAR:g} s", flush=True)
    return found


def stated(found: Answers, size: int, where: Areas) -> Stated:
    """What is withheld of it."""
    head = SealedHead(size, bytes(32), f"bench\n{size}\n\n", datetime.now(UTC))
    began = time.perf_counter()
    made = publishable(found, head, MONTH, where)
    lines = [line for table in made.tables for place in table.places for line in place.lines]
    hidden = sum(line.number is None for line in lines)
    print(f"withheld  {hidden} of {len(lines)} numbers, chosen in {time.perf_counter() - began:.1f} s", flush=True)
    return made


def served(folder: Path, requests: int) -> None:
    """GET the page again and again from Python's own static server, each on a connection of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        (sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        took = asyncio.run(_asked(port, requests))
    finally:
        server.terminate()
        server.wait()
    size = (folder / "index.html").stat().st_size
    print(f"served    {requests / took:,.0f} requests/s of {size / 1000:.0f} kB by python -m http.server")


async def _asked(port: int, requests: int) -> float:
    """Seconds for so many requests, eight at once, once the server answers."""
    end = time.monotonic() + 20
    while True:
        try:
            await get(port)
            break
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.05)

    async def some() -> None:
        for _ in range(requests // 8):
            assert b"200 OK" in (await get(port))[:20]

    began = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(8)))
    return time.perf_counter() - began


async def get(port: int) -> bytes:
    """One request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /index.html HTTP/1.0\r\n\r\n")
    data = await reader.read(-1)
    writer.close()
    return data


async def measure(dsn: str, folder: Path, asked: argparse.Namespace) -> None:
    """Load and ask."""
    upgrade(dsn, "bench")
    where, size = areas(), ENTRIES * asked.clips
    async with Database(dsn, "bench", size=2, wait=600) as database:
        await counting(database, asked.entries)
        await load(database, asked.clips, asked.encounters)
        before = peak()
        await scanned(database, size, where)
        await figures(database, size * 10 // 12, where)
        found = await figures(database, size, where)
    publish(stated(found, size, where), where, folder / "published")
    print(f"memory    {before:.0f} MB before, {peak():.0f} MB at most")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.statistics", description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=160_000, help="of the year (160,000)")
    parser.add_argument("--encounters", type=int, default=22_000, help="of the year (22,000)")
    parser.add_argument("--entries", type=int, default=100_000, help="of a log that is counted (100,000)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bwv-bench-") as name:
        postgres = Postgres(Path(name) / "postgres", Path(name) / "credentials")
        postgres.start()
        try:
            asyncio.run(measure(postgres.dsn, Path(name), asked))
        finally:
            postgres.stop()
        served(Path(name) / "published", 2000)


if __name__ == "__main__":
    main()
