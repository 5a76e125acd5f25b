"""What the catalogue knows of a span of time: encounters, clips, cameras and their logs, by officer.

A clip's officer is the one of `clip_officers`, else its declared owner unless that is a vehicle: one definition, the
one of holds. Its time is the dock's: the camera's, less the offset that the dock measured, or what a person corrected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from workers.database.engine import Connection, fetch, fetch_plain
from workers.encounters.day import ClipSeen, LogEvent, Meeting, Span
from workers.encounters.hands import Hands, hands_that_held
from workers.footage.recording import SourceType

OFF = 30
"""Seconds of a camera's clock beyond which its clips are looked for by the index `clips_clock_off`."""

NOBODY = ""
"""Officer of clips that nobody knows the officer of."""

_ONE = "AND (c.camera = ANY(%(cameras)s) OR c.owner = ANY(%(officers)s) OR c.clip_id = ANY(%(named)s))"
_SEEN = """
SELECT c.clip_id, c.camera, c.source_type, c.recorded_at, c.ended_at, COALESCE(c.clock_offset, 0), c.incident,
    c.trigger,
    (SELECT NULLIF(facts, '[]') FROM clip_fate f WHERE f.clip_id = c.clip_id),
    COALESCE((c.probe->>'readable')::boolean AND jsonb_typeof(c.probe->'audio') = 'null', false),
    CASE WHEN c.source_type <> 'vehicle' THEN c.owner END
FROM clips c WHERE c.registered_at IS NOT NULL AND c.kind = 'footage' AND c.recorded_at IS NOT NULL AND
"""
"""What is looked up of each clip is a lookup: the clips of a span are few among those of all years."""

_WHERE = (
    "c.recorded_at >= %(since)s AND c.recorded_at < %(until)s",
    f"abs(c.clock_offset) > {OFF} AND c.recorded_at - make_interval(secs => c.clock_offset) >= %(since)s"
    " AND c.recorded_at - make_interval(secs => c.clock_offset) < %(until)s",
    """c.clip_id IN (SELECT clip_id FROM clip_fate WHERE facts @> '[{"type": "time"}]')""",
)
"""Where the clips of a span may be: by the camera's clock, by the dock's where those differ, by a person's word."""


async def meetings(
    connection: Connection, since: datetime, until: datetime, officers: Sequence[str] | None
) -> dict[str, list[Meeting]]:
    """Officer → encounters that began in a span.

    Args:
        officers: these; None: everybody.
    """
    rows = await fetch_plain(
        connection,
        "SELECT p.officer, e.encounter_id, e.at, e.until, e.incident, e.lat, e.lon"
        " FROM encounters e JOIN encounter_officers p"
        " USING (encounter_id) WHERE e.at >= %(since)s AND e.at < %(until)s"
        + (" AND p.officer = ANY(%(officers)s)" if officers is not None else ""),
        {"since": since, "until": until, "officers": officers},
    )
    found: dict[str, list[Meeting]] = {}
    for officer, *meeting in rows:
        found.setdefault(officer, []).append(Meeting(*meeting))
    return found


async def clips(
    connection: Connection, since: datetime, until: datetime, officers: Sequence[str] | None, taken: Hands
) -> dict[str, list[ClipSeen]]:
    """Officer → clips that began in a span; NOBODY's too, where everybody is asked for.

    Args:
        taken: whose hands the cameras were in, from before the span to its end.
    """
    given: dict[str, Any] = {"since": since, "until": until, "officers": officers}
    these = ""
    if officers is not None:
        these = _ONE
        given |= await _names(connection, officers)
    by_the_camera, *elsewhere = [await fetch_plain(connection, f"{_SEEN} {where} {these}", given) for where in _WHERE]
    there = {row[0] for row in by_the_camera}
    odd = {row[0]: row for rows in elsewhere for row in rows if row[0] not in there}
    named = await _named(connection, None if officers is None else [*there, *odd])
    wanted = None if officers is None else set(officers)
    found: dict[str, list[ClipSeen]] = {}
    for rows, holders in ((by_the_camera, taken), (list(odd.values()), await _hands_of(connection, odd.values()))):
        for row in rows:
            officer, seen = _clip(row, holders, named)
            if (wanted is None or officer in wanted) and since <= seen.began < until:
                found.setdefault(officer, []).append(seen)
    return found


async def clips_named(connection: Connection, clip_ids: Sequence[str]) -> dict[str, list[ClipSeen]]:
    """Officer → those of these clips."""
    rows = await fetch_plain(connection, f"{_SEEN} c.clip_id = ANY(%(clips)s)", {"clips": list(clip_ids)})
    taken = await _hands_of(connection, rows)
    named = await _named(connection, list(clip_ids))
    found: dict[str, list[ClipSeen]] = {}
    for row in rows:
        officer, seen = _clip(row, taken, named)
        found.setdefault(officer, []).append(seen)
    return found


async def _hands_of(connection: Connection, rows: Iterable[tuple[Any, ...]]) -> Hands:
    """Whose hands the cameras of these clips were in when they recorded, whatever their clocks say."""
    places = [(row[1], row[3]) for row in rows]
    if not places:
        return Hands(())
    times = [at for _, at in places]
    return await hands_that_held(connection, min(times), max(times), sorted({camera for camera, _ in places}))


async def _names(connection: Connection, officers: Sequence[str]) -> dict[str, Any]:
    """By what an officer's clips may be found: cameras that they ever had, clips that people gave to them."""
    cameras = await fetch(
        connection, "SELECT DISTINCT camera FROM camera_holders WHERE officer = ANY(%s)", (list(officers),)
    )
    named = await fetch(connection, "SELECT clip_id FROM attributions WHERE officer = ANY(%s)", (list(officers),))
    return {"cameras": [row["camera"] for row in cameras], "named": [row["clip_id"] for row in named]}


async def _named(connection: Connection, clip_ids: Sequence[str] | None) -> dict[str, str]:
    """Clip → whom a person named as its officer last; of all clips, if None: corrections are few."""
    rows = await fetch_plain(
        connection,
        "SELECT clip_id, officer FROM attributions WHERE %(clips)s::text[] IS NULL OR clip_id = ANY(%(clips)s)"
        " ORDER BY time, event_id",
        {"clips": clip_ids},
    )
    return dict(rows)


def _clip(row: tuple[Any, ...], taken: Hands, named: Mapping[str, str]) -> tuple[str, ClipSeen]:
    clip_id, camera, source, recorded, ended, ahead, incident, trigger, facts, silent, owner = row
    began = recorded - timedelta(seconds=ahead) if ahead else recorded
    length = ended - recorded if ended is not None and ended >= recorded else None
    categories: tuple[str, ...] = ()
    if facts:
        began, categories = _told(facts, began)
    officer = named.get(clip_id) or taken.officer(camera, recorded) or owner or NOBODY
    seen = ClipSeen(
        clip_id, camera, SOURCES[source], began, None if length is None else began + length, incident, trigger,
        categories, silent, ahead=recorded - began,
    )  # fmt: skip
    return officer, seen


SOURCES = {source.value: source for source in SourceType}


def _told(facts: Iterable[Mapping[str, Any]], began: datetime) -> tuple[datetime, tuple[str, ...]]:
    """When it began as a person corrected it last, and the categories that people gave it."""
    categories = []
    for fact in facts:
        if fact["type"] == "time":
            began = datetime.fromisoformat(fact["recorded_at"])
        elif fact["type"] == "category":
            categories.append(fact["category"])
    return began, tuple(categories)


async def logs(
    connection: Connection, cameras: Sequence[str], since: datetime, until: datetime
) -> dict[str, list[LogEvent]]:
    """Camera → what its own log says of a span, by the dock's clock."""
    rows = await fetch_plain(
        connection,
        "SELECT l.camera, l.at - make_interval(secs => COALESCE(c.clock_offset, 0)), l.event FROM camera_events l"
        " LEFT JOIN clips c USING (clip_id) WHERE l.camera = ANY(%s) AND l.at BETWEEN %s AND %s",
        (list(cameras), since - timedelta(days=1), until + timedelta(days=1)),
    )
    found: dict[str, list[LogEvent]] = {}
    for camera, at, event in rows:
        found.setdefault(camera, []).append(LogEvent(camera, at, event))
    return found


async def muted(connection: Connection, since: datetime, until: datetime) -> dict[str, list[Span]]:
    """Camera → spans in which its log says that it was muted; what has no end lasts as long as the span."""
    rows = await fetch_plain(
        connection,
        "SELECT DISTINCT l.camera, l.at - make_interval(secs => COALESCE(c.clock_offset, 0)) AS at, l.event"
        " FROM camera_events l LEFT JOIN clips c USING (clip_id)"
        " WHERE l.event IN ('mute', 'unmute') AND l.at BETWEEN %s AND %s ORDER BY 1, 2",
        (since, until),
    )
    found: dict[str, list[Span]] = {}
    open_since: dict[str, datetime] = {}
    for camera, at, event in rows:
        if event == "mute":
            open_since.setdefault(camera, at)
        elif (began := open_since.pop(camera, None)) is not None:
            found.setdefault(camera, []).append((began, at))
    for camera, began in open_since.items():
        found.setdefault(camera, []).append((began, until))
    return found
