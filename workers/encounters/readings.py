"""What the tracks of clips said of where encounters were: a row for each pair, with one number and no place of a clip.

A join asks (`ask`); the stage reads in its own time and writes the number down (`write`). A number counts as long as it
is of what is asked now: the record's place, its times, the camera's clock. Nothing is asked of a clip that is gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from workers.database.engine import Connection, execute, fetch_plain
from workers.encounters.day import Asked, ClipSeen, Meeting, Rules
from workers.encounters.places import asked, judged
from workers.retention.places import FIX_ERROR

Pair = tuple[str, str]
"""Encounter, clip."""

STORED = "(f.verified_version IS NOT NULL OR f.standing = 'quarantined')"
"""In SQL: the clip's bytes, and so its sidecar, lie in the vault (workers/retention/places.stored)."""

THERE = "(f.disposal IS NULL OR f.disposal = 'intended')"
"""In SQL: nothing was decided for good."""


class Reading(Struct, frozen=True):
    """What is known of a pair.

    Attributes:
        metres: to the nearest point of the track in that time; None: no track of it can be believed, or it is unread.
    """

    asked: Asked
    metres: float | None


async def readings_of(connection: Connection, encounters: Sequence[str]) -> dict[Pair, Reading]:
    """What was asked of the clips of these encounters, and is known."""
    if not encounters:
        return {}
    rows = await fetch_plain(
        connection,
        "SELECT encounter_id, clip_id, lat, lon, since, until, CASE WHEN elsewhere THEN 'infinity' ELSE metres END"
        " FROM encounter_places WHERE encounter_id = ANY(%s)",
        (list(encounters),),
    )
    return {(row[0], row[1]): Reading(Asked(*row[:6]), row[6]) for row in rows}


def metres_of(
    readings: Mapping[Pair, Reading], meetings: Mapping[str, Meeting], clips: Iterable[Iterable[ClipSeen]]
) -> dict[Pair, float]:
    """Pair → metres, of what was read for the record and the clip as they are now.

    Args:
        meetings: by id, those with a place.
        clips: of each officer.
    """
    if not readings:
        return {}
    of = {clip for _, clip in readings}
    there = {clip.clip_id: clip for theirs in clips for clip in theirs if clip.clip_id in of}
    return {
        (encounter, clip): reading.metres
        for (encounter, clip), reading in readings.items()
        if reading.metres is not None and encounter in meetings and clip in there
        and asked(meetings[encounter], there[clip]) == reading.asked
    }  # fmt: skip


async def ask(connection: Connection, wanted: Iterable[Asked], readings: Mapping[Pair, Reading]) -> int:
    """Have tracks read that were not asked this yet; returns of how many pairs.

    Args:
        readings: what is known of these pairs.
    """
    new = [one for one in wanted if (known := readings.get(_pair(one))) is None or known.asked != one]
    if not new:
        return 0
    columns = {name: [getattr(one, name) for one in new] for name in Asked.__struct_fields__}
    return await execute(
        connection,
        "INSERT INTO encounter_places (encounter_id, clip_id, lat, lon, since, until)"
        " SELECT w.* FROM unnest(%(encounter_id)s::text[], %(clip_id)s::text[], %(lat)s::float8[], %(lon)s::float8[],"
        "  %(since)s::timestamptz[], %(until)s::timestamptz[]) AS w (encounter_id, clip_id, lat, lon, since, until)"
        f" JOIN clip_fate f USING (clip_id) WHERE {THERE}"
        " ON CONFLICT (encounter_id, clip_id) DO UPDATE SET lat = EXCLUDED.lat, lon = EXCLUDED.lon,"
        "  since = EXCLUDED.since, until = EXCLUDED.until, metres = NULL, elsewhere = false, unread = true",
        columns,
    )


def _pair(one: Asked) -> Pair:
    return one.encounter_id, one.clip_id


async def unread(connection: Connection, most: int, passed_over: Collection[str]) -> dict[str, list[Asked]]:
    """Clip → what its track is asked; newest encounters first, of clips that lie in the vault.

    Args:
        most: pairs by which clips are chosen; of each of them all pairs come.
        passed_over: clips that are not wanted now.
    """
    rows = await fetch_plain(
        connection,
        "WITH next AS (SELECT p.clip_id, max(p.since) AS newest FROM ("
        # A lookup of each, so that what comes next costs the same however many clips there are.
        "  SELECT p.clip_id, p.since FROM encounter_places p WHERE p.unread AND NOT p.clip_id = ANY(%(passed_over)s)"
        f"  AND (SELECT {STORED} AND {THERE} FROM clip_fate f WHERE f.clip_id = p.clip_id)"
        "  ORDER BY p.since DESC LIMIT %(most)s) p GROUP BY p.clip_id)"
        " SELECT p.encounter_id, p.clip_id, p.lat, p.lon, p.since, p.until FROM next JOIN encounter_places p"
        " USING (clip_id) WHERE p.unread ORDER BY next.newest DESC, p.clip_id, p.encounter_id",
        {"most": most, "passed_over": list(passed_over)},
    )
    found: dict[str, list[Asked]] = {}
    for row in rows:
        found.setdefault(row[1], []).append(Asked(*row))
    return found


async def write(connection: Connection, one: Asked, metres: float | None) -> bool:
    """Write down what a track said; False if something else is asked of it by now."""
    return bool(
        await execute(
            connection,
            "UPDATE encounter_places SET metres = %s, unread = false WHERE encounter_id = %s AND clip_id = %s"
            " AND unread AND lat = %s AND lon = %s AND since = %s AND until = %s",
            (metres, one.encounter_id, one.clip_id, one.lat, one.lon, one.since, one.until),
        )
    )


async def forget(connection: Connection, rules: Rules, clip_ids: Sequence[str] | None = None) -> int:
    """Clips are deleted: what their tracks said goes with them; returns of how many pairs.

    That a clip was recorded elsewhere stays, without how far away: else a join after its deletion would take it for
    footage of the encounter.

    Args:
        clip_ids: that were deleted; None: whichever were.
    """
    these = (
        "clip_id = ANY(%(clips)s)"
        if clip_ids is not None
        else "clip_id IN (SELECT clip_id FROM clip_fate WHERE disposal = 'done') AND (unread OR metres IS NOT NULL)"
    )
    given: dict[str, Any] = {"clips": clip_ids, "beyond": rules.elsewhere + FIX_ERROR}
    kept = await execute(
        connection,
        f"UPDATE encounter_places SET metres = NULL, elsewhere = true WHERE metres > %(beyond)s AND {these}",
        given,
    )
    return kept + await execute(connection, f"DELETE FROM encounter_places WHERE NOT elsewhere AND {these}", given)


def decides(metres: float | None, rules: Rules) -> bool:
    """Whether a join comes to something else by it."""
    return judged(metres, rules) is not None
