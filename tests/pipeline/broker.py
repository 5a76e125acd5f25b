"""What tests do with Kafka itself: bytes as they are, everything on a topic, and how far a stage has come."""

from __future__ import annotations

import os

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from msgspec import Struct

from streams.dead_letters import DeadLetter, list_letters
from streams.engine.admin import wanted
from streams.engine.publishing import Publisher, type_of
from streams.settings import Settings
from streams.topics import full_name
from tests.running import RunningSystem


class Record(Struct, frozen=True):
    """A record of a topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    id: str


async def send(system: RunningSystem, topic: str, value: bytes, *, key: str, id: str = "") -> None:
    """Publish bytes as they are, with the headers of the topic's messages."""
    publisher = Publisher(system.settings.kafka, system.settings.namespace, "test")
    told = [("ce_type", type_of(topic).encode()), ("ce_id", (id or f"evt-test-{os.urandom(8).hex()}").encode())]
    try:
        await publisher.send(full_name(system.settings.namespace, topic), key=key.encode(), value=value, headers=told)
    finally:
        await publisher.stop()


def places(settings: Settings, topic: str) -> list[TopicPartition]:
    """All partitions of a topic."""
    return [TopicPartition(t.name, number) for t in wanted(settings, [topic]) for number in range(t.partitions)]


async def everything(system: RunningSystem, *topics: str) -> list[Record]:
    """All that lies on these topics now."""
    consumer = AIOKafkaConsumer(bootstrap_servers=system.settings.kafka, group_id=None, fetch_max_wait_ms=10)
    await consumer.start()
    try:
        named = {place: topic for topic in topics for place in places(system.settings, topic)}
        consumer.assign(list(named))
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(list(named))
        found: list[Record] = []
        for place, end in ends.items():
            while await consumer.position(place) < end:
                for at, items in (await consumer.getmany(timeout_ms=500)).items():
                    for i in items:
                        told = dict(i.headers).get("ce_id", b"").decode()
                        found.append(Record(named[at], i.partition, i.offset, i.key, i.value, told))
        return found
    finally:
        await consumer.stop()


async def caught_up(system: RunningSystem, stage: str, topic: str) -> None:
    """Wait until a stage has acknowledged everything that lies on a topic now."""
    consumer = AIOKafkaConsumer(bootstrap_servers=system.settings.kafka, group_id=None)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(places(system.settings, topic))
    finally:
        await consumer.stop()
    admin = AIOKafkaAdminClient(bootstrap_servers=system.settings.kafka)
    await admin.start()

    async def done() -> bool:
        known = await admin.list_consumer_group_offsets(full_name(system.settings.namespace, stage))
        return all(end == 0 or (place in known and known[place].offset >= end) for place, end in ends.items())

    try:
        await system.until(done, f"{stage} to acknowledge all of {topic}")
    finally:
        await admin.close()


async def dead_letter(system: RunningSystem, value: bytes) -> DeadLetter:
    """Wait for the dead letter with these original bytes."""

    async def look() -> DeadLetter | None:
        return next((letter for letter in await list_letters(system.settings) if letter.value == value), None)

    return await system.until(look, f"a dead letter with {value[:60]!r}")
