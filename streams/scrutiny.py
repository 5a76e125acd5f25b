"""What people decide in scrutiny: draws, grades, complaints. The stage encounters receives it, since it holds the list.

    scrutiny.requested   scrutiny.recorded; with a draw holds.requested for each encounter that came out, with a grade
                         holds.lift-requested, with a complaint holds.requested for its place and period, and
                         complaints.end-set when its outcome moves the earliest end of its holds. Refused:
                         requests.refused. Always an answer
    by the clock         holds.standing-lifted of a hold of scrutiny whose own end has come

A draw is made again here before it counts: from the list that the custody log gives, with the seed that was named.
"""

from __future__ import annotations

from datetime import datetime

from streams.messages import (
    ComplaintEndSet,
    HoldLiftRequested,
    HoldRequested,
    Message,
    ScrutinyRecorded,
    ScrutinyRequested,
    StandingHoldLifted,
    event,
)
from streams.requests import Requests
from streams.stage import Envelope
from workers.database.engine import Connection, Database, fetch
from workers.encounters.rows import Recorded, find_encounter
from workers.errors import Refused, RuleBroken
from workers.fate.outbox import Event
from workers.fate.row import announce
from workers.keys.signing import Signed
from workers.prosecution.cases.case_holds import lift_of
from workers.retention.answers import Answer, Verdict
from workers.retention.lifting import concerns
from workers.retention.scopes import find_hold
from workers.retention.self_ending import due, end, kept_after
from workers.retention.statements import HoldLift, HoldRequest
from workers.scrutiny.checks import check_draw, check_grade
from workers.scrutiny.complaint import Complaint, apply, earliest_end, ends_moved
from workers.scrutiny.holding import check_complaint_hold, check_lift, check_panel_holds, met, requests_of
from workers.scrutiny.rows import (
    find_complaint,
    find_draw,
    lifted_of,
    list_draws,
    store_complaint,
    store_draw,
    store_grade,
)
from workers.scrutiny.statements import (
    ComplaintOpened,
    DrawKind,
    Drawn,
    Graded,
    ScrutinyDeed,
    complaint_id,
    draw_id,
    tag_of,
)

SOURCE = "encounters"
"""The stage that answers."""


class Scrutiny:
    """Decides one deed at a time, each in one transaction with its row, its event and its answer."""

    def __init__(self, requests: Requests, namespace: str) -> None:
        self._requests = requests
        self._namespace = namespace

    async def receive(self, message: ScrutinyRequested, envelope: Envelope) -> None:
        """Open, check and decide what a person asks for."""
        async with self._requests.answering(envelope):
            asked = await self._requests.opened(message.deed, ScrutinyDeed, message.about)
            for hold, signed in requests_of(asked):
                await self._requests.opened(signed, HoldRequest, hold)
            for signed in asked.lifts:
                await self._requests.opened(signed, HoldLift, lift_of(signed).hold_id)

            async def work(connection: Connection) -> Answer:
                match asked.deed:
                    case Drawn():
                        return await self._draw(connection, asked, asked.deed, message.deed)
                    case Graded():
                        return await self._grade(connection, asked, asked.deed, message.deed)
                return await self._complaint(connection, asked, message.deed)

            await self._requests.decide(envelope, f"{tag_of(asked.deed)} of {asked.about}", asked, work)

    # -- draws and grades --------------------------------------------------------------------------------------

    async def _draw(self, connection: Connection, asked: ScrutinyDeed, deed: Drawn, signed: Signed) -> Answer:
        expected = draw_id(self._namespace, deed.kind, deed.month, deed.unit, deed.size, deed.seed, deed.n)
        if asked.about != expected:
            raise RuleBroken(f"this draw is {expected} here, not {asked.about}")
        details = {"draw_id": expected, "drawn": list(deed.drawn), "passed_over": len(deed.passed_over)}
        there = await find_draw(connection, expected)
        if there is not None:
            says = f"{expected} is on record since {there.drawn_at:%Y-%m-%d %H:%M %Z}, drawn by {there.drawn_by}"
            return Answer(Verdict.DONE, says, details | {"new": False})
        before = await list_draws(connection, deed.kind, deed.month, deed.unit)
        await check_draw(connection, deed, before)
        found = [await _encounter(connection, one) for one in deed.drawn]
        until = await kept_after(connection, met(deed, asked.at))
        check_panel_holds(asked, found if deed.kind is DrawKind.PANEL else [], until)
        told = self._recorded(asked, 1, signed)
        await store_draw(connection, asked, deed, signed, told.id)
        await announce(connection, [told, *_wanted(asked)])
        says = f"{expected}: {len(deed.drawn)} of {deed.listed} encounters of {deed.month} drawn"
        if before:
            says += f"; draws of this month that came before: {len(before)}"
        return Answer(Verdict.DONE, says, details | {"new": True, "before": len(before)})

    async def _grade(self, connection: Connection, asked: ScrutinyDeed, deed: Graded, signed: Signed) -> Answer:
        draw = await find_draw(connection, asked.about)
        if draw is None:
            raise Refused(f"there is no draw {asked.about[:64]}", "see: bwv panel list, bwv dip-sample list")
        officers = await _officers(connection, deed.encounter_id)
        check_grade(draw, deed, asked.by, officers)
        check_lift(asked, deed.encounter_id)
        told = self._recorded(asked, 1, signed, deed.encounter_id, signed.signature)
        await store_grade(connection, asked, deed, signed, told.id)
        await announce(connection, [told, *_lifts(asked)])
        says = f"{deed.encounter_id} is graded {deed.grade.value}; returned to {', '.join(officers)}"
        if asked.lifts:
            says += "; its hold stands until another person lifts it too: bwv hold lift " + _hold_lifted(asked)
        details = {"draw_id": draw.draw_id, "encounter_id": deed.encounter_id, "returned_to": officers}
        return Answer(Verdict.DONE, says, details)

    # -- complaints --------------------------------------------------------------------------------------------

    async def _complaint(self, connection: Connection, asked: ScrutinyDeed, signed: Signed) -> Answer:
        before = await find_complaint(connection, asked.about, lock=True)
        if isinstance(asked.deed, ComplaintOpened):
            expected = complaint_id(self._namespace, asked.deed.reference)
            if asked.about != expected:
                raise RuleBroken(f"the complaint {asked.deed.reference} is {expected} here, not {asked.about}")
            over = await lifted_of(connection, before.holds) if before is not None else set()
            hold = check_complaint_hold(asked, asked.deed, over)
            if before is not None and hold.hold_id in before.holds:
                return Answer(Verdict.DONE, f"{before.reference} holds this already", _details(before))
        elif asked.holds or asked.lifts:
            raise Refused("holds go with the opening of a complaint alone", "bwv complaint open REF, with its place")
        elif before is not None and await concerns(connection, before.holds, asked.by):
            before = None  # whoever it concerns takes no step of it, and does not learn by trying that there is one
        after = apply(before, asked)
        if not await store_complaint(connection, after):
            raise Refused(f"another deed of {after.reference} came first", "look and ask again: bwv complaint show")
        told = [self._recorded(asked, after.version, signed), *_wanted(asked)]
        if ends_moved(before, after):
            told.append(_end_set(after))
        await announce(connection, told)
        end, reasons = earliest_end(after)
        until = "an end is not known yet" if end is None else f"its holds end no sooner than {end:%Y-%m-%d %H:%M %Z}"
        return Answer(Verdict.DONE, f"{after.reference}: {until} ({'; '.join(reasons)})", _details(after))

    def _recorded(self, asked: ScrutinyDeed, version: int, signed: Signed, *more: object) -> Event:
        told = ScrutinyRecorded(asked.about, tag_of(asked.deed), version, signed)
        cause = (asked.about, tag_of(asked.deed), version, *more)
        return event("scrutiny.recorded", told, key=asked.about, subject=asked.about, source=SOURCE, cause=cause)


def _wanted(asked: ScrutinyDeed) -> list[Event]:
    return [hold_requested(hold, signed) for hold, signed in requests_of(asked)]


def hold_requested(hold: str, signed: Signed) -> Event:
    """The request for a hold, with the id that whoever repeats it derives too."""
    return event("holds.requested", HoldRequested(hold, signed), key=hold, subject=hold, source="person", cause=(hold,))


async def end_what_is_due(database: Database, now: datetime) -> list[str]:
    """End each hold of scrutiny whose own end has come, and tell of it; its clips follow as after any lifting."""
    async with database.connection() as connection:
        waiting = await due(connection, now)
    ended = []
    for hold_id in waiting:
        async with database.transaction() as connection:
            hold = await find_hold(connection, hold_id, lock="FOR UPDATE")
            if hold is None or not await end(connection, hold, now):
                continue
            told = StandingHoldLifted(hold_id, hold.reason.value, ())
            await announce(
                connection,
                [event("holds.standing-lifted", told, key=hold_id, subject=hold_id, source=SOURCE, cause=(hold_id,))],
            )
            ended.append(hold_id)
    return ended


def _lifts(asked: ScrutinyDeed) -> list[Event]:
    told = []
    for signed in asked.lifts:
        hold = lift_of(signed).hold_id
        lift: Message = HoldLiftRequested(hold, signed)
        cause = (signed.signature,)
        told.append(event("holds.lift-requested", lift, key=hold, subject=hold, source="person", cause=cause))
    return told


def _hold_lifted(asked: ScrutinyDeed) -> str:
    return ", ".join(lift_of(signed).hold_id for signed in asked.lifts)


def _end_set(complaint: Complaint) -> Event:
    end, reasons = earliest_end(complaint)
    told = ComplaintEndSet(
        complaint.complaint_id,
        complaint.version,
        complaint.holds,
        None if end is None else end.isoformat(),
        reasons,
    )
    about, cause = complaint.complaint_id, (complaint.complaint_id, complaint.version)
    return event("complaints.end-set", told, key=about, subject=about, source=SOURCE, cause=cause)


def _details(complaint: Complaint) -> dict[str, object]:
    end, reasons = earliest_end(complaint)
    return {
        "complaint_id": complaint.complaint_id,
        "reference": complaint.reference,
        "version": complaint.version,
        "holds": list(complaint.holds),
        "earliest_end": None if end is None else end.isoformat(),
        "reasons": list(reasons),
    }


async def _encounter(connection: Connection, encounter_id: str) -> Recorded:
    found = await find_encounter(connection, encounter_id)
    if found is None:
        raise Refused(f"there is no encounter {encounter_id[:64]}", "draw again")
    return found


async def _officers(connection: Connection, encounter_id: str) -> list[str]:
    rows = await fetch(
        connection, "SELECT officer FROM encounter_officers WHERE encounter_id = %s ORDER BY officer", (encounter_id,)
    )
    return [row["officer"] for row in rows]
