"""Cases against their clocks, for the board: a page of them in the order of their work, and one with all of it."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, Database, fetch
from workers.operations.board.listing import Cursor, checked
from workers.operations.board.submitted import Sent, sent_for
from workers.prosecution.cases.case import Case, Exhibit
from workers.prosecution.cases.cpia import earliest_end, review_from
from workers.prosecution.cases.queries import KeptClip, kept_clips
from workers.prosecution.cases.rows import find_case
from workers.prosecution.cases.wording import span, words
from workers.prosecution.statements import CaseKind

PAGE = 100
"""Cases of a page."""

MOST_CLIPS = 200
"""Kept clips of a case that are shown; the others are counted."""


class Reader(Struct, frozen=True):
    """Who reads, and what of it.

    Attributes:
        person: sees the cases whose officer they are, whatever their kind.
        kinds: of which they see every case.
        people: they see who and what a case is about, not only how far it is.
    """

    person: str
    kinds: frozenset[CaseKind] = frozenset()
    people: bool = False

    def sees(self, kind: CaseKind, officer: str) -> bool:
        """Whether a case is for them."""
        return kind in self.kinds or officer == self.person

    def knows(self, officer: str) -> bool:
        """Whether they see what a case is about."""
        return self.people or officer == self.person


class CaseLine(Struct, frozen=True):
    """A case as a list shows it.

    Attributes:
        title: None for whoever sees only how far it is.
        ends_at: when its clock or its hearing comes, whichever is first; None: neither is set.
        submitted, confirmed: its submissions, and those whose receipt is the manifest.
        sort: its place in the list.
    """

    case_id: str
    urn: str
    kind: CaseKind
    title: str | None
    officer: str
    clock: str
    ends_at: datetime | None
    exhibits: int
    submitted: int
    confirmed: int
    closed_at: datetime | None
    sort: str


class Cases(Struct, frozen=True):
    """A page of cases; after: where the next one begins, None: there is none."""

    cases: tuple[CaseLine, ...]
    after: Cursor | None


_BY_WORK = "COALESCE(LEAST(c.clock_ends, c.first_hearing), 'infinity')"


async def cases(database: Database, reader: Reader, *, closed: bool = False, after: Cursor | None = None) -> Cases:
    """A page of the cases that somebody sees: whoever's clock or hearing comes first; closed ones the newest first.

    Raises:
        RuleBroken: nobody ever gave out this place.
    """
    sort, order, than = ("c.closed_at", " DESC", "<") if closed else (_BY_WORK, "", ">")
    begins = after or Cursor("infinity" if closed else "-infinity", "")
    whose = "(c.kind = ANY(%(kinds)s) OR c.officer = %(person)s)" if reader.kinds else "c.officer = %(person)s"
    rows = await database.fetch(
        "SELECT c.case_id, c.body->>'urn' AS urn, c.kind, c.body->>'title' AS title, c.officer, c.clock,"
        " LEAST(c.clock_ends, c.first_hearing) AS ends_at, c.closed_at, s.submitted, s.confirmed,"
        " (SELECT count(*) FROM exhibits e WHERE e.case_id = c.case_id AND NOT e.withdrawn) AS exhibits,"
        f" ({sort})::text AS sort FROM cases c, LATERAL (SELECT count(*) AS submitted, count(*) FILTER"
        "  (WHERE b.state = 'acknowledged') AS confirmed FROM submissions b WHERE b.case_id = c.case_id) s"
        f" WHERE c.closed_at IS {'NOT ' if closed else ''}NULL AND {whose}"
        f" AND ({sort}, c.case_id) {than} (%(sort)s::timestamptz, %(id)s) ORDER BY {sort}{order}, c.case_id{order}"
        " LIMIT %(most)s",
        {
            "kinds": [kind.value for kind in reader.kinds], "person": reader.person, "sort": checked(begins.sort),
            "id": begins.id, "most": PAGE + 1,
        },
    )  # fmt: skip
    lines = tuple(_line(msgspec.convert(row, CaseLine), reader) for row in rows[:PAGE])
    more = len(rows) > PAGE
    return Cases(lines, Cursor(lines[-1].sort, lines[-1].case_id) if more else None)


def _line(line: CaseLine, reader: Reader) -> CaseLine:
    return line if reader.knows(line.officer) else msgspec.structs.replace(line, title=None)


class ExhibitLine(Struct, frozen=True):
    """An exhibit.

    Attributes:
        part: of its clip, for people.
        producer, description: None for whoever sees only how far a case is.
        mg11: day of the producing statement; None: there is none yet.
    """

    reference: str
    clip_id: str
    camera: str | None
    recording: str | None
    part: str
    producer: str | None
    description: str | None
    mg11: str | None
    redacted: bool
    withdrawn: bool


class DefendantShown(Struct, frozen=True):
    """A defendant: what is charged, and what became of it; each a sentence."""

    label: str
    name: str
    offences: tuple[str, ...]
    outcomes: tuple[str, ...]


class CaseShown(Struct, frozen=True):
    """All of a case that its reader sees.

    Attributes:
        title, people: None for whoever sees only how far it is.
        ends_at: when its clock or its hearing comes, whichever is first.
        kept_until: day until which its material is kept at least (CPIA Code 5.7 to 5.10); None: nothing says when.
        reasons: why so long.
        review_from: from when a person looks at it.
        clips: that are kept with it, the first MOST_CLIPS; kept: how many there are.
        unmarked: of them, those that are no exhibit and that the disclosure officer has not looked at.
        sent: its submissions, the newest first.
    """

    case_id: str
    urn: str
    kind: CaseKind
    officer: str
    title: str | None
    clock: str
    clock_since: str | None
    clock_ends: str | None
    first_hearing: str | None
    ends_at: datetime | None
    opened_at: str
    closed_at: str | None
    incidents: tuple[str, ...]
    people: tuple[DefendantShown, ...] | None
    exhibits: tuple[ExhibitLine, ...]
    unused: int
    unmarked: int
    kept: int
    clips: tuple[KeptClip, ...]
    kept_until: str | None
    reasons: tuple[str, ...]
    review_from: datetime | None
    sent: tuple[Sent, ...]


async def case_shown(database: Database, wanted: str, reader: Reader) -> CaseShown | None:
    """The case of this id or Unique Reference Number; None if there is none, or none for this reader."""
    async with database.connection() as connection:
        case = await find_case(connection, wanted)
        if case is None or not reader.sees(case.kind, case.officer):
            return None
        return await _shown(connection, case, knows=reader.knows(case.officer))


async def _shown(connection: Connection, case: Case, *, knows: bool) -> CaseShown:
    clips = await kept_clips(connection, case)
    by_id = {clip.clip_id: clip for clip in clips}
    looked_at = {exhibit.clip_id for exhibit in case.standing()} | {one.clip_id for one in case.unused}
    end = earliest_end(case) if case.kind is CaseKind.PROSECUTION else None
    [times] = await fetch(
        connection, "SELECT LEAST(clock_ends, first_hearing) AS ends FROM cases WHERE case_id = %s", (case.case_id,)
    )
    return CaseShown(
        case_id=case.case_id, urn=case.urn, kind=case.kind, officer=case.officer, title=case.title if knows else None,
        clock=words(case.clock), clock_since=case.clock_since, clock_ends=case.clock_ends,
        first_hearing=case.first_hearing, ends_at=times["ends"], opened_at=case.opened_at, closed_at=case.closed_at,
        incidents=case.incidents, people=_people(case) if knows else None,
        exhibits=tuple(_exhibit(one, by_id.get(one.clip_id), knows=knows) for one in case.exhibits),
        unused=len(case.unused), unmarked=sum(clip.clip_id not in looked_at for clip in clips), kept=len(clips),
        clips=tuple(clips[:MOST_CLIPS]), kept_until=_day(end.earliest_end) if end else None,
        reasons=tuple(end.reasons) if end and knows else (), review_from=review_from(case),
        sent=await sent_for(connection, case.case_id),
    )  # fmt: skip


def _day(day: object) -> str | None:
    return None if day is None else str(day)


def _exhibit(exhibit: Exhibit, clip: KeptClip | None, *, knows: bool) -> ExhibitLine:
    return ExhibitLine(
        exhibit.reference, exhibit.clip_id, clip.camera if clip else None, clip.recording if clip else None,
        span(exhibit), exhibit.producer if knows else None, exhibit.description if knows else None, exhibit.mg11,
        exhibit.redaction is not None, exhibit.withdrawn,
    )  # fmt: skip


def _people(case: Case) -> tuple[DefendantShown, ...]:
    found = []
    for one in case.defendants:
        outcomes = sorted((it for it in case.outcomes if it.defendant == one.label), key=lambda it: it.on)
        charged = tuple(f"{it.offence} {it.wording}" for it in one.offences)
        became = tuple(f"{it.on} {words(it.outcome)} {it.offence or ''}".strip() for it in outcomes)
        found.append(DefendantShown(one.label, one.name, charged, became))
    return tuple(found)
