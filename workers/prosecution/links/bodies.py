"""The bytes of an item on their way out: a window at a time, so that a reader that stops costs one window.

Nothing is open at the store between two windows and no thread waits for a reader. Before the first window leaves it
has been read and the access is on record; now and then it is asked whether the link is still open.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from workers.errors import PassingFault
from workers.vault.faults import NotThere
from workers.vault.vault import Vault

log = logging.getLogger(__name__)

WINDOW = 512 << 10
"""Bytes that are read from the vault at a time, and that one connection holds at most twice."""

ASK_EVERY = 5.0
"""Seconds after which a body that is still leaving asks again whether it may."""


class Stored(Protocol):
    """Bytes in the vault."""

    @property
    def key(self) -> str:
        """Their key."""

    @property
    def version_id(self) -> str:
        """Their version."""


S = TypeVar("S", bound=Stored)

Read = Callable[[S, int, int], Awaitable[bytearray]]
"""So many bytes of something stored, from this offset on; raises StoreAway, NotThere."""


def read_window(vault: Vault, item: Stored, offset: int, length: int) -> bytearray:
    """Read part of an item from exactly its version; blocks.

    Raises:
        StoreAway: the store does not answer, or sent less.
        NotThere: the version is gone.
    """
    window = bytearray(length)
    with vault.get(item.key, item.version_id, offset=offset, length=length) as reader, memoryview(window) as view:
        done = 0
        while done < length:
            done += reader.readinto(view[done:])
    return window


class Windows(Generic[S]):
    """The windows of one range, in order.

    Args:
        first, length: of the range, in bytes.
        allowed: whether the link is still open for this reader.
    """

    def __init__(self, read: Read[S], item: S, first: int, length: int, allowed: Callable[[], Awaitable[bool]]) -> None:
        self._read = read
        self._item = item
        self._at = first
        self._end = first + length
        self._allowed = allowed
        self._begun = bytearray()
        self._asked = time.monotonic()

    async def begin(self) -> None:
        """Read the first window, so that a store that is away is answered with 503 and not with a broken body."""
        self._begun = await self._next()

    async def __aiter__(self) -> AsyncIterator[bytearray]:
        yield self._begun
        while self._at < self._end:
            if not await self._may_go_on():
                return
            yield await self._next()

    async def _next(self) -> bytearray:
        window = await self._read(self._item, self._at, min(WINDOW, self._end - self._at))
        self._at += len(window)
        return window

    async def _may_go_on(self) -> bool:
        if time.monotonic() - self._asked < ASK_EVERY:
            return True
        self._asked = time.monotonic()
        return await self._allowed()


class Body(Response):
    """An answer whose body leaves in windows. One that cannot be finished ends its connection: never a short body
    that looks whole.
    """

    def __init__(self, windows: Windows[Any], status: int, headers: Mapping[str, str]) -> None:
        self._windows = windows
        self.status_code = status
        self.background = None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; stop when the reader has gone."""
        gone = asyncio.create_task(_gone(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            left = int(self.headers["content-length"])
            async for window in self._windows:
                left -= len(window)
                await send({"type": "http.response.body", "body": window, "more_body": left > 0})
                if gone.done():
                    return
        except (PassingFault, NotThere) as fault:
            log.warning("a body ends early: %s", fault)
        finally:
            gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
