"""The list that is drawn from, and what of it may not be shown now."""

from __future__ import annotations

from collections.abc import Sequence

from workers.database.engine import Connection, fetch
from workers.retention.scopes import NOT_KNOWN
from workers.scrutiny.drawing import Lot, lot, ranked
from workers.statistics.months import Month

AT_ONCE = 50
"""Ranks that are looked at together for what may not be shown."""

NOT_NOW = "live-case-or-complaint"
"""The one word for all. A draw is published, and officers know the ids of their encounters: of two words one would say
that there is a complaint, and a word of their own for restricted holds, that there is a restricted one."""


async def listed(connection: Connection, month: Month, unit: str | None, size: int) -> list[str]:
    """Ids of all encounters of a month, sorted, as the custody log told of them when it had `size` entries.

    Args:
        connection: of a schema that is counted up to `size`, or further (workers/statistics/counting.py).
        unit: borough or basic command unit, whatever its capitals; None: the whole force.
    """
    rows = await fetch(
        connection,
        "SELECT encounter_id FROM encounters_at(%(size)s) WHERE at >= %(since)s AND at < %(until)s"
        " AND (%(unit)s::text IS NULL OR lower(%(unit)s) IN (lower(borough), lower(bcu)))"
        ' ORDER BY encounter_id COLLATE "C"',
        {"size": size, "since": month.since, "until": month.until, "unit": unit},
    )
    return [row["encounter_id"] for row in rows]


async def drawn(connection: Connection, encounters: Sequence[str], seed: str, n: int) -> Lot:
    """Draw n encounters that may be shown now."""
    order, excluded, upto = ranked(encounters, seed), dict[str, str](), 0
    while upto < len(order) and upto - len(excluded) < n:
        part = order[upto : upto + max(AT_ONCE, n)]
        excluded |= await excluded_of(connection, part)
        upto += len(part)
    return lot(order[:upto], n, excluded)


async def excluded_of(connection: Connection, encounters: Sequence[str]) -> dict[str, str]:
    """Of these encounters, those that may not be shown now, each with the word for it.

    A case is live until the outcome of every defendant is known. A hold is of an encounter if it has a clip of it, or
    names its incident, its number, one of its officers or its place at its time: an unfilmed one may be of a complaint.
    A place is compared with the place of the record. A hold of a place also keeps clips without a track, whose place
    nobody knows: by those it is of an encounter only where its record has no coordinates either.
    """
    rows = await fetch(connection, _EXCLUDED, {"ids": list(encounters), "not_known": NOT_KNOWN})
    return {row["encounter_id"]: NOT_NOW for row in rows}


_EXCLUDED = """
WITH asked AS (
    SELECT encounter_id, reference, incident, at, COALESCE(until, at) AS until, lat, lon FROM encounters
    WHERE encounter_id = ANY(%(ids)s)
), standing AS (
    SELECT * FROM holds WHERE lifted_at IS NULL AND (reason IN ('complaint', 'conduct', 'dsi', 'inquest')
        OR (reason = 'case' AND COALESCE(earliest_end, %(not_known)s) = %(not_known)s))
)
SELECT a.encounter_id FROM asked a
JOIN encounter_clips j USING (encounter_id)
JOIN hold_clips k ON k.clip_id = j.clip_id AND k.state IN ('pending', 'active')
JOIN standing h ON h.hold_id = k.hold_id AND (h.scope <> 'place' OR a.lat IS NULL)
UNION
SELECT a.encounter_id FROM asked a JOIN standing h ON
    h.incident = a.incident OR h.encounter IN (a.incident, a.reference)
    OR (h.since <= a.until AND h.until >= a.at AND (
        EXISTS (SELECT FROM encounter_officers o WHERE o.encounter_id = a.encounter_id AND o.officer = ANY(h.officers))
        OR 12742000 * asin(least(1, sqrt(
            power(sin(radians(a.lat - (h.place->>'latitude')::float8) / 2), 2)
            + cos(radians(a.lat)) * cos(radians((h.place->>'latitude')::float8))
            * power(sin(radians(a.lon - (h.place->>'longitude')::float8) / 2), 2)))) <= (h.place->>'metres')::float8))
"""
"""Holds that keep an encounter from being shown, by its clips and by what they name. 12,742 km: through the earth."""
