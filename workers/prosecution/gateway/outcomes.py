"""Reads outcomes from the gateway, page by page, and hands each to its case, once.

How far was read and the requests that came of it are one transaction: nothing is skipped, and what is read again after
a crash has the ids that it had. An outcome that belongs to no case of ours, or that cannot be read, is refused on
record and does not hold up those behind it.
"""

from __future__ import annotations

from typing import Protocol

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, Database, execute, fetch
from workers.errors import GatewayAway
from workers.fate.outbox import Event
from workers.fate.row import announce
from workers.prosecution.cases.rows import find_case
from workers.prosecution.gateway.client import Gateway, OutcomePage
from workers.prosecution.gateway.contract import Outcome

PAGES = 10
"""Pages that are read in a round."""

REASON = "the gateway's outcome "
"""What a request to record one gives as its reason, before the gateway's id of it."""


class Tells(Protocol):
    """Makes the events."""

    def outcome(self, case_id: str, outcome: Outcome) -> Event:
        """The request to the case, signed by this service."""

    def unplaced(self, what: str, reason: str, action: str) -> Event:
        """An outcome that reaches no case.

        Args:
            what: makes it itself: the outcome's id, or the whole of one that cannot be read.
        """


class Read(Struct):
    """What a round found.

    Attributes:
        handed: outcomes that went to their case.
        unplaced: sentences, one for each that did not.
        away: the gateway's fault that ended the round early.
    """

    handed: int = 0
    unplaced: list[str] = msgspec.field(default_factory=list)
    away: GatewayAway | None = None


async def read_outcomes(database: Database, gateway: Gateway, tells: Tells) -> Read:
    """Read what is new. What was read before the gateway went away is handed on all the same."""
    read = Read()
    try:
        for _ in range(PAGES):
            if not await _page(database, gateway, tells, read):
                break
    except GatewayAway as fault:
        read.away = fault
    return read


async def _page(database: Database, gateway: Gateway, tells: Tells, read: Read) -> bool:
    """Read a page; whether another may follow."""
    row = await database.fetch_one("SELECT cursor FROM gateway_cursor WHERE gateway = %s", (gateway.url,))
    after = row["cursor"] if row else ""
    page = await gateway.outcomes(after)
    if not page.outcomes and not page.unreadable:
        return False
    if page.cursor == after:
        raise GatewayAway(f"the gateway gives outcomes and the cursor {after!r} that it was asked with")
    async with database.transaction() as connection:
        if not await _move(connection, gateway.url, after, page.cursor):
            return False  # somebody else reads, and was first
        await _hand_on(connection, page, tells, read)
    return True


async def _move(connection: Connection, gateway: str, before: str, after: str) -> bool:
    if not before:
        await execute(
            connection,
            "INSERT INTO gateway_cursor (gateway, cursor) VALUES (%s, '') ON CONFLICT DO NOTHING",
            (gateway,),
        )
    moved = await fetch(
        connection,
        "UPDATE gateway_cursor SET cursor = %s WHERE gateway = %s AND cursor = %s RETURNING 1",
        (after, gateway, before),
    )
    return bool(moved)


async def _hand_on(connection: Connection, page: OutcomePage, tells: Tells, read: Read) -> None:
    for outcome in page.outcomes:
        case = await find_case(connection, outcome.urn)
        if case is not None:
            await announce(connection, [tells.outcome(case.case_id, outcome)])
            read.handed += 1
            continue
        reason = f"the gateway tells of {outcome.outcome} on {outcome.on} for {outcome.urn[:40]!r}: no such case"
        action = "find out whose case it is, and record it: bwv case outcome"
        await announce(connection, [tells.unplaced(outcome.id, reason, action)])
        read.unplaced.append(reason)
    for wrong in page.unreadable:
        reason = f"the gateway tells of an outcome that cannot be read: {wrong}"
        action = "have the gateway's adapter mended (docs/gateway.md), and record it: bwv case outcome"
        await announce(connection, [tells.unplaced(wrong, reason, action)])
        read.unplaced.append(reason)
