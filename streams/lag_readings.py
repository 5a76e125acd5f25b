"""What Kafka says about the groups: who is in them, how far they are, and when the first waiting message came.

Three plain consumers without a group and one admin client, kept open from look to look. Nothing is committed and
nobody is disturbed: a group that is looked at does not notice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka import errors as kafka
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from msgspec import Struct

from streams.lag_signs import Signs
from streams.settings import Settings
from streams.topics import full_name
from workers.errors import BrokerAway
from workers.operations.lag.history import Members

log = logging.getLogger(__name__)

PROGRESS = "transfers.progressed"
SIGNS_FROM = 60.0
"""Seconds of progress messages that the first look reads back."""
ASK_WITHIN = 20.0
"""Seconds that one look may take before Kafka counts as away."""
CLOSE_WITHIN = 5.0
"""Seconds to take leave of a broker; one that is away is left without."""
READ_WITHIN = 5.0
"""Seconds that reading the first waiting messages may take; what is not there then has no age in this look."""

STATES = {
    "Stable": Members.THERE,
    "PreparingRebalance": Members.REARRANGING,
    "CompletingRebalance": Members.REARRANGING,
}
"""What the broker calls a group's state; every other means that nobody is in it."""


class Group(Struct, frozen=True):
    """One consumer group.

    Attributes:
        owners: partition → id of the member that has it.
        committed: partition → next offset to be read.
    """

    members: Members = Members.NOBODY
    owners: dict[TopicPartition, str] = {}
    committed: dict[TopicPartition, int] = {}


class Readings:
    """One cluster, looked at again and again.

    Attributes:
        signs: what stages tell of bytes, as far as it was listened to.
    """

    def __init__(self, settings: Settings) -> None:
        self._bootstrap = settings.kafka
        self._progress = full_name(settings.namespace, PROGRESS)
        self._admin = AIOKafkaAdminClient(
            bootstrap_servers=settings.kafka, client_id="bwv-lag", request_timeout_ms=15_000
        )
        # One asks, one reads single messages, one listens: each keeps to its topics, of which it learns once.
        self._asker, self._reader, self._listener = (_consumer(settings, at_most) for at_most in (1, 1, 1 << 20))
        self._known: set[str] = set()
        self._times: dict[tuple[TopicPartition, int], float] = {}
        self.signs = Signs()

    async def open(self) -> None:
        """Connect; raises BrokerAway, and is closed again then."""
        try:
            async with self.asking():
                await self._admin.start()
                for consumer in (self._asker, self._reader, self._listener):
                    await consumer.start()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Disconnect."""
        consumers = (self._asker, self._reader, self._listener)
        # Each in a task of its own: while the broker is away aiokafka's stop() ends in the cancellation of its own
        # fetch, and here that would cancel whoever closes.
        leaving = [asyncio.ensure_future(stop()) for stop in (self._admin.close, *(one.stop for one in consumers))]
        _, late = await asyncio.wait(leaving, timeout=CLOSE_WITHIN)
        for task in late:
            task.cancel()
        for error in await asyncio.gather(*leaving, return_exceptions=True):
            if isinstance(error, Exception):
                log.info("one of the connections to Kafka did not close in order: %r", error)

    @contextlib.asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """Questions are asked inside this block: one that Kafka does not answer in time comes out as BrokerAway."""
        try:
            async with asyncio.timeout(ASK_WITHIN):
                yield
        except (kafka.KafkaError, TimeoutError) as error:
            raise BrokerAway(f"Kafka does not answer at {self._bootstrap}: {error!r}") from error

    async def topics(self) -> set[str]:
        """Names of the topics that there are."""
        return set(await self._asker.topics())

    async def groups(self, names: Mapping[str, str]) -> dict[str, Group]:
        """The groups; one that never was is a group of nobody.

        Args:
            names: what the answer calls it → its name at the broker.
        """
        return dict(zip(names, await asyncio.gather(*map(self._group, names.values())), strict=True))

    async def _group(self, name: str) -> Group:
        try:
            at = await self._admin.find_coordinator(name)
            offsets = await self._admin.list_consumer_group_offsets(name, at)
            described = (await self._admin.describe_consumer_groups([name], at))[0].groups[0]
        except kafka.GroupCoordinatorNotAvailableError:
            return Group()  # a new broker, at which no group has begun
        error, _, state, _, _, members = described[:6]
        if error:
            raise kafka.for_code(error)(f"group {name}")
        owners = {
            place: member[0]
            for member in members
            if member[4]
            for place in ConsumerProtocolMemberAssignment.decode(member[4]).partitions()
        }
        committed = {place: at.offset for place, at in offsets.items() if at.offset >= 0}
        return Group(STATES.get(state, Members.NOBODY), owners, committed)

    async def bounds(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """First offset that is there, and the offset of the next message."""
        wanted: defaultdict[str, list[TopicPartition]] = defaultdict(list)
        for place in places:
            wanted[place.topic].append(place)
        # aiokafka learns of one topic after the other, a tenth of a second each, unless it is asked for all at once.
        new = [wanted[topic] for topic in wanted.keys() - self._known]
        await asyncio.gather(*map(self._asker.end_offsets, new))
        self._known.update(wanted)
        every = [place for of in wanted.values() for place in of]
        begins = await self._asker.beginning_offsets(every)
        ends = await self._asker.end_offsets(every)
        return {place: (begins[place], ends[place]) for place in every}

    async def times(self, positions: Iterable[tuple[TopicPartition, int]]) -> dict[tuple[TopicPartition, int], float]:
        """Append time of the message at each of these offsets, seconds since 1970; each is read once.

        Two groups may stand at two offsets of one partition: it is read twice.
        """
        wanted = set(positions)
        self._times = {at: time for at, time in self._times.items() if at in wanted}
        while unread := {place: offset for place, offset in wanted if (place, offset) not in self._times}:
            read = await self._read(unread)
            self._times.update(((place, unread[place]), time) for place, time in read.items())
            if len(read) < len(unread):
                break
        return dict(self._times)

    async def _read(self, positions: Mapping[TopicPartition, int]) -> dict[TopicPartition, float]:
        self._reader.assign(list(positions))
        for place, offset in positions.items():
            self._reader.seek(place, offset)
        read: dict[TopicPartition, float] = {}
        end = asyncio.get_running_loop().time() + READ_WITHIN
        while len(read) < len(positions) and asyncio.get_running_loop().time() < end:
            left = [place for place in positions if place not in read]
            for place, records in (await self._reader.getmany(*left, timeout_ms=500, max_records=len(left))).items():
                read[place] = records[0].timestamp / 1000
                self._reader.pause(place)
        self._reader.unsubscribe()
        return read

    async def listen(self, now: float, partitions: int) -> None:
        """Read what was told of bytes since the last look.

        Args:
            partitions: of the topic on which it is told; 0: there is no such topic.
        """
        places = [TopicPartition(self._progress, number) for number in range(partitions)]
        if not places:
            return
        ends = await self._listener.end_offsets(places)
        if set(places) != self._listener.assignment():
            begins = await self._listener.offsets_for_times({p: int((now - SIGNS_FROM) * 1000) for p in places})
            self._listener.assign(places)
            for place in places:
                found = begins[place]
                self._listener.seek(place, ends[place] if found is None else found.offset)
        deadline = asyncio.get_running_loop().time() + READ_WITHIN
        while asyncio.get_running_loop().time() < deadline:
            if not [place for place in places if await self._listener.position(place) < ends[place]]:
                break
            for records in (await self._listener.getmany(timeout_ms=200)).values():
                for record in records:
                    self.signs.heard(record.timestamp / 1000, record.value or b"")
        self.signs.forget_old()


def _consumer(settings: Settings, at_most: int) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        client_id="bwv-lag",
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
        max_partition_fetch_bytes=at_most,  # of a batch the broker gives at least one, and its time is what we want
    )
