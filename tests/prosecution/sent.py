"""Submissions that the gateway has taken, beside a real reference server, and the rounds that ask about them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from streams import submission_events as events
from streams.receipts import Told
from tests.contracts.gateways import manifest_of as plain_manifest
from tests.contracts.gateways import stub
from workers.database.engine import Database
from workers.keys.signing import Role, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.prosecution.gateway.asking import Asked, Asking, tell_overdue
from workers.prosecution.gateway.client import Gateway
from workers.prosecution.gateway.outcomes import Read, read_outcomes
from workers.prosecution.gateway.stub.script import Rule, Script
from workers.prosecution.gateway.stub.server import StubServer
from workers.prosecution.statements import OrderedItem, Purpose, Recipient, SubmissionOrder
from workers.prosecution.submission import rows
from workers.prosecution.submission.manifest import Manifest, manifest_of
from workers.prosecution.submission.rows import Submission
from workers.vault.retry import Limits

LIMITS = Limits(connect=1.0, silence=2.0, request=3.0, tries=3, longest_wait=0.05)
_NUMBERS = itertools.count(1)


class Post:
    """What is sent, and what is asked about it."""

    def __init__(self, database: Database, server: StubServer) -> None:
        self.database = database
        self.server = server
        self.service = Signer.new(Role.SERVICE, "receipts")
        self.person = Signer.new(Role.PERSON, "ADMIN")
        self.tells = Told(self.service)
        self.gateway = Gateway(server.url, limits=LIMITS)

    def script(self, *rules: Rule, **more: Any) -> None:
        self.server.reception.add(Script(rules, **more))

    async def prepared(self, *, items: int = 2, name: str = "") -> Manifest:
        """A submission that is prepared."""
        manifest = manifest_of(plain_manifest(name or f"s{next(_NUMBERS)}", items))
        order = SubmissionOrder(
            submission_id=manifest.submission_id, case_id=manifest.case.case_id, urn=manifest.case.urn,
            purpose=Purpose.CHARGING, recipient=Recipient.CPS, by="ADMIN", at=now_iso(),
            items=tuple(OrderedItem(item.reference, item.clip_id) for item in manifest.items),
        )  # fmt: skip
        async with self.database.transaction() as connection:
            await rows.enter(connection, order, self.person.sign(PURPOSES[SubmissionOrder], order))
            seen = await rows.find_on(connection, manifest.submission_id)
            assert seen is not None
            await rows.prepare(
                connection, seen, manifest, events.prepared(manifest, seen.ordered), waits_for="the gateway"
            )
        return manifest

    async def send(self, manifest: Manifest, *, due: timedelta = timedelta(days=2)) -> None:
        """Send it as the prosecution stage does."""
        seen = await self.row(manifest)
        await self.gateway.send(manifest.plain(), attempt=seen.attempt + 1)
        due_at = datetime.now(UTC) + due
        async with self.database.transaction() as connection:
            await rows.sent(connection, seen, [events.sent(seen, due_at)], due_at=due_at)

    async def sent(self, *, items: int = 2, name: str = "", due: timedelta = timedelta(days=2)) -> Manifest:
        manifest = await self.prepared(items=items, name=name)
        await self.send(manifest, due=due)
        return manifest

    async def ask(self, *, again: timedelta = timedelta(days=1), most: int = 200) -> Asked:
        return await Asking(self.database, self.gateway, self.tells, again=again).round(most=most)

    async def read(self) -> Read:
        return await read_outcomes(self.database, self.gateway, self.tells)

    async def tell_overdue(self) -> int:
        return await tell_overdue(self.database, self.tells)

    async def row(self, manifest: Manifest) -> Submission:
        seen = await rows.find(self.database, manifest.submission_id)
        assert seen is not None
        return seen

    async def states(self, manifests: Iterable[Manifest]) -> list[str]:
        return [(await self.row(manifest)).state.value for manifest in manifests]

    async def told(self, topic: str) -> list[Any]:
        """Messages of a topic in the outbox, in their order."""
        found = await self.database.fetch("SELECT body FROM outbox WHERE topic = %s ORDER BY id", (topic,))
        return [msgspec.json.decode(row["body"]) for row in found]


@asynccontextmanager
async def posted(database: Database, folder: Path) -> AsyncIterator[Post]:
    async with stub(folder / "gateway") as server:
        post = Post(database, server)
        try:
            yield post
        finally:
            await post.gateway.close()
