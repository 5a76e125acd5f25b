"""One PostgreSQL for the folder, a schema of its own for each test, and the vault's fake."""

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
    folder = tmp_path_factory.mktemp("custody")
    server = Postgres(folder / "postgres", folder / "credentials")
    server.start()
    yield server.dsn
    server.stop()


@pytest.fixture
def schema(dsn: str) -> str:
    name = f"custody{next(_NUMBERS)}"
    upgrade(dsn, name)
    return name


@pytest.fixture
async def database(dsn: str, schema: str) -> AsyncIterator[Database]:
    async with Database(dsn, schema, size=8) as opened:
        yield opened
