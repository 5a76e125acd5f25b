"""Lag of the whole system: everybody is there, who sleeps is found, and nobody who has nothing to do is accused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from streams.lagging import Watching
from tests.pipeline.pipeline import Pipeline
from workers.database.engine import Database
from workers.operations.lag.figures import StageLag
from workers.operations.lag.verdict import Verdict

FOUND_WITHIN = 60.0
LOOKS_EVERY = 5.0
"""Seconds, as the board and `bwv lag --watch` look."""


@pytest.fixture
async def watching(system: Pipeline) -> AsyncIterator[Watching]:
    settings = system.settings
    async with (
        Database(settings.database, settings.namespace, size=2) as database,
        Watching(settings, database) as eyes,
    ):
        yield eyes


async def all_well(watching: Watching) -> tuple[StageLag, ...] | None:
    lags = await watching.now()
    return lags if all(lag.verdict is Verdict.OK and not lag.messages for lag in lags) else None


async def test_every_stage_of_a_running_system_is_there_and_none_is_accused(
    system: Pipeline, watching: Watching
) -> None:
    lags = await system.until(lambda: all_well(watching), "every stage is there, and nothing waits")
    assert {"record", "relay", "intake", "transfer", "sweep", "lease", "receipts", "scrub"} <= {
        lag.stage for lag in lags
    }


async def test_who_lives_and_does_nothing_is_found_within_a_minute_and_the_idle_are_never_accused(
    system: Pipeline, watching: Watching
) -> None:
    """Two processes are put to sleep: one before which work waits, and one that works by the clock alone."""
    sleepers = {"probe", "sweep"}
    await system.until(lambda: all_well(watching), "nothing waits")
    camera = system.filled("LAG-0001", [1000])
    await system.enrol("LAG-0001")
    looks, accused = 0, set[str]()
    with system.frozen("probe"), system.frozen("sweep"):
        began = time.monotonic()
        system.dock(camera, "BAY-LAG-1")
        await system.settled(camera)  # nobody else waits for these two

        async def both_found() -> tuple[StageLag, ...] | None:
            nonlocal looks
            await asyncio.sleep(LOOKS_EVERY)
            lags = await watching.now()
            looks += 1
            found = {lag.stage for lag in lags if lag.verdict is not Verdict.OK}
            accused.update(found)
            return lags if sleepers <= found else None

        lags = await system.until(both_found, "those who sleep to be found", FOUND_WITHIN + 30)
        took = time.monotonic() - began
        said = await system.bwv("status")
    assert took <= FOUND_WITHIN, f"found after {took:.0f} s"
    assert looks > 3
    assert accused == sleepers, "somebody who has nothing to do was accused"
    verdicts = {lag.stage: lag.verdict for lag in lags}
    assert all(verdicts[name] in (Verdict.STALLED, Verdict.STOPPED) for name in sleepers), verdicts
    # `bwv status` says the same beside the parts, which run.
    assert said.code == 1
    for name in sleepers:
        [line] = [line.split() for line in said.out.splitlines() if line.startswith(f"{name} ")]
        assert line[1:3] == ["ready", verdicts[name]], line
    await system.until(lambda: all_well(watching), "who was woken to be well again")


async def test_status_says_what_it_can_while_a_part_is_away(system: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as other:
        other.setenv("BWV_KAFKA", "127.0.0.1:1")
        said = await system.bwv("status", "--json")
    assert said.code == 3, said
    assert "127.0.0.1:1" in said.json["lag"]["kafka_away"] and not said.json["lag"]["stages"]
    assert {"kafka", "postgres", "transfer"} <= {part["name"] for part in said.json["parts"]}
    assert said.json["clips"] and said.json["dead_letters"] is None
    with monkeypatch.context() as other:
        other.setenv("BWV_DATABASE", f"{system.settings.database} port=1")
        said = await system.bwv("status")
    assert said.code == 3, said
    assert "clips are not known: PostgreSQL does not answer" in said.out and "Traceback" not in said.err
    [transfer] = [line.split() for line in said.out.splitlines() if line.startswith("transfer ")]
    assert transfer[1:3] == ["ready", "OK"]
