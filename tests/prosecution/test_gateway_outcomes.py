"""Outcomes that the gateway tells of reach their cases, once; what reaches none is on record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams import messages as m
from streams.cases import Cases
from streams.receipts import Told
from streams.settings import Settings
from streams.stage import Envelope, Parts
from tests.prosecution.sent import LIMITS, Post, posted
from workers.database.engine import Database
from workers.errors import SignatureInvalid
from workers.fate.outbox import Event
from workers.keys.keyring import save_public
from workers.keys.signing import Role, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.prosecution import statements as s
from workers.prosecution.cases.rows import find_case
from workers.prosecution.gateway.client import Gateway
from workers.prosecution.gateway.contract import Outcome
from workers.prosecution.identity import case_id
from workers.prosecution.statements import OutcomeKind

URN = "01AB0012326"


@pytest.fixture
async def post(database: Database, tmp_path: Path) -> AsyncIterator[Post]:
    async with posted(database, tmp_path) as made:
        yield made


class Desk:
    """The cases stage over the same database."""

    def __init__(self, post: Post, home: Path) -> None:
        self.post, self.person = post, post.person
        save_public(self.person.enrolment(), home / "trust-root.pub")
        save_public(post.service.enrolment(), home / "keys" / "service" / "receipts.pub")
        database = post.database
        self.settings = Settings(
            home=home, namespace=database.schema, trust_root=home / "trust-root.pub", keys=home / "keys"
        )
        self.stage = Cases(Parts(self.settings, database, self._never))

    @staticmethod
    async def _never(event: Event) -> None:
        raise AssertionError(f"{event.topic} did not go through the outbox")

    async def open(self) -> None:
        """A case with a defendant and an offence."""
        opened = s.Opened(s.CaseKind.PROSECUTION, URN, "R v Dent", "PC 1")
        offences = (s.Offence("O1", "theft"),)
        for number, change in enumerate((opened, s.DefendantAdded("D1", "Arthur Dent", offences))):
            identity = case_id(self.settings.namespace, URN)
            body = s.CaseChange(identity, change, "as it says", "ADMIN", now_iso())
            signed = self.person.sign(PURPOSES[s.CaseChange], body)
            await self.give(m.encode(m.CaseRequested(identity, signed)), f"evt-open-{number}")

    async def give(self, body: bytes, event_id: str) -> None:
        message = m.decode(body, m.CaseRequested)
        headers = {"ce_id": event_id}
        await self.stage.receive(message, Envelope("cases.requested", 0, 0, message.case_id, 0.0, headers, body))

    async def settle(self) -> int:
        """Give the stage what waits for it; how much that was."""
        rows = await self.post.database.fetch(
            "SELECT event_id, body FROM outbox WHERE topic = 'cases.requested' ORDER BY id"
        )
        for row in rows:
            await self.give(row["body"], row["event_id"])
        return len(rows)

    async def outcomes(self) -> list[str]:
        async with self.post.database.connection() as connection:
            case = await find_case(connection, URN)
        assert case is not None
        return [outcome.outcome.value for outcome in case.outcomes]


def outcome(number: int, kind: OutcomeKind = OutcomeKind.CHARGE, urn: str = URN, **more: Any) -> Outcome:
    return Outcome(f"o-{number}", urn, "D1", kind, "2026-10-01", "O1", **more)


async def test_outcomes_reach_their_case_signed_and_once(post: Post, tmp_path: Path) -> None:
    desk = Desk(post, tmp_path)
    await desk.open()
    post.script(outcomes=(outcome(1), outcome(2, OutcomeKind.PLEA_GUILTY)))
    assert (await post.read()).handed == 2
    post.script(outcomes=(outcome(1), outcome(3, OutcomeKind.CONVICTION)))
    assert (await post.read()).handed == 1
    assert (await post.read()).handed == 0
    assert await desk.settle() == 3
    assert await desk.outcomes() == ["charge", "plea_guilty", "conviction"]
    # Another gateway's address, or a cursor that was lost: everything is read again, and nothing is doubled.
    await post.database.execute("DELETE FROM gateway_cursor")
    assert (await post.read()).handed == 3
    assert await desk.settle() == 3
    assert await desk.outcomes() == ["charge", "plea_guilty", "conviction"]
    assert await post.told("requests.refused") == []


async def test_an_outcome_of_no_case_is_on_record_and_holds_up_nothing(post: Post, tmp_path: Path) -> None:
    desk = Desk(post, tmp_path)
    await desk.open()
    page = [outcome(1, urn="99ZZ0000000"), {"id": "o-9", "outcome": "defenestration"}, outcome(2)]
    async with fixed_page(msgspec.json.encode({"outcomes": page, "cursor": "3"})) as url:
        post.gateway, kept = Gateway(url, limits=LIMITS), post.gateway
        read = await post.read()
        assert "the cursor '3' that it was asked with" in str(read.away)
        await post.gateway.close()
        post.gateway = kept
    assert (read.handed, len(read.unplaced)) == (1, 2)
    refused = await post.told("requests.refused")
    assert "99ZZ0000000" in refused[0]["reason"] and "no such case" in refused[0]["reason"]
    assert "defenestration" in refused[1]["reason"] and "cannot be read" in refused[1]["reason"]
    assert [told["what"] for told in refused] == ["record an outcome"] * 2
    assert all("bwv case outcome" in told["action"] for told in refused)
    await desk.settle()
    assert await desk.outcomes() == ["charge"]


@asynccontextmanager
async def fixed_page(body: bytes) -> AsyncIterator[str]:
    """Somebody at whose address every question is answered with this, whatever the contract says."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1")
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_service_key_of_another_does_not_tell_of_outcomes(post: Post, tmp_path: Path) -> None:
    desk = Desk(post, tmp_path)
    await desk.open()
    post.tells = Told(Signer.new(Role.SERVICE, "receipts"))
    post.script(outcomes=(outcome(1),))
    await post.read()
    with pytest.raises(SignatureInvalid):
        await desk.settle()
    assert await desk.outcomes() == []
