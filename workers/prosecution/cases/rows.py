"""Cases in PostgreSQL: one row a case with the whole of it as JSON, and one row an exhibit to find it by its clip."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from workers.database.engine import Connection, Row, execute, fetch
from workers.prosecution.cases.case import Case
from workers.prosecution.cases.cpia import not_before, review_from
from workers.prosecution.identity import CASE_ID, plain


async def find_case(connection: Connection, words: str, *, lock: bool = False) -> Case | None:
    """The case of this id or Unique Reference Number, whatever its capitals and blanks.

    Args:
        lock: keeps it unchanged until the transaction ends.
    """
    column, value = ("case_id", words) if CASE_ID.fullmatch(words) else ("urn", plain(words))
    rows = await fetch(
        connection, f"SELECT body FROM cases WHERE {column} = %s{' FOR UPDATE' if lock else ''}", (value,)
    )
    return _case(rows[0]) if rows else None


async def store(connection: Connection, case: Case) -> bool:
    """Write a case as it is now; False if another is there that is as new. Inside the caller's transaction."""
    values = {
        "case_id": case.case_id,
        "urn": plain(case.urn),
        "kind": case.kind.value,
        "version": case.version,
        "officer": case.officer,
        "clock": case.clock.value,
        "clock_ends": case.clock_ends,
        "first_hearing": case.first_hearing,
        "incidents": list(case.incidents),
        "earliest_end": not_before(case),
        "review_from": review_from(case),
        "opened_at": case.opened_at,
        "closed_at": case.closed_at,
        "body": msgspec.json.encode(case).decode(),
    }
    updates = ", ".join(f"{name} = EXCLUDED.{name}" for name in values if name != "case_id")
    written = await execute(
        connection,
        f"INSERT INTO cases ({', '.join(values)}) VALUES ({', '.join(f'%({name})s' for name in values)})"
        f" ON CONFLICT (case_id) DO UPDATE SET {updates}, review_told_at ="
        " CASE WHEN cases.review_from IS NOT DISTINCT FROM EXCLUDED.review_from THEN cases.review_told_at END"
        " WHERE cases.version < EXCLUDED.version",
        values,
    )
    if not written:
        return False
    for exhibit in case.exhibits:
        await execute(
            connection,
            "INSERT INTO exhibits (case_id, plain, reference, clip_id, withdrawn) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (case_id, plain) DO UPDATE SET withdrawn = EXCLUDED.withdrawn",
            (case.case_id, plain(exhibit.reference), exhibit.reference, exhibit.clip_id, exhibit.withdrawn),
        )
    return True


async def cases_with_clip(connection: Connection, clip_id: str) -> list[Case]:
    """Cases in which this clip, or a part of it, is an exhibit."""
    return _cases(
        await fetch(
            connection,
            "SELECT body FROM cases WHERE case_id IN (SELECT case_id FROM exhibits WHERE clip_id = %s AND NOT"
            " withdrawn) ORDER BY urn",
            (clip_id,),
        )
    )


async def cases_of_incident(connection: Connection, incident: str) -> list[Case]:
    """Cases to which the clips of this incident belong."""
    return _cases(
        await fetch(connection, "SELECT body FROM cases WHERE incidents @> ARRAY[%s] ORDER BY urn", (incident,))
    )


def _cases(rows: Iterable[Row]) -> list[Case]:
    return [_case(row) for row in rows]


def _case(row: Row) -> Case:
    return msgspec.convert(row["body"], Case)
