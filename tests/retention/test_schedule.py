"""The schedule follows what happens to a clip and to the policy; an index that heals, never the decision."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from streams import messages as m
from streams import rescheduling as module
from streams.rescheduling import Rescheduling
from tests.retention.desk import DOCK, MET, SURREY, Desk, ago, report
from tests.streams.stream_world import eventually
from workers.database.engine import fetch
from workers.fate.moves import Standing
from workers.retention.clips import clip_of
from workers.retention.decide import plan
from workers.retention.facts import Hold, HoldReason
from workers.retention.policies import current
from workers.retention.schedule import outdated, plan_of, reschedule

SIGNED = DOCK.sign("bwv.report.1", report("CAM-1", "x"))


async def verified(desk: Desk, clip: str) -> None:
    """The message that follows the read-back."""
    told = m.ClipVerified(clip, 1, SIGNED, "k", "v1", 1000, "s", 0.1, "t")
    await desk.tell("clips.verified", told, clip)


async def none_outdated(desk: Desk) -> bool:
    async with desk.database.connection() as connection:
        return not await outdated(connection, 1)


async def counted(desk: Desk, **row: object) -> int:
    where = " AND ".join(f"{name} = %({name})s" for name in row) or "true"
    [found] = await desk.database.fetch(f"SELECT count(*) AS n FROM schedule WHERE {where}", row)
    return int(found["n"])


async def test_a_clip_is_planned_when_it_is_registered_even_before_any_policy(desk: Desk) -> None:
    clip = await desk.clip(incident="INC-7", row={"standing": Standing.REGISTERED, "verified_version": None})
    await desk.tell("clips.registered", m.ClipRegistered(clip, 1, SIGNED), clip)
    planned = await desk.planned(clip)
    assert planned is not None
    assert (planned["policy"], planned["verdict"], planned["rule"]) == (0, "never", "no policy")
    assert (planned["incident"], planned["size"], planned["intend_from"]) == ("INC-7", 1000, None)


async def test_the_plan_is_that_of_the_policy_in_force(desk: Desk) -> None:
    await desk.adopt()
    clip = await desk.clip(docked_at=ago(days=3))
    await verified(desk, clip)
    planned = await desk.planned(clip)
    fate = await desk.fate(clip)
    async with desk.database.connection() as connection:
        policy = await current(connection)
    assert policy is not None and planned is not None
    expected = plan_of(fate, policy)
    for name in ("category", "rule", "policy", "ends_at", "dispose_from", "intend_from", "review_from", "held"):
        assert planned[name] == getattr(expected, name), name
    assert planned["verdict"] == "expire"
    assert planned["dispose_from"] - planned["intend_from"] == policy.bin
    assert planned["docked_at"] - planned["recorded_at"] == timedelta(hours=2)


async def test_what_happens_to_a_clip_is_planned_again(desk: Desk) -> None:
    await desk.adopt()
    clip = await desk.clip()
    await verified(desk, clip)
    await desk.database.execute("UPDATE clip_fate SET hold_reasons = '{complaint/hold-1}' WHERE clip_id = %s", (clip,))
    assert (await desk.planned(clip) or {})["held"] is False
    await desk.tell("holds.accepted", m.HoldAccepted(clip, "hold-1", "complaint", SIGNED), clip)
    assert (await desk.planned(clip) or {})["held"] is True
    await desk.database.execute("UPDATE clip_fate SET hold_reasons = '{}' WHERE clip_id = %s", (clip,))
    await desk.tell("holds.lifted", m.HoldLifted(clip, "hold-1", "complaint", ()), clip)
    assert (await desk.planned(clip) or {})["held"] is False


async def test_quarantined_bytes_are_planned_with_the_length_that_was_found(desk: Desk) -> None:
    await desk.adopt()
    apart = {"reason": "differs", "found_size": 77, "found_sha256": "f" * 64}
    clip = await desk.clip(row={"standing": Standing.QUARANTINED, "quarantine": apart, "verified_version": None})
    told = m.ClipQuarantined(clip, 1, SIGNED, "differs", "e", 1000, "f", 77, "k", "v")
    await desk.tell("clips.quarantined", told, clip)
    planned = await desk.planned(clip)
    assert planned is not None
    assert (planned["size"], planned["rule"]) == (77, "quarantine")


async def test_a_disposed_clip_leaves_the_schedule_and_no_late_message_brings_it_back(desk: Desk) -> None:
    await desk.adopt()
    clip, other = await desk.clip(), await desk.clip()
    await verified(desk, clip)
    await verified(desk, other)
    await desk.database.execute("UPDATE clip_fate SET disposal = 'done' WHERE clip_id = %s", (clip,))
    told = m.ClipDisposed(clip, "CAM-1", 1, "uncategorised", "uncategorised", SIGNED)
    await desk.tell("clips.disposed", told, clip)
    assert await desk.planned(clip) is None
    await verified(desk, clip)
    assert await desk.planned(clip) is None
    assert await desk.planned(other) is not None


# -- another policy ----------------------------------------------------------------------------------------


async def force(desk: Desk, count: int) -> list[str]:
    """So many clips, planned under no policy."""
    clips = [await desk.clip(docked_at=ago(days=1 + number % 40)) for number in range(count)]
    async with desk.database.transaction() as connection:
        await reschedule(connection, clips, None)
    return clips


async def test_every_clip_is_planned_again_under_a_new_policy(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE", 7)
    clips = await force(desk, 40)
    await desk.adopt(SURREY, 1)
    assert await counted(desk, policy=0) == 40
    assert await desk.stage.rescheduling.all_outdated() == 40
    assert await counted(desk, policy=1, category="uncategorised", verdict="expire") == 40
    before = {clip: (await desk.planned(clip) or {})["ends_at"] for clip in clips[:5]}
    await desk.adopt(MET, 2)
    assert await desk.stage.rescheduling.all_outdated() == 40
    assert await counted(desk, policy=2) == 40
    for clip, ends_at in before.items():  # 30 days, and 31
        assert timedelta(hours=23) <= (await desk.planned(clip) or {})["ends_at"] - ends_at <= timedelta(hours=25)
    assert await desk.stage.rescheduling.all_outdated() == 0


async def test_what_one_process_left_undone_another_does(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE", 5)
    await force(desk, 30)
    await desk.adopt()
    async with desk.database.connection() as connection:
        policy = await current(connection)
        await desk.stage.rescheduling._slice(connection, policy, "")  # and killed
    assert await counted(desk, policy=0) == 25
    after = Rescheduling(desk.settings, desk.database)
    after.start()
    try:
        await eventually(lambda: none_outdated(desk), "every clip to be planned again")
    finally:
        await after.stop()
    assert await counted(desk, policy=1) == 30


async def test_two_processes_share_the_rows(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE", 3)
    await force(desk, 60)
    await desk.adopt()
    both = (desk.stage.rescheduling, Rescheduling(desk.settings, desk.database))
    shares = await asyncio.gather(*(one.all_outdated() for one in both))
    assert await counted(desk, policy=1) == 60
    assert sum(shares) == 60, "no row is planned twice"
    print("shares", shares)


async def test_a_row_that_is_busy_is_come_back_to_and_nobody_waits_for_it(desk: Desk) -> None:
    clips = await force(desk, 10)
    await desk.adopt()
    async with desk.database.transaction() as busy:
        await fetch(busy, "SELECT 1 FROM schedule WHERE clip_id = %s FOR UPDATE", (clips[3],))
        assert await desk.stage.rescheduling.all_outdated() == 9
    assert await desk.stage.rescheduling.all_outdated() == 1
    assert await counted(desk, policy=1) == 10


async def test_a_decision_made_while_clips_are_planned_again_is_not_overwritten(desk: Desk) -> None:
    clips = await force(desk, 20)
    await desk.adopt()
    working = asyncio.create_task(desk.stage.rescheduling.all_outdated())
    for clip in clips:
        await desk.categorise(clip, "evidential")
    await working
    assert await counted(desk, category="evidential", verdict="review", policy=1) == 20


async def test_the_plans_of_corrections_and_categories_are_those_of_decide(desk: Desk) -> None:
    """`plan_of` gives `plan` the row's own facts and holds."""
    await desk.adopt()
    clip = await desk.clip(row={"hold_reasons": ["inquest/hold-9", "something else"]})
    await desk.categorise(clip, "complaint")
    fate = await desk.fate(clip)
    async with desk.database.connection() as connection:
        policy = await current(connection)
    assert policy is not None
    made = plan_of(fate, policy)
    holds = (Hold("hold-9", HoldReason.INQUEST), Hold("something else", HoldReason.RESTORED))
    assert made == plan(clip_of(fate), fate.facts, holds, policy)
    assert made.held and (await desk.planned(clip) or {})["held"]
