"""Figures that are asked on a cadence, in the background: whoever looks is shown the newest, with its age."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Generic, TypeVar

from workers.errors import PartUnreachable, PassingFault

log = logging.getLogger(__name__)

T = TypeVar("T")


class Asking(Generic[T]):
    """One group of figures. What does not answer takes only its own along, and is asked again at its time.

    Args:
        name: of the group, for people.
        ask: asks.
        every: seconds from one question to the next, at least.
        share: the next question waits at least so many times what the last one took: whoever is asked is taken up to
            1 / share by it, however slow it is.

    Attributes:
        newest: the newest answer; None before the first.
        at: when that was asked.
        away: why the last question had no answer; empty if it had.
        fault: the same as it was raised.
    """

    def __init__(self, name: str, ask: Callable[[], Awaitable[T]], every: float, share: float = 0.0) -> None:
        self._name = name
        self._ask = ask
        self._every = every
        self._share = share
        self._asking: asyncio.Task[None] | None = None
        self._next = float("-inf")
        self.newest: T | None = None
        self.at: datetime | None = None
        self.away = ""
        self.fault: Exception | None = None

    def look(self) -> T | None:
        """The newest answer; asks again if its time has come and nobody is asking."""
        if time.monotonic() >= self._next and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._ask_again())
        return self.newest

    async def settled(self) -> T | None:
        """The newest answer, after whoever asks now has been answered."""
        self.look()
        if self._asking is not None:
            await self._asking
        return self.newest

    async def soon(self, within: float) -> T | None:
        """The newest answer; whoever asks now is waited for, for so many seconds, and the first time to the end."""
        self.look()
        if self._asking is not None and not self._asking.done():
            await asyncio.wait([self._asking], timeout=None if self.newest is None else within)
        return self.newest

    async def stop(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask_again(self) -> None:
        began, at = time.monotonic(), datetime.now(UTC)
        try:
            self.newest = await self._ask()
            self.at, self.away, self.fault = at, "", None
        except (PassingFault, PartUnreachable) as fault:
            self.away, self.fault = str(fault), fault
        except Exception as defect:  # it costs its own figures, not the board; shown, logged, and asked again
            log.exception("the board cannot read the %s", self._name)
            self.away, self.fault = f"The {self._name} cannot be read: {type(defect).__name__}", defect
        finally:
            self._next = began + max(self._every, self._share * (time.monotonic() - began))
