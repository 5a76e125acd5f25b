"""A board for each test; one namespace for all of them, emptied before each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streams.settings import load
from tests.web.site import Site
from workers.database.engine import Database
from workers.database.schema import upgrade

TOUCHED = (
    "clip_fate", "clips", "attributions", "consultations", "viewings", "web_sessions", "web_tries", "web_reasons",
    "schedule", "policies", "cases", "answers",
)  # fmt: skip


@pytest.fixture(scope="session")
def namespace(dsn: str) -> str:
    """The namespace with its tables."""
    upgrade(dsn, "web")
    return "web"


@pytest.fixture
async def site(dsn: str, namespace: str, tmp_path: Path) -> AsyncIterator[Site]:
    """The board, served."""
    async with Database(dsn, namespace, size=4) as database:
        await database.execute(f"TRUNCATE {', '.join(TOUCHED)}")
        made = Site(load(tmp_path, namespace=namespace, database=dsn), database)
        await made.server.start()
        yield made
        await made.close()
