"""Lifting: one person or two, never a timer; the other reasons and the store's legal hold stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from streams.messages import HoldLiftRequested, HoldMatched, StandingHoldLifted
from tests.retention.held import Held
from workers.errors import RuleBroken, SignatureInvalid
from workers.fate.moves import Disposal
from workers.keys.statements import PURPOSES, now_iso
from workers.retention.answers import Verdict
from workers.retention.facts import HoldReason
from workers.retention.lifting import ONE_PERSON
from workers.retention.scopes import GIVEN
from workers.retention.statements import HoldLift

NOW = datetime.now(UTC)
TWO = [r for r in HoldReason if r not in (*ONE_PERSON, *GIVEN, HoldReason.CASE)]


@pytest.mark.parametrize("reason", TWO)
async def test_two_different_people_lift_it(held: Held, reason: HoldReason) -> None:
    await held.enrol("SECOND")
    clip = await held.clip()
    hold, _ = await held.ask(clip_id=clip, reason=reason.value)

    first = await held.lift(hold)
    assert first.verdict is Verdict.PENDING and (await held.fate(clip)).held
    again = await held.lift(hold)
    assert again.verdict is Verdict.REFUSED and "two people" in again.says and (await held.fate(clip)).held
    second = await held.lift(hold, "SECOND")

    assert second.verdict is Verdict.DONE and not (await held.fate(clip)).held
    assert await held.states(hold) == {clip: "lifted"}
    row = await held.database.fetch_one("SELECT lifted_by FROM holds WHERE hold_id = %s", (hold,))
    assert row is not None and sorted(row["lifted_by"]) == ["ADMIN", "SECOND"]
    assert held.holds_at_store(clip) == [True, True, True], "only disposal takes it off, after its commit"


async def test_one_person_lifts_a_manual_hold(held: Held) -> None:
    clip = await held.clip()
    hold, _ = await held.ask(clip_id=clip, reason="manual")
    assert (await held.lift(hold)).verdict is Verdict.DONE
    assert not (await held.fate(clip)).held and held.topics(clip)[-1] == "holds.lifted"


async def test_a_case_hold_is_not_lifted_before_its_earliest_end_and_then_by_one_person(held: Held) -> None:
    clip = await held.clip()
    early, _ = await held.ask(clip_id=clip, reason="case", earliest_end=NOW + timedelta(days=1))
    due, _ = await held.ask(clip_id=clip, reason="case", earliest_end=NOW - timedelta(days=1))
    open_end, _ = await held.ask(clip_id=clip, reason="case")

    refused = await held.lift(early)
    assert refused.verdict is Verdict.REFUSED and "ends no sooner than" in refused.says
    assert (await held.lift(due)).verdict is Verdict.DONE
    assert (await held.lift(open_end)).verdict is Verdict.PENDING, "nobody knows its end: a second person looks"
    assert (await held.fate(clip)).hold_reasons == (f"case/{early}", f"case/{open_end}")


async def test_lifting_one_hold_leaves_the_other_reasons(held: Held) -> None:
    clip = await held.clip()
    one, _ = await held.ask(clip_id=clip, reason="manual")
    two, _ = await held.ask(clip_id=clip, reason="complaint")

    await held.lift(one)

    fate = await held.fate(clip)
    assert fate.hold_reasons == (f"complaint/{two}",) and fate.held


async def test_a_lifted_standing_hold_leaves_all_its_clips_and_none_comes_back(held: Held) -> None:
    clips = [await held.clip(incident="INC-1") for _ in range(3)]
    hold, _ = await held.ask(scope="incident", incident="INC-1", reason="manual")
    waiting = await held.clip(incident="INC-1", stored=False)
    await held.give("holds.matched", HoldMatched(waiting, hold), "evt-1", waiting)

    assert (await held.lift(hold)).verdict is Verdict.DONE
    late = await held.clip(incident="INC-1")
    for clip in (late, *clips):
        await held.give("holds.matched", HoldMatched(clip, hold), "evt-2", clip)

    assert await held.states(hold) == dict.fromkeys([*clips, waiting], "lifted")
    assert not any([(await held.fate(clip)).held for clip in (*clips, waiting, late)])


async def test_what_a_restored_row_carries_is_lifted_although_nothing_else_knows_of_it(held: Held) -> None:
    clip = await held.clip()
    hold, _ = await held.ask(clip_id=clip, reason="manual")
    await held.database.execute("DELETE FROM hold_clips")

    await held.lift(hold)

    assert not (await held.fate(clip)).held and await held.states(hold) == {clip: "lifted"}


async def test_a_repeat_of_a_lift_changes_nothing_and_an_unknown_hold_is_refused(held: Held) -> None:
    clip = await held.clip()
    hold, _ = await held.ask(clip_id=clip, reason="manual")
    await held.lift(hold)
    told = len(held.told)

    await held.give("holds.standing-lifted", StandingHoldLifted(hold, "manual", ()), "evt-again", hold)
    assert await held.settle() == [] and len(held.told) == told
    assert (await held.lift(hold)).verdict is Verdict.REFUSED
    unknown = await held.lift("hold-" + "a" * 32)
    assert unknown.verdict is Verdict.REFUSED and "there is no hold" in unknown.says


async def test_nobody_is_two_people_by_signing_in_another_name(held: Held) -> None:
    clip = await held.clip()
    hold, _ = await held.ask(clip_id=clip)
    await held.lift(hold)
    held.people["SECOND"] = held.people["ADMIN"]

    with pytest.raises(SignatureInvalid, match="signed by ADMIN"):
        await held.lift(hold, "SECOND")

    [told] = await held.database.fetch("SELECT verdict, says FROM answers WHERE verdict = 'refused'")
    assert "asked by 'SECOND' and signed by ADMIN" in told["says"]
    assert (await held.fate(clip)).held and (await held.hold(hold)).lifted_at is None


async def test_a_lift_counts_for_the_hold_that_was_signed_alone(held: Held) -> None:
    clip = await held.clip()
    signed_for, _ = await held.ask(clip_id=clip, reason="manual")
    other, _ = await held.ask(clip_id=clip, reason="manual")
    lift = held.people["ADMIN"].sign(PURPOSES[HoldLift], HoldLift(signed_for, "no longer needed", "ADMIN", now_iso()))

    with pytest.raises(RuleBroken, match=other):
        await held.give("holds.lift-requested", HoldLiftRequested(other, lift), "evt-moved", other)

    assert (await held.answered("evt-moved")).verdict is Verdict.REFUSED
    assert (await held.hold(signed_for)).lifted_at is None and (await held.hold(other)).lifted_at is None


async def test_a_lift_that_comes_again_is_neither_done_nor_refused_a_second_time(held: Held) -> None:
    clip = await held.clip()
    hold, _ = await held.ask(clip_id=clip, reason="manual")
    lift = held.people["ADMIN"].sign(PURPOSES[HoldLift], HoldLift(hold, "no longer needed", "ADMIN", now_iso()))

    for _ in range(2):
        await held.give("holds.lift-requested", HoldLiftRequested(hold, lift), "evt-lift", hold)
        await held.settle()

    assert (await held.answered("evt-lift")).verdict is Verdict.DONE
    told = [event.topic for event in held.told]
    assert told.count("holds.lifted") == 1 and "requests.refused" not in told


async def test_a_forged_message_lifts_nothing(held: Held) -> None:
    clip = await held.clip()
    hold, _ = await held.ask(clip_id=clip)
    await held.give("holds.standing-lifted", StandingHoldLifted(hold, "complaint", ()), "evt-forged", hold)
    assert (await held.fate(clip)).held and held.waiting == []


async def test_a_lift_after_a_refusal_leaves_the_committed_clip_alone(held: Held) -> None:
    clip, gone = await held.clip(incident="INC-1"), await held.clip(incident="INC-1")
    await held.disposal(gone, Disposal.COMMITTED)
    hold, _ = await held.ask(scope="incident", incident="INC-1", reason="manual")
    await held.lift(hold)
    assert await held.states(hold) == {clip: "lifted", gone: "refused"}
