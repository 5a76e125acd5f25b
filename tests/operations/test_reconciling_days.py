"""Days, docks and the whole, over rows in PostgreSQL and a vault in memory: sums never overlap, strays are found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from benchmarks.declared import DAY_ONE, Force
from workers.database.engine import Database
from workers.footage.clip import clip_id
from workers.operations import reconcile as module
from workers.operations.collecting import Sight
from workers.operations.looking import Means, look
from workers.operations.reconcile import Outcome, reconcile
from workers.operations.scope import Scope, slices
from workers.operations.shelves import Prefixes, Recorded
from workers.operations.world import World
from workers.vault.fake import FakeVault
from workers.vault.keys import attempt_keys
from workers.vault.values import Lock, Version

DAYS = (1, 2, 3)
CAMERAS = 5
EACH = 4


class Named(FakeVault):
    """Gives each version the name that the rows have."""

    def _store(self, key: str, data: bytes, etag: str, lock: Lock) -> Version:
        version = replace(super()._store(key, data, etag, lock), version_id="v-footage")
        self._stored[key][-1].version = version
        return version


class Past:
    """Three days of five cameras, each listing two of the day before again."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.force = Force(database.schema, per_docking=EACH, size=10)
        self.vault = Named()

    async def live(self) -> Past:
        for day in DAYS:
            await self.force.live(self.database, day, DAY_ONE + timedelta(days=day), range(CAMERAS), kept=2)
        for row in await self.database.fetch("SELECT clip_id FROM clip_fate ORDER BY clip_id"):
            keys = attempt_keys(self.force.namespace, row["clip_id"], 1)
            for key in (keys.footage, keys.sidecar, keys.manifest):
                self.vault.put_new(key, b"0123456789", lock_until=None)
        return self

    def means(self, **changes: object) -> Means:
        sight = Sight(self.vault, self.vault, self.vault)
        made = Means(database=self.database, namespace=self.force.namespace, sight=sight, locks=None,
                     keys=self.force.keys, unrecorded=(), begun=(), proofs=True)  # fmt: skip
        return msgspec.structs.replace(made, **changes)

    async def run(self, scope: Scope, *, listed: bool = False) -> Outcome:
        def now() -> datetime:
            return datetime.now(UTC)

        if not listed:
            return await reconcile(self.means(), scope, recorded=None, now=now, grace=timedelta(0))
        async with self.database.connection() as connection:
            recorded = Recorded(connection)
            await recorded.record(self.vault.list_versions(f"{self.force.namespace}/"))
            outcome = await reconcile(self.means(), scope, recorded=recorded, now=now, grace=timedelta(0))
            await connection.execute("DROP TABLE listing")
            return outcome


@pytest.fixture
async def past(database: Database, monkeypatch: pytest.MonkeyPatch) -> Past:
    monkeypatch.setattr(module, "AGAIN", (0.0, 0.0))
    return await Past(database).live()


def on(day: int) -> date:
    return (DAY_ONE + timedelta(days=day)).date()


async def test_a_recording_belongs_to_the_day_that_listed_it_first(past: Past) -> None:
    whole = await past.run(Scope(), listed=True)
    assert whole.differences == () and whole.in_flight == ()
    assert whole.totals.verified.files == len(DAYS) * CAMERAS * EACH
    days = [(await past.run(Scope(on(day)))).totals for day in DAYS]
    assert [totals.declared.files for totals in days] == [CAMERAS * EACH] * 3
    assert sum(totals.declared.bytes for totals in days) == whole.totals.declared.bytes
    assert (await past.run(Scope(dock="DOCK-01"))).totals.declared == whole.totals.declared
    assert (await past.run(Scope(on(9)))).totals.declared.files == 0


async def test_slices_hold_no_more_than_they_may_and_each_recording_once(past: Past) -> None:
    seen: list[tuple[str, str]] = []
    worlds: list[World] = []
    async for _, of, part in slices(past.database, Scope(), size=7):
        assert of == CAMERAS and 0 < len(part.names) <= 7
        seen += part.names
        worlds.append(await look(past.means(), part, Prefixes(past.vault, past.force.namespace)))
    assert len(seen) == len(set(seen)) == len(DAYS) * CAMERAS * EACH
    assert sum(len(world.fates) for world in worlds) == len(seen)
    signatures = {docking.signed.signature for world in worlds for docking in world.inventories}
    assert len(signatures) == len(DAYS) * CAMERAS, "every inventory's signature is looked at"


async def test_what_is_wrong_on_one_day_shows_on_that_day_and_in_the_whole_alone(past: Past) -> None:
    camera, name = "BWC-00002", past.force.names(2)[0]
    clip = past.force.clip(camera, name)
    past.vault.delete_version(attempt_keys(past.force.namespace, clip, 1).footage, "v-footage")
    expected = {("recording lost", f"{camera}/{name}"), ("missing object", clip), ("receipt unfounded", clip)}
    for scope, listed in ((Scope(on(2)), False), (Scope(), True)):
        found = await past.run(scope, listed=listed)
        assert {(d.kind, d.subject) for d in found.differences} == expected
        assert found.totals.verified.files == found.totals.declared.files - 1
    for day in (1, 3):
        assert (await past.run(Scope(on(day)))).differences == ()


async def test_strays_are_found_in_a_listing_of_everything(past: Past) -> None:
    stranger = attempt_keys(past.force.namespace, clip_id(past.force.namespace, "X", "x", 1, "1" * 64), 2).sidecar
    others = (f"{past.force.namespace}/notes.txt", f"{past.force.namespace}/clips/x", stranger)
    for key in (*others, f"{past.force.namespace}/custody/tile/0/000", f"{past.force.namespace}/store-check/0a/x"):
        past.vault.put_new(key, b"x", lock_until=None)
    found = await past.run(Scope(), listed=True)
    assert {d.subject for d in found.differences} == set(others)
    assert {d.kind for d in found.differences} == {"stray object"}
    assert (await past.run(Scope(on(1)))).differences == (), "a day looks under its own clips alone"


async def test_an_upload_that_is_over_at_the_second_look_is_no_difference(past: Past) -> None:
    key = attempt_keys(past.force.namespace, past.force.clip("BWC-00001", past.force.names(3)[0]), 1).footage
    asked = {"recorded": None, "now": lambda: datetime.now(UTC), "grace": timedelta(0)}
    listed = past.means(begun=(key,))
    assert (await reconcile(listed, Scope(on(3)), **asked)).differences == ()
    past.vault.create_upload(key, lock_until=None)
    [still] = (await reconcile(listed, Scope(on(3)), **asked)).differences
    assert (still.kind, still.subject) == ("unfinished upload", key)


async def test_what_moved_within_the_grace_is_in_flight(past: Past) -> None:
    clip = past.force.clip("BWC-00001", past.force.names(3)[0])
    past.vault.delete_version(attempt_keys(past.force.namespace, clip, 1).sidecar, "v-footage")
    now = DAY_ONE + timedelta(days=3, minutes=10)
    asked = {"recorded": None, "now": lambda: now}
    young = await reconcile(past.means(), Scope(on(3)), grace=timedelta(hours=1), **asked)
    assert young.differences == () and len(young.in_flight) == 1 and clip in young.in_flight[0]
    old = await reconcile(past.means(), Scope(on(3)), grace=timedelta(minutes=1), **asked)
    assert [d.subject for d in old.differences] == [clip] and old.in_flight == ()


async def test_what_is_there_at_the_second_look_is_no_difference(past: Past) -> None:
    class Slow(FakeVault):
        """Shows nothing of one clip at the first look."""

        looks = 0

        def list_versions(self, prefix: str):  # type: ignore[no-untyped-def]
            if prefix.endswith(f"{hidden}/") and "/clips/" in prefix:
                self.looks += 1
                if self.looks == 1:
                    return
            yield from past.vault.list_versions(prefix)

    hidden, slow = past.force.clip("BWC-00001", past.force.names(3)[0]), Slow()
    means = past.means(sight=Sight(slow, slow, slow))
    found = await reconcile(means, Scope(on(3)), recorded=None, now=lambda: datetime.now(UTC), grace=timedelta(0))
    assert slow.looks == 2
    assert found.differences == () and found.totals.verified.files == CAMERAS * EACH


async def test_a_log_that_was_cut_is_found(past: Past) -> None:
    await past.database.execute("UPDATE custody_head SET size = size + 1")
    [found] = (await past.run(Scope(), listed=True)).differences
    assert (found.kind, found.subject) == ("custody log damaged", "custody")


async def test_missing_numbers_show_on_the_day_that_lists_the_next_one(past: Past) -> None:
    first = 2 * EACH - 2
    await past.database.execute(
        "INSERT INTO cameras (camera, docking, dock, bay, docked_at, sequences) VALUES ('BWC-00003', 3, 'DOCK-01',"
        " 'BAY-01', now(), int8multirange(int8range(1, 3), int8range(%s, 20)))",
        (first + 2,),
    )
    for day, count in ((1, 0), (2, 1), (3, 0)):
        found = (await past.run(Scope(on(day)))).differences
        assert [d.kind for d in found] == ["camera gap"] * count, (day, found)
    assert [d.subject for d in (await past.run(Scope(), listed=True)).differences] == ["BWC-00003"]
