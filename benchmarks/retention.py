"""How long the questions about retention take at a force's clips: a dry run, and the list of what is due.

    dry run   every clip under the policy in force and under another one, in processes of their own
    due list  what goes within three days, with totals and reasons; tomorrow; what lies in the bin

`python -m benchmarks.retention --clips 1600000` is the full size; the default is small.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from local.postgres import Postgres
from workers.database.engine import Database
from workers.database.schema import upgrade
from workers.footage.recording import Kind, Recording, Report, SourceType
from workers.keys.signing import Role, Signer
from workers.keys.statements import PURPOSES, Adoption, now_iso
from workers.retention.due import Asked, due, in_bin
from workers.retention.facts import Categorised
from workers.retention.policy import Policy, parse
from workers.retention.rehearsal import rehearse
from workers.retention.schedule import reschedule
from workers.retention.shipped import shipped

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
RECENT = 0.48
"""Share of clips of the last 31 days: 25,000 a day at full size. Two thirds are uncategorised; older ones, of up to
six years, have a category."""

OLDEST = 6 * 365
SLICE = 50_000

CATEGORIES = ("stop-and-search", "use-of-force", "volume-crime", "serious-offence", "complaint")

LOAD = """
INSERT INTO clip_fate (clip_id, camera, recording, standing, docking, report, camera_copy, facts, hold_reasons,
    registered_at, disposal, intended_at, dispose_from)
SELECT 'clip-' || translate(md5(n::text), '0123456789abcdef', '246acegikmoqsuwy'), 'BWC-' || n %% 22000, n::text,
    'released', 1, %(report)s::jsonb, 'wiped',
    CASE WHEN categorised THEN (%(facts)s::jsonb[])[1 + n %% 5] ELSE '[]' END,
    CASE WHEN n %% 50 = 0 THEN ARRAY['case/hold-a'] ELSE '{}' END, at, bin.disposal,
    CASE WHEN bin.disposal = 'intended' THEN at + interval '26 days' END,
    CASE WHEN bin.disposal = 'intended' THEN at + interval '29 days' END
FROM generate_series(%(first)s::int, %(last)s::int) n,
    LATERAL (SELECT CASE WHEN n <= %(recent)s THEN %(now)s::timestamptz - n * %(step)s::interval
        ELSE %(now)s::timestamptz - interval '31 days' - (n - %(recent)s) * %(old_step)s::interval END AS at) a,
    LATERAL (SELECT n > %(recent)s OR n %% 3 = 0 AS categorised) c,
    LATERAL (SELECT CASE WHEN NOT categorised AND n %% 50 <> 0 AND at BETWEEN %(now)s - interval '29 days'
        AND %(now)s - interval '26 days' THEN 'intended' END AS disposal) bin
"""

CATALOGUE = """
INSERT INTO clips (clip_id, source_type, kind, recorded_at, docked_at, size, camera)
SELECT clip_id, 'body_worn', 'footage', registered_at, registered_at, 300000000, camera FROM clip_fate
"""

SCHEDULE = """
INSERT INTO schedule (clip_id, source_type, recorded_at, docked_at, size, incident, policy, verdict, category, rule,
    ends_at, dispose_from, intend_from, review_from, held)
SELECT clip_id, 'body_worn', registered_at, registered_at + interval '8 hours', 300000000,
    CASE WHEN facts <> '[]' THEN 'INC-' || left(clip_id, 12) END, 1, verdict, category, category, ends_at,
    ends_at - interval '48 hours', ends_at - interval '5 days', review_from, held
FROM clip_fate, LATERAL (SELECT COALESCE(facts->0->>'category', 'uncategorised') AS category) c,
    LATERAL (SELECT CASE WHEN category = 'uncategorised' THEN registered_at + interval '31 days'
            WHEN category = 'stop-and-search' THEN registered_at + interval '1 year'
            WHEN category = 'use-of-force' THEN registered_at + interval '2 years' END AS ends_at,
        CASE WHEN category IN ('volume-crime', 'serious-offence', 'complaint')
            THEN registered_at + interval '6 years' END AS review_from) d,
    LATERAL (SELECT CASE WHEN ends_at IS NULL THEN 'review' ELSE 'expire' END AS verdict) v
"""


def report() -> str:
    """One dock's signed report, as every row carries one; sizes are what matters here."""
    dock = Signer.new(Role.DOCK, "DOCK-01")
    recording = Recording(
        camera="BWC-00001", recording="20261122-0001", source_type=SourceType.BODY_WORN, kind=Kind.FOOTAGE,
        sequence=1, size=300_000_000, sha256="a" * 64, measured_size=300_000_000, measured_sha256="a" * 64,
        media_type="video/mp4", recorded_at=now_iso(NOW), ended_at=now_iso(NOW), trigger="button", owner="PC-1234",
        clock_offset=0.25, preroll=None, incident=None, urgent=False, incomplete=False, sidecar_size=700,
        sidecar_sha256="b" * 64,
    )  # fmt: skip
    body = Report("DOCK-01", "BAY-01", 1, now_iso(NOW), "c" * 64, "http://dock-01:8000/BWC-00001/1", recording)
    return msgspec.json.encode(dock.sign(PURPOSES[Report], body)).decode()


async def load(database: Database, clips: int, catalogue: str = CATALOGUE, now: datetime = NOW) -> None:
    """Rows of `clips` clips; the order in which they lie is not that of their ids, as in real life.

    Args:
        catalogue: fills the table of clips from their fates.
        now: when the newest was registered.
    """
    recent = int(RECENT * clips)
    facts = [msgspec.json.encode((Categorised(name, "PC-1234", NOW),)).decode() for name in CATEGORIES]
    for first in range(1, clips + 1, SLICE):
        given: dict[str, Any] = {
            "first": first, "last": min(first + SLICE - 1, clips), "report": report(), "facts": facts, "now": now,
            "recent": recent, "step": timedelta(days=31) / recent,
            "old_step": timedelta(days=OLDEST) / (clips - recent),
        }  # fmt: skip
        await database.execute(LOAD, given)
    for statement in (catalogue, SCHEDULE):
        await database.execute(statement)
    for table in ("clip_fate", "clips", "schedule"):
        await database.execute(f"VACUUM (ANALYZE) {table}")
    adopted = Adoption(1, shipped("met"), "0" * 64, "0" * 64, "benchmark", "ADMIN", now_iso(NOW))
    await database.execute(
        "INSERT INTO policies VALUES (1, 'met', %s, %s, now(), 'ADMIN', %s)",
        (adopted.toml, parse(adopted.toml, 1).sha256, msgspec.json.encode(adopted).decode()),
    )


async def timed(name: str, work: Callable[[], Awaitable[str]]) -> None:
    """Run one question and print what it took."""
    began, spent = time.perf_counter(), cpu()
    said = await work()
    print(f"{name:26}{time.perf_counter() - began:7.2f} s, {cpu() - spent:6.2f} CPU s   {said}", flush=True)


def cpu() -> float:
    """Processor seconds of this process and of those that it started and that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


async def questions(database: Database, clips: int) -> None:
    """Ask them."""
    met, surrey = parse(shipped("met"), 1), parse(shipped("surrey"), 2)

    async def dry(present: Policy | None, proposed: Policy) -> str:
        result = await rehearse(database, present, proposed, at=NOW, by="ADMIN")
        assert result.clips == clips, f"{result.clips:,} of {clips:,}"
        return f"{result.clips:,} clips, {result.shortened:,} go earlier, {result.held:,} held"

    async def within(asked: Asked) -> str:
        found = await due(database, met, asked)
        return f"{found.clips:,} clips, {found.size / 1e12:.1f} TB, {len(found.listed)} listed with reasons"

    async def bin_list() -> str:
        found = await in_bin(database, met, most=100)
        return f"{found.clips:,} clips"

    async def planned() -> str:
        rows = await database.fetch("SELECT clip_id FROM schedule ORDER BY clip_id LIMIT 2000")
        async with database.transaction() as connection:
            await reschedule(connection, [row["clip_id"] for row in rows], met)
        return f"{len(rows):,} clips"

    await timed("dry run, another policy", lambda: dry(met, surrey))
    await timed("dry run, no policy before", lambda: dry(None, met))
    await timed("due within 72 h", lambda: within(Asked(None, NOW + timedelta(hours=72), 100)))
    await timed("due tomorrow", lambda: within(Asked(NOW + timedelta(hours=16), NOW + timedelta(hours=40), 100)))
    await timed("in the bin", bin_list)
    await timed("plans written again", planned)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"peak memory {peak / 1024:.0f} MB, of a counting process {children / 1024:.0f} MB")


async def measure(dsn: str, clips: int) -> None:
    """Load and ask."""
    upgrade(dsn, "bench")
    async with Database(dsn, "bench", size=2, wait=60) as database:
        began = time.perf_counter()
        await load(database, clips)
        print(f"{clips:,} clips loaded in {time.perf_counter() - began:.0f} s", flush=True)
        await questions(database, clips)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retention", description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=60_000, help="how many (60,000)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bwv-bench-") as name:
        postgres = Postgres(Path(name) / "postgres", Path(name) / "credentials")
        postgres.start()
        try:
            asyncio.run(measure(postgres.dsn, asked.clips))
        finally:
            postgres.stop()


if __name__ == "__main__":
    main()
