"""Encounters as people work with them, at a command line and on the board alike: the reason for what is missing, the
copy for the person concerned, and the hold that they ask for."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from msgspec import Struct

from streams.messages import EncounterReasonRequested, HoldRequested
from workers.database.engine import Database
from workers.encounters.check import moment
from workers.encounters.person import local, page
from workers.encounters.queries import Known
from workers.encounters.rows import Recorded
from workers.encounters.statements import EncounterReason
from workers.footage.canonical import derived_id
from workers.keys.signing import Signed
from workers.keys.statements import now_iso
from workers.retention.explaining import Explanation
from workers.retention.facts import HoldReason
from workers.retention.questions import explained_by_log, explained_by_row
from workers.retention.scopes import Scope
from workers.retention.statements import HoldRequest

AROUND = timedelta(minutes=30)
"""How far before and after an encounter footage is held for the person concerned: what led to it, what followed."""

Sign = Callable[[Struct], Signed]
"""Signs a statement as whoever decides."""


def reason_request(asked: EncounterReason, sign: Sign) -> tuple[EncounterReasonRequested, tuple[str, ...]]:
    """What is sent to say why something is missing, and what makes it the same request."""
    signed = sign(asked)
    return EncounterReasonRequested(asked.about, signed), (signed.signature,)


async def asked_hold_id(database: Database, namespace: str, found: Recorded) -> str:
    """The hold that the person concerned asks for: one, however often they ask; once it was lifted, another one."""
    number = 0
    while True:
        hold = derived_id("hold", namespace, "asked", found.encounter_id, *([number] if number else []))
        row = await database.fetch_one("SELECT lifted_at FROM holds WHERE hold_id = %s", (hold,))
        if row is None or row["lifted_at"] is None:
            return hold
        number += 1


def asked_hold(hold_id: str, found: Recorded, *, by: str, at: str, sign: Sign) -> HoldRequested:
    """The signed request for it: the clips of every officer present, docked later too.

    Args:
        hold_id: as `asked_hold_id` has it.
        by: who was asked, and signs it.
        at: when (ISO 8601).
    """
    it = found.encounter
    began = moment(it.at)
    assert began is not None  # it was checked before it was recorded
    ended = (moment(it.until) if it.until else None) or began
    asked = HoldRequest(
        hold_id=hold_id,
        scope=Scope.ENCOUNTER.value,
        reason=HoldReason.SUBJECT_ACCESS,
        by=by,
        at=at,
        officers=tuple(one.officer for one in it.officers),
        since=now_iso(began - AROUND),
        until=now_iso(ended + AROUND),
        encounter=it.incident or it.reference,
        reference=it.reference,
    )
    return HoldRequested(asked.hold_id, sign(asked))


class Held(Struct, frozen=True):
    """The hold that the person concerned asked for; by: who was asked."""

    since: datetime
    by: str


async def held(database: Database, namespace: str, found: Recorded) -> Held | None:
    """Since when the footage is held because the person concerned asked; None: it is not."""
    row = await database.fetch_one(
        "SELECT placed_at, placed_by FROM holds WHERE hold_id = %s AND lifted_at IS NULL",
        (await asked_hold_id(database, namespace, found),),
    )
    return Held(row["placed_at"], row["placed_by"]) if row else None


async def explained(
    database: Database, clip_id: str, now: datetime, named: Collection[HoldReason] = frozenset(HoldReason)
) -> Explanation:
    """Why a clip is kept or gone, as everybody may know it: a restricted hold is the force's.

    Args:
        named: reasons of the other holds that the reader reads by name.
    """
    by_row = await explained_by_row(database, clip_id, now, restricted=False, named=named)
    if by_row is not None:
        return by_row
    return (await explained_by_log(database, clip_id, now, restricted=False, named=named))[0]


def copy(
    found: Recorded, known: Known, kept: dict[str, Explanation], since: Held | None, *, now: datetime, contact: str
) -> bytes:
    """The copy for the person concerned, as UTF-8.

    Args:
        kept: clip → why it is kept.
        since: the hold that they asked for; None: they did not, or whoever prints it is not to know.
        contact: how people ask this force, in a sentence.
    """
    return page(found, known, kept, now=now, contact=contact, held=local(since.since) if since else None)
