"""What people sign about encounters. A record holds of the person concerned only what PACE Code A asks.

Name, address and date of birth are not asked for (Code A 4.3A) and have no field: a record that carries a field which
is not here is refused, whatever is in it.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct

from workers.encounters.words import (
    AgeBand,
    Ced,
    Ethnicity,
    GapKind,
    Gender,
    Kind,
    Outcome,
    Perceived,
    Power,
    Role,
    Sought,
    Tactic,
)
from workers.footage.canonical import derived_id

ENCOUNTER_ID = re.compile(r"encounter-[a-z2-7]{32}")


class OfficerThere(Struct, frozen=True):
    """An officer who was there, by warrant number."""

    officer: str
    role: Role = Role.PRESENT


class Encounter(Struct, frozen=True):
    """One stop, or one use of force, as the force recorded it.

    Attributes:
        reference: the force's own number of the record; what makes a correction the same record.
        at: when the person was first detained, spoken to or touched (ISO 8601 with its zone).
        until: when it was over; None: the record does not say.
        place: where (Code A 4.3 (ii)); no home address of the person.
        lat, lon: of the place, WGS 84.
        incident: number of the command-and-control record.
        borough, bcu: area whose supervisors and figures it belongs to.
        officers: whoever was there; the first leads unless another does.
        power, authorisation, object, grounds: of a search (Code A 4.3 (iii), (iv)).
        ethnicity, perceived: Code A 4.3 (i); `perceived` only where it differs.
        linked: whether the outcome has to do with what was sought.
        more_than_outer: more than outer clothing, gloves, headgear was removed (Code A 3.5 ff).
        vehicle: a vehicle was searched.
        tactics: of force; ced: each use of a Taser.
    """

    reference: str
    kind: Kind
    at: str
    place: str
    officers: tuple[OfficerThere, ...]
    until: str | None = None
    lat: float | None = None
    lon: float | None = None
    incident: str | None = None
    borough: str | None = None
    bcu: str | None = None
    power: Power | None = None
    authorisation: str | None = None
    object: Sought | None = None
    grounds: str | None = None
    ethnicity: Ethnicity | None = None
    perceived: Perceived | None = None
    age_band: AgeBand | None = None
    gender: Gender | None = None
    outcome: Outcome | None = None
    linked: bool | None = None
    more_than_outer: bool | None = None
    vehicle: bool | None = None
    tactics: tuple[Tactic, ...] = ()
    ced: tuple[Ced, ...] = ()

    @property
    def gravest_ced(self) -> Ced | None:
        """The gravest use of a Taser; the only one that published figures count."""
        return max(self.ced, key=list(Ced).index) if self.ced else None


class EncounterRecord(Struct, frozen=True):
    """Body of EncounterRequested and EncounterRecorded."""

    encounter_id: str
    encounter: Encounter
    by: str
    at: str


class EncounterReason(Struct, frozen=True):
    """Body of EncounterReasonRequested and EncounterReasoned: why footage, or its record, is missing.

    Attributes:
        encounter_id: of a gap; None: `clip_id` says that it shows an encounter, and there is no record of one.
        officer: whose footage it is.
    """

    officer: str
    gap: GapKind
    reason: str
    by: str
    at: str
    encounter_id: str | None = None
    clip_id: str | None = None

    @property
    def about(self) -> str:
        """The encounter, or the clip."""
        return self.encounter_id or self.clip_id or ""


def encounter_id(namespace: str, reference: str) -> str:
    """One encounter for each reference, whatever its capitals and blanks."""
    return derived_id("encounter", namespace, "".join(reference.split()).upper())


def strangers(body: str) -> list[str]:
    """Names of the fields of a signed record that have no place in it, sorted: what they hold is nobody's to keep.

    Args:
        body: a signed EncounterRecord.
    """
    said: Any = msgspec.json.decode(body)
    found = set(said) - set(EncounterRecord.__struct_fields__)
    encounter = said.get("encounter") or {}
    found |= set(encounter) - set(Encounter.__struct_fields__)
    for one in encounter.get("officers") or ():
        found |= set(one) - set(OfficerThere.__struct_fields__)
    return sorted(found)
