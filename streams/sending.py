"""Sends prepared submissions to the gateway; one record for the whole process of whether the gateway is away."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from streams import submission_events as events
from streams.engine.byte_threads import ByteThreads
from streams.engine.waiting import Waiting
from streams.gateways import open_gateway
from streams.item_bytes import ItemBytes
from streams.settings import Settings
from streams.vaults import open_vault
from workers.database.engine import Database
from workers.errors import FootageDiffers, GatewayAway, GatewayRefused, RuleBroken, StoreAway, TryLater
from workers.failpoints import reach
from workers.prosecution.statements import Recipient
from workers.prosecution.submission import queries, rows
from workers.prosecution.submission.awaited import NO_GATEWAY, THE_GATEWAY
from workers.prosecution.submission.rows import Submission
from workers.prosecution.submission.states import State
from workers.vault.faults import NotThere
from workers.vault.retry import Limits

log = logging.getLogger(__name__)

SMALL = Limits(connect=3.0, tries=2)
"""Of the requests to the gateway: whoever waits for one keeps a slot, and comes again later."""

STORE_AGAIN = 3.0
"""Seconds after which an item is read again while the store is away."""


class Sending:
    """The way from `prepared` to `sent`. What is sent twice is one submission at the gateway."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._gateway = open_gateway(settings, SMALL)
        self._vault = open_vault(settings, events.PROSECUTION)
        self._threads = ByteThreads(settings, events.PROSECUTION)
        self._items = ItemBytes(self._vault, self._threads)
        self._away = Waiting(settings.retry_first, settings.retry_most)
        self._looking = False

    @property
    def awaited(self) -> str:
        """What a prepared submission waits for."""
        return THE_GATEWAY if self._gateway else NO_GATEWAY

    async def resume(self) -> None:
        """What was prepared while no gateway was set goes now."""
        if self._gateway is None:
            return
        async with self._database.transaction() as connection:
            for seen in await queries.waiting(connection, State.PREPARED, NO_GATEWAY):
                cause = datetime.now(UTC).isoformat()
                told = events.returned(seen, "a gateway is set now", events.PROSECUTION, cause=cause)
                await rows.returned(connection, seen, [told], waits_for=THE_GATEWAY)

    async def stop(self) -> None:
        """Close what is open."""
        self._threads.close()
        self._vault.close()
        if self._gateway is not None:
            await self._gateway.close()

    async def send(self, submission_id: str) -> None:
        """Send what is prepared for the CPS; nothing where it was sent already, or goes another way.

        Raises:
            TryLater: the gateway is away; the rest is sent when it is back.
            RuleBroken: it will never be taken as it is: a person looks.
        """
        seen = await rows.find(self._database, submission_id)
        if seen is None or seen.state is not State.PREPARED or seen.recipient != Recipient.CPS:
            return
        if self._gateway is None:
            await self._note(seen, NO_GATEWAY)
            return
        try:
            with self._may_be_away():
                await self._gateway.send(
                    seen.prepared().plain(),
                    self._items.open if self._settings.gateway_delivers == "bytes" else None,
                    attempt=seen.attempt + 1,
                    step=lambda name: reach(f"prosecution.{name}"),
                )
        except TryLater as later:
            await self._note(seen, f"the gateway, which is away: {later}")
            raise
        except StoreAway as away:
            await self._note(seen, f"the object store: {away}")
            raise TryLater(str(away), STORE_AGAIN, part=StoreAway.part) from away
        except (GatewayRefused, FootageDiffers, NotThere) as fault:
            log.error("ALARM: %s cannot be sent: %s", submission_id, fault)
            await self._note(seen, f"a person: {fault}; when it is mended: bwv submissions retry {submission_id}")
            raise RuleBroken(f"{submission_id} cannot be sent: {fault}") from fault
        due_at = datetime.now(UTC) + timedelta(seconds=self._settings.gateway_answer_within)
        async with self._database.transaction() as connection:
            await rows.sent(connection, seen, [events.sent(seen, due_at)], due_at=due_at)
        reach("prosecution.after_sent")

    @contextmanager
    def _may_be_away(self) -> Iterator[None]:
        """Give the slot back while the gateway is away, and come again; one looks for all.

        No PassingFault, for which the engine waits: then orders, which need no gateway, would wait behind it.
        """
        away = self._away.parts.get(GatewayAway.part)
        if away is not None and (self._looking or self._away.delay()):
            again = self._away.delay() + random.uniform(0.1, 1.0)
            raise TryLater(away.reason, again, part=GatewayAway.part)
        looks = away is not None
        self._looking = self._looking or looks
        try:
            yield
        except GatewayAway as fault:
            raise TryLater(str(fault), self._away.note(fault), part=GatewayAway.part) from fault
        else:
            self._away.got_through()
        finally:
            if looks:
                self._looking = False

    async def _note(self, seen: Submission, what: str) -> None:
        async with self._database.connection() as connection:
            await rows.note_waiting(connection, seen, what)
