"""How long a reconciliation takes: one day in the database, HEADs at a real store, and everything there is.

    a day     clips of one day among those of other days, rows, events and signatures compared
    a store   real objects at the local store: list, HEAD and manifest of each, in threads
    a year    rows and a recorded listing of all of them, streamed; memory is what the process had at most

`python -m benchmarks.reconciling --clips 5000 --year 1600000` is the full size; the default is small.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from benchmarks.declared import DAY_ONE, Force
from local.credentials import store_roles
from local.postgres import Postgres
from local.stack import BUCKET, POLICIES
from local.store import Store
from streams.settings import load
from streams.vaults import open_vault
from workers.database.engine import Database
from workers.database.schema import upgrade
from workers.keys.keyring import load_public, save_public
from workers.operations.collecting import Sight
from workers.operations.looking import Means
from workers.operations.reconcile import Outcome, reconcile
from workers.operations.scope import Scope
from workers.operations.shelves import Prefixes, Recorded, Wanted, with_locks
from workers.operations.world import Stored
from workers.vault.fake import FakeVault
from workers.vault.keys import attempt_keys
from workers.vault.vault import Version

PER_DOCKING = 10


class Listed(FakeVault):
    """A vault of which only the listing is asked: a recorded one."""

    def __init__(self, force: Force) -> None:
        super().__init__()
        self._force = force

    def list_versions(self, prefix: str) -> Iterator[Version]:
        clip = prefix.split("/")[2]
        yield from three(self._force, clip) if "/clips/" in prefix else ()


def three(force: Force, clip: str) -> Iterator[Version]:
    """The three objects of a clip, as a listing has them."""
    keys = attempt_keys(force.namespace, clip, 1)
    yield Version(keys.footage, "v-footage", force.size, "")
    yield Version(keys.manifest, "v-manifest", 2000, "")
    yield Version(keys.sidecar, "v-sidecar", 500, "")


def means(database: Database, force: Force, *, proofs: bool) -> Means:
    vault = Listed(force)
    return Means(database=database, namespace=force.namespace, sight=Sight(vault, vault, vault), locks=None,
                 keys=force.keys, unrecorded=(), begun=(), proofs=proofs)  # fmt: skip


async def compared(kit: Means, scope: Scope, recorded: Recorded | None = None) -> Outcome:
    outcome = await reconcile(kit, scope, recorded=recorded, now=lambda: datetime.now(UTC), grace=timedelta(0))
    assert not outcome.differences, outcome.differences[:3]
    return outcome


async def a_day(dsn: str, clips: int) -> None:
    """A day of `clips` clips between two others."""
    upgrade(dsn, "day")
    force = Force("day", per_docking=PER_DOCKING)
    async with Database(dsn, "day", size=3) as database:
        for day in (1, 2, 3):
            await force.live(database, day, DAY_ONE + timedelta(days=day), range(clips // PER_DOCKING), kept=2)
        await database.execute("ANALYZE")
        began, cpu = time.perf_counter(), time.process_time()
        outcome = await compared(means(database, force, proofs=True), Scope((DAY_ONE + timedelta(days=2)).date()))
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    assert outcome.totals.verified.files == clips, outcome.totals.verified
    print(f"a day     {clips:,} clips, {6 * clips:,} entries: {wall:.1f} s ({cpu:.1f} CPU s), none of it at a store")


def a_store(folder: Path, count: int) -> None:
    """List and HEAD real objects, as a day's run does."""
    store = Store(folder / "store", store_roles(folder / "credentials", POLICIES), bucket=BUCKET)
    store.start()
    try:
        settings = load(folder, store=store.endpoint, bucket=BUCKET)
        force, transfer = Force("heads"), open_vault(settings, "transfer")
        clips = [force.clip("BWC-00001", str(number)) for number in range(count)]
        for clip in clips:
            for version in three(force, clip):
                transfer.put_new(version.key, b"x" * 500, lock_until=datetime.now(UTC) + timedelta(seconds=5))
        prefixes = Prefixes(open_vault(settings, "record"), "heads")
        began, cpu = time.perf_counter(), time.process_time()
        objects = asyncio.run(prefixes.objects([Wanted(clip, False, False) for clip in clips]))
        listed, listed_cpu = time.perf_counter() - began, time.process_time() - cpu
        began, cpu = time.perf_counter(), time.process_time()
        headed: list[Stored] = with_locks(open_vault(settings, "lease"), objects)
        heads, heads_cpu = time.perf_counter() - began, time.process_time() - cpu
    finally:
        store.stop()
    assert len(headed) == 3 * count and all(stored.lock and stored.lock.until for stored in headed)
    print(f"a store   {count / listed:.0f} clips listed/s ({1000 * listed_cpu / count:.2f} CPU ms each), "
          f"{3 * count / heads:.0f} HEADs/s ({1000 * heads_cpu / count / 3:.2f} CPU ms each); "
          f"5,000 clips: {5000 * (listed + heads * 4 / 3) / count:.0f} s with HEADs and manifests")  # fmt: skip


async def load_year(dsn: str, clips: int, file: Path) -> None:
    """Rows of a year, and their listing in a file as a store would tell it: by key."""
    upgrade(dsn, "year")
    force = Force("year", per_docking=PER_DOCKING, proofs=False)
    save_public(force.dock.enrolment(), file.with_suffix(".pub"))
    cameras = max(1, clips // PER_DOCKING // 365)
    async with Database(dsn, "year", size=3, wait=60) as database:
        for day in range(1, clips // PER_DOCKING // cameras + 1):
            await force.live(database, day, DAY_ONE + timedelta(days=day), range(cameras))
        await database.execute("ANALYZE")
        with file.open("w") as out:
            last = ""
            while rows := await database.fetch(
                "SELECT clip_id FROM clip_fate WHERE clip_id > %s ORDER BY clip_id LIMIT 10000", (last,)
            ):
                out.writelines(f"{row['clip_id']}\n" for row in rows)
                last = rows[-1]["clip_id"]


async def a_year(dsn: str, file: Path) -> None:
    """Compare everything with the recorded listing; run in a process of its own, so that the memory is its own."""
    force = Force("year", per_docking=PER_DOCKING, proofs=False)
    key = load_public(file.with_suffix(".pub"))
    async with Database(dsn, "year", size=3, wait=60) as database, database.connection() as connection:
        began, cpu = time.perf_counter(), time.process_time()
        recorded = Recorded(connection)
        with file.open() as lines:
            objects = await recorded.record(version for line in lines for version in three(force, line.strip()))
        written = time.perf_counter() - began
        kit = msgspec.structs.replace(means(database, force, proofs=False), keys={key.id: key})
        outcome = await compared(kit, Scope(), recorded)
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    clips = outcome.totals.verified.files
    print(f"a year    {clips:,} clips, {objects:,} objects: {wall:.0f} s (listing {written:.0f} s), {cpu:.0f} CPU s, "
          f"{1e6 * wall / clips:.0f} µs a clip, peak memory {peak:.0f} MB")  # fmt: skip


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reconciling", description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=1000, help="clips of the day (1,000)")
    parser.add_argument("--objects", type=int, default=200, help="clips at the real store (200)")
    parser.add_argument("--year", type=int, default=20_000, help="clips of the year (20,000)")
    parser.add_argument("--streamed", nargs=2, metavar=("DSN", "FILE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.streamed:
        asyncio.run(a_year(asked.streamed[0], Path(asked.streamed[1])))
        return
    with tempfile.TemporaryDirectory(prefix="bwv-bench-") as name:
        folder = Path(name)
        if asked.objects:
            a_store(folder, asked.objects)
        postgres = Postgres(folder / "postgres", folder / "credentials")
        postgres.start()
        try:
            if asked.clips:
                asyncio.run(a_day(postgres.dsn, asked.clips))
            if asked.year:
                listing = folder / "listing"
                asyncio.run(load_year(postgres.dsn, asked.year, listing))
                again = (sys.executable, "-m", "benchmarks.reconciling", "--streamed", postgres.dsn, str(listing))
                subprocess.run(again, check=True)
        finally:
            postgres.stop()


if __name__ == "__main__":
    main()
