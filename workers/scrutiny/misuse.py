"""What professional standards look at: histories that may be misuse of footage, or of the power not to record. Pure.

A finding is a question, never a verdict: each rule says what it saw, and people find out why. The rules are few, so
that what is listed is read. (ICO guidance on body-worn video: looks that nobody can explain; IOPC: cameras that stop.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from workers.encounters.day import ClipSeen
from workers.footage.recording import SourceType


class What(StrEnum):
    """What was seen."""

    LOOK_WITHOUT_CASE = "look-without-case"
    """Somebody looked at a clip that was not theirs, while it belonged to no case."""
    THIN_REASON = "thin-reason"
    """The reason that somebody typed says nothing."""
    STOPPED_NEAR_FORCE = "stopped-near-force"
    """A camera was stopped shortly before, during or after its officer used force or was there."""
    DELETION_ASKED = "deletion-asked"
    """Whoever recorded a clip asked that it goes before its time, or approved it; in vain, too."""
    SHORTER_CATEGORY = "shorter-category"
    """Whoever recorded a clip gave it a category that is kept for less long."""


class Finding(Struct, frozen=True):
    """One thing that was seen.

    Attributes:
        person: whose doing it is.
    """

    what: What
    at: datetime
    person: str
    says: str
    clip_id: str | None = None
    encounter_id: str | None = None


class Look(Struct, frozen=True):
    """Somebody looked at a clip and had to type a reason.

    Attributes:
        case: the clip belonged to an open case, or was held for a complaint or the like, at that time.
    """

    clip_id: str
    person: str
    reason: str
    at: datetime
    case: bool


class Force(Struct, frozen=True):
    """An officer was at a use of force.

    Attributes:
        explained: the camera's event log explains what is missing: its battery was flat, its power lost.
    """

    encounter_id: str
    reference: str
    officer: str
    at: datetime
    until: datetime | None
    explained: bool = False


class Wish(Struct, frozen=True):
    """Somebody asked for the early disposal of a clip, or gave it a category that is kept for less long."""

    what: What
    clip_id: str
    person: str
    recorder: str | None
    at: datetime
    says: str


NEAR = timedelta(seconds=60)
"""How near to a use of force a camera's stop is listed."""

CONTINUED = timedelta(seconds=10)
"""A recording that begins so soon after another is its continuation: cameras cut long recordings into files."""

EMPTY = frozenset(
    {"and", "because", "check", "checking", "clip", "clips", "evidence", "footage", "for", "from", "had", "have", "job",
     "just", "look", "looked", "looking", "need", "needed", "please", "police", "policing", "purpose", "purposes",
     "quick", "reason", "reasons", "required", "review", "reviewing", "see", "some", "test", "that", "the", "this",
     "video", "view", "viewing", "wanted", "was", "watch", "with", "work"}
)  # fmt: skip
"""Words that would fit any look."""

TELLING = 2
"""A reason has at least so many other words, or a number of something."""


def is_thin(reason: str) -> bool:
    """Whether a reason says nothing: neither a number (of a case, an incident, a complaint) nor two telling words."""
    words = re.findall(r"[\w/.-]+", reason.lower())
    if any(sum(letter.isdigit() for letter in word) >= 3 for word in words):
        return False
    telling = {word for word in words if len(word) >= 3 and word.isalpha() and len(set(word)) > 1 and word not in EMPTY}
    return len(telling) < TELLING


def of_looks(looks: Iterable[Look]) -> list[Finding]:
    """Looks without a case, and looks with a thin reason; a look may be both."""
    found = []
    for one in looks:
        if not one.case:
            says = f"looked while it belonged to no case: {one.reason}"
            found.append(Finding(What.LOOK_WITHOUT_CASE, one.at, one.person, says, one.clip_id))
        if is_thin(one.reason):
            says = f"the reason says nothing: {one.reason}"
            found.append(Finding(What.THIN_REASON, one.at, one.person, says, one.clip_id))
    return found


def of_stops(force: Force, clips: Sequence[ClipSeen], near: timedelta = NEAR) -> list[Finding]:
    """Where an officer's camera stopped near a use of force at which they were.

    A stop counts from `near` before the beginning to `near` after the end. None where the next recording follows on,
    where another camera of theirs went on, where the log explains it, and where a recording does not say when it ended.

    Args:
        clips: of this officer.
    """
    if force.explained:
        return []
    worn = [one for one in clips if one.source_type is SourceType.BODY_WORN]
    first, last = force.at - near, (force.until or force.at) + near
    found = []
    for one in worn:
        if one.ended is None or not first <= one.ended <= last or _went_on(one, worn):
            continue
        says = f"{force.reference}: {one.camera} stopped {_where(one.ended, force)}"
        found.append(Finding(What.STOPPED_NEAR_FORCE, one.ended, force.officer, says, one.clip_id, force.encounter_id))
    return found


def _went_on(stopped: ClipSeen, worn: Iterable[ClipSeen]) -> bool:
    assert stopped.ended is not None
    return any(
        other.clip_id != stopped.clip_id
        and other.began <= stopped.ended + CONTINUED
        and (other.ended is None or other.ended > stopped.ended)
        for other in worn
    )


def _where(ended: datetime, force: Force) -> str:
    if ended < force.at:
        return f"{(force.at - ended).total_seconds():.0f} s before force was used"
    if force.until is not None and ended <= force.until:
        return f"{(force.until - ended).total_seconds():.0f} s before the use of force was over"
    began = "was over" if force.until is not None else "began"
    return f"{(ended - (force.until or force.at)).total_seconds():.0f} s after the use of force {began}"


def of_wishes(wishes: Iterable[Wish]) -> list[Finding]:
    """Deletions and shorter categories that the officer who recorded it asked for."""
    return [
        Finding(one.what, one.at, one.person, one.says, one.clip_id)
        for one in wishes
        if one.recorder is not None and one.person == one.recorder
    ]
