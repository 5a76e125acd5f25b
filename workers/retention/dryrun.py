"""What another policy would change, clip by clip, before anybody adopts it: the result, and how it adds up.

Compared is the day on which disposal may begin. A clip under a hold goes under neither policy and is counted
apart, with what would become of it were the hold lifted left out.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from workers.retention.choice import Choice
from workers.retention.decide import category_of, rule_of
from workers.retention.decision import Outcome
from workers.retention.reckoning import Reckoned

LISTED = 50
"""Clips that a dry run names, those that go first; the others are counted."""

INCIDENTS_LISTED = 200


class Difference(StrEnum):
    """What another policy means for a clip, in the order in which a person should look at it."""

    GOES_NOW = "goes at once"
    NEWLY = "goes, and never did by itself"
    EARLIER = "goes earlier"
    REVIEW_EARLIER = "is reviewed earlier"
    REVIEW_LATER = "is reviewed later"
    LATER = "goes later"
    NO_LONGER = "no longer goes by itself"
    NONE = "no difference"
    HELD = "held: stays under both"


SHORTENS = frozenset({Difference.GOES_NOW, Difference.NEWLY, Difference.EARLIER})


class Line(Struct, frozen=True):
    """Clips of one category that differ in the same way.

    Attributes:
        category, was: that counts under the new policy, and under the present one ("" if there is none).
        first: the first day on which one of them goes, or is reviewed, under the new policy.
    """

    difference: Difference
    was: str
    category: str
    clips: int
    size: int
    first: datetime | None


class Month(Struct, frozen=True):
    """What may be disposed of from a month on (UTC, "2026-12"), under both policies."""

    month: str
    category: str
    clips_now: int
    size_now: int
    clips_then: int
    size_then: int


class Named(Struct, frozen=True):
    """One clip that goes earlier."""

    clip_id: str
    difference: Difference
    size: int
    was: str
    category: str
    rule: str
    goes_now: datetime | None
    goes_then: datetime | None
    incident: str | None


class DryRun(Struct, frozen=True):
    """A dry run's result, as it is kept and as its digest goes into the adoption.

    Attributes:
        policy_sha256: of the proposed text.
        against: version in force; 0 if none was: then nothing goes.
        clips, size: looked at; held: of them under a hold.
        shortened, shortened_size: of them, those that go earlier than now.
        incidents, case_incidents: references of clips that go earlier, and those with a clip under a case hold.
    """

    policy: str
    policy_sha256: str
    version: int
    against: int
    for_trial: bool
    made_at: datetime
    made_by: str
    clips: int
    size: int
    held: int
    shortened: int
    shortened_size: int
    lines: tuple[Line, ...]
    months: tuple[Month, ...]
    first_clips: tuple[Named, ...]
    incidents: int
    case_incidents: int
    incident_list: tuple[str, ...]


class Looked(Struct, frozen=True):
    """One clip as a dry run looks at it.

    Attributes:
        now, then: choice and dates under the present policy (None if there is none) and the proposed one.
    """

    clip_id: str
    size: int
    incident: str | None
    held: bool
    case_held: bool
    now: tuple[Choice, Reckoned] | None
    then: tuple[Choice, Reckoned]


class Tally:
    """Adds clips up; tallies of several parts add up to one. Its size depends on categories and months alone,
    but for the references of incidents that are affected."""

    def __init__(self) -> None:
        self.clips = self.size = self.held = 0
        self._lines: dict[tuple[Difference, str, str], tuple[int, int, datetime | None]] = {}
        self._months: dict[tuple[int, str], list[int]] = {}
        self._first: list[tuple[float, str, Named]] = []
        self._incidents: set[str] = set()
        self._case_incidents: set[str] = set()

    def add(self, looked: Looked, at: datetime) -> None:
        """Count one clip.

        Args:
            at: when the dry run is made.
        """
        then = looked.then[1]
        was = category_of(*looked.now) if looked.now else ""
        category = category_of(*looked.then)
        self.clips += 1
        self.size += looked.size
        if looked.case_held and looked.incident:
            self._case_incidents.add(looked.incident)
        if looked.held:
            self.held += 1
            self._count((Difference.HELD, was, category), looked.size, None)
            return
        now = looked.now[1] if looked.now else Reckoned(Outcome.NEVER)
        difference = compared(now, then, at)
        self._count((difference, was, category), looked.size, then.dispose_from or then.review_from)
        if now.dispose_from is not None:
            self._count_month(now.dispose_from, was, looked.size, 0)
        if then.dispose_from is not None:
            self._count_month(then.dispose_from, category, looked.size, 2)
        if difference in SHORTENS:
            self._name(looked, difference, was, category, now, then)

    def merge(self, other: Tally) -> None:
        """Add another part."""
        self.clips += other.clips
        self.size += other.size
        self.held += other.held
        for key, (clips, size, first) in other._lines.items():
            self._count(key, size, first, clips)
        for month, numbers in other._months.items():
            mine = self._months.setdefault(month, [0, 0, 0, 0])
            self._months[month] = [a + b for a, b in zip(mine, numbers, strict=True)]
        self._first = heapq.nsmallest(LISTED, [*self._first, *other._first], key=lambda item: item[:2])
        self._incidents |= other._incidents
        self._case_incidents |= other._case_incidents

    @property
    def lines(self) -> tuple[Line, ...]:
        """By difference, the weightiest first."""
        order = list(Difference)
        made = [Line(*key, clips, size, first) for key, (clips, size, first) in self._lines.items()]
        return tuple(sorted(made, key=lambda line: (order.index(line.difference), -line.clips, line.category)))

    @property
    def months(self) -> tuple[Month, ...]:
        """In order."""
        made = [
            Month(f"{month // 12:04}-{month % 12 + 1:02}", category, *numbers)
            for (month, category), numbers in self._months.items()
        ]
        return tuple(sorted(made, key=lambda month: (month.month, month.category)))

    @property
    def first_clips(self) -> tuple[Named, ...]:
        """Those that go earlier, first things first."""
        return tuple(named for _, _, named in heapq.nsmallest(LISTED, self._first, key=lambda item: item[:2]))

    def incidents(self) -> tuple[list[str], int]:
        """References of what goes earlier, and how many of them have a clip under a case hold."""
        return sorted(self._incidents), len(self._incidents & self._case_incidents)

    def _count(self, key: tuple[Difference, str, str], size: int, first: datetime | None, clips: int = 1) -> None:
        before = self._lines.get(key)
        if before is None:
            self._lines[key] = (clips, size, first)
            return
        earliest = before[2]
        if earliest is None or (first is not None and first < earliest):
            earliest = first
        self._lines[key] = (before[0] + clips, before[1] + size, earliest)

    def _count_month(self, goes: datetime, category: str, size: int, place: int) -> None:
        key = (goes.year * 12 + goes.month - 1, category)
        numbers = self._months.get(key)
        if numbers is None:
            numbers = self._months[key] = [0, 0, 0, 0]
        numbers[place] += 1
        numbers[place + 1] += size

    def _name(
        self, looked: Looked, difference: Difference, was: str, category: str, now: Reckoned, then: Reckoned
    ) -> None:
        if looked.incident:
            self._incidents.add(looked.incident)
        assert then.dispose_from is not None
        rank = then.dispose_from.timestamp()
        if len(self._first) >= 2 * LISTED:
            self._first = heapq.nsmallest(LISTED, self._first, key=lambda item: item[:2])
        if len(self._first) >= LISTED and rank > max(item[0] for item in self._first):
            return
        named = Named(
            looked.clip_id, difference, looked.size, was, category, rule_of(*looked.then), now.dispose_from,
            then.dispose_from, looked.incident,
        )  # fmt: skip
        self._first.append((rank, looked.clip_id, named))


def compared(now: Reckoned, then: Reckoned, at: datetime) -> Difference:
    """How the second fate differs from the first for a clip that nothing holds."""
    goes, went = then.dispose_from, now.dispose_from
    if goes is not None and (went is None or goes < went):
        if then.intend_from is not None and then.intend_from <= at and not (now.intend_from and now.intend_from <= at):
            return Difference.GOES_NOW
        return Difference.NEWLY if went is None else Difference.EARLIER
    if went is not None and goes is None:
        return Difference.NO_LONGER
    if went is not None and goes is not None and goes > went:
        return Difference.LATER
    reviewed, was_reviewed = then.review_from, now.review_from
    if reviewed == was_reviewed:
        return Difference.NONE
    sooner = reviewed is not None and (was_reviewed is None or reviewed < was_reviewed)
    return Difference.REVIEW_EARLIER if sooner else Difference.REVIEW_LATER


def added_up(lines: Iterable[Line], differences: Iterable[Difference]) -> Iterator[Line]:
    """The lines of some differences."""
    wanted = frozenset(differences)
    return (line for line in lines if line.difference in wanted)
