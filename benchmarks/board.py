"""How long the board takes at a force's size: each question, each page, a change until the browser has it, and memory.

    questions   each question to the database by itself; the board asks them in the background
    pages       GET of every kind of page over HTTP, signed in, while docks move and figures are asked
    change      a dock writes its picture; how long until a browser that listens has the new part
    memory      of the process that serves, before and after all of this

`python -m benchmarks.board --clips 60000` is a quick look; the default is the full size, of which loading is the most.
There is no Kafka: lag and dead letters are asked for and shown as away.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec

from benchmarks.board_rows import fill
from benchmarks.board_server import PERSON
from local.postgres import Postgres
from workers.database.engine import Database
from workers.database.schema import upgrade
from workers.dock.bay import RecordingState, State, sign_of
from workers.operations.board import counts as figures
from workers.operations.board import deadlines, docks, pipeline
from workers.operations.board.listing import page
from workers.operations.board.lists import LISTS
from workers.operations.board.reconciling import reconciled

PER_DOCK = 8
BAR_PAGE, BAR_CHANGE = 0.1, 2.0
"""Seconds; p95."""

SCRUB_CYCLE = 90 * 86400.0


def moving(number: int, step: int) -> RecordingState:
    """A recording of which more is out at each step."""
    name, done = f"r{number}", 1_000_000 * (step + number)
    return RecordingState(name, f"{name}.mp4", State.TRANSFERRING, 300_000_000, done, 3e6, 90.0)


def picture(number: int, step: int) -> docks.Dock:
    """A dock in which half of the bays move, and look different at each step."""
    bays = []
    for place in range(PER_DOCK):
        camera = f"BWC-{number * PER_DOCK + place:05}"
        states = [moving(n, step) for n in range(5)] if place < 4 else []
        sign = sign_of(states)
        items = tuple(docks.Item(s.recording, s.state, s.total, s.bytes, s.rate, s.eta) for s in states)
        bays.append(docks.Bay(f"BAY-{place + 1:02}", camera, sign.code, sign.text, sign.remaining, sign.rate, sign.eta,
                              items))  # fmt: skip
    return docks.Dock(f"DOCK-{number:03}", tuple(bays))


def write(folder: Path, dock: docks.Dock) -> None:
    """As a dock's program does."""
    draft = folder.parent / f"{dock.dock}.draft"
    draft.write_bytes(msgspec.json.encode(dock))
    os.replace(draft, folder / f"{dock.dock}.json")


async def timed(name: str, ask: Callable[[], Awaitable[Any]], rounds: int) -> None:
    """Ask so many times; print median and p95."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        await ask()
        took.append(time.perf_counter() - began)
    print(said(name, took, None), flush=True)


def said(name: str, took: list[float], bar: float | None) -> str:
    """One line of the result."""
    p95 = sorted(took)[max(0, round(0.95 * len(took)) - 1)]
    verdict = "" if bar is None else "   within" if p95 <= bar else "   OVER"
    return f"{name:44}{1000 * statistics.median(took):9.1f} ms{1000 * p95:10.1f} ms p95{verdict}"


async def questions(database: Database, rounds: int) -> None:
    """Each question by itself."""

    async def listed(name: str) -> None:
        told = await page(database, LISTS[name])
        if told.after is not None:
            await page(database, LISTS[name], told.after)

    await timed("waiting before each stage", lambda: pipeline.waiting(database), rounds)
    await timed("pace", lambda: pipeline.pace(database), rounds)
    await timed("counts", lambda: figures.counts(database), rounds)
    await timed("deadlines", lambda: deadlines.deadlines(database), rounds)
    await timed("reconciled", lambda: reconciled(database), rounds)
    await timed("docks from the record", lambda: docks.on_record(database, []), rounds)
    await timed("missing recordings", lambda: docks.missing(database), rounds)
    await timed("uncategorised", lambda: figures.uncategorised(database), rounds)
    await timed("totals", lambda: figures.totals(database, SCRUB_CYCLE), 3)
    for name in LISTS:
        await timed(f"list {name}, two pages", partial(listed, name), rounds)


@contextmanager
def served(home: Path, dsn: str, schema: str) -> Iterator[tuple[httpx.AsyncClient, int]]:
    """The board in a process of its own: a client that is signed in, and the process's id."""
    argv = [sys.executable, "-m", "benchmarks.board_server", str(home), dsn, schema]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdin is not None
        port, cookie, value = server.stdout.readline().split()
        base = f"http://127.0.0.1:{port}"
        yield httpx.AsyncClient(base_url=base, cookies={cookie: value}, trust_env=False, timeout=60), server.pid
        server.stdin.close()


async def browser(database: Database, home: Path, bays: int, rounds: int) -> None:
    """Ask for the pages as browsers do."""
    folder = home / "dock-state"
    folder.mkdir(parents=True)
    for number in range(bays // PER_DOCK):
        write(folder, picture(number, 0))
    asked = await addresses(database)
    with served(home, database.dsn, database.schema) as (client, pid):
        async with client:
            await pages(client, "/board", folder, 5)  # warm
            before = resident(pid)
            for path in asked:
                print(await pages(client, path, folder, rounds), flush=True)
            print(await changes(client, folder, rounds), flush=True)
            print(f"memory {before / 1e6:.0f} MB before, {resident(pid) / 1e6:.0f} MB after")


async def addresses(database: Database) -> list[str]:
    """What is asked: of each kind of page one, and of those with a choice the dearest."""
    row = await database.fetch_one(
        "SELECT c.clip_id, c.camera, c.incident, e.case_id, b.submission_id FROM exhibits e"
        " JOIN clips c USING (clip_id) JOIN submissions b USING (case_id) WHERE c.incident IS NOT NULL"
        " ORDER BY c.recorded_at DESC LIMIT 1"
    )
    assert row is not None, "the rows have no exhibit"
    since, until = (f"{date.today() - timedelta(days=days)}" for days in (21, 2))
    return [
        "/board", "/board/bays", "/board/bays?dock=DOCK-003", "/board/transferring", "/board/letters",
        "/board/deadlines", "/board/stages/transfer", "/alarms", *(f"/board/lists/{name}" for name in LISTS),
        "/cases", "/cases?closed=1", f"/cases/{row['case_id']}", "/submissions", "/submissions?state=rejected",
        f"/submissions/{row['submission_id']}", "/mine", f"/search?officer={PERSON}", f"/search?camera={row['camera']}",
        f"/search?incident={row['incident']}", "/search?category=complaint", "/search?category=uncategorised",
        f"/search?from={since}&to={until}", f"/search?officer={PERSON}&category=uncategorised&from={since}",
        f"/clips/{row['clip_id']}", "/api/v1/board", "/api/v1/lag", "/api/v1/lists/soon",
        f"/api/v1/clips/{row['clip_id']}", "/api/v1/openapi.json",
    ]  # fmt: skip


async def pages(client: httpx.AsyncClient, path: str, folder: Path, rounds: int) -> str:
    """One page again and again, while docks move; a third of the times after all figures were asked anew."""
    took, size = [], 0
    for number in range(rounds):
        write(folder, picture(number % 5, number))
        if number % 3 == 0:
            await asyncio.sleep(1.0)
        began = time.perf_counter()
        answer = await client.get(path)
        took.append(time.perf_counter() - began)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:300]}"
        size = len(answer.content)
    return f"{said(f'GET {path[:40]}', took, BAR_PAGE)}   {size / 1000:.0f} kB"


async def changes(client: httpx.AsyncClient, folder: Path, rounds: int) -> str:
    """Write a dock's picture, wait for the part that shows it."""
    took = []
    async with client.stream("GET", "/board/stream") as stream:
        lines = stream.aiter_lines()
        for number in range(rounds):
            mark = f"MARK-{number:05}"
            dock = picture(3, number)
            first = msgspec.structs.replace(dock.bays[0], camera=mark)
            began = time.perf_counter()
            write(folder, msgspec.structs.replace(dock, bays=(first, *dock.bays[1:])))
            while mark not in await anext(lines):
                pass
            took.append(time.perf_counter() - began)
    return said("change until the browser has it", took, BAR_CHANGE)


def resident(pid: int) -> int:
    """Bytes of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


async def measure(dsn: str, home: Path, clips: int, bays: int, rounds: int) -> None:
    """Load and ask."""
    upgrade(dsn, "bench")
    async with Database(dsn, "bench", size=4, wait=600) as database:
        began = time.perf_counter()
        await fill(database, clips)
        print(f"the board over {clips:,} clips and {bays} bays, loaded in {time.perf_counter() - began:.0f} s")
        await questions(database, rounds)
        await browser(database, home, bays, rounds)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.board", description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=1_600_000, help="how many (1,600,000)")
    parser.add_argument("--bays", type=int, default=500, help="how many (500)")
    parser.add_argument("--rounds", type=int, default=20, help="of each question (20)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bwv-bench-") as name:
        postgres = Postgres(Path(name) / "postgres", Path(name) / "credentials")
        postgres.start()
        try:
            asyncio.run(measure(postgres.dsn, Path(name) / "home", asked.clips, asked.bays, asked.rounds))
        finally:
            postgres.stop()


if __name__ == "__main__":
    main()
