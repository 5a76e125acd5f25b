"""A force for each test, over the PostgreSQL of the session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.encounters.force import Force
from workers.database.engine import Database


@pytest.fixture
async def force(database: Database, tmp_path: Path) -> Force:
    """Two people, no cameras, no records."""
    return await Force(database, tmp_path).open()
