"""What is new in the custody log since the join last looked, and whose days it concerns.

The entries and the catalogue are one transaction of the record, so whatever an entry tells of is in the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from workers.database.engine import Connection, execute, fetch
from workers.encounters import seen
from workers.encounters.day import ClipSeen, OfficersDay, Rules, Span
from workers.encounters.join import join
from workers.encounters.joining import MARGIN, Tally, alone, join_span, log_size
from workers.encounters.readings import forget
from workers.encounters.unclaimed import want_search_around
from workers.keys.statements import Issue

CLIP_TYPES = (
    "clips.registered", "clips.registered.urgent", "clips.probed", "clips.attributed", "clips.categorised",
    "clips.time-corrected",
)  # fmt: skip
CAMERA_TYPES = ("cameras.issued", "cameras.returned")
RECORD_TYPES = ("encounters.recorded",)
GONE_TYPES = ("clips.disposed",)
TYPES = (*CLIP_TYPES, *CAMERA_TYPES, *RECORD_TYPES, *GONE_TYPES)

PAGE = 2_000
"""Entries that are looked at in one transaction."""

FAR_BEHIND = 50_000
"""Entries after which everything is joined anew instead: the first start over a past, or a rebuild."""

Days = dict[str, list[Span]]
"""Officer → spans of time to join again."""


async def is_far_behind(connection: Connection) -> bool:
    """Whether a batch over everything is quicker than entry by entry."""
    rows = await fetch(connection, "SELECT upto FROM encounter_cursor")
    return await log_size(connection) - int(rows[0]["upto"]) > FAR_BEHIND


async def look(connection: Connection, rules: Rules) -> int:
    """Join what is new in the log, a page of it, in the caller's transaction; returns how many entries there were."""
    upto = await alone(connection)
    size = await log_size(connection)
    entries = await fetch(
        connection,
        "SELECT index, type, clip_id, entry::jsonb->>'subject' AS subject, payload FROM custody"
        " WHERE index >= %s AND index < %s AND type = ANY(%s) AND conflicts_with IS NULL ORDER BY index LIMIT %s",
        (upto, size, list(TYPES), PAGE),
    )
    days: Days = {}
    await _by_clips(
        connection, [e["clip_id"] for e in entries if e["type"] in CLIP_TYPES and e["clip_id"]], rules, days
    )
    for entry in entries:
        if entry["type"] in CAMERA_TYPES and entry["payload"] is not None:
            await _by_issue(connection, msgspec.json.decode(entry["payload"]), rules, days)
    await _by_records(connection, [e["subject"] for e in entries if e["type"] in RECORD_TYPES], days)
    if gone := [e["clip_id"] for e in entries if e["type"] in GONE_TYPES and e["clip_id"]]:
        await forget(connection, rules, gone)
    tally = Tally()
    for officer, spans in sorted(days.items()):
        for since, until in merged(spans):
            await join_span(connection, rules, since, until, [officer], tally)
    upto = entries[-1]["index"] + 1 if len(entries) == PAGE else size
    await execute(connection, "UPDATE encounter_cursor SET upto = %s", (upto,))
    return len(entries)


def merged(spans: Iterable[Span]) -> list[Span]:
    """The spans in order; those that overlap or lie a day apart are one."""
    made: list[Span] = []
    for since, until in sorted(spans):
        if made and since <= made[-1][1] + timedelta(days=1):
            made[-1] = (made[-1][0], max(made[-1][1], until))
        else:
            made.append((since, until))
    return made


def _mark(days: Days, officer: str, since: datetime, until: datetime) -> None:
    days.setdefault(officer, []).append((since - MARGIN, until + MARGIN))


OF_CLIPS = """
WITH spans AS (
    SELECT c.clip_id, c.camera, COALESCE(c.clock_offset, 0) AS ahead,
        LEAST(c.recorded_at, l.first) - make_interval(secs => COALESCE(c.clock_offset, 0)) AS since,
        GREATEST(c.recorded_at, c.ended_at, l.last) - make_interval(secs => COALESCE(c.clock_offset, 0)) AS until
    FROM clips c LEFT JOIN LATERAL (
        SELECT min(at) AS first, max(at) AS last FROM camera_events e WHERE e.clip_id = c.clip_id
    ) l ON true
    WHERE c.clip_id = ANY(%(clips)s) AND c.recorded_at IS NOT NULL
)
SELECT s.since, s.until, h.officer FROM spans s JOIN camera_holders h ON h.camera = s.camera AND h.officer IS NOT NULL
    AND h.time <= s.until + make_interval(secs => abs(s.ahead)) AND NOT EXISTS (
        SELECT FROM camera_holders n WHERE n.camera = h.camera AND n.time > h.time
            AND n.time < s.since - make_interval(secs => abs(s.ahead))
    )
UNION
SELECT s.since, s.until, j.officer FROM spans s JOIN encounter_clips j USING (clip_id)
"""
"""The span of a clip, or of what its camera's log says, with whoever had that camera then, and whose encounters it
stood at before."""


async def _by_clips(connection: Connection, clip_ids: Sequence[str], rules: Rules, days: Days) -> None:
    """Whoever a clip, or what its camera says, may be about."""
    if not clip_ids:
        return
    wanted = sorted(set(clip_ids))
    for row in await fetch(connection, OF_CLIPS, {"clips": wanted}):
        _mark(days, row["officer"], row["since"], row["until"])
    found = await seen.clips_named(connection, wanted)
    for officer, clips in found.items():
        for clip in clips if officer != seen.NOBODY else ():
            _mark(days, officer, clip.began, clip.ended or clip.began)
    await _by_places(connection, wanted, days)
    await _of_nobody(connection, found.get(seen.NOBODY, ()), rules)
    await _near_nobodys(connection, found, rules)


async def _by_places(connection: Connection, clip_ids: Sequence[str], days: Days) -> None:
    """Whoever was at an encounter near which a clip may have been recorded, whosever it is: a gap may name it."""
    rows = await fetch(
        connection,
        "SELECT DISTINCT o.officer, e.at, COALESCE(e.until, e.at) AS until FROM encounter_places p"
        " JOIN encounters e USING (encounter_id) JOIN encounter_officers o USING (encounter_id)"
        " WHERE p.clip_id = ANY(%s)",
        (list(clip_ids),),
    )
    for row in rows:
        _mark(days, row["officer"], row["at"], row["until"])


async def _near_nobodys(connection: Connection, found: Mapping[str, Sequence[ClipSeen]], rules: Rules) -> None:
    """Encounters of the time of clips that nobody is known to have recorded: those may have been near."""
    spans = [(clip.began, clip.ended or clip.began) for clip in found.get(seen.NOBODY, ())]
    await want_search_around(connection, spans, rules)


async def _of_nobody(connection: Connection, clips: Sequence[ClipSeen], rules: Rules) -> None:
    """Clips that nobody knows the officer of; they join nothing, and may want a record all the same."""
    ids = [clip.clip_id for clip in clips]
    await execute(connection, "DELETE FROM encounter_unmatched WHERE clip_id = ANY(%s) AND officer IS NULL", (ids,))
    began = {clip.clip_id: clip.began for clip in clips}
    for one in join(OfficersDay(seen.NOBODY, clips=tuple(clips)), rules).unmatched:
        await execute(
            connection,
            "INSERT INTO encounter_unmatched (clip_id, flagged_by, beside, open_since) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            (one.clip_id, one.flagged_by, one.beside, began[one.clip_id]),
        )


async def _by_issue(connection: Connection, content: dict[str, Any], rules: Rules, days: Days) -> None:
    """Whoever had the camera before, and has it from then on: what it recorded until the next change is theirs."""
    issue = msgspec.json.decode(content["issue"]["body"], type=Issue)
    rows = await fetch(
        connection,
        "SELECT (SELECT officer FROM camera_holders WHERE camera = %(camera)s AND time < %(at)s"
        "   ORDER BY time DESC, event_id DESC LIMIT 1) AS before,"
        " (SELECT min(time) FROM camera_holders WHERE camera = %(camera)s AND time > %(at)s) AS until,"
        " (SELECT max(recorded_at) FROM clips WHERE camera = %(camera)s AND recorded_at >= %(at)s) AS last",
        {"camera": issue.camera, "at": issue.at},
    )
    since = datetime.fromisoformat(issue.at)
    ends = [at for at in (rows[0]["until"], rows[0]["last"]) if at is not None]
    until = max(since, min(ends)) if ends else since
    for officer in {issue.officer, rows[0]["before"]} - {None, ""}:
        _mark(days, officer, since, until)
    recorded = await fetch(
        connection,
        "SELECT clip_id FROM clips WHERE camera = %s AND recorded_at BETWEEN %s AND %s AND owner IS NULL",
        (issue.camera, since, until),
    )
    if recorded:
        clips = [row["clip_id"] for row in recorded]
        await _by_places(connection, clips, days)
        await _near_nobodys(connection, await seen.clips_named(connection, clips), rules)


async def _by_records(connection: Connection, encounters: Sequence[str], days: Days) -> None:
    """Whoever was there."""
    if not encounters:
        return
    rows = await fetch(
        connection,
        "SELECT p.officer, e.at, COALESCE(e.until, e.at) AS until FROM encounters e JOIN encounter_officers p"
        " USING (encounter_id) WHERE encounter_id = ANY(%s)",
        (sorted(set(encounters)),),
    )
    for row in rows:
        _mark(days, row["officer"], row["at"], row["until"])
