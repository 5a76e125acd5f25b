"""What falls due goes into the bin once its time has come, decided again from its row; reviews are opened."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import msgspec

from tests.fate.rows import SIGNED
from tests.retention.swept import BIN, MONTH, Due
from workers.fate.moves import Disposal, Standing
from workers.retention.facts import Categorised, EarlyDisposal, Reviewed, Verdict
from workers.retention.policies import current
from workers.retention.schedule import reschedule

DAY = timedelta(days=1)
EARLIER = MONTH - timedelta(seconds=11)
"""A second before it goes into the bin."""


def said(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_without_a_policy_nothing_goes(due: Due) -> None:
    clip = await due.clip(stored=False)
    await due.database.execute("DELETE FROM policies")
    swept = await due.round()
    assert (swept.due, swept.intended) == (0, 0)
    assert await due.disposals(clip) == [None]


async def test_only_what_has_come_of_age_goes_into_the_bin_and_the_bin_says_why(due: Due) -> None:
    clip = await due.clip(EARLIER + timedelta(seconds=2), stored=False)
    others = [
        await due.clip(EARLIER - timedelta(seconds=30), stored=False),
        await due.clip(stored=False, hold_reasons=("complaint/hold-1",)),
        await due.clip(stored=False, standing=Standing.SECURED, verified_version=None),
        await due.clip(stored=False, facts=(Categorised("evidential", "PC-1", due.now()),)),
    ]
    swept = await due.round()
    assert (swept.due, swept.intended, swept.stopped) == (1, 1, None)
    assert await due.disposals(clip, *others) == [Disposal.INTENDED, None, None, None, None]
    row, [told] = await due.row(clip), await due.told("disposals.intended")
    assert row.intent is not None and row.intended_at is not None and row.dispose_from is not None
    assert told == {"clip_id": clip, **row.intent}
    assert (told["policy"], told["category"], told["rule"]) == (1, "uncategorised", "uncategorised")
    assert any("DPA 2018 s.39" in reason for reason in told["reasons"])
    assert row.dispose_from >= row.intended_at + BIN
    assert said(told["dispose_from"]) <= said(told["ends_at"])
    [round_] = await due.sweeps()
    assert (round_["sweep_id"], round_["state"], round_["intended"]) == (told["sweep"], "done", 1)
    assert (await due.round()).intended == 0, "what is in the bin is due no longer"
    assert len(await due.told("disposals.intended")) == 1


async def test_what_comes_late_into_the_bin_lies_there_as_long_as_anything_else(due: Due) -> None:
    clip = await due.clip(MONTH + 5 * DAY, stored=False)
    await due.round()
    row = await due.row(clip)
    assert row.intended_at is not None and row.dispose_from == row.intended_at + BIN


async def test_a_plan_that_is_out_of_date_is_written_again_and_nothing_goes(due: Due) -> None:
    clip = await due.clip(stored=False)
    facts = msgspec.json.encode([Categorised("evidential", "PC-1", due.now())]).decode()
    await due.database.execute("UPDATE clip_fate SET facts = %s WHERE clip_id = %s", (facts, clip))
    assert (await due.round()).intended == 0
    [plan] = await due.database.fetch("SELECT verdict, category, intend_from FROM schedule")
    assert (plan["verdict"], plan["category"], plan["intend_from"]) == ("review", "evidential", None)
    assert (await due.round()).due == 0


async def test_a_standing_hold_keeps_what_it_covers_out_of_the_bin_before_anybody_looked_at_it(due: Due) -> None:
    clip = await due.clip(stored=False)
    await due.standing_hold()
    swept = await due.round()
    assert (swept.due, swept.intended) == (1, 0)
    assert await due.disposals(clip) == [None]
    await due.database.execute("UPDATE holds SET lifted_at = now()")
    assert (await due.round()).intended == 1


async def test_two_sweeps_at_once_put_each_clip_into_the_bin_once(due: Due) -> None:
    clips = [await due.clip(stored=False) for _ in range(30)]
    await due.relayed()
    later = due.now() + timedelta(milliseconds=5)
    rounds = await asyncio.gather(due.sweep().round(), due.sweep(now=lambda: later).round())
    assert sum(swept.intended for swept in rounds) == 30
    assert await due.disposals(*clips) == [Disposal.INTENDED] * 30
    told = await due.told("disposals.intended")
    assert sorted(event["clip_id"] for event in told) == sorted(clips)
    assert sum(row["intended"] for row in await due.sweeps()) == 30


async def test_the_end_of_a_long_period_opens_a_review_once_and_nothing_goes_by_itself(due: Due) -> None:
    looked_at = (Categorised("looked-at", "PC-1", due.now()),)
    clip = await due.clip(DAY, stored=False, facts=looked_at)
    held = await due.clip(DAY, stored=False, facts=looked_at, hold_reasons=("complaint/hold-1",))
    young = await due.clip(timedelta(seconds=5), stored=False, facts=looked_at)
    assert [(await due.round()).reviews for _ in range(3)] == [1, 0, 0]
    [told] = await due.told("reviews.due")
    assert (told["clip_id"], told["category"], told["rule"]) == (clip, "looked-at", "looked-at")
    [opened] = await due.database.fetch("SELECT clip_id, due_at, decided_at FROM reviews")
    assert (opened["clip_id"], opened["decided_at"]) == (clip, None)
    assert opened["due_at"] == said(told["due_at"])
    assert await due.disposals(clip, held, young) == [None, None, None]


async def test_a_review_that_says_keep_comes_again_after_the_next_period(due: Due) -> None:
    looked_at = Categorised("looked-at", "PC-1", due.now())
    clip = await due.clip(DAY, stored=False, facts=(looked_at,))
    await due.round()
    kept = Reviewed(Verdict.KEEP, "ADMIN", due.now())
    facts = msgspec.json.encode([looked_at, kept]).decode()
    await due.database.execute("UPDATE clip_fate SET facts = %s WHERE clip_id = %s", (facts, clip))
    await due.database.execute("UPDATE reviews SET decided_at = now(), verdict = 'keep'")
    async with due.database.transaction() as connection:
        await reschedule(connection, [clip], await current(connection))
    assert (await due.round()).reviews == 0, "the next period is a minute"
    due.later = timedelta(seconds=70)
    assert (await due.round()).reviews == 1
    assert len(await due.told("reviews.due")) == 2


async def test_what_people_let_go_early_goes_and_quarantine_waits_for_a_person(due: Due) -> None:
    early = EarlyDisposal("PC-1", "ADMIN", due.now() - DAY)
    private = await due.clip(2 * DAY, stored=False, facts=(early,), camera_copy="present")
    apart = await due.clip(
        timedelta(days=400), stored=False, standing=Standing.QUARANTINED, quarantine={"found_size": 5}, decision=SIGNED
    )
    swept = await due.round()
    assert (swept.intended, swept.reviews) == (1, 1)
    assert await due.disposals(private, apart) == [Disposal.INTENDED, None]
