"""Who is away, since when, and when to look again: one record for all jobs of a process.

When a part is away, thirty jobs that each retry are a storm. Here they share one: the first fault opens it,
only one job looks again after a full-jitter delay, and the first that gets through closes it for all.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable

from workers.errors import PassingFault


async def pause(event: asyncio.Event, seconds: float | None) -> bool:
    """Sleep until this happens (the process is to stop, something is to be done), for so long at most (None: for ever).

    Not asyncio.wait_for: on Python 3.11 it swallows a cancellation that comes with the event, and what was
    cancelled then goes on for ever.

    Returns:
        Whether it has happened.
    """
    if not event.is_set() and (seconds is None or seconds > 0):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
    return event.is_set()


class Away:
    """One part that does not answer.

    Attributes:
        since: wall time, seconds since 1970.
        tries: how often somebody looked in vain.
        again: loop time at which the next may look.
    """

    def __init__(self, part: str, reason: str, now: float) -> None:
        self.part = part
        self.reason = reason
        self.since = time.time()
        self.tries = 0
        self.again = now


class Waiting:
    """The parts that are away.

    Args:
        first, most: seconds; the n-th delay is uniform in 0 … min(most, first · 2ⁿ) ("full jitter").
        clock: loop time.
        changed: called with the part and when it went (None: it is back).
    """

    def __init__(
        self,
        first: float,
        most: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        changed: Callable[[str, Away | None], None] = lambda part, away: None,
    ) -> None:
        self._first = first
        self._most = most
        self._clock = clock
        self._changed = changed
        self.parts: dict[str, Away] = {}

    def __bool__(self) -> bool:
        return bool(self.parts)

    def note(self, fault: PassingFault) -> float:
        """Somebody met this fault; returns how long to wait before looking again, in seconds."""
        now = self._clock()
        away = self.parts.get(fault.part)
        if away is None:
            away = self.parts[fault.part] = Away(fault.part, str(fault), now)
            self._changed(fault.part, away)
        away.reason = str(fault)
        if now >= away.again:  # jobs that were under way meet the same fault: that is one try, not many
            ceiling = min(self._most, self._first * 2.0 ** min(away.tries, 30))
            away.again = now + random.uniform(0.0, ceiling)
            away.tries += 1
        return max(0.0, away.again - now)

    def got_through(self) -> None:
        """A job ended otherwise than by a passing fault: nothing that it needs is away."""
        for part in list(self.parts):
            del self.parts[part]
            self._changed(part, None)

    def delay(self) -> float:
        """Seconds until somebody may look again; 0 when nothing is away or it is time."""
        if not self.parts:
            return 0.0
        return max(0.0, max(away.again for away in self.parts.values()) - self._clock())
