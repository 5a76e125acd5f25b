"""The figures of the board, put together round after round for all who look: a page is served from memory.

A hundred screens cost the database what one does, and a page waits for nobody: each group of figures is asked on a
cadence of its own (board_sources.py), and a round takes the newest of all. While somebody looks there is a round each
FRESH seconds; else each IDLE, so that whoever comes is served at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from console.web.pages.board_figures import Board
from console.web.pages.board_sources import Sources, silenced
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import PassingFault
from workers.operations.board import bays, pipeline
from workers.operations.board.counts import capacity
from workers.operations.board.docks import with_missing
from workers.operations.board.first import Seen, first

log = logging.getLogger(__name__)

FRESH = 0.9
"""Seconds from round to round while somebody looks; a browser that listens is never two seconds behind."""

IDLE = 15.0
"""The same while nobody does."""

WATCHED = 90.0
"""Seconds since the last look after which nobody looks."""

WAITS = 0.5
"""Seconds that a round waits for the database; longer, and docks are shown beside older figures."""

RECENT = 3.0
"""Seconds that figures serve a page without a word; the page says of when they are."""

PATIENCE = 0.05
"""Seconds that a page waits for newer ones than that; then it shows those there are, and says of when."""


class Watch:
    """Gathers the figures.

    Args:
        made: is called with each new board, in a thread, before anybody gets it.
    """

    def __init__(self, settings: Settings, database: Database, made: Callable[[Board], object] | None = None) -> None:
        self.sources = Sources(settings, database)
        self._made = made
        self._newest: tuple[float, Board] | None = None
        self._fault: Exception | None = None
        self._looked = float("-inf")
        self._wake = asyncio.Event()
        self._round = asyncio.Event()
        self._rounds: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, if it has not begun."""
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._go_on())

    async def stop(self) -> None:
        """End what asks in the background."""
        if self._rounds is not None:
            self._rounds.cancel()
            await asyncio.gather(self._rounds, return_exceptions=True)
        await self.sources.stop()

    async def board(self, most: float = RECENT) -> Board:
        """The newest figures; older ones than `most` seconds only where newer ones do not come within PATIENCE.

        Raises:
            DatabaseAway: PostgreSQL has not answered yet.
        """
        self._look()
        if self._newest is None:
            await self._next(None)
        elif time.monotonic() - self._newest[0] > most:
            await self._next(PATIENCE)
        return self._shown()

    async def newer(self, than: Board | None, within: float) -> Board:
        """The next figures after these, or the same if there are none within so many seconds.

        Raises:
            DatabaseAway: PostgreSQL has not answered yet.
        """
        self._look()
        if self._newest is None:
            await self._next(None)
        elif self._newest[1] is than:
            await self._next(within)
        return self._shown()

    def _look(self) -> None:
        self._looked = time.monotonic()
        self._wake.set()
        self.start()

    async def _next(self, within: float | None) -> None:
        """Wait until a round has ended, for so many seconds at most."""
        try:
            async with asyncio.timeout(within):
                await self._round.wait()
        except TimeoutError:
            return  # then the newest there are

    def _shown(self) -> Board:
        if self._fault is not None:
            raise self._fault
        assert self._newest is not None  # a round has ended, and not with a fault
        return self._newest[1]

    # -- rounds ------------------------------------------------------------------------------------------------

    async def _go_on(self) -> None:
        while True:
            began = time.monotonic()
            try:
                board = await self._gathered()
                if self._made is not None:
                    await asyncio.to_thread(self._made, board)
                self._newest, self._fault = (began, board), None
            except PassingFault as fault:
                log.warning("the board waits for the %s: %s", fault.part, fault)
                self._fault = fault
            except Exception as defect:  # whoever looks gets it; the next round may go better
                log.exception("the board cannot be put together")
                self._fault = defect
            ended, self._round = self._round, asyncio.Event()
            ended.set()
            if began - self._looked < WATCHED:
                await asyncio.sleep(FRESH)
            else:
                await self._rest()
            self._wake.clear()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(IDLE):
                await self._wake.wait()
        except TimeoutError:
            return  # nobody came

    async def _gathered(self) -> Board:
        asks = self.sources
        pictures = await asyncio.to_thread(asks.pictures)
        down = await asyncio.to_thread(asks.down)
        rows, elsewhere = await asks.rows.soon(WAITS), await asks.told.soon(0.0)
        if rows is None:
            assert asks.rows.fault is not None  # it was asked and has not answered
            raise asks.rows.fault
        docks = bays.wall(with_missing((*silenced(pictures, down), *(elsewhere or ())), rows.missing))
        lags, letters, stored = asks.lags.look() or (), asks.letters.look(), asks.totals.look()
        steps = pipeline.steps(rows.waiting, lags)
        outlook, oldest = pipeline.outlook(rows.waiting, rows.pace, lags), pipeline.unverified_for(rows.waiting)
        room = capacity(stored, asks.limit(stored)) if stored is not None else None
        seen = Seen(
            docks=docks, steps=steps, outlook=outlook, counts=rows.counts, unverified=oldest, deadlines=rows.deadlines,
            down=down, letters=letters.count if letters else None, room=room, reconciled=rows.reconciled,
            alarms=rows.alarms,
        )  # fmt: skip
        return Board(
            at=datetime.now(UTC), asked=asks.asked(), docks=docks, summary=bays.summary(docks), steps=steps,
            outlook=outlook, pace=rows.pace, unverified=oldest, counts=rows.counts, deadlines=rows.deadlines,
            reconciled=rows.reconciled, down=down, alarms=rows.alarms, first=first(seen), lags=tuple(lags),
            uncategorised=asks.uncategorised.look(), letters=letters, totals=stored, room=room, away=asks.away(),
        )  # fmt: skip
