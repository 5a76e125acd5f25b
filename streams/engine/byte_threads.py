"""What the stages that move bytes share: threads of their own, a way to stop them, and progress for people."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from streams.messages import TransferProgressed, event
from streams.settings import Settings
from workers.errors import BwvError
from workers.fate.outbox import Event

T = TypeVar("T")

TELL_EVERY = 2.0
"""Seconds between two messages about the progress of one transfer."""


class Work:
    """One piece of work in a thread, as its worker sees it."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self.bytes_done = 0

    def stop(self) -> None:
        """Ask the worker to give up at its next stride."""
        self._stop.set()

    def stopped(self) -> bool:
        """Whether the worker shall give up."""
        return self._stop.is_set()

    def told(self, count: int) -> None:
        """So many more bytes have passed."""
        self.bytes_done += count


class ByteThreads:
    """The threads of one stage: as many as it may do at once, so that memory and load have a ceiling."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.most = settings.at_once + settings.urgent_slots
        self._pool = ThreadPoolExecutor(self.most, name)

    async def run(self, work: Work, job: Callable[[], T], *, on_stop: Callable[[], None] = lambda: None) -> T:
        """Run `job` in a thread; a cancellation tells `work` to stop and does not wait for it.

        What a late thread still does at the store is harmless: every write is put-if-absent, and its move is
        not made.

        Args:
            on_stop: frees a thread that waits for bytes.
        """
        context = contextvars.copy_context()  # what it logs is about the same clip
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: context.run(job))
        except asyncio.CancelledError:
            work.stop()
            on_stop()
            raise

    def close(self) -> None:
        """Take no more jobs; running ones end at their next stride."""
        self._pool.shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def telling(
    work: Work,
    publish: Callable[[Event], Awaitable[None]],
    *,
    clip: str,
    camera: str,
    stage: str,
    total: int,
    cause: str,
) -> AsyncIterator[None]:
    """Publish the progress of `work` every two seconds while the block runs; it never slows or fails the block.

    Args:
        cause: id of the message that is worked on.
    """

    async def tell() -> None:
        before, since = 0, time.monotonic()
        while True:
            await asyncio.sleep(TELL_EVERY)
            now, done = time.monotonic(), work.bytes_done
            message = TransferProgressed(
                clip_id=clip,
                camera=camera,
                stage=stage,
                bytes_done=min(done, total),
                bytes_total=total,
                bytes_per_second=max(0, done - before) / (now - since),
            )
            before, since = done, now
            with contextlib.suppress(BwvError, TimeoutError):
                async with asyncio.timeout(TELL_EVERY):
                    await publish(
                        event(
                            "transfers.progressed",
                            message,
                            key=clip,
                            subject=clip,
                            source=stage,
                            cause=(clip, stage, cause, done),
                        )
                    )

    teller = asyncio.create_task(tell())
    try:
        yield
    finally:
        teller.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await teller
