"""The join of everything anew, span by span: a first start over a past, a rebuild.

Memory is that of `TOGETHER` spans, however long the past is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from workers.database.engine import Database, execute, fetch
from workers.encounters.day import Rules, Span
from workers.encounters.joining import Tally, join_span

AT_ONCE = timedelta(days=10)
"""Length of a span of the batch."""

TOGETHER = 2
"""Spans of the batch that are joined at the same time: PostgreSQL works for one while we do for the other."""


async def join_all(database: Database, rules: Rules, *, told: Callable[[int], None] = lambda n: None) -> Tally:
    """Join everything anew, span by span, each in a transaction of its own.

    Args:
        database: lends `TOGETHER` connections.
        told: gets the number of encounters that are done.
    """
    tally = Tally()
    first = await database.fetch_one(
        "SELECT (SELECT size FROM custody_head) AS size,"
        " LEAST((SELECT min(at) FROM encounters), (SELECT min(recorded_at) FROM clips)) AS since,"
        " GREATEST((SELECT max(at) FROM encounters), (SELECT max(recorded_at) FROM clips)) AS until"
    )
    assert first is not None
    async with database.transaction() as connection:
        await execute(connection, "DELETE FROM encounter_unmatched")
    spans = _spans(first["since"], first["until"])
    while some := list(islice(spans, TOGETHER)):
        # None of a round is left at work when it fails, and others get their turn between two rounds.
        done = await asyncio.gather(
            *(_join_apart(database, rules, since, until, tally) for since, until in some), return_exceptions=True
        )
        for fault in done:
            if fault is not None:
                raise fault
        told(tally.encounters)
    await database.execute("UPDATE encounter_cursor SET upto = GREATEST(upto, %s)", (first["size"],))
    return tally


def _spans(since: datetime | None, until: datetime | None) -> Iterator[Span]:
    while since is not None and until is not None and since <= until:
        yield since, since + AT_ONCE
        since += AT_ONCE


async def _join_apart(database: Database, rules: Rules, since: datetime, until: datetime, tally: Tally) -> None:
    """Join a span of everybody's days beside another one: what one writes is nothing that the other does."""
    async with database.transaction() as connection:
        # Between two questions lies the work of both.
        await execute(connection, "SET LOCAL idle_in_transaction_session_timeout = '60s'")
        await fetch(connection, "SELECT FROM encounter_cursor FOR SHARE")
        await join_span(connection, rules, since, until, None, tally)
