"""One PostgreSQL for the whole session; a schema of its own for each test that asks for one."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from local.postgres import Postgres
from workers.database.engine import Database
from workers.database.schema import upgrade

_NUMBERS = itertools.count(1)

LONGEST_FIRST = ("pipeline", "faults", "retention", "custody", "races", "local", "model", "streams")
"""Folders in the order in which processes take them, so that none begins the longest at the end."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A folder stays together, in its order, in one process: its tests share a running system."""
    here = Path(__file__).parent

    def folder(item: pytest.Item) -> str:
        return item.path.relative_to(here).parts[0]

    def place(item: pytest.Item) -> int:
        return LONGEST_FIRST.index(folder(item)) if folder(item) in LONGEST_FIRST else len(LONGEST_FIRST)

    items.sort(key=place)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(folder(item)))


@pytest.fixture(scope="session")
def dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server, and how to reach it."""
    folder = tmp_path_factory.mktemp("database")
    server = Postgres(folder / "postgres", folder / "credentials")
    server.start()
    yield server.dsn
    server.stop()


@pytest.fixture
def schema(dsn: str) -> str:
    """A fresh namespace with its tables."""
    name = f"test{next(_NUMBERS)}"
    upgrade(dsn, name)
    return name


@pytest.fixture
async def database(dsn: str, schema: str) -> AsyncIterator[Database]:
    """The fresh namespace, opened."""
    async with Database(dsn, schema, size=20) as opened:
        yield opened
