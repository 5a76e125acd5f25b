"""The board at a desk, for each test anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.operations.board_desk import Desk
from tests.operations.board_rows import moment
from workers.database.engine import Database


@pytest.fixture(autouse=True)
def present() -> None:
    """Rows are reckoned from the beginning of the test, which may come long after that of the run."""
    moment.begin()


@pytest.fixture
async def desk(tmp_path: Path, database: Database) -> AsyncIterator[Desk]:
    made = Desk(tmp_path / "home", database)
    await made.server.start()
    yield made
    await made.server.stop()
    await made.parts.board.stop()
