"""Long work (bytes, minutes, fan-out): a stage on a plain consumer, many messages in flight.

Promised
    - As in `streams/delivery.py`: acknowledged only after the effect is durable and told, or the original
      bytes are confirmed in the dead letters; a passing fault is neither.
    - A window of `window` unfinished messages is in flight per partition, and `at_once` (plus `urgent_slots`)
      move bytes. A slow head does not hold up those behind it; it does hold up the commit, which covers the
      finished head alone. What is finished behind an unfinished head is done again after a crash.
    - The next message is chosen among all fetched (`streams/turns.py`).
    - When the group is rearranged, the rest is cancelled, what was finished is committed, and the callback
      returns: the group never waits for a transfer. The next owner resumes from what the vault has.
    - While a part is away nothing new starts but one try at a time (`streams/waiting.py`); each message keeps
      its place. A dock that is busy gets its slot back and is left alone for as long as it asked.
    - SIGTERM starts nothing new, except what lies below a finished message so that nothing is done twice,
      waits `DRAIN` seconds for what is at work, cancels the rest, commits and ends.

A second process with the same member id finds its commits refused; after a few the older one ends itself (73).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka import errors as kafka
from aiokafka.structs import ConsumerRecord

from streams import exits
from streams.dead_letters import Origin
from streams.guard import Guard, Opened
from streams.health import Health
from streams.member import heartbeat
from streams.publishing import Publisher
from streams.refusals import Refusals
from streams.settings import Settings
from streams.stage import LongStage
from streams.topics import full_name
from streams.turns import Job, Turns
from streams.waiting import Waiting
from streams.window import Window
from workers.errors import DockBusy, PassingFault, PermanentFault

log = logging.getLogger(__name__)

START_WITHIN = 60.0
COMMIT_EVERY = 1.0
DRAIN = 20.0
LAG_EVERY = 10.0
FETCH_FOR = 0.5
HAND_OVER_WITHIN = 5.0


class LongWork(ConsumerRebalanceListener):  # type: ignore[misc]
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
        self._size = settings.window
        self._health = health
        self._stopping = stopping
        self._guard = Guard(stage, settings, publisher, health, patience=None)
        self._loop = asyncio.get_running_loop()
        self._waiting = Waiting(
            settings.retry_first, settings.retry_most, clock=self._loop.time, changed=health.part_changed
        )
        self._refusals = Refusals(health)
        self._turns = Turns(settings.at_once, settings.urgent_slots, settings.per_dock)
        self._windows: dict[TopicPartition, Window] = {}
        self._tasks: dict[Job, asyncio.Task[None]] = {}
        self._probe: Job | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fetched = 0
        self._draining = False
        self._room = asyncio.Event()
        self._idle = asyncio.Event()
        self._ends: asyncio.Future[exits.StageEnds] = self._loop.create_future()
        self._topics = [full_name(settings.namespace, name) for name in stage.listens]
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka,
            group_id=full_name(settings.namespace, stage.name),
            client_id=member,
            group_instance_id=member,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_interval_ms=86_400_000,
            session_timeout_ms=int(settings.session_timeout * 1000),
            heartbeat_interval_ms=int(heartbeat(settings) * 1000),
            rebalance_timeout_ms=30_000,
            max_partition_fetch_bytes=256 << 10,
        )

    async def run(self) -> int:
        """Run until stopped; returns the exit code."""
        self._consumer.subscribe(self._topics, listener=self)
        try:
            async with asyncio.timeout(START_WITHIN):
                await self._consumer.start()
        except (TimeoutError, kafka.KafkaError) as error:
            await self._stop_consumer()
            raise exits.StageEnds(exits.NOT_STARTED, f"the consumer has not started: {error!r}") from error
        tasks = [asyncio.create_task(work) for work in (self._fetch(), self._commits(), self._lag())]
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            first: set[asyncio.Future[Any]] = {*tasks, stopping, self._ends}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            broken = [task.exception() for task in tasks if task.done()]
        finally:
            for task in (*tasks, stopping):
                task.cancel()
        await self._drain()
        await self._stop_consumer()
        if self._ends.done():
            raise self._ends.result()
        if broken:
            raise exits.StageEnds(exits.UNSAFE, f"the consumer has ended by itself: {broken[0]!r}")
        return exits.DONE

    # The group.

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Let go at once: cancel, hand over how far we came."""
        gone = {place: window for place in revoked if (window := self._windows.pop(place, None)) is not None}
        unfinished = [job for window in gone.values() for job in window.jobs()]
        self._turns.keep({job for window in self._windows.values() for job in window.jobs()})
        at_work = [task for job in unfinished if (task := self._tasks.get(job)) is not None]
        for task in at_work:
            task.cancel()
        if gone:
            self._health.joined(False)
            log.info(
                "%d partitions go, %d messages with them, %d at work",
                len(gone),
                len(unfinished),
                len(at_work),
            )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HAND_OVER_WITHIN):
                await self._commit(gone)
        self._count()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """These partitions are ours."""
        self._windows = {place: Window(self._size) for place in assigned}
        self._health.joined()
        self._room.set()
        log.info("has %d partitions", len(self._windows))

    # Fetching.

    async def _fetch(self) -> None:
        while True:
            rooms = {place: window.room() for place, window in self._windows.items()}
            places = [place for place, room in rooms.items() if room and place in self._consumer.assignment()]
            if not places:
                self._room.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(FETCH_FOR):
                        await self._room.wait()
                continue
            try:
                batches = await self._consumer.getmany(
                    *places,
                    timeout_ms=int(FETCH_FOR * 1000),
                    max_records=min(rooms[place] for place in places),
                )
            except kafka.IllegalStateError:  # the partitions went while we asked
                continue
            for place, records in batches.items():
                window = self._windows.get(place)
                if window is None:
                    continue  # they went while the batch was handed out
                for record in records:
                    if not window.knows(record.offset):
                        self._take_in(window, record)
            if batches:
                self._start()

    def _take_in(self, window: Window, record: ConsumerRecord) -> None:
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
            # Poison needs no slot: it does not wait behind transfers, and no transfer waits behind it.
            self._tasks[job] = asyncio.create_task(self._work(job, slot=False))
        else:
            job.source = self._source(job.opened)
            self._turns.put(job)
        self._health.in_flight.inc()

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

    # Working.

    def _start(self) -> None:
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
            self._tasks[job] = asyncio.create_task(self._work(job, slot=True))

    def _look_again(self, delay: float | None) -> None:
        if delay is not None:
            self._timer = self._loop.call_later(delay, self._start)

    async def _work(self, job: Job, *, slot: bool) -> None:
        job.attempts += 1
        again = False
        try:
            await self._guard.attempt(job.origin, job.opened, job.attempts)
            self._finish(job, counts=slot)
        except PassingFault as fault:
            self._waiting.note(fault)
            again = True
        except DockBusy as busy:
            self._turns.busy(job.source, self._loop.time() + max(0.05, busy.retry_after))
            again = True
        except exits.StageEnds as end:
            if not self._ends.done():
                self._ends.set_result(end)
        finally:
            del self._tasks[job]
            if slot:
                self._turns.end(job)
            if self._probe is job:
                self._probe = None
            if again:
                self._health.retried.inc()
                if not self._draining and self._held(job):
                    self._turns.put(job)
            self._start()
            if not self._tasks:
                self._idle.set()

    def _finish(self, job: Job, *, counts: bool) -> None:
        window = self._held(job)
        if window is not None:
            window.finish(job.origin.offset)
            self._health.in_flight.dec()
            self._room.set()
        self._health.progressed()
        if counts and self._waiting:
            self._waiting.got_through()

    def _held(self, job: Job) -> Window | None:
        window = self._windows.get(TopicPartition(job.origin.topic, job.origin.partition))
        return window if window is not None and window.holds(job) else None

    def _count(self) -> None:
        self._health.in_flight.set(sum(window.unfinished for window in self._windows.values()))

    # Committing.

    async def _commits(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_EVERY)
            await self._commit(self._windows)

    async def _commit(self, windows: Mapping[TopicPartition, Window]) -> None:
        due = {place: position for place, window in windows.items() if (position := window.due()) is not None}
        if not due:
            return
        try:
            await self._consumer.commit(due)
        except kafka.IllegalStateError:
            log.info("the partitions went before their commit: their messages come again elsewhere")
        except kafka.KafkaError as error:
            log.warning("commit: %r", error)
            self._refusals.note(False)
        else:
            for place, position in due.items():
                windows[place].committed = position
            self._refusals.note(True)

    async def _drain(self) -> None:
        self._draining = True
        self._turns.keep({job for window in self._windows.values() for job in window.holes()})
        self._start()
        deadline = self._loop.time() + DRAIN
        while self._tasks and self._loop.time() < deadline:
            self._idle.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await self._idle.wait()
        late = list(self._tasks.values())
        for task in late:
            task.cancel()
        if late:
            log.warning("%d messages were not finished in %g s; they come again", len(late), DRAIN)
            await asyncio.wait(late, timeout=HAND_OVER_WITHIN)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HAND_OVER_WITHIN):
                await self._commit(dict(self._windows))

    async def _stop_consumer(self) -> None:
        stop = asyncio.ensure_future(self._consumer.stop())
        await asyncio.wait({stop}, timeout=HAND_OVER_WITHIN)

    async def _lag(self) -> None:
        """Ask the broker, not the fetcher, how much waits: a consumer that fell silent does not know."""
        while True:
            await asyncio.sleep(LAG_EVERY)
            try:
                async with asyncio.timeout(LAG_EVERY):
                    self._health.lag_is(await self._count_lag())
                self._health.is_back("Kafka")
            except (kafka.KafkaError, TimeoutError) as error:
                self._health.waits_for("Kafka", repr(error))

    async def _count_lag(self) -> int:
        windows = dict(self._windows)
        if not windows:
            return 0
        ends = await self._consumer.end_offsets(list(windows))
        begins = await self._consumer.beginning_offsets(list(windows))
        lag = 0
        for place, window in windows.items():
            if window.committed is None and window.position is None:
                window.committed = await self._consumer.committed(place)
            reached = window.position or window.committed or 0
            lag += max(0, ends[place] - max(reached, begins[place]))
        return lag
