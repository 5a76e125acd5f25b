"""The tables of scrutiny: draws, what came out of them, grades, complaints."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, execute, fetch
from workers.keys.signing import Signed
from workers.scrutiny.complaint import Complaint, earliest_end
from workers.scrutiny.statements import DrawKind, Drawn, Graded, ScrutinyDeed


class KeptDraw(Struct, frozen=True):
    """A draw that is on record."""

    draw_id: str
    kind: DrawKind
    month: str
    unit: str | None
    drawn_at: datetime
    drawn_by: str
    deed: Drawn


DRAW_COLUMNS = ", ".join(KeptDraw.__struct_fields__)


async def find_draw(connection: Connection, draw_id: str) -> KeptDraw | None:
    """A draw by its id."""
    rows = await fetch(connection, f"SELECT {DRAW_COLUMNS} FROM scrutiny_draws WHERE draw_id = %s", (draw_id,))
    return msgspec.convert(rows[0], KeptDraw) if rows else None


async def draws_named(connection: Connection, kind: DrawKind, words: str) -> list[KeptDraw]:
    """The draws of a kind that `words` may mean: an id, its beginning, or a month."""
    rows = await fetch(
        connection,
        f"SELECT {DRAW_COLUMNS} FROM scrutiny_draws WHERE kind = %(kind)s AND (month = %(words)s"
        " OR (length(%(words)s) >= 9 AND starts_with(draw_id, %(words)s))) ORDER BY drawn_at, draw_id",
        {"words": words, "kind": kind},
    )
    return msgspec.convert(rows, list[KeptDraw])


async def list_draws(
    connection: Connection, kind: DrawKind, month: str | None = None, unit: str | None = None
) -> list[KeptDraw]:
    """Draws of a kind, newest first."""
    rows = await fetch(
        connection,
        f"SELECT {DRAW_COLUMNS} FROM scrutiny_draws WHERE kind = %(kind)s"
        " AND (%(month)s::text IS NULL OR month = %(month)s)"
        " AND (%(unit)s::text IS NULL OR lower(unit) = lower(%(unit)s)) ORDER BY drawn_at DESC, draw_id",
        {"kind": kind, "month": month, "unit": unit},
    )
    return msgspec.convert(rows, list[KeptDraw])


async def store_draw(connection: Connection, asked: ScrutinyDeed, deed: Drawn, signed: Signed, event_id: str) -> None:
    """Write a draw down, once."""
    await execute(
        connection,
        "INSERT INTO scrutiny_draws (draw_id, kind, month, unit, drawn_at, drawn_by, event_id, deed, signed)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (asked.about, deed.kind, deed.month, deed.unit, asked.at, asked.by, event_id,
         msgspec.json.encode(deed).decode(), msgspec.json.encode(signed).decode()),
    )  # fmt: skip
    for number, encounter in enumerate(deed.drawn, 1):
        await execute(
            connection,
            "INSERT INTO scrutiny_drawn VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (asked.about, number, encounter),
        )


async def store_grade(connection: Connection, asked: ScrutinyDeed, deed: Graded, signed: Signed, event_id: str) -> None:
    """Write a grade down, once."""
    await execute(
        connection,
        "INSERT INTO scrutiny_grades VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (event_id, asked.about, deed.encounter_id, deed.grade, deed.notes, asked.by, asked.at,
         msgspec.json.encode(signed).decode()),
    )  # fmt: skip


async def find_complaint(connection: Connection, complaint_id: str, *, lock: bool = False) -> Complaint | None:
    """A complaint by its id.

    Args:
        lock: keeps it as it is until the transaction ends.
    """
    rows = await fetch(
        connection,
        f"SELECT body FROM complaints WHERE complaint_id = %s{' FOR UPDATE' if lock else ''}",
        (complaint_id,),
    )
    return msgspec.convert(rows[0]["body"], Complaint) if rows else None


async def lifted_of(connection: Connection, holds: Collection[str]) -> set[str]:
    """Of these holds those that people have lifted."""
    rows = await fetch(
        connection, "SELECT hold_id FROM holds WHERE hold_id = ANY(%s) AND lifted_at IS NOT NULL", (list(holds),)
    )
    return {row["hold_id"] for row in rows}


THEIRS = """(body->>'restricted')::bool AND EXISTS (
    SELECT FROM holds h JOIN jsonb_array_elements_text(body->'holds') w(id) ON w.id = h.hold_id
    WHERE %(reader)s = ANY(h.officers) OR EXISTS (SELECT FROM hold_clips k
        JOIN clip_officers o USING (clip_id) WHERE k.hold_id = h.hold_id AND o.officer = %(reader)s))"""
"""Whether a complaint is restricted and concerns the reader: also somebody of professional standards may be complained
of, and learns nothing of it."""


async def complaint_for(connection: Connection, complaint_id: str, reader: str) -> Complaint | None:
    """A complaint as somebody reads it; None also where it is restricted and concerns them."""
    rows = await fetch(
        connection,
        f"SELECT body FROM complaints WHERE complaint_id = %(id)s AND NOT ({THEIRS})",
        {"id": complaint_id, "reader": reader},
    )
    return msgspec.convert(rows[0]["body"], Complaint) if rows else None


async def list_complaints(
    connection: Connection, reader: str, after: tuple[datetime, str] | None = None, most: int | None = None
) -> list[Complaint]:
    """Complaints, newest first; none that is restricted and concerns whoever reads.

    Args:
        after: when the last one of the page before was opened, and its id.
        most: so many at most; None: all.
    """
    at, about = after or (None, None)
    rows = await fetch(
        connection,
        "SELECT body FROM complaints WHERE (%(at)s::timestamptz IS NULL OR opened_at < %(at)s"
        f" OR (opened_at = %(at)s AND complaint_id > %(about)s)) AND NOT ({THEIRS})"
        " ORDER BY opened_at DESC, complaint_id LIMIT %(most)s",
        {"at": at, "about": about, "most": most, "reader": reader},
    )
    return [msgspec.convert(row["body"], Complaint) for row in rows]


async def store_complaint(connection: Connection, complaint: Complaint) -> bool:
    """Write a complaint as it is now; False if another is there that is as new."""
    written = await execute(
        connection,
        "INSERT INTO complaints VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (complaint_id) DO UPDATE SET"
        " version = EXCLUDED.version, earliest_end = EXCLUDED.earliest_end, body = EXCLUDED.body"
        " WHERE complaints.version < EXCLUDED.version",
        (complaint.complaint_id, complaint.reference, complaint.version, complaint.opened_at,
         earliest_end(complaint)[0], msgspec.json.encode(complaint).decode()),
    )  # fmt: skip
    return bool(written)
