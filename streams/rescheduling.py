"""Plans every clip again once another policy is in force, beside the stage's messages and in small slices.

What is left to do is what the schedule shows: rows of an older policy. A process that is killed goes on there, and
two processes share the rows.
"""

from __future__ import annotations

import logging
import time

from streams.engine.recurring import Recurring
from streams.settings import Settings
from workers.database.engine import Connection, Database
from workers.retention.policies import current
from workers.retention.policy import Policy
from workers.retention.schedule import outdated, reschedule, slice_of_outdated

log = logging.getLogger(__name__)

SLICE = 250
"""Clips in one transaction: about a tenth of a second, so that a message waits no longer for its row."""

LOOK_EVERY = 15.0
"""Seconds between two looks for rows that another process left behind."""

TELL_EVERY = 10.0
"""Seconds between two lines of the log about the progress."""


class Rescheduling:
    """Runs from `start` to `stop`."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        # The schedule is an index: an old plan delays, it never lets anything go.
        self._rounds = Recurring("rescheduling", self.all_outdated, LOOK_EVERY, settings)

    def start(self) -> None:
        """Begin; what was left undone is done first."""
        self._rounds.start()

    def wake(self) -> None:
        """Another policy is in force."""
        self._rounds.wake()

    async def stop(self) -> None:
        """End after the slice in hand is given back."""
        await self._rounds.stop()

    async def all_outdated(self) -> int:
        """Plan every clip again whose plan is of an older policy; returns how many.

        Raises:
            DatabaseAway: go on later where it ended.
        """
        done, began, told = 0, time.monotonic(), time.monotonic()
        after = ""
        while True:
            async with self._database.transaction() as connection:
                policy = await current(connection)
                clips = await self._slice(connection, policy, after)
            done += len(clips)
            if clips:
                after = clips[-1]
            elif after and policy is not None and await self._more(policy):
                after = ""  # rows that were busy when we came by
            else:
                break
            if time.monotonic() - told > TELL_EVERY:
                told = time.monotonic()
                log.info("planned %d clips again, %.0f/s, come to %s", done, done / (told - began), after)
        if done:
            log.info("planned %d clips again in %.1f s", done, time.monotonic() - began)
        return done

    async def _slice(self, connection: Connection, policy: Policy | None, after: str) -> list[str]:
        if policy is None:
            return []
        clips = await slice_of_outdated(connection, policy.version, after, SLICE)
        if clips:
            await reschedule(connection, clips, policy)
        return clips

    async def _more(self, policy: Policy) -> bool:
        async with self._database.connection() as connection:
            return await outdated(connection, policy.version)
