"""One Kafka and one process that forks the stages for the whole folder; a namespace each test."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from local.forked import Zygote
from local.kafka import Kafka
from streams.settings import Settings
from tests.streams.stream_world import IMPORTED, World
from workers.database.schema import upgrade

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    forks = Zygote(IMPORTED, tmp_path_factory.mktemp("zygote") / "zygote.log")
    forks.start()  # it imports while the servers start
    yield forks
    forks.stop()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = Kafka(tmp_path_factory.mktemp("kafka"))
    server.start()
    yield server.bootstrap
    server.stop()


@pytest.fixture
async def world(zygote: Zygote, broker: str, dsn: str, tmp_path: Path) -> AsyncIterator[World]:
    settings = Settings(
        home=tmp_path,
        namespace=f"t{next(_NUMBERS)}",
        kafka=broker,
        database=dsn,
        partitions=2,
        replication=1,
        session_timeout=4.0,
        retry_first=0.05,
        retry_most=0.3,
    )
    world = World(settings, zygote)
    yield world
    await world.end()


@pytest.fixture
def schema(world: World) -> World:
    """A world with its tables."""
    upgrade(world.settings.database, world.settings.namespace)
    return world
