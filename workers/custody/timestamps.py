"""RFC 3161: once a day an authority that is not ours signs a checkpoint with its own clock.

The day's checkpoint is chosen in PostgreSQL first and asked for until it is answered, so a day on which the
authority was away gets its token later. The whole answer (TimeStampResp) is kept in the vault under lock, as
`openssl ts -verify -in TOKEN -data CHECKPOINT` reads it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from workers.custody.archive import Archive
from workers.custody.authority import Authority, AuthorityAway, is_about
from workers.database.engine import Database, Row
from workers.errors import LogForked

log = logging.getLogger(__name__)

FIRST_WAIT, MOST_WAIT = 5.0, 1800.0
"""Seconds between two requests while the authority is away: full jitter between bounds that double."""


class Timestamps:
    """Keeps one token a day.

    Args:
        authority: None takes none.
        told: called with why the authority is away, or None when it answered.
        first, most: seconds; bounds of the wait while the authority is away.
        now: wall time; days are UTC's.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        database: Database,
        archive: Archive,
        authority: Authority | None,
        told: Callable[[AuthorityAway | None], None] = lambda fault: None,
        *,
        first: float = FIRST_WAIT,
        most: float = MOST_WAIT,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._archive = archive
        self._authority = authority
        self._told = told
        self._first, self._most = first, most
        self._now, self._clock = now, clock
        self._tries = 0
        self._next = 0.0

    def again_in(self) -> float | None:
        """Seconds until `take` is due again even if nothing new is sealed; None where no token is ever taken.

        While the authority is away that is the next try; otherwise the next day, so that what was sealed after
        a day's checkpoint was chosen does not wait for the next entry.
        """
        if self._authority is None:
            return None
        if self._tries:
            return max(0.0, self._next - self._clock())
        now = self._now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return (midnight - now).total_seconds()

    async def take(self) -> None:
        """Choose today's checkpoint if there is a new one, and ask for every token that is outstanding.

        Raises:
            LogForked: the vault holds a token of this day and size that is about another checkpoint.
            StoreAway, DatabaseAway: do it again; the first token that reached the vault counts.
        """
        if self._authority is None:
            return
        await self._choose()
        if self._tries and self._clock() < self._next:
            return
        rows = await self._database.fetch(
            "SELECT day, size, checkpoint FROM custody_timestamps WHERE token IS NULL ORDER BY day"
        )
        try:
            for row in rows:
                await self._stamp(self._authority, row)
        except AuthorityAway as fault:
            ceiling = min(self._most, self._first * 2.0**self._tries)
            self._next = self._clock() + random.uniform(self._first, ceiling)
            self._tries = min(self._tries + 1, 30)
            self._told(fault)
        else:
            self._tries = 0
            self._told(None)

    async def _choose(self) -> None:
        await self._database.execute(
            "INSERT INTO custody_timestamps (day, size, checkpoint)"
            " SELECT %s, size, checkpoint FROM custody_seals WHERE sealed_at IS NOT NULL"
            " AND size > COALESCE((SELECT max(size) FROM custody_timestamps), 0) ORDER BY size DESC LIMIT 1"
            " ON CONFLICT DO NOTHING",
            (self._now().astimezone(UTC).date(),),
        )

    async def _stamp(self, authority: Authority, row: Row) -> None:
        day, size, checkpoint = row["day"], row["size"], row["checkpoint"].encode()
        token = await asyncio.to_thread(authority.stamp, checkpoint)
        token = await asyncio.to_thread(self._archive.keep_timestamp, day, size, token)
        if not is_about(token, checkpoint):
            raise LogForked(
                f"the vault holds a time stamp of {day} and {size} entries that is not about the checkpoint of this "
                "log: two histories. Compare with a witness (bwv custody verify --witness)"
            )
        await self._database.execute(
            "UPDATE custody_timestamps SET token = %s, taken_at = now() WHERE day = %s AND token IS NULL",
            (token, day),
        )
        log.info("time stamp of %s taken", day)
