"""How near the track of a clip came to an encounter, and what follows from it. Pure; of a track one number leaves.

A track that says when it was where is looked at in the time of the encounter alone: where a camera was an hour later
says nothing. One that does not is looked at as a whole, as holds of a place do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import ceil, isinf

from workers.encounters.day import Asked, ClipSeen, Meeting, Rules
from workers.footage.recording import Place
from workers.retention.places import FIX_ERROR, distance

AROUND = timedelta(minutes=1)
"""Of a track, how far before and after the times of a record is looked. Records are written to the minute; and in one
minute nobody in a town comes from an encounter to where a clip counts as recorded elsewhere."""

GONE = float("inf")
"""Metres of a clip that was recorded elsewhere and is deleted: how far away is not kept."""

NAMED = 3
"""Cameras of unknown officers that a note names; of more it gives the number."""


class Where(StrEnum):
    """What a distance says. One between the two, or none at all, says nothing."""

    NEAR = "near"
    ELSEWHERE = "elsewhere"


def asked(meeting: Meeting, clip: ClipSeen) -> Asked | None:
    """What the clip's track is asked; None: the record has no place."""
    if meeting.lat is None or meeting.lon is None:
        return None
    since, until = meeting.at - AROUND + clip.ahead, (meeting.until or meeting.at) + AROUND + clip.ahead
    return Asked(meeting.encounter_id, clip.clip_id, meeting.lat, meeting.lon, since, until)


def nearest(track: Sequence[Place], asked: Asked) -> float | None:
    """Whole metres from the record's place to the nearest point of a track in that time, ways between fixes included.

    Returns:
        None: there is no track, or none of that time.
    """
    timed = sorted(
        ((at, fix) for fix in track if (at := _moment(fix.at)) is not None), key=lambda one: one[0]
    )  # fmt: skip
    then = [fix for at, fix in timed if asked.since <= at <= asked.until] if timed else track
    metres = distance(then, asked.lat, asked.lon)
    return None if metres is None else float(round(metres))


def _moment(text: str | None) -> datetime | None:
    """A camera's time; without a zone it is UTC, as in its event log."""
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def judged(metres: float | None, rules: Rules) -> Where | None:
    """What a distance says of where a clip was recorded. A track may be wrong by `FIX_ERROR` either way."""
    if metres is None:
        return None
    if metres <= rules.near + FIX_ERROR:
        return Where.NEAR
    return Where.ELSEWHERE if metres > rules.elsewhere + FIX_ERROR else None


def note_of_elsewhere(metres: Sequence[float]) -> str | None:
    """What a gap says of clips of its time that were recorded elsewhere."""
    if not metres:
        return None
    away = min(metres)
    return "a clip of that time was recorded " + ("elsewhere" if isinf(away) else f"{away / 1000:.1f} km away")


def note_of_unclaimed(near: Sequence[tuple[float, ClipSeen]]) -> str | None:
    """What a gap says of clips that nobody is known to have recorded, as near as that: proposed, never counted.

    It names cameras and no clip: who may see a clip is for the clip's own page to decide.
    """
    if not near:
        return None
    cameras: dict[str, float] = {}
    for metres, clip in sorted(near, key=lambda one: (one[0], one[1].camera)):
        cameras.setdefault(clip.camera, metres)
    named = [
        f"a camera that nobody signed out, {camera}, recorded within {max(10, ceil(metres / 10) * 10)} m of it"
        for camera, metres in list(cameras.items())[:NAMED]
    ]
    if len(cameras) > NAMED:
        named.append(f"{len(cameras) - NAMED} more such cameras")
    return "; ".join(named) + ": bwv attribute says whose it is"
