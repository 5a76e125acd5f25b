"""The force's policy for encounters, as its settings have it."""

from __future__ import annotations

from streams.settings import Settings
from workers.encounters.day import Rules


def rules_of(settings: Settings) -> Rules:
    """What is late, early, muted and near, and which clips want a record."""
    return Rules(
        late=settings.encounter_late,
        early=settings.encounter_early,
        muted=settings.encounter_muted,
        clocks=settings.encounter_clocks,
        assumed=settings.encounter_assumed,
        flags=tuple(name for each in settings.encounter_flags.split(",") if (name := each.strip())),
        near=settings.encounter_near,
        elsewhere=settings.encounter_elsewhere,
    )
