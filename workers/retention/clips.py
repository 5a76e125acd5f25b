"""What retention looks at of a clip, taken from the dock's signed report."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from workers.fate.moves import Standing
from workers.fate.row import Fate
from workers.footage.recording import Report
from workers.retention.facts import Clip


def clip_of(fate: Fate) -> Clip:
    """The clip of a row, as its newest report declares it."""
    return clip_from(fate.clip_id, fate.declared(), Standing(fate.standing))


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
