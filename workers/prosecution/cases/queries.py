"""Questions that people ask of cases."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, fetch
from workers.prosecution.cases.case import Case


class ListedCase(Struct, frozen=True):
    """One case as a list shows it.

    Attributes:
        review_from: from when a person should look at it.
    """

    case_id: str
    urn: str
    kind: str
    title: str
    officer: str
    clock: str
    clock_ends: datetime | None
    first_hearing: datetime | None
    earliest_end: datetime | None
    review_from: datetime | None
    exhibits: int
    closed_at: datetime | None


class KeptClip(Struct, frozen=True):
    """A clip that a case keeps, or that is an exhibit of it.

    Attributes:
        state: of the case's hold over it; None: no hold of the case covers it.
    """

    clip_id: str
    camera: str
    recording: str
    recorded_at: str | None
    size: int | None
    sha256: str | None
    hold_id: str | None
    state: str | None


class HoldOfCase(Struct, frozen=True):
    """A hold of a case as its row has it."""

    hold_id: str
    incident: str | None
    clip_id: str | None
    earliest_end: datetime | None
    lifted_at: datetime | None


async def list_cases(
    connection: Connection, *, kind: str | None = None, clock: str | None = None, closed: bool = False
) -> list[ListedCase]:
    """Cases in the order of their work: whoever's clock or hearing ends first, then the oldest.

    Args:
        kind, clock: those alone.
        closed: closed ones too.
    """
    rows = await fetch(
        connection,
        "SELECT case_id, body->>'urn' AS urn, kind, body->>'title' AS title, officer, clock, clock_ends, first_hearing,"
        " earliest_end, review_from, closed_at,"
        " (SELECT count(*) FROM exhibits e WHERE e.case_id = c.case_id AND NOT withdrawn) AS exhibits"
        " FROM cases c WHERE (%(kind)s::text IS NULL OR kind = %(kind)s)"
        " AND (%(clock)s::text IS NULL OR clock = %(clock)s) AND (%(closed)s OR closed_at IS NULL)"
        " ORDER BY closed_at IS NOT NULL, clock <> 'detained', LEAST(clock_ends, first_hearing), opened_at, urn",
        {"kind": kind, "clock": clock, "closed": closed},
    )
    return [msgspec.convert(row, ListedCase) for row in rows]


async def kept_clips(connection: Connection, case: Case) -> list[KeptClip]:
    """Every clip that a hold of the case covers, and every exhibit's, oldest first."""
    rows = await fetch(
        connection,
        "SELECT f.clip_id, f.camera, f.recording, c.recorded_at::text AS recorded_at, c.size, c.sha256, h.hold_id,"
        " h.state FROM clip_fate f LEFT JOIN clips c USING (clip_id)"
        " LEFT JOIN LATERAL (SELECT hold_id, state FROM hold_clips k WHERE k.clip_id = f.clip_id"
        "  AND k.hold_id = ANY(%(holds)s) ORDER BY state LIMIT 1) h ON true"
        " WHERE f.clip_id IN (SELECT clip_id FROM hold_clips WHERE hold_id = ANY(%(holds)s)"
        "  UNION SELECT unnest(%(exhibits)s::text[])) ORDER BY c.recorded_at, f.clip_id",
        {"holds": list(case.holds), "exhibits": [exhibit.clip_id for exhibit in case.exhibits]},
    )
    return [msgspec.convert(row, KeptClip) for row in rows]


async def holds_of_case(connection: Connection, case: Case) -> list[HoldOfCase]:
    """The holds of a case that were placed."""
    rows = await fetch(
        connection,
        "SELECT hold_id, incident, clip_id, earliest_end, lifted_at FROM holds WHERE hold_id = ANY(%s)"
        " ORDER BY placed_at, hold_id",
        (list(case.holds),),
    )
    return [msgspec.convert(row, HoldOfCase) for row in rows]
