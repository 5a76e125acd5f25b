"""What people ask of holds, decided and answered in one transaction each; nothing here needs the store."""

from __future__ import annotations

from typing import TypeVar

from msgspec import Struct

from streams import hold_events
from streams.messages import RequestRefused, event
from workers.database.engine import Connection, Database, fetch
from workers.errors import MessageInvalid, Refused, SignatureInvalid
from workers.fate.row import announce, find_on
from workers.keys.keyring import Keyring
from workers.keys.signing import Role, Signed
from workers.retention.answers import Answer, Verdict, answer, answer_to
from workers.retention.holding import COMMITTED, OPEN, State, enter, protect, refusal, state_of
from workers.retention.scopes import HoldRow, enter_hold, find_hold
from workers.retention.statements import HoldLift

S = TypeVar("S", bound=Struct)


class People:
    """Answers them."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def protects(self, hold: HoldRow, request: str) -> bool:
        """Put a hold of one clip into its row; False if it comes too late."""
        clip_id = hold.clip_id or ""
        async with self._database.transaction() as connection:
            fate = await find_on(connection, clip_id, lock=True)
            if fate is None:
                raise Refused(f"there is no clip {clip_id}", "look it up by camera and recording: bwv trace CAMERA/…")
            details = {"hold": hold.hold_id, "clip": clip_id}
            before = await state_of(connection, hold.hold_id, clip_id)
            if fate.disposal in COMMITTED and before not in OPEN:
                if before is None:
                    await enter(connection, hold.hold_id, clip_id, State.REFUSED, refusal(fate))
                    await announce(connection, [hold_events.refused(hold, clip_id)])
                await answer(connection, request, hold_events.SOURCE, Answer(Verdict.REFUSED, refusal(fate), details))
                return False
            await enter_hold(connection, hold)
            await protect(connection, hold.hold_id, clip_id, hold_events.told_of(hold, clip_id))
            if before is None:
                says = f"{clip_id} is protected from now on; the store's legal hold follows"
                await answer(connection, request, hold_events.SOURCE, Answer(Verdict.PENDING, says, details))
        return True

    async def stands(self, hold: HoldRow, request: str) -> None:
        """Place a hold that also covers what is docked later. No disposal is committed beside it."""
        async with self._database.transaction() as connection:
            await fetch(connection, "SELECT one FROM guard FOR UPDATE")
            if await enter_hold(connection, hold):
                await announce(connection, [hold_events.standing_placed(hold)])
                says = f"{hold.hold_id} stands from now on; its clips are being looked for"
                found = Answer(Verdict.PENDING, says, {"hold": hold.hold_id})
                await answer(connection, request, hold_events.SOURCE, found)

    async def opened(self, signed: Signed, body: type[S], request: str) -> S:
        """What was signed. Whoever signed wrongly is told, and the message is a dead letter."""
        try:
            return await self._keyring.opened(signed, body, Role.PERSON)
        except (SignatureInvalid, MessageInvalid) as fault:
            if await answer_to(self._database, request) is None:
                async with self._database.transaction() as connection:
                    await answer(connection, request, hold_events.SOURCE, Answer(Verdict.REFUSED, str(fault)))
            raise

    async def refuse(self, request: str, refused: Refused, what: str, by: str, clip_id: str | None = None) -> None:
        """Tell a person that, and why, something is not done."""
        told = RequestRefused(request, what, by, refused.reason, refused.action, clip_id)
        async with self._database.transaction() as connection:
            await announce(
                connection,
                [
                    event(
                        "requests.refused", told, key=request, subject=what, source=hold_events.SOURCE, cause=(request,)
                    )
                ],
            )
            await answer(connection, request, hold_events.SOURCE, Answer(Verdict.REFUSED, str(refused)))

    async def lifted_or_asked(
        self, connection: Connection, asked: HoldLift, lifts: tuple[Signed, ...], request: str
    ) -> None:
        """Tell of a wish that was taken, inside the transaction that took it.

        Args:
            lifts: the wishes that lift the hold now, or the first of two.
        """
        hold = await find_hold(connection, asked.hold_id)
        assert hold is not None
        given = Answer(Verdict.DONE, f"{hold.hold_id} is lifted; its clips follow", {"hold": hold.hold_id})
        if hold.lifted_at is not None:
            told = hold_events.standing_lifted(hold, lifts)
        else:
            told = hold_events.lift_asked(hold, lifts[0])
            says = f"{hold.hold_id} stands until another person asks too: bwv hold lift {hold.hold_id} --reason …"
            given = Answer(Verdict.PENDING, says, {"hold": hold.hold_id})
        await announce(connection, [told])
        if asked.same_incident and (raised := await find_hold(connection, hold.reference or "")) is not None:
            # In the same transaction: the clip is never without either of both.
            clip_id = hold.clip_id or ""
            await protect(connection, raised.hold_id, clip_id, hold_events.told_of(raised, clip_id))
            given = Answer(Verdict.DONE, f"{clip_id} falls under {raised.hold_id}", {"hold": raised.hold_id})
        await answer(connection, request, hold_events.SOURCE, given)
