"""record: the single writer of the custody log and the catalogue.

It assigns all partitions itself and starts from the offsets that it stored with its entries, so a batch is
written exactly once: entries, catalogue and offsets in one transaction. It commits the offsets to Kafka
afterwards, only so that lag tools see them. Ingest never waits for it.

A second instance, or one that slept and woke, is refused by the head row and ends. So is one whose database is
an older copy: it appends only to a log that extends the newest checkpoint in the vault and at the witness.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from streams.engine import admin
from streams.engine.health import Health
from streams.engine.waiting import pause
from streams.messages import UploadReported
from streams.sealing import Sealing, open_archive
from streams.settings import Settings
from streams.topics import BY_NAME, TOPICS, full_name, short_name
from workers.custody.entry import Recorded, content_of
from workers.custody.log import Head, append, read_head
from workers.database.engine import Database
from workers.errors import BrokerAway, ConfigurationInvalid, DatabaseAway, PassingFault, StoreAway
from workers.failpoints import reach
from workers.footage.clip import clip_id
from workers.footage.recording import Report

log = structlog.get_logger("bwv.record")

BATCH = 500
"""Most messages in one transaction: few commits under load, and less than a second of them to do again."""

HEADER_MOST = 1000
"""Bytes of a header that are kept: an entry must fit into a bundle, whatever somebody sends."""


async def serve(settings: Settings, health: Health, stopping: asyncio.Event) -> None:
    """Record until `stopping` is set. Waits while a part is away; ends on a second writer or a second history."""
    wait, archive = settings.retry_first, open_archive(settings)
    while not stopping.is_set():
        try:
            async with Database(settings.database, settings.namespace, size=3) as database:
                sealing = Sealing(settings, database, archive, health)
                await sealing.check()
                health.is_back(StoreAway.part)
                await _together(_record(settings, database, health, stopping, sealing.appended), sealing.run())
        except PassingFault as fault:
            health.waits_for(fault.part, str(fault))
            await pause(stopping, random.uniform(0, wait))
            wait = min(2 * wait, settings.retry_most)


async def _together(recording: Coroutine[Any, Any, None], sealing: Coroutine[Any, Any, None]) -> None:
    """Run both until recording ends; whichever fails ends the other and says why."""
    tasks = [asyncio.create_task(recording), asyncio.create_task(sealing)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


async def _record(
    settings: Settings,
    database: Database,
    health: Health,
    stopping: asyncio.Event,
    appended: Callable[[], None],
) -> None:
    head = await read_head(database)
    consumer = _consumer(settings, full_name(settings.namespace, "record"))
    try:
        await consumer.start()
        await _assign(settings, consumer, head)
        health.joined()
        for part in (BrokerAway.part, DatabaseAway.part):
            health.is_back(part)
        while not stopping.is_set():
            fetched = await consumer.getmany(timeout_ms=500)
            batch = [recorded(settings.namespace, item) for items in fetched.values() for item in items]
            if not batch:
                health.lag_is(0)
                continue
            reach("record.before_commit")
            head = await append(database, head, batch)
            reach("record.after_commit")
            appended()
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


async def _assign(settings: Settings, consumer: AIOKafkaConsumer, head: Head) -> dict[TopicPartition, int]:
    """Take every partition from where the log left it; returns where each ends now.

    Raises:
        ConfigurationInvalid: a partition is shorter than what was recorded of it: these are other topics.
    """
    partitions = await _partitions(settings)
    consumer.assign(partitions)
    ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
    for partition in partitions:
        name = short_name(settings.namespace, partition.topic)
        start = head.offsets.get((name, partition.partition), 0)
        if start > ends[partition]:
            raise ConfigurationInvalid(
                f"{partition.topic}/{partition.partition} ends at {ends[partition]}, and {start} messages of it are on "
                "record: Kafka lost its data or was made anew. Nothing was recorded; restore Kafka, or see the runbook"
            )
        consumer.seek(partition, start)
    return ends


async def catch_up(settings: Settings, database: Database, *, told: Callable[[int], None]) -> Head:
    """Record everything that is in Kafka now, and return; for a rebuild, while no record runs.

    Args:
        told: gets the number of messages done.
    """
    head = await read_head(database)
    consumer = _consumer(settings, group=None)
    done = 0
    try:
        await consumer.start()
        ends = await _assign(settings, consumer, head)
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            fetched = await consumer.getmany(timeout_ms=500)
            batch = [recorded(settings.namespace, item) for items in fetched.values() for item in items]
            head = await append(database, head, batch)
            done += len(batch)
            told(done)
    except KafkaError as error:
        raise BrokerAway(f"Kafka does not answer: {error!r}") from error
    finally:
        await consumer.stop()
    return head


def _consumer(settings: Settings, group: str | None) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=BATCH,
    )


def recorded(namespace: str, item: ConsumerRecord) -> Recorded:
    """A message as the record keeps it, however broken it is."""
    name = short_name(namespace, item.topic)
    headers = {key: _text(value) for key, value in item.headers}
    body = item.value or b""
    content, unreadable = content_of(body)
    return Recorded(
        topic=name,
        partition=item.partition,
        offset=item.offset,
        event_id=headers.get("ce_id") or f"{name}/{item.partition}/{item.offset}",
        type=headers.get("ce_type", "").removeprefix("bwv.") or name,
        time=_time(headers.get("ce_time")) or _broker_time(item),
        source=headers.get("ce_source", "unknown"),
        subject=headers.get("ce_subject", ""),
        verb=BY_NAME[name].verb,
        body=body,
        content=content,
        unreadable=unreadable,
        about=_declared_clip(namespace, content) if name == "uploads.reported" else None,
    )


def _text(header: bytes) -> str:
    """A header as text that PostgreSQL and a bundle can hold: no NUL, and never longer than HEADER_MOST."""
    return header[:HEADER_MOST].decode("utf-8", "replace").replace("\x00", "\ufffd")


def _time(said: str | None) -> str | None:
    """The event's own time, if it is one."""
    try:
        return said if said and datetime.fromisoformat(said).tzinfo else None
    except ValueError:
        return None


def _declared_clip(namespace: str, content: dict[str, Any]) -> str | None:
    """The clip that a report declares, so that it is found, proved and erased with that clip."""
    try:
        body = msgspec.convert(content, UploadReported).report.body
        recording = msgspec.json.decode(body, type=Report).recording
    except (msgspec.ValidationError, msgspec.DecodeError):
        return None  # recorded all the same; intake says what is wrong with it
    return clip_id(namespace, recording.camera, recording.recording, recording.size, recording.sha256)


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
