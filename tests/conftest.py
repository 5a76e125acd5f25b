"""One PostgreSQL for the whole session; a schema of its own for each test that asks for one."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

from local.postgres import Postgres
from workers.database.engine import Database
from workers.database.schema import upgrade

_NUMBERS = itertools.count(1)


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
