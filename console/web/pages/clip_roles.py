"""Who may do what on the page of a clip: place and lift which holds, and take its proof away. Pure."""

from __future__ import annotations

from console.web.guard import FACTS, RESTRICTED
from console.web.people import Person, Role
from workers.retention.facts import HoldReason
from workers.retention.hold_queries import BY_THE_FORCE, STATES, Listed
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

TOLD = frozenset(PLACES) | ANSWERERS | FACTS
"""Who reads which holds keep a clip, since they place, lift or check them. Others read of each that the force keeps
it, as on the list of their own clips: so one that they must not learn of looks like any other."""


def may_know(person: Person, officer: str | None) -> bool:
    """Whether they read what a restricted hold of a clip is; whose clip it is never do, whatever their roles.

    Args:
        officer: whose clip it is.
    """
    return person.has(RESTRICTED) and person.person != officer


def holds_told(person: Person, holds: list[Listed]) -> list[Listed]:
    """The holds of a clip as they are told to somebody: of all that the force keeps it for, one line and no more.

    Args:
        holds: as they were listed for them; of a restricted one only that it is there.
    """
    named = [one for one in holds if person.has(TOLD) and one.reason != BY_THE_FORCE]
    if len(named) == len(holds):
        return named
    kept = Listed("", BY_THE_FORCE, BY_THE_FORCE, "", None, None, True, None, None, False, None, (),
                  dict.fromkeys(STATES, 0))  # fmt: skip
    return [*named, kept]


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
