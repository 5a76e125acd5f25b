"""Out of the bin: a person says not before which day the clip may go."""

from __future__ import annotations

from datetime import date, timedelta

from workers.errors import Refused
from workers.fate.moves import Disposal
from workers.fate.row import Fate
from workers.retention.change import Change, instant, when
from workers.retention.facts import NotBefore
from workers.retention.policy import Policy
from workers.retention.schedule import plan_of
from workers.retention.statements import Restoration

FURTHEST = timedelta(days=366 * 100)
"""A day further away is a slip of the pen; what must never go has a hold or a category."""


def restore(fate: Fate, asked: Restoration, policy: Policy | None) -> Change:
    """Take a clip out of the bin.

    Raises:
        Refused: it is not in the bin, or the day is none that protects it.
    """
    if fate.disposal != Disposal.INTENDED:
        raise Refused(
            f"{fate.clip_id} is not in the bin",
            f"to protect it, place a hold or give it a category; see: bwv explain {fate.clip_id}",
        )
    at = instant(asked.at, "the time of the request")
    try:
        day = date.fromisoformat(asked.not_before)
    except ValueError as error:
        raise Refused(f"not before {asked.not_before!r} is no day", "write it as 2027-01-31") from error
    if not at.date() < day <= at.date() + FURTHEST:
        raise Refused(
            f"not before {day} does not protect {fate.clip_id}: expected a day after today, within a hundred years",
            "give a later day, a category, or place a hold",
        )
    facts = (*fate.facts, NotBefore(day, asked.by, at))
    plan = plan_of(fate, policy, facts) if policy else None
    return Change(facts, plan, f"{fate.clip_id} is out of the bin, not before {day}; {when(plan, policy)}")
