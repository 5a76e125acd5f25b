"""What a policy must be beyond well formed: complete, free of contradiction, and protecting something."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from workers.errors import PolicyInvalid
from workers.retention.facts import HoldReason
from workers.retention.rules import QUARANTINE, UNCATEGORISED, Category, Clock, Policy, Rule, Then

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
SHORTEST_MARGIN = timedelta(hours=24)
"""A day for disposal and a day in the bin, so that a night's outage delays nothing beyond the period."""

KEPT_LONGEST = timedelta(days=360)
"""A policy under which everything goes within a year keeps no evidence (CPIA Code 5.7–5.10)."""

ENDS_MOST = timedelta(days=367)
"""How long after a panel has met its footage is kept at the most."""

ONE_PERSON = frozenset({HoldReason.MANUAL, HoldReason.CASE, HoldReason.SAME_INCIDENT})
PROTOCOLS_OWN = frozenset({HoldReason.SAME_INCIDENT, HoldReason.RESTORED})
"""Reasons that the protocol itself places; a policy need not name them."""


def check(policy: Policy) -> None:
    """Raise PolicyInvalid with the first sentence that says what is wrong."""
    for problem in _problems(policy):
        raise PolicyInvalid(problem)


def _problems(policy: Policy) -> Iterator[str]:
    yield from _names(policy)
    yield from _margins(policy)
    yield from _budget(policy)
    for category in policy.categories:
        yield from _category(policy, category)
    yield from _rule(policy, policy.quarantine.rule())
    yield from _protection(policy)
    yield from _holds(policy)


def _names(policy: Policy) -> Iterator[str]:
    if not NAME.fullmatch(policy.name):
        yield f"name {policy.name[:70]!r}: expected at most 64 lower-case letters, digits and hyphens"
    if not policy.force.strip():
        yield "force: expected whose policy it is"
    if UNCATEGORISED not in policy.names:
        yield f"category {UNCATEGORISED!r} is missing; every policy says what becomes of such footage"
    seen: set[str] = set()
    for name in policy.names:
        if not NAME.fullmatch(name):
            yield f"category {name[:70]!r}: expected at most 64 lower-case letters, digits and hyphens"
        if name == QUARANTINE:
            yield f"category {name!r}: this name is taken by the table [{QUARANTINE}]; choose another"
        if name in seen:
            yield f"category {name!r} is there twice; leave one of them out"
        seen.add(name)


def _margins(policy: Policy) -> Iterator[str]:
    for name, value in (("window", policy.window), ("bin", policy.bin)):
        if not policy.for_trial and value < SHORTEST_MARGIN:
            yield f"{name} of {value}: expected at least 24 hours, or for_trial = true for a demonstration"
    if policy.late_docking.minimum.least <= policy.window + policy.bin:
        yield (
            f"[late_docking] minimum of {policy.late_docking.minimum} is not longer than bin and window together "
            f"({policy.bin + policy.window}): what is docked late would go at once; lengthen it"
        )


def _budget(policy: Policy) -> Iterator[str]:
    for name, value in (("share", policy.budget.share), ("per_hour", policy.budget.per_hour)):
        if not 0 < value < 1e9:
            yield f"[budget] {name} of {value:g}: expected more than 0; to stop all disposal place a hold instead"
    if policy.budget.floor < 0:
        yield f"[budget] floor of {policy.budget.floor}: expected 0 or more"


def _category(policy: Policy, category: Category) -> Iterator[str]:
    if category.name == UNCATEGORISED and category.named_only:
        yield f"category {UNCATEGORISED!r}: named_only would hide every clip from its officer; leave it out"
    if not category.title.strip():
        yield f"category {category.name!r}: title is empty; say what it is in words"
    yield from _rule(policy, category.own())
    seen: set[str] = set()
    for override in category.override:
        rule = category.overridden(override)
        if not override.selector:
            yield f"category {category.name!r}: an override names neither source_type nor kind; name one"
        if override.selector in seen:
            yield f"rule {rule.name!r} is there twice; leave one of the overrides out"
        seen.add(override.selector)
        yield from _rule(policy, rule)


def _rule(policy: Policy, rule: Rule) -> Iterator[str]:
    if not rule.source.strip():
        yield f"rule {rule.name!r}: source is empty; name the statute, the code or the force's schedule"
    for period in (rule.period, rule.again):
        if period.least <= policy.window + policy.bin:
            yield (
                f"rule {rule.name!r}: {period} is not longer than bin and window together "
                f"({policy.bin + policy.window}): it would go at once; lengthen it or shorten those"
            )
    if rule.period.never and rule.then is Then.REVIEW:
        yield f'rule {rule.name!r}: a period of "never" has no end to review; give it a length, or leave then out'
    if rule.category == UNCATEGORISED and rule.clock not in (Clock.RECORDED, Clock.DOCKED):
        yield f"rule {rule.name!r}: clock {rule.clock}: footage that nobody categorised has none but recorded or docked"


def _protection(policy: Policy) -> Iterator[str]:
    kept = [category.own() for category in policy.categories]
    usual = next(rule for rule in kept if rule.name == UNCATEGORISED)
    if not any(_longer(rule, usual) for rule in kept):
        yield (
            f"nothing is kept longer than {UNCATEGORISED} footage ({usual.period}): everything would be deleted; "
            "add a category that keeps evidence"
        )
    if not policy.for_trial and not any(_outlasts(rule, KEPT_LONGEST) for rule in kept):
        yield (
            "every category expires within a year: everything would be deleted; add a category that keeps evidence, "
            "or for_trial = true for a demonstration"
        )


def _longer(rule: Rule, than: Rule) -> bool:
    return _outlasts(rule, than.period.least)


def _outlasts(rule: Rule, length: timedelta) -> bool:
    return rule.then is Then.REVIEW or rule.period.least > length


def _holds(policy: Policy) -> Iterator[str]:
    for reason in HoldReason:
        rule = policy.holds.get(reason)
        if rule is None:
            if reason not in PROTOCOLS_OWN:
                yield f"[hold.{reason}] is missing; every policy says what lifts each hold, so that all of them hold"
            continue
        needed = 1 if reason in ONE_PERSON else 2
        if rule.people != needed:
            yield f"[hold.{reason}] people of {rule.people}: expected {needed}, which the protocol fixes"
        if rule.ends is not None and reason is not HoldReason.SCRUTINY:
            yield f"[hold.{reason}] ends: people lift such a hold; only one of scrutiny ends by itself"
        elif rule.ends is not None and (rule.ends.never or rule.ends.most > ENDS_MOST):
            yield f"[hold.{reason}] ends of {rule.ends}: expected at most a year after the panel has met"
        if not rule.source.strip():
            yield f"[hold.{reason}] source is empty; name the statute, the code or the force's schedule"
