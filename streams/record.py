"""record: the single writer of the custody log and the catalogue.

It assigns all partitions itself and starts from the offsets that it stored with its entries, so a batch is
written exactly once: entries, catalogue and offsets in one transaction. It commits the offsets to Kafka
afterwards, only so that lag tools see them. Ingest never waits for it.

A second instance, or one that slept and woke, is refused by the head row and ends.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from datetime import UTC, datetime

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from streams.engine import admin
from streams.engine.health import Health
from streams.settings import Settings
from streams.topics import BY_NAME, TOPICS, full_name, short_name
from workers.custody.entry import Recorded, content_of
from workers.custody.log import Head, append, read_head
from workers.database.engine import Database
from workers.errors import BrokerAway, DatabaseAway, PassingFault
from workers.failpoints import reach

log = structlog.get_logger("bwv.record")

BATCH = 500
"""Most messages in one transaction: few commits under load, and less than a second of them to do again."""


async def serve(settings: Settings, health: Health, stopping: asyncio.Event) -> None:
    """Record until `stopping` is set. Waits while PostgreSQL or Kafka is away; ends on a second writer."""
    database = Database(settings.database, settings.namespace, size=2)
    wait = settings.retry_first
    while not stopping.is_set():
        try:
            await _record(settings, database, health, stopping)
        except PassingFault as fault:
            health.waits_for(fault.part, str(fault))
            await _pause(random.uniform(0, wait), stopping)
            wait = min(2 * wait, settings.retry_most)
        finally:
            await database.close()
            database = Database(settings.database, settings.namespace, size=2)


async def _record(settings: Settings, database: Database, health: Health, stopping: asyncio.Event) -> None:
    await database.open()
    head = await read_head(database)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        group_id=full_name(settings.namespace, "record"),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=BATCH,
    )
    try:
        await consumer.start()
        partitions = await _partitions(settings)
        consumer.assign(partitions)
        _seek(settings, consumer, partitions, head)
        health.joined()
        for part in (BrokerAway.part, DatabaseAway.part):
            health.is_back(part)
        while not stopping.is_set():
            fetched = await consumer.getmany(timeout_ms=500)
            batch = [_recorded(settings, item) for items in fetched.values() for item in items]
            if not batch:
                health.lag_is(0)
                continue
            reach("record.before_commit")
            head = await append(database, head, batch)
            reach("record.after_commit")
            health.handled.inc(len(batch))
            health.progressed()
            await _tell_kafka(settings, consumer, batch, head)
    except KafkaError as error:
        raise BrokerAway(f"Kafka does not answer: {error!r}") from error
    finally:
        await consumer.stop()


async def _partitions(settings: Settings) -> list[TopicPartition]:
    recorded = [topic.name for topic in TOPICS if topic.recorded]
    await admin.verify(settings, recorded)
    return [
        TopicPartition(topic.name, number)
        for topic in admin.wanted(settings, recorded)
        for number in range(topic.partitions)
    ]


def _seek(settings: Settings, consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition], head: Head) -> None:
    for partition in partitions:
        position = (short_name(settings.namespace, partition.topic), partition.partition)
        consumer.seek(partition, head.offsets.get(position, 0))


def _recorded(settings: Settings, item: ConsumerRecord) -> Recorded:
    name = short_name(settings.namespace, item.topic)
    headers = {key: value.decode("utf-8", "replace") for key, value in item.headers}
    body = item.value or b""
    content, unreadable = content_of(body)
    return Recorded(
        topic=name,
        partition=item.partition,
        offset=item.offset,
        event_id=headers.get("ce_id") or f"{name}/{item.partition}/{item.offset}",
        type=headers.get("ce_type", "").removeprefix("bwv.") or name,
        time=headers.get("ce_time") or _broker_time(item),
        source=headers.get("ce_source", "unknown"),
        subject=headers.get("ce_subject", ""),
        verb=BY_NAME[name].verb,
        body=body,
        content=content,
        unreadable=unreadable,
    )


def _broker_time(item: ConsumerRecord) -> str:
    return datetime.fromtimestamp(item.timestamp / 1000, UTC).isoformat()


async def _tell_kafka(settings: Settings, consumer: AIOKafkaConsumer, batch: list[Recorded], head: Head) -> None:
    """Commit to Kafka for lag tools alone: a failure changes nothing and is only logged."""
    touched = {(item.topic, item.partition) for item in batch}
    offsets = {
        TopicPartition(full_name(settings.namespace, topic), partition): head.offsets[topic, partition]
        for topic, partition in touched
    }
    try:
        await consumer.commit(offsets)
    except KafkaError as error:
        log.warning("offsets not told to Kafka", reason=repr(error))


async def _pause(seconds: float, stopping: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
