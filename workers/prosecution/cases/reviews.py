"""Cases that a person should look at: their earliest end has come, or the day on which it was expected."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, execute, fetch


class CaseReview(Struct, frozen=True):
    """A case review that waits for a person.

    Attributes:
        earliest_end: from then on one person may close the case; None: nothing says when, the review finds out.
        overdue: it has waited for longer than reviews may. Nothing happens to the case by itself.
    """

    case_id: str
    urn: str
    kind: str
    officer: str
    due_at: datetime
    earliest_end: datetime | None
    overdue: bool = False


COLUMNS = "case_id, body->>'urn' AS urn, kind, officer, review_from AS due_at, earliest_end"
DUE = "closed_at IS NULL AND review_from <= now()"


async def due_cases(connection: Connection, within: timedelta, *, overdue: bool = False) -> list[CaseReview]:
    """Case reviews that wait for a person, the oldest first.

    Args:
        within: time in which a review is decided.
        overdue: only those that have waited longer.
    """
    rows = await fetch(
        connection,
        f"SELECT {COLUMNS}, review_from < now() - %(within)s::interval AS overdue FROM cases WHERE {DUE}"
        " AND (NOT %(overdue)s OR review_from < now() - %(within)s::interval) ORDER BY review_from, case_id",
        {"within": within, "overdue": overdue},
    )
    return [msgspec.convert(row, CaseReview) for row in rows]


async def untold(connection: Connection, limit: int = 100) -> list[CaseReview]:
    """Some of those of which nobody was told; noted as told. Inside the caller's transaction."""
    rows = await fetch(
        connection,
        f"SELECT {COLUMNS} FROM cases WHERE {DUE} AND review_told_at IS NULL ORDER BY review_from LIMIT %s"
        " FOR UPDATE SKIP LOCKED",
        (limit,),
    )
    await execute(
        connection,
        "UPDATE cases SET review_told_at = now() WHERE case_id = ANY(%s)",
        ([row["case_id"] for row in rows],),
    )
    return [msgspec.convert(row, CaseReview) for row in rows]
