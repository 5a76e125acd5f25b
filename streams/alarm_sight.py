"""What the alarms are judged by, from every part: PostgreSQL, Kafka's offsets and dead letters, the store, the disks.

A part that cannot be read is named, and the alarms over it stay as they stand.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import httpx
from msgspec.structs import replace

from streams.alarm_letters import LettersWaiting
from streams.lagging import Watching
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import BrokerAway, DatabaseAway, PartUnreachable, PassingFault, StoreAway
from workers.operations.alarms.figures import Figures, Room, Stalled
from workers.operations.alarms.reading import read_figures
from workers.operations.alarms.shifts import parse_shifts
from workers.operations.lag.figures import StageLag
from workers.operations.lag.history import Place
from workers.operations.lag.verdict import Verdict
from workers.retention.leasing import Leases

T = TypeVar("T")

WITHIN = 30.0
"""Seconds in which a part must be read."""
STORE_WITHIN = 10.0
"""Seconds in which the store must answer anything at all."""
ALARMING = (Verdict.STOPPED, Verdict.REWOUND, Verdict.STALLED)
"""SLOW is shown and wakes nobody: verified-late does, when it matters."""

PARTS = (StoreAway.part, DatabaseAway.part, BrokerAway.part)
"""What stages wait for and has an alarm of its own."""


class Sight:
    """Reads everything, again and again.

    Attributes:
        lags: of all stages, as they were seen last; empty when they could not be.
        groups: consumer group → its partitions then.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shifts = parse_shifts(settings.shift_changes, settings.shift_zone)
        self._leases = Leases(
            lease=timedelta(seconds=settings.lease),
            renew=timedelta(seconds=settings.lease_renew),
            first=timedelta(seconds=settings.first_lock),
        )
        self._http = httpx.AsyncClient(timeout=STORE_WITHIN)
        self._watching: tuple[Database, Watching] | None = None
        self._letters = LettersWaiting(settings)
        self.lags: tuple[StageLag, ...] = ()
        self.groups: Mapping[str, tuple[Place, ...]] = {}

    async def close(self) -> None:
        """Give back what is open."""
        await self._http.aclose()
        await self._look_away()
        await self._letters.close()

    async def figures(self, database: Database) -> Figures:
        """Everything that is known now.

        Raises:
            DatabaseAway: nothing is known.
        """
        now = datetime.now(UTC)
        unread: dict[str, str] = {}
        read = await read_figures(database, now, leases=self._leases, shifts=self._shifts)
        # Together: one that hangs does not delay what the others show.
        lags, letters, store = await asyncio.gather(
            _unless_away("the lag of the stages", lambda: self._lags(database), unread),
            _unless_away("the dead letters", self._letters.count, unread),
            self._store(),
        )
        self.lags = lags or ()
        self.groups = {} if lags is None or self._watching is None else self._watching[1].groups
        return replace(
            read,
            stages=None if lags is None else stalled(lags),
            dead_letters=letters,
            store=store,
            disks=disks((str(self._settings.home), *self._settings.alarm_disks.split())),
            unread=unread,
        )

    async def _lags(self, database: Database) -> tuple[StageLag, ...]:
        if self._watching is None or self._watching[0] is not database:
            await self._look_away()
            self._watching = database, await Watching(self._settings, database).__aenter__()
        return await self._watching[1].now()

    async def _look_away(self) -> None:
        if self._watching is not None:
            _, watching = self._watching
            self._watching = None
            try:
                await watching.__aexit__(None, None, None)
            except asyncio.CancelledError:
                # aiokafka's stop() raises the cancellation of its own fetch while the broker is away.
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise

    async def _store(self) -> str:
        """Why the store is red; empty: it answers, be it that we may not."""
        try:
            answer = await self._http.get(self._settings.store)
        except httpx.HTTPError as error:
            return f"{self._settings.store} does not answer: {type(error).__name__}"
        return f"{self._settings.store} answers {answer.status_code}" if answer.status_code >= 500 else ""


def stalled(lags: Iterable[StageLag]) -> dict[str, Stalled]:
    """The stages that do not do their work, with the reasons."""
    return {
        lag.stage: Stalled(lag.verdict.value, "; ".join(lag.reasons), waits_for(lag))
        for lag in lags
        if lag.verdict in ALARMING
    }


def waits_for(lag: StageLag) -> tuple[str, ...]:
    """Parts with an alarm of their own that the stage itself says it waits for."""
    return tuple(part for part in PARTS if any(reason.startswith(f"waits for {part},") for reason in lag.reasons))


def disks(places: Iterable[str]) -> dict[str, Room]:
    """Room at each place; one that is not there has none."""
    found = {}
    for place in places:
        try:
            usage = shutil.disk_usage(Path(place))
        except OSError:
            found[place] = Room(0, 1)
        else:
            found[place] = Room(usage.free, usage.total)
    return found


async def _unless_away(what: str, read: Callable[[], Awaitable[T]], unread: dict[str, str]) -> T | None:
    """Read it; or note once for the part that is away what cannot be read for it."""
    try:
        async with asyncio.timeout(WITHIN):
            return await read()
    except (PassingFault, PartUnreachable, TimeoutError) as error:
        part = error.part if isinstance(error, PassingFault) else BrokerAway.part
        why = f"{what} cannot be read: {str(error) or 'no answer in time'}"
        unread[part] = f"{unread[part]}; {why}" if part in unread else why
        return None
