"""What a stage does by the clock, beside its messages: one task, from its start to its stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from streams.engine.waiting import Waiting, pause
from streams.settings import Settings
from workers.errors import PassingFault

log = logging.getLogger(__name__)


class Recurring:
    """Rounds of some work that must not end with one that fails: whoever needs it would miss it without a word.

    While a part is away the next round comes as soon as it may be asked again. Anything else that a round meets is
    said each time, with where it came from, and the next round comes as always: the work is such that being late does
    no harm.

    Args:
        name: what the work is, for the log.
        work: one round.
        every: seconds between two rounds.
        settings: how soon a part that is away is asked again.
    """

    def __init__(self, name: str, work: Callable[[], Awaitable[object]], every: float, settings: Settings) -> None:
        self._name = name
        self._work = work
        self._every = every
        self._waiting = Waiting(settings.retry_first, settings.retry_most)
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, *, after: float = 0.0) -> None:
        """Begin; the first round comes after so many seconds."""
        self._task = asyncio.create_task(self._rounds(after), name=self._name)

    def wake(self) -> None:
        """There is something to do now."""
        self._wanted.set()

    async def stop(self) -> None:
        """Cancel the round in hand: it is such that what is half done is done again."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _rounds(self, seconds: float) -> None:
        while True:
            await pause(self._wanted, seconds)
            self._wanted.clear()
            seconds = self._every
            try:
                await self._work()
                self._waiting.got_through()
            except PassingFault as fault:
                seconds = self._waiting.note(fault)
            except Exception:
                log.exception("%s: this round failed; the next comes in %g s", self._name, seconds)
