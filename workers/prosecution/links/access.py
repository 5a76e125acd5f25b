"""Each look at footage, told before its first byte leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime
from typing import Literal

from msgspec import Struct

from workers.prosecution.links.rows import Link
from workers.prosecution.links.sessions import Session
from workers.prosecution.submission.manifest import ManifestItem

What = Literal["list", "play", "fetch", "still"]


class Access(Struct, frozen=True):
    """Somebody looks at what a link leads to.

    Attributes:
        what: the list of items, an item looked at in place (a still has no player), or an item taken away.
        item: None: the list.
        part: bytes that were asked for, such as "0-1048575"; None: all of it.
    """

    link: Link
    session: Session
    what: What
    at: datetime
    item: ManifestItem | None = None
    part: str | None = None


Tell = Callable[[Access], Awaitable[None]]
"""Returns when it is on record for good; raises a PassingFault, and then nothing may leave."""


class Minutes:
    """Tells the same thing once a minute, whoever asks for it in between waits for that one."""

    def __init__(self) -> None:
        self._playing: dict[Hashable, tuple[int, asyncio.Future[None]]] = {}

    async def tell(self, key: Hashable, at: datetime, tell: Callable[[], Awaitable[None]]) -> None:
        """Return when this, or the same of this minute, is told; raises what the telling raises."""
        minute = int(at.timestamp()) // 60
        self._playing = {other: said for other, said in self._playing.items() if said[0] == minute}
        if key not in self._playing:
            telling = asyncio.ensure_future(tell())
            telling.add_done_callback(lambda done: self._finished(key, done))
            self._playing[key] = minute, telling
        await asyncio.shield(self._playing[key][1])  # a player that leaves ends nobody else's wait

    def _finished(self, key: Hashable, telling: asyncio.Future[None]) -> None:
        """What could not be told is told again by the next range."""
        failed = telling.cancelled() or telling.exception() is not None
        if failed and self._playing.get(key, (0, None))[1] is telling:
            del self._playing[key]


class Told:
    """Tells of accesses; a player's many ranges are one for each item, session and minute.

    Args:
        tell: for one access.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._minutes = Minutes()

    async def tell(self, access: Access) -> None:
        """Return when this access is on record, or another one of the same player and minute."""
        if access.what != "play" or access.item is None:
            await self._tell(access)
            return
        key = (access.session.session, access.item.n)
        await self._minutes.tell(key, access.at, lambda: self._tell(access))
