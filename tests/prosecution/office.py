"""People who open and change cases, and the stages cases and holds that answer, over a real database and store."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec

from streams.cases import Cases
from streams.messages import CaseRequested, Message, encode
from streams.settings import Settings
from streams.stage import Envelope, Parts
from tests.footage.footage_stages import Scene
from tests.retention.gone import service
from tests.retention.held import Held
from workers.database.engine import Database
from workers.fate.outbox import Event
from workers.footage.canonical import derived_id
from workers.keys.keyring import save_public
from workers.keys.signing import Signed, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.prosecution import statements as s
from workers.prosecution.cases.case import Case
from workers.prosecution.cases.case_holds import wanted_holds
from workers.prosecution.cases.clips import needs_hold
from workers.prosecution.cases.rows import find_case
from workers.prosecution.identity import case_id
from workers.retention.answers import Answer
from workers.retention.statements import HoldLift, HoldRequest

URN = "01AB0012326"

_NUMBERS = itertools.count(1)


class Office(Held):
    """One namespace with cases. What the stages tell waits until `settle` gives it to holds."""

    def __init__(self, settings: Settings, database: Database, scene: Scene) -> None:
        super().__init__(settings, database, scene)
        self.cases = Cases(Parts(settings, database, self._never))
        self.receipts = service(settings, "receipts")
        save_public(self.receipts.enrolment(), settings.keys / "service" / "receipts.pub")

    @staticmethod
    async def _never(event: Event) -> None:
        raise AssertionError(f"{event.topic} did not go through the outbox")

    async def give(self, topic: str, message: Message, event_id: str, key: str) -> None:
        """Give the stage that listens one message."""
        stage = self.cases if topic in self.cases.listens else self.stage
        await stage.receive(message, Envelope(topic, 0, 0, key, 0.0, {"ce_id": event_id}, encode(message)))

    # -- changes -------------------------------------------------------------------------------------------------

    async def change(
        self,
        change: s.Change,
        by: str = "ADMIN",
        urn: str = URN,
        *,
        at: str = "",
        holds: Sequence[HoldRequest] | None = None,
        settle: bool = True,
    ) -> Answer:
        """Ask for a change as the command line does: with the holds that it needs, unless others are given."""
        at = at or now_iso()
        case = await self.case(urn)
        if holds is None:
            holds = await self._holds(case, change, by, at, urn)
        signed = tuple(self.sign(by, hold) for hold in holds)
        lifts: tuple[Signed, ...] = ()
        if isinstance(change, s.CaseReviewed) and change.keep_until is None and case is not None:
            lifts = tuple(self.sign(by, HoldLift(hold, "closed", by, at)) for hold in case.holds)
        body = s.CaseChange(case_id(self.settings.namespace, urn), change, "as it says", by, at, signed, lifts)
        answer = await self.ask_change(body, self.sign(by, body))
        if settle:
            await self.settle()
        return answer

    async def _holds(self, case: Case | None, change: s.Change, by: str, at: str, urn: str) -> tuple[HoldRequest, ...]:
        kind = change.kind if isinstance(change, s.Opened) else case.kind if case else s.CaseKind.PROSECUTION
        bare = isinstance(change, s.ExhibitAdded) and case is not None
        if bare and isinstance(change, s.ExhibitAdded) and case is not None:
            bare = needs_hold(case, await self.fate(change.clip_id))
        return wanted_holds(urn, kind, change, by=by, at=at, bare_clip=bare)

    async def ask_change(self, body: s.CaseChange, signed: Signed, event_id: str = "") -> Answer:
        """Give the stage a signed change."""
        request = event_id or derived_id("evt", "case", next(_NUMBERS))
        await self.give("cases.requested", CaseRequested(body.case_id, signed), request, body.case_id)
        return await self.answered(request)

    def sign(self, by: str, body: msgspec.Struct) -> Signed:
        signer: Signer = self.receipts if by == "receipts" else self.people[by]
        return signer.sign(PURPOSES[type(body)], body)

    async def opened(self, urn: str = URN, *incidents: str, by: str = "ADMIN", **changes: Any) -> Case:
        """A case with these incidents, and one defendant with one offence."""
        given = {"kind": s.CaseKind.PROSECUTION, "title": "R v Doe", "officer": "PC 100"} | changes
        answer = await self.change(s.Opened(urn=urn, incidents=incidents, **given), by, urn)
        assert answer.verdict == "done", answer
        if given["kind"] is s.CaseKind.PROSECUTION:
            await self.change(s.DefendantAdded("D1", "John Doe", (s.Offence("O1", "common assault"),)), by, urn)
        return await self.known(urn)

    async def outcome(
        self, outcome: s.OutcomeKind, on: str, *, by: str = "ADMIN", urn: str = URN, **more: Any
    ) -> Answer:
        """What became of D1."""
        return await self.change(s.OutcomeRecorded("D1", outcome, on, **more), by, urn)

    # -- looking -------------------------------------------------------------------------------------------------

    async def case(self, urn: str = URN) -> Case | None:
        async with self.database.connection() as connection:
            return await find_case(connection, urn)

    async def known(self, urn: str = URN) -> Case:
        found = await self.case(urn)
        assert found is not None, f"no case {urn}"
        return found

    async def ends(self, hold_id: str) -> str:
        """The earliest end of a hold as its row has it."""
        found = await self.hold(hold_id)
        return "" if found.earliest_end is None else f"{found.earliest_end:%Y-%m-%d %H:%M}"
