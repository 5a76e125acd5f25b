"""alarms: judges the figures of the system by the clock, and tells people once, and once more when it is over.

    by the clock   mail and webhook: what has begun, what to do about it, what is over

What stands is kept in PostgreSQL, so a restart tells nothing twice. What a channel could not be given is given later.
The table is workers/operations/alarms/table.py; docs/runbook.md §9 has a paragraph for each alarm.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence

from prometheus_client import Gauge

from streams.alarm_channels import Channels, WithoutDatabase
from streams.alarm_sight import Sight
from streams.engine.clockwork import by_the_clock
from streams.engine.health import Health
from streams.engine.metrics import ECOSYSTEM
from streams.settings import Settings
from streams.topics import STAGES_WITH_DEAD_LETTERS, full_name
from workers.database.engine import Database
from workers.errors import MailAway, WebhookAway
from workers.operations.alarms import rows
from workers.operations.alarms.figures import Figures
from workers.operations.alarms.judge import judge
from workers.operations.alarms.table import ALARMS
from workers.operations.lag.figures import StageLag

log = logging.getLogger(__name__)

NAME = "alarms"


async def serve(settings: Settings, health: Health, stopping: asyncio.Event) -> None:
    """Judge until `stopping` is set. Waits while the database is away.

    Raises:
        ConfigurationInvalid: a channel or a shift cannot be what the settings say.
    """
    alarms = Alarms(settings, health)
    try:
        async with asyncio.TaskGroup() as together:
            together.create_task(WithoutDatabase(alarms.channels, health).watch(stopping))
            together.create_task(by_the_clock(NAME, settings, health, stopping, alarms))
    finally:
        await alarms.close()


class Alarms:
    """Rounds of judging and telling."""

    def __init__(self, settings: Settings, health: Health) -> None:
        self._settings = settings
        self._health = health
        self._sight = Sight(settings)
        self.channels = Channels(settings)
        self._shown = Shown(health, settings.namespace)

    async def close(self) -> None:
        """Give back what is open."""
        await self._sight.close()
        await self.channels.close()

    async def round(self, database: Database) -> float:
        """Do what is due; see `streams.engine.clockwork.Rounds`."""
        with self._health.working():
            figures = await self._sight.figures(database)
            await self.judged(database, figures)
            self._shown.figures(figures)
            self._shown.lags(self._sight.lags)
            await self.tell(database)
        self._health.progressed()
        return self._settings.alarm_every

    async def judged(self, database: Database, figures: Figures) -> None:
        """Compare the figures with what stands, and note what is to be told, in one transaction."""
        async with database.transaction() as connection:
            standing = await rows.read_standing(connection)
            judged = judge(ALARMS, standing, figures)
            await rows.write(connection, standing, judged)
        for telling in judged.tellings:
            log.warning("alarm %s: %s (%s): %s", telling.kind, telling.alarm, telling.subject, telling.says)
        self._shown.fired(Counter(one.alarm for one in judged.standing if one.fired_at is not None))

    async def tell(self, database: Database) -> None:
        """Give each channel what it has not had; one that is away holds up nobody and is given it at the next round."""
        for channel in self.channels.each():
            try:
                while (due := await rows.unsent(database, channel.name)) is not None:
                    await channel.send(due.tellings, due.upto)
                    await rows.mark_sent(database, channel.name, due.upto)
            except (MailAway, WebhookAway) as fault:
                self._health.waits_for(channel.part, str(fault), excuses=False)
            else:
                self._health.is_back(channel.part)


class Shown:
    """What the stage shows in its metrics."""

    def __init__(self, health: Health, namespace: str) -> None:
        self._health = health
        self._namespace = namespace
        labels = ["cluster_name", "group"]
        self._sum = self._gauge("kafka_consumergroup_group_sum_lag", labels)
        self._seconds = self._gauge("kafka_consumergroup_group_max_lag_seconds", labels)
        self._lag = self._gauge("kafka_consumergroup_group_lag", [*labels, "topic", "partition"])
        self._lag_seconds = self._gauge("kafka_consumergroup_group_lag_seconds", [*labels, "topic", "partition"])

    def _gauge(self, name: str, labels: Sequence[str]) -> Gauge:
        return Gauge(name, ECOSYSTEM[name], labels, registry=self._health.registry)

    def fired(self, count: Mapping[str, int]) -> None:
        """So many subjects each alarm has."""
        for alarm in ALARMS:
            self._health.alarms_open.labels(NAME, alarm.name).set(count.get(alarm.name, 0))

    def figures(self, figures: Figures) -> None:
        """The figures themselves; what is not known keeps its last value."""
        if figures.dead_letters is not None:
            for stage in STAGES_WITH_DEAD_LETTERS:
                self._health.dead_letters.labels(NAME, stage).set(figures.dead_letters.get(stage, 0))
        for place, room in (figures.disks or {}).items():
            self._health.disk_free.labels(NAME, place).set(room.free / room.total)
        if figures.verified is not None:
            self._health.show("bwv_verified_p95_seconds", figures.verified.p95 or 0.0)
        if figures.unverified is not None:
            self._health.show("bwv_unverified_late", figures.unverified.clips)
        if figures.unreleased is not None:
            self._health.show("bwv_unreleased_late", figures.unreleased.clips)
        if figures.quarantined is not None:
            self._health.show("bwv_quarantine_undecided", len(figures.quarantined))
        if figures.store is not None:
            self._health.show("bwv_store_red", bool(figures.store))

    def lags(self, lags: Sequence[StageLag]) -> None:
        """Lag as the ecosystem's exporters call it, and what they do not have: clips, bytes and the verdict."""
        gauges = (self._sum, self._seconds, self._lag, self._lag_seconds, self._health.stage_verdict)
        for gauge in gauges:
            gauge.clear()  # a partition that moved, a verdict that changed
        for lag in lags:
            group = (self._namespace, full_name(self._namespace, lag.stage))
            self._sum.labels(*group).set(lag.messages)
            self._seconds.labels(*group).set(lag.seconds)
            self._health.stage_verdict.labels(NAME, lag.stage, lag.verdict.value).set(1)
            if lag.clips is not None and lag.bytes is not None:
                self._health.lag_clips.labels(NAME, lag.stage).set(lag.clips)
                self._health.lag_bytes.labels(NAME, lag.stage).set(lag.bytes)
            for place in lag.places:
                at = (*group, full_name(self._namespace, place.topic), str(place.partition))
                self._lag.labels(*at).set(place.messages)
                waited = max(0.0, lag.at - place.oldest) if place.messages and place.oldest is not None else 0.0
                self._lag_seconds.labels(*at).set(waited)
