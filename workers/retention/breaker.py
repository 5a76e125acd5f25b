"""What forbids a sweep: records that may be incomplete, and a database made again.

A sweep deletes by what is written down, so it runs only while that is known to be whole: every event that was
decided before the round began is on record, the catalogue has a clip for every row, and after a rebuild a
reconciliation of everything was green. What is merely more than usual, a person decides (budget.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import Struct

from workers.database.engine import Database, Row
from workers.errors import PermanentFault
from workers.keys.signing import EnrolledKey, Role, Signed, opened
from workers.keys.statements import PURPOSES
from workers.operations.statement import Reconciliation

Ends = Callable[[], Awaitable[Mapping[tuple[str, int], int]]]
"""Reads where each partition of each recorded topic ends now: (topic, partition) → next offset."""

PATIENCE = 20.0
"""Seconds that the record is given to catch up with what was decided before the round began."""

LOOK_EVERY = 0.2


class Cause(StrEnum):
    """Why a sweep stands still."""

    BUDGET = "budget"
    RECORD = "record"
    CATALOGUE = "catalogue"
    REBUILD = "rebuild"


class Stop(Struct, frozen=True):
    """A reason to stand still.

    Attributes:
        says: what was found and what to do, one sentence for a person.
    """

    cause: Cause
    says: str


async def hindrance(
    database: Database, ends: Ends, *, namespace: str, reconciler: EnrolledKey | None, given_up: Callable[[], bool]
) -> Stop | None:
    """What forbids a sweep now, whatever is due; None if nothing does.

    Args:
        reconciler: public key by which reconciliations are signed.
        given_up: asked whether to stop waiting for the record.

    Raises:
        DatabaseAway, BrokerAway: nothing may be swept.
    """
    if (stop := await _rebuilt(database, namespace, reconciler)) is not None:
        return stop
    [start] = await database.fetch("SELECT now() AS began, (SELECT count(*) FROM clip_fate) AS clips")
    if (stop := await _behind(database, ends, start["began"], given_up)) is not None:
        return stop
    [known] = await database.fetch("SELECT count(*) AS clips FROM clips")
    if known["clips"] >= start["clips"]:
        return None
    return Stop(
        Cause.CATALOGUE,
        f"the catalogue has {known['clips']:,} clips and there are {start['clips']:,} rows, although the record has "
        "caught up: rows of the catalogue are missing; see bwv reconcile, then bwv rebuild",
    )


async def _behind(database: Database, ends: Ends, began: datetime, given_up: Callable[[], bool]) -> Stop | None:
    """Wait until every event that was decided before `began` is published and on record."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    # The ends are read once nothing older waits in the outbox: so they lie behind every such event.
    while unsent := await _unsent(database, began):
        if given_up() or loop.time() > deadline:
            says = f"{unsent:,} events decided before {began:%H:%M:%S} are not published yet; look at bwv status: relay"
            return Stop(Cause.RECORD, says)
        await asyncio.sleep(LOOK_EVERY)
    wanted = await ends()
    while missing := await _unrecorded(database, wanted):
        if given_up() or loop.time() > deadline:
            says = f"{missing:,} published events are not on record yet; look at bwv status: record"
            return Stop(Cause.RECORD, says)
        await asyncio.sleep(LOOK_EVERY)
    return None


async def _unsent(database: Database, began: datetime) -> int:
    [row] = await database.fetch("SELECT count(*) AS number FROM outbox WHERE sent_at IS NULL AND time < %s", (began,))
    return int(row["number"])


async def _unrecorded(database: Database, wanted: Mapping[tuple[str, int], int]) -> int:
    rows = await database.fetch("SELECT topic, partition, next_offset FROM record_offsets")
    reached = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
    return sum(max(0, end - reached.get(place, 0)) for place, end in wanted.items())


async def _rebuilt(database: Database, namespace: str, reconciler: EnrolledKey | None) -> Stop | None:
    """After a rebuild nothing goes before a reconciliation of everything, made since, was green."""
    row = await database.fetch_one("SELECT max(at) AS at FROM rebuilds WHERE green_at IS NULL")
    if row is None or row["at"] is None:
        return None
    for statement in await _reconciled(database, row["at"]):
        if reconciler is not None and _green(statement, namespace, reconciler):
            await database.execute(
                "UPDATE rebuilds SET green_at = %(green)s WHERE green_at IS NULL AND at < %(green)s",
                {"green": statement["stated_at"]},
            )
            return None
    return Stop(
        Cause.REBUILD,
        f"the database was made again at {row['at']:%Y-%m-%d %H:%M:%SZ}, and no reconciliation of everything was green "
        "since; run bwv reconcile until nothing is unexplained",
    )


async def _reconciled(database: Database, since: datetime) -> list[Row]:
    return await database.fetch(
        "SELECT stated_at, statement FROM reconciliations WHERE day IS NULL AND dock IS NULL AND unexplained = 0"
        " AND stated_at > %s ORDER BY stated_at",
        (since,),
    )


def _green(row: Row, namespace: str, reconciler: EnrolledKey) -> bool:
    """Whether the reconciling service signed that everything was looked at closely, and adds up."""
    signed = msgspec.convert(row["statement"], Signed)
    try:
        body = opened(PURPOSES[Reconciliation], signed, Reconciliation, role=Role.SERVICE,
                      find=lambda name: reconciler if name == reconciler.id else None)  # fmt: skip
    except PermanentFault:
        return False
    looked = body.looked
    whole = body.namespace == namespace and body.day is None and body.dock is None
    return whole and looked.heads and looked.proofs and looked.strays and body.unexplained == 0
