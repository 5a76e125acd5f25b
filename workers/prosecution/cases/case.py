"""A case as its signed changes made it. Nothing here is decided; see `apply.py` for what a change may do.

Times are ISO 8601 as they were signed, days ISO 8601 without a time: a case is stored, shown and rebuilt as JSON.
"""

from __future__ import annotations

from msgspec import Struct

from workers.prosecution.identity import plain
from workers.prosecution.statements import CaseKind, Clock, Offence, OutcomeKind, Relevance


class Exhibit(Struct, frozen=True):
    """A clip, or a part of it, that is produced in a case.

    Attributes:
        start, end: seconds into the clip; None: from its beginning, to its end.
        mg11: day of the producing statement, None while there is none.
        redaction: text of a redaction file, verbatim; None: nothing is redacted.
        withdrawn: it is an exhibit no more; its reference stays taken.
    """

    reference: str
    clip_id: str
    producer: str
    description: str
    added_at: str
    added_by: str
    start: float | None = None
    end: float | None = None
    mg11: str | None = None
    redaction: str | None = None
    withdrawn: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is the whole clip."""
        return self.start is None and self.end is None


class Unused(Struct, frozen=True):
    """A clip that is no exhibit, as the disclosure officer marked it.

    Attributes:
        number: of its line on the schedule; it stays, whatever is marked later.
    """

    clip_id: str
    relevance: Relevance
    description: str
    number: int


class Defendant(Struct, frozen=True):
    """Who is suspected or charged, under a short label ("D1")."""

    label: str
    name: str
    offences: tuple[Offence, ...] = ()


class Outcome(Struct, frozen=True):
    """What became of a defendant.

    Attributes:
        defendant, offence: labels; no offence: of all that the defendant had when it was recorded.
        on: day on which it happened.
        covers: labels of these offences; "" is the defendant without any.
        ends: day on which a sentence of custody or a hospital order is expected to end.
        custodial: whether the sentence is one of custody.
    """

    defendant: str
    outcome: OutcomeKind
    on: str
    covers: tuple[str, ...]
    at: str
    by: str
    offence: str | None = None
    ends: str | None = None
    custodial: bool = False
    says: str = ""


class RefusedOn(Struct, frozen=True):
    """A ground on which a subject access request was refused; no clips: wholly."""

    ground: str
    clips: tuple[str, ...]
    at: str
    by: str


class Case(Struct, frozen=True):
    """A case.

    Attributes:
        version: counts its changes from 1.
        incidents: whose clips belong to it.
        held_incidents: those that a hold of the case covers now; closing it lifts the holds.
        holds: ids of its holds, but those that were lifted when it was closed.
        approved_until, approved_by: of a training copy.
        keep_until: day of the next review, as the last one decided.
    """

    case_id: str
    kind: CaseKind
    urn: str
    title: str
    officer: str
    version: int
    opened_at: str
    opened_by: str
    clock: Clock
    clock_since: str | None = None
    clock_ends: str | None = None
    first_hearing: str | None = None
    guilty_plea_anticipated: bool = False
    subject: str | None = None
    incidents: tuple[str, ...] = ()
    held_incidents: tuple[str, ...] = ()
    defendants: tuple[Defendant, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    unused: tuple[Unused, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    holds: tuple[str, ...] = ()
    refusals: tuple[RefusedOn, ...] = ()
    approved_until: str | None = None
    approved_by: str | None = None
    keep_until: str | None = None
    closed_at: str | None = None
    closed_by: str | None = None

    def exhibit(self, reference: str) -> Exhibit | None:
        """The exhibit of this reference, whatever its capitals and blanks; one that was withdrawn too."""
        wanted = plain(reference)
        return next((exhibit for exhibit in self.exhibits if plain(exhibit.reference) == wanted), None)

    def standing(self) -> tuple[Exhibit, ...]:
        """Its exhibits but those that were withdrawn."""
        return tuple(exhibit for exhibit in self.exhibits if not exhibit.withdrawn)

    def defendant(self, label: str) -> Defendant | None:
        """The defendant of this label, whatever its capitals and blanks."""
        wanted = plain(label)
        return next((one for one in self.defendants if plain(one.label) == wanted), None)
