"""Where the figures of the board come from: each group is asked on a cadence of its own, and has an age of its own."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from console.web.pages.board_asking import Asking
from console.web.pages.board_figures import Asked, Letters, told
from local.background import status
from streams.dead_letters import list_letters
from streams.lagging import Watching
from streams.settings import Settings
from workers.database.engine import Database
from workers.operations.board import pipeline
from workers.operations.board.alarms import Raised, raised_now
from workers.operations.board.counts import Counts, Totals, counts, totals, uncategorised
from workers.operations.board.deadlines import Deadline, deadlines
from workers.operations.board.docks import TOLD, Dock, Pictures, missing, on_record
from workers.operations.board.first import Down
from workers.operations.board.reconciling import Reconciled, reconciled
from workers.operations.lag.figures import StageLag

ROWS_EVERY, LAG_EVERY, RECORD_EVERY, LETTERS_EVERY, UNCATEGORISED_EVERY, TOTALS_EVERY = 0.8, 5.0, 5.0, 30.0, 15.0, 60.0
"""Seconds."""

SHARE = 5.0
"""In a backlog the board takes a fifth of one connection to the database at most."""

TOTALS_SHARE = 100.0
"""Going over the whole store takes seconds at a force's size, and is worth a hundredth of one."""

LETTERS = 500
"""Dead letters that are kept for showing; the others are counted."""


class Rows(Struct, frozen=True):
    """What one look into the database tells; `missing` is by camera."""

    missing: dict[str, int]
    waiting: tuple[pipeline.Waiting, ...]
    pace: pipeline.Pace
    counts: Counts
    deadlines: tuple[Deadline, ...]
    reconciled: Reconciled
    alarms: tuple[Raised, ...]


class Sources:
    """What is asked, of whom."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._pictures = Pictures(settings.home / "dock-state")
        self._pictured: list[str] = []
        self._watching: Watching | None = None
        self.rows = Asking("figures", self._rows, ROWS_EVERY, SHARE)
        self.told = Asking("docks elsewhere", self._told, RECORD_EVERY, SHARE)
        self.lags = Asking("lag", self._lags, LAG_EVERY)
        self.letters = Asking("dead letters", self._letters, LETTERS_EVERY, SHARE)
        self.uncategorised = Asking("uncategorised clips", self._uncategorised, UNCATEGORISED_EVERY, SHARE)
        self.totals = Asking("totals", self._totals, TOTALS_EVERY, TOTALS_SHARE)

    async def stop(self) -> None:
        """Ask no more."""
        groups = self.rows, self.told, self.lags, self.letters, self.uncategorised, self.totals
        for group in groups:
            await group.stop()
        if self._watching is not None:
            await self._watching.__aexit__()

    def pictures(self) -> tuple[Dock, ...]:
        """The docks of this machine, as they show themselves."""
        found = self._pictures.read()
        self._pictured = [dock.dock for dock in found]
        return found

    def down(self) -> tuple[Down, ...]:
        """Programs and servers of this machine that do not run as they should."""
        supervised = status(self._settings.home)
        if supervised is None:
            return ()  # each part is another machine's; their lag and their metrics tell
        return tuple(
            Down(part.name, part.state, part.reason) for part in supervised.parts if part.state not in ("ready", "done")
        )

    def limit(self, stored: Totals) -> int:
        """Bytes that the store can hold; of the local stack, what is stored and what its disk has left."""
        folder = self._settings.home / "store"
        if self._settings.store_capacity or not folder.is_dir():
            return int(self._settings.store_capacity)
        return stored.bytes + shutil.disk_usage(folder).free

    def asked(self) -> Asked:
        """When each group was asked."""
        return Asked(self.rows.at, self.lags.at, self.letters.at, self.uncategorised.at, self.totals.at)

    def away(self) -> tuple[str, ...]:
        """Who did not answer just now."""
        groups = self.rows, self.told, self.lags, self.letters, self.uncategorised, self.totals
        return tuple(sorted({group.away.partition(": ")[0] for group in groups if group.away}))

    # -- questions ---------------------------------------------------------------------------------------------

    async def _rows(self) -> Rows:
        database = self._database
        return Rows(
            await missing(database), await pipeline.waiting(database), await pipeline.pace(database),
            await counts(database), await deadlines(database), await reconciled(database), await raised_now(database),
        )  # fmt: skip

    async def _told(self) -> tuple[Dock, ...]:
        return await on_record(self._database, self._pictured)

    async def _uncategorised(self) -> int:
        return await uncategorised(self._database)

    async def _totals(self) -> Totals:
        return await totals(self._database, self._settings.scrub_cycle)

    async def _letters(self) -> Letters:
        found = await list_letters(self._settings)
        return Letters(len(found), tuple(told(letter) for letter in found[:LETTERS]))

    async def _lags(self) -> Sequence[StageLag]:
        """One look at every stage; verdicts need looks that lie apart, so the watching goes on for as long as we do."""
        if self._watching is None:
            watching = Watching(self._settings, self._database)
            await watching.__aenter__()
            self._watching = watching
        return await self._watching.now()


def silenced(docks: Sequence[Dock], down: Sequence[Down]) -> tuple[Dock, ...]:
    """The docks; of one whose program does not run no bay says any more what may be done: that may be long over."""
    why = {part.name: f"its program is {part.state}" + (f": {part.reason}" if part.reason else "") for part in down}
    return tuple(_silent(dock, dock.silent or why.get(f"dock-{dock.dock.lower()}", "")) for dock in docks)


def _silent(dock: Dock, why: str) -> Dock:
    if not why:
        return dock
    bays = tuple(
        replace(bay, code=TOLD, sign=f"not known now; last seen: {bay.sign}", rate=0.0, eta=None) if bay.camera else bay
        for bay in dock.bays
    )
    return replace(dock, bays=bays, silent=why)
