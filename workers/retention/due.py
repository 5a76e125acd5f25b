"""What goes next, and why: asked of the schedule; the reasons of each clip that is named are decided afresh."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from workers.database.engine import Database, Row
from workers.fate.row import FATE_COLUMNS, Fate
from workers.retention.clips import clip_of
from workers.retention.decide import plan
from workers.retention.facts import hold_entry
from workers.retention.policy import Policy


class Asked(Struct, frozen=True):
    """What is asked for.

    Attributes:
        since, until: disposal begins between them; since None: also what is overdue.
        most: clips that are named; the others are counted.
    """

    since: datetime | None
    until: datetime
    most: int


class Sum(Struct, frozen=True):
    """Clips that go by one rule."""

    category: str
    rule: str
    clips: int
    size: int
    first: datetime
    in_bin: int


class Going(Struct, frozen=True):
    """One clip that goes, and why.

    Attributes:
        waits: why it still lies in the bin although its time has come.
    """

    clip_id: str
    category: str
    rule: str
    size: int
    recorded_at: datetime | None
    incident: str | None
    in_bin: bool
    dispose_from: datetime
    ends_at: datetime
    exception: str | None
    waits: str | None
    reasons: tuple[str, ...]


class Due(Struct, frozen=True):
    """The answer: totals by rule, and the clips that go first."""

    policy: int
    clips: int
    size: int
    sums: tuple[Sum, ...]
    listed: tuple[Going, ...]


# Sums are made over what the index of disposals knows, instead of over every clip's row: what is disposed of leaves the
# schedule. intend_from is never later than dispose_from, and has an index.
MARKED = "(SELECT clip_id, disposal FROM clip_fate WHERE disposal IN ('intended', 'committed'))"

DUE = (
    " FROM schedule s LEFT JOIN {rows} f USING (clip_id)"
    " WHERE s.intend_from IS NOT NULL AND NOT s.held AND s.intend_from <= %(until)s AND s.dispose_from < %(until)s"
    " AND (%(since)s::timestamptz IS NULL OR s.dispose_from >= %(since)s)"
    " AND (f.disposal IS NULL OR f.disposal = 'intended')"
)

BIN = " FROM {rows} f JOIN schedule s USING (clip_id) WHERE f.disposal = 'intended'"

SUMS = (
    "SELECT s.category, s.rule, count(*) AS clips, sum(s.size)::bigint AS size, min(s.dispose_from) AS first,"
    " count(*) FILTER (WHERE f.disposal = 'intended') AS in_bin"
)

LISTED = (
    "SELECT s.clip_id, s.category, s.rule, s.size, s.recorded_at, s.incident, f.disposal IS NOT NULL AS in_bin,"
    " s.dispose_from, s.ends_at, s.exception, CASE WHEN f.disposal = 'intended' THEN s.waits END AS waits"
)


async def due(database: Database, policy: Policy, asked: Asked) -> Due:
    """What is disposed of in a time, if nobody does anything."""
    return await _answered(database, policy, DUE, {"since": asked.since, "until": asked.until}, asked.most)


async def in_bin(database: Database, policy: Policy, *, most: int) -> Due:
    """What lies in the bin now."""
    return await _answered(database, policy, BIN, {}, most)


async def _answered(
    database: Database, policy: Policy, wanted: str, given: dict[str, datetime | None], most: int
) -> Due:
    async with database.transaction() as connection:
        await connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor = await connection.execute(
            f"{SUMS}{wanted.format(rows=MARKED)} GROUP BY 1, 2 ORDER BY clips DESC, 2".encode(), given
        )
        sums = tuple(msgspec.convert(row, Sum) for row in await cursor.fetchall())
        cursor = await connection.execute(
            f"{LISTED}{wanted.format(rows='clip_fate')} ORDER BY s.dispose_from, s.clip_id LIMIT {most:d}".encode(),
            given,
        )
        rows = await cursor.fetchall()
        cursor = await connection.execute(
            f"SELECT {FATE_COLUMNS} FROM clip_fate WHERE clip_id = ANY(%s)".encode(), ([r["clip_id"] for r in rows],)
        )
        fates = {row["clip_id"]: msgspec.convert(row, Fate) for row in await cursor.fetchall()}
    listed = tuple(_going(row, fates[row["clip_id"]], policy) for row in rows)
    return Due(policy.version, sum(s.clips for s in sums), sum(s.size for s in sums), sums, listed)


def _going(row: Row, fate: Fate, policy: Policy) -> Going:
    made = plan(clip_of(fate), fate.facts, map(hold_entry, fate.hold_reasons), policy)
    return msgspec.convert(row | {"reasons": tuple(reason.says for reason in made.reasons)}, Going)
