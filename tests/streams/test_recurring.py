"""What recurs beside a stage's messages goes on, whatever one round meets."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from streams.engine.recurring import Recurring
from streams.settings import Settings
from tests.streams.stream_world import eventually
from workers.errors import DatabaseAway


async def test_neither_a_defect_nor_a_part_that_is_away_ends_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    met: list[BaseException] = [DatabaseAway("it is away"), ZeroDivisionError("a defect")]
    done: list[int] = []

    async def work() -> None:
        if met:
            raise met.pop(0)
        done.append(1)

    recurring = Recurring("counting", work, 3600.0, Settings(home=tmp_path, namespace="t", retry_first=0.01))
    with caplog.at_level(logging.ERROR):
        recurring.start()
        await eventually(lambda: not met, "the defect", within=10)
        assert not done, "a defect is not asked again at once"
        recurring.wake()
        await eventually(lambda: len(done) == 1, "the next round", within=10)
    await recurring.stop()
    assert [r.exc_info[0] for r in caplog.records if r.exc_info] == [ZeroDivisionError]


async def test_the_first_round_waits_as_long_as_it_is_told_and_a_stop_cancels_the_one_in_hand(tmp_path: Path) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    recurring = Recurring("waiting", work, 3600.0, Settings(home=tmp_path, namespace="t"))
    recurring.start(after=3600.0)
    await asyncio.sleep(0)
    assert not begun.is_set()
    recurring.wake()
    async with asyncio.timeout(10):
        await begun.wait()
        await recurring.stop()
    assert cancelled.is_set()
