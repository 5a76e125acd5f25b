"""The rules of a force's retention policy, as docs/retention-policy.md explains them.

A policy is adopted as a whole, by a person, under a version number, after a dry run. Every rule carries its
source: a statute, a code, or the force's own schedule.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from workers.footage.recording import Kind, SourceType
from workers.retention.facts import HoldReason
from workers.retention.periods import Period

UNCATEGORISED = "uncategorised"
QUARANTINE = "quarantine"


class Clock(StrEnum):
    """What a period counts from (Police Information and Records Management Code 2023: each names its own)."""

    RECORDED = "recorded"
    DOCKED = "docked"
    CASE_CLOSED = "case-closed"
    OUTCOME = "outcome"
    LAST_REVIEW = "last-review"


class Then(StrEnum):
    """What the end of a period means."""

    EXPIRE = "expire"
    REVIEW = "review"


class Rule(Struct, frozen=True):
    """One rule as it is applied to a clip.

    Attributes:
        name: the category's name, with what an override asks for ("uncategorised/taser").
        again: the next period after a review that said keep.
    """

    name: str
    category: str
    title: str
    period: Period
    clock: Clock
    then: Then
    again: Period
    source: str


class Override(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another rule for some of a category's clips; what it leaves out is as in the category.

    Attributes:
        source_type, kind: which clips; at least one. Where several overrides fit a clip, the longest counts.
    """

    source_type: SourceType | None = None
    kind: Kind | None = None
    period: Period
    clock: Clock | None = None
    then: Then | None = None
    again: Period | None = None
    source: str

    def fits(self, source_type: SourceType, kind: Kind) -> bool:
        """Whether it is about clips of this kind."""
        return self.source_type in (None, source_type) and self.kind in (None, kind)

    @property
    def selector(self) -> str:
        """What it asks for, as it stands in the rule's name."""
        return "/".join(part.value for part in (self.source_type, self.kind) if part)


class Category(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a clip may be, and how long it is kept then.

    Attributes:
        title: its name for people, as it stands in sentences: "footage of arrests" goes, or is reviewed.
        then: what the end of the period means; after a review that says keep, `again` (or the period) runs from it.
        named_only: only people who were named for such a clip see it on the board, as of a sexual offence.
    """

    name: str
    title: str
    period: Period
    clock: Clock = Clock.RECORDED
    then: Then = Then.EXPIRE
    again: Period | None = None
    source: str
    named_only: bool = False
    override: tuple[Override, ...] = ()

    def rules(self, source_type: SourceType, kind: Kind) -> tuple[Rule, ...]:
        """The rules for clips of this kind: of the overrides that fit, else its own."""
        fitting = tuple(override for override in self.override if override.fits(source_type, kind))
        return tuple(self.overridden(override) for override in fitting) or (self.own(),)

    def own(self) -> Rule:
        """The rule for clips that no override is about."""
        again = self.again or self.period
        return Rule(self.name, self.name, self.title, self.period, self.clock, self.then, again, self.source)

    def overridden(self, by: Override) -> Rule:
        """The rule for the clips of one override."""
        return Rule(
            f"{self.name}/{by.selector}",
            self.name,
            self.title,
            by.period,
            by.clock or self.clock,
            by.then or self.then,
            by.again or by.period,
            by.source,
        )


class QuarantineRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long bytes are kept that are not the ones that were declared."""

    period: Period
    clock: Clock = Clock.DOCKED
    then: Then = Then.REVIEW
    again: Period | None = None
    source: str

    def rule(self) -> Rule:
        """As it is applied."""
        title = "quarantined footage"
        again = self.again or self.period
        return Rule(QUARANTINE, QUARANTINE, title, self.period, self.clock, self.then, again, self.source)


class LateDocking(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a camera that was docked late gets at least, counted from its docking; shown as an exception."""

    minimum: Period
    source: str


class HoldRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What lifts a hold of one reason, and why there are such holds.

    Attributes:
        people: how many different people must ask for it. The protocol fixes the number; a policy states it, so that
            whoever adopts it has read it.
        ends: of scrutiny alone: how long after its panel has met such a hold ends by itself; None: 92 days.
    """

    people: int
    source: str
    ends: Period | None = None


class Budget(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much a sweep may put into the bin before it stops and asks a person.

    Attributes:
        share: of the mean number of clips a day; 2.0 is twice as many as usual.
        per_hour: most clips in an hour.
        floor: so many clips a day never stop it, so that a small force is not asked every morning.
    """

    share: float
    per_hour: int
    floor: int


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={
    "zone": "timezone", "categories": "category", "holds": "hold",
}):  # fmt: skip
    """A policy, read and checked.

    Attributes:
        force: whose it is, for people.
        zone: the calendar and wall clock by which days, months and years count.
        window: exact length; disposal begins so long before a period ends, so that all is gone within it.
        bin: exact length; before that a clip lies in the bin, where a person can still take it out.
        review_within: exact length; a review that is not decided so long after it was due is overdue.
        for_trial: lengths below a day are allowed, for demonstrations; such a policy says so wherever it is shown.
        version, toml: under which it was adopted, and its very text; not written in the text itself.
    """

    name: str
    force: str
    zone: ZoneInfo
    window: timedelta
    bin: timedelta
    review_within: timedelta
    late_docking: LateDocking
    budget: Budget
    categories: tuple[Category, ...]
    quarantine: QuarantineRule
    holds: dict[HoldReason, HoldRule]
    for_trial: bool = False
    version: int = 0
    toml: str = ""

    @property
    def timezone(self) -> str:
        """Name of the time zone."""
        return self.zone.key

    @property
    def names(self) -> tuple[str, ...]:
        """The categories' names, in the policy's order."""
        return tuple(category.name for category in self.categories)

    @property
    def sha256(self) -> str:
        """Digest of the text (hex): what a person adopts."""
        return hashlib.sha256(self.toml.encode()).hexdigest()

    def category(self, name: str) -> Category | None:
        """The category of this name."""
        return next((category for category in self.categories if category.name == name), None)

    def rules(self, name: str, source_type: SourceType, kind: Kind) -> tuple[Rule, ...]:
        """The rules of a category for clips of this kind; of all categories if the policy does not define it,
        since what nobody can place is kept for the longest of all."""
        named = self.category(name)
        chosen = (named,) if named else self.categories
        return tuple(rule for category in chosen for rule in category.rules(source_type, kind))
