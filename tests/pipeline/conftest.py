"""One running system for the whole folder. Each test has cameras and bays of its own, so none disturbs another."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector import Collector
from tests.pipeline.pipeline import Pipeline, Said

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
def collector() -> Iterator[Collector]:
    """Gets the traces of the system."""
    with Collector() as collecting:
        yield collecting


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Fresh]:
    home: Path = tmp_path_factory.mktemp("pipeline") / "home"
    running = Fresh(home)
    try:
        running.start(f'{SETTINGS}otlp_endpoint = "{collector.endpoint}"\n')
        running.first_status = asyncio.run(running.bwv("status", "--json"))
        yield running
    finally:
        running.stop()
