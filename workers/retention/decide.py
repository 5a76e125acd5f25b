"""The retention decision: what becomes of a clip, when, and why; pure and total.

    plan(clip, facts, holds, policy)          → when its time comes, whatever the day is today
    decide(clip, facts, holds, policy, now)   → Keep | Expire | Review, with the plan

Nothing here reads a clock, a database or a setting: whoever decides again from the same facts, in the sweep, at
the commit or years later from the custody log, gets the same answer. What nobody can date is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from workers.retention.choice import Choice, choose
from workers.retention.decision import Decision, Expire, Keep, Plan, Reason, Review
from workers.retention.facts import Clip, EarlyDisposal, Fact, Hold
from workers.retention.reckoning import Reckoned, reckon
from workers.retention.rules import QUARANTINE, Policy
from workers.retention.wording import PROTOCOL, exception_of, hold_sentence, reasons_of, said

NOT_VERIFIED = "not-verified"
EARLY = "early-disposal"
REVIEWED = "review-decided"


def plan(clip: Clip, facts: Iterable[Fact], holds: Iterable[Hold], policy: Policy) -> Plan:
    """When the clip's time comes under a policy.

    Args:
        facts: oldest first.
        holds: those that stand; the dates are as without them, and `held` says that nothing follows from them.
    """
    choice = choose(clip.source_type, clip.kind, clip.standing, facts, policy)
    reckoned = reckon(choice, clip.recorded_at, clip.docked_at, policy)
    standing = tuple(holds)
    reasons = (*reasons_of(clip, choice, reckoned, policy), *(hold_sentence(hold, policy) for hold in standing))
    return plan_from(choice, reckoned, policy, reasons=reasons, held=bool(standing))


def plan_from(
    choice: Choice, reckoned: Reckoned, policy: Policy, *, reasons: tuple[Reason, ...] = (), held: bool = False
) -> Plan:
    """A plan of dates that were reckoned already."""
    return Plan(
        outcome=reckoned.outcome,
        category=category_of(choice, reckoned),
        rule=rule_of(choice, reckoned),
        policy=policy.version,
        reasons=reasons,
        ends_at=reckoned.ends_at,
        dispose_from=reckoned.dispose_from,
        intend_from=reckoned.intend_from,
        review_from=reckoned.review_from,
        held=held,
        exception=exception_of(choice, reckoned, policy),
    )


def decide(clip: Clip, facts: Iterable[Fact], holds: Iterable[Hold], policy: Policy, now: datetime) -> Decision:
    """What becomes of the clip now.

    A hold keeps it whatever its dates say, and is no review either: the review is due once the hold is lifted.
    """
    planned = plan(clip, facts, holds, policy)
    if planned.held:
        return Keep(planned, _led_by("kept: a hold stands, and nothing is disposed of under a hold", planned))
    if planned.intend_from is not None and now >= planned.intend_from:
        says = f"its time has come: it may be in the bin since {said(planned.intend_from, policy)}"
        return Expire(planned, _led_by(says, planned))
    if planned.review_from is not None and now >= planned.review_from:
        return Review(planned, _led_by(f"a review is due since {said(planned.review_from, policy)}", planned))
    return Keep(planned, _led_by(_until(planned, policy), planned))


def category_of(choice: Choice, reckoned: Reckoned) -> str:
    """The category that counts."""
    if reckoned.rule is not None:
        return reckoned.rule.category
    return QUARANTINE if choice.quarantined else choice.names[-1]


def rule_of(choice: Choice, reckoned: Reckoned) -> str:
    """Name of the rule that decides: of the policy, or of the protocol where people decided or nothing is verified."""
    if reckoned.gone:
        return EARLY if isinstance(choice.gone, EarlyDisposal) else REVIEWED
    return reckoned.rule.name if reckoned.rule is not None else NOT_VERIFIED


def _until(planned: Plan, policy: Policy) -> str:
    if planned.intend_from is not None:
        return f"kept: goes into the bin on {said(planned.intend_from, policy)}"
    if planned.review_from is not None:
        return f"kept: a person decides from {said(planned.review_from, policy)}"
    return "kept: it never goes by itself"


def _led_by(says: str, planned: Plan) -> tuple[Reason, ...]:
    return (Reason(says, PROTOCOL.rule, PROTOCOL.source), *planned.reasons)
