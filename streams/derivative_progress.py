"""How far a derivative is: in the answer to whoever asked for it, and as transfers.progressed for everybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from streams.derivative_events import SOURCE, says_pending
from streams.engine.byte_threads import Work, telling
from workers.database.engine import Database
from workers.fate.outbox import Event
from workers.prosecution.statements import DerivativeOrder
from workers.retention.answers import answer

SHOW_EVERY = 1.0
"""Seconds between two answers."""


class Progress:
    """Of one derivative: half of the work is reading the master, and half is making, told in its bytes as well.

    Args:
        publish: as in `streams.stage.Parts`.
        request: event id of the request.
        size: bytes of the master.
    """

    def __init__(
        self,
        database: Database,
        publish: Callable[[Event], Awaitable[None]],
        order: DerivativeOrder,
        request: str,
        camera: str,
        size: int,
    ) -> None:
        self._database = database
        self._publish = publish
        self._order = order
        self._request = request
        self._camera = camera
        self._size = size

    def made(self, work: Work, share: float) -> None:
        """So much of the making is done, 0 to 1."""
        work.told(max(0, int(self._size * (1 + share)) - work.bytes_done))

    @asynccontextmanager
    async def while_at(self, work: Work) -> AsyncIterator[None]:
        """Tell of it while the block runs; it never slows or fails the block."""
        showing = asyncio.create_task(self._show(work))
        try:
            async with telling(
                work,
                self._publish,
                clip=self._order.clip_id,
                camera=self._camera,
                stage=SOURCE,
                total=2 * self._size,
                cause=self._request,
            ):
                yield
        finally:
            showing.cancel()
            # A database that is away shows itself when the outcome is entered.
            await asyncio.gather(showing, return_exceptions=True)

    async def _show(self, work: Work) -> None:
        while True:
            await asyncio.sleep(SHOW_EVERY)
            given = says_pending(self._order, min(1.0, work.bytes_done / max(1, 2 * self._size)))
            async with self._database.transaction() as connection:
                await answer(connection, self._request, SOURCE, given)
