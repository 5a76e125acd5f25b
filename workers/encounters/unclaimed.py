"""Clips that nobody is known to have recorded, around encounters that no clip shows: pooled cameras nobody signed out.

They are proposed in the note of the gap and never counted: whose they are a person says (`bwv attribute`). An
encounter waits in `encounter_unsearched` until such clips were looked for, so that no join waits for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, execute, fetch_plain
from workers.encounters import seen
from workers.encounters.day import LONGEST, ClipSeen, Meeting, OfficersDay, Rules
from workers.encounters.join import overlaps
from workers.encounters.places import Where, asked, judged
from workers.encounters.readings import Pair, Reading, ask, metres_of, readings_of

_UNOWNED = "c.owner IS NULL AND c.source_type = 'body_worn' AND c.kind = 'footage'"
_NOBODYS = "(SELECT o.officer FROM clip_officers o WHERE o.clip_id = c.clip_id) IS NULL"
_BY_DOCK = "c.recorded_at - make_interval(secs => c.clock_offset)"
_CANDIDATES = f"""
SELECT c.clip_id FROM clips c WHERE {_UNOWNED} AND c.recorded_at > %(since)s AND c.recorded_at < %(until)s
    AND COALESCE(c.ended_at, c.recorded_at) > %(over)s AND {_NOBODYS}
UNION
SELECT c.clip_id FROM clips c WHERE {_UNOWNED} AND abs(c.clock_offset) > {seen.OFF}
    AND {_BY_DOCK} > %(since)s AND {_BY_DOCK} < %(until)s AND {_NOBODYS}
UNION
SELECT c.clip_id FROM clip_fate f JOIN clips c USING (clip_id)
WHERE f.facts @> '[{{"type": "time"}}]' AND {_UNOWNED} AND {_NOBODYS}
"""
"""By the camera's clock as far as it may be wrong, by the dock's where those differ, by a person's word."""


async def search(connection: Connection, rules: Rules, most: int) -> int:
    """Look for such clips around encounters that wait for it, and have their tracks read, in the caller's transaction.

    Args:
        most: encounters.

    Returns:
        How many were looked at; 0: none waits.
    """
    rows = await fetch_plain(
        connection,
        "WITH taken AS (DELETE FROM encounter_unsearched WHERE encounter_id IN (SELECT encounter_id"
        "  FROM encounter_unsearched ORDER BY encounter_id LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING encounter_id)"
        " SELECT t.encounter_id, e.at, e.until, e.incident, e.lat, e.lon FROM taken t JOIN encounters e"
        " USING (encounter_id) ORDER BY t.encounter_id",
        (most,),
    )
    found = [Meeting(*row) for row in rows]
    wanted = []
    for meeting in found:
        began, ended = meeting.at - rules.slack, meeting.end(rules) + rules.slack
        wrong = timedelta(seconds=seen.OFF)
        given = {"since": began - LONGEST - wrong, "until": ended + wrong, "over": began - wrong}
        candidates = [row[0] for row in await fetch_plain(connection, _CANDIDATES, given)]
        clips = (await seen.clips_named(connection, candidates)).get(seen.NOBODY, []) if candidates else []
        wanted += [
            track
            for clip in clips
            if overlaps(meeting.at, meeting.end(rules), clip, rules) and (track := asked(meeting, clip)) is not None
        ]
    await ask(connection, wanted, await readings_of(connection, [meeting.encounter_id for meeting in found]))
    return len(rows)


class Unclaimed(Struct, frozen=True):
    """Such clips near encounters that no clip shows.

    Attributes:
        clips: encounter → clips.
        metres: as an officer's day has it.
    """

    clips: dict[str, list[ClipSeen]]
    metres: dict[Pair, float]

    def added_to(self, day: OfficersDay) -> OfficersDay:
        """The day with those near its encounters."""
        found = {clip.clip_id: clip for one in day.meetings for clip in self.clips.get(one.encounter_id, ())}
        if not found:
            return day
        return msgspec.structs.replace(day, metres=day.metres | self.metres, unclaimed=tuple(found.values()))


async def unclaimed(
    connection: Connection,
    readings: Mapping[Pair, Reading],
    unfilmed: Mapping[str, Meeting],
    clips: Mapping[str, Sequence[ClipSeen]],
    rules: Rules,
) -> Unclaimed:
    """Of the clips whose tracks came near: those that nobody is known to have recorded, as of now.

    Args:
        unfilmed: encounters that no clip shows, with their places.
        clips: officer → clips that the join looks at; where it looks at everybody's, nobody's too.
    """
    near = [pair for pair, one in readings.items() if pair[0] in unfilmed and judged(one.metres, rules) is Where.NEAR]
    theirs = {clip.clip_id for officer, found in clips.items() if officer != seen.NOBODY for clip in found}
    wanted = sorted({clip for _, clip in near} - theirs) if near else []
    if not wanted:
        return Unclaimed({}, {})
    nobodys = (await seen.clips_named(connection, wanted)).get(seen.NOBODY, [])
    metres = metres_of(readings, unfilmed, [nobodys])
    found: dict[str, list[ClipSeen]] = {}
    by_id = {clip.clip_id: clip for clip in nobodys}
    for encounter, clip in sorted(metres.keys() & set(near)):
        found.setdefault(encounter, []).append(by_id[clip])
    return Unclaimed(found, metres)


async def want_search(connection: Connection, encounters: Iterable[str]) -> None:
    """Have clips looked for that nobody is known to have recorded, around these encounters."""
    wanted = sorted(set(encounters))
    if wanted:
        await execute(
            connection,
            "INSERT INTO encounter_unsearched SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING",
            (wanted,),
        )


async def want_search_around(connection: Connection, spans: Sequence[tuple[datetime, datetime]], rules: Rules) -> None:
    """The same around those encounters that no clip shows and that lie in these spans."""
    if not spans:
        return
    await execute(
        connection,
        "INSERT INTO encounter_unsearched SELECT DISTINCT e.encounter_id"
        " FROM unnest(%(since)s::timestamptz[], %(until)s::timestamptz[]) AS s (since, until)"
        " JOIN encounters e ON e.at > s.since - interval '24 h' AND e.at <= s.until"
        "  AND COALESCE(e.until, e.at + make_interval(secs => %(assumed)s)) >= s.since AND e.lat IS NOT NULL"
        " JOIN encounter_gaps g ON g.encounter_id = e.encounter_id AND g.kind = 'none' ON CONFLICT DO NOTHING",
        {
            "since": [since - rules.slack for since, _ in spans],
            "until": [until + rules.slack for _, until in spans],
            "assumed": rules.assumed,
        },
    )
