"""The decision: what lengthens, what may shorten, and every date of the written-down cases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.retention.golden_cases import CASES, FOLDER, VERSION, page
from workers.fate.moves import Standing
from workers.footage.recording import Kind, SourceType
from workers.retention.clips import recorded_at
from workers.retention.decide import decide, plan
from workers.retention.decision import Decision, Expire, Keep, Outcome, Plan, Review
from workers.retention.facts import (
    Categorised,
    Clip,
    Confirmed,
    EarlyDisposal,
    Fact,
    Hold,
    HoldReason,
    IncidentGiven,
    NotBefore,
    Reviewed,
    TimeConfirmed,
    TimeCorrected,
    Verdict,
)
from workers.retention.policy import parse
from workers.retention.shipped import NAMES, shipped

POLICIES = {name: parse(shipped(name), VERSION) for name in NAMES}
NAMED = sorted({name for policy in POLICIES.values() for name in policy.names} | {"cold-case"})
PERSON = st.sampled_from(("PC-1", "PS-2", "DP-1"))
DOCKED = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))
FACTS = st.one_of(
    st.builds(Categorised, st.sampled_from(NAMED), PERSON, MOMENTS),
    st.builds(Confirmed, st.sampled_from(NAMED), PERSON, MOMENTS),
    st.builds(IncidentGiven, st.sampled_from(("INC-1", "INC-2")), PERSON, MOMENTS),
    st.builds(TimeCorrected, MOMENTS, PERSON, MOMENTS),
    st.builds(TimeConfirmed, MOMENTS, PERSON, MOMENTS),
    st.builds(Reviewed, st.sampled_from(Verdict), PERSON, MOMENTS),
    st.builds(NotBefore, st.dates(date(2015, 1, 1), date(2060, 1, 1)), PERSON, MOMENTS),
    st.builds(EarlyDisposal, PERSON, PERSON, MOMENTS),
)
HISTORIES = st.lists(FACTS, max_size=6).map(tuple)
HOLDS = st.lists(
    st.builds(Hold, st.just("hold-a"), st.sampled_from(HoldReason), MOMENTS, PERSON, st.booleans()), max_size=2
).map(tuple)


@st.composite
def clips(draw: st.DrawFn, standings: Any = tuple(Standing)) -> Clip:
    docked = draw(DOCKED)
    recorded = draw(st.none() | st.timedeltas(timedelta(days=-3), timedelta(days=500)).map(lambda age: docked - age))
    return Clip(
        "clip-a", draw(st.sampled_from(SourceType)), draw(st.sampled_from(Kind)), draw(st.sampled_from(standings)),
        recorded, docked,
    )  # fmt: skip


POLICY = st.sampled_from(sorted(POLICIES)).map(POLICIES.__getitem__)
FAR = datetime.max.replace(tzinfo=UTC)


def longer(first: Plan, second: Plan) -> bool:
    """Whether the first keeps a clip no shorter: what never goes by itself beats what is reviewed."""
    order = (Outcome.EXPIRE, Outcome.REVIEW, Outcome.NEVER)
    if first.outcome is not second.outcome:
        return order.index(first.outcome) > order.index(second.outcome)
    starts = [(p.dispose_from or p.review_from or FAR, p.intend_from or FAR) for p in (first, second)]
    return starts[0] >= starts[1]


@pytest.mark.parametrize("name", NAMES)
def test_every_written_down_case_is_decided_as_it_is_written(name: str) -> None:
    assert page(POLICIES[name]) == (FOLDER / f"{name}.txt").read_text()


def test_the_written_down_cases_have_every_decision_and_every_fact() -> None:
    decided: set[type[Decision]] = {
        type(decide(case.clip, case.facts, case.holds, policy, now))
        for case in CASES for policy in POLICIES.values() for now in case.asked
    }  # fmt: skip
    assert decided == {Keep, Expire, Review}
    assert {type(fact) for case in CASES for fact in case.facts} == set(Fact.__args__)


@given(clips(), HISTORIES, HOLDS, POLICY, MOMENTS)
def test_every_clip_has_a_decision_and_every_decision_a_sourced_sentence(
    clip: Clip, facts: tuple[Fact, ...], holds: tuple[Hold, ...], policy: Any, now: datetime
) -> None:
    decision = decide(clip, facts, holds, policy, now)
    assert decision.reasons[1:] == decision.plan.reasons
    assert all(reason.says and reason.rule and reason.source for reason in decision.reasons)
    made = decision.plan
    if made.outcome is Outcome.EXPIRE:
        assert made.ends_at and made.dispose_from and made.intend_from and made.review_from is None
        assert made.dispose_from == made.ends_at - policy.window
        assert made.intend_from == made.dispose_from - policy.bin
    else:
        assert made.ends_at is made.dispose_from is made.intend_from is None
        assert (made.review_from is not None) == (made.outcome is Outcome.REVIEW)
    if isinstance(decision, Expire):
        assert made.intend_from is not None and now >= made.intend_from and not holds


@given(clips(), HISTORIES, HOLDS, POLICY, MOMENTS)
def test_a_hold_never_shortens(
    clip: Clip, facts: tuple[Fact, ...], holds: tuple[Hold, ...], policy: Any, now: datetime
) -> None:
    hold = Hold("hold-z", HoldReason.MANUAL, now, "PC-1")
    assert isinstance(decide(clip, facts, (*holds, hold), policy, now), Keep)
    held, free = plan(clip, facts, (*holds, hold), policy), plan(clip, facts, holds, policy)
    assert held.held and (held.dispose_from, held.review_from) == (free.dispose_from, free.review_from)


@given(clips(), HISTORIES, POLICY, st.sampled_from(NAMED), MOMENTS)
def test_another_category_never_shortens_before_somebody_confirms_it(
    clip: Clip, facts: tuple[Fact, ...], policy: Any, category: str, at: datetime
) -> None:
    assert longer(plan(clip, (*facts, Categorised(category, "PC-1", at)), (), policy), plan(clip, facts, (), policy))


@given(clips(), HISTORIES, POLICY, MOMENTS)
def test_a_corrected_time_never_shortens_before_somebody_confirms_it(
    clip: Clip, facts: tuple[Fact, ...], policy: Any, to: datetime
) -> None:
    assert longer(plan(clip, (*facts, TimeCorrected(to, "PC-1", to)), (), policy), plan(clip, facts, (), policy))


@given(clips(), HISTORIES, POLICY, st.dates(date(2015, 1, 1), date(2090, 1, 1)), MOMENTS)
def test_not_before_never_shortens_and_is_kept_to(
    clip: Clip, facts: tuple[Fact, ...], policy: Any, day: date, at: datetime
) -> None:
    made = plan(clip, (*facts, NotBefore(day, "PC-1", at)), (), policy)
    assert longer(made, plan(clip, facts, (), policy))
    if made.dispose_from is not None:
        assert made.dispose_from.astimezone(policy.zone).date() >= day


@given(clips(), HISTORIES, POLICY, MOMENTS)
def test_a_review_that_says_keep_never_shortens(clip: Clip, facts: tuple[Fact, ...], policy: Any, at: datetime) -> None:
    # Only a category whose clock is the last review counts anew from it, and from nothing before.
    made = plan(clip, (*facts, Reviewed(Verdict.KEEP, "DP-1", at)), (), policy)
    assert longer(made, plan(clip, facts, (), policy))


@given(clips(), HISTORIES, POLICY)
def test_what_nobody_knows_never_shortens(clip: Clip, facts: tuple[Fact, ...], policy: Any) -> None:
    unknown = msgspec.structs.replace(clip, recorded_at=None)
    assert longer(plan(unknown, facts, (), policy), plan(clip, facts, (), policy))
    undefined = plan(clip, (*facts, Categorised("cold-case", "PC-1", clip.docked_at)), (), policy)
    for category in policy.names:
        named = plan(clip, (*facts, Categorised(category, "PC-1", clip.docked_at)), (), policy)
        assert longer(undefined, named)


@given(clips(), HISTORIES, HOLDS, POLICY, MOMENTS, st.timedeltas(timedelta(), timedelta(days=9000)))
def test_time_alone_never_takes_a_decision_back(
    clip: Clip, facts: tuple[Fact, ...], holds: tuple[Hold, ...], policy: Any, now: datetime, later: timedelta
) -> None:
    first, second = decide(clip, facts, holds, policy, now), decide(clip, facts, holds, policy, now + later)
    assert first.plan == second.plan
    if not isinstance(first, Keep):
        assert type(second) is type(first)


@given(clips((Standing.REGISTERED, Standing.SECURED)), HISTORIES, POLICY, MOMENTS)
def test_what_is_not_verified_stays(clip: Clip, facts: tuple[Fact, ...], policy: Any, now: datetime) -> None:
    assert isinstance(decide(clip, facts, (), policy, now), Keep)


@given(clips((Standing.RELEASED,)), POLICY)
def test_everything_is_gone_within_the_period_but_for_a_late_docking(clip: Clip, policy: Any) -> None:
    made = plan(clip, (), (), policy)
    if clip.recorded_at is None or made.outcome is not Outcome.EXPIRE:
        return
    [rule] = policy.rules("uncategorised", clip.source_type, clip.kind)
    period = rule.period.after(clip.recorded_at, policy.zone)
    late = policy.late_docking.minimum.after(clip.docked_at, policy.zone)
    assert made.ends_at == max(period, late) and (made.exception is not None) == (late > period)
    assert made.intend_from is not None and made.intend_from > clip.docked_at, "nobody's footage goes on arrival"


def test_a_restricted_hold_says_no_more_than_that_it_is_kept() -> None:
    hold = Hold("hold-secret", HoldReason.CONDUCT, CASES[0].clip.docked_at, "PSD-9", restricted=True)
    says = " ".join(str(reason) for reason in plan(CASES[0].clip, (), (hold,), POLICIES["met"]).reasons)
    assert "kept by the force" in says
    assert not any(word in says for word in ("conduct", "secret", "PSD-9"))


@pytest.mark.parametrize(
    ("said", "offset", "recorded"),
    [
        ("2026-11-22T22:04:05+01:00", 0.0, "2026-11-22T21:04:05+00:00"),
        ("2026-11-22T21:04:05Z", 3600.0, "2026-11-22T20:04:05+00:00"),
        ("2026-11-22T21:04:05", -5.0, "2026-11-22T21:04:10+00:00"),
        ("yesterday", 0.0, None),
        ("2026-11-22T21:04:05Z", float("nan"), None),
        ("2026-11-22T21:04:05Z", 1e300, None),
        ("0001-01-01T00:00:00Z", 10.0, None),
    ],
)
def test_the_cameras_clock_is_corrected_by_its_offset(said: str, offset: float, recorded: str | None) -> None:
    found = recorded_at(said, offset)
    assert (found.isoformat() if found else None) == recorded
