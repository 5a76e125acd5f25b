"""The join over the catalogue: of everybody in a span, or of a few officers around something new.

What it writes is projected: it may be made anew at any time, and is the same for the same record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, execute, fetch, fetch_plain
from workers.encounters import seen
from workers.encounters.day import LONGEST, ClipSeen, Joined, OfficersDay, Rules, Span
from workers.encounters.hands import Hands, docked, hands
from workers.encounters.join import SAME_INCIDENT, explained, flagged_by, join
from workers.encounters.readings import ask, metres_of, readings_of
from workers.encounters.unclaimed import unclaimed, want_search
from workers.encounters.words import GapKind

MARGIN = LONGEST + SAME_INCIDENT
"""How far around a span is looked: the longest encounter or clip, and what the same incident still joins."""


class Tally(Struct):
    """What a join wrote."""

    encounters: int = 0
    clips: int = 0
    gaps: int = 0
    unmatched: int = 0


async def join_span(
    connection: Connection,
    rules: Rules,
    since: datetime,
    until: datetime,
    officers: Sequence[str] | None,
    tally: Tally,
) -> None:
    """Join the encounters that began in a span, and the clips, anew; inside the caller's transaction.

    Args:
        officers: of these alone; None: of everybody.
    """
    early, late = since - MARGIN, until + MARGIN
    meetings = await seen.meetings(connection, early, late, officers)
    taken = await hands(connection, early, late, officers)
    clips = await seen.clips(connection, early, late, officers, taken)
    silenced = await seen.muted(connection, early, late)
    where = {one.encounter_id: one for found in meetings.values() for one in found if one.lat is not None}
    readings = await readings_of(connection, list(where))
    metres = metres_of(readings, where, clips.values())
    days = {
        officer: OfficersDay(
            officer, tuple(meetings.get(officer, ())), _with_muted(clips.get(officer, ()), silenced), metres=metres
        )
        for officer in sorted(meetings.keys() | clips.keys())
        if officer in meetings or any(flagged_by(clip, rules) for clip in clips[officer])
    }
    joined = {officer: join(day, rules) for officer, day in days.items()}
    unsure = sorted(officer for officer, one in joined.items() if one.gaps)
    unfilmed = {gap.encounter_id for one in joined.values() for gap in one.gaps if gap.kind is GapKind.NONE}
    around = await unclaimed(connection, readings, {one: where[one] for one in unfilmed & where.keys()}, clips, rules)
    for officer, day in (await _with_cameras(connection, days, unsure, taken, early, late)).items():
        joined[officer] = explained(joined[officer], around.added_to(day), rules)
    mine = {
        meeting.encounter_id: meeting.at
        for day in days.values() for meeting in day.meetings if since <= meeting.at < until
    }  # fmt: skip
    theirs = {clip.clip_id: clip.began for found in clips.values() for clip in found if since <= clip.began < until}
    await _write(connection, joined, mine, theirs, officers, tally)
    tracks = [track for one in joined.values() for track in one.asked if track.encounter_id in mine]
    await ask(connection, tracks, readings)
    await want_search(connection, unfilmed & where.keys() & mine.keys())


def _with_muted(clips: Iterable[ClipSeen], silenced: dict[str, list[Span]]) -> tuple[ClipSeen, ...]:
    if not silenced:
        return tuple(clips)
    return tuple(
        msgspec.structs.replace(clip, muted=tuple(silenced[clip.camera])) if clip.camera in silenced else clip
        for clip in clips
    )


async def _with_cameras(
    connection: Connection,
    days: dict[str, OfficersDay],
    unsure: Sequence[str],
    taken: Hands,
    since: datetime,
    until: datetime,
) -> dict[str, OfficersDay]:
    """The days of officers of whom something is missing, with their cameras and what those say."""
    if not unsure:
        return {}
    cameras = taken.cameras_of(unsure)
    held = taken.held(unsure, await docked(connection, cameras))
    logs = await seen.logs(connection, cameras, since, until)
    made = {}
    for officer in unsure:
        theirs = held.get(officer, [])
        log = [event for camera in {one.camera for one in theirs} for event in logs.get(camera, ())]
        made[officer] = msgspec.structs.replace(days[officer], held=tuple(theirs), log=tuple(log))
    return made


async def _write(
    connection: Connection,
    joined: dict[str, Joined],
    mine: dict[str, datetime],
    theirs: dict[str, datetime],
    officers: Sequence[str] | None,
    tally: Tally,
) -> None:
    only = "" if officers is None else " AND officer = ANY(%(officers)s)"
    given = {"mine": list(mine), "theirs": list(theirs), "officers": officers}
    for table in ("encounter_clips", "encounter_gaps"):
        await execute(connection, f"DELETE FROM {table} WHERE encounter_id = ANY(%(mine)s){only}", given)
    await execute(connection, "DELETE FROM encounter_unmatched WHERE clip_id = ANY(%(theirs)s)", given)
    reasons = await _reasons(
        connection,
        {
            "mine": [gap.encounter_id for one in joined.values() for gap in one.gaps if gap.encounter_id in mine],
            "theirs": [u.clip_id for one in joined.values() for u in one.unmatched if u.clip_id in theirs],
        },
    )
    shown, gaps, unmatched = [], [], []
    for officer, one in joined.items():
        shown += [
            (s.encounter_id, s.clip_id, officer, s.how, s.source_type.value, s.beside)
            for s in one.shown if s.encounter_id in mine
        ]  # fmt: skip
        gaps += [
            (g.encounter_id, officer, g.kind.value, g.seconds, g.explained_by, g.note,
             *reasons.get((g.encounter_id, officer, g.kind.value), (None, None, None)), mine[g.encounter_id])
            for g in one.gaps if g.encounter_id in mine
        ]  # fmt: skip
        unmatched += [
            (u.clip_id, officer or None, u.flagged_by, u.beside,
             *reasons.get((u.clip_id, "", "unmatched"), (None, None, None)), theirs[u.clip_id])
            for u in one.unmatched if u.clip_id in theirs
        ]  # fmt: skip
    await _copy(connection, "encounter_clips", shown)
    await _copy(connection, "encounter_gaps", gaps)
    await _copy(connection, "encounter_unmatched", unmatched)
    tally.encounters += len(mine)
    tally.clips += len(shown)
    tally.gaps += len(gaps)
    tally.unmatched += len(unmatched)


async def _reasons(connection: Connection, given: dict[str, Any]) -> dict[tuple[str, str, str], tuple[Any, ...]]:
    """(encounter, officer, kind), or (clip, "", unmatched) → the newest reason, who gave it and when."""
    rows = await fetch_plain(
        connection,
        "SELECT COALESCE(encounter_id, clip_id), CASE WHEN encounter_id IS NULL THEN '' ELSE officer END, kind, reason,"
        " person, time FROM encounter_reasons WHERE encounter_id = ANY(%(mine)s) OR clip_id = ANY(%(theirs)s)"
        " ORDER BY time, event_id",
        given,
    )
    return {(about, officer, kind): (reason, person, time) for about, officer, kind, reason, person, time in rows}


async def _copy(connection: Connection, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    async with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
        for row in rows:
            await copy.write_row(row)


async def log_size(connection: Connection) -> int:
    """Entries in the custody log."""
    size: int = (await fetch(connection, "SELECT size FROM custody_head"))[0]["size"]
    return size


async def alone(connection: Connection) -> int:
    """Keep others from joining, and the batch, until this transaction ends.

    Returns:
        Of how much of the log the join is the fold.
    """
    upto: int = (await fetch(connection, "SELECT upto FROM encounter_cursor FOR UPDATE"))[0]["upto"]
    return upto


async def join_one(connection: Connection, rules: Rules, encounter_id: str, *, clips: bool = False) -> None:
    """Join one encounter that was just written, in the same transaction: nothing shows it without its clips.

    Args:
        clips: also say anew of the clips around it whether there is a record of what they show.
    """
    await alone(connection)
    rows = await fetch(
        connection,
        "SELECT e.at, array_agg(p.officer) AS officers FROM encounters e JOIN encounter_officers p USING (encounter_id)"
        " WHERE encounter_id = %s GROUP BY e.at",
        (encounter_id,),
    )
    for row in rows:
        since = row["at"] - (LONGEST if clips else timedelta(0))
        until = row["at"] + (LONGEST if clips else timedelta(microseconds=1))
        await join_span(connection, rules, since, until, row["officers"], Tally())
