"""One PostgreSQL for the folder, a schema of its own for each test."""

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
    folder = tmp_path_factory.mktemp("operations")
    server = Postgres(folder / "postgres", folder / "credentials")
    server.start()
    yield server.dsn
    server.stop()


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    name = f"op{next(_NUMBERS)}"
    upgrade(dsn, name)
    async with Database(dsn, name, size=4) as opened:
        yield opened
