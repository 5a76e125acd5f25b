"""The memory of a process that moves recordings: a fixed number of chunk buffers, used again and again.

Every transfer is sure of one buffer, so none waits for another that waits for it. While a spare one is free a
transfer works with two: one is filled from the dock while the other is sent to the store.

Measured on two cores: with two recordings at once a second buffer changes nothing (each recording keeps a core
busy); a recording that is alone gains from it. So there are few spares, and the ceiling of memory is known:
(transfers + spare) × chunk size.
"""

from __future__ import annotations

import mmap
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Self


class Buffers:
    """A pool of chunk buffers.

    Args:
        size: bytes of one.
        transfers: how many may run at once.
        spare: buffers beyond one each.
    """

    def __init__(self, size: int, *, transfers: int, spare: int) -> None:
        self.size = size
        self._idle: deque[memoryview] = deque()
        self._sure = threading.Semaphore(transfers)
        self._spare = threading.Semaphore(spare)
        self._senders = ThreadPoolExecutor(spare, "send") if spare else None

    @contextmanager
    def lent(self, size: int) -> Iterator[Lane]:
        """A lane for a recording of `size` bytes; with two buffers if it has several chunks and one is spare."""
        with self._sure:
            twofold = self._senders is not None and size > self.size and self._spare.acquire(blocking=False)
            views = [self._view() for _ in range(2 if twofold else 1)]
            try:
                with Lane(views, self._senders if twofold else None) as lane:
                    yield lane
            finally:
                self._idle.extend(views)
                if twofold:
                    self._spare.release()

    def close(self) -> None:
        """End the sending threads once they are idle."""
        if self._senders is not None:
            self._senders.shutdown(wait=False)

    def _view(self) -> memoryview:
        try:
            return self._idle.pop()
        except IndexError:
            # Pages of an anonymous mapping take memory when they are first written: small clips take little.
            return memoryview(mmap.mmap(-1, self.size))


class Lane:
    """One or two buffers of one transfer, filled by its thread and sent in order.

    With one buffer `send` sends at once; with two it hands over to a sending thread and returns as soon as the
    chunk before has arrived.
    """

    def __init__(self, views: list[memoryview], sender: ThreadPoolExecutor | None) -> None:
        self._free = deque(views)
        self._sender = sender
        self._on_its_way: Future[None] | None = None

    def empty(self) -> memoryview:
        """A buffer to fill; hand it to `send` or to `keep`."""
        return self._free.popleft()

    def keep(self, view: memoryview) -> None:
        """Give a buffer back unsent."""
        self._free.append(view)

    def send(self, view: memoryview, put: Callable[[], None]) -> None:
        """Run `put`, which sends what is in `view`; raises what it, or the one before it, raised."""
        if self._sender is None:
            self._free.append(view)
            put()
            return
        self.arrived()
        self._on_its_way = self._sender.submit(self._put, view, put)

    def arrived(self) -> None:
        """Return when nothing is on its way any more; raises what sending raised."""
        waited, self._on_its_way = self._on_its_way, None
        if waited is not None:
            waited.result()

    def _put(self, view: memoryview, put: Callable[[], None]) -> None:
        try:
            put()
        finally:
            self._free.append(view)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._on_its_way is not None:
            # The buffer must not go to somebody else while it is being sent.
            self._on_its_way.exception()
