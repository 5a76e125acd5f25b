"""The commit is decided once more under the row's lock: whatever came in between counts, and each wait has a reason."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec
import pytest

from tests.fate.rows import SIGNED
from tests.retention.swept import MONTH, Due, until
from workers.database.engine import execute
from workers.fate.moves import PLACE_HOLD, RENEW_LEASE, Disposal
from workers.fate.outbox import Event
from workers.fate.row import find_on, make_on
from workers.retention.committing import For
from workers.retention.facts import EarlyDisposal
from workers.vault.s3 import S3Vault
from workers.vault.values import ObjectHead

IN_BIN = timedelta(seconds=6)


async def in_bin(due: Due, number: int = 1, **columns: object) -> list[str]:
    """Clips that have lain in the bin for as long as they must."""
    clips = [await due.clip(**columns) for _ in range(number)]
    assert (await due.round()).intended == number
    due.later += IN_BIN
    return clips


async def test_what_has_lain_in_the_bin_is_committed_with_all_that_disposal_needs(due: Due) -> None:
    [clip] = await in_bin(due, receipt=SIGNED)
    await due.unlocked(clip)
    swept = await due.round()
    assert (swept.committed.committed, swept.committed.waiting) == (1, {})
    row, [told] = await due.row(clip), await due.told("disposals.committed")
    assert row.disposal == Disposal.COMMITTED
    assert (told["camera"], told["recording"], told["policy"]) == (row.camera, row.recording, 1)
    assert msgspec.convert(told["report"], type(row.report)) == row.report
    assert told["receipt"]["body"] == SIGNED.body
    assert told["intended_at"] == (await due.told("disposals.intended"))[0]["intended_at"]
    assert told["reasons"]
    assert (await due.round()).committed.committed == 0
    assert len(await due.told("disposals.committed")) == 1


async def test_nothing_is_committed_before_its_time_in_the_bin_is_over(due: Due) -> None:
    clip = await due.clip(MONTH + timedelta(days=1))
    await due.round()
    await due.unlocked(clip)
    assert (await due.round()).committed.committed == 0
    assert await due.disposals(clip) == [Disposal.INTENDED]
    await due.adopt(None, ('bin = "5 seconds"', 'bin = "20 seconds"'), ('period = "12 seconds"', 'period = "1 hour"'))
    due.later = IN_BIN
    swept = await due.round()
    assert swept.committed.waiting == {For.TIME: 1}, "the bin of the policy in force counts"
    due.later = timedelta(seconds=21)
    assert (await due.round()).committed.committed == 1


async def test_a_policy_that_became_longer_by_less_than_the_bin_counts(due: Due) -> None:
    slow = (
        ('minimum = "30 seconds"', 'minimum = "3 days"'),
        ('bin = "5 seconds"', 'bin = "2 days"'),
        ('period = "12 seconds"', 'period = "1 year"'),
        ('period = "30 seconds"', 'period = "1 year"'),
        ('period = "1 minute"', 'period = "1 year"'),
        ('again = "1 minute"', 'again = "1 year"'),
    )
    await due.adopt(None, *slow)
    clip = await due.clip(timedelta(days=29, minutes=1))
    await due.round()
    await due.unlocked(clip)
    assert await due.disposals(clip) == [Disposal.INTENDED]
    await due.adopt(None, *slow, ('period = "31 days"', 'period = "32 days"'))
    due.later = timedelta(days=2, minutes=1)
    assert (await due.round()).committed.waiting == {For.TIME: 1}, "its time has come, under the policy before"
    due.later = timedelta(days=3, minutes=1)
    assert (await due.round()).committed.committed == 1


async def test_a_lock_is_waited_for_whether_the_row_or_only_the_store_knows_of_it(due: Due) -> None:
    [leased, locked, free] = await in_bin(due, 3)
    due.put_payload(locked, 60)
    lease_end = due.now() + timedelta(minutes=1)
    await due.database.execute("UPDATE clip_fate SET lease_end = %s WHERE clip_id = %s", (lease_end, leased))
    await due.unlocked(leased, free)
    sweep = due.sweep()
    await due.relayed()
    for _ in range(2):
        swept = await sweep.round()
        assert swept.committed.waiting == {For.LEASE: 1, For.LOCK: 1}
        await due.relayed()
    assert await due.disposals(leased, locked, free) == [Disposal.INTENDED, Disposal.INTENDED, Disposal.COMMITTED]
    said = {clip: (await due.database.fetch("SELECT waits FROM schedule WHERE clip_id = %s", (clip,)))[0]["waits"]
            for clip in (leased, locked, free)}  # fmt: skip
    assert "end of its lease" in said[leased] and "the store's lock" in said[locked] and said[free] is None


async def test_the_camera_is_waited_for_unless_a_person_decided(due: Due) -> None:
    early = (EarlyDisposal("PC-1", "ADMIN", due.now() - timedelta(days=1)),)
    [present] = await in_bin(due, camera_copy="present")
    [unknown] = await in_bin(due, camera_copy="unknown")
    [decided] = await in_bin(due, camera_copy="present", facts=early)
    await due.unlocked(present, unknown, decided)
    swept = await due.round()
    assert (swept.committed.committed, swept.committed.waiting) == (1, {For.CAMERA: 2})
    assert await due.disposals(present, unknown, decided) == ["intended", "intended", "committed"]


async def test_another_policy_takes_out_of_the_bin_what_it_keeps_longer(due: Due) -> None:
    [clip] = await in_bin(due)
    await due.unlocked(clip)
    await due.adopt(None, ('period = "31 days"', 'period = "60 days"'))
    swept = await due.round()
    assert (swept.committed.committed, swept.committed.withdrawn) == (0, 1)
    row, [told] = await due.row(clip), await due.told("disposals.cancelled")
    assert (row.disposal, row.intent, row.dispose_from) == (None, None, None)
    assert (told["clip_id"], told["restoration"]) == (clip, None)
    assert "decided again" in told["reason"]
    [plan] = await due.database.fetch("SELECT policy, intend_from > now() AS later FROM schedule")
    assert (plan["policy"], plan["later"]) == (2, True)
    assert (await due.round()).due == 0


async def test_a_standing_hold_takes_out_of_the_bin_what_it_covers(due: Due) -> None:
    [clip] = await in_bin(due)
    await due.unlocked(clip)
    await due.standing_hold("hold-standing")
    swept = await due.round()
    assert (swept.committed.committed, swept.committed.withdrawn) == (0, 1)
    assert await due.disposals(clip) == [None]
    assert "hold-standing" in (await due.told("disposals.cancelled"))[0]["reason"]


class Sleepy(S3Vault):
    """Sleeps after it was told the state of a lock, until it is woken."""

    asleep: threading.Event
    wake: threading.Event

    def head(self, key: str, version_id: str | None = None) -> ObjectHead | None:
        found = super().head(key, version_id)
        self.asleep.set()
        assert self.wake.wait(30)
        return found


async def _hold(due: Due, clip: str) -> None:
    async with due.database.transaction() as connection:
        fate = await find_on(connection, clip, lock=True)
        assert fate is not None
        event = Event("holds.accepted", clip, f"evt-{clip}", clip, "holds", b"{}")
        await make_on(connection, PLACE_HOLD, fate, given={"hold_reasons": ("complaint/hold-1",)}, events=[event])


async def _lease(due: Due, clip: str) -> None:
    async with due.database.transaction() as connection:
        fate = await find_on(connection, clip, lock=True)
        assert fate is not None
        await make_on(connection, RENEW_LEASE, fate, given={"lease_end": due.now() + timedelta(hours=1)})


async def _policy(due: Due, clip: str) -> None:
    async with due.database.transaction() as connection:
        await execute(connection, "SELECT one FROM guard FOR UPDATE")
    await due.adopt(None, ('period = "31 days"', 'period = "60 days"'))


async def _standing(due: Due, clip: str) -> None:
    await due.standing_hold()


@pytest.mark.parametrize("between", [_hold, _lease, _policy, _standing])
async def test_a_sweep_that_slept_before_its_commit_finds_what_came_in_between(
    due: Due, between: Callable[[Due, str], Awaitable[None]]
) -> None:
    [clip] = await in_bin(due)
    await due.unlocked(clip)
    sleepy = Sleepy(due.vault._client.access)  # type: ignore[attr-defined]
    sleepy.asleep, sleepy.wake = threading.Event(), threading.Event()
    due.vault = sleepy
    await due.relayed()
    zombie = asyncio.create_task(due.sweep().round())
    assert await asyncio.to_thread(sleepy.asleep.wait, 30)
    await between(due, clip)
    sleepy.wake.set()
    assert (await zombie).committed.committed == 0
    assert (await due.row(clip)).disposal in (None, Disposal.INTENDED)
    assert await due.told("disposals.committed") == []


async def test_a_commit_waits_for_a_standing_hold_that_is_being_placed_and_then_sees_it(due: Due) -> None:
    """A standing hold's transaction holds the guard row: a commit waits for it, and then sees its hold."""
    [clip] = await in_bin(due)
    await due.unlocked(clip)
    await due.relayed()
    async with due.database.transaction() as connection:
        await execute(connection, "SELECT one FROM guard FOR UPDATE")
        committing = asyncio.create_task(due.sweep().round())
        await _waits_for_the_guard(due)
        await execute(
            connection,
            "INSERT INTO holds (hold_id, scope, reason, incident, restricted, request, placed_by, placed_at)"
            " VALUES ('hold-g', 'incident', 'complaint', 'INC-1', false, '{}', 'ADMIN', now())",
        )
    swept = await committing
    assert (swept.committed.committed, swept.committed.withdrawn) == (0, 1)
    assert await due.disposals(clip) == [None]


async def _waits_for_the_guard(due: Due) -> None:
    statement = (
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%guard FOR SHARE%%'"
        " AND query NOT LIKE '%%pg_stat%%'"
    )
    await until(lambda: due.database.fetch(statement), "the commit to wait for the guard row")


async def test_two_sweeps_at_once_commit_each_clip_once(due: Due) -> None:
    clips = await in_bin(due, 20)
    await due.unlocked(*clips)
    await due.relayed()
    rounds = await asyncio.gather(due.sweep().round(), due.sweep().round())
    assert sum(swept.committed.committed for swept in rounds) == 20
    assert await due.disposals(*clips) == [Disposal.COMMITTED] * 20
    assert len(await due.told("disposals.committed")) == 20


@pytest.mark.parametrize("step", ["before_intend", "after_intend", "before_commit", "after_commit"])
async def test_a_sweep_that_is_killed_has_done_all_of_a_slice_or_nothing_and_is_done_by_the_next(
    due: Due, step: str
) -> None:
    clips = [await due.clip() for _ in range(4)]
    if "commit" in step:
        await due.round()
        due.later = IN_BIN
        await due.unlocked(*clips)
    await due.relayed()
    code = await asyncio.to_thread(_killed, due, f"sweep.{step}")
    assert code == -9
    before = {"before_intend": None, "after_intend": "intended", "before_commit": "intended",
              "after_commit": "committed"}[step]  # fmt: skip
    assert await due.disposals(*clips) == [before] * 4
    await due.round()
    due.later = 2 * IN_BIN
    await due.unlocked(*clips)
    await due.round()
    assert await due.disposals(*clips) == [Disposal.COMMITTED] * 4
    for topic in ("disposals.intended", "disposals.committed"):
        assert sorted(event["clip_id"] for event in await due.told(topic)) == sorted(clips)


def _killed(due: Due, step: str) -> int:
    """One round in a process that dies at this step; returns its exit code."""
    values = {name: str(value) for name, value in msgspec.structs.asdict(due.settings).items()}
    source = (
        "import asyncio, json, sys\n"
        "from datetime import timedelta\n"
        "from streams.settings import load\n"
        "from tests.retention.swept import Due\n"
        "from workers import failpoints\n"
        "from workers.database.engine import Database\n"
        "values = json.loads(sys.argv[1])\n"
        "async def main():\n"
        "    settings = load(values.pop('home'), **values)\n"
        "    async with Database(settings.database, settings.namespace) as database:\n"
        "        due = Due(settings, database)\n"
        "        due.later = timedelta(seconds=float(sys.argv[3]))\n"
        "        failpoints.arm(sys.argv[2])\n"
        "        await due.round()\n"
        "asyncio.run(main())\n"
    )
    chosen = {name: values[name] for name in ("home", "namespace", "store", "bucket", "database")}
    arguments = [sys.executable, "-c", source, msgspec.json.encode(chosen).decode(), step]
    return subprocess.run([*arguments, str(due.later.total_seconds())], check=False, timeout=60).returncode
