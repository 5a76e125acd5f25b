"""Where an alarm begins: the service levels of the system, as numbers."""

from __future__ import annotations

from datetime import timedelta

VERIFIED_WITHIN = 900.0
"""Seconds from docking to verified for a clip of ordinary size (p95)."""
CAMERA_RATE = 25e6 / 8
"""Bytes a second that a camera gives."""
LARGE_FACTOR, LARGE_EXTRA = 1.5, 300.0
"""A large clip may take so many times the time that the camera needs to be read, and so many seconds more."""
LATE_SHARE = 0.05
"""More than this share of late clips means that the p95 is above what is allowed."""
UNVERIFIED_MOST = timedelta(hours=24)
UNRELEASED_MOST = timedelta(minutes=20)
SETTLES = timedelta(seconds=60)
"""How long a condition must be gone before its alarm is over: what comes and goes is told once, not each minute."""
SETTLES_MOST = timedelta(hours=1)
"""What has come back within REMEMBERED must be gone twice as long each time, up to this."""
REMEMBERED = timedelta(hours=1)
GATHERS = timedelta(minutes=5)
"""After an alarm has fired, further subjects of it fire together, so long after: two hundred clips in quarantine are
a few mails, not two hundred."""
EXAMPLES = 5
MOST = 200
"""Subjects of one alarm that are looked at; more than these are one mishap, not two hundred."""
OUT_MOST = timedelta(hours=24)
CLOCK_MOST = 30
"""Seconds; the index clips_clock_off has the same number."""
DEADLINE_NEAR = timedelta(hours=24)
DISK_SHARE, DISK_BYTES = 0.10, 5 << 30
"""A disk is short of room below this share, or below so many bytes."""
WINDOW_BEFORE, WINDOW_AFTER = timedelta(minutes=30), timedelta(minutes=60)
"""Around a change of shift: when cameras come into their docks."""
USUAL_DAYS = 4
"""Of the seven days before, those on which a dock must have had a camera, so that none today is odd."""


def allowed(size: float) -> float:
    """Seconds from docking to verified that a clip of `size` bytes may take."""
    return max(VERIFIED_WITHIN, LARGE_FACTOR * size / CAMERA_RATE + LARGE_EXTRA)
