"""The one hold that ends by itself: of scrutiny, at the moment that whoever placed it signed. Every other takes people.

A panel looks at footage that nobody complained of and that is no evidence. Kept for ever, it would be kept for nothing
(DPA 2018 s.39). The moment stands in the signed request, so that it needs nobody's signature again, no policy of the
past, and is the same after a rebuild. Two people may lift it before, as they lift others.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from workers.database.engine import Connection, execute, fetch
from workers.retention.facts import HoldReason
from workers.retention.own_end import own_end
from workers.retention.policies import current
from workers.retention.scopes import HoldRow

MEETS = timedelta(days=92)
"""When a panel that names no day meets at the latest: each quarter."""

AFTER = timedelta(days=92)
"""How long after that footage is kept, where the policy says nothing."""


async def kept_after(connection: Connection, met: datetime) -> datetime:
    """When a hold for a panel that has met at this moment ends, by the policy in force.

    Args:
        met: the end of the day on which it meets.
    """
    policy = await current(connection)
    rule = policy.holds.get(HoldReason.SCRUTINY) if policy is not None else None
    if policy is None or rule is None or rule.ends is None:
        return (met + AFTER).astimezone(UTC)
    end = rule.ends.after(met, policy.zone)
    return met + AFTER if end is None else end


async def due(connection: Connection, now: datetime) -> list[str]:
    """Holds whose own end has come, by id."""
    rows = await fetch(
        connection,
        "SELECT hold_id, request FROM holds WHERE reason = %s AND lifted_at IS NULL ORDER BY hold_id",
        (HoldReason.SCRUTINY.value,),
    )
    found = []
    for row in rows:
        end = own_end(row["request"]["body"])
        if end is not None and end <= now:
            found.append(str(row["hold_id"]))
    return found


async def end(connection: Connection, hold: HoldRow, now: datetime) -> bool:
    """End a hold whose own end has come; False if it has not, or people were first. Inside the caller's transaction."""
    at = own_end(hold.request.body)
    if at is None or at > now:
        return False
    return bool(
        await execute(
            connection,
            "UPDATE holds SET lifted_at = %s WHERE hold_id = %s AND lifted_at IS NULL",
            (now, hold.hold_id),
        )
    )
