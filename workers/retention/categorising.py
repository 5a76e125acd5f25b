"""A clip's category: given by a person; one that shortens counts once a second person confirms it.

With a category a person may say which incident the clip shows: standing holds, cases and the search then know it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from workers.errors import Refused
from workers.fate.moves import Standing
from workers.fate.row import Fate
from workers.retention.change import Change, instant, when
from workers.retention.choice import UNVERIFIED
from workers.retention.facts import Categorised, Confirmed, Fact, IncidentGiven
from workers.retention.policy import Policy, nearest
from workers.retention.schedule import plan_of
from workers.retention.scopes import TEXT_MOST
from workers.retention.statements import Categorisation


def categorise(fate: Fate, asked: Categorisation, policy: Policy | None) -> Change:
    """Give a clip a category, and an incident if one is named, or confirm the newest category.

    Raises:
        Refused: no policy is in force, it does not define the category, there is nothing that this person may confirm,
            or what is named is no reference of an incident.
    """
    policy = _in_force(policy)
    check_category(asked.category, policy.names)
    check_incident(asked)
    newest, confirmed = _newest(fate)
    if asked.confirms:
        return _confirm(fate, asked, policy, newest, confirmed)
    said = said_in(asked, fate.facts)
    shown = f" and shows {asked.incident}" if asked.incident is not None else ""
    if not said:
        return _already(fate, asked, policy, shown)
    facts = (*fate.facts, *said)
    plan = plan_of(fate, policy, facts)
    out = "out of the bin and " if fate.disposal is not None else ""
    is_so = f"{fate.clip_id} is {out}{asked.category}{shown}"
    return Change(facts, plan, f"{is_so}{_waits(fate, facts, asked, policy)}; {when(plan, policy)}")


def said_in(asked: Categorisation, before: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """What a categorisation that confirms nothing says beyond the facts before it; the log is read by the same rule.

    Nobody gives a clip the category that it has; what it shows may be said at any time.
    """
    at = instant(asked.at, "the time of the request")
    newest = next((fact for fact in reversed(before) if isinstance(fact, Categorised)), None)
    again = newest is not None and newest.category == asked.category
    said: tuple[Fact, ...] = () if again else (Categorised(asked.category, asked.by, at),)
    known = any(isinstance(fact, IncidentGiven) and fact.incident == asked.incident for fact in before)
    return said if asked.incident is None or known else (*said, IncidentGiven(asked.incident, asked.by, at))


def check_incident(asked: Categorisation) -> None:
    """Raise Refused unless what is named may be the reference of an incident."""
    incident = asked.incident
    if incident is None:
        return
    if asked.confirms:
        raise Refused("a confirmation says nothing of an incident", "name the incident with a category of your own")
    if not 0 < len(incident) <= TEXT_MOST or incident != incident.strip() or not incident.isprintable():
        raise Refused(
            f"the incident {incident[:64]!r} is no reference",
            f"write 1 to {TEXT_MOST} characters, without blanks at its ends",
        )


def _already(fate: Fate, asked: Categorisation, policy: Policy, shown: str) -> Change:
    if fate.disposal is not None:
        raise Refused(
            f"{fate.clip_id} is {asked.category} already, and in the bin as such",
            f"give it another category, place a hold, or: bwv retention restore {fate.clip_id} --not-before DAY",
        )
    says = f"{fate.clip_id} is {asked.category}{shown} already{_waits(fate, fate.facts, asked, policy)}"
    return Change(fate.facts, plan_of(fate, policy), says)


def _confirm(
    fate: Fate, asked: Categorisation, policy: Policy, newest: Categorised | None, confirmed: Confirmed | None
) -> Change:
    if newest is None:
        raise Refused(
            f"{fate.clip_id} has no category that could be confirmed",
            f"give it one: bwv categorise {fate.clip_id} {asked.category} --reason …",
        )
    if newest.category != asked.category:
        raise Refused(
            f"{newest.by} made {fate.clip_id} {newest.category}, not {asked.category}",
            f"confirm what was given: bwv categorise {fate.clip_id} {newest.category} --confirm --reason …",
        )
    if confirmed is not None:
        says = f"{fate.clip_id} is {asked.category}, which {confirmed.by} has confirmed already"
        return Change(fate.facts, plan_of(fate, policy), says)
    if newest.by == asked.by:
        raise Refused(
            f"{asked.by} gave {fate.clip_id} the category {asked.category} and cannot confirm it too",
            "another person confirms it",
        )
    at = instant(asked.at, "the time of the request")
    facts = (*fate.facts, Confirmed(asked.category, asked.by, at))
    plan = plan_of(fate, policy, facts)
    return Change(facts, plan, f"{fate.clip_id} is {plan.category}, confirmed by {asked.by}; {when(plan, policy)}")


def counts(fate: Fate, facts: tuple[Fact, ...], policy: Policy) -> str:
    """The category that decides, also for a clip that nothing is decided about before it is verified."""
    unverified = fate.standing in UNVERIFIED
    judged = msgspec.structs.replace(fate, standing=Standing.VERIFIED) if unverified else fate
    return plan_of(judged, policy, facts).category


def _waits(fate: Fate, facts: tuple[Fact, ...], asked: Categorisation, policy: Policy) -> str:
    """What a confirmation would change, if it would."""
    longer = counts(fate, facts, policy)
    once_confirmed = (*facts, Confirmed(asked.category, "", instant(asked.at, "the time of the request")))
    if longer == counts(fate, once_confirmed, policy):
        return ""
    return (
        f", but {longer} is kept longer and counts until another person than {asked.by} confirms: "
        f"bwv categorise {asked.clip_id} {asked.category} --confirm --reason …"
    )


def _newest(fate: Fate) -> tuple[Categorised | None, Confirmed | None]:
    """The newest category, and its confirmation if it has one."""
    newest: Categorised | None = None
    confirmed: Confirmed | None = None
    for fact in fate.facts:
        if isinstance(fact, Categorised):
            newest, confirmed = fact, None
        elif isinstance(fact, Confirmed):
            confirmed = fact
    return newest, confirmed


def _in_force(policy: Policy | None) -> Policy:
    if policy is None:
        raise Refused(
            "no retention policy is in force, so there are no categories", "adopt one: bwv retention adopt FILE"
        )
    return policy


def check_category(name: str, known: Iterable[str]) -> None:
    """Raise Refused, with the nearest names, unless a policy defines this category."""
    names = frozenset(known)
    if name not in names:
        raise Refused(
            f"the policy in force defines no category {name[:64]!r}{nearest(name, names)}",
            "all of them: bwv retention show",
        )
