"""One process of a race: it does one role's part of a round with the stages themselves, and may be killed or stopped.

    people    gives the stages holds and retention what people ask for, then what those stages tell each other
    sweep     intends, withdraws and commits
    disposal  deletes what is committed, and certifies
    lease     renews leases

A round begins when its parent says "go". What a stage published and what lies in the outbox stands in for Kafka:
a message is marked as sent after it was worked on, so a killed process leaves it to the one that follows.
"""

from __future__ import annotations

import asyncio
import random
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from streams.disposal import Disposal
from streams.holds import Holds
from streams.messages import decode
from streams.retention import Retention
from streams.settings import Settings
from streams.stage import Envelope, LongStage, Parts, Stage
from streams.sweep import Told
from streams.topics import BY_NAME
from streams.vaults import open_vault
from workers.database.engine import Database
from workers.errors import MoveRefused, PassingFault, TryLater
from workers.fate.outbox import Event
from workers.retention import committing, leasing
from workers.retention.committing import Committing
from workers.retention.leasing import Leases, renew_leases
from workers.retention.sweeping import Sweep

Result = TypeVar("Result")

AHEAD = timedelta(hours=1)
"""How far the committer's clock is ahead: a bin that a clip has just entered is over at once."""

LEASES = Leases(lease=2 * AHEAD, renew=AHEAD, first=AHEAD)

AT_ONCE = 6
"""Requests of people, or disposals, that a process works on together."""

IDLE = 0.03
"""Seconds until a process that found nothing to do looks again."""

PATIENCE = 90.0
"""Seconds that a part of a round may take."""


class Ask(Struct, frozen=True):
    """What somebody asks for.

    Attributes:
        after: seconds from the start of the round.
        stage: holds or retention.
    """

    after: float
    stage: str
    topic: str
    key: str
    id: str
    body: bytes


class Part(Struct, frozen=True):
    """One role's part of a round.

    Attributes:
        asks: for `people`.
        intends: whether the sweep puts clips into the bin too.
        after: seconds from the start of the round at which the lease role begins.
        over: a file for each role; it exists once everybody of this role has finished.
        waits: begin when told to; one that takes over from a killed process begins at once.
    """

    role: str
    asks: tuple[Ask, ...]
    intends: bool
    over: dict[str, Path]
    after: float = 0.0
    waits: bool = True


def main(pipe: Pipe, settings: Settings, slices: int) -> None:
    """Work on parts until the parent hangs up.

    Args:
        slices: rows that sweep and lease move in one transaction; few make many races.
    """
    committing.SLICE = leasing.SLICE = slices
    try:
        asyncio.run(_serve(pipe, settings))
    except EOFError:
        return


async def _serve(pipe: Pipe, settings: Settings) -> None:
    async with Runner.opened(settings, pipe) as runner:
        while True:
            part = await asyncio.to_thread(pipe.recv)
            try:
                await runner.work(part)
                pipe.send(None)
            except Exception:  # noqa: BLE001 (the parent fails the test with it)
                pipe.send(traceback.format_exc())


class Runner:
    """The stages of one process."""

    def __init__(self, settings: Settings, database: Database, pipe: Pipe) -> None:
        self.settings = settings
        self.database = database
        self.pipe = pipe
        self.published: asyncio.Queue[Event] = asyncio.Queue()
        parts = Parts(settings, database, self.published.put)
        self.stages: dict[str, Stage | LongStage] = {"holds": Holds(parts), "retention": Retention(parts)}
        self.disposal = Disposal(parts)
        self.eyes = open_vault(settings, "lease")

    @staticmethod
    @asynccontextmanager
    async def opened(settings: Settings, pipe: Pipe) -> AsyncIterator[Runner]:
        """Everything open, and closed in the end."""
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(Database(settings.database, settings.namespace, size=AT_ONCE))
            runner = Runner(settings, database, pipe)
            stack.callback(runner.eyes.close)
            for stage in (*runner.stages.values(), runner.disposal):
                stack.push_async_callback(stage.stop)
            yield runner

    async def work(self, part: Part) -> None:
        """One part of a round."""
        if part.waits:
            self.pipe.send("ready")
            assert await asyncio.to_thread(self.pipe.recv) == "go"
        async with asyncio.timeout(PATIENCE):
            match part.role:
                case "people":
                    await self._people(part)
                case "sweep":
                    await self._sweep(part)
                case "disposal":
                    await self._dispose(part)
                case _:
                    await asyncio.sleep(part.after)
                    await renew_leases(self.database, self.eyes, LEASES, namespace=self.settings.namespace)

    # -- people ----------------------------------------------------------------------------------------------

    async def _people(self, part: Part) -> None:
        slots = asyncio.Semaphore(AT_ONCE)
        asking = [asyncio.create_task(self._asked(ask, slots)) for ask in part.asks]
        while await self._follow_up() or not all(task.done() for task in asking):
            if asking:
                await asyncio.wait(asking, timeout=IDLE)
        await asyncio.gather(*asking)

    async def _asked(self, ask: Ask, slots: asyncio.Semaphore) -> None:
        await asyncio.sleep(ask.after)
        async with slots:
            await self._give(self.stages[ask.stage], ask.topic, ask.key, ask.id, ask.body)
            await self._deliver()

    async def _deliver(self) -> None:
        """What was published is received by who listens."""
        while not self.published.empty():
            event = self.published.get_nowait()
            await self._give(self.stages["holds"], event.topic, event.key, event.id, event.body)

    async def _follow_up(self) -> bool:
        """What the stage holds told through the outbox; False if nothing waits."""
        topics = list(self.stages["holds"].listens)
        rows = await self._unsent(topics)
        for row in rows:
            await self._give(self.stages["holds"], row["topic"], row["key"], row["event_id"], bytes(row["body"]))
            await self._deliver()
            await self._sent(row["id"])
        return bool(rows)

    async def _give(self, stage: Stage | LongStage, topic: str, key: str, event_id: str, body: bytes) -> None:
        """As the engine does: what passes is tried again, a move that was refused is done."""
        message = decode(body, BY_NAME[topic].carries)
        envelope = Envelope(topic, 0, 0, key, 0.0, {"ce_id": event_id}, body)
        end = time.monotonic() + PATIENCE / 2
        while True:
            try:
                return await stage.receive(message, envelope)
            except MoveRefused:
                return None
            except (PassingFault, TryLater) as fault:
                assert time.monotonic() < end, f"{topic} of {key} does not pass: {fault!r}"
                await asyncio.sleep(random.random() / 10)

    # -- the sweep -------------------------------------------------------------------------------------------

    async def _sweep(self, part: Part) -> None:
        async def ends() -> dict[tuple[str, int], int]:
            return {}

        space, told = self.settings.namespace, Told("races.example")
        commits = Committing(
            self.database, self.eyes, told, namespace=space, now=lambda: datetime.now(UTC) + AHEAD, stop=lambda: False
        )
        intends = Sweep(self.database, self.eyes, told, namespace=space, ends=ends, reconciler=None)
        while True:
            nobody_asks = self._over(part, "people", "lease")
            done = await self._again(commits.round)
            moved = done.committed + done.withdrawn
            if part.intends:
                await self._relayed()
                swept = await self._again(intends.round)
                assert swept.stopped is None, swept.stopped
                moved += swept.intended
            if nobody_asks and not moved:
                return
            await asyncio.sleep(0 if moved else IDLE)

    async def _again(self, work: Callable[[], Awaitable[Result]]) -> Result:
        end = time.monotonic() + PATIENCE / 2
        while True:
            try:
                return await work()
            except (MoveRefused, PassingFault) as fault:
                assert time.monotonic() < end, f"it does not pass: {fault!r}"
                await asyncio.sleep(random.random() / 10)

    # -- disposal ----------------------------------------------------------------------------------------------

    async def _dispose(self, part: Part) -> None:
        while True:
            no_more = self._over(part, "sweep")
            rows = await self._unsent(["disposals.committed"])
            await asyncio.gather(*(self._dispose_of(row) for row in rows))
            await self._relayed()
            await self.database.execute("UPDATE disposals SET due_at = now() WHERE waits_for IS NOT NULL")
            while await self._again(self.disposal.look_again):
                pass
            left = await self.database.fetch("SELECT FROM clip_fate WHERE disposal = 'committed' LIMIT 1")
            if no_more and not rows and not left:
                return
            await asyncio.sleep(0 if rows else IDLE)

    async def _dispose_of(self, row: dict[str, object]) -> None:
        body = bytes(row["body"])  # type: ignore[call-overload]
        await self._give(self.disposal, str(row["topic"]), str(row["key"]), str(row["event_id"]), body)
        await self._sent(row["id"])

    # -- what stands in for the broker -------------------------------------------------------------------------

    async def _unsent(self, topics: list[str]) -> list[dict[str, object]]:
        return await self.database.fetch(
            "SELECT id, topic, key, event_id, body FROM outbox WHERE sent_at IS NULL AND topic = ANY(%s)"
            " ORDER BY id LIMIT %s",
            (topics, AT_ONCE),
        )

    async def _sent(self, number: object) -> None:
        await self.database.execute("UPDATE outbox SET sent_at = now() WHERE id = %s", (number,))

    async def _relayed(self) -> None:
        """What nobody here listens to is published."""
        heard = [*self.stages["holds"].listens, "disposals.committed"]
        await self.database.execute(
            "UPDATE outbox SET sent_at = now() WHERE sent_at IS NULL AND NOT topic = ANY(%s)", (heard,)
        )

    def _over(self, part: Part, *roles: str) -> bool:
        return all(part.over[role].exists() for role in roles if role in part.over)
