"""What the stage alarms shows in its metrics: the alarms, the figures behind them, and the lag of every stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from prometheus_client import Gauge

from streams.engine.health import Health
from streams.engine.metrics import ECOSYSTEM, ECOSYSTEM_LABELS
from streams.topics import STAGES_WITH_DEAD_LETTERS, full_name
from workers.operations.alarms.figures import Figures
from workers.operations.alarms.table import ALARMS
from workers.operations.lag.figures import StageLag
from workers.operations.lag.history import Place

NAME = "alarms"


class Shown:
    """What the stage shows in its metrics."""

    def __init__(self, health: Health, namespace: str) -> None:
        self._health = health
        self._namespace = namespace
        self._kafka = {name: self._gauge(name) for name in ECOSYSTEM}

    def _gauge(self, name: str) -> Gauge:
        return Gauge(name, ECOSYSTEM[name], list(ECOSYSTEM_LABELS[name]), registry=self._health.registry)

    def judged_at(self, now: datetime) -> None:
        """The alarms were judged then."""
        self._health.show("bwv_alarms_judged_timestamp_seconds", now.timestamp())

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

    def lags(self, lags: Sequence[StageLag], groups: Mapping[str, Sequence[Place]]) -> None:
        """Lag as the ecosystem's exporters call it, and what they do not have: clips, bytes and the verdict.

        Args:
            groups: consumer group → all of its partitions, as they were seen with `lags`.
        """
        for gauge in (*self._kafka.values(), self._health.stage_verdict):
            gauge.clear()  # what nobody can see now, and a verdict that changed
        for lag in lags:
            self._health.stage_verdict.labels(NAME, lag.stage, lag.verdict.value).set(1)
            if lag.clips is not None and lag.bytes is not None:
                self._health.lag_clips.labels(NAME, lag.stage).set(lag.clips)
                self._health.lag_bytes.labels(NAME, lag.stage).set(lag.bytes)
            if lag.stage in groups:
                self._group(lag, groups[lag.stage])

    def _group(self, lag: StageLag, places: Sequence[Place]) -> None:
        group = (self._namespace, full_name(self._namespace, lag.stage))
        topics: Counter[str] = Counter()
        for place in places:
            at = (full_name(self._namespace, place.topic), str(place.partition))
            topics[at[0]] += place.messages
            waited = lag.at - place.oldest if place.messages and place.oldest is not None else 0.0
            self._set("kafka_consumergroup_group_lag", *group, *at, to=place.messages)
            self._set("kafka_consumergroup_group_lag_seconds", *group, *at, to=max(0.0, waited))
            if place.committed is not None:
                self._set("kafka_consumergroup_group_offset", *group, *at, to=place.committed)
            self._set("kafka_partition_earliest_offset", self._namespace, *at, to=place.begin)
            self._set("kafka_partition_latest_offset", self._namespace, *at, to=place.end)
        for topic, messages in topics.items():
            self._set("kafka_consumergroup_group_topic_sum_lag", *group, topic, to=messages)
        most = max((place.messages for place in places), default=0)
        self._set("kafka_consumergroup_group_sum_lag", *group, to=lag.messages)
        self._set("kafka_consumergroup_group_max_lag", *group, to=most)
        self._set("kafka_consumergroup_group_max_lag_seconds", *group, to=lag.seconds)

    def _set(self, name: str, *labels: str, to: float) -> None:
        self._kafka[name].labels(*labels).set(to)
