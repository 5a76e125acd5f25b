"""One Kafka and one process that forks the stages for the whole folder; a namespace each test."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local.forked import Zygote
from local.kafka import Kafka
from streams.settings import Settings
from tests.running import UNTIL_THE_FOLDER_ENDS
from tests.streams.stream_world import IMPORTED, World
from workers.database.schema import upgrade

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Zygote:
    forks = Zygote(IMPORTED, tmp_path_factory.mktemp("zygote") / "zygote.log")
    UNTIL_THE_FOLDER_ENDS.callback(forks.stop)
    forks.start()  # it imports while the servers start
    return forks


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> str:
    server = Kafka(tmp_path_factory.mktemp("kafka"))
    UNTIL_THE_FOLDER_ENDS.callback(server.stop)
    server.start()
    return server.bootstrap


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
