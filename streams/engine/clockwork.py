"""The engine of what moves by the clock: opens the database, does round after round, waits while a part is away.

One process of a kind works at a time: the others of its name wait for a lock in PostgreSQL, which the server gives
back when a process ends, however it ends.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Protocol

from streams.engine.health import Health
from streams.engine.waiting import Waiting, pause
from streams.settings import Settings
from workers.database.engine import Connection, Database, fetch
from workers.database.locks import lock_of
from workers.errors import DatabaseAway, PassingFault

TURN_EVERY = 5.0
"""Seconds between two tries of a second process to become the one that works."""


class Rounds(Protocol):
    """Work that is done by the clock."""

    async def round(self, database: Database) -> float:
        """Do what is due; returns after how many seconds to look again.

        Raises:
            PassingFault: a part is away; the round is begun again after a jittered wait.
        """


async def by_the_clock(
    name: str, settings: Settings, health: Health, stopping: asyncio.Event, rounds: Rounds, *, size: int = 3
) -> None:
    """Do rounds until `stopping` is set.

    Args:
        name: of the stage; at most one process of a name works in a namespace.
        size: connections for the rounds.
    """
    waiting = Waiting(settings.retry_first, settings.retry_most, changed=health.part_changed)
    while not stopping.is_set():
        try:
            async with AsyncExitStack() as stack:
                database = await stack.enter_async_context(Database(settings.database, settings.namespace, size=size))
                turn = await stack.enter_async_context(Database(settings.database, settings.namespace, size=1))
                health.joined()
                await _rounds(name, turn, database, rounds, stopping, waiting)
        except PassingFault as fault:
            await pause(stopping, waiting.note(fault))


async def _rounds(
    name: str, turn: Database, database: Database, rounds: Rounds, stopping: asyncio.Event, waiting: Waiting
) -> None:
    async with turn.connection() as connection:
        while not stopping.is_set():
            if not await _our_turn(connection, lock_of(turn.schema, name)):
                waiting.got_through()
                await pause(stopping, TURN_EVERY)
                continue
            seconds = await rounds.round(database)
            waiting.got_through()
            await pause(stopping, seconds)


async def _our_turn(connection: Connection, number: int) -> bool:
    """Whether this connection holds the lock of this number; asked before each round, as it may have been lost."""
    try:
        rows = await fetch(
            connection,
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
            " AND objid = %(n)s::bigint::oid AND granted) OR pg_try_advisory_lock(%(n)s::bigint) AS ours",
            {"n": number},
        )
    except OSError as error:
        raise DatabaseAway(f"PostgreSQL does not answer: {error}") from error
    return bool(rows[0]["ours"])
