"""Lag of the whole system: everybody is there, and nobody who has nothing to do is accused."""

from __future__ import annotations

from streams.lagging import Watching
from tests.running import RunningSystem
from workers.database.engine import Database
from workers.operations.lag.figures import StageLag
from workers.operations.lag.verdict import Verdict


async def test_every_stage_of_a_running_system_is_there_and_none_is_accused(system: RunningSystem) -> None:
    settings = system.settings
    async with (
        Database(settings.database, settings.namespace, size=2) as database,
        Watching(settings, database) as watching,
    ):

        async def all_well() -> tuple[StageLag, ...] | None:
            lags = await watching.now()
            return lags if all(lag.verdict is Verdict.OK and not lag.messages for lag in lags) else None

        lags = await system.until(all_well, "every stage is there, and nothing waits")
    assert {"record", "relay", "intake", "transfer", "sweep", "lease", "receipts"} <= {lag.stage for lag in lags}
