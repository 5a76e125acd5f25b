"""The holds that go with scrutiny: each drawn encounter until the panel has met, what a complaint is about."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec

from workers.encounters.check import moment
from workers.encounters.rows import Recorded
from workers.errors import Refused
from workers.footage.canonical import derived_id
from workers.keys.signing import Signed
from workers.prosecution.cases.case_holds import hold_of, lift_of
from workers.prosecution.disclosure.times import LONDON
from workers.retention.facts import HoldReason
from workers.retention.scopes import NOT_KNOWN, Scope, check
from workers.retention.self_ending import MEETS
from workers.retention.statements import HoldRequest
from workers.scrutiny.statements import ComplaintOpened, Drawn, ScrutinyDeed

AROUND = timedelta(minutes=10)
"""How far before and after a drawn encounter footage is held: what led to it, and what followed."""

MEETS_MOST = timedelta(days=366)
"""A panel that meets later draws later."""

AGAIN = "draw again: bwv panel draw"
ASK = "ask with bwv panel or bwv complaint, which sign the holds that go with it"


def panel_hold_id(draw: str, encounter: str) -> str:
    """One hold for each encounter of a draw."""
    return derived_id("hold", "panel", draw, encounter)


def met(deed: Drawn, at: str) -> datetime:
    """When the panel of a draw has met: the end of the day that is named, else a quarter after the draw.

    Args:
        at: when it was drawn.

    Raises:
        Refused: that is no day, it was before the draw, or is too far away.
    """
    drawn = moment(at)
    if drawn is None:
        raise Refused(f"the draw was made at {at[:40]!r}: expected a time with its zone", AGAIN)
    if deed.meets is None:
        return drawn + MEETS
    try:
        day = date.fromisoformat(deed.meets)
    except ValueError as error:
        raise Refused(f"the panel meets on {deed.meets[:40]!r}: expected a day such as 2026-11-22", AGAIN) from error
    if not drawn.astimezone(LONDON).date() <= day <= drawn.astimezone(LONDON).date() + MEETS_MOST:
        raise Refused(f"the panel meets on {day}: expected a day from that of the draw on, within a year", AGAIN)
    return datetime.combine(day + timedelta(days=1), time(), LONDON)


def panel_hold(draw: str, found: Recorded, *, by: str, at: str, until: datetime) -> HoldRequest:
    """What a person signs to keep the footage of a drawn encounter, docked later too.

    Args:
        until: when the hold ends by itself (`self_ending.kept_after` the panel has met).
    """
    it = found.encounter
    began = moment(it.at)
    assert began is not None  # it was checked before it was recorded
    ended = (moment(it.until) if it.until else None) or began
    return HoldRequest(
        hold_id=panel_hold_id(draw, found.encounter_id),
        scope=Scope.ENCOUNTER.value,
        reason=HoldReason.SCRUTINY,
        by=by,
        at=at,
        officers=tuple(sorted({one.officer for one in it.officers})),
        since=(began - AROUND).isoformat(),
        until=(ended + AROUND).isoformat(),
        encounter=it.incident or it.reference,
        reference=it.reference,
        latest_end=until.astimezone(UTC).isoformat(),
    )


def complaint_hold(
    complaint: str,
    opened: ComplaintOpened,
    fields: dict[str, Any],
    *,
    by: str,
    at: str,
    lifted: Collection[str] = (),
) -> HoldRequest:
    """What a person signs to keep what a complaint is about. It has no known end: the outcome gives it one.

    Args:
        fields: scope and what it names, as `bwv hold place` takes it; the same fields are the same hold.
        lifted: holds of the complaint that people have lifted: what one of these kept is held anew.
    """
    named = {name: value for name, value in fields.items() if value not in (None, [], ())}
    said = msgspec.json.encode(named, order="sorted").decode()
    hold_id, again = derived_id("hold", "complaint", complaint, said), 0
    while hold_id in lifted:
        again += 1
        hold_id = derived_id("hold", "complaint", complaint, said, again)
    body = named | {
        "hold_id": hold_id,
        "reason": opened.reason.value,
        "by": by,
        "at": at,
        "reference": opened.reference,
        "restricted": opened.restricted,
        "earliest_end": NOT_KNOWN.isoformat(),
    }
    return msgspec.convert(body, HoldRequest)


def check_panel_holds(asked: ScrutinyDeed, drawn: list[Recorded], until: datetime) -> None:
    """Every drawn encounter is held with its draw, by the same person, and nothing else is.

    Args:
        until: when the holds end by themselves, by the policy in force.

    Raises:
        Refused: a hold is missing, is one too many, or is not the one of its encounter as it is on record now.
    """
    wanted = {panel_hold_id(asked.about, one.encounter_id): one for one in drawn}
    given = {hold.hold_id: hold for hold in map(hold_of, asked.holds)}
    if set(wanted) != set(given) or asked.lifts:
        raise Refused(f"{len(wanted)} drawn encounters want a hold each, {len(given)} came with the draw", ASK)
    for hold_id, one in wanted.items():
        if given[hold_id] != panel_hold(asked.about, one, by=asked.by, at=asked.at, until=until):
            raise Refused(
                f"the hold of {one.encounter.reference} is not of the record and the policy as they are now",
                "draw again: one of them changed",
            )


def check_complaint_hold(asked: ScrutinyDeed, opened: ComplaintOpened, lifted: Collection[str] = ()) -> HoldRequest:
    """The hold that goes with a complaint, which is the complaint's own.

    Args:
        lifted: its holds that people have lifted.

    Raises:
        Refused: there is not just one, it is of something else, or not whole: a complaint that keeps nothing would be
            on record.
    """
    if len(asked.holds) != 1:
        raise Refused(f"{len(asked.holds)} holds came with the complaint, expected one", ASK)
    hold = hold_of(asked.holds[0])
    names = ("scope", "clip_id", "incident", "officers", "since", "until", "place", "encounter")
    fields = {name: msgspec.to_builtins(getattr(hold, name)) for name in names}
    if hold != complaint_hold(asked.about, opened, fields, by=asked.by, at=asked.at, lifted=lifted):
        raise Refused(f"the hold {hold.hold_id} is not one of the complaint {opened.reference[:40]}", ASK)
    check(hold, asked.holds[0])
    return hold


def check_lift(asked: ScrutinyDeed, encounter: str) -> None:
    """A wish that goes with a grade is to lift the hold of that encounter, by whoever grades it; nothing else goes.

    Raises:
        Refused: it is another one, or a hold came with it.
    """
    if asked.holds:
        raise Refused(f"a grade of {encounter} places no hold", ASK)
    for signed in asked.lifts:
        lift = lift_of(signed)
        if lift.hold_id != panel_hold_id(asked.about, encounter) or lift.by != asked.by:
            raise Refused(f"a grade of {encounter} lifts its own hold, not {lift.hold_id}", ASK)


def requests_of(asked: ScrutinyDeed) -> list[tuple[str, Signed]]:
    """(hold id, signed request) of the holds that go with a deed."""
    return [(hold_of(signed).hold_id, signed) for signed in asked.holds]
