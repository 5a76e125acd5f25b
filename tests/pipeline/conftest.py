"""One running system for the whole folder. Each test has cameras and bays of its own, so none disturbs another."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.collector import Collector
from tests.pipeline.pipeline import Pipeline, Said
from tests.running import UNTIL_THE_FOLDER_ENDS

SETTINGS = """\
first_lock = 20.0
retry_most = 2.0
dock_repeat = 0.5
dock_settle = 0.3
chunk_size = 5242880
seal_after = 1.0
"""


class Fresh(Pipeline):
    """The system of this session, and what `bwv status --json` said before anything was docked."""

    first_status: Said


@pytest.fixture(scope="session")
def collector() -> Collector:
    """Gets the traces of the system."""
    return UNTIL_THE_FOLDER_ENDS.enter_context(Collector())


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Fresh:
    home: Path = tmp_path_factory.mktemp("pipeline") / "home"
    running = Fresh(home)
    UNTIL_THE_FOLDER_ENDS.callback(running.stop)
    running.start(f'{SETTINGS}otlp_endpoint = "{collector.endpoint}"\n')
    running.first_status = asyncio.run(running.bwv("status", "--json"))
    return running
