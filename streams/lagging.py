"""How far behind each stage is, and whether it lives: Kafka's offsets, the rows of the database and, on the same
machine, the stages' own health endpoints, looked at together.

    async with Watching(settings, database) as watching:
        for lag in await watching.now():
            ...

A verdict needs looks that lie apart in time (`workers/operations/lag/verdict.py`), so whoever shows lag keeps one
`Watching` and asks it every few seconds; while Kafka is away it says so, and connects anew when it is back. What it
saw is kept in `<home>/lag.json` too: a command that runs once goes on from what the board, or the last command, has
seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Self

import msgspec
from aiokafka import TopicPartition

from streams.engine import admin
from streams.lag_readings import PROGRESS, Group, Readings
from streams.lag_said import Said, ask_all
from streams.lag_stages import BY_LOCK, BY_WORD, RECORD, SHOWS
from streams.listening import LISTENS
from streams.settings import Settings
from streams.topics import full_name, short_name
from workers.database.engine import Database
from workers.errors import BrokerAway, DatabaseAway
from workers.operations.lag import figures
from workers.operations.lag.figures import StageLag
from workers.operations.lag.history import Look, Looks, Place, add, merged
from workers.operations.lag.kept import read_looks, write_looks
from workers.operations.lag.rows import Rows, read_rows
from workers.operations.lag.verdict import Shows


class Watching:
    """Looks at all stages and remembers.

    Args:
        database: None where it cannot be reached; clips, bytes and the stages without a group are left out then.
        clock: seconds since 1970.

    Attributes:
        database: may be given later, when it answers.
        database_away: why the last look had to do without the database; None when it had it.
    """

    def __init__(
        self, settings: Settings, database: Database | None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.settings = settings
        self.database = database
        self.database_away: str | None = None
        self._clock = clock
        self._looks: dict[str, Looks] = {}
        self._kept = settings.home / "lag.json"
        self._connected: Readings | None = None

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            BrokerAway: Kafka does not answer.
        """
        await self._readings()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._connected is not None:
            await self._connected.close()

    @property
    def sees_a_trend(self) -> bool:
        """Whether there are looks lately, ours or another's, from which the end of a backlog can be reckoned."""
        return any(figures.has_trend(looks) for looks in self._looks.values())

    async def now(self) -> tuple[StageLag, ...]:
        """Look once more; returns the figures of every stage, the gravest first.

        Raises:
            BrokerAway: Kafka does not answer; what was seen before is kept, and the next look connects anew.
        """
        newest = await self.look()
        before = read_looks(self._kept)
        self._looks = {
            stage: merged(add(self._looks.get(stage, ()), look), before.get(stage, ()))
            for stage, look in newest.items()
        }
        write_looks(self._kept, self._looks)
        return figures.gravest_first(
            figures.stage_lag(stage, looks, SHOWS.get(stage, Shows.COMMITS)) for stage, looks in self._looks.items()
        )

    @property
    def groups(self) -> dict[str, tuple[Place, ...]]:
        """Every partition of each consumer group as the last look saw it, those in which nothing waits too."""
        return {name: looks[-1].places for name, looks in self._looks.items() if name in LISTENS}

    async def look(self) -> dict[str, Look]:
        """One look at every stage; remembers nothing.

        Raises:
            BrokerAway: Kafka does not answer.
        """
        at, rows, readings = self._clock(), await self._rows(), await self._readings()
        try:
            looks = await self._at_topics(at, readings, rows)
        except BrokerAway:
            # Its connections may be those of a broker that is no more.
            self._connected = None
            await readings.close()
            raise
        said = await ask_all(self.settings.home, _asked(looks))
        if rows is not None:
            outbox = (rows.outbox.as_place(),)
            looks |= {name: Look(at, rows.locks[name], outbox if name == "relay" else ()) for name in BY_LOCK}
        looks |= {name: Look(at, said[name].members) for name in BY_WORD if name in said}
        return {name: _with_words(name, look, said.get(name, Said())) for name, look in looks.items()}

    async def _readings(self) -> Readings:
        if self._connected is None:
            readings = Readings(self.settings)
            await readings.open()
            self._connected = readings
        return self._connected

    async def _at_topics(self, at: float, readings: Readings, rows: Rows | None) -> dict[str, Look]:
        async with readings.asking():
            count = await self._partitions(readings)
            places = {name: self._places(topics, count) for name, topics in LISTENS.items()}
            groups = await readings.groups({name: full_name(self.settings.namespace, name) for name in places})
            bounds = await readings.bounds({place for of in places.values() for place in of})
            await readings.listen(at, count.get(PROGRESS, 0))
            if rows is not None:
                groups[RECORD] = self._as_recorded(groups[RECORD], rows)
            seen = {name: self._seen(readings, name, of, groups[name], bounds) for name, of in places.items()}
            times = await readings.times(
                (self._place(place), place.position) for of in seen.values() for place in of if place.messages
            )
        looks = {}
        for name, of in seen.items():
            left = rows.left.get(name) if rows is not None else None
            rate, done = readings.signs.pace(name, at)
            looks[name] = Look(
                at=at,
                members=groups[name].members,
                places=tuple(msgspec.structs.replace(p, oldest=times.get((self._place(p), p.position))) for p in of),
                clips=left.clips if left else None,
                bytes=left.bytes if left else None,
                rate=rate,
                done=done,
            )
        return looks

    def _full(self, name: str) -> str:
        return full_name(self.settings.namespace, name)

    def _place(self, place: Place) -> TopicPartition:
        return TopicPartition(self._full(place.topic), place.partition)

    async def _partitions(self, readings: Readings) -> dict[str, int]:
        """Topic without the namespace → partitions, of those that there are."""
        there, namespace = await readings.topics(), self.settings.namespace
        wanted = admin.wanted(self.settings)
        return {short_name(namespace, topic.name): topic.partitions for topic in wanted if topic.name in there}

    def _places(self, topics: Iterable[str], count: Mapping[str, int]) -> list[TopicPartition]:
        return [TopicPartition(self._full(topic), number) for topic in topics for number in range(count.get(topic, 0))]

    def _as_recorded(self, group: Group, rows: Rows) -> Group:
        """What record has in its tables counts: Kafka is told afterwards, and a failure to tell it changes nothing."""
        stored = {TopicPartition(self._full(topic), number): at for (topic, number), at in rows.recorded.items()}
        return Group(group.members, group.owners, group.committed | stored)

    def _seen(
        self,
        readings: Readings,
        name: str,
        of: list[TopicPartition],
        group: Group,
        bounds: Mapping[TopicPartition, tuple[int, int]],
    ) -> list[Place]:
        partitions = {topic: sum(1 for place in of if place.topic == topic) for topic, _ in of}
        tells = SHOWS.get(name) is Shows.BYTES
        return [
            Place(
                topic=short_name(self.settings.namespace, place.topic),
                partition=place.partition,
                committed=group.committed.get(place),
                begin=bounds[place][0],
                end=bounds[place][1],
                member=group.owners.get(place, ""),
                moving=readings.signs.moving(name, place.partition, partitions[place.topic]) if tells else 0.0,
            )
            for place in of
        ]

    async def _rows(self) -> Rows | None:
        if self.database is None:
            return None
        try:
            rows = await read_rows(self.database, BY_LOCK)
        except DatabaseAway as away:
            self.database_away = str(away)
            return None
        self.database_away = None
        return rows


def _asked(looks: Mapping[str, Look]) -> Iterable[str]:
    """Whoever is known by nothing else, and of the others those before which something waits: they may say why."""
    return (*BY_LOCK, *BY_WORD, RECORD, *(name for name, look in looks.items() if look.messages and name != RECORD))


def _with_words(name: str, look: Look, said: Said) -> Look:
    """A look with what the stage says of itself."""
    members = said.members if name == RECORD else look.members
    return msgspec.structs.replace(
        look, members=members, waits_for=said.waits_for, at_work=said.at_work, mute=said.mute
    )
