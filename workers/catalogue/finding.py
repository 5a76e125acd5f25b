"""Clips that people look for: an officer's own, and by officer, camera, incident, time and category."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, convert

from workers.database.engine import Database

MOST = 200
"""Clips of one answer; whoever has more says when."""


class Wanted(Struct, frozen=True):
    """What is looked for; what is None is not asked.

    Attributes:
        since, until: of the recording's start; until itself is not in it.
    """

    officer: str | None = None
    camera: str | None = None
    incident: str | None = None
    category: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Found(Struct, frozen=True):
    """One clip as a list shows it.

    Attributes:
        intend_from, ends_at: when it goes into the bin, and is gone; None: not by itself.
        verdict: expire, review, never; None while it has no schedule.
    """

    clip_id: str
    camera: str
    recording: str
    standing: str
    disposal: str | None
    held: bool
    officer: str | None
    incident: str | None
    recorded_at: datetime | None
    ended_at: datetime | None
    size: int | None
    category: str | None
    verdict: str | None
    intend_from: datetime | None
    ends_at: datetime | None
    review_from: datetime | None


_SHOWN = (
    "SELECT f.clip_id, f.camera, f.recording, f.standing, f.disposal, f.held, o.officer, c.incident, c.recorded_at,"
    " c.ended_at, c.size, s.category, s.verdict, s.intend_from, s.ends_at, s.review_from"
)
_JOINED = (
    " JOIN clip_fate f ON f.clip_id = c.clip_id JOIN clip_officers o ON o.clip_id = c.clip_id"
    " LEFT JOIN schedule s ON s.clip_id = c.clip_id"
)
_ASKED = {
    "camera": "c.camera = %(camera)s",
    "incident": "c.incident = %(incident)s",
    "category": "s.category = %(category)s",
    "since": "c.recorded_at >= %(since)s",
    "until": "c.recorded_at < %(until)s",
}
_HELD = (
    "WITH held AS (SELECT camera, officer, time AS since, lead(time) OVER (PARTITION BY camera ORDER BY time, event_id)"
    " AS until FROM camera_holders WHERE camera IN (SELECT camera FROM camera_holders WHERE officer = %(officer)s)),"
    " theirs AS MATERIALIZED (SELECT c.clip_id FROM held h JOIN clips c ON c.camera = h.camera"
    "  AND c.recorded_at >= h.since AND (h.until IS NULL OR c.recorded_at < h.until)"
    "  WHERE h.officer = %(officer)s AND (%(since)s::timestamptz IS NULL OR c.recorded_at >= %(since)s)"
    "  AND (%(until)s::timestamptz IS NULL OR c.recorded_at < %(until)s)"
    " UNION SELECT clip_id FROM attributions WHERE officer = %(officer)s) "
)
_ORDER = " ORDER BY c.recorded_at DESC NULLS LAST, c.clip_id LIMIT %(most)s"


async def search(database: Database, wanted: Wanted, most: int = MOST) -> list[Found]:
    """Clips that fit, newest first.

    Args:
        most: of them.
    """
    values = {name: getattr(wanted, name) for name in Wanted.__struct_fields__} | {"most": most}
    # Only what is asked stands in it, so that each question has the plan of its own index.
    asked = [condition for name, condition in _ASKED.items() if values[name] is not None]
    if wanted.officer is None:
        statement = f"{_SHOWN} FROM clips c{_JOINED}"
    else:
        statement = f"{_HELD}{_SHOWN} FROM theirs t JOIN clips c ON c.clip_id = t.clip_id{_JOINED}"
        asked.append("o.officer = %(officer)s")
    where = f" WHERE {' AND '.join(asked)}" if asked else ""
    return [convert(row, Found) for row in await database.fetch(f"{statement}{where}{_ORDER}", values)]


async def own(database: Database, officer: str, clip_ids: list[str]) -> list[str]:
    """Which of these clips are this officer's."""
    rows = await database.fetch(
        "SELECT clip_id FROM clip_officers WHERE clip_id = ANY(%s) AND officer = %s ORDER BY clip_id",
        (clip_ids, officer),
    )
    return [row["clip_id"] for row in rows]
