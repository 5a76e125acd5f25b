"""Whose clips show which encounter, and what is missing: a pure function of one officer's day.

The batch over a year and the increment of one day are this function. The order of what it is given does not matter.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from workers.encounters.coverage import coverage
from workers.encounters.day import (
    LONGEST,
    Asked,
    ClipSeen,
    Gap,
    Joined,
    Lacking,
    Meeting,
    OfficersDay,
    Rules,
    Shown,
    Unmatched,
)
from workers.encounters.explained import Said, said_of
from workers.encounters.places import Where, asked, judged, note_of_elsewhere, note_of_unclaimed
from workers.encounters.words import GapKind
from workers.footage.recording import SourceType

SAME_INCIDENT = timedelta(hours=12)
"""How far from an encounter a clip of the same incident still belongs to it: the arrest and the journey after it."""

BY_TRIGGER = ("safety_off",)
"""Triggers that say that force was used or threatened, and so want a record of it."""


def join(day: OfficersDay, rules: Rules) -> Joined:
    """Set an officer's encounters against the officer's clips."""
    clips = sorted(day.clips, key=lambda clip: (clip.began, clip.clip_id))
    body_worn = [clip for clip in clips if clip.source_type is SourceType.BODY_WORN]
    starts = [clip.began for clip in clips]
    shown: list[Shown] = []
    lacking: list[Lacking] = []
    tracks: list[Asked] = []
    for meeting in sorted(day.meetings, key=lambda one: (one.at, one.encounter_id)):
        # What began too late, or a day before the first moment that counts, need not be looked at.
        first = bisect_left(starts, meeting.at - SAME_INCIDENT - LONGEST)
        last = bisect_right(starts, meeting.end(rules) + SAME_INCIDENT + rules.slack)
        near: list[tuple[ClipSeen, str]] = []
        elsewhere: list[ClipSeen] = []
        for clip in clips[first:last]:
            how = matched(meeting, clip, rules)
            if how is not None and how.startswith("time") and (track := asked(meeting, clip)) is not None:
                tracks.append(track)
                where = judged(day.metres.get((meeting.encounter_id, clip.clip_id)), rules)
                if where is Where.ELSEWHERE:
                    elsewhere.append(clip)
                how = placed(how, where)
            if how is not None:
                near.append((clip, how))
        shown += [
            Shown(meeting.encounter_id, clip.clip_id, how, clip.source_type, beside(clip, body_worn, rules))
            for clip, how in near
        ]
        at_the_time = tuple(clip for clip, how in near if how.startswith("time"))
        lacking.append(Lacking(meeting, at_the_time, tuple(elsewhere)))
    unmatched = tuple(_unmatched(clips, body_worn, shown, rules))
    return explained(Joined(tuple(shown), (), unmatched, tuple(tracks), tuple(lacking)), day, rules)


def explained(joined: Joined, day: OfficersDay, rules: Rules) -> Joined:
    """What is missing, and what the records of this day say of it.

    Which gaps there are follows from the clips alone. So whoever joined a day without its cameras, since most days need
    none, asks this again with them and has what a join of the whole day would have come to.
    """
    gaps: list[Gap] = []
    lacking: list[Lacking] = []
    for one in joined.lacking:
        found = gaps_of(one.meeting, one.clips, one.elsewhere, day, rules)
        if found:
            gaps += found
            lacking.append(one)
    return msgspec.structs.replace(joined, gaps=tuple(gaps), lacking=tuple(lacking))


def matched(meeting: Meeting, clip: ClipSeen, rules: Rules) -> str | None:
    """How a clip belongs to an encounter of its officer by time and incident, or None."""
    same = clip.incident is not None and clip.incident == meeting.incident
    if overlaps(meeting.at, meeting.end(rules), clip, rules):
        return "time+incident" if same else "time"
    if same and overlaps(meeting.at - SAME_INCIDENT, meeting.end(rules) + SAME_INCIDENT, clip, rules):
        return "incident"
    return None


def placed(how: str, where: Where | None) -> str | None:
    """How a clip of that time belongs to it, given where it was recorded: elsewhere it shows something else."""
    if where is Where.ELSEWHERE:
        return "incident" if how == "time+incident" else None
    return f"{how}+place" if where is Where.NEAR else how


def overlaps(began: datetime, ended: datetime, clip: ClipSeen, rules: Rules) -> bool:
    """Whether a clip lies in a span, as far as clocks can tell. One without a known end is known by its beginning."""
    over = clip.began if clip.ended is None else clip.ended
    return clip.began - rules.slack < ended and over + rules.slack > began


def beside(clip: ClipSeen, body_worn: Sequence[ClipSeen], rules: Rules) -> str | None:
    """The body-worn clip of the same moment as a Taser's recording: the one that has most of it, the earlier of two."""
    if clip.source_type is not SourceType.TASER:
        return None
    over = clip.ended or clip.began + timedelta(seconds=1)
    best: tuple[float, str] | None = None
    for other in body_worn:
        end = over if other.ended is None else other.ended + rules.slack
        common = (min(over, end) - max(clip.began, other.began - rules.slack)).total_seconds()
        if common > 0 and (best is None or common > best[0]):
            best = (common, other.clip_id)
    return None if best is None else best[1]


def gaps_of(
    meeting: Meeting, clips: Sequence[ClipSeen], elsewhere: Sequence[ClipSeen], day: OfficersDay, rules: Rules
) -> list[Gap]:
    """What the clips of one officer do not show of an encounter. A Taser's camera does not stand in for theirs.

    Args:
        elsewhere: clips of that time which were recorded elsewhere.
    """
    worn = [clip for clip in clips if clip.source_type is SourceType.BODY_WORN]
    away = [
        day.metres[meeting.encounter_id, clip.clip_id] for clip in elsewhere if clip.source_type is SourceType.BODY_WORN
    ]

    def said_at(moment: datetime) -> Said:
        said = said_of(moment, day.held, day.log)
        # What the log says of that recording is explained better by where it is.
        return Said(said.explained_by, note_of_elsewhere(away)) if away else said

    found = coverage(meeting, worn, rules)
    if not found.seen:
        said = said_at(meeting.at)
        others = sorted({clip.source_type.value for clip in clips})
        unclaimed = note_of_unclaimed(_unclaimed(meeting, day, rules))
        parts = (f"seen by {', '.join(others)} only" if others else None, said.note, unclaimed)
        note = "; ".join(part for part in parts if part)
        seconds = None if meeting.until is None else found.late
        return [Gap(meeting.encounter_id, GapKind.NONE, seconds, said.explained_by, note or None)]
    gaps = []
    if found.late > rules.late:
        said = said_at(meeting.at)
        gaps.append(Gap(meeting.encounter_id, GapKind.LATE, found.late, said.explained_by, said.note))
    if found.early > rules.early and found.stopped is not None:
        said = said_at(found.stopped)
        again = "" if found.resumed is None else f", goes on at {found.resumed + rules.slack:%H:%M:%S}"
        note = f"the footage stops at {found.stopped - rules.slack:%H:%M:%S} UTC{again}"
        note += f"; {said.note}" if said.note else ""
        gaps.append(Gap(meeting.encounter_id, GapKind.EARLY, found.early, said.explained_by, note))
    if found.unheard > rules.muted:
        note = "a clip has no sound" if any(clip.silent for clip in worn) else "muted by hand, says the camera's log"
        gaps.append(Gap(meeting.encounter_id, GapKind.MUTED, found.unheard, None, note))
    return gaps


def _unclaimed(meeting: Meeting, day: OfficersDay, rules: Rules) -> list[tuple[float, ClipSeen]]:
    """Clips that nobody is known to have recorded, then and there, with their metres."""
    return [
        (day.metres[meeting.encounter_id, clip.clip_id], clip)
        for clip in day.unclaimed
        if judged(day.metres.get((meeting.encounter_id, clip.clip_id)), rules) is Where.NEAR
        and clip.source_type is SourceType.BODY_WORN
        and overlaps(meeting.at, meeting.end(rules), clip, rules)
    ]


def _unmatched(
    clips: Iterable[ClipSeen], body_worn: Sequence[ClipSeen], shown: Iterable[Shown], rules: Rules
) -> Iterable[Unmatched]:
    known = {one.clip_id for one in shown}
    for clip in clips:
        flag = flagged_by(clip, rules)
        if flag is not None and clip.clip_id not in known:
            yield Unmatched(clip.clip_id, flag, beside(clip, body_worn, rules))


def flagged_by(clip: ClipSeen, rules: Rules) -> str | None:
    """What about a clip says that it shows an encounter."""
    flagged = [category for category in clip.categories if category in rules.flags]
    if flagged:
        return f"category {min(flagged)}"
    if clip.trigger in BY_TRIGGER:
        return f"trigger {clip.trigger}"
    return None
