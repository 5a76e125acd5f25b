"""How far behind each stage is, and whether it lives: Kafka's offsets, the rows of the database and, on the same
machine, the stages' own health endpoints, looked at together.

    async with Watching(settings, database) as watching:
        for lag in await watching.now():
            ...

A verdict needs looks that lie apart in time (`workers/operations/lag/verdict.py`), so whoever shows lag keeps one
`Watching` and asks it every few seconds. What it saw is kept in `<home>/lag.json` too: a command that runs once
goes on from what the board, or the last command, has seen.
"""

from __future__ import annotations

import importlib
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Self

import msgspec
from aiokafka import TopicPartition
from msgspec import Struct

from streams.engine import admin
from streams.engine.process import STAGES
from streams.lag_readings import PROGRESS, Group, Readings
from streams.lag_said import Said, ask
from streams.settings import Settings
from streams.stage import LongStage, Stage
from streams.topics import TOPICS, full_name, short_name
from workers.database.engine import Database
from workers.errors import DatabaseAway
from workers.operations.lag import figures
from workers.operations.lag.figures import StageLag
from workers.operations.lag.history import Look, Looks, Members, Place, add, merged
from workers.operations.lag.kept import read_looks, write_looks
from workers.operations.lag.verdict import Shows

TELLS_BYTES = ("transfer", "verification", "derivation")
"""Stages that publish transfers.progressed while they work."""
BY_LOCK = {"relay": "outbox.relay", "sweep": "sweep", "lease": "lease", "receipts": "receipts", "alarms": "alarms"}
"""Stages of which one process works at a time → the name of its lock, without the schema."""
RECORD = "record"
"""Takes all partitions itself, from the positions in its tables: its group has offsets and no members."""


class Watched(Struct, frozen=True):
    """A stage that reads topics."""

    listens: tuple[str, ...]
    shows: Shows = Shows.COMMITS


def watched() -> dict[str, Watched]:
    """Every stage that has a consumer group, from the stages themselves."""
    found = {RECORD: Watched(tuple(topic.name for topic in TOPICS if topic.recorded))}
    for name in STAGES:
        kind: type[Stage] | None = getattr(importlib.import_module(f"streams.{name}"), "STAGE", None)
        if kind is not None:
            silent = Shows.NOTHING if issubclass(kind, LongStage) else Shows.COMMITS
            found[name] = Watched(kind.listens, Shows.BYTES if name in TELLS_BYTES else silent)
    return found


class Rows(Struct, frozen=True):
    """What the database says at one time."""

    left: dict[str, figures.Load]
    outbox: figures.Outbox
    recorded: dict[tuple[str, int], int]
    locks: dict[str, Members]


class Watching:
    """Looks at all stages and remembers.

    Args:
        database: None where it cannot be reached; clips, bytes and the stages without a group are left out then.
        clock: seconds since 1970.

    Attributes:
        database_away: why the last look had to do without the database; None when it had it.
    """

    def __init__(
        self, settings: Settings, database: Database | None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.settings = settings
        self._clock = clock
        self.database_away: str | None = None
        self._database = database
        self._stages = watched()
        self._looks: dict[str, Looks] = {}
        self._kept = settings.home / "lag.json"
        self._readings = Readings(settings)

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            BrokerAway: Kafka does not answer.
        """
        await self._readings.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._readings.close()

    async def now(self) -> tuple[StageLag, ...]:
        """Look once more; returns the figures of every stage, the gravest first.

        Raises:
            BrokerAway: Kafka does not answer; what was seen before is kept.
        """
        newest = await self.look()
        before = read_looks(self._kept)
        self._looks = {
            stage: merged(add(self._looks.get(stage, ()), look), before.get(stage, ()))
            for stage, look in newest.items()
        }
        write_looks(self._kept, self._looks)
        shows = {name: stage.shows for name, stage in self._stages.items()}
        return figures.gravest_first(
            figures.stage_lag(stage, looks, shows.get(stage, Shows.COMMITS)) for stage, looks in self._looks.items()
        )

    async def look(self) -> dict[str, Look]:
        """One look at every stage; remembers nothing.

        Raises:
            BrokerAway: Kafka does not answer.
        """
        rows = await self._rows()
        async with self._readings.asking():
            count = await self._partitions()
            places = {name: self._places(stage, count) for name, stage in self._stages.items()}
            groups = await self._readings.groups({name: self._full(name) for name in places})
            bounds = await self._readings.bounds({place for of in places.values() for place in of})
            at = self._clock()
            await self._readings.listen(at, count.get(PROGRESS, 0))
            if rows is not None:
                groups[RECORD] = self._as_recorded(groups[RECORD], rows)
            seen = {name: self._seen(name, of, groups[name], bounds) for name, of in places.items()}
            times = await self._readings.times(
                (self._place(place), place.position) for of in seen.values() for place in of if place.messages
            )
        looks = {}
        for name, of in seen.items():
            timed = tuple(msgspec.structs.replace(p, oldest=times.get((self._place(p), p.position))) for p in of)
            asked = name == RECORD or any(place.messages for place in of)
            said = await ask(self.settings.home, name) if asked else Said()
            left = rows.left.get(name) if rows is not None else None
            rate, done = self._readings.pace(name, at)
            looks[name] = Look(
                at=at,
                members=said.members if name == RECORD else groups[name].members,
                places=timed,
                waits_for=said.waits_for,
                at_work=said.at_work,
                clips=left.clips if left else None,
                bytes=left.bytes if left else None,
                rate=rate,
                done=done,
            )
        return looks | ({} if rows is None else {name: await self._by_lock(name, at, rows) for name in BY_LOCK})

    async def _by_lock(self, name: str, at: float, rows: Rows) -> Look:
        places = (rows.outbox.as_place(),) if name == "relay" else ()
        said = await ask(self.settings.home, name) if any(place.messages for place in places) else Said()
        return Look(at, rows.locks[name], places, said.waits_for, said.at_work)

    def _full(self, name: str) -> str:
        return full_name(self.settings.namespace, name)

    def _place(self, place: Place) -> TopicPartition:
        return TopicPartition(self._full(place.topic), place.partition)

    async def _partitions(self) -> dict[str, int]:
        """Topic without the namespace → partitions, of those that there are."""
        there, namespace = await self._readings.topics(), self.settings.namespace
        wanted = admin.wanted(self.settings)
        return {short_name(namespace, topic.name): topic.partitions for topic in wanted if topic.name in there}

    def _places(self, stage: Watched, count: Mapping[str, int]) -> list[TopicPartition]:
        return [
            TopicPartition(self._full(topic), number)
            for topic in stage.listens
            for number in range(count.get(topic, 0))
        ]

    def _as_recorded(self, group: Group, rows: Rows) -> Group:
        """What record has in its tables counts: Kafka is told afterwards, and a failure to tell it changes nothing."""
        stored = {TopicPartition(self._full(topic), number): at for (topic, number), at in rows.recorded.items()}
        return Group(group.members, group.owners, group.committed | stored)

    def _seen(
        self, name: str, of: list[TopicPartition], group: Group, bounds: Mapping[TopicPartition, tuple[int, int]]
    ) -> list[Place]:
        partitions = {topic: sum(1 for place in of if place.topic == topic) for topic, _ in of}
        tells = self._stages[name].shows is Shows.BYTES
        return [
            Place(
                topic=short_name(self.settings.namespace, place.topic),
                partition=place.partition,
                committed=group.committed.get(place),
                begin=bounds[place][0],
                end=bounds[place][1],
                member=group.owners.get(place, ""),
                moving=self._readings.moving(name, place.partition, partitions[place.topic]) if tells else 0.0,
            )
            for place in of
        ]

    async def _rows(self) -> Rows | None:
        if self._database is None:
            return None
        schema = self._database.schema
        locks = {name: zlib.crc32(f"{schema}.{lock}".encode()) for name, lock in BY_LOCK.items()}
        try:
            rows = Rows(
                await figures.work_left(self._database),
                await figures.outbox(self._database),
                await figures.recorded(self._database),
                await figures.locks_held(self._database, locks),
            )
        except DatabaseAway as away:
            self.database_away = str(away)
            return None
        self.database_away = None
        return rows
