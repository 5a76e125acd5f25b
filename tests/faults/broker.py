"""What a test asks of Kafka beside the system: how much waits, what was sent twice, and a group set back to 0."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka import errors as kafka

from streams.engine.admin import wanted
from streams.settings import Settings
from streams.topics import STAGES_WITH_DEAD_LETTERS, TOPICS, dead_letters_of, full_name, short_name


@asynccontextmanager
async def consumer_of(settings: Settings, group: str | None = None) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


def places(settings: Settings, topics: Iterable[str]) -> list[TopicPartition]:
    """All partitions of these topics."""
    return [
        TopicPartition(topic.name, number)
        for topic in wanted(settings, tuple(topics))
        for number in range(topic.partitions)
    ]


async def dead_letters(settings: Settings) -> int:
    """How many messages any stage has ever given up."""
    async with consumer_of(settings) as consumer:
        ends = await consumer.end_offsets(places(settings, map(dead_letters_of, STAGES_WITH_DEAD_LETTERS)))
    assert len(ends) >= len(STAGES_WITH_DEAD_LETTERS)
    return sum(ends.values())


async def sent_twice(settings: Settings) -> Counter[str]:
    """How many events of each recorded topic were sent again under the same id."""
    async with consumer_of(settings) as consumer:
        found = places(settings, (topic.name for topic in TOPICS if topic.recorded))
        ends = {place: end for place, end in (await consumer.end_offsets(found)).items() if end}
        consumer.assign(list(ends))
        await consumer.seek_to_beginning(*ends)
        ids: Counter[tuple[str, bytes]] = Counter()
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                ids.update((record.topic, dict(record.headers).get("ce_id", b"")) for record in records)
    assert ids, "no event was ever sent"
    again: Counter[str] = Counter()
    for (topic, _), count in ids.items():
        again[short_name(settings.namespace, topic)] += count - 1
    return +again


class Group:
    """A stage's consumer group, seen over one connection."""

    def __init__(self, consumer: AIOKafkaConsumer, found: list[TopicPartition]) -> None:
        self._consumer = consumer
        self._places = found

    async def lag(self) -> int:
        """Messages that the stage has not acknowledged."""
        ends = await self._consumer.end_offsets(self._places)
        return sum([end - (await self._consumer.committed(place) or 0) for place, end in ends.items() if end])

    async def set_back(self) -> int | None:
        """Commit offset 0 everywhere for an idle group; how many messages come again, None while it has members."""
        ends = await self._consumer.end_offsets(self._places)
        try:
            await self._consumer.commit(dict.fromkeys(self._places, 0))
        except kafka.KafkaError:
            return None
        return sum(ends.values())


@asynccontextmanager
async def group_of(settings: Settings, stage: str, topics: Iterable[str]) -> AsyncIterator[Group]:
    """The group of a stage that listens to these topics."""
    async with consumer_of(settings, full_name(settings.namespace, stage)) as consumer:
        found = places(settings, topics)
        consumer.assign(found)
        yield Group(consumer, found)
