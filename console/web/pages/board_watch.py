"""The figures of the board, asked once for all who look: a hundred screens cost the database what one does.

When the newest figures are too old, one asker asks again and the others wait for the same answer. What takes long is
asked in the background while somebody looks, and shown with its age. What does not answer takes only its own along.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from local.background import status
from streams.dead_letters import DeadLetter, list_letters
from streams.lagging import Watching
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import PartUnreachable, PassingFault
from workers.operations.board import bays, pipeline
from workers.operations.board.counts import Capacity, Counts, Reconciled, Totals, capacity, counts, reconciled, totals
from workers.operations.board.deadlines import Deadline, deadlines
from workers.operations.board.docks import Dock, Pictures, missing, on_record, with_missing
from workers.operations.board.first import Down, Seen, Task, first
from workers.operations.lag.figures import StageLag

log = logging.getLogger(__name__)

FRESH = 0.9
"""Seconds that figures serve; a browser that is told each second is never two seconds behind."""

RECENT = 3.0
"""Seconds that figures serve a page; the page says of when they are."""

SHARE = 5.0
"""The database is asked again after so many times what it took: in a backlog the board takes a fifth of it at most."""

TOTALS_EVERY, LETTERS_EVERY, LAG_EVERY, RECORD_EVERY = 300.0, 30.0, 5.0, 5.0
"""Seconds."""

LETTERS = 500
"""Dead letters that are kept for showing; the others are counted."""


class Letters(Struct, frozen=True):
    """Dead letters that nobody has redriven: how many, and the first LETTERS without what they carry."""

    count: int
    listed: tuple[DeadLetter, ...]


class Board(Struct, frozen=True):
    """Everything that the board shows, at one time.

    Attributes:
        letters, totals, room: None until they were asked for the first time.
        away: parts that did not answer just now, each with why.
    """

    at: datetime
    docks: tuple[Dock, ...]
    summary: bays.Summary
    steps: tuple[pipeline.Step, ...]
    outlook: pipeline.Outlook
    pace: pipeline.Pace
    unverified: float | None
    counts: Counts
    deadlines: tuple[Deadline, ...]
    reconciled: Reconciled | None
    down: tuple[Down, ...]
    first: tuple[Task, ...]
    letters: Letters | None = None
    totals: Totals | None = None
    room: Capacity | None = None
    away: tuple[str, ...] = ()


class Slow:
    """Something that takes long to ask: asked again in the background once it is old.

    Args:
        name: of what is asked, for people.
        ask: asks.
        every: seconds.
    """

    def __init__(self, name: str, ask: Callable[[], Awaitable[Any]], every: float) -> None:
        self._name = name
        self._ask = ask
        self._every = every
        self._asking: asyncio.Task[None] | None = None
        self._asked = float("-inf")
        self.newest: Any = None
        self.away = ""

    def look(self) -> Any:
        """The newest answer, None before the first; asks again if it is old and nobody is asking."""
        if time.monotonic() - self._asked >= self._every and (self._asking is None or self._asking.done()):
            self._asked = time.monotonic()
            self._asking = asyncio.create_task(self._ask_again())
        return self.newest

    async def settled(self) -> Any:
        """The newest answer, after whoever asks now has been answered."""
        self.look()
        if self._asking is not None:
            await self._asking
        return self.newest

    async def stop(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask_again(self) -> None:
        try:
            self.newest = await self._ask()
            self.away = ""
        except (PassingFault, PartUnreachable) as fault:
            self.away = str(fault)
        except Exception as defect:  # it costs its own figures, not the board; shown, logged, and asked again
            log.exception("the board cannot read the %s", self._name)
            self.away = f"The {self._name} cannot be read: {type(defect).__name__}"


class Watch:
    """Gathers the figures.

    Args:
        now: seconds of a clock that never steps.
    """

    def __init__(self, settings: Settings, database: Database, now: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._database = database
        self._now = now
        self._pictures = Pictures(settings.home / "dock-state")
        self._lock = asyncio.Lock()
        self._newest: tuple[float, Board] | None = None
        self._watching: Watching | None = None
        self.totals = Slow("totals", lambda: totals(database, settings.scrub_cycle), TOTALS_EVERY)
        self.letters = Slow("dead letters", self._letters, LETTERS_EVERY)
        self.lags = Slow("lag", self._lags, LAG_EVERY)
        self.told = Slow("docks elsewhere", self._told, RECORD_EVERY)
        self._pictured: list[str] = []
        self._rows: tuple[Any, ...] | None = None
        self._ask_from = 0.0

    async def board(self, most: float = FRESH) -> Board:
        """The figures, at most so many seconds old.

        Raises:
            DatabaseAway: PostgreSQL does not answer; the bays can still be read with `docks`.
        """
        async with self._lock:  # who waits here gets what the one before has asked
            if self._newest is None or self._now() - self._newest[0] >= most:
                began = self._now()
                self._newest = began, await self._asked()
            return self._newest[1]

    async def docks(self) -> tuple[Dock, ...]:
        """The docks' own pictures alone: what is left when the database is away."""
        pictures = await asyncio.to_thread(self._pictures.read)
        return silenced(pictures, await asyncio.to_thread(self._down))

    async def stop(self) -> None:
        """End what asks in the background."""
        for slow in self._slow():
            await slow.stop()
        if self._watching is not None:
            await self._watching.__aexit__()

    def _slow(self) -> tuple[Slow, ...]:
        return self.totals, self.letters, self.lags, self.told

    async def _told(self) -> tuple[Dock, ...]:
        return await on_record(self._database, self._pictured)

    async def _letters(self) -> Letters:
        found = await list_letters(self._settings)
        listed = (replace(letter, key=None, value=None, headers=(), trace="") for letter in found[:LETTERS])
        return Letters(len(found), tuple(listed))

    async def _lags(self) -> Sequence[StageLag]:
        """One look at every stage; verdicts need looks that lie apart, so the watching goes on for as long as we do."""
        if self._watching is None:
            watching = Watching(self._settings, self._database)
            await watching.__aenter__()
            self._watching = watching
        return await self._watching.now()

    def _down(self) -> tuple[Down, ...]:
        supervised = status(self._settings.home)
        if supervised is None:
            return ()  # each part is another machine's; their lag and their metrics tell
        return tuple(
            Down(part.name, part.state, part.reason) for part in supervised.parts if part.state not in ("ready", "done")
        )

    async def _asked(self) -> Board:
        database = self._database
        pictures = await asyncio.to_thread(self._pictures.read)
        down = await asyncio.to_thread(self._down)
        self._pictured = [dock.dock for dock in pictures]
        told = self.told.look() if self.told.newest is not None else await self.told.settled()
        if self._rows is None or self._now() >= self._ask_from:
            began = self._now()
            self._rows = (
                await missing(database), await pipeline.waiting(database), await pipeline.pace(database),
                await counts(database), await deadlines(database), await reconciled(database),
            )  # fmt: skip
            self._ask_from = began + max(FRESH, SHARE * (self._now() - began))
        gaps, waits, made, counted, near, newest = self._rows
        docks = bays.wall(with_missing((*silenced(pictures, down), *(told or ())), gaps))
        lags, letters, stored = self.lags.look(), self.letters.look(), self.totals.look()
        steps = pipeline.steps(waits, lags or ())
        outlook, oldest = pipeline.outlook(waits, made), pipeline.unverified_for(waits)
        room = capacity(stored, self._limit(stored)) if stored is not None else None
        seen = Seen(
            docks, steps, outlook, counted, oldest, near, down, None if letters is None else letters.count, room, newest
        )  # fmt: skip
        return Board(
            at=datetime.now(UTC), docks=docks, summary=bays.summary(docks), steps=steps, outlook=outlook, pace=made,
            unverified=oldest, counts=counted, deadlines=near, reconciled=newest, down=down, first=first(seen),
            letters=letters, totals=stored, room=room,
            away=tuple(sorted({slow.away.partition(": ")[0] for slow in self._slow() if slow.away})),
        )  # fmt: skip

    def _limit(self, stored: Totals) -> int:
        """Bytes that the store can hold; of the local stack, what is stored and what its disk has left."""
        folder = self._settings.home / "store"
        if self._settings.store_capacity or not folder.is_dir():
            return int(self._settings.store_capacity)
        return stored.bytes + shutil.disk_usage(folder).free


def silenced(docks: Sequence[Dock], down: Sequence[Down]) -> tuple[Dock, ...]:
    """The docks, those whose program does not run marked: what their picture says may be long over."""
    why = {part.name: f"its program is {part.state}" + (f": {part.reason}" if part.reason else "") for part in down}
    return tuple(
        Dock(dock.dock, dock.bays, dock.problems, dock.live, dock.silent or why.get(f"dock-{dock.dock.lower()}", ""))
        for dock in docks
    )
