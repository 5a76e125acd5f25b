"""Who may use which page, and who may see which clip.

Each page names its roles; a page without any is nobody's. A clip is seen by its officer and by whoever has a case or a
clip of its incident; by others with a typed reason that supervisors and professional standards read; and where people
were named for it, by those alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct
from starlette.responses import Response

from console.web.people import Person, Role

if TYPE_CHECKING:
    from console.web.visit import Visit

Answer = Callable[["Visit"], Awaitable[Response]]

EVERYBODY = frozenset(Role)
STAFF = EVERYBODY - {Role.PANEL}
WATCHERS = STAFF - {Role.OFFICER}
"""Who watches the board: what becomes of clips, never footage."""
FOOTAGE = frozenset(
    {
        Role.OFFICER,
        Role.SUPERVISOR,
        Role.RECORDS,
        Role.PROSECUTION,
        Role.DISCLOSURE,
        Role.STANDARDS,
        Role.PROTECTION,
    }
)
"""Who may see footage at all. Operators, auditors and administrators see what becomes of it; a panel, copies."""
FACTS = frozenset({Role.OPERATOR, Role.RECORDS, Role.AUDITOR, Role.STANDARDS})
"""Who sees the record of any clip without giving a reason: that is their work. Each look is recorded all the same."""
OVERSIGHT = frozenset({Role.SUPERVISOR, Role.STANDARDS, Role.AUDITOR})
"""Who reads which reasons were given."""
RESTRICTED = frozenset({Role.STANDARDS, Role.RECORDS})
"""Who learns what a restricted hold is."""
STANDARDS = frozenset({Role.STANDARDS})
"""Who works on complaints, and who alone learns that there is one."""

EVERY_ENCOUNTER = frozenset({Role.RECORDS, Role.STANDARDS, Role.PROTECTION, Role.AUDITOR})
"""Who sees the record of any encounter: it names nobody but officers."""
ENCOUNTERS = frozenset({Role.OFFICER, Role.SUPERVISOR}) | EVERY_ENCOUNTER
"""Who sees encounters: officers those at which they were, supervisors those of their unit too."""
EXPLAINERS = frozenset({Role.OFFICER, Role.SUPERVISOR})
"""Who says why footage is missing: officers of their own, supervisors of their unit's."""
GIVERS = frozenset({Role.OFFICER, Role.SUPERVISOR, Role.RECORDS, Role.PROTECTION})
"""Who gives the person concerned their copy, and keeps the footage when they ask."""


class Page(Struct, frozen=True):
    """One row of the table of pages.

    Attributes:
        path: as starlette writes it.
        roles: who may use it; nobody where nobody is named.
        public: also whoever is not signed in.
        asks: whether it matters who asks; a style sheet is the same for all, also while the database is away.
    """

    path: str
    answer: Answer
    roles: frozenset[Role] = frozenset()
    methods: tuple[str, ...] = ("GET",)
    public: bool = False
    asks: bool = True

    def open_to(self, person: Person | None) -> bool:
        """Whether this page may be used by them."""
        return self.public or (person is not None and person.has(self.roles))


class Relation(StrEnum):
    """Why somebody may see a clip."""

    OWN = "own"
    CASE = "case"
    INCIDENT = "incident"
    NAMED = "named"
    WORK = "work"
    REASON = "reason"


class About(Struct, frozen=True):
    """What decides who sees a clip.

    Attributes:
        officer: whose clip it is, if anybody knows.
        case, incident: the visitor is the officer of a case with it or its incident; has a clip of its incident.
        named: people who alone may see it; None: nobody was named.
        sensitive: its category, or who marked it, says that only named people see it.
        locked: why nobody plays it now; None: no lock.
    """

    officer: str | None
    case: bool = False
    incident: bool = False
    named: frozenset[str] | None = None
    sensitive: bool = False
    locked: str | None = None


class Leave(Struct, frozen=True):
    """Whether somebody may see a clip.

    Attributes:
        says: where not: why, and what to do.
        ask: a typed reason would open it.
    """

    relation: Relation | None
    says: str = ""
    ask: bool = False


ASK = "This clip is neither yours nor of a case or incident of yours. Say why you look at it; it is recorded and read."
ONLY_NAMED = (
    "Only people who were named for this clip may see it; ask your supervisor to have you named: bwv people name"
)
NOT_FOOTAGE = "Your roles show what becomes of clips, and no footage."


def may_look(person: Person, about: About, reason: str | None) -> Leave:
    """Whether somebody may see the record of a clip.

    Args:
        reason: that they gave in this session.
    """
    if about.named is not None and person.person in about.named:
        return Leave(Relation.NAMED)
    if about.officer == person.person:
        return Leave(Relation.OWN)
    if person.has(FACTS):
        return Leave(Relation.WORK)
    if about.sensitive or about.named is not None:
        return Leave(None, ONLY_NAMED)
    if about.case:
        return Leave(Relation.CASE)
    if about.incident:
        return Leave(Relation.INCIDENT)
    if not person.has(FOOTAGE):
        return Leave(None, NOT_FOOTAGE)
    return Leave(Relation.REASON) if reason else Leave(None, ASK, ask=True)


def may_play(person: Person, about: About, reason: str | None) -> Leave:
    """Whether somebody may see the footage of a clip.

    Args:
        reason: that they gave in this session.
    """
    if about.locked is not None:
        return Leave(None, f"Nobody plays this clip now: {about.locked}")
    if not person.has(FOOTAGE):
        return Leave(None, NOT_FOOTAGE)
    if about.sensitive or about.named is not None:
        named = about.named is not None and person.person in about.named
        return Leave(Relation.NAMED) if named else Leave(None, ONLY_NAMED)
    seen = may_look(person, about, reason)
    if seen.relation is Relation.WORK:
        return Leave(Relation.REASON) if reason else Leave(None, ASK, ask=True)
    return seen
