"""Short work: a stage as a Faust agent, and what is promised about its messages.

Promised
    - A message is acknowledged only after its effect is durable and what it tells is confirmed, or after its
      original bytes were confirmed in the stage's dead letters. Killed at any moment, the stage loses nothing;
      what it had not committed comes again (at most one second of work and the message in hand).
    - A stop in order (SIGTERM) finishes the message in hand, commits and ends: nothing is redone.
    - One message at a time for the whole stage, in order within each partition.
    - A permanent fault is dead-lettered. If the broker does not confirm that, the process ends (70).
    - A passing fault is neither acknowledged nor dead-lettered. The message stays in hand and is tried again
      with full jitter between `retry_first` and `retry_most` seconds for as long as the part is away; /metrics
      and /live name the part. Nothing else is taken meanwhile, so that an outage adds no load but one try.
    - A call of `receive` is cut off after `PATIENCE` seconds and counts as a passing fault: it may have sent an
      event, it will send it again under the same id, and it is never dead-lettered for being late.

Why the message may wait although Faust livelocks on long ones
    When the group is rearranged, Faust asks each member to finish what it has in hand and waits; a member that
    takes longer than the rebalance timeout is thrown out, starts again, and so for ever. A message in hand is
    therefore either in `receive`, which ends within `PATIENCE` (less than a third of that timeout), or waiting
    for a part. One that waits when a rearrangement begins makes the process leave at once: what was finished is
    committed, the waiting message is not, exit 75. The supervisor starts it again, and with its static member
    id it has its partitions back without another rearrangement. The group never waits for an outage.
    The same on SIGTERM: a waiting message is left as it is, exit 0.

Why nothing that Faust does by itself can acknowledge
    Faust acknowledges what its generator unwinds, whatever the reason (an exception, a cancellation). The
    position that is committed here comes from `App.finish` alone, see `streams/engine/app.py`; leaving goes through
    `os._exit`, which unwinds nothing.

Not promised
    Exactly once. A repeat has the same ids; the row, the outbox and the reader recognise it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any, NoReturn

import mode

from streams.dead_letters import Origin
from streams.engine import exits
from streams.engine.app import App, create_app
from streams.engine.guard import Guard
from streams.engine.health import Health
from streams.engine.publishing import Publisher
from streams.engine.refusals import Refusals
from streams.engine.waiting import Waiting
from streams.settings import Settings
from streams.stage import Stage
from streams.topics import full_name
from workers.errors import BrokerAway, PassingFault

log = logging.getLogger(__name__)

PATIENCE = 18.0
"""Seconds for one call of `receive`."""

START_WITHIN = 60.0
STOP_WITHIN = 45.0
LAG_EVERY = 10.0


class ShortWork:
    """Runs one stage in this process.

    Args:
        member: static member id of this slot.
        stopping: set when the process is to stop.
    """

    def __init__(
        self,
        stage: Stage,
        settings: Settings,
        publisher: Publisher,
        health: Health,
        stopping: asyncio.Event,
        member: str,
    ) -> None:
        self._guard = Guard(stage, settings, publisher, health, patience=PATIENCE)
        self._health = health
        self._stopping = stopping
        self._waiting = Waiting(settings.retry_first, settings.retry_most, changed=health.part_changed)
        self._refusals = Refusals(health)
        self._unsettled = asyncio.Event()  # stopping, or the group is being rearranged
        self._ends: asyncio.Future[exits.StageEnds] = asyncio.get_running_loop().create_future()
        self._app = app = create_app(stage.name, settings, member)
        app.committed = self._refusals.note
        app.rearranging = self._rearranging
        app.assigned = health.joined
        topic = app.topic(
            *(full_name(settings.namespace, name) for name in stage.listens),
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
        )
        app.agent(topic, concurrency=1, name=f"{app.conf.id}.agent")(self._agent)

    async def run(self) -> int:
        """Run until stopped; returns the exit code."""
        worker: Any = mode.Worker(
            self._app,
            override_logging=False,
            redirect_stdouts=False,
            daemon=False,
            loop=asyncio.get_running_loop(),
        )
        worker.install_signal_handlers = lambda: None  # the process has its own
        self._app.in_worker = True
        with contextlib.ExitStack() as stack:
            tasks = [asyncio.create_task(work) for work in (self._watch(worker), self._stop_asked(), self._lag())]
            for task in tasks:
                stack.callback(task.cancel)
            first: set[asyncio.Future[Any]] = {*tasks[:2], self._ends}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if self._ends.done():
            # The message in hand is not finished: Faust's own stop would wait for it, or unwind it.
            await self._leave(self._ends.result())
        if not self._stopping.is_set():
            # An application that crashed does not stop in order either.
            await self._leave(exits.StageEnds(exits.UNSAFE, f"Faust has ended by itself: {self._app.crash_reason!r}"))
        await self._stop(worker)
        return exits.DONE

    async def _agent(self, stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            headers = message.headers.items() if isinstance(message.headers, Mapping) else message.headers or ()
            origin = Origin(
                message.topic,
                message.partition,
                message.offset,
                message.timestamp or 0.0,
                message.key,
                message.value,
                tuple((name, value or b"") for name, value in headers),
            )
            await self._finish(origin)
            self._app.finish(origin.topic, origin.partition, origin.offset)
            self._health.progressed()

    async def _finish(self, origin: Origin) -> None:
        """Try until the message may be acknowledged; does not return if the process is to leave before."""
        attempts = 0
        while True:
            attempts += 1
            try:
                await self._guard.attempt(origin, attempts=attempts)
            except PassingFault as fault:
                delay = self._waiting.note(fault)
                self._health.retried.inc()
                await self._pause(delay, fault)
            except exits.StageEnds as end:
                await self._never(end)
            else:
                if self._waiting:
                    self._waiting.got_through()
                return

    async def _pause(self, seconds: float, fault: PassingFault) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._unsettled.wait()
        if self._stopping.is_set():
            await self._never(exits.StageEnds(exits.DONE, f"stopped while waiting for the {fault.part}"))
        if self._unsettled.is_set():
            reason = f"the group is rearranged while the {fault.part} is away"
            await self._never(exits.StageEnds(exits.PART_AWAY, reason))

    async def _never(self, end: exits.StageEnds) -> None:
        if not self._ends.done():
            self._ends.set_result(end)
        await asyncio.get_running_loop().create_future()

    def _rearranging(self, begins: bool) -> None:
        if begins:
            self._unsettled.set()
        elif not self._stopping.is_set():
            self._unsettled.clear()

    async def _stop_asked(self) -> None:
        await self._stopping.wait()
        self._unsettled.set()
        # A message that waits for a part notices now; one that is at work is waited for by Faust's stop.
        await asyncio.sleep(0.05)

    async def _watch(self, worker: Any) -> None:
        """Ends when the application crashed or stopped by itself."""
        try:
            # start() may never return and say nothing, for instance without the right to join the group.
            await asyncio.wait_for(worker.start(), START_WITHIN)
        except TimeoutError:
            exits.leave(exits.NOT_STARTED, f"Faust has not started within {START_WITHIN:g} s")
        # Faust sets one event on its own end and another on a crash; a look a second costs nothing.
        while not (worker.crashed or self._app.crashed or self._app.should_stop):  # noqa: ASYNC110
            await asyncio.sleep(1.0)

    async def _stop(self, worker: Any) -> None:
        stop = asyncio.ensure_future(worker.stop())
        # wait_for would hang itself if stop() swallowed the cancellation.
        done, _ = await asyncio.wait({stop, self._ends}, timeout=STOP_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        if self._ends.done() and not stop.done():
            await self._leave(self._ends.result())
        if not done:
            exits.leave(exits.NOT_STOPPED, f"Faust has not stopped within {STOP_WITHIN:g} s")

    async def _leave(self, end: exits.StageEnds) -> NoReturn:
        """Commit what was finished, and go without unwinding anything."""
        commit = asyncio.ensure_future(self._app.consumer.commit())
        await asyncio.wait({commit}, timeout=5.0)
        exits.leave(end.code, str(end))

    async def _lag(self) -> None:
        """Ask the broker, not the consumer, how much waits: a consumer that fell silent does not know."""
        while True:
            await asyncio.sleep(LAG_EVERY)
            if not self._health.ready:
                continue
            try:
                async with asyncio.timeout(LAG_EVERY):
                    self._health.lag_is(await self._count_lag(self._app))
                self._health.is_back(BrokerAway.part)
            except Exception as error:  # noqa: BLE001 (Faust wraps them in its own)
                self._health.waits_for(BrokerAway.part, repr(error))

    @staticmethod
    async def _count_lag(app: App) -> int:
        consumer: Any = app.consumer
        places = list(consumer.assignment())
        if not places:
            return 0
        ends = await consumer.highwaters(*places)
        begins = await consumer.earliest_offsets(*places)
        return sum(max(0, int(end) - (consumer._committed_offset[tp] or begins[tp])) for tp, end in ends.items())
