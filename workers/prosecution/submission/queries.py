"""What people and stages ask about submissions; nothing here changes one."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, Database, fetch
from workers.prosecution.submission.rows import COLUMNS, Submission
from workers.prosecution.submission.states import NOT_TAKEN, State
from workers.retention.incidents import SAID


async def waiting(connection: Connection, state: State, what: str) -> list[Submission]:
    """Submissions in this state that wait for this very thing, unchanged until the transaction ends."""
    rows = await fetch(
        connection,
        f"SELECT {COLUMNS} FROM submissions WHERE state = %s AND waits_for = %s ORDER BY requested_at FOR UPDATE",
        (state, what),
    )
    return [msgspec.convert(row, Submission) for row in rows]


async def waiting_for_derivative(database: Database, derivative_id: str) -> list[str]:
    """Submissions that were ordered with this derivative and are not prepared yet; there are never many."""
    rows = await database.fetch(
        "SELECT submission_id FROM submissions WHERE state = 'requested' AND position(%s in ordered->>'body') > 0"
        " ORDER BY requested_at",
        (derivative_id,),
    )
    return [row["submission_id"] for row in rows]


class Asked(Struct, frozen=True):
    """Which submissions are wanted; what is None does not matter.

    Attributes:
        case: case id, or URN in its plain form (identity.plain).
        overdue: only those whose receipt is late.
        most: how many, newest first.
    """

    state: State | None = None
    batch: str | None = None
    case: str | None = None
    overdue: bool = False
    most: int = 100


async def listed(database: Database, asked: Asked) -> list[Submission]:
    """Submissions, newest first."""
    rows = await database.fetch(
        f"SELECT {COLUMNS} FROM submissions WHERE (%(state)s::text IS NULL OR state = %(state)s)"
        " AND (%(batch)s::text IS NULL OR batch = %(batch)s)"
        " AND (%(case)s::text IS NULL OR %(case)s IN (case_id, upper(replace(urn, ' ', ''))))"
        " AND (NOT %(overdue)s OR (state = 'sent' AND due_at < now()))"
        " ORDER BY requested_at DESC, submission_id LIMIT %(most)s",
        {
            "state": asked.state,
            "batch": asked.batch,
            "case": asked.case,
            "overdue": asked.overdue,
            "most": asked.most,
        },
    )
    return [msgspec.convert(row, Submission) for row in rows]


class WithClip(Struct, frozen=True):
    """A submission in which a clip goes, or a part of it.

    Attributes:
        kind, officer: of its case.
        items: references of those that are of this clip.
    """

    submission_id: str
    urn: str
    recipient: str
    purpose: str
    state: str
    kind: str
    officer: str
    items: tuple[str, ...]
    requested_at: datetime
    sent_at: datetime | None
    answered_at: datetime | None


async def submissions_with_clip(database: Database, clip_id: str) -> list[WithClip]:
    """Submissions of its cases whose manifest has this clip, newest first."""
    rows = await database.fetch(
        "SELECT submission_id, s.urn, recipient, purpose, state, k.kind, k.officer, requested_at, sent_at, answered_at,"
        " ARRAY(SELECT item->>'reference' FROM jsonb_array_elements(manifest->'items') item"
        "  WHERE item->>'clip_id' = %(clip)s) AS items"
        " FROM submissions s JOIN cases k USING (case_id)"
        " WHERE case_id IN (SELECT case_id FROM exhibits WHERE clip_id = %(clip)s"
        "  UNION SELECT case_id FROM cases WHERE incidents &&"
        f"   ARRAY(SELECT incident FROM ({SAID.format('%(clip)s')}) said))"
        " AND manifest->'items' @> jsonb_build_array(jsonb_build_object('clip_id', %(clip)s::text))"
        " ORDER BY requested_at DESC, submission_id",
        {"clip": clip_id},
    )
    return [msgspec.convert(row, WithClip) for row in rows]


async def matching(database: Database, words: str) -> list[Submission]:
    """Submissions whose id is, or begins with, these words; a few at most."""
    rows = await database.fetch(
        f"SELECT {COLUMNS} FROM submissions WHERE starts_with(submission_id, %(words)s)"
        " OR starts_with(submission_id, 'submission-' || %(words)s) ORDER BY submission_id LIMIT 5",
        {"words": words},
    )
    return [msgspec.convert(row, Submission) for row in rows]


async def of_ids(database: Database, ids: list[str]) -> dict[str, Submission]:
    """These submissions by their ids, as far as there are any."""
    rows = await database.fetch(f"SELECT {COLUMNS} FROM submissions WHERE submission_id = ANY(%s)", (ids,))
    return {row["submission_id"]: msgspec.convert(row, Submission) for row in rows}


async def submission_counts(database: Database) -> dict[str, int]:
    """How many stand where, and how many want a person."""
    row = await database.fetch_one(
        "SELECT count(*) FILTER (WHERE state = 'requested' OR (state = 'prepared' AND recipient = 'cps')) AS waiting,"
        " count(*) FILTER (WHERE state = 'sent') AS sent,"
        " count(*) FILTER (WHERE state = 'sent' AND due_at < now()) AS overdue,"
        " count(*) FILTER (WHERE state = ANY(%s) OR (state = 'prepared' AND waits_for LIKE 'a person:%%'))"
        " AS to_look_at"
        " FROM submissions WHERE state <> 'acknowledged'",
        ([str(state) for state in (State.REFUSED, *NOT_TAKEN)],),
    )
    return row or {}
