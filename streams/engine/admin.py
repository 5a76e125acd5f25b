"""Topics at the broker: make them from `streams/topics.py`, and refuse to start on others than those.

A topic's partition count is part of its contract: with another one a key's messages would be in two partitions
and in no order. So it is checked at every start and never changed in place.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

from aiokafka import errors as kafka
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from msgspec import Struct

from streams.settings import Settings
from streams.topics import KEPT, STAGES_WITH_DEAD_LETTERS, TOPICS, dead_letters_of, full_name
from workers.errors import BrokerAway, ConfigurationInvalid

ALREADY_EXISTS = 36

GROUPS_ASKED = 150
"""Times that a new Kafka is asked for a coordinator in half a minute: one asker does not hold it up."""
LARGEST_MESSAGE = (1 << 20) + (64 << 10)
"""A megabyte of body and its headers."""
LARGEST_LETTER = (1 << 20) + (256 << 10)
"""A dead letter is the largest message and its reasons."""


class Wanted(Struct, frozen=True):
    """A topic as the broker should have it."""

    name: str
    partitions: int
    replication: int
    config: dict[str, str]


def wanted(settings: Settings, only: Iterable[str] | None = None) -> list[Wanted]:
    """The topics of this namespace, dead letters included.

    Args:
        only: names without the namespace; all, if None.
    """
    names = None if only is None else {full_name(settings.namespace, name) for name in only}
    rows = [(topic.name, partitions_of(settings, topic.bytes_follow), topic.kept, LARGEST_MESSAGE) for topic in TOPICS]
    rows += [(dead_letters_of(stage), 1, KEPT, LARGEST_LETTER) for stage in STAGES_WITH_DEAD_LETTERS]
    return [
        Wanted(
            full_name(settings.namespace, name),
            partitions,
            settings.replication,
            {
                "cleanup.policy": "delete",
                "retention.ms": str(kept * 1000),
                "message.timestamp.type": "LogAppendTime",
                "max.message.bytes": str(largest),
                "min.insync.replicas": str(min(2, settings.replication)),
            },
        )
        for name, partitions, kept, largest in rows
        if names is None or full_name(settings.namespace, name) in names
    ]


def partitions_of(settings: Settings, bytes_follow: bool) -> int:
    """Partitions of a topic: all where bytes are moved, a quarter where a stage takes one message at a time."""
    return settings.partitions if bytes_follow else max(1, settings.partitions // 4)


async def apply(settings: Settings, only: Iterable[str] | None = None) -> list[str]:
    """Make the topics that are not there; returns the names that were made.

    Args:
        only: names without the namespace; all, if None.

    Raises:
        BrokerAway: Kafka does not answer.
        ConfigurationInvalid: a topic could not be made, or is there with other properties.
    """
    topics = wanted(settings, only)
    async with _admin(settings) as admin:
        response = await admin.create_topics(
            [NewTopic(topic.name, topic.partitions, topic.replication, topic_configs=topic.config) for topic in topics],
            timeout_ms=30_000,
        )
        made = []
        for name, code, message in (row[:3] for row in response.topic_errors):
            if code == 0:
                made.append(name)
            elif code != ALREADY_EXISTS:
                raise ConfigurationInvalid(
                    f"topic {name} could not be made: {message or kafka.for_code(code).__name__}"
                )
        await _check(admin, [topic for topic in topics if topic.name not in made])
    return made


async def verify(settings: Settings, only: Iterable[str] | None = None) -> None:
    """Check that the topics are there with the partitions, replicas and properties that they should have.

    Raises:
        BrokerAway: Kafka does not answer.
        ConfigurationInvalid: the first difference, named, and what to do.
    """
    async with _admin(settings) as admin:
        await _check(admin, wanted(settings, only))


async def groups_ready(settings: Settings) -> None:
    """Return once a new Kafka can coordinate groups.

    It makes its own topic for that when the first group asks. Where all stages of a home ask in one moment, each asks
    again five times a second until it is there, and Kafka tries to make it at each time: that holds it up.

    Raises:
        BrokerAway: Kafka does not answer, or has not got ready in half a minute.
    """
    async with _admin(settings) as admin:
        for _ in range(GROUPS_ASKED):
            try:
                await admin.find_coordinator(full_name(settings.namespace, "prepare"))
            except (kafka.GroupCoordinatorNotAvailableError, kafka.GroupLoadInProgressError):
                await asyncio.sleep(30.0 / GROUPS_ASKED)
            else:
                return
        raise BrokerAway(f"Kafka at {settings.kafka} has no coordinator for groups")


async def _check(admin: AIOKafkaAdminClient, topics: list[Wanted]) -> None:
    if not topics:
        return
    found = {topic["topic"]: topic for topic in await admin.describe_topics([topic.name for topic in topics])}
    configs = await _configs(admin, [topic.name for topic in topics])
    for topic in topics:
        partitions: list[dict[str, Any]] = found.get(topic.name, {}).get("partitions", [])
        if not partitions:
            raise ConfigurationInvalid(f"there is no topic {topic.name}: run `bwv topics apply`")
        if len(partitions) != topic.partitions:
            raise ConfigurationInvalid(
                f"topic {topic.name}: expected {topic.partitions} partitions, found {len(partitions)}; a key's order "
                "depends on it: drain the topic and make it again, or set BWV_PARTITIONS"
            )
        replicas = min(len(partition["replicas"]) for partition in partitions)
        if replicas < topic.replication:
            raise ConfigurationInvalid(
                f"topic {topic.name}: expected {topic.replication} replicas, found {replicas}: an acknowledged "
                "message could be lost with one broker"
            )
        for name, value in topic.config.items():
            there = configs[topic.name].get(name)
            if name != "retention.ms" and there != value:
                raise ConfigurationInvalid(f"topic {topic.name}: expected {name} = {value}, found {there}")


async def _configs(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    responses = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    return {
        name: {entry[0]: entry[1] for entry in entries}
        for response in responses
        for _, _, _, name, entries in response.resources
    }


@contextlib.asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka, client_id="bwv-admin", request_timeout_ms=30_000)
    try:
        await admin.start()
        yield admin
    except kafka.KafkaError as error:
        raise BrokerAway(f"Kafka does not answer at {settings.kafka}: {error!r}") from error
    finally:
        await admin.close()
