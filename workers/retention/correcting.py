"""The time that a recording's period counts from, where the camera's clock was wrong.

What the camera recorded never changes. The later of the two times counts, until a second person confirms an
earlier one.
"""

from __future__ import annotations

from datetime import timedelta

from workers.errors import Refused
from workers.fate.row import Fate
from workers.retention.change import Change, instant, moment, when
from workers.retention.clips import clip_of
from workers.retention.decision import Plan
from workers.retention.facts import Fact, TimeConfirmed, TimeCorrected
from workers.retention.policy import Policy
from workers.retention.schedule import plan_of
from workers.retention.statements import TimeCorrection

AFTER_DOCKING = timedelta(minutes=5)
"""A corrected time may lie this far after the docking: the dock's clock is measured, not perfect."""


def correct_time(fate: Fate, asked: TimeCorrection, policy: Policy | None) -> Change:
    """Correct the time of a clip, or confirm the newest correction.

    Raises:
        Refused: the time cannot be, or there is nothing that this person may confirm.
    """
    recorded_at = instant(asked.recorded_at, "the corrected time")
    docked_at = clip_of(fate).docked_at
    if recorded_at > docked_at + AFTER_DOCKING:
        raise Refused(
            f"{fate.clip_id} was docked at {moment(docked_at)} and cannot have been recorded at {moment(recorded_at)}",
            "give the time at which the recording began",
        )
    at = instant(asked.at, "the time of the request")
    if asked.confirms:
        return _confirm(fate, asked, policy)
    facts: tuple[Fact, ...] = (*fate.facts, TimeCorrected(recorded_at, asked.by, at))
    plan = plan_of(fate, policy, facts) if policy else None
    says = f"{fate.clip_id} was recorded at {moment(recorded_at)}, says {asked.by}"
    confirmed = plan_of(fate, policy, (*facts, TimeConfirmed(recorded_at, "", at))) if policy else None
    if plan is not None and confirmed is not None and _dates(plan) != _dates(confirmed):
        says += (
            "; the other time is kept longer and counts until another person confirms: "
            f"bwv correct-time {fate.clip_id} {asked.recorded_at} --confirm --reason …"
        )
    return Change(facts, plan, f"{says}; {when(plan, policy)}")


def _confirm(fate: Fate, asked: TimeCorrection, policy: Policy | None) -> Change:
    recorded_at = instant(asked.recorded_at, "the corrected time")
    times = [fact for fact in fate.facts if isinstance(fact, TimeCorrected | TimeConfirmed)]
    newest = next((fact for fact in reversed(times) if isinstance(fact, TimeCorrected)), None)
    if newest is None:
        raise Refused(
            f"the time of {fate.clip_id} was not corrected",
            f"correct it: bwv correct-time {fate.clip_id} {asked.recorded_at} --reason …",
        )
    if newest.recorded_at != recorded_at:
        raise Refused(
            f"{newest.by} corrected {fate.clip_id} to {moment(newest.recorded_at)}, not to {moment(recorded_at)}",
            f"bwv correct-time {fate.clip_id} {newest.recorded_at.isoformat()} --confirm --reason …",
        )
    if isinstance(times[-1], TimeConfirmed):
        plan = plan_of(fate, policy) if policy else None
        return Change(fate.facts, plan, f"{times[-1].by} has confirmed the time of {fate.clip_id} already")
    if newest.by == asked.by:
        raise Refused(
            f"{asked.by} corrected the time of {fate.clip_id} and cannot confirm it too", "another person confirms it"
        )
    facts = (*fate.facts, TimeConfirmed(recorded_at, asked.by, instant(asked.at, "the time of the request")))
    plan = plan_of(fate, policy, facts) if policy else None
    says = f"{fate.clip_id} was recorded at {moment(recorded_at)}, confirmed by {asked.by}; {when(plan, policy)}"
    return Change(facts, plan, says)


def _dates(plan: Plan) -> tuple[object, ...]:
    return plan.outcome, plan.ends_at, plan.review_from
