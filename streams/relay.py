"""The outbox relay: publishes what was decided, in the order of the decisions, and marks it as sent.

- One a namespace: it holds a lock in the database; a second one waits. All its statements run on the
  connection that holds the lock, so whoever lost the connection has lost the lock and writes nothing.
- Woken by NOTIFY, and every few seconds in case one was missed.
- It reads what is not marked, in the order of the ids, never "from the last id on": a transaction that
  began early and committed late shows its lower id afterwards.
- A batch is sent as a whole and then awaited. What the broker confirmed is marked in one statement, but
  nothing behind an unconfirmed event with the same key: order per key is kept.
- A crash between sending and marking sends again, with the same ids.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import datetime

from streams.engine import admin, tracing
from streams.engine.health import Health
from streams.engine.publishing import Publisher
from streams.engine.waiting import Waiting, pause
from streams.settings import Settings
from workers import failpoints
from workers.database.engine import Connection, Database, Row, execute, fetch
from workers.database.locks import lock_of
from workers.errors import BrokerAway, PassingFault
from workers.fate.outbox import EVENT_COLUMNS, Event

log = logging.getLogger(__name__)

NAME = "relay"
BATCH = 500
GATHER = 0.02
"""Seconds between two looks while events keep coming: a few more in each batch, a fraction of the cost."""
WAKE_EVERY = 2.0
CONFIRMED_WITHIN = 5.0
"""Seconds after which an unconfirmed batch means that the broker is away."""
LOOK_AGAIN = 1.0
COUNT_EVERY = 5.0
PRUNE_EVERY = 600.0
PRUNE_MOST = 10_000

OTHER_RELAY = "other relay of this namespace"


async def serve(settings: Settings, health: Health, stopping: asyncio.Event) -> None:
    """Relay until stopped."""
    waiting = Waiting(settings.retry_first, settings.retry_most, changed=health.part_changed)
    publisher = Publisher(settings.kafka, settings.namespace, "bwv-relay")
    database = Database(settings.database, settings.namespace, size=2)
    try:
        while not stopping.is_set():
            try:
                await admin.verify(settings)
                await publisher.start()
                await database.open()
                break
            except PassingFault as fault:
                await pause(stopping, waiting.note(fault))
        while not stopping.is_set():
            try:
                async with database.connection() as connection:
                    await _with_lock(connection, database, publisher, health, waiting, stopping)
            except PassingFault as fault:
                health.joined(False)
                await pause(stopping, waiting.note(fault))
    finally:
        await publisher.stop()
        await database.close()


async def _with_lock(
    connection: Connection,
    database: Database,
    publisher: Publisher,
    health: Health,
    waiting: Waiting,
    stopping: asyncio.Event,
) -> None:
    key = lock_of(database.schema, NAME)
    while not (await fetch(connection, "SELECT pg_try_advisory_lock(%s) AS mine", (key,)))[0]["mine"]:
        health.waits_for(OTHER_RELAY, "it holds the lock")
        if await pause(stopping, LOOK_AGAIN):
            return
    health.is_back(OTHER_RELAY)
    relay = Relay(connection, publisher, health, stopping)
    woken = asyncio.Event()
    listening = asyncio.create_task(_listen(database, woken))
    try:
        while not stopping.is_set():
            began = asyncio.get_running_loop().time()
            woken.clear()
            sent = await relay.round()
            waiting.got_through()
            health.joined()
            if not sent:
                await _first(woken.wait(), stopping.wait(), listening, timeout=WAKE_EVERY)
            if listening.done():
                listening.result()
            await pause(stopping, began + GATHER - asyncio.get_running_loop().time())
    finally:
        listening.cancel()
        with contextlib.suppress(PassingFault):
            # The connection goes back to the pool alive; the lock must not stay with it.
            if not connection.broken:
                await fetch(connection, "SELECT pg_advisory_unlock(%s)", (key,))


async def _listen(database: Database, woken: asyncio.Event) -> None:
    """Many notifications become one wake-up."""
    async for _ in database.notifications(f"{database.schema}.outbox", wake_every=WAKE_EVERY):
        woken.set()


class Relay:
    """Reads, sends, marks. The caller holds the lock on `connection`."""

    def __init__(self, connection: Connection, publisher: Publisher, health: Health, stopping: asyncio.Event) -> None:
        self._stopping = stopping
        self._connection = connection
        self._publisher = publisher
        self._health = health
        self._counted = 0.0
        self._pruned = 0.0

    async def round(self) -> int:
        """Relay one batch; returns how many events were marked.

        Raises:
            BrokerAway: not everything was confirmed; what was is marked.
            DatabaseAway: it is unknown what was marked.
        """
        rows = await fetch(
            self._connection,
            f"SELECT id, time, {EVENT_COLUMNS} FROM outbox WHERE sent_at IS NULL ORDER BY id LIMIT {BATCH}",
        )
        marked = await self._send(rows) if rows else 0
        await self._housekeeping()
        return marked

    async def _send(self, rows: Sequence[Row]) -> int:
        faults = await self._published([(_event(row), row["time"]) for row in rows])
        failpoints.reach("relay.after_publish")
        sent, held, first_fault = [], set(), None
        for row, fault in zip(rows, faults, strict=True):
            if fault is not None:
                held.add(row["key"])
                first_fault = first_fault or (row, fault)
            elif row["key"] not in held:
                sent.append(row["id"])
                tracing.waited(f"outbox {row['topic']}", row["key"], row["trace"] or "", row["time"])
        if sent:
            await execute(self._connection, "UPDATE outbox SET sent_at = now() WHERE id = ANY(%s)", (sent,))
            failpoints.reach("relay.after_mark")
            self._health.relayed.inc(len(sent))
            self._health.progressed()
        if first_fault is not None:
            row, fault = first_fault
            raise BrokerAway(f"event {row['event_id']} for {row['topic']} was not confirmed: {fault!r}") from fault
        return len(sent)

    async def _published(self, events: Sequence[tuple[Event, datetime]]) -> list[BaseException | None]:
        """Send; a broker that is away is waited for, and named, until the process is to stop."""
        sending = asyncio.ensure_future(self._publisher.publish_all(events))
        while not (await asyncio.wait({sending}, timeout=CONFIRMED_WITHIN))[0]:
            self._health.waits_for(BrokerAway.part, f"{len(events)} events are not confirmed")
            if self._stopping.is_set():
                sending.cancel()
                raise BrokerAway("stopped before the broker confirmed; the events are sent again")
        self._health.is_back(BrokerAway.part)
        return sending.result()

    async def _housekeeping(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._counted + COUNT_EVERY:
            self._counted = now
            unsent = (
                await fetch(
                    self._connection,
                    "SELECT count(*) AS number, COALESCE(extract(epoch FROM now() - min(time)), 0)::float AS age"
                    " FROM outbox WHERE sent_at IS NULL",
                )
            )[0]
            self._health.outbox_unsent.set(unsent["number"])
            self._health.outbox_oldest.set(unsent["age"])
            self._health.lag_is(unsent["number"])
        if now >= self._pruned + PRUNE_EVERY:
            self._pruned = now
            await execute(
                self._connection,
                "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE sent_at < now() - interval '1 day'"
                f" ORDER BY id LIMIT {PRUNE_MOST})",
            )


def _event(row: Row) -> Event:
    kept = (row["topic"], row["key"], row["event_id"], row["subject"], row["source"], bytes(row["body"]))
    return Event(*kept, trace=row["trace"] or "")


async def _first(*things: object, timeout: float) -> None:
    tasks = [asyncio.ensure_future(thing) for thing in things]  # type: ignore[call-overload]
    made = [task for task, thing in zip(tasks, things, strict=True) if task is not thing]
    try:
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in made:
            task.cancel()
