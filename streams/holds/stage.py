"""holds: places and lifts holds, one message a clip.

    holds.requested          a clip: PLACE_HOLD, holds.accepted; or holds.refused. Otherwise the hold stands from now
                             on: holds.standing-placed. Refused: requests.refused. Always an answer
    holds.standing-placed    holds.matched for each clip that falls under it
    holds.matched            PLACE_HOLD, holds.accepted; legal hold at the store; holds.placed. Or holds.cleared
    clips.registered         holds.matched for each standing hold that the new clip falls under
    clips.categorised        the same, where a person said which incident the clip shows
    clips.verified, clips.quarantined
                             its bytes are there: what was pending goes on
    holds.lift-requested     holds.lift-asked, or holds.standing-lifted
    holds.standing-lifted    LIFT_HOLD, holds.lifted for each of its clips; nothing at the store
    cases.end-set            the earliest end of a case's holds, by what became of its defendants
    complaints.end-set       the same of a complaint's, by when its outcome was sent

A person is answered from the database alone, whatever the store does: the row protects. Only holds.matched and what
follows a clip's storing touch the store; while it is away they give their slots back, and requests go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import singledispatchmethod
from typing import Any

import msgspec

from streams.engine.byte_threads import ByteThreads, Work
from streams.holds import events
from streams.holds.bringing import Bringing
from streams.holds.fan_out import cover, uncover
from streams.holds.requests import lift, place
from streams.holds.same_incident import SameIncident
from streams.messages import (
    CaseEndSet,
    ClipCategorised,
    ClipMessage,
    ClipQuarantined,
    ClipRegistered,
    ClipVerified,
    ComplaintEndSet,
    HoldLiftRequested,
    HoldMatched,
    HoldRequested,
    Message,
    StandingHoldLifted,
    StandingHoldPlaced,
)
from streams.requests import Requests
from streams.stage import Envelope, LongStage, Parts
from streams.vaults import open_vault
from workers.database.engine import Connection
from workers.errors import ConfigurationInvalid, MessageInvalid, StoreAway, TryLater
from workers.fate.row import find_on
from workers.keys.keyring import Keyring, load_public
from workers.retention.answers import Answer
from workers.retention.holding import State, state_of
from workers.retention.lifting import COMPLAINTS, set_ends
from workers.retention.scopes import find_hold
from workers.retention.standing import holds_over
from workers.retention.statements import Categorisation, HoldLift, HoldRequest
from workers.vault.retry import Limits

log = logging.getLogger(__name__)

SMALL = Limits(connect=3.0, silence=5.0, request=15.0, tries=2)
"""Of the requests to the store: each is small, and whoever waits for one keeps a slot."""

STORE_AGAIN = 3.0
"""Seconds after which the store is asked again while it is away."""


class Holds(LongStage):
    """Works from the database; the store follows."""

    name = "holds"
    listens = (
        "holds.requested",
        "holds.lift-requested",
        "holds.standing-placed",
        "holds.standing-lifted",
        "holds.matched",
        "cases.end-set",
        "complaints.end-set",
        "clips.registered",
        "clips.registered.urgent",
        "clips.categorised",
        "clips.verified",
        "clips.quarantined",
    )

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        keyring = Keyring(self.database, load_public(self.settings.trust_root))
        self.requests = Requests(self.name, self.database, keyring)
        self.vault = open_vault(self.settings, self.name, limits=SMALL)
        self.threads = ByteThreads(self.settings, self.name)
        store = (self.database, self.vault, self.settings.namespace, self._at_store)
        self.neighbours = SameIncident(*store, self.publish)
        self.bringing = Bringing(*store, self.neighbours)

    async def stop(self) -> None:
        """Take no more work."""
        self.threads.close()
        self.vault.close()

    async def _at_store(self, job: Callable[[], Any]) -> Any:
        return await self.threads.run(Work(), job)

    def source_of(self, message: Message) -> str:
        """What the message waits for: no mass of clips, and no store that is away, keeps a person waiting."""
        if isinstance(message, HoldRequested | HoldLiftRequested | CaseEndSet | ComplaintEndSet):
            return "people"
        if isinstance(message, StandingHoldPlaced | StandingHoldLifted):
            return "many clips"
        return "registered" if isinstance(message, ClipRegistered | ClipCategorised) else "store"

    @singledispatchmethod
    async def receive(self, message: Message, envelope: Envelope) -> None:
        """Do what the message's type asks for."""
        raise MessageInvalid(f"holds does not listen to {type(message).__name__}")

    # -- what people ask for -------------------------------------------------------------------------------

    @receive.register
    async def _(self, message: HoldRequested, envelope: Envelope) -> None:
        async with self.requests.answering(envelope):
            asked = await self.requests.opened(message.request, HoldRequest, message.hold_id)

            async def work(connection: Connection) -> Answer | None:
                return await place(connection, asked, message.request)

            await self.requests.decide(envelope, f"hold {asked.hold_id}", asked, work)
        if asked.clip_id is not None:
            await self._store_follows(asked.hold_id, asked.clip_id)

    @receive.register
    async def _(self, message: HoldLiftRequested, envelope: Envelope) -> None:
        async with self.requests.answering(envelope):
            asked = await self.requests.opened(message.lift, HoldLift, message.hold_id)

            async def work(connection: Connection) -> Answer:
                return await lift(connection, asked, message.lift)

            await self.requests.decide(envelope, f"lift {asked.hold_id}", asked, work)
        if asked.same_incident:
            async with self.database.connection() as connection:
                question = await find_hold(connection, asked.hold_id)
            if question is not None and question.reference and question.clip_id:
                await self._store_follows(question.reference, question.clip_id)

    async def _store_follows(self, hold_id: str, clip_id: str) -> None:
        """Have the legal hold put on a clip that was protected just now, or before a crash; nothing if it was not."""
        async with self.database.connection() as connection:
            state = await state_of(connection, hold_id, clip_id)
        if state is State.PENDING:
            await self.publish(events.matched(hold_id, clip_id))

    @receive.register
    async def _(self, message: CaseEndSet, envelope: Envelope) -> None:
        end = None if message.earliest_end is None else datetime.fromisoformat(message.earliest_end)
        async with self.database.transaction() as connection:
            await set_ends(connection, message.holds, message.version, end)

    @receive.register
    async def _(self, message: ComplaintEndSet, envelope: Envelope) -> None:
        end = None if message.earliest_end is None else datetime.fromisoformat(message.earliest_end)
        async with self.database.transaction() as connection:
            await set_ends(connection, message.holds, message.version, end, of=COMPLAINTS)

    # -- many clips, and one ---------------------------------------------------------------------------------

    @receive.register
    async def _(self, message: StandingHoldPlaced, envelope: Envelope) -> None:
        await cover(self.database, self.publish, message.hold_id)

    @receive.register
    async def _(self, message: StandingHoldLifted, envelope: Envelope) -> None:
        await uncover(self.database, message.hold_id, message.lifts)

    @receive.register
    async def _(self, message: ClipRegistered, envelope: Envelope) -> None:
        await self._look_for_holds(message.clip_id)

    @receive.register
    async def _(self, message: ClipCategorised, envelope: Envelope) -> None:
        said = msgspec.json.decode(message.categorisation.body, type=Categorisation)
        if said.incident is not None:
            await self._look_for_holds(message.clip_id)

    async def _look_for_holds(self, clip_id: str) -> None:
        async with self.database.transaction() as connection:
            fate = await find_on(connection, clip_id)
            found = await holds_over(connection, fate) if fate else []
        for hold_id in found:
            await self.publish(events.matched(hold_id, clip_id))

    @receive.register
    async def _(self, message: HoldMatched, envelope: Envelope) -> None:
        with _store_may_be_away(message.clip_id):
            await self.bringing.under(message.hold_id, message.clip_id)

    @receive.register(ClipVerified | ClipQuarantined)
    async def _(self, message: ClipMessage, envelope: Envelope) -> None:
        rows = await self.database.fetch(
            "SELECT hold_id FROM hold_clips WHERE clip_id = %s AND state = 'pending'", (message.clip_id,)
        )
        with _store_may_be_away(message.clip_id):
            for row in rows:
                await self.bringing.under(row["hold_id"], message.clip_id)
            await self.neighbours.ask_about(message.clip_id)


@contextmanager
def _store_may_be_away(clip_id: str) -> Iterator[None]:
    """Give the slot back while the store is away, and come again.

    Not a fault that the engine waits for: then people's requests, which need no store, would wait behind it.
    """
    try:
        yield
    except (StoreAway, ConfigurationInvalid) as fault:
        log.warning("%s waits for the store: %s", clip_id, fault)
        raise TryLater(str(fault), STORE_AGAIN, part=StoreAway.part) from fault
