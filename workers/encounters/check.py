"""What a record must have, checked field by field: pure, the same for a file and for a force's own system."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from workers.encounters.day import LONGEST
from workers.encounters.statements import Encounter
from workers.encounters.words import WITHOUT_SUSPICION, Kind, Role, Tactic
from workers.errors import Refused
from workers.footage.clip import ENROLLED_ID

TEXT_MOST = 200
GROUNDS_MOST = 2_000
"""Characters."""

AHEAD = timedelta(minutes=5)
"""How far a record may lie in the future: clocks differ."""

POSTCODE = re.compile(r"\b[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}\b", re.IGNORECASE)
"""A full postcode is some fifteen homes: it names an address, not a place."""


class Wrong(Struct, frozen=True):
    """What is wrong with one field."""

    field: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.field}: {self.found}; expected {self.expected}"


def faults(encounter: Encounter, now: datetime) -> tuple[Wrong, ...]:
    """Everything that is wrong with a record; nothing: it is whole.

    Args:
        now: a record of the future is refused.
    """
    return tuple(wrong for rule in RULES for wrong in rule(encounter, now))


def checked(encounter: Encounter, now: datetime) -> Encounter:
    """The record, if it is whole; raises Refused that names every fault."""
    found = faults(encounter, now)
    if found:
        raise Refused(
            "; ".join(map(str, found)), "correct the record and send it again; docs/encounters.md has every field"
        )
    return encounter


def moment(text: str) -> datetime | None:
    """A time with its zone, or None."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _texts(encounter: Encounter, now: datetime) -> Iterator[Wrong]:
    for name, most in (
        ("reference", 64),
        ("place", TEXT_MOST),
        ("incident", TEXT_MOST),
        ("borough", 64),
        ("bcu", 64),
        ("authorisation", TEXT_MOST),
        ("grounds", GROUNDS_MOST),
    ):
        text: str | None = getattr(encounter, name)
        if text is None:
            continue
        if not 0 < len(text.strip()) <= most:
            yield Wrong(name, f"{len(text.strip())} characters", f"1 to {most}")
        elif not text.isprintable():
            yield Wrong(name, "characters that cannot be printed", "one line of text")
    if POSTCODE.search(encounter.place):
        yield Wrong("place", "a full postcode", "a street or a public place: no address is recorded (Code A 4.3A)")


def _times(encounter: Encounter, now: datetime) -> Iterator[Wrong]:
    zone = "a time with its zone, such as 2026-11-22T21:04:00+00:00"
    at = moment(encounter.at)
    if at is None:
        yield Wrong("at", repr(encounter.at[:40]), zone)
    elif at > now + AHEAD:
        yield Wrong("at", f"{encounter.at}, in the future", "when it was")
    if encounter.until is None:
        return
    until = moment(encounter.until)
    if until is None:
        yield Wrong("until", repr(encounter.until[:40]), zone)
    elif at is not None and not at <= until <= at + LONGEST:
        yield Wrong("until", encounter.until, "not before `at`, and at most a day after it")


def _place(encounter: Encounter, now: datetime) -> Iterator[Wrong]:
    if (encounter.lat is None) != (encounter.lon is None):
        yield Wrong("lat", "one of lat and lon", "both, or neither")
    for name, value, most in (("lat", encounter.lat, 90.0), ("lon", encounter.lon, 180.0)):
        if value is not None and not -most <= value <= most:
            yield Wrong(name, f"{value}", f"-{most:g} to {most:g} degrees")


def _officers(encounter: Encounter, now: datetime) -> Iterator[Wrong]:
    names = [one.officer for one in encounter.officers]
    if not names:
        yield Wrong("officers", "nobody", "the officer who made the record at least (Code A 4.3 (v))")
    for name in names:
        if not ENROLLED_ID.fullmatch(name):
            yield Wrong("officers", repr(name[:40]), "warrant numbers as cameras are issued to, such as PC-4711")
    if len(set(names)) != len(names):
        yield Wrong("officers", "somebody twice", "each officer once")
    leads = sum(one.role is Role.LEAD for one in encounter.officers)
    if names and leads != 1:
        yield Wrong("officers", f"{leads} who lead", "one")


NEEDED = {
    Kind.STOP_SEARCH: ("power", "object", "grounds", "ethnicity", "outcome"),
    Kind.STOP_ACCOUNT: (),
    Kind.USE_OF_FORCE: ("tactics",),
}
"""What each kind must say (searches: Code A 4.3; stop and account: nothing is required since 2011, Code A 4.12)."""


def _needed(encounter: Encounter, now: datetime) -> Iterator[Wrong]:
    for name in NEEDED[encounter.kind]:
        if not getattr(encounter, name):
            yield Wrong(name, "nothing", f"it of every {encounter.kind.value.replace('_', ' ')}")
    if encounter.power in WITHOUT_SUSPICION and not encounter.authorisation:
        yield Wrong("authorisation", "nothing", "the authorisation of a power without suspicion (Code A 4.3 (iv))")
    if encounter.kind is not Kind.STOP_SEARCH:
        for name in ("power", "object"):
            if getattr(encounter, name) is not None:
                yield Wrong(name, repr(str(getattr(encounter, name))), "it of a search only")
    if encounter.ced and Tactic.CED not in encounter.tactics:
        yield Wrong("tactics", "no ced", "ced among the tactics, since ced says how a Taser was used")
    if Tactic.CED in encounter.tactics and not encounter.ced:
        yield Wrong("ced", "nothing", "how the Taser was used: drawn, aimed, arced, red_dotted, … fired")
    if encounter.kind is Kind.STOP_ACCOUNT and encounter.tactics:
        yield Wrong("tactics", "force", "a record of kind use_of_force beside this one")


RULES: tuple[Callable[[Encounter, datetime], Iterator[Wrong]], ...] = (_texts, _times, _place, _officers, _needed)
