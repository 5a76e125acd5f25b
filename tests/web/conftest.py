"""A board for each test; one namespace for all of them, emptied before each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streams.settings import load
from tests.web.both import Both, both_of
from tests.web.site import Site
from tests.web.station import Station
from tests.web.stops import TABLES
from workers.database.engine import Database
from workers.database.schema import upgrade

TOUCHED = (
    "clip_fate", "clips", "attributions", "consultations", "viewings", "viewing_locks",
    "web_sessions", "web_tries", "web_reasons",
    "web_answers", "web_token_uses",
    "schedule", "policies", "cases", "answers", "holds", "hold_clips",
    "derivatives", "exhibits", "submissions", "complaints", "hold_ends", *TABLES,
)  # fmt: skip


@pytest.fixture(scope="session")
def namespace(dsn: str) -> str:
    """The namespace with its tables."""
    upgrade(dsn, "web")
    return "web"


@pytest.fixture
async def emptied(dsn: str, namespace: str) -> AsyncIterator[Database]:
    """The namespace, opened, with nothing in it."""
    async with Database(dsn, namespace, size=4) as database:
        await database.execute(f"TRUNCATE {', '.join(TOUCHED)}")
        yield database


@pytest.fixture
async def site(dsn: str, emptied: Database, tmp_path: Path) -> AsyncIterator[Site]:
    """The board, served."""
    made = Site(load(tmp_path, namespace=emptied.schema, database=dsn), emptied)
    await made.server.start()
    yield made
    await made.close()


@pytest.fixture
async def station(
    emptied: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dsn: str
) -> AsyncIterator[Station]:
    """A board with its stages; one of professional standards has a key."""
    settings = load(tmp_path, namespace=emptied.schema, database=dsn)
    made = Station(settings, emptied, monkeypatch)
    try:
        await made.open()
        await made.enrolled("PSD-1")
        yield made
    finally:
        await made.close()


@pytest.fixture
async def both(emptied: Database, tmp_path: Path) -> AsyncIterator[Both]:
    """The board, served, and the directory that it asks."""
    async with both_of(emptied, tmp_path) as made:
        yield made
