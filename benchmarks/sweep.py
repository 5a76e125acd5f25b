"""How long a day's disposals take: into the bin, and the commit, among all of a force's clips; and the lease's look.

    16,700 clips fall due at once among 1.6 million; each has three objects on a real store.

`python -m benchmarks.sweep --clips 1600000 --due 16700` is the full size; the default is small.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from local.credentials import store_roles
from local.postgres import Postgres
from local.stack import BUCKET, POLICIES
from local.store import Store
from streams.settings import Settings, load
from streams.sweep import Told
from streams.vaults import open_vault
from workers.database.engine import Database
from workers.database.schema import upgrade
from workers.footage.recording import Kind, Recording, Report, SourceType
from workers.keys.signing import Role, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.retention.leasing import Leases, renew_leases
from workers.retention.policies import current
from workers.retention.schedule import reschedule
from workers.retention.shipped import shipped
from workers.retention.sweeping import Sweep
from workers.vault.keys import attempt_keys

SLICE = 50_000
DIGEST = "0" * 64
AGE = timedelta(days=29)
"""Of what falls due; by the policy a clip goes into the bin three days before its month is over."""

LOAD = """
INSERT INTO clip_fate (clip_id, camera, recording, standing, docking, report, camera_copy, verified_version,
    registered_at, lease_end, lease_confirmed)
SELECT 'clip-' || translate(md5(n::text), '0189', 'wxyz'), 'BWC-' || n %% 22000, n::text, 'released', 1,
    %(report)s::jsonb, 'wiped', 'v1', %(at)s, %(lease)s, %(lease)s
FROM generate_series(%(first)s::int, %(last)s::int) n"""

PLANNED = """
INSERT INTO schedule (clip_id, source_type, recorded_at, docked_at, size, policy, verdict, category, rule, held,
    ends_at, dispose_from, intend_from)
SELECT clip_id, 'body_worn', registered_at, registered_at, 5, 1, 'expire', 'uncategorised', 'uncategorised', false,
    registered_at + interval '31 days', registered_at + interval '29 days', registered_at + interval '28 days'
FROM clip_fate"""


def report(at: datetime) -> bytes:
    recording = Recording(
        camera="BWC-1", recording="1", source_type=SourceType.BODY_WORN, kind=Kind.FOOTAGE, sequence=1, size=5,
        sha256=DIGEST, measured_size=5, measured_sha256=DIGEST, media_type="video/mp4", recorded_at=now_iso(at),
        ended_at=None, trigger="button", owner="PC-1", clock_offset=0.0, preroll=None, incident=None, urgent=False,
        incomplete=False, sidecar_size=2, sidecar_sha256=DIGEST,
    )  # fmt: skip
    body = Report("DOCK-01", "BAY-01", 1, now_iso(at), DIGEST, "http://127.0.0.1:1/x", recording)
    return msgspec.json.encode(Signer.new(Role.DOCK, "DOCK-01").sign(PURPOSES[Report], body))


async def fill(database: Database, settings: Settings, clips: int, due: int) -> list[str]:
    """All clips, of which `due` are of age; these have objects."""
    now = datetime.now(UTC)
    policy = shipped("met").replace("per_hour = ", "per_hour = 9").replace("floor = ", "floor = 9")
    await database.execute(
        "INSERT INTO policies (version, name, toml, sha256, adopted_at, adopted_by, adoption)"
        " VALUES (1, 'met', %s, '', now(), 'ADMIN', '{}')",
        (policy,),
    )
    for first, last, at in ((1, due, now - timedelta(days=40)), (due + 1, clips, now - timedelta(days=10))):
        body = report(at).decode()
        for begin in range(first, last + 1, SLICE):
            asked = {"report": body, "at": at, "first": begin, "last": min(last, begin + SLICE - 1)}
            lease = now + timedelta(days=1 if at < now - AGE else 20)
            await database.execute(LOAD, asked | {"lease": lease})
    await database.execute(PLANNED)
    await database.execute("INSERT INTO clips (clip_id, registered_at) SELECT clip_id, registered_at FROM clip_fate")
    rows = await database.fetch("SELECT clip_id FROM clip_fate WHERE registered_at < %s ORDER BY 1", (now - AGE,))
    ids = [row["clip_id"] for row in rows]
    await database.execute(
        "UPDATE clip_fate SET lease_end = NULL, lease_confirmed = NULL WHERE clip_id = ANY(%s)", (ids,)
    )
    async with database.transaction() as connection:
        for begin in range(0, len(ids), 1000):
            await reschedule(connection, ids[begin : begin + 1000], await current(connection))
    await database.execute("ANALYZE")
    vault = open_vault(settings, "transfer")

    def store(clip: str) -> None:
        keys = attempt_keys(settings.namespace, clip, 1)
        for key in (keys.footage, keys.sidecar, keys.manifest):
            vault.put_new(key, b"bytes", lock_until=datetime.now(UTC) + timedelta(seconds=1))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(store, ids))
    return ids


async def run(clips: int, due: int, settings: Settings) -> None:
    upgrade(settings.database, settings.namespace)
    async with Database(settings.database, settings.namespace, size=3) as database:
        began = time.perf_counter()
        await fill(database, settings, clips, due)
        print(f"{clips:,} rows and {3 * due:,} objects made in {time.perf_counter() - began:.0f} s")
        later = timedelta()

        async def ends() -> Mapping[tuple[str, int], int]:
            return {}

        eyes = open_vault(settings, "lease")
        sweep = Sweep(database, eyes, Told("bench"), namespace=settings.namespace, ends=ends, reconciler=None,
                      now=lambda: datetime.now(UTC) + later)  # fmt: skip
        await told("sweep: into the bin", sweep.round, lambda swept: f"{swept.intended:,} of {swept.due:,} due")
        await database.execute("UPDATE outbox SET sent_at = now()")
        await told("sweep: nothing new is due", sweep.round, lambda swept: f"{swept.intended:,} intended")
        later = timedelta(days=8)
        await told("sweep: commit", sweep.round, lambda swept: f"{swept.committed}")
        leases = Leases(lease=timedelta(days=30), renew=timedelta(days=15), first=timedelta(days=7))

        async def lease() -> object:
            return await renew_leases(database, eyes, leases, namespace=settings.namespace)

        await told("lease: a round in which nothing is due", lease, str)
        await database.execute(
            "UPDATE clip_fate SET disposal = NULL, intended_at = NULL, dispose_from = NULL WHERE disposal IS NOT NULL"
        )
        await database.execute(
            "UPDATE schedule SET dispose_from = now() + interval '90 days' WHERE intend_from < now()"
        )
        await told("lease: of what was due", lease, str)


async def told(what: str, work: Callable[[], Awaitable[object]], says: Callable[[object], str]) -> None:
    began, cpu = time.perf_counter(), time.process_time()
    done = await work()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    print(f"{what}: {says(done)} in {seconds:.1f} s ({used:.1f} s CPU; {most:.0f} MB at most)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=20_000)
    parser.add_argument("--due", type=int, default=500)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        store = Store(home / "store", store_roles(home / "credentials", POLICIES), bucket=BUCKET)
        postgres = Postgres(home / "postgres", home / "credentials")
        try:
            store.start()
            postgres.start()
            settings = load(home, namespace="bench", store=store.endpoint, bucket=BUCKET, database=postgres.dsn)
            asyncio.run(run(asked.clips, asked.due, settings))
        finally:
            store.stop()
            postgres.stop()


if __name__ == "__main__":
    main()
