"""The file of joiners, movers and leavers, read on a cadence by whoever serves the board."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path

from console.web.joining import Changes, sync
from console.web.people import People
from workers.errors import BwvError

log = logging.getLogger(__name__)


class PeopleFile:
    """Reads the file.

    Args:
        path: of the CSV.
        every: seconds between two readings.

    Attributes:
        at: when it was read last.
        problem: why it could not be taken then; people stay as they were.
        newest: what it changed.
    """

    def __init__(self, people: People, path: Path, every: float) -> None:
        self._people = people
        self.path = path
        self._every = every
        self.at: datetime | None = None
        self.problem = ""
        self.newest: Changes | None = None

    async def keep_reading(self) -> None:
        """Read it on the cadence, until cancelled."""
        while True:
            await asyncio.sleep(self._every)
            await asyncio.to_thread(self.read)

    def read(self) -> None:
        """Read it once. What is wrong with it is logged and shown; then nobody joins, moves or leaves."""
        self.at = datetime.now(UTC)
        try:
            self.newest = sync(self._people, self.path, self.at)
            self.problem = ""
        except (BwvError, OSError) as wrong:
            self.problem = str(wrong)
            log.error("people_file was not taken, people stay as they were: %s", wrong)
            return
        if self.newest:
            log.info("people_file: %s", self.newest.said())
