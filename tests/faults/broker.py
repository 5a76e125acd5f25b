"""What a test asks of Kafka beside the system: how much waits, what was sent twice, and a group set back to 0."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka import errors as kafka

from streams.settings import Settings
from streams.topics import STAGES_WITH_DEAD_LETTERS, TOPICS, dead_letters_of, full_name


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


async def dead_letters(settings: Settings) -> int:
    """How many messages any stage has ever given up."""
    async with consumer_of(settings) as consumer:
        names = [full_name(settings.namespace, dead_letters_of(stage)) for stage in STAGES_WITH_DEAD_LETTERS]
        found = [TopicPartition(name, number) for name in names for number in (await _partitions(consumer, name))]
        return sum((await consumer.end_offsets(found)).values())


async def sent_twice(settings: Settings) -> int:
    """Events that lie in a recorded topic more than once: what crashes made the system do again."""
    async with consumer_of(settings) as consumer:
        found = [
            TopicPartition(name, number)
            for name in (full_name(settings.namespace, topic.name) for topic in TOPICS if topic.recorded)
            for number in (await _partitions(consumer, name))
        ]
        ends = {place: end for place, end in (await consumer.end_offsets(found)).items() if end}
        if not ends:
            return 0
        consumer.assign(list(ends))
        await consumer.seek_to_beginning(*ends)
        ids: Counter[bytes] = Counter()
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                ids.update(dict(record.headers).get("ce_id", b"") for record in records)
        return sum(count - 1 for count in ids.values())


async def lag(settings: Settings, stage: str, topics: Iterable[str]) -> int:
    """Messages that the stage has not acknowledged."""
    async with consumer_of(settings, full_name(settings.namespace, stage)) as consumer:
        names = [full_name(settings.namespace, topic) for topic in topics]
        found = [TopicPartition(name, n) for name in names for n in (await _partitions(consumer, name))]
        ends = await consumer.end_offsets(found)
        consumer.assign(found)
        return sum([end - (await consumer.committed(place) or 0) for place, end in ends.items() if end])


async def set_back(settings: Settings, stage: str, topics: Iterable[str]) -> int | None:
    """Commit offset 0 everywhere for an idle group; how many messages come again, None while it has members."""
    async with consumer_of(settings, full_name(settings.namespace, stage)) as consumer:
        names = [full_name(settings.namespace, topic) for topic in topics]
        found = [TopicPartition(name, n) for name in names for n in (await _partitions(consumer, name))]
        ends = await consumer.end_offsets(found)
        consumer.assign(found)
        try:
            await consumer.commit(dict.fromkeys(found, 0))
        except kafka.KafkaError:
            return None
        return sum(ends.values())


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[int]:
    await consumer.topics()  # asks for the metadata
    return sorted(consumer.partitions_for_topic(topic) or ())
