"""Long work (bytes, minutes, fan-out): a stage on a plain consumer, many messages in flight.

Promised
    - As in `streams/engine/delivery.py`: acknowledged only after the effect is durable and told, or the original
      bytes are confirmed in the dead letters; a passing fault is neither.
    - A window of `window` unfinished messages is in flight per partition, and `at_once` (plus `urgent_slots`)
      move bytes. A slow head does not hold up those behind it; it does hold up the commit, which covers the
      finished head alone. What is finished behind an unfinished head is done again after a crash.
    - The next message is chosen among all fetched (`streams/engine/turns.py`).
    - When the group is rearranged, the rest is cancelled, what was finished is committed, and the callback
      returns: the group never waits for a transfer. The next owner resumes from what the vault has.
    - While a part is away nothing new starts but one try at a time (`streams/engine/waiting.py`); each message keeps
      its place. A dock that is busy gets its slot back and is left alone for as long as it asked.
    - SIGTERM starts nothing new, except what lies below a finished message so that nothing is done twice,
      waits `DRAIN` seconds for what is at work, cancels the rest, commits and ends.

A second process with the same member id finds its commits refused; after a few the older one ends itself (73).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from typing import Any

from aiokafka.structs import ConsumerRecord

from streams.dead_letters import Origin
from streams.engine import exits
from streams.engine.guard import Guard, Opened
from streams.engine.health import Health
from streams.engine.partitions import HAND_OVER_WITHIN, Partitions
from streams.engine.publishing import Publisher
from streams.engine.turns import Job, Turns
from streams.engine.waiting import Waiting
from streams.engine.window import Window
from streams.settings import Settings
from streams.stage import LongStage
from workers.errors import PassingFault, PermanentFault, TryLater

log = logging.getLogger(__name__)

DRAIN = 20.0


class LongWork:
    """Runs one stage in this process.

    Args:
        member: static member id of this slot.
        stopping: set when the process is to stop.
    """

    def __init__(
        self,
        stage: LongStage,
        settings: Settings,
        publisher: Publisher,
        health: Health,
        stopping: asyncio.Event,
        member: str,
    ) -> None:
        self._stage = stage
        self._health = health
        self._stopping = stopping
        self._guard = Guard(stage, settings, publisher, health, patience=None)
        self._loop = asyncio.get_running_loop()
        self._waiting = Waiting(
            settings.retry_first, settings.retry_most, clock=self._loop.time, changed=health.part_changed
        )
        self._turns = Turns(settings.at_once, settings.urgent_slots, settings.per_dock)
        self._partitions = Partitions(stage.name, stage.listens, settings, health, member, self)
        self._tasks: dict[Job, asyncio.Task[bool]] = {}
        self._probe: Job | None = None
        self._lacking: dict[Job, str] = {}  # jobs that wait for a part which others do not need
        self._timer: asyncio.TimerHandle | None = None
        self._fetched = 0
        self._draining = False
        self._idle = asyncio.Event()
        self._fatal: asyncio.Future[exits.StageEnds] = self._loop.create_future()

    async def run(self) -> int:
        """Run until stopped; returns the exit code, or raises StageEnds with it."""
        partitions = self._partitions
        await partitions.open()
        tasks = [asyncio.create_task(work) for work in (partitions.fetch(), partitions.commits(), partitions.lag())]
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            first: set[asyncio.Future[Any]] = {*tasks, stopping, self._fatal}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            broken = [task.exception() for task in tasks if task.done()]
        finally:
            for task in (*tasks, stopping):
                task.cancel()
        await self._drain()
        await partitions.close()
        if self._fatal.done():
            raise self._fatal.result()
        if broken:
            raise exits.StageEnds(exits.UNSAFE, f"the consumer has ended by itself: {broken[0]!r}")
        return exits.DONE

    # What the partitions ask.

    def take_in(self, window: Window, record: ConsumerRecord) -> None:
        """A record was fetched: it waits for its turn; poison does not."""
        self._fetched += 1
        origin = Origin(
            record.topic,
            record.partition,
            record.offset,
            record.timestamp / 1000,
            record.key,
            record.value,
            tuple((name, value or b"") for name, value in record.headers),
        )
        job = Job(origin, self._opened(origin), self._fetched)
        window.add(job)
        if job.opened is None:
            # It needs no slot: it does not wait behind transfers, and no transfer waits behind it.
            self._begin(job, slot=False)
        else:
            job.source = self._source(job.opened)
            self._turns.put(job)

    def start(self) -> None:
        """Start whatever may start now, and see to it that somebody looks again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while True:
            if self._waiting:
                delay = self._waiting.delay()
                if delay or self._probe is not None:
                    return self._look_again(delay or None)
            job = self._turns.take(self._loop.time())
            if job is None:
                return self._look_again(self._turns.again(self._loop.time()))
            if self._waiting:
                self._probe = job
            self._begin(job, slot=True)

    def let_go(self, jobs: list[Job]) -> None:
        """These jobs belong to somebody else now."""
        self._turns.keep({job for window in self._partitions.windows() for job in window.jobs()})
        for job in jobs:
            self._lacking.pop(job, None)
        at_work = [task for job in jobs if (task := self._tasks.get(job)) is not None]
        for task in at_work:
            task.cancel()
        log.info("lets %d messages go, %d of them at work", len(jobs), len(at_work))

    # Working.

    def _opened(self, origin: Origin) -> Opened | None:
        try:
            return self._guard.open(origin)
        except PermanentFault:
            return None  # it is opened again, and buried, where the rules are

    def _source(self, opened: Opened) -> str:
        try:
            return self._stage.source_of(opened[0])
        except Exception as defect:  # noqa: BLE001 (receive meets the same message, under the rules)
            log.warning("cannot tell whom %s serves: %r", opened[1].key, defect)
            return ""

    def _look_again(self, delay: float | None) -> None:
        if delay is not None:
            self._timer = self._loop.call_later(delay, self.start)

    def _begin(self, job: Job, *, slot: bool) -> None:
        task = self._tasks[job] = asyncio.create_task(self._work(job, slot=slot))
        # Not in a `finally` of the coroutine: one that is cancelled before its first step never gets there, and
        # its slot and its key would be at work for ever.
        task.add_done_callback(functools.partial(self._settle, job, slot))

    async def _work(self, job: Job, *, slot: bool) -> bool:
        """Try a job once; whether it is to be tried again."""
        job.attempts += 1
        try:
            await self._guard.attempt(job.origin, job.opened, job.attempts)
        except PassingFault as fault:
            self._waiting.note(fault)
            return True
        except TryLater as later:
            self._turns.busy(job.source, self._loop.time() + max(0.05, later.retry_after))
            if later.part is not None:
                self._lacking[job] = later.part
                self._health.waits_for(later.part, str(later))
            return True
        self._partitions.finish(job)
        self._health.progressed()
        if slot and self._waiting:
            self._waiting.got_through()
        if (part := self._lacking.pop(job, None)) is not None:
            self._health.is_back(part)
        return False

    def _settle(self, job: Job, slot: bool, task: asyncio.Task[bool]) -> None:
        """A job is no longer at work: finished, cancelled, or to be tried again in its old place."""
        del self._tasks[job]
        if slot:
            self._turns.end(job)
        if self._probe is job:
            self._probe = None
        if not task.cancelled():
            fault = task.exception()
            if fault is not None:
                self._fail(fault)
            elif task.result():
                self._health.retried.inc()
                if not self._draining and self._partitions.holds(job):
                    self._turns.put(job)
        self.start()
        if not self._tasks:
            self._idle.set()

    def _fail(self, fault: BaseException) -> None:
        if not self._fatal.done():
            if not isinstance(fault, exits.StageEnds):
                fault = exits.StageEnds(exits.UNSAFE, f"a defect at work: {fault!r}")
            self._fatal.set_result(fault)

    async def _drain(self) -> None:
        """Finish what is at work and what lies below something finished; cancel what takes too long; commit."""
        self._draining = True
        self._turns.keep({job for window in self._partitions.windows() for job in window.holes(self._tasks)})
        self.start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN):
                while self._tasks:
                    self._idle.clear()
                    await self._idle.wait()
        self._turns.keep(set())
        late = list(self._tasks.values())
        for task in late:
            task.cancel()
        if late:
            log.warning("%d messages were not finished in %g s; they come again", len(late), DRAIN)
            await asyncio.wait(late, timeout=HAND_OVER_WITHIN)
        await self._partitions.commit()
