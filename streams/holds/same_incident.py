"""Asks of clips that may show a held incident whether they do: each is held until one person has answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from streams.holds import events
from workers.database.engine import Database
from workers.fate.outbox import Event
from workers.fate.row import Fate, find, find_on
from workers.footage.recording import Place
from workers.retention.nearby import Near, asks, holds_near_in_time, near_in_place, near_in_time, question, question_id
from workers.retention.places import read_track, stored
from workers.retention.scopes import HoldRow, enter_hold, find_hold
from workers.vault.vault import Vault

AtStore = Callable[[Callable[[], Any]], Awaitable[Any]]


class SameIncident:
    """Compares clips by their tracks, which lie in the vault.

    Args:
        at_store: runs what blocks in a thread.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        namespace: str,
        at_store: AtStore,
        publish: Callable[[Event], Awaitable[None]],
    ) -> None:
        self._database = database
        self._vault = vault
        self._namespace = namespace
        self._at_store = at_store
        self._publish = publish

    async def ask_around(self, hold: HoldRow, fate: Fate) -> None:
        """A clip is held: ask about those around it."""
        if asks(hold):
            async with self._database.connection() as connection:
                found = await near_in_time(connection, hold, fate)
            await self._ask(found)

    async def ask_about(self, clip_id: str) -> None:
        """A clip is stored: ask about it where it lies near one that is held."""
        fate = await find(self._database, clip_id)
        if fate is not None:
            async with self._database.connection() as connection:
                found = await holds_near_in_time(connection, fate)
            await self._ask(found)

    async def _ask(self, found: Iterable[Near]) -> None:
        tracks: dict[str, tuple[Place, ...] | None] = {}
        asked: set[str] = set()
        for near in found:
            asking = question_id(near.hold_id, near.other)
            if asking in asked or not await self._near(near, tracks):
                continue
            asked.add(asking)
            if await self._hold(near, asking):
                await self._publish(events.matched(asking, near.other))

    async def _near(self, near: Near, tracks: dict[str, tuple[Place, ...] | None]) -> bool:
        for clip in (near.held, near.other):
            if clip not in tracks:
                tracks[clip] = await self._track(clip)
        held, other = tracks[near.held], tracks[near.other]
        if held is None or other is None:
            return False  # it is asked about once it is stored
        by_track = near_in_place(held, other)
        return near.side_by_side if by_track is None else by_track

    async def _track(self, clip: str) -> tuple[Place, ...] | None:
        fate = await find(self._database, clip)
        if fate is None or not stored(fate):
            return None
        track: tuple[Place, ...] = await self._at_store(partial(read_track, self._vault, self._namespace, fate))
        return track

    async def _hold(self, near: Near, asking: str) -> bool:
        """Write the question down; False if somebody answered it, or the hold was lifted."""
        async with self._database.transaction() as connection:
            hold = await find_hold(connection, near.hold_id, lock="FOR SHARE")
            fate = await find_on(connection, near.other)
            if hold is None or hold.lifted_at is not None or fate is None:
                return False
            await enter_hold(connection, question(hold, fate))
            raised = await find_hold(connection, asking)
            return raised is not None and raised.lifted_at is None
