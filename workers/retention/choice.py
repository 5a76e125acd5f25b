"""What counts for a clip under a policy: which rules, and what people said; the same for every clip of its kind."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from workers.fate.moves import Standing
from workers.footage.recording import Kind, SourceType
from workers.retention.facts import (
    Categorised,
    Confirmed,
    EarlyDisposal,
    Fact,
    NotBefore,
    Reviewed,
    TimeConfirmed,
    TimeCorrected,
    Verdict,
)
from workers.retention.rules import UNCATEGORISED, Policy, Rule, Then

UNVERIFIED = frozenset({Standing.REGISTERED, Standing.SECURED})

Gone = EarlyDisposal | Reviewed
"""People's decision that a clip may go before, or at, the end of its period."""


class Choice(Struct, frozen=True):
    """What counts for clips of one kind, standing and history under a policy.

    Attributes:
        rules: of all categories that count; the longest of them decides.
        names: those categories, in the order in which they were given.
        undefined: of them, those that the policy does not define.
        corrections: times of the recording that people gave; `corrected` says that the newest is confirmed, so
            that what the camera said no longer counts.
        kept: the last review that ended with keep.
        gone: the decision that it may go, unless something later outweighs it.
        not_before: the latest day that somebody gave when it was taken out of the bin.
    """

    rules: tuple[Rule, ...]
    names: tuple[str, ...]
    undefined: tuple[str, ...]
    unverified: bool
    quarantined: bool
    corrections: tuple[datetime, ...]
    corrected: bool
    kept: Reviewed | None
    gone: Gone | None
    not_before: NotBefore | None


def choose(source_type: SourceType, kind: Kind, standing: Standing, facts: Iterable[Fact], policy: Policy) -> Choice:
    """Say which rules and facts count for every clip of this kind and history."""
    told = tuple(facts)
    names = categories(told)
    rules = [rule for name in names for rule in policy.rules(name, source_type, kind)]
    quarantined = standing is Standing.QUARANTINED
    if quarantined:
        # The rule for quarantine takes the place of "uncategorised"; a category from a person counts beside it.
        rules = [policy.quarantine.rule(), *(rule for rule in rules if rule.category != UNCATEGORISED)]
    corrections, corrected = _corrections(told)
    kept = [fact for fact in told if isinstance(fact, Reviewed) and fact.verdict is Verdict.KEEP]
    gone, not_before = _latest_words(told)
    return Choice(
        rules=_without_shorter(rules),
        names=names,
        undefined=tuple(name for name in names if policy.category(name) is None),
        unverified=standing in UNVERIFIED,
        quarantined=quarantined,
        corrections=corrections,
        corrected=corrected,
        kept=max(kept, key=lambda fact: fact.at) if kept else None,
        gone=gone,
        not_before=not_before,
    )


def _without_shorter(rules: list[Rule]) -> tuple[Rule, ...]:
    """Without those that a later one outlasts for every clip, so that over a million clips are reckoned once each."""
    return tuple(
        rule for place, rule in enumerate(rules) if not any(_outlasts(other, rule) for other in rules[place + 1 :])
    )


def _outlasts(rule: Rule, other: Rule) -> bool:
    """Whether it is never shorter, whenever they begin."""
    if rule.clock is not other.clock or (rule.then is Then.EXPIRE and other.then is Then.REVIEW):
        return False
    return rule.period.least >= other.period.most and rule.again.least >= other.again.most


def categories(facts: Iterable[Fact]) -> tuple[str, ...]:
    """Those since the last confirmation, without repeats; everything is uncategorised at first."""
    names = [UNCATEGORISED]
    for fact in facts:
        if isinstance(fact, Confirmed):
            names = [fact.category]
        elif isinstance(fact, Categorised):
            names.append(fact.category)
    return tuple(dict.fromkeys(names))


def _corrections(facts: tuple[Fact, ...]) -> tuple[tuple[datetime, ...], bool]:
    times: list[datetime] = []
    confirmed = False
    for fact in facts:
        if isinstance(fact, TimeConfirmed):
            times, confirmed = [fact.recorded_at], True
        elif isinstance(fact, TimeCorrected):
            times.append(fact.recorded_at)
    return tuple(times), confirmed


def _latest_words(facts: tuple[Fact, ...]) -> tuple[Gone | None, NotBefore | None]:
    """A decision that it goes is outweighed by a later category or review, and outweighs an earlier "not before"."""
    gone: Gone | None = None
    not_before: NotBefore | None = None
    for fact in facts:
        if isinstance(fact, EarlyDisposal) or (isinstance(fact, Reviewed) and fact.verdict is Verdict.DISPOSE):
            gone, not_before = fact, None
        elif isinstance(fact, Categorised | Reviewed):
            gone = None
        elif isinstance(fact, NotBefore) and (not_before is None or fact.day > not_before.day):
            not_before = fact
    return gone, not_before
