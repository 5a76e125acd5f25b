"""What people see of encounters, and what they look for: values, nothing else."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from workers.encounters.statements import Encounter
from workers.encounters.words import GapKind, Kind


class Sight(StrEnum):
    """How much of an encounter somebody sees."""

    NONE = "none"
    OWN = "own"
    """The record, and what their own camera shows or lacks."""
    ALL = "all"


class Reader(Struct, frozen=True):
    """Who reads, and what of it.

    Attributes:
        person: sees the encounters at which they were.
        unit: borough or basic command unit of which they see all; empty: of none.
        every: sees all of all.
    """

    person: str
    unit: str = ""
    every: bool = False

    def supervises(self, borough: str | None, bcu: str | None) -> bool:
        """Whether an encounter of this area is one of their unit's, whatever its capitals."""
        return bool(self.unit) and self.unit.lower() in {(borough or "").lower(), (bcu or "").lower()}

    def sight(self, encounter: Encounter) -> Sight:
        """How much they see of one encounter."""
        if self.every or self.supervises(encounter.borough, encounter.bcu):
            return Sight.ALL
        present = any(one.officer == self.person for one in encounter.officers)
        return Sight.OWN if present else Sight.NONE


class Show(StrEnum):
    """Which lines."""

    ALL = "all"
    GAPS = "gaps"
    """Those that lack something."""
    OPEN = "open"
    """Those that lack something that nothing and nobody has explained."""


class Wanted(Struct, frozen=True):
    """What is looked for; what is None is not asked.

    Attributes:
        officer: who was there; then only what their camera lacks counts.
        kind: of the record. gap: that something of this kind is missing.
        since, until: of the beginning; until itself is not in it.
    """

    officer: str | None = None
    kind: Kind | None = None
    gap: GapKind | None = None
    since: datetime | None = None
    until: datetime | None = None
    show: Show = Show.ALL


class After(Struct, frozen=True):
    """Where a page begins: behind this line; open: which was among those that are open."""

    open: bool
    at: datetime
    about: str


class Missing(Struct, frozen=True):
    """Something that is missing.

    Attributes:
        explained_by: what the camera's event log says. reason: the newest that was given.
        note: what the records say besides.
        open: neither explains it. days: since when.
    """

    officer: str | None
    gap: GapKind
    seconds: float | None
    explained_by: str | None
    note: str | None
    reason: str | None
    reason_by: str | None
    reason_at: datetime | None
    open: bool
    days: int


class EncounterLine(Struct, frozen=True):
    """An encounter as a list shows it, or a clip without the record of one.

    Attributes:
        about: the encounter, or the clip.
        reference: of the record; of such a clip None.
        what: stop_search, …; of such a clip what it says of itself.
        officers: who was there, whoever leads first.
        clips: how many show it; of an officer's own list, of theirs.
    """

    about: str
    reference: str | None
    what: str
    at: datetime
    place: str | None
    borough: str | None
    bcu: str | None
    officers: tuple[str, ...]
    clips: tuple[str, ...]
    missing: tuple[Missing, ...]
    open: bool


class Encounters(Struct, frozen=True):
    """A page; after: where the next one begins, None: there is none."""

    lines: tuple[EncounterLine, ...] = ()
    after: After | None = None
