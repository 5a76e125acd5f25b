"""What one hold means for many clips: one message for each that it covers, one transaction for each that leaves it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from streams.holds import events
from workers.database.engine import Database
from workers.fate.outbox import Event
from workers.fate.row import find_on
from workers.keys.signing import Signed
from workers.retention.answers import Answer, Verdict, answer
from workers.retention.holding import State, enter, release, state_of
from workers.retention.lifting import clips_to_lift
from workers.retention.scopes import HoldRow, find_hold
from workers.retention.standing import holds_over, look_for_clips, not_in_catalogue

PAGE = 200
"""Clips that are worked on together."""

COVERED = "falls under it"


async def cover(database: Database, publish: Callable[[Event], Awaitable[None]], hold_id: str) -> None:
    """Find the clips of a standing hold, and tell of each. Whoever asked for the hold is told how many they are."""
    async with database.transaction() as connection:
        hold = await find_hold(connection, hold_id)
        if hold is None or hold.lifted_at is not None:
            return
        await look_for_clips(connection, hold_id, COVERED)
    await _look_at_unknown(database, hold_id)
    count, after = 0, ""
    while page := await _pending(database, hold_id, after):
        await asyncio.gather(*[publish(events.matched(hold_id, clip)) for clip in page])
        count, after = count + len(page), page[-1]
    async with database.transaction() as connection:
        given = Answer(Verdict.DONE, f"{hold_id} stands from now on", {"hold": hold_id, "matched": count})
        await answer(connection, events.asked_as(hold_id), events.SOURCE, given)


async def _look_at_unknown(database: Database, hold_id: str) -> None:
    """Clips that were registered and that the catalogue does not know yet, each by its own row."""
    after = ""
    while True:
        async with database.transaction() as connection:
            page = await not_in_catalogue(connection, after, PAGE)
            for clip in page:
                fate = await find_on(connection, clip)
                covered = fate is not None and await holds_over(connection, fate, only=hold_id)
                if covered and await state_of(connection, hold_id, clip) is None:
                    await enter(connection, hold_id, clip, State.PENDING, COVERED)
        if not page:
            return
        after = page[-1]


async def _pending(database: Database, hold_id: str, after: str) -> list[str]:
    rows = await database.fetch(
        "SELECT clip_id FROM hold_clips WHERE hold_id = %s AND state = 'pending' AND clip_id > %s"
        " ORDER BY clip_id LIMIT %s",
        (hold_id, after, PAGE),
    )
    return [row["clip_id"] for row in rows]


async def uncover(database: Database, hold_id: str, lifts: tuple[Signed, ...]) -> None:
    """Take a lifted hold out of the rows of its clips."""
    async with database.transaction() as connection:
        hold = await find_hold(connection, hold_id)
    if hold is None or hold.lifted_at is None:
        return
    after = ""
    while page := await _page_to_lift(database, hold, after):
        for clip in page:
            async with database.transaction() as connection:
                await release(connection, hold, clip, events.lifted(hold, clip, lifts))
        after = page[-1]


async def _page_to_lift(database: Database, hold: HoldRow, after: str) -> list[str]:
    async with database.connection() as connection:
        return await clips_to_lift(connection, hold, after, PAGE)
