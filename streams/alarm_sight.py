"""What the alarms are judged by, from every part: PostgreSQL, Kafka's offsets and dead letters, the store, the disks.

A part that cannot be read is named, and the alarms over it stay as they stand.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import httpx
from msgspec.structs import replace

from streams.dead_letters import list_letters
from streams.lagging import Watching
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import PartUnreachable, PassingFault
from workers.operations.alarms.figures import Figures, Room, Stalled
from workers.operations.alarms.reading import read_figures
from workers.operations.alarms.shifts import parse_shifts
from workers.operations.lag.figures import StageLag
from workers.operations.lag.verdict import Verdict
from workers.retention.leasing import Leases

T = TypeVar("T")

WITHIN = 30.0
"""Seconds in which a part must be read."""
STORE_WITHIN = 10.0
"""Seconds in which the store must answer anything at all."""
LETTERS_EVERY = timedelta(seconds=60)
"""Dead letters are read whole, so not at each look."""

ALARMING = (Verdict.STOPPED, Verdict.REWOUND, Verdict.STALLED)
"""SLOW is shown and wakes nobody: verified-late does, when it matters."""


class Sight:
    """Reads everything, again and again.

    Attributes:
        lags: of all stages, as they were seen last; empty when they could not be.
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
        self._letters: tuple[datetime, Mapping[str, int]] | None = None
        self.lags: tuple[StageLag, ...] = ()

    async def close(self) -> None:
        """Give back what is open."""
        await self._http.aclose()
        await self._look_away()

    async def figures(self, database: Database) -> Figures:
        """Everything that is known now.

        Raises:
            DatabaseAway: nothing is known.
        """
        now = datetime.now(UTC)
        read = await read_figures(database, now, leases=self._leases, shifts=self._shifts)
        unread: dict[str, str] = {}
        lags = await _unless_away("stages", lambda: self._lags(database), unread)
        self.lags = lags or ()
        return replace(
            read,
            stages=None if lags is None else stalled(lags),
            dead_letters=await _unless_away("dead letters", lambda: self._dead_letters(now), unread),
            store=await self._store(),
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

    async def _dead_letters(self, now: datetime) -> Mapping[str, int]:
        if self._letters is None or now - self._letters[0] >= LETTERS_EVERY:
            self._letters = None
            self._letters = now, Counter(letter.stage for letter in await list_letters(self._settings))
        return self._letters[1]

    async def _store(self) -> str:
        """Why the store is red; empty: it answers, be it that we may not."""
        try:
            answer = await self._http.get(self._settings.store)
        except httpx.HTTPError as error:
            return f"{self._settings.store} does not answer: {type(error).__name__}"
        return f"{self._settings.store} answers {answer.status_code}" if answer.status_code >= 500 else ""


def stalled(lags: Iterable[StageLag]) -> dict[str, Stalled]:
    """The stages that do not do their work, with the reasons."""
    return {lag.stage: Stalled(lag.verdict.value, "; ".join(lag.reasons)) for lag in lags if lag.verdict in ALARMING}


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


async def _unless_away(part: str, read: Callable[[], Awaitable[T]], unread: dict[str, str]) -> T | None:
    try:
        async with asyncio.timeout(WITHIN):
            return await read()
    except (PassingFault, PartUnreachable, TimeoutError) as error:
        unread[part] = f"the {part} cannot be read: {str(error) or 'no answer in time'}"
        return None
