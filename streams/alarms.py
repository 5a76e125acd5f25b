"""alarms: judges the figures of the system by the clock, and tells people once, and once more when it is over.

    by the clock   mail and webhook: what has begun, what to do about it, what is over

What stands is kept in PostgreSQL, so neither a restart nor a second process tells anything twice. What a channel could
not be given is given later. That the database itself is away is told by alarm_without_database.py.
The table is workers/operations/alarms/table.py; docs/runbook.md §9 has a paragraph for each alarm.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from datetime import UTC, datetime, timedelta

from streams.alarm_channels import Channels
from streams.alarm_shown import NAME, Shown
from streams.alarm_sight import Sight
from streams.alarm_without_database import WithoutDatabase
from streams.engine.clockwork import by_the_clock
from streams.engine.health import Health
from streams.settings import Settings
from workers.database.engine import Database
from workers.operations.alarms import rows
from workers.operations.alarms.delivering import tidy
from workers.operations.alarms.figures import Figures
from workers.operations.alarms.judge import judge
from workers.operations.alarms.table import ALARMS

log = logging.getLogger(__name__)

TIDIES_EVERY = timedelta(hours=1)


async def serve(settings: Settings, health: Health, stopping: asyncio.Event) -> None:
    """Judge until `stopping` is set. Waits while the database is away.

    Raises:
        ConfigurationInvalid: a channel or a shift cannot be what the settings say.
    """
    alarms = Alarms(settings, health)
    try:
        async with asyncio.TaskGroup() as together:
            beside = WithoutDatabase(alarms.channels, health, settings.home, alarms.ours)
            together.create_task(beside.watch(stopping))
            together.create_task(by_the_clock(NAME, settings, health, stopping, alarms))
    finally:
        await alarms.close()


class Alarms:
    """Rounds of judging and telling."""

    def __init__(self, settings: Settings, health: Health) -> None:
        self._settings = settings
        self._health = health
        self._sight = Sight(settings)
        self.channels = Channels(settings, health)
        self._shown = Shown(health, settings.namespace)
        self._had_a_turn = False
        self._tidied: datetime | None = None

    def ours(self) -> bool:
        """Whether this process tells, as far as it knows: one that reached the database and got no turn does not."""
        return self._had_a_turn or not self._health.ready

    async def close(self) -> None:
        """Give back what is open."""
        await self._sight.close()
        await self.channels.close()

    async def round(self, database: Database) -> float:
        """Do what is due; see `streams.engine.clockwork.Rounds`."""
        self._had_a_turn = True
        with self._health.working():
            await self.tidy(database, datetime.now(UTC))  # first: a channel has what is told from then on
            figures = await self._sight.figures(database)
            await self.judged(database, figures)
            self._shown.figures(figures)
            self._shown.lags(self._sight.lags, self._sight.groups)
            await self.channels.give(database)
        self._health.progressed()
        return self._settings.alarm_every

    async def judged(self, database: Database, figures: Figures) -> None:
        """Compare the figures with what stands, and note what is to be told, in one transaction."""
        async with database.transaction() as connection:
            standing = await rows.read_standing(connection)
            judged = judge(ALARMS, standing, figures, await rows.read_past(connection, figures.now))
            await rows.write(connection, standing, judged)
        for telling in judged.tellings:
            log.warning("alarm %s: %s (%s): %s", telling.kind, telling.alarm, telling.subject, telling.says)
        self._shown.fired(Counter(one.alarm for one in judged.standing if one.fired_at is not None))
        self._shown.judged_at(figures.now)

    async def tidy(self, database: Database, now: datetime) -> None:
        """Once an hour, and at first: know the channels, drop what is old."""
        if self._tidied is None or now - self._tidied >= TIDIES_EVERY:
            await tidy(database, [channel.name for channel in self.channels.each], now)
            self._tidied = now
