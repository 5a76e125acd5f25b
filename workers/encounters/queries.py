"""Questions that people ask of encounters: what is missing and why, and all that is known of one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, fetch
from workers.encounters.words import GapKind
from workers.footage.recording import SourceType


class ListedGap(Struct, frozen=True):
    """Something that is missing: footage of an encounter, or the record of what a clip shows.

    Attributes:
        about: the encounter, or the clip.
        reference: of the record; of a clip without one None.
        what: stop_search, …; of a clip what it says of itself.
        gap: none, late, early, muted, unmatched.
        open: neither a reason nor the camera's log explains it.
        days: since when it is open.
    """

    about: str
    reference: str | None
    what: str
    at: datetime
    borough: str | None
    bcu: str | None
    officer: str | None
    gap: GapKind
    seconds: float | None
    explained_by: str | None
    note: str | None
    reason: str | None
    reason_by: str | None
    open: bool
    days: int


NEWEST_OF = (
    "SELECT e.borough, e.bcu FROM encounter_officers p JOIN encounters e USING (encounter_id) WHERE p.officer = {}"
    " ORDER BY p.at DESC, p.encounter_id LIMIT 1"
)
"""An officer's unit is that of their newest encounter: no other register of it is kept here."""

_GAPS = f"""
WITH unmatched AS MATERIALIZED (
    SELECT * FROM encounter_unmatched u WHERE (%(officer)s::text IS NULL OR u.officer = %(officer)s)
        AND (%(since)s::timestamptz IS NULL OR u.open_since >= %(since)s) AND (NOT %(open)s OR u.reason IS NULL)
        AND %(encounter)s::text IS NULL
), units AS MATERIALIZED (
    SELECT u.officer, n.borough, n.bcu FROM (SELECT DISTINCT officer FROM unmatched) u
    CROSS JOIN LATERAL ({NEWEST_OF.format("u.officer")}) n
), gaps AS (
    SELECT g.encounter_id AS about, e.reference, e.kind AS what, e.at, e.borough, e.bcu, g.officer, g.kind AS gap,
        g.seconds, g.explained_by, g.note, g.reason, g.reason_by, g.open_since
    FROM encounter_gaps g JOIN encounters e USING (encounter_id)
    WHERE (%(officer)s::text IS NULL OR g.officer = %(officer)s)
        AND (%(since)s::timestamptz IS NULL OR g.open_since >= %(since)s)
        AND (NOT %(open)s OR (g.explained_by IS NULL AND g.reason IS NULL))
        AND (%(encounter)s::text IS NULL OR g.encounter_id = %(encounter)s)
    UNION ALL
    SELECT u.clip_id, NULL, u.flagged_by, u.open_since, n.borough, n.bcu, u.officer, 'unmatched', NULL, NULL,
        CASE WHEN u.beside IS NOT NULL THEN 'beside ' || u.beside END, u.reason, u.reason_by, u.open_since
    FROM unmatched u LEFT JOIN units n USING (officer)
)
SELECT about, reference, what, at, borough, bcu, officer, gap, seconds, explained_by, note, reason, reason_by,
    explained_by IS NULL AND reason IS NULL AS open,
    GREATEST(0, floor(extract(epoch FROM now() - open_since) / 86400))::int AS days
FROM gaps WHERE (%(unit)s::text IS NULL OR lower(%(unit)s) IN (lower(borough), lower(bcu)))
ORDER BY at, about, officer, gap
"""
"""Gaps of encounters, and clips without one; such a clip's unit is that of its officer's newest encounter."""


async def list_gaps(
    connection: Connection,
    *,
    unit: str | None = None,
    officer: str | None = None,
    since: datetime | None = None,
    open_only: bool = False,
) -> list[ListedGap]:
    """What is missing, oldest first.

    Args:
        unit: borough or basic command unit, whatever its capitals.
        since: of encounters from then on.
        open_only: without a reason and not explained.
    """
    return await _asked(connection, unit=unit, officer=officer, since=since, open=open_only)


async def _asked(connection: Connection, **given: Any) -> list[ListedGap]:
    nothing = {"unit": None, "officer": None, "since": None, "open": False, "encounter": None}
    return msgspec.convert(await fetch(connection, _GAPS, nothing | given), list[ListedGap])


class ShownClip(Struct, frozen=True):
    """A clip that shows an encounter; its times by the dock's clock.

    Attributes:
        metres: from the record's place to the nearest point of its track; None: that is not known.
    """

    clip_id: str
    officer: str
    how: str
    source_type: SourceType
    beside: str | None
    camera: str | None
    began: datetime | None
    ended: datetime | None
    metres: float | None = None


class Known(Struct, frozen=True):
    """What is joined to an encounter."""

    clips: tuple[ShownClip, ...]
    gaps: tuple[ListedGap, ...]
    versions: int


async def known_of(connection: Connection, encounter_id: str) -> Known:
    """The clips of an encounter, and what they lack."""
    clips = await fetch(
        connection,
        "SELECT j.clip_id, j.officer, j.how, j.source_type, j.beside, c.camera,"
        " c.recorded_at - make_interval(secs => COALESCE(c.clock_offset, 0)) AS began,"
        " c.ended_at - make_interval(secs => COALESCE(c.clock_offset, 0)) AS ended, p.metres"
        " FROM encounter_clips j LEFT JOIN clips c USING (clip_id)"
        " LEFT JOIN encounter_places p USING (encounter_id, clip_id) WHERE j.encounter_id = %s"
        " ORDER BY began, j.clip_id, j.officer",
        (encounter_id,),
    )
    gaps = await _asked(connection, encounter=encounter_id)
    rows = await fetch(
        connection, "SELECT count(*) AS n FROM encounter_versions WHERE encounter_id = %s", (encounter_id,)
    )
    return Known(msgspec.convert(clips, tuple[ShownClip, ...]), tuple(gaps), rows[0]["n"])
