"""A force, its custody log, and what is drawn from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.encounters.force import Force
from tests.scrutiny.scrutinised import Scrutinised
from workers.database.engine import Database


@pytest.fixture
async def scrutinised(database: Database, tmp_path: Path) -> Scrutinised:
    """Two people, no records."""
    return Scrutinised(await Force(database, tmp_path).open())
