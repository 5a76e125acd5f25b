"""Work that takes its time, so that it disturbs nobody."""

from __future__ import annotations

import time
from collections.abc import Callable

from streams.engine.byte_threads import Work


class Paced(Work):
    """A reading that takes its time.

    Args:
        rate: bytes a second at most; None: as fast as it goes.
        count: told of each stride.
    """

    def __init__(self, rate: float | None = None, count: Callable[[int], None] = lambda _: None) -> None:
        super().__init__()
        self._rate = rate
        self._count = count
        self._began = time.monotonic()

    def told(self, count: int) -> None:
        """So many more bytes have passed; returns when the next may come."""
        super().told(count)
        self._count(count)
        if self._rate is not None:
            early = self._began + self.bytes_done / self._rate - time.monotonic()
            if early > 0:
                self._stop.wait(early)
