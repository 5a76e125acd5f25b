"""What retention looks at of a clip, taken from the dock's signed report."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from workers.fate.moves import Standing
from workers.fate.row import Fate
from workers.footage.recording import Report
from workers.retention.facts import Clip, Fact, IncidentGiven


def clip_of(fate: Fate) -> Clip:
    """The clip of a row, as its newest report declares it and people said since."""
    clip = clip_from(fate.clip_id, fate.declared(), Standing(fate.standing))
    return msgspec.structs.replace(clip, incident=next(reversed(incidents_in(clip.incident, fate.facts)), None))


def incidents_of(fate: Fate) -> tuple[str, ...]:
    """Every incident that the clip of a row was ever said to show; the newest last."""
    return incidents_in(fate.declared().recording.incident, fate.facts)


def incidents_in(declared: str | None, facts: Iterable[Fact]) -> tuple[str, ...]:
    """The incident that the camera carried, and those that people gave, each once."""
    given = [fact.incident for fact in facts if isinstance(fact, IncidentGiven)]
    return tuple(dict.fromkeys([declared, *given] if declared is not None else given))


def clip_from(clip_id: str, report: Report, standing: Standing) -> Clip:
    """The clip of a report."""
    recording = report.recording
    return Clip(
        clip_id=clip_id,
        source_type=recording.source_type,
        kind=recording.kind,
        standing=standing,
        recorded_at=recorded_at(recording.recorded_at, recording.clock_offset),
        docked_at=_in_utc(datetime.fromisoformat(report.docked_at)),
        incident=recording.incident,
    )


def recorded_at(said: str, clock_offset: float) -> datetime | None:
    """Start of a recording: what the camera said, less the seconds that its clock was ahead of the dock's.

    None if that is no time. A time without an offset is taken for UTC, as the dock took the camera's clock when it
    measured how far it was ahead: what both left out cancels out.
    """
    try:
        if not math.isfinite(clock_offset):
            return None
        return _in_utc(datetime.fromisoformat(said)) - timedelta(seconds=clock_offset)
    except (ValueError, OverflowError):
        return None


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
