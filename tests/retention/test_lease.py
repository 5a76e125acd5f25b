"""The lease: the date stands in the row first, then every version is locked until then, then the row says so."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.retention.swept import MONTH, Due
from workers.errors import StoreAway
from workers.fate.moves import Disposal, Standing
from workers.operations.locks import check_locks
from workers.operations.shelves import with_locks
from workers.operations.world import Stored, World
from workers.retention.facts import Categorised
from workers.retention.leasing import Leased, Leases, renew_leases
from workers.vault.keys import attempt_keys, places_of, quarantine_keys
from workers.vault.s3 import S3Vault
from workers.vault.values import ObjectHead, Version
from workers.vault.wire import whole_second

LEASES = Leases(lease=timedelta(seconds=300), renew=timedelta(seconds=150), first=timedelta(seconds=60))
DAYS = Leases(lease=timedelta(days=30), renew=timedelta(days=15), first=timedelta(days=7))


async def renewed(due: Due, leases: Leases = LEASES, **changes: Any) -> Leased:
    asked: dict[str, Any] = {"namespace": due.namespace, "now": due.now} | changes
    return await renew_leases(due.database, due.vault, leases, **asked)


def locks(due: Due, clip: str) -> dict[str, datetime | None]:
    """Key → end of its lock, of everything that the store has of a clip."""
    found = {}
    for prefix in places_of(due.namespace, clip):
        for version in due.vault.list_versions(prefix):
            head = due.vault.head(version.key, version.version_id)
            assert head is not None
            found[version.key] = head.lock.until
    return found


async def test_every_version_is_locked_until_the_date_in_the_row(due: Due) -> None:
    clip = await due.clip(timedelta(days=1))
    keys = attempt_keys(due.namespace, clip, 2)
    due.put(keys.footage, 60)
    due.put(quarantine_keys(due.namespace, clip).footage, 60)
    payload = due.put_payload(clip, 60)
    before = due.now()
    assert await renewed(due) == Leased(1, 0, 0)
    row, found = await due.row(clip), locks(due, clip)
    assert row.lease_end is not None and row.lease_end == row.lease_confirmed
    assert before + LEASES.lease <= row.lease_end <= whole_second(due.now() + LEASES.lease)
    assert len(found) == 6 and payload in found
    assert set(found.values()) == {row.lease_end}
    assert await renewed(due) == Leased(0, 0, 0), "more than `renew` remains"
    due.later = timedelta(seconds=200)
    assert await renewed(due) == Leased(1, 0, 0)
    again = await due.row(clip)
    assert again.lease_end is not None and again.lease_end >= row.lease_end + timedelta(seconds=199)
    assert set(locks(due, clip).values()) == {again.lease_end}


async def test_no_lease_reaches_beyond_the_day_of_disposal_or_is_taken_again_then(due: Due) -> None:
    clip = await due.clip(MONTH - timedelta(seconds=100))
    [plan] = await due.database.fetch("SELECT dispose_from FROM schedule")
    assert (await renewed(due)).renewed == 1
    assert (await due.row(clip)).lease_end == whole_second(plan["dispose_from"])
    assert await renewed(due) == Leased(0, 0, 0), "it ends soon, and as it should"
    due.later = timedelta(seconds=200)
    assert await renewed(due) == Leased(0, 0, 0)


async def test_what_nobody_can_date_and_what_is_reviewed_is_leased_for_as_long_as_a_lease_lasts(due: Due) -> None:
    evidential = (Categorised("evidential", "PC-1", due.now()),)
    clips = [
        await due.clip(timedelta(days=1), facts=evidential),
        await due.clip(timedelta(days=9), standing=Standing.QUARANTINED, quarantine={"found_size": 5}),
        await due.clip(timedelta(days=1), standing=Standing.DAMAGED),
    ]
    await due.database.execute("DELETE FROM policies")
    unknown = await due.clip(timedelta(days=1), scheduled=False)
    before = due.now()
    assert (await renewed(due)).renewed == 4
    for clip in (*clips, unknown):
        row = await due.row(clip)
        assert row.lease_confirmed is not None and row.lease_confirmed >= before + LEASES.lease


async def test_a_new_clip_waits_for_its_plan(due: Due) -> None:
    clip = await due.clip(timedelta(days=1), scheduled=False)
    assert await renewed(due) == Leased(0, 0, 0)
    await due.database.execute("UPDATE clip_fate SET registered_at = now() - interval '2 hours'")
    assert (await renewed(due)).renewed == 1
    assert (await due.row(clip)).lease_confirmed is not None


async def test_what_is_committed_or_not_stored_is_never_leased(due: Due) -> None:
    others = [
        await due.clip(timedelta(days=1), disposal=Disposal.COMMITTED),
        await due.clip(timedelta(days=1), disposal=Disposal.DONE),
        await due.clip(timedelta(days=1), standing=Standing.SECURED, verified_version=None),
        await due.clip(timedelta(days=1), standing=Standing.REGISTERED, verified_version=None),
    ]
    assert await renewed(due) == Leased(0, 0, 0)
    assert [(await due.row(clip)).lease_end for clip in others] == [None] * 4
    in_bin = await due.clip(timedelta(days=1), disposal=Disposal.INTENDED)
    assert (await renewed(due)).renewed == 1
    assert (await due.row(in_bin)).disposal == Disposal.INTENDED


async def test_a_longer_lock_stays_and_counts(due: Due) -> None:
    clip = await due.clip(timedelta(days=1), lock=900)
    assert await renewed(due) == Leased(1, 0, 0)
    row = await due.row(clip)
    assert row.lease_confirmed is not None
    assert all(until is not None and until > row.lease_confirmed for until in locks(due, clip).values())


class Forgetful(S3Vault):
    """A store that acknowledges a lock of footage and does not keep it."""

    def extend_lock(self, version: Version, until: datetime) -> None:
        if not version.key.endswith("/footage"):
            super().extend_lock(version, until)


class Away(S3Vault):
    """A store that goes away after some answers."""

    answers = 2

    def head(self, key: str, version_id: str | None = None) -> ObjectHead | None:
        self.answers -= 1
        if self.answers < 0:
            raise StoreAway("the store went away")
        return super().head(key, version_id)


async def test_a_lock_that_was_acknowledged_and_is_not_there_is_not_confirmed(due: Due) -> None:
    good = due.vault
    due.vault = Forgetful(good._client.access)  # type: ignore[attr-defined]
    clip = await due.clip(timedelta(days=1), lock=3)
    assert await renewed(due) == Leased(0, 1, 0)
    row = await due.row(clip)
    assert row.lease_end is not None and row.lease_confirmed is None
    due.vault = good
    assert await renewed(due) == Leased(1, 0, 0)
    assert (await due.row(clip)).lease_confirmed == row.lease_end, "the date that the row had"


async def test_a_store_that_goes_away_leaves_a_date_that_the_next_round_sets_and_confirms(due: Due) -> None:
    good = due.vault
    due.vault = Away(good._client.access)  # type: ignore[attr-defined]
    clips = [await due.clip(timedelta(days=1)) for _ in range(3)]
    with pytest.raises(StoreAway):
        await renewed(due)
    rows = [await due.row(clip) for clip in clips]
    assert all(row.lease_end is not None and row.lease_confirmed is None for row in rows)
    due.vault = good
    assert await renewed(due) == Leased(3, 0, 0)
    assert [(await due.row(row.clip_id)).lease_confirmed for row in rows] == [row.lease_end for row in rows]


async def test_a_clip_of_which_nothing_lies_in_the_vault_is_counted_and_not_confirmed(due: Due) -> None:
    clip = await due.clip(timedelta(days=1), stored=False)
    assert await renewed(due) == Leased(0, 1, 0)
    assert (await due.row(clip)).lease_confirmed is None


async def test_a_lock_that_ends_within_a_day_and_was_not_renewed_is_counted_as_late(due: Due) -> None:
    """Over clips that cannot be confirmed, as nothing of them is stored; with the periods of production."""
    evidential = (Categorised("evidential", "PC-1", due.now()),)
    clips = [await due.clip(timedelta(days=1), stored=False, facts=evidential) for _ in range(4)]
    first, ending, leased, _ = clips
    registered = "UPDATE clip_fate SET registered_at = %s WHERE clip_id = %s"
    await due.database.execute(registered, (due.now() - timedelta(days=6, hours=1), first))
    confirmed = "UPDATE clip_fate SET lease_end = %s, lease_confirmed = %s WHERE clip_id = %s"
    soon, far = due.now() + timedelta(hours=20), due.now() + timedelta(days=2)
    await due.database.execute(confirmed, (soon, soon, ending))
    await due.database.execute(confirmed, (far, far, leased))
    assert await renewed(due, DAYS) == Leased(0, 4, 2)
    await due.database.execute(
        "UPDATE schedule SET dispose_from = now() + interval '1 hour' WHERE clip_id = %s", (ending,)
    )
    assert (await renewed(due, DAYS)).late == 1, "what is to go needs no longer lock"


@pytest.mark.parametrize("step", ["lease.after_renew", "lease.after_locks"])
async def test_a_lease_that_is_killed_is_finished_by_the_next_round(due: Due, step: str) -> None:
    clips = [await due.clip(timedelta(days=1)) for _ in range(3)]
    assert await asyncio.to_thread(_killed, due, step) == -9
    rows = [await due.row(clip) for clip in clips]
    assert all(row.lease_end is not None and row.lease_confirmed is None for row in rows)
    assert await renewed(due) == Leased(3, 0, 0)
    for row in rows:
        assert (await due.row(row.clip_id)).lease_confirmed == row.lease_end
        assert set(locks(due, row.clip_id).values()) == {row.lease_end}


async def test_reconcile_finds_a_lock_that_is_shorter_than_its_row_confirms(due: Due) -> None:
    clip = await due.clip(timedelta(days=1))
    await renewed(due)
    row = await due.row(clip)
    keys = attempt_keys(due.namespace, clip, 1)
    stored = with_locks(due.vault, [_stored(v) for v in due.vault.list_versions(places_of(due.namespace, clip)[0])])
    assert len(stored) == 3 and check_locks(World(due.namespace, fates=(row,), objects=tuple(stored))) == []
    assert row.lease_confirmed is not None
    longer = msgspec.structs.replace(row, lease_confirmed=row.lease_confirmed + timedelta(seconds=1))
    found = check_locks(World(due.namespace, fates=(longer,), objects=tuple(stored)))
    assert [violation.subject for violation in found] == sorted([keys.footage, keys.manifest, keys.sidecar])
    assert {violation.kind.value for violation in found} == {"shortened lock"}
    promised = msgspec.structs.replace(longer, lease_confirmed=None)
    assert check_locks(World(due.namespace, fates=(promised,), objects=tuple(stored))) == []


def _stored(version: Version) -> Stored:
    return Stored(version.key, version.version_id, version.size)


def _killed(due: Due, step: str) -> int:
    """One round in a process that dies at this step; returns its exit code."""
    source = (
        "import asyncio, json, sys\n"
        "from streams.settings import load\n"
        "from tests.retention.swept import Due\n"
        "from tests.retention.test_lease import renewed\n"
        "from workers import failpoints\n"
        "from workers.database.engine import Database\n"
        "values = json.loads(sys.argv[1])\n"
        "async def main():\n"
        "    settings = load(values.pop('home'), **values)\n"
        "    async with Database(settings.database, settings.namespace) as database:\n"
        "        failpoints.arm(sys.argv[2])\n"
        "        await renewed(Due(settings, database))\n"
        "asyncio.run(main())\n"
    )
    names = ("home", "namespace", "store", "bucket", "database")
    chosen = {name: str(getattr(due.settings, name)) for name in names}
    arguments = [sys.executable, "-c", source, msgspec.json.encode(chosen).decode(), step]
    return subprocess.run(arguments, check=False, timeout=60).returncode
