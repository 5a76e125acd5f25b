"""What people ask of a stage: opened, decided once, answered, all in one transaction.

A request is a signed body on a topic of its own. Whoever asked waits for the answer to the request's event id.
What was answered stands: the same request that comes again changes nothing and is not decided again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from streams.messages import RequestRefused, event
from streams.stage import Envelope
from workers.database.engine import Connection, Database, fetch
from workers.encounters.statements import EncounterReason, EncounterRecord
from workers.errors import MoveRefused, PermanentFault, Refused, RuleBroken
from workers.fate.row import announce
from workers.keys.keyring import Keyring
from workers.keys.signing import Role, Signed, check_signer
from workers.prosecution.statements import CaseChange, DerivativeOrder, LinkChange, SubmissionOrder, SubmissionRetry
from workers.retention.answers import Answer, Verdict, answer
from workers.retention.change import instant
from workers.retention.statements import (
    Adoption,
    Categorisation,
    EarlyDisposalRequest,
    HoldLift,
    HoldRequest,
    Restoration,
    ReviewVerdict,
    SweepDecision,
    TimeCorrection,
)
from workers.scrutiny.statements import ScrutinyDeed

Asked = TypeVar(
    "Asked",
    Adoption,
    Categorisation,
    EarlyDisposalRequest,
    HoldLift,
    HoldRequest,
    Restoration,
    ReviewVerdict,
    SweepDecision,
    TimeCorrection,
    CaseChange,
    DerivativeOrder,
    LinkChange,
    SubmissionOrder,
    SubmissionRetry,
    EncounterRecord,
    EncounterReason,
    ScrutinyDeed,
)

AHEAD = timedelta(minutes=5)
"""How far a person's clock may be ahead of ours. A decision from the future would move a period into it."""


class Requests:
    """The requests to one stage.

    Args:
        stage: that answers.
    """

    def __init__(self, stage: str, database: Database, keyring: Keyring) -> None:
        self._stage = stage
        self._database = database
        self._keyring = keyring

    @asynccontextmanager
    async def answering(self, envelope: Envelope) -> AsyncIterator[None]:
        """What goes to the dead letters inside this block is answered all the same: nobody waits in vain."""
        try:
            yield
        except PermanentFault as fault:
            says = f"the request cannot be taken: {fault}"
            async with self._database.transaction() as connection:
                if not await _is_answered(connection, envelope):
                    await answer(connection, envelope.headers["ce_id"], self._stage, Answer(Verdict.REFUSED, says))
            raise

    async def opened(self, signed: Signed, body: type[Asked], about: str) -> Asked:
        """What a person asks for.

        Args:
            about: what the message says that it is about; the signed body must say the same.

        Raises:
            SignatureInvalid: nobody whom we know signed it, or somebody in another's name.
            RuleBroken: it is about something else than its message.
        """
        asked = await self._keyring.opened(signed, body, Role.PERSON)
        check_signer(asked.by, signed)
        if _about(asked) != about:
            raise RuleBroken(f"the message is about {about!r}, what was signed about {_about(asked)!r}")
        return asked

    async def decide(
        self, envelope: Envelope, what: str, asked: Asked, work: Callable[[Connection], Awaitable[Answer | None]]
    ) -> None:
        """Decide a request in one transaction and answer it, unless it was answered before.

        An answer may be PENDING; whoever finishes what was asked for answers again, by the request's id.

        Args:
            what: that is asked for, for people ("categorise").
            work: decides, and writes what it decides on this connection; raises Refused. None: it finds that
                somebody was here before, whose answer stands.
        """
        async with self._database.transaction() as connection:
            if await _is_answered(connection, envelope):
                return
            try:
                async with connection.transaction():
                    _check_time(asked)
                    given = await work(connection)
            except Refused as refused:
                given = await self._refuse(connection, envelope, what, asked, refused)
            except MoveRefused as moved:
                again = Refused(str(moved), "look at the clip (bwv explain) and ask again")
                given = await self._refuse(connection, envelope, what, asked, again)
            if given is not None:
                await answer(connection, envelope.headers["ce_id"], self._stage, given)

    async def _refuse(
        self, connection: Connection, envelope: Envelope, what: str, asked: Asked, refused: Refused
    ) -> Answer:
        request = envelope.headers["ce_id"]
        told = RequestRefused(
            request=request,
            what=what,
            by=asked.by,
            reason=refused.reason,
            action=refused.action,
            clip_id=getattr(asked, "clip_id", None),
        )
        await announce(
            connection,
            [event("requests.refused", told, key=request, subject=request, source=self._stage, cause=(request,))],
        )
        details = {"reason": refused.reason, "action": refused.action}
        return Answer(Verdict.REFUSED, f"refused: {refused}", details)


async def _is_answered(connection: Connection, envelope: Envelope) -> bool:
    return bool(await fetch(connection, "SELECT 1 FROM answers WHERE request = %s", (envelope.headers["ce_id"],)))


ABOUT: dict[type, str] = {
    Adoption: "version",
    SweepDecision: "sweep_id",
    HoldRequest: "hold_id",
    HoldLift: "hold_id",
    CaseChange: "case_id",
    SubmissionOrder: "submission_id",
    SubmissionRetry: "submission_id",
    DerivativeOrder: "derivative_id",
    LinkChange: "link_id",
    EncounterRecord: "encounter_id",
    EncounterReason: "about",
    ScrutinyDeed: "about",
}
"""What is signed → the field that says what it is about; of everything else that is `clip_id`."""


def _about(asked: Asked) -> str:
    return str(getattr(asked, ABOUT.get(type(asked), "clip_id")))


def _check_time(asked: Asked) -> None:
    if isinstance(asked, HoldRequest | HoldLift):
        return  # no period counts from it: a hold protects from its acceptance until it is lifted, by our clock
    at = instant(asked.at, "the time of the request")
    ahead = at - datetime.now(UTC)
    if ahead > AHEAD:
        raise Refused(
            f"the request was signed {ahead.total_seconds():.0f} s in the future", "set your computer's clock"
        )
