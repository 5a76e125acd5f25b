"""How long the join of a force's year takes: 1.6 million clips against 220,000 encounters, and what one clip costs.

    join       everything anew, span by span (`bwv rebuild`, a first start over a past): at most 2 minutes
    gaps       the question of a supervisor: what of a borough's month is open
    look       what a new clip costs: its officer's days are joined again
    places     what a slice of reading tracks asks of the database: which clips next, and nobody's clips around a stop

`python -m benchmarks.encounters --clips 160000 --encounters 22000` is a tenth of it; the default is the whole year.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.postgres import Postgres
from streams.encounter_places import READ_AT_ONCE, SEARCHED_AT_ONCE
from workers.database.engine import Database
from workers.database.schema import upgrade
from workers.encounters.batch import TOGETHER, join_all
from workers.encounters.day import Rules
from workers.encounters.joining import Tally, join_span
from workers.encounters.queries import list_gaps
from workers.encounters.readings import unread
from workers.encounters.unclaimed import search

BAR = 120.0
"""Seconds for the join."""

FLAT = 48.0
"""MB that the process may grow between the first tenth of the join and its end."""

SINCE = datetime(2025, 11, 1, tzinfo=UTC)
DAYS = 365

CLIPS = """
INSERT INTO clips (clip_id, camera, recording, source_type, kind, docked_at, recorded_at, ended_at, clock_offset,
    trigger, registered_at, incident, probe)
SELECT 'clip-' || translate(md5(n::text), '0123456789abcdef', '246acegikmoqsuwy'), 'BWC-' || n %% {cameras}, n::text,
    CASE WHEN n %% 40 = 0 THEN 'taser' ELSE 'body_worn' END, 'footage', at + interval '6 hours', at,
    at + (3 + n %% 20) * interval '1 minute', n %% 7 - 3, CASE WHEN n %% 40 = 0 THEN 'safety_off' ELSE 'button' END,
    at + interval '6 hours', CASE WHEN n %% 3 = 0 THEN 'CAD-' || n / 3 END,
    CASE WHEN n %% 25 = 0 THEN '{{"readable": true, "audio": null}}'::jsonb END
FROM generate_series(1, {clips}) n, LATERAL (SELECT %(since)s + n * (%(year)s / {clips}) AS at) a
"""

HOLDERS = """
INSERT INTO camera_holders (event_id, camera, officer, time, person)
SELECT 'evt-' || camera || '-' || day, 'BWC-' || camera, 'PC-' || (camera * 7 + day * 13) %% {officers},
    %(since)s + day * interval '1 day', 'ADMIN'
FROM generate_series(0, {cameras} - 1) camera, generate_series(0, %(days)s) day
"""

FATES = """
INSERT INTO clip_fate (clip_id, camera, recording, standing, docking, report, verified_version, facts)
SELECT clip_id, camera, recording, 'released', 1, '{}', 'v1',
    CASE WHEN hashtext(clip_id) %% 10 = 0 THEN '[{"type": "category", "category": "stop-and-search"}]'::jsonb
    ELSE '[]' END
FROM clips
"""

RECORDS = """
INSERT INTO encounters (encounter_id, version, reference, kind, at, until, place, lat, lon, incident, borough, bcu,
    signed, signed_by, signed_at)
SELECT 'encounter-' || translate(md5(n::text), '0123456789abcdef', '246acegikmoqsuwy'), 1, 'SS-' || n, 'stop_search',
    c.recorded_at + (n %% 9 - 2) * interval '20 seconds', c.recorded_at + (5 + n %% 12) * interval '1 minute',
    'High Street',
    51.3 + n %% 400 / 1000.0, -0.5 + n %% 800 / 1000.0,
    c.incident, 'Borough ' || n %% 32, 'BCU-' || n %% 12, '{{}}', 'ADMIN', c.recorded_at
FROM generate_series(1, {encounters}) n
JOIN clips c ON c.clip_id = 'clip-' || translate(md5((n * 7)::text), '0123456789abcdef', '246acegikmoqsuwy')
"""

PRESENT = """
INSERT INTO encounter_officers
SELECT encounter_id, officer, CASE WHEN first THEN 'lead' ELSE 'present' END, at FROM (
    SELECT e.encounter_id, o.officer, true AS first, e.at FROM encounters e
    JOIN clips c ON c.clip_id = 'clip-' || translate(md5((substr(e.reference, 4)::int * 7)::text),
        '0123456789abcdef', '246acegikmoqsuwy')
    JOIN clip_officers o USING (clip_id) WHERE o.officer IS NOT NULL
    UNION ALL
    SELECT encounter_id, 'PC-' || hashtext(reference) %% 1000 + 1000, false, at FROM encounters
    WHERE substr(reference, 4)::int %% 2 = 0
) present ON CONFLICT DO NOTHING
"""


def memory() -> float:
    """MB that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


async def load(database: Database, clips: int, encounters: int) -> None:
    """A year: pooled cameras that change hands every day, one record for every seventh clip, half with two officers."""
    sizes = {
        "clips": clips,
        "encounters": encounters,
        "cameras": max(8, clips // 800),
        "officers": max(20, clips // 400),
    }
    given: dict[str, Any] = {"since": SINCE, "year": timedelta(days=DAYS), "days": DAYS}
    for statement in (CLIPS, HOLDERS, FATES, RECORDS, PRESENT):
        text = statement if statement in (FATES, PRESENT) else statement.format(**sizes)
        # A server that writes a million rows in one statement is not idle; nobody waits for it here.
        await database.execute(text, given if "%(" in text else {})
    for table in ("clips", "clip_fate", "camera_holders", "encounters", "encounter_officers"):
        await database.execute(f"VACUUM (ANALYZE) {table}")
    await database.execute("DELETE FROM encounter_untold")


async def timed(name: str, work: Callable[[], Awaitable[str]], bar: float) -> bool:
    """Do it once; print what it took against the bar."""
    began, spent = time.perf_counter(), time.process_time()
    said = await work()
    took = time.perf_counter() - began
    verdict = "within" if took <= bar else "OVER"
    print(
        f"{name:22}{took:8.2f} s, {time.process_time() - spent:7.2f} CPU s   {verdict} {bar:g} s   {said}", flush=True
    )
    return took <= bar


async def measure(dsn: str, clips: int, encounters: int) -> bool:
    """Load a year and ask; whether all of it was within its bars."""
    upgrade(dsn, "bench")
    rules = Rules(flags=("stop-and-search", "use-of-force"))
    held: list[float] = []
    async with Database(dsn, "bench", size=TOGETHER) as database:
        began = time.perf_counter()
        await load(database, clips, encounters)
        print(
            f"loaded {clips:,} clips and {encounters:,} encounters in {time.perf_counter() - began:.0f} s", flush=True
        )

        async def everything() -> str:
            tally = await join_all(database, rules, told=lambda done: held.append(memory()))
            return (
                f"{tally.encounters:,} encounters, {tally.clips:,} clips of them, {tally.gaps:,} gaps, "
                f"{tally.unmatched:,} clips without a record"
            )

        async def supervisor() -> str:
            since = SINCE + timedelta(days=DAYS - 30)
            async with database.connection() as connection:
                found = await list_gaps(connection, unit="Borough 7", since=since, open_only=True)
            return f"{len(found):,} open gaps of a borough's last 30 days"

        async def one_day() -> str:
            tally = Tally()
            noon = SINCE + timedelta(days=200, hours=12)
            async with database.transaction() as connection:
                await join_span(connection, rules, noon - timedelta(days=2), noon + timedelta(days=2), ["PC-17"], tally)
            return f"{tally.encounters} encounters of one officer around one clip"

        async def places() -> str:
            asked = await database.fetch_one("SELECT count(*) AS pairs FROM encounter_places")
            async with database.transaction() as connection:
                found = await unread(connection, READ_AT_ONCE, ())
                began = time.perf_counter()
                searched = await search(connection, rules, SEARCHED_AT_ONCE)
            each = (time.perf_counter() - began) / max(searched, 1)
            assert asked is not None
            return f"{asked['pairs']:,} pairs asked; {len(found)} clips next, {each * 1e3:.0f} ms around each stop"

        good = await timed("join of the year", everything, BAR * max(clips / 1_600_000, 0.05))
        first, last = held[len(held) // 10], held[-1]
        flat = last - first <= FLAT
        print(f"{'memory':22}{first:8.0f} MB after a tenth, {last:.0f} MB at the end   {'flat' if flat else 'GROWS'}")
        good = await timed("gaps of a borough", supervisor, 1.0) and good
        good = await timed("look at one clip", one_day, 0.25) and good
        good = await timed("slice of places", places, 1.0) and good
        return good and flat


def main() -> None:
    """Measure, print; PostgreSQL is started for this alone."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--clips", type=int, default=1_600_000)
    asked.add_argument("--encounters", type=int, default=220_000)
    given, _ = asked.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="bwv-bench-", dir=os.environ.get("BWV_BENCH_DIR")) as folder:
        server = Postgres(Path(folder) / "postgres", Path(folder) / "credentials")
        server.start()
        try:
            asyncio.run(measure(server.dsn, given.clips, given.encounters))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
