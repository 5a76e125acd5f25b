"""How much a sweep may put into the bin: the policy's budget, and a person's word where it does not suffice.

A sweep that finds more due than its budget allows stops altogether and asks, once. What a person approves is what
was asked about: clips whose time had come by then, so many and no more, under that policy. A refusal stands for a
day, then it is asked again; another policy, or fewer clips due, and there is nothing left to ask.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, execute, fetch
from workers.fate.moves import Standing
from workers.fate.row import announce
from workers.footage.canonical import derived_id
from workers.keys.statements import now_iso
from workers.retention.breaker import Cause, Stop
from workers.retention.intent import Tells
from workers.retention.policy import Policy

log = logging.getLogger(__name__)

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MONTH = timedelta(days=30)

SETTLED = [Standing.VERIFIED, Standing.RELEASED, Standing.DAMAGED, Standing.QUARANTINED]

DUE = (
    "FROM schedule s JOIN clip_fate f USING (clip_id) WHERE s.intend_from <= %(until)s AND NOT s.held"
    " AND f.disposal IS NULL AND NOT f.held AND f.standing = ANY(%(settled)s)"
)
"""Clips whose time had come by `until` and that are not in the bin."""


class Budget(Struct, frozen=True):
    """How many clips may still go into the bin now.

    Attributes:
        left: may be below 0 after a change of policy.
        says: how it comes about, for a person.
    """

    left: int
    says: str


async def budget_left(connection: Connection, policy: Policy, now: datetime) -> Budget:
    """What is left of the policy's budget; what a person approved does not count."""
    budget = policy.budget
    [used] = await fetch(
        connection,
        "SELECT COALESCE(sum(intended), 0)::bigint AS day,"
        " COALESCE(sum(intended) FILTER (WHERE started_at > %s), 0)::bigint AS hour"
        " FROM sweeps WHERE cause IS NULL AND started_at > %s",
        (now - HOUR, now - DAY),
    )
    [seen] = await fetch(
        connection,
        "SELECT count(*) AS clips FROM schedule WHERE docked_at > %s AND docked_at <= %s",
        (now - MONTH, now),
    )
    mean = seen["clips"] / MONTH.days
    a_day = int(budget.share * mean)
    left = max(budget.floor - used["day"], min(a_day - used["day"], budget.per_hour - used["hour"]))
    says = (
        f"the policy allows {a_day:,} a day ({budget.share:g} × the mean of {mean:,.0f} clips a day) and "
        f"{budget.per_hour:,} an hour, and {budget.floor:,} a day in any case; {used['day']:,} went in the last day, "
        f"{used['hour']:,} of them in the last hour"
    )
    return Budget(left, says)


class Grant(Struct, frozen=True):
    """What may go into the bin now.

    Attributes:
        until: only clips whose time had come by then; most: so many.
        approved: by a person, so it does not count against the budget.
    """

    sweep_id: str
    until: datetime
    most: int
    approved: bool


class Asked(Struct, frozen=True):
    """The newest time that a sweep stopped for its budget and asked a person.

    Attributes:
        started_at: only clips whose time had come by then are meant.
        due: so many were; intended: so many of them have gone into the bin since it was approved.
        state: stopped, approved or refused; done once it is over.
    """

    sweep_id: str
    started_at: datetime
    policy: int
    due: int
    intended: int
    state: str
    decided_at: datetime | None


async def last_asked(connection: Connection) -> Asked | None:
    """What a person was asked last; None if never."""
    rows = await fetch(
        connection,
        "SELECT sweep_id, started_at, policy, due, intended, state, decided_at FROM sweeps WHERE cause = %s"
        " ORDER BY started_at DESC LIMIT 1",
        (Cause.BUDGET,),
    )
    return msgspec.convert(rows[0], Asked) if rows else None


async def count_due(connection: Connection, until: datetime) -> int:
    """Clips whose time had come by `until` and that are not in the bin."""
    [row] = await fetch(connection, f"SELECT count(*) AS due {DUE}", {"until": until, "settled": SETTLED})
    return int(row["due"])


async def granted(
    connection: Connection, policy: Policy, due: int, now: datetime, *, namespace: str, tells: Tells
) -> Grant | Stop:
    """What may go into the bin of so many that are due, or why nothing may; asks a person, inside the transaction."""
    await _passed_by(connection, Cause.RECORD, Cause.CATALOGUE, Cause.REBUILD)
    asked = await last_asked(connection)
    if asked is not None and (asked.state == "done" or asked.policy != policy.version):
        asked = None
    if asked is not None and asked.state == "approved":
        left = min(asked.due - asked.intended, await count_due(connection, asked.started_at))
        if left > 0:
            return Grant(asked.sweep_id, asked.started_at, left, approved=True)
        asked = None
    budget = await budget_left(connection, policy, now)
    allowed = due <= budget.left
    asks = asked is None or _is_old(asked, now)
    if allowed or asks:
        await _passed_by(connection, Cause.BUDGET)
    if allowed:
        return Grant(derived_id("sweep", namespace, now_iso(now)), now, due, approved=False)
    stop = Stop(Cause.BUDGET, f"{due:,} clips are due: {budget.says}")
    if asks:
        await _say(
            connection, stop, "stopped", policy=policy.version, due=due, now=now, namespace=namespace, tells=tells
        )
    return stop


async def stand_still(
    connection: Connection, policy: Policy, due: int, stop: Stop, now: datetime, *, namespace: str, tells: Tells
) -> None:
    """Say once that a sweep must not run; it goes on by itself when the cause is gone."""
    told = await fetch(connection, "SELECT FROM sweeps WHERE cause = %s AND state = 'refused' LIMIT 1", (stop.cause,))
    if not told:
        await _say(
            connection, stop, "refused", policy=policy.version, due=due, now=now, namespace=namespace, tells=tells
        )


async def count_intended(connection: Connection, policy: Policy, grant: Grant, moved: int) -> None:
    """Count what went into the bin, in the transaction that put it there."""
    if grant.approved:
        await execute(
            connection, "UPDATE sweeps SET intended = intended + %s WHERE sweep_id = %s", (moved, grant.sweep_id)
        )
        return
    await execute(
        connection,
        "INSERT INTO sweeps (sweep_id, started_at, policy, due, intended, state)"
        " VALUES (%s, %s, %s, %s, %s, 'done')"
        " ON CONFLICT (sweep_id) DO UPDATE SET intended = sweeps.intended + EXCLUDED.intended",
        (grant.sweep_id, grant.until, policy.version, grant.most, moved),
    )


def _is_old(asked: Asked, now: datetime) -> bool:
    """A refusal is asked again after a day; a question that nobody answered stands."""
    return asked.state == "refused" and (asked.decided_at is None or asked.decided_at < now - DAY)


async def _passed_by(connection: Connection, *causes: Cause) -> None:
    """These causes stand no longer."""
    await execute(
        connection, "UPDATE sweeps SET state = 'done' WHERE cause = ANY(%s) AND state <> 'done'", (list(causes),)
    )


async def _say(
    connection: Connection,
    stop: Stop,
    state: str,
    *,
    policy: int,
    due: int,
    now: datetime,
    namespace: str,
    tells: Tells,
) -> None:
    sweep_id = derived_id("sweep", namespace, now_iso(now), stop.cause)
    log.error("sweep %s stands still: %s", sweep_id, stop.says)
    await execute(
        connection,
        "INSERT INTO sweeps (sweep_id, started_at, policy, due, intended, state, cause, reason)"
        " VALUES (%s, %s, %s, %s, 0, %s, %s, %s)",
        (sweep_id, now, policy, due, state, stop.cause, stop.says),
    )
    await announce(connection, [tells.stopped(sweep_id, policy, due, stop.says)])
