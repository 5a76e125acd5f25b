"""Who may do what on the page of a clip: place and lift which holds, and take its proof away. Pure."""

from __future__ import annotations

from console.web.guard import RESTRICTED
from console.web.people import Person, Role
from workers.retention.facts import HoldReason
from workers.retention.hold_queries import Listed, as_named
from workers.retention.scopes import GIVEN

PROVERS = frozenset({Role.RECORDS, Role.PROSECUTION, Role.DISCLOSURE, Role.STANDARDS, Role.PROTECTION, Role.AUDITOR})
"""Who takes a clip's custody away, to show it to a court or to check it."""

_RECORDS = frozenset(HoldReason) - {*GIVEN, HoldReason.CASE}

PLACES: dict[Role, frozenset[HoldReason]] = {
    Role.RECORDS: _RECORDS,
    Role.STANDARDS: frozenset(
        {HoldReason.COMPLAINT, HoldReason.CONDUCT, HoldReason.DSI, HoldReason.INQUEST, HoldReason.INQUIRY}
    ),
    Role.PROTECTION: frozenset({HoldReason.SUBJECT_ACCESS, HoldReason.FOI}),
    Role.SUPERVISOR: frozenset({HoldReason.COMPLAINT, HoldReason.DSI, HoldReason.MANUAL}),
    Role.PROSECUTION: frozenset({HoldReason.CIVIL_CLAIM, HoldReason.MANUAL}),
    Role.DISCLOSURE: frozenset({HoldReason.MANUAL}),
}
"""Which holds of a clip each role places, and asks to lift. A case's hold comes and goes with its case."""

ANSWERERS = frozenset({Role.RECORDS, Role.SUPERVISOR, Role.STANDARDS, Role.DISCLOSURE})
"""Who looks at a clip and says whether it shows the same incident as one that is held."""

_OF_CASES = frozenset({Role.PROSECUTION, Role.DISCLOSURE})
"""Who works on cases, and knows what they keep."""


def may_know(person: Person, officer: str | None) -> bool:
    """Whether they read what a restricted hold of a clip is; whose clip it is never do, whatever their roles.

    Args:
        officer: whose clip it is.
    """
    return person.has(RESTRICTED) and person.person != officer


def named_to(person: Person, officer: str | None) -> frozenset[HoldReason]:
    """The reasons of the holds of a clip that somebody reads by name: those that they place, lift or answer.

    Of all others they read that the force keeps the clip, whether they are restricted or not: otherwise what is not
    named would be restricted, and a supervisor could tell whose complaint nobody speaks of. Of their own clip nobody
    reads more than that of any hold, whatever their roles.

    Args:
        officer: whose clip it is.
    """
    if person.person == officer:
        return frozenset()
    if person.has(RESTRICTED):
        return frozenset(HoldReason)
    answered = {HoldReason.SAME_INCIDENT} if person.has(ANSWERERS) else set()
    of_cases = {HoldReason.CASE} if person.has(_OF_CASES) else set()
    return frozenset(reasons_for(person)) | answered | of_cases


def holds_told(person: Person, officer: str | None, holds: list[Listed]) -> list[Listed]:
    """The holds of a clip as they are told to somebody: of all that the force keeps it for, one line and no more.

    Args:
        officer: whose clip it is.
        holds: as they were listed for them; of a restricted one only that it is there.
    """
    return as_named(holds, named_to(person, officer))


def reasons_for(person: Person) -> list[HoldReason]:
    """The reasons for which they may hold a clip, in the order of the protocol."""
    allowed = frozenset[HoldReason]().union(*(PLACES.get(role, frozenset()) for role in person.roles))
    return [reason for reason in HoldReason if reason in allowed]


def may_lift(person: Person, hold: Listed) -> bool:
    """Whether they may ask that a hold is lifted; how many people it takes is the protocol's.

    A hold of which they read only that the force keeps the clip is none of theirs.
    """
    if hold.lifted_at is not None or hold.reason not in HoldReason.__members__.values():
        return False
    if hold.reason == HoldReason.SAME_INCIDENT:
        return person.has(ANSWERERS)
    if hold.reason == HoldReason.RESTORED:
        return person.has({Role.RECORDS})
    if hold.reason == HoldReason.MANUAL and not person.has({Role.RECORDS}):
        return hold.placed_by == person.person
    return HoldReason(hold.reason) in reasons_for(person)
