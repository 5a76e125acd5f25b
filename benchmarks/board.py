"""How long the board takes at a force's size: each figure, each page, a change until the browser has it, and memory.

    figures   each question to the database by itself
    pages     GET of the board and of its lists over HTTP, signed in, while docks move
    change    a dock writes its picture; how long until a browser that listens has the new part
    memory    of the process that serves, before and after all of this

`python -m benchmarks.board --clips 1600000` is the full size (some minutes to load); the default is small.
There is no Kafka: lag and dead letters are asked for and shown as away.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec

from benchmarks.retention import load as load_clips
from console.web import sessions
from console.web.app import Board
from console.web.csrf import Cookies
from console.web.pages.board_drawing import PARTS
from console.web.people import PEOPLE, People, Role
from console.web.visit import Parts
from local.postgres import Postgres
from streams.settings import load
from workers.database.engine import Database
from workers.database.schema import upgrade
from workers.dock.bay import RecordingState, State, sign_of
from workers.operations.board import counts as figures
from workers.operations.board import deadlines, docks, pipeline
from workers.operations.board.listing import page
from workers.operations.board.lists import LISTS
from workers.prosecution.links.server import LinksServer

PER_DOCK = 8
BEHIND = 9000
"""Clips that are not verified: a store outage of six hours at peak."""

BAR_PAGE, BAR_CHANGE = 0.1, 2.0
"""Seconds; p95."""

SPREAD = """
INSERT INTO declared SELECT camera, recording, md5(clip_id), 300000000, clip_id FROM clip_fate;

UPDATE clips SET secured_at = f.registered_at, verified_at = f.registered_at, recording = f.recording,
    reread_at = CASE WHEN f.registered_at < now() - interval '60 days' THEN now() - interval '30 days' END
FROM clip_fate f WHERE f.clip_id = clips.clip_id;

UPDATE clip_fate SET standing = CASE WHEN n %% 3 = 0 THEN 'secured' ELSE 'registered' END, camera_copy = 'present',
    registered_at = now() - n * interval '2 seconds', interrupted = n %% 50 = 0, disposal = NULL
FROM (SELECT clip_id, row_number() OVER () AS n FROM clip_fate LIMIT {behind}) w
WHERE w.clip_id = clip_fate.clip_id;

INSERT INTO cameras (camera, docking, dock, bay, docked_at)
SELECT 'BWC-' || n, 1, 'DOCK-' || lpad((n / 8 %% 62)::text, 3, '0'), 'BAY-0' || n %% 8 + 1,
    now() - n * interval '4 seconds'
FROM generate_series(1, 22000) n;

VACUUM (ANALYZE) clip_fate;

VACUUM (ANALYZE) clips;

VACUUM (ANALYZE) declared;

VACUUM (ANALYZE) cameras;
"""
"""What retention's rows lack: sizes, times in the store, what is behind, what was docked in which of 496 bays."""


def moving(number: int, step: int) -> RecordingState:
    """A recording of which more is out at each step."""
    name, done = f"r{number}", 1_000_000 * (step + number)
    return RecordingState(name, f"{name}.mp4", State.TRANSFERRING, 300_000_000, done, 3e6, 90.0)


def picture(number: int, step: int) -> docks.Dock:
    """A dock in which one bay moves, and looks different at each step."""
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


async def timed(name: str, ask: Callable[[], Awaitable[Any]], rounds: int, bar: float | None) -> None:
    """Ask so many times; print median and p95 against the bar."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        await ask()
        took.append(time.perf_counter() - began)
    print(said(name, took, bar), flush=True)


def said(name: str, took: list[float], bar: float | None) -> str:
    """One line of the result."""
    p95 = sorted(took)[max(0, round(0.95 * len(took)) - 1)]
    verdict = "" if bar is None else "   within" if p95 <= bar else "   OVER"
    return f"{name:34}{1000 * statistics.median(took):9.1f} ms{1000 * p95:10.1f} ms p95{verdict}"


async def each_figure(database: Database, rounds: int) -> None:
    """Each question by itself."""

    async def listed(name: str) -> None:
        told = await page(database, LISTS[name])
        if told.after is not None:
            await page(database, LISTS[name], told.after)

    await timed("waiting before each stage", lambda: pipeline.waiting(database), rounds, BAR_PAGE)
    await timed("pace", lambda: pipeline.pace(database), rounds, BAR_PAGE)
    await timed("counts", lambda: figures.counts(database), rounds, BAR_PAGE)
    await timed("deadlines", lambda: deadlines.deadlines(database), rounds, BAR_PAGE)
    await timed("docks from the record", lambda: docks.on_record(database, []), rounds, BAR_PAGE)
    await timed("missing recordings", lambda: docks.missing(database), rounds, BAR_PAGE)
    for name in LISTS:
        await timed(f"list {name}, two pages", partial(listed, name), rounds, 2 * BAR_PAGE)
    await timed("totals (in the background)", lambda: figures.totals(database, 90 * 86400.0), 3, None)


async def browser(database: Database, home: Path, bays: int, rounds: int) -> None:
    """Serve the board, and ask for it as browsers do."""
    folder = home / "dock-state"
    folder.mkdir(parents=True)
    for number in range(bays // PER_DOCK):
        write(folder, picture(number, 0))

    async def nothing(*_: object) -> Any:
        raise AssertionError("the board neither publishes nor reads footage")

    people = People(home / PEOPLE)
    parts = Parts(settings=load(home, kafka="127.0.0.1:1", namespace=database.schema), database=database, people=people,
                  cookies=Cookies(secure=False), publish=nothing, read=nothing)  # fmt: skip
    async with database.transaction() as connection:
        person = people.add("OPS-1", "Operations", [Role.OPERATOR])
        value = await sessions.begin(connection, person, datetime.now(UTC))
    server = LinksServer(Board(parts).armoured(), "127.0.0.1", 0)
    await server.start()
    base, cookie = f"http://127.0.0.1:{server.port}", {parts.cookies.session: value}
    try:
        async with httpx.AsyncClient(base_url=base, cookies=cookie, trust_env=False, timeout=60) as client:
            await client.get("/board")
            await parts.board.watch(parts.settings, database).totals.settled()
            before = resident()
            for path in ("/board", "/board/bays", "/board/transferring", "/board/lists/soon",
                         "/board/lists/uncategorised", "/board/lists/unverified", "/api/board"):  # fmt: skip
                await pages(client, path, folder, rounds)
            await changes(client, folder, rounds)
            print(f"memory {before / 1e6:.0f} MB before, {resident() / 1e6:.0f} MB after")
    finally:
        await server.stop()
        await parts.board.stop()


async def pages(client: httpx.AsyncClient, path: str, folder: Path, rounds: int) -> None:
    """One page again and again, each time a moment later than figures serve."""
    took, size = [], 0
    for number in range(rounds):
        write(folder, picture(number % 5, number))
        if number % 3 == 0:
            await asyncio.sleep(1.0)  # so that a third of them ask for the figures anew
        began = time.perf_counter()
        answer = await client.get(path)
        took.append(time.perf_counter() - began)
        assert answer.status_code == 200, answer.text
        size = len(answer.content)
    print(f"{said(f'GET {path}', took, BAR_PAGE)}   {size / 1000:.0f} kB", flush=True)


async def changes(client: httpx.AsyncClient, folder: Path, rounds: int) -> None:
    """Write a dock's picture, wait for the part that shows it."""
    took = []
    async with client.stream("GET", "/board/stream") as stream:
        lines = stream.aiter_lines()
        for _ in PARTS:
            while not (await anext(lines)).startswith("data: "):
                pass
        for number in range(rounds):
            mark = f"MARK-{number:05}"
            dock = picture(3, number)
            first = msgspec.structs.replace(dock.bays[0], camera=mark)
            write(folder, msgspec.structs.replace(dock, bays=(first, *dock.bays[1:])))
            began = time.perf_counter()
            while mark not in await anext(lines):
                pass
            took.append(time.perf_counter() - began)
    print(said("change until the browser has it", took, BAR_CHANGE), flush=True)


def resident() -> int:
    """Bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def measure(dsn: str, home: Path, clips: int, bays: int, rounds: int) -> None:
    """Load and ask."""
    upgrade(dsn, "bench")
    async with Database(dsn, "bench", size=4, wait=600) as database:
        began = time.perf_counter()
        await load_clips(database, clips)
        for statement in SPREAD.format(behind=BEHIND).strip().split("\n\n"):
            await database.execute(statement.rstrip(";"))
        print(f"{clips:,} clips and {bays} bays loaded in {time.perf_counter() - began:.0f} s", flush=True)
        await each_figure(database, rounds)
        await browser(database, home, bays, rounds)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.board", description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=60_000, help="how many (60,000)")
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
