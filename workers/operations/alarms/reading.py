"""The figures that PostgreSQL has: one question an alarm, each answered by an index, whatever the number of clips."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from workers.database.engine import Database
from workers.operations.alarms import limits
from workers.operations.alarms.figures import Deadline, Docked, Figures, Gap, Out, Overdue, Verified
from workers.operations.alarms.shifts import Shifts, last_change, windows
from workers.retention.leasing import ALARM, LATE, Leases

DAYS = 7
"""Days before, whose same window says what a dock usually has."""

LIVING = "(f.disposal IS NULL OR f.disposal = 'intended')"

VERIFIED = """
SELECT count(*) AS clips, percentile_cont(0.95) WITHIN GROUP (ORDER BY took) AS p95,
       count(*) FILTER (WHERE took > GREATEST(%(within)s, %(factor)s * size / %(rate)s + %(extra)s)) AS late
FROM (SELECT extract(epoch FROM verified_at - docked_at)::float AS took, COALESCE(size, 0) AS size FROM clips
      WHERE verified_at > %(since)s AND verified_at <= %(now)s AND docked_at IS NOT NULL) AS seen"""

UNVERIFIED = f"""
SELECT count(*) AS clips, min(f.registered_at) AS oldest,
       (array_agg(f.clip_id ORDER BY f.registered_at))[1:%(examples)s] AS examples
FROM clip_fate f WHERE f.standing IN ('registered', 'secured') AND f.registered_at < %(before)s AND {LIVING}"""

UNRELEASED = f"""
SELECT count(*) AS clips, min(at) AS oldest, (array_agg(clip_id ORDER BY at))[1:%(examples)s] AS examples
FROM (SELECT f.clip_id, COALESCE(c.verified_at, f.moved_at) AS at FROM clip_fate f LEFT JOIN clips c USING (clip_id)
      WHERE f.standing = 'verified' AND {LIVING}) AS seen
WHERE at < %(before)s"""

QUARANTINED = f"""
SELECT f.clip_id, f.camera, f.recording FROM clip_fate f
WHERE f.standing = 'quarantined' AND f.decision IS NULL AND {LIVING} ORDER BY f.registered_at LIMIT %(most)s"""

GAPS = """
SELECT g.camera, g.first, g.last FROM gaps g LEFT JOIN cameras m USING (camera)
WHERE NOT COALESCE(m.sequences @> int8range(g.first, g.last, '[]'), false) ORDER BY g.time DESC LIMIT %(most)s"""
"""A gap that a later inventory filled is none any more."""

DAMAGED = f"SELECT count(*) AS clips FROM clip_fate f WHERE f.standing = 'damaged' AND {LIVING}"

SWEEPS = """
SELECT DISTINCT ON (cause) cause, COALESCE(reason, cause) AS reason FROM sweeps
WHERE cause IS NOT NULL AND state = 'stopped' ORDER BY cause, started_at DESC"""

DEADLINES = """
SELECT s.submission_id, s.urn, s.state, LEAST(c.clock_ends, c.first_hearing) AS ends, false AS receipt_overdue
FROM cases c JOIN submissions s USING (case_id)
WHERE c.closed_at IS NULL AND LEAST(c.clock_ends, c.first_hearing) < %(near)s AND s.state <> 'acknowledged'
  AND NOT EXISTS (SELECT FROM submissions n WHERE n.case_id = s.case_id AND n.state = 'acknowledged'
                  AND n.requested_at > s.requested_at)
UNION
SELECT s.submission_id, s.urn, s.state, NULL, true FROM submissions s WHERE s.state = 'sent' AND s.due_at < %(now)s
ORDER BY ends LIMIT %(most)s"""
"""What was not acknowledged, nor anything after it in its case; ordered so that the hearing is named first."""

OUT = """
SELECT k.owner AS camera, h.officer, h.time AS since
FROM (SELECT DISTINCT owner FROM enrolled_keys WHERE role = 'camera' AND revoked_at IS NULL) AS k
CROSS JOIN LATERAL (SELECT officer, time FROM camera_holders h WHERE h.camera = k.owner
                    ORDER BY time DESC, event_id DESC LIMIT 1) AS h
LEFT JOIN cameras m ON m.camera = k.owner
WHERE h.officer IS NOT NULL AND h.time < %(before)s AND (m.docked_at IS NULL OR m.docked_at < h.time)
ORDER BY h.time LIMIT %(most)s"""
"""Only what was issued and never docked since: nobody tells when a camera is taken out of a bay again."""

LOST = """
SELECT k.owner AS camera, k.reason FROM enrolled_keys k
WHERE k.role = 'camera' AND k.revoked_at IS NOT NULL AND k.reason ~* '^(lost|stolen)'
  AND NOT EXISTS (SELECT FROM enrolled_keys n WHERE n.role = 'camera' AND n.owner = k.owner AND n.revoked_at IS NULL)
  AND NOT EXISTS (SELECT FROM camera_holders h WHERE h.camera = k.owner AND h.officer IS NULL
                  AND h.time > k.revoked_at)
ORDER BY k.revoked_at DESC LIMIT %(most)s"""
"""Reported lost by revoking its key; found once somebody returns it or enrols it anew."""

CLOCKS = f"""
SELECT c.camera, (array_agg(c.clock_offset ORDER BY abs(c.clock_offset) DESC))[1] AS off
FROM clips c JOIN cameras m ON m.camera = c.camera AND m.docking = c.docking
WHERE abs(c.clock_offset) > {limits.CLOCK_MOST} GROUP BY c.camera ORDER BY c.camera LIMIT %(most)s"""

DOCKS = """
SELECT d.dock, w.n, count(*) AS cameras
FROM unnest(%(begins)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS w(begins, ends, n)
JOIN dockings d ON d.docked_at >= w.begins AND d.docked_at < w.ends GROUP BY d.dock, w.n"""


async def read_figures(database: Database, now: datetime, *, leases: Leases, shifts: Shifts | None = None) -> Figures:
    """What PostgreSQL knows; the rest stays None.

    Args:
        now: with a zone.
        leases: how long locks last.
        shifts: when cameras come into their docks; None: no dock is judged.

    Raises:
        DatabaseAway: nothing is known.
    """
    given = {"now": now, "most": limits.MOST, "examples": limits.EXAMPLES}
    verified = await database.fetch_one(VERIFIED, {
        **given, "since": now - timedelta(hours=1), "within": limits.VERIFIED_WITHIN, "factor": limits.LARGE_FACTOR,
        "rate": limits.CAMERA_RATE, "extra": limits.LARGE_EXTRA,
    })  # fmt: skip
    damaged = await database.fetch_one(DAMAGED)
    deadlines = await database.fetch(DEADLINES, {**given, "near": now + limits.DEADLINE_NEAR})
    out = await database.fetch(OUT, {**given, "before": now - limits.OUT_MOST})
    quarantined = await database.fetch(QUARANTINED, given)
    return Figures(
        now=now,
        verified=Verified(**(verified or {})),
        unverified=await _overdue(database, UNVERIFIED, {**given, "before": now - limits.UNVERIFIED_MOST}),
        unreleased=await _overdue(database, UNRELEASED, {**given, "before": now - limits.UNRELEASED_MOST}),
        quarantined={row["clip_id"]: f"{row['camera']}/{row['recording']} came with other bytes than its dock declared"
                     for row in quarantined},
        gaps=tuple(Gap(**row) for row in await database.fetch(GAPS, given)),
        damaged=(damaged or {"clips": 0})["clips"],
        leases_late=await _leases_late(database, now, leases),
        sweeps={row["cause"]: row["reason"] for row in await database.fetch(SWEEPS)},
        deadlines=_deadlines(deadlines),
        out=tuple(Out(**{**row, "since": row["since"].astimezone(UTC)}) for row in out),
        lost={row["camera"]: row["reason"] for row in await database.fetch(LOST, given)},
        clocks={row["camera"]: row["off"] for row in await database.fetch(CLOCKS, given)},
        docks=await _docks(database, shifts, now) if shifts is not None else (),
    )  # fmt: skip


async def _overdue(database: Database, statement: str, given: dict[str, Any]) -> Overdue:
    row = await database.fetch_one(statement, given)
    if row is None or not row["clips"]:
        return Overdue()
    return Overdue(row["clips"], (given["now"] - row["oldest"]).total_seconds(), tuple(row["examples"]))


async def _leases_late(database: Database, now: datetime, leases: Leases) -> int:
    soon = now + leases.renew / ALARM
    row = await database.fetch_one(LATE, {"now": now, "soon": soon, "first": leases.first})
    return int(row["late"]) if row else 0


def _deadlines(rows: list[dict[str, Any]]) -> tuple[Deadline, ...]:
    """One for each submission: its hearing, where one is near, before its late receipt."""
    found: dict[str, Deadline] = {}
    for row in rows:
        ends = row["ends"].astimezone(UTC) if row["ends"] else None
        found.setdefault(row["submission_id"], Deadline(**{**row, "ends": ends}))
    return tuple(found.values())


async def _docks(database: Database, shifts: Shifts, now: datetime) -> tuple[Docked, ...]:
    change = last_change(shifts, now)
    if change is None:
        return ()
    looked = [*windows(change, DAYS), (windows(change, 0)[0][1], now)]
    rows = await database.fetch(DOCKS, {"begins": [begin for begin, _ in looked], "ends": [end for _, end in looked]})
    counts: dict[str, list[int]] = {}
    for row in rows:
        counts.setdefault(row["dock"], [0] * len(looked))[row["n"] - 1] = row["cameras"]
    return tuple(Docked(dock, change, seen[0], tuple(seen[1:-1]), seen[-1]) for dock, seen in sorted(counts.items()))
