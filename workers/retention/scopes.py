"""What a hold covers: the request of a person, checked field by field, and the row that it becomes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, execute, fetch
from workers.errors import Refused
from workers.footage.clip import CLIP_ID
from workers.keys.signing import Signed
from workers.retention.facts import Hold, HoldReason
from workers.retention.own_end import check_own_end
from workers.retention.statements import HoldRequest, PlaceAndRadius

HOLD_ID = re.compile(r"hold-[a-z2-7]{32}")

TEXT_MOST = 200
"""Characters of a reference, an incident or an officer's name."""

METRES_MOST = 50_000.0
"""A larger circle is a mistyped one; a period alone covers the force."""


NOT_KNOWN = datetime(9000, 1, 1, tzinfo=UTC)
"""Earliest end of a case's hold while no outcome says when: nobody lifts it. `cases.end-set` gives it another."""

GIVEN = (HoldReason.SAME_INCIDENT, HoldReason.RESTORED)
"""Reasons that no person asks for: a question that the system raises, and what a restore found in the vault."""


class Scope(StrEnum):
    """What a hold names."""

    CLIP = "clip"
    INCIDENT = "incident"
    OFFICER = "officer"
    PLACE = "place"
    ENCOUNTER = "encounter"


class HoldRow(Struct, frozen=True):
    """A hold that was accepted, as the table `holds` has it; `request` is the signed request, verbatim."""

    hold_id: str
    scope: Scope
    reason: HoldReason
    restricted: bool
    request: Signed
    placed_by: str
    placed_at: datetime
    clip_id: str | None = None
    incident: str | None = None
    officers: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    place: PlaceAndRadius | None = None
    encounter: str | None = None
    reference: str | None = None
    earliest_end: datetime | None = None
    lift: Signed | None = None
    lifted_at: datetime | None = None
    lifted_by: tuple[str, ...] = ()

    @property
    def hold(self) -> Hold:
        """As it stands in a clip's row."""
        return Hold(self.hold_id, self.reason, self.placed_at, self.placed_by, self.restricted)

    @property
    def standing(self) -> bool:
        """Whether it also covers what is docked later."""
        return self.scope is not Scope.CLIP


HOLD_COLUMNS = ", ".join(HoldRow.__struct_fields__)


def check(asked: HoldRequest, signed: Signed) -> HoldRow:
    """The hold that a request asks for.

    Args:
        signed: the request as it was signed; its signature holds, and whoever asks made it.

    Raises:
        Refused: one sentence that names the field, what is expected and what to do.
    """
    _need(HOLD_ID.fullmatch(asked.hold_id), f"hold id {asked.hold_id[:64]!r}: expected hold- and 32 letters or digits")
    _need(asked.scope in Scope.__members__.values(), f"scope {asked.scope[:64]!r}: expected {', '.join(Scope)}")
    _need(asked.reason not in GIVEN, f"reason {asked.reason.value}: the system gives it, a person another one")
    for name in ("incident", "encounter", "reference"):
        text = getattr(asked, name)
        _need(text is None or 0 < len(text.strip()) <= TEXT_MOST, f"{name}: expected 1 to {TEXT_MOST} characters")
    scope, since, until = Scope(asked.scope), _moment("since", asked.since), _moment("until", asked.until)
    _need(since is None or until is None or since < until, f"the period ends ({asked.until}) before it begins")
    _NEEDS[scope](asked)
    check_own_end(asked)
    return HoldRow(
        hold_id=asked.hold_id,
        scope=scope,
        reason=asked.reason,
        restricted=asked.restricted,
        request=signed,
        placed_by=asked.by,
        placed_at=_moment("at", asked.at) or datetime.now(UTC),
        clip_id=asked.clip_id,
        incident=asked.incident,
        officers=tuple(sorted(set(asked.officers))),
        since=since,
        until=until,
        place=asked.place,
        encounter=asked.encounter,
        reference=asked.reference,
        earliest_end=_moment("earliest_end", asked.earliest_end),
    )


def _clip(asked: HoldRequest) -> None:
    _need(CLIP_ID.fullmatch(asked.clip_id or ""), f"clip {asked.clip_id!r}: expected a clip's whole id")
    _only(asked)


def _incident(asked: HoldRequest) -> None:
    _need(asked.incident, "an incident hold names the incident")
    _only(asked, "incident")


def _officer(asked: HoldRequest) -> None:
    _need(asked.officers, "an officer hold names at least one officer")
    _need(asked.since and asked.until, "an officer hold names a period: from when and to when")
    _only(asked, "officers", "period")


def _place(asked: HoldRequest) -> None:
    place = asked.place
    _need(place, "a place hold names latitude, longitude and metres")
    assert place is not None
    _need(-90 <= place.latitude <= 90, f"latitude {place.latitude}: expected -90 to 90 degrees")
    _need(-180 <= place.longitude <= 180, f"longitude {place.longitude}: expected -180 to 180 degrees")
    _need(0 < place.metres <= METRES_MOST, f"{place.metres} metres: expected above 0 and at most {METRES_MOST:g}")
    _need(asked.since and asked.until, "a place hold names a period: from when and to when")
    _only(asked, "place", "period")


def _encounter(asked: HoldRequest) -> None:
    _need(asked.encounter, "an encounter hold names the encounter's reference")
    period = bool(asked.since and asked.until)
    _need(bool(asked.officers) == period, "the officers of an encounter need its period, and the period its officers")
    _only(asked, "encounter", "officers", "period")


_NEEDS: dict[Scope, Callable[[HoldRequest], None]] = {
    Scope.CLIP: _clip,
    Scope.INCIDENT: _incident,
    Scope.OFFICER: _officer,
    Scope.PLACE: _place,
    Scope.ENCOUNTER: _encounter,
}


def _only(asked: HoldRequest, *allowed: str) -> None:
    """A field that the scope does not use is a mistake: the person believes it to narrow the hold."""
    given = {
        "clip_id": asked.clip_id is not None and asked.scope != Scope.CLIP,
        "incident": asked.incident is not None,
        "officers": bool(asked.officers),
        "period": asked.since is not None or asked.until is not None,
        "place": asked.place is not None,
        "encounter": asked.encounter is not None,
    }
    extra = [name for name, is_given in given.items() if is_given and name not in allowed]
    _need(not extra, f"a hold of scope {asked.scope} does not take {' or '.join(extra)}")


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise _refused(f"{name} {text[:64]!r}: expected a time with its zone, such as 2026-11-22T10:00:00Z")
    return at


def _need(holds: object, otherwise: str) -> None:
    if not holds:
        raise _refused(otherwise)


def _refused(reason: str) -> Refused:
    return Refused(reason, "ask again with that corrected; bwv hold place --help lists what each scope takes")


async def find_hold(connection: Connection, hold_id: str, *, lock: str = "") -> HoldRow | None:
    """A hold by its id.

    Args:
        lock: "FOR SHARE" keeps it from being lifted, "FOR UPDATE" from everything, until the transaction ends.
    """
    rows = await fetch(connection, f"SELECT {HOLD_COLUMNS} FROM holds WHERE hold_id = %s {lock}", (hold_id,))
    return msgspec.convert(rows[0], HoldRow) if rows else None


async def enter_hold(connection: Connection, hold: HoldRow) -> bool:
    """Write a hold down; False if this very request was written before.

    Raises:
        Refused: another request has this id.
    """
    values = [_stored(getattr(hold, name)) for name in HoldRow.__struct_fields__]
    inserted = await execute(
        connection,
        f"INSERT INTO holds ({HOLD_COLUMNS}) VALUES ({', '.join(['%s'] * len(values))}) ON CONFLICT DO NOTHING",
        values,
    )
    if not inserted:
        there = await find_hold(connection, hold.hold_id)
        if there is None or there.request != hold.request:
            raise Refused(f"{hold.hold_id} is another hold already", "ask again: each request makes an id of its own")
    return bool(inserted)


def _stored(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return msgspec.json.encode(value).decode() if isinstance(value, Struct) else value
