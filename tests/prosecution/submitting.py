"""Orders and batches before the prosecution stage, over a real database, a real store and the reference gateway."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from streams import messages as m
from streams.prosecution import Prosecution
from streams.settings import Settings
from streams.stage import Envelope, Parts
from streams.submission_events import asked_by, lane
from tests.contracts.gateways import stub
from tests.prosecution.office import URN, Office
from workers.fate.outbox import Event
from workers.keys.statements import now_iso
from workers.prosecution import statements as s
from workers.prosecution.gateway.contract import Receipt
from workers.prosecution.gateway.stub.server import StubServer
from workers.prosecution.links.secret import LINKS_SECRET
from workers.prosecution.submission import rows
from workers.prosecution.submission.batch import read
from workers.prosecution.submission.check import exhibits_of, id_of, item_of, today
from workers.prosecution.submission.fitness import recipient_of
from workers.prosecution.submission.planning import Plan, planned
from workers.prosecution.submission.rows import Submission
from workers.retention.answers import Answer, answer_to

_NUMBERS = itertools.count(1)
LINKS = "https://evidence.test"


class Desk:
    """Who submits. `stage` is one process of prosecution; `again` makes another."""

    def __init__(self, office: Office, server: StubServer, **settings: Any) -> None:
        self.office = office
        self.database = office.database
        self.server = server
        self._more = settings
        self.stage = self.process()

    def process(self, **settings: Any) -> Prosecution:
        """One more process of the stage."""
        given = {"gateway": self.server.url, "links_url": LINKS, "retry_first": 0.01, "retry_most": 0.05}
        made: Settings = msgspec.structs.replace(self.office.settings, **(given | self._more | settings))
        return Prosecution(Parts(made, self.database, self._never))

    async def replace(self, **settings: Any) -> None:
        """The process ends and another begins."""
        await self.stage.stop()
        self.stage = self.process(**settings)
        await self.stage.start()

    @staticmethod
    async def _never(event: Event) -> None:
        raise AssertionError(f"{event.topic} did not go through the outbox")

    # -- asking ------------------------------------------------------------------------------------------------

    async def exhibit(self, reference: str = "JS/1", urn: str = URN, **more: Any) -> str:
        """A clip becomes an exhibit; its id."""
        clip = more.pop("clip", None) or await self.office.clip()
        answer = await self.office.change(s.ExhibitAdded(reference, clip, "PC 1", "what it shows", **more), urn=urn)
        assert answer.verdict == "done", answer
        return str(clip)

    async def order(self, *references: str, urn: str = URN, **changes: Any) -> s.SubmissionOrder:
        """An order as the command line signs it; `changes` are of the order, after its id was made."""
        case = await self.office.known(urn)
        purpose = changes.pop("purpose", s.Purpose.CHARGING)
        because = changes.pop("not_recorded", None)
        exhibits = () if because is not None else exhibits_of(case, references)
        made = s.SubmissionOrder(
            "", case.case_id, case.urn, purpose, recipient_of(purpose, changes.pop("recipient", None)),
            tuple(item_of(one, case) for one in exhibits), "ADMIN", now_iso(),
            purpose_item=changes.pop("purpose_item", None), not_recorded=because,
        )  # fmt: skip
        made = msgspec.structs.replace(made, submission_id=id_of(self.office.settings.namespace, made))
        return msgspec.structs.replace(made, **changes)

    async def ask(self, order: s.SubmissionOrder, by: str = "ADMIN") -> Answer:
        """Give the stage an order; what it answers in the end."""
        signed = self.office.sign(by, order)
        request = asked_by(order, signed)
        told = m.SubmissionRequested(order.submission_id, order.case_id, signed)
        await self.give(lane(order.urgent), told, request, order.case_id)
        return await self.answered(request)

    async def submit(self, *references: str, **changes: Any) -> Submission:
        """Order, and send: as far as it comes by itself."""
        order = await self.order(*references, **changes)
        answer = await self.ask(order)
        assert answer.verdict == "done", answer
        await self.deliver()
        return await self.row(order.submission_id)

    async def retry(self, submission_id: str, reason: str = "looked at") -> Answer:
        signed = self.office.sign("ADMIN", s.SubmissionRetry(submission_id, reason, "ADMIN", now_iso()))
        request = f"evt-retry-{next(_NUMBERS)}"
        told = m.SubmissionRetryRequested(submission_id, signed)
        await self.give("submissions.retry-requested", told, request, "case")
        return await self.answered(request)

    async def answered(self, request: str) -> Answer:
        found = await answer_to(self.database, request)
        assert found is not None, "nobody answered"
        return found

    async def give(self, topic: str, message: m.Message, request: str = "evt", key: str = "") -> None:
        """Give the stage one message."""
        await self.stage.receive(message, Envelope(topic, 0, 0, key, 0.0, {"ce_id": request}, m.encode(message)))

    async def deliver(self) -> None:
        """Give the stage what the outbox has for it, each once."""
        while True:
            found = await self.database.fetch(
                "UPDATE outbox SET sent_at = now() WHERE id = (SELECT min(id) FROM outbox WHERE sent_at IS NULL"
                " AND topic IN ('submissions.prepared', 'submissions.returned')) RETURNING topic, body, event_id, key"
            )
            if not found:
                return
            [row] = found
            carries = m.SubmissionPrepared if row["topic"] == "submissions.prepared" else m.SubmissionReturned
            await self.give(row["topic"], m.decode(row["body"], carries), row["event_id"], row["key"])

    async def plan(self, text: str, name: str = "batch.csv") -> Plan:
        """A batch file, looked at; faults of both looks."""
        batch = read(text.encode(), name)
        async with self.database.connection() as connection:
            space = self.office.settings.namespace
            plan = await planned(connection, space, batch.rows, by="ADMIN", batch=name, day=today())
        return Plan(plan.rows, (*batch.faults, *plan.faults))

    # -- looking -----------------------------------------------------------------------------------------------

    async def row(self, submission_id: str) -> Submission:
        found = await rows.find(self.database, submission_id)
        assert found is not None, f"no row of {submission_id}"
        return found

    async def told(self, topic: str) -> list[Any]:
        """Messages of a topic in the outbox, in their order."""
        found = await self.database.fetch("SELECT body FROM outbox WHERE topic = %s ORDER BY id", (topic,))
        return [msgspec.json.decode(row["body"]) for row in found]

    def receipt(self, submission_id: str) -> Receipt:
        """What the gateway has of it."""
        return self.server.reception.receipt(submission_id)


@asynccontextmanager
async def submitting(office: Office, folder: Path, **settings: Any) -> AsyncIterator[Desk]:
    """A desk with one case, and the gateway."""
    secret = office.settings.keys / LINKS_SECRET
    if not secret.exists():
        secret.parent.mkdir(parents=True, exist_ok=True)
        secret.write_text("s" * 48)
        secret.chmod(0o600)
    await office.opened()
    async with stub(folder / "gateway") as server:
        desk = Desk(office, server, **settings)
        try:
            yield desk
        finally:
            await desk.stage.stop()
