"""retention: what people decide about how long clips are kept, and the schedule of when each one's time comes.

    policies.requested            a policy is put in force; every clip is planned again
    categories.requested          a category is given, or a shorter one confirmed
    corrections.requested         the time of a recording is corrected, or the correction confirmed
    reviews.requested             a retention review ends: keep, or let go
    disposals.early-requested     an officer asks that a clip goes early; data protection approves
    restores.requested            a clip is taken out of the bin
    sweeps.requested              a stopped sweep may go on, or not
    clips.registered … disposed   the clip is planned again, or leaves the schedule

It decides and plans; it never lets anything go (streams/sweep.py).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatchmethod
from typing import TypeVar

from streams.messages import (
    CategoryRequested,
    ClipCategorised,
    ClipDisposed,
    ClipQuarantined,
    ClipRegistered,
    ClipTimeCorrected,
    ClipVerified,
    DisposalCancelled,
    EarlyDisposalApproved,
    EarlyDisposalRequested,
    HoldAccepted,
    HoldLifted,
    Message,
    PolicyAdopted,
    PolicyAdoptionRequested,
    RestoreRequested,
    ReviewDecided,
    ReviewRequested,
    SweepDecided,
    SweepRequested,
    TimeCorrectionRequested,
    event,
)
from streams.requests import Requests
from streams.rescheduling import Rescheduling
from streams.stage import Envelope, Parts, Stage
from workers.database.engine import Connection
from workers.errors import MessageInvalid
from workers.fate import moves
from workers.fate.moves import Move
from workers.fate.outbox import Event
from workers.fate.row import Fate, announce, find_on, make_on
from workers.keys.keyring import Keyring, load_public
from workers.retention import early, reviewing
from workers.retention.answers import Answer, Verdict
from workers.retention.binning import restore
from workers.retention.categorising import categorise, counts
from workers.retention.change import Change, checked
from workers.retention.correcting import correct_time
from workers.retention.policies import adopt, current
from workers.retention.policy import Policy
from workers.retention.schedule import reschedule
from workers.retention.statements import (
    Adoption,
    Categorisation,
    EarlyDisposalRequest,
    Restoration,
    ReviewVerdict,
    SweepDecision,
    TimeCorrection,
)
from workers.retention.sweep_decisions import decide_sweep

A = TypeVar("A", Categorisation, TimeCorrection, Restoration)


class Retention(Stage):
    """Everything that people decide but holds."""

    name = "retention"
    listens = (
        "clips.registered",
        "clips.registered.urgent",
        "clips.quarantined",
        "clips.verified",
        "categories.requested",
        "corrections.requested",
        "policies.requested",
        "reviews.requested",
        "disposals.early-requested",
        "restores.requested",
        "sweeps.requested",
        "holds.accepted",
        "holds.lifted",
        "clips.disposed",
    )

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        keyring = Keyring(self.database, load_public(self.settings.trust_root))
        self.requests = Requests(self.name, self.database, keyring)
        self.rescheduling = Rescheduling(self.settings, self.database)

    async def start(self) -> None:
        """Go on with what a policy's adoption left undone."""
        self.rescheduling.start()

    async def stop(self) -> None:
        """End it."""
        await self.rescheduling.stop()

    async def receive(self, message: Message, envelope: Envelope) -> None:
        """Do what the message asks for; a person's request is always answered."""
        if envelope.topic.endswith("requested"):
            async with self.requests.answering(envelope):
                await self._take(message, envelope)
        else:
            await self._take(message, envelope)

    @singledispatchmethod
    async def _take(self, message: Message, envelope: Envelope) -> None:
        raise MessageInvalid(f"retention does not listen to {type(message).__name__}")

    # -- the schedule --------------------------------------------------------------------------------------

    @_take.register(ClipRegistered)
    @_take.register(ClipQuarantined)
    @_take.register(ClipVerified)
    @_take.register(HoldAccepted)
    @_take.register(HoldLifted)
    @_take.register(ClipDisposed)
    async def _(
        self,
        message: ClipRegistered | ClipQuarantined | ClipVerified | HoldAccepted | HoldLifted | ClipDisposed,
        envelope: Envelope,
    ) -> None:
        async with self.database.transaction() as connection:
            await find_on(connection, message.clip_id, lock=True)  # what it is planned from stays as it is meanwhile
            await reschedule(connection, [message.clip_id], await current(connection))

    # -- one clip ------------------------------------------------------------------------------------------

    @_take.register
    async def _(self, message: CategoryRequested, envelope: Envelope) -> None:
        asked = await self.requests.opened(message.categorisation, Categorisation, message.clip_id)

        def told(fate: Fate, change: Change, policy: Policy | None) -> Message:
            assert policy is not None  # without one there are no categories
            decides = counts(fate, change.facts, policy)
            return ClipCategorised(fate.clip_id, asked.category, decides, policy.version, message.categorisation)

        await self._decide(envelope, "categorise", asked, moves.CATEGORISE, categorise, told)

    @_take.register
    async def _(self, message: TimeCorrectionRequested, envelope: Envelope) -> None:
        asked = await self.requests.opened(message.correction, TimeCorrection, message.clip_id)
        told = ClipTimeCorrected(message.clip_id, message.correction)
        await self._decide(envelope, "correct the time", asked, moves.CORRECT_TIME, correct_time, lambda *_: told)

    @_take.register
    async def _(self, message: RestoreRequested, envelope: Envelope) -> None:
        asked = await self.requests.opened(message.restoration, Restoration, message.clip_id)
        told = DisposalCancelled(message.clip_id, asked.reason, message.restoration)
        await self._decide(envelope, "restore from the bin", asked, moves.RESTORE, restore, lambda *_: told)

    async def _decide(
        self,
        envelope: Envelope,
        what: str,
        asked: A,
        move: Move,
        decide: Callable[[Fate, A, Policy | None], Change],
        told: Callable[[Fate, Change, Policy | None], Message],
    ) -> None:
        async def work(connection: Connection) -> Answer:
            fate = checked(await find_on(connection, asked.clip_id, lock=True), asked.clip_id)
            policy = await current(connection)
            change = decide(fate, asked, policy)
            if change.facts != fate.facts:
                await self._change(connection, envelope, fate, move, change, told(fate, change, policy), policy)
            return Answer(Verdict.DONE, change.says, change.details(fate.clip_id))

        await self.requests.decide(envelope, what, asked, work)

    async def _change(
        self,
        connection: Connection,
        envelope: Envelope,
        fate: Fate,
        move: Move,
        change: Change,
        told: Message,
        policy: Policy | None,
    ) -> None:
        events = [self._event(move.events[0], told, fate.clip_id, envelope)]
        await make_on(connection, move, fate, events=events, given={"facts": change.facts})
        await reschedule(connection, [fate.clip_id], policy)

    def _event(self, topic: str, told: Message, key: str, envelope: Envelope) -> Event:
        cause = (envelope.headers["ce_id"],)
        return event(topic, told, key=key, subject=key, source=self.name, cause=cause)

    # -- reviews and early disposal ------------------------------------------------------------------------

    @_take.register
    async def _(self, message: ReviewRequested, envelope: Envelope) -> None:
        asked = await self.requests.opened(message.verdict, ReviewVerdict, message.clip_id)

        async def work(connection: Connection) -> Answer:
            fate = checked(await find_on(connection, asked.clip_id, lock=True), asked.clip_id)
            policy = await current(connection)
            due = await reviewing.is_open(connection, fate.clip_id)
            change = reviewing.decide_review(fate, asked, policy, due=due)
            await reviewing.close(connection, asked)
            told = ReviewDecided(fate.clip_id, message.verdict)
            await self._change(connection, envelope, fate, moves.DECIDE_REVIEW, change, told, policy)
            return Answer(Verdict.DONE, change.says, change.details(fate.clip_id))

        await self.requests.decide(envelope, "decide a review", asked, work)

    @_take.register
    async def _(self, message: EarlyDisposalRequested, envelope: Envelope) -> None:
        asked = await self.requests.opened(message.request, EarlyDisposalRequest, message.clip_id)

        async def work(connection: Connection) -> Answer:
            fate = checked(await find_on(connection, asked.clip_id, lock=True), asked.clip_id)
            if not asked.approves:
                says = await early.wish(connection, fate, asked, message.request)
                return Answer(Verdict.PENDING, says, {"clip_id": fate.clip_id, "asked_by": asked.by})
            policy, stands = await current(connection), await early.wished(connection, fate.clip_id)
            change = early.approve(fate, asked, stands, policy)
            assert stands is not None  # else it was refused
            told = EarlyDisposalApproved(fate.clip_id, stands.request, message.request)
            await early.settle(connection, fate.clip_id)
            await self._change(connection, envelope, fate, moves.ALLOW_EARLY, change, told, policy)
            return Answer(Verdict.DONE, change.says, change.details(fate.clip_id))

        await self.requests.decide(envelope, "early disposal", asked, work)

    # -- policies and sweeps -------------------------------------------------------------------------------

    @_take.register
    async def _(self, message: PolicyAdoptionRequested, envelope: Envelope) -> None:
        asked = await self.requests.opened(message.adoption, Adoption, str(message.version))

        async def work(connection: Connection) -> Answer:
            policy = await adopt(connection, asked, message.adoption)
            told = PolicyAdopted(policy.version, policy.name, message.adoption)
            await announce(connection, [self._event("policies.adopted", told, str(policy.version), envelope)])
            says = f"policy {policy.version}, {policy.name}, is in force; every clip is planned again under it"
            return Answer(Verdict.DONE, says, {"version": policy.version, "sha256": asked.sha256})

        await self.requests.decide(envelope, "adopt a policy", asked, work)
        self.rescheduling.wake()

    @_take.register
    async def _(self, message: SweepRequested, envelope: Envelope) -> None:
        asked = await self.requests.opened(message.decision, SweepDecision, message.sweep_id)

        async def work(connection: Connection) -> Answer:
            says = await decide_sweep(connection, asked)
            told = SweepDecided(asked.sweep_id, message.decision)
            await announce(connection, [self._event("sweeps.decided", told, asked.sweep_id, envelope)])
            return Answer(Verdict.DONE, says, {"sweep_id": asked.sweep_id, "approved": asked.approve})

        await self.requests.decide(envelope, "decide about a sweep", asked, work)


STAGE = Retention
