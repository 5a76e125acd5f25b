"""Alarms over what takes hours or weeks to go wrong: its rows are put where the stages would have left them.

What must last for minutes before it is told is given those minutes in the same way: its row in `alarms` began earlier.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.pipeline.pipeline import Pipeline
from workers.operations.alarms.table import BY_NAME

SHIFT_ZONE = "Europe/London"
DAYS = 7
SLOW = {
    "verified-late": "system",
    "lease-missed": "system",
    "budget-hit": "budget",
    "deadline-near": "ALM-HEARING",
    "dock-silent": "DOCK-ALM-SILENT",
}
"""Alarm → the subject for which it is caused here."""

VERIFIED = """
SELECT c.clip_id, f.lease_confirmed >= f.lease_end AS confirmed FROM clips c JOIN clip_fate f USING (clip_id)
WHERE c.docked_at IS NOT NULL AND c.verified_at > now() - interval '50 minutes' AND f.standing = 'released'
ORDER BY confirmed NULLS FIRST, c.clip_id"""


def shift_change(now: datetime) -> str:
    """A change of shift, as the settings have it, whose window has just ended."""
    return f"{(now - timedelta(minutes=90)).astimezone(ZoneInfo(SHIFT_ZONE)):%H:%M}"


@contextlib.asynccontextmanager
async def moved(system: Pipeline, table: str, column: str, which: str, by: timedelta) -> AsyncIterator[None]:
    """What stands on the clock lies elsewhere meanwhile; to the microsecond where it was afterwards."""
    statement = f"UPDATE {table} SET {column} = {column} + %s WHERE {which} RETURNING 1"
    assert await system.sql(statement, by), f"there is a row of {table} where {which}"
    try:
        yield
    finally:
        assert await system.sql(statement, -by)


@contextlib.asynccontextmanager
async def put(system: Pipeline, table: str, *rows: dict[str, Any]) -> AsyncIterator[None]:
    """Rows that are there meanwhile; the first column of each is its key."""
    for row in rows:
        marks = ", ".join(["%s"] * len(row))
        await system.sql(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks}) RETURNING 1", *row.values())
    try:
        yield
    finally:
        key = next(iter(rows[0]))
        for row in rows:
            await system.sql(f"DELETE FROM {table} WHERE {key} = %s RETURNING 1", row[key])


@contextlib.asynccontextmanager
async def slowly_wrong(system: Pipeline) -> AsyncIterator[None]:
    """All of it at once."""
    now = datetime.now(UTC)
    change = now - timedelta(minutes=90)
    docked = [
        {"camera": f"ALM-SILENT-{back}", "docking": 1, "dock": SLOW["dock-silent"], "bay": "1", "sha256": "",
         "docked_at": change - timedelta(days=back), "inventory": "", "key": "", "signature": ""}
        for back in range(1, DAYS + 1)
    ]  # fmt: skip
    case = {"case_id": "ALM-CASE", "urn": "01ALM", "kind": "prosecution", "version": 1, "officer": "PC-4711",
            "clock": "charged", "first_hearing": now + timedelta(hours=20), "opened_at": now, "body": "{}"}  # fmt: skip
    submission = {"submission_id": SLOW["deadline-near"], "case_id": "ALM-CASE", "urn": "01ALM", "purpose": "x",
                  "recipient": "x", "state": "rejected", "ordered": "{}", "items": 1, "urgent": False,
                  "requested_at": now, "due_at": now}  # fmt: skip
    sweep = {"sweep_id": "alm", "started_at": now, "policy": 1, "due": 9, "intended": 0, "state": "stopped",
             "cause": SLOW["budget-hit"], "reason": "9 are due, 1 is usual"}  # fmt: skip
    verified = await system.some(lambda: system.sql(VERIFIED), "a clip that was verified within the hour")
    of = "clip_id IN ({})".format
    late, leased = of(", ".join(f"'{row['clip_id']}'" for row in verified)), of(f"'{verified[-1]['clip_id']}'")
    # The first lock is of the registration's length and stands in no column until the lease has confirmed one.
    columns = ("lease_end", "lease_confirmed") if verified[-1]["confirmed"] else ("registered_at",)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(system.frozen("lease"))  # it would put right what is to be seen
        for table, rows in (
            ("dockings", docked),
            ("cases", [case]),
            ("submissions", [submission]),
            ("sweeps", [sweep]),
        ):
            await stack.enter_async_context(put(system, table, *rows))
        await stack.enter_async_context(moved(system, "clips", "docked_at", late, timedelta(hours=-2)))
        for column in columns:
            await stack.enter_async_context(moved(system, "clip_fate", column, leased, timedelta(days=-4000)))
        yield


async def have_lasted(system: Pipeline) -> None:
    """Everything that must last before it is told has lasted; waits until it is seen at all."""
    for name, subject in SLOW.items():
        lasts = BY_NAME[name].lasts
        if not lasts:
            continue
        which = f"alarm = '{name}' AND subject = '{subject}'"
        await system.some(lambda which=which: system.sql(f"SELECT FROM alarms WHERE {which}"), name)  # type: ignore[misc]
        await system.sql(f"UPDATE alarms SET since = since - %s WHERE {which} RETURNING 1", timedelta(seconds=lasts))
