"""One PostgreSQL for the whole session; a schema of its own for each test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from local.postgres import Postgres
from tests.running import UNTIL_THE_FOLDER_ENDS
from tests.schemas import Schemas
from workers.database.engine import Database
from workers.decoding import know_types

# How fast a machine is that does other things too says nothing about our code.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")

LONGEST_FIRST = (
    "pipeline",
    "faults",
    "streams",
    "demo",
    "operations",
    "retention",
    "prosecution",
    "custody",
    "web",
    "races",
    "local",
    "model",
)
"""Folders in the order in which processes take them, so that none begins the longest at the end."""


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).parts[0]


class ByFolder(LoadScopeScheduling):
    """A folder stays together in one process: its tests share a running system, and some come last in it."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.split("/")[1]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFolder:
    """What `pytest -n 2` gives its processes; --dist loadgroup would do, but does not group under pytest 9."""
    config.option.loadscopereorder = False  # ours, not by the number of tests
    return ByFolder(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest folders first; the order within a folder stays."""
    order = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(_folder(item), len(order)))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After the last test of a folder its servers stop."""
    if nextitem is None or _folder(nextitem) != _folder(item):
        UNTIL_THE_FOLDER_ENDS.close()


def pytest_collection_finish() -> None:
    """Everything is imported and no test has started a thread: as a process of ours begins."""
    know_types()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """A run that ends before the last test of its folder (-x, an interruption) leaves nothing running either."""
    UNTIL_THE_FOLDER_ENDS.close()


@pytest.fixture(scope="session")
def dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server, and how to reach it."""
    folder = tmp_path_factory.mktemp("database")
    server = Postgres(folder / "postgres", folder / "credentials")
    server.start()
    yield server.dsn
    server.stop()


@pytest.fixture(scope="session")
def schemas(dsn: str) -> Schemas:
    """The schemas of that server."""
    return Schemas(dsn)


@pytest.fixture
def schema(schemas: Schemas) -> Iterator[str]:
    """A fresh namespace with its tables."""
    name = schemas.take()
    yield name
    schemas.leave(name)


@pytest.fixture
async def database(dsn: str, schema: str) -> AsyncIterator[Database]:
    """The fresh namespace, opened."""
    async with Database(dsn, schema, size=20) as opened:
        yield opened
