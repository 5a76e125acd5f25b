"""The partitions that a long stage has: what is fetched from them, what is committed, and how they go.

One consumer of the group. It hands fetched records to its `Worker` and asks nothing of it but to let go when
the group is rearranged; how far may be committed is in the windows.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka import errors as kafka
from aiokafka.structs import ConsumerRecord

from streams.engine import exits
from streams.engine.health import Health
from streams.engine.member import heartbeat
from streams.engine.refusals import Refusals
from streams.engine.turns import Job
from streams.engine.window import Window
from streams.settings import Settings
from streams.topics import full_name
from workers.errors import BrokerAway

log = logging.getLogger(__name__)

START_WITHIN = 60.0
COMMIT_EVERY = 1.0
LAG_EVERY = 10.0
HAND_OVER_WITHIN = 5.0
FETCH_FOR = 0.5
FETCH_WHILE_FULL = 0.05
"""Seconds to wait for records; short while a partition has no room, because it may have some any moment."""


class Worker(Protocol):
    """Who works on what is fetched."""

    def take_in(self, window: Window, record: ConsumerRecord) -> None:
        """A record was fetched; add it to the window."""

    def start(self) -> None:
        """A batch was taken in: start what may start."""

    def let_go(self, jobs: list[Job]) -> None:
        """These jobs belong to somebody else now: cancel them, wait for none."""


class Partitions(ConsumerRebalanceListener):  # type: ignore[misc]
    """The consumer and a window for each of its partitions.

    Args:
        listens: topics without the namespace.
        member: static member id.
    """

    def __init__(
        self, stage: str, listens: Iterable[str], settings: Settings, health: Health, member: str, worker: Worker
    ) -> None:
        self._size = settings.window
        self._health = health
        self._worker = worker
        self._refusals = Refusals(health)
        self._windows: dict[TopicPartition, Window] = {}
        self._room = asyncio.Event()
        self._topics = [full_name(settings.namespace, name) for name in listens]
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka,
            group_id=full_name(settings.namespace, stage),
            client_id=member,
            group_instance_id=member,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_interval_ms=86_400_000,
            session_timeout_ms=int(settings.session_timeout * 1000),
            heartbeat_interval_ms=int(heartbeat(settings) * 1000),
            rebalance_timeout_ms=30_000,
            max_partition_fetch_bytes=256 << 10,
            # One fetch is under way at a time, and it leaves out partitions whose records were not taken yet:
            # they wait until it returns.
            fetch_max_wait_ms=100,
        )

    async def open(self) -> None:
        """Join the group; raises StageEnds if that does not succeed in time."""
        self._consumer.subscribe(self._topics, listener=self)
        try:
            async with asyncio.timeout(START_WITHIN):
                await self._consumer.start()
        except (TimeoutError, kafka.KafkaError) as error:
            await self.close()
            raise exits.StageEnds(exits.NOT_STARTED, f"the consumer has not started: {error!r}") from error

    async def close(self) -> None:
        """Stop; as a static member, without giving the partitions away."""
        stop = asyncio.ensure_future(self._consumer.stop())
        await asyncio.wait({stop}, timeout=HAND_OVER_WITHIN)

    def finish(self, job: Job) -> None:
        """This job may be acknowledged; nothing happens if its partition has gone meanwhile."""
        window = self._window(job)
        if window.holds(job):
            window.finish(job.origin.offset)
            self._health.in_flight.dec()
            self._room.set()

    def holds(self, job: Job) -> bool:
        """Whether the job's partition is still ours since it was fetched."""
        return self._window(job).holds(job)

    def windows(self) -> Iterator[Window]:
        """One for each partition."""
        return iter(self._windows.values())

    def _window(self, job: Job) -> Window:
        place = TopicPartition(job.origin.topic, job.origin.partition)
        return self._windows.get(place) or Window(0)

    # The group calls these.

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Let go at once: cancel, and hand over how far we came."""
        gone = {place: window for place in revoked if (window := self._windows.pop(place, None)) is not None}
        if not gone:
            return
        self._health.joined(False)
        self._worker.let_go([job for window in gone.values() for job in window.jobs()])
        self._health.in_flight.set(sum(window.unfinished for window in self._windows.values()))
        await self._commit_soon(gone)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """These partitions are ours."""
        self._windows = {place: Window(self._size) for place in assigned}
        self._health.joined()
        self._room.set()
        log.info("has %d partitions", len(self._windows))

    # Each of these runs as a task until it is cancelled.

    async def fetch(self) -> None:
        """Fetch into the windows that have room."""
        # A few at a time: taking single records costs more than it gives.
        enough = max(1, self._size // 4)
        while True:
            rooms = {place: room for place, window in self._windows.items() if (room := window.room()) >= enough}
            places = [place for place in rooms if place in self._consumer.assignment()]
            if not places:
                self._room.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(FETCH_FOR):
                        await self._room.wait()
                continue
            patience = FETCH_FOR if len(places) == len(self._windows) else FETCH_WHILE_FULL
            try:
                batches = await self._consumer.getmany(
                    *places, timeout_ms=int(patience * 1000), max_records=min(rooms[place] for place in places)
                )
            except kafka.IllegalStateError:  # the partitions went while we asked
                continue
            for place, records in batches.items():
                window = self._windows.get(place)
                if window is None:
                    continue  # they went while the batch was handed out
                for record in records:
                    if not window.knows(record.offset):
                        self._worker.take_in(window, record)
                        self._health.in_flight.inc()
            if batches:
                self._worker.start()

    async def commits(self) -> None:
        """Commit every second what has moved."""
        while True:
            await asyncio.sleep(COMMIT_EVERY)
            await self._commit(dict(self._windows))

    async def lag(self) -> None:
        """Ask the broker, not the fetcher, how much waits: a consumer that fell silent does not know."""
        while True:
            await asyncio.sleep(LAG_EVERY)
            try:
                async with asyncio.timeout(LAG_EVERY):
                    self._health.lag_is(await self._count_lag())
                self._health.is_back(BrokerAway.part)
            except kafka.IllegalStateError:
                continue  # the partitions went while we asked
            except (kafka.KafkaError, TimeoutError) as error:
                self._health.waits_for(BrokerAway.part, repr(error))

    async def commit(self) -> None:
        """Commit now, if the broker answers in time."""
        await self._commit_soon(dict(self._windows))

    async def _commit_soon(self, windows: Mapping[TopicPartition, Window]) -> None:
        # Not cancelled in the middle: aiokafka repeats a commit for as long as no broker answers.
        commit = asyncio.ensure_future(self._commit(windows))
        await asyncio.wait({commit}, timeout=HAND_OVER_WITHIN)

    async def _commit(self, windows: Mapping[TopicPartition, Window]) -> None:
        due = {place: position for place, window in windows.items() if (position := window.due()) is not None}
        if not due:
            return
        try:
            await self._consumer.commit(due)
        except kafka.IllegalStateError:
            log.info("the partitions went before their commit: their messages come again elsewhere")
        except kafka.KafkaError as error:
            log.warning("commit: %s", type(error).__name__)
            self._refusals.note(False)
        else:
            for place, position in due.items():
                windows[place].committed = position
            self._refusals.note(True)

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
