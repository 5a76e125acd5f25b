"""What people ask of holds, decided inside the transaction that answers it; nothing here needs the store."""

from __future__ import annotations

from datetime import UTC, datetime

from streams.holds import events
from workers.database.engine import Connection, fetch
from workers.errors import Refused
from workers.fate.moves import FINAL
from workers.fate.row import announce, find_on
from workers.keys.signing import Signed
from workers.retention.answers import Answer, Verdict
from workers.retention.holding import OPEN, State, enter, protect, refusal, state_of
from workers.retention.lifting import ask_to_lift, take_ends
from workers.retention.scopes import HoldRow, check, enter_hold, find_hold
from workers.retention.statements import HoldLift, HoldRequest


async def place(connection: Connection, asked: HoldRequest, signed: Signed) -> Answer | None:
    """Place a hold, of one clip or one that stands; None if it was placed before and what was answered stands.

    Raises:
        Refused: the request is not whole, names no clip of ours, or another hold has its id.
    """
    hold = check(asked, signed)
    given = await (_stands if hold.standing else _protects)(connection, hold)
    await take_ends(connection, [hold.hold_id])
    return given


async def _protects(connection: Connection, hold: HoldRow) -> Answer | None:
    """Put a hold of one clip into its row, unless it comes too late."""
    clip_id = hold.clip_id or ""
    fate = await find_on(connection, clip_id, lock=True)
    if fate is None:
        raise Refused(f"there is no clip {clip_id}", "look it up by camera and recording: bwv trace CAMERA/…")
    details = {"hold": hold.hold_id, "clip": clip_id}
    before = await state_of(connection, hold.hold_id, clip_id)
    if fate.disposal in FINAL and before not in OPEN:
        if before is None:
            await enter(connection, hold.hold_id, clip_id, State.REFUSED, refusal(fate))
            await announce(connection, [events.refused(hold, clip_id)])
        return Answer(Verdict.REFUSED, refusal(fate), details)
    await enter_hold(connection, hold)
    await protect(connection, hold.hold_id, clip_id, events.told_of(hold, clip_id))
    if before is not None:
        return None
    return Answer(Verdict.PENDING, f"{clip_id} is protected from now on; the store's legal hold follows", details)


async def _stands(connection: Connection, hold: HoldRow) -> Answer | None:
    """Place a hold that also covers what is docked later. No disposal is committed beside it."""
    await fetch(connection, "SELECT one FROM guard FOR UPDATE")
    if not await enter_hold(connection, hold):
        return None
    await announce(connection, [events.standing_placed(hold)])
    says = f"{hold.hold_id} stands from now on; its clips are being looked for"
    return Answer(Verdict.PENDING, says, {"hold": hold.hold_id})


async def lift(connection: Connection, asked: HoldLift, signed: Signed) -> Answer:
    """Lift a hold, or note the wish of the first of two people.

    Raises:
        Refused: there is no such hold, it is too early, or the same person asks twice.
    """
    lifts = await ask_to_lift(connection, asked, signed, datetime.now(UTC))
    hold = await find_hold(connection, asked.hold_id)
    assert hold is not None
    details = {"hold": hold.hold_id}
    if hold.lifted_at is None:
        await announce(connection, [events.lift_asked(hold, lifts[0])])
        says = f"{hold.hold_id} stands until another person asks too: bwv hold lift {hold.hold_id} --reason …"
        return Answer(Verdict.PENDING, says, details)
    await announce(connection, [events.standing_lifted(hold, lifts)])
    if asked.same_incident and (raised := await find_hold(connection, hold.reference or "")) is not None:
        # In the same transaction: the clip is never without either of both.
        clip_id = hold.clip_id or ""
        await protect(connection, raised.hold_id, clip_id, events.told_of(raised, clip_id))
        return Answer(Verdict.DONE, f"{clip_id} falls under {raised.hold_id}", {"hold": raised.hold_id})
    return Answer(Verdict.DONE, f"{hold.hold_id} is lifted; its clips follow", details)
