"""cases: what people, and the prosecutor's outcomes, make of a case.

    cases.requested   cases.changed; with it holds.requested for what the case keeps from now on, holds.lift-requested
                      for what a review lets go, cases.end-set when an outcome moves the earliest end of its holds.
                      Refused: requests.refused. Always an answer
    by the clock      cases.review-due: a person looks at the case. No timer lifts a hold

A case and all that its change means are one transaction; the relay publishes it.
"""

from __future__ import annotations

import logging
from functools import singledispatchmethod

from streams.engine.recurring import Recurring
from streams.messages import (
    CaseChanged,
    CaseEndSet,
    CaseRequested,
    CaseReviewDue,
    HoldLiftRequested,
    HoldRequested,
    Message,
    event,
)
from streams.requests import Requests
from streams.stage import Envelope, Parts, Stage
from workers.database.engine import Connection
from workers.errors import MessageInvalid, Refused, RuleBroken
from workers.fate.outbox import Event
from workers.fate.row import announce
from workers.keys.keyring import Keyring, load_public
from workers.keys.signing import Role, Signed, check_signer, opened
from workers.keys.statements import PURPOSES
from workers.prosecution.cases.apply import apply
from workers.prosecution.cases.case import Case
from workers.prosecution.cases.case_holds import hold_of, lift_of
from workers.prosecution.cases.clips import check_clips
from workers.prosecution.cases.cpia import earliest_end, not_before
from workers.prosecution.cases.outcomes import TOLD_BY
from workers.prosecution.cases.reviews import untold
from workers.prosecution.cases.rows import find_case, store
from workers.prosecution.cases.wording import said
from workers.prosecution.identity import case_id
from workers.prosecution.statements import CaseChange, Opened, OutcomeRecorded
from workers.retention.answers import Answer, Verdict
from workers.retention.statements import HoldLift, HoldRequest

log = logging.getLogger(__name__)

LOOK_EVERY = 60.0
"""Seconds between two looks for cases whose review is due."""


class Cases(Stage):
    """A case is the fold of its signed changes."""

    name = "cases"
    listens = ("cases.requested",)

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        keyring = Keyring(self.database, load_public(self.settings.trust_root))
        self.requests = Requests(self.name, self.database, keyring)
        # A review that is told of late lets nothing go.
        self._reviews = Recurring("case reviews", self.tell_of_reviews, LOOK_EVERY, self.settings)

    async def start(self) -> None:
        """Begin to look for reviews that are due."""
        self._reviews.start()

    async def stop(self) -> None:
        """End it."""
        await self._reviews.stop()

    @singledispatchmethod
    async def receive(self, message: Message, envelope: Envelope) -> None:
        """Do what the message's type asks for."""
        raise MessageInvalid(f"cases does not listen to {type(message).__name__}")

    @receive.register
    async def _(self, message: CaseRequested, envelope: Envelope) -> None:
        async with self.requests.answering(envelope):
            asked = await self._opened(message)
            for signed in asked.holds:
                await self.requests.opened(signed, HoldRequest, hold_of(signed).hold_id)
            for signed in asked.lifts:
                await self.requests.opened(signed, HoldLift, lift_of(signed).hold_id)

            async def work(connection: Connection) -> Answer:
                return await self._change(connection, message, asked)

            await self.requests.decide(envelope, f"change of case {asked.case_id}", asked, work)

    async def _opened(self, message: CaseRequested) -> CaseChange:
        """What a person asks for, or an outcome that the gateway told.

        Raises:
            SignatureInvalid: nobody whom we know signed it, or somebody in another's name.
            RuleBroken: it is about another case, or a service asks for what a person decides.
        """
        signed = message.change
        if not signed.key.startswith(f"{Role.SERVICE}:"):
            return await self.requests.opened(signed, CaseChange, message.case_id)
        key = load_public(self.settings.keys / "service" / f"{TOLD_BY}.pub")
        asked = opened(PURPOSES[CaseChange], signed, CaseChange, role=Role.SERVICE, find={key.id: key}.get)
        check_signer(asked.by, signed)
        if asked.case_id != message.case_id or not isinstance(asked.change, OutcomeRecorded) or asked.holds:
            raise RuleBroken(f"{asked.by} tells of outcomes of {message.case_id}; everything else a person decides")
        return asked

    async def _change(self, connection: Connection, message: CaseRequested, asked: CaseChange) -> Answer:
        before = await find_case(connection, asked.case_id, lock=True)
        after = apply(before, asked)
        self._is_its_own(after, asked)
        await check_clips(connection, after, asked)
        if not await store(connection, after):
            raise Refused(f"another change of {after.urn} came first", f"look and ask again: bwv case show {after.urn}")
        await announce(connection, self._events(before, after, message.change, asked))
        return Answer(Verdict.DONE, said(before, after, asked), details(after, asked))

    def _is_its_own(self, case: Case, asked: CaseChange) -> None:
        expected = case_id(self.settings.namespace, case.urn)
        if isinstance(asked.change, Opened) and case.case_id != expected:
            raise RuleBroken(f"the case of {case.urn} is {expected} here, not {case.case_id}")

    def _events(self, before: Case | None, after: Case, change: Signed, asked: CaseChange) -> list[Event]:
        what = type(asked.change).__struct_config__.tag
        told = CaseChanged(after.case_id, after.urn, after.version, str(what), change)
        events = [self._event("cases.changed", told, after)]
        for signed in asked.holds:
            hold = hold_of(signed).hold_id
            wanted = HoldRequested(hold, signed)
            events.append(event("holds.requested", wanted, key=hold, subject=hold, source="person", cause=(hold,)))
        if ends_moved(before, after):
            events.append(self._event("cases.end-set", end_set(after), after))
        for signed in asked.lifts:
            hold, cause = lift_of(signed).hold_id, (signed.signature,)
            lift = HoldLiftRequested(hold, signed)
            events.append(event("holds.lift-requested", lift, key=hold, subject=hold, source="person", cause=cause))
        return events

    def _event(self, topic: str, told: Message, case: Case) -> Event:
        cause = (case.case_id, case.version)
        return event(topic, told, key=case.case_id, subject=case.case_id, source=self.name, cause=cause)

    # -- by the clock ----------------------------------------------------------------------------------------

    async def tell_of_reviews(self) -> int:
        """Tell of each case whose review has become due, once; returns of how many."""
        told = 0
        while True:
            async with self.database.transaction() as connection:
                page = await untold(connection)
                await announce(
                    connection,
                    [
                        event(
                            "cases.review-due",
                            CaseReviewDue(one.case_id, one.urn, one.due_at.isoformat()),
                            key=one.case_id,
                            subject=one.case_id,
                            source=self.name,
                            cause=(one.case_id, one.due_at.isoformat()),
                        )
                        for one in page
                    ],
                )
            told += len(page)
            if not page:
                return told


def ends_moved(before: Case | None, after: Case) -> bool:
    """Whether holds must be told: the end is another one, or a hold came to a case whose end is known."""
    end = not_before(after)
    if before is None or end != not_before(before):
        return before is not None
    return end is not None and set(after.holds) > set(before.holds)


def end_set(case: Case) -> CaseEndSet:
    """The earliest end of a case's holds, as holds takes it over."""
    end = not_before(case)
    reasons = earliest_end(case).reasons
    return CaseEndSet(
        case.case_id, case.urn, case.version, case.holds, None if end is None else end.isoformat(), reasons
    )


def details(case: Case, asked: CaseChange) -> dict[str, object]:
    """What a script would read of a change."""
    end = earliest_end(case)
    return {
        "case_id": case.case_id,
        "urn": case.urn,
        "version": case.version,
        "holds": [hold_of(signed).hold_id for signed in asked.holds],
        "lifts": [lift_of(signed).hold_id for signed in asked.lifts],
        "earliest_end": None if end.earliest_end is None else end.earliest_end.isoformat(),
        "reasons": end.reasons,
    }


STAGE = Cases
