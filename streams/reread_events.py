"""Events about a clip that was read again."""

from __future__ import annotations

from streams.clip_events import clip_event
from streams.messages import ClipDamaged, ClipReread, event
from streams.settings import Settings
from workers.fate.outbox import Event
from workers.fate.row import Fate
from workers.footage.finding import Finding

SOURCE = "scrub"


def reread_event(settings: Settings, fate: Fate, finding: Finding, now: str, by: str) -> Event:
    """The clip is whole; each reading is an event of its own."""
    told = ClipReread(
        clip_id=fate.clip_id,
        camera=fate.camera,
        version_id=fate.verified_version or "",
        size=finding.size,
        sha256=finding.sha256,
        seconds=round(finding.seconds, 3),
        reread_at=now,
        store=settings.store_name,
        by=by,
        lock=finding.lock,
    )
    cause = (fate.clip_id, told.version_id, now, by)
    return event("clips.reread", told, key=fate.clip_id, subject=fate.clip_id, source=SOURCE, cause=cause)


def damaged_event(settings: Settings, fate: Fate, finding: Finding, now: str, by: str) -> Event:
    """The clip is not what was verified; told once, with the move of its row."""
    told = ClipDamaged(
        clip_id=fate.clip_id,
        attempt=fate.attempt,
        report=fate.report,
        version_id=fate.verified_version or "",
        reason=finding.reason,
        expected_sha256=finding.sha256,
        found_sha256=finding.found_sha256,
        found_size=finding.found_size,
        chunks=tuple(chunk.number for chunk in finding.chunks),
        reread_at=now,
        store=settings.store_name,
        by=by,
    )
    return clip_event("clips.damaged", told, SOURCE)
