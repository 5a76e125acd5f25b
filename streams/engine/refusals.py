"""Commits that the broker refuses. One is a rearrangement; several in a row are a second process with our id."""

from __future__ import annotations

import logging
import time

from streams.engine import exits
from streams.engine.health import Health

log = logging.getLogger(__name__)

BURST = 0.5
"""Seconds within which refusals are one: a rearrangement refuses what several places commit at that moment."""

MOST = 3
"""Refused commits in a row after which the process ends: somebody with the same member id has taken over, and
everything that is still done here is done twice."""


class Refusals:
    """Counts them."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._in_a_row = 0
        self._last = 0.0

    def note(self, accepted: bool) -> None:
        """A commit was accepted or refused; ends the process when it is one too many."""
        if accepted:
            self._in_a_row = 0
            self._health.progressed()
            return
        now = time.monotonic()
        if now - self._last < BURST:
            return
        self._last = now
        self._in_a_row += 1
        self._health.commits_refused.inc()
        log.warning("a commit was refused (%d in a row): its messages come again, here or elsewhere", self._in_a_row)
        if self._in_a_row >= MOST:
            exits.leave(exits.FENCED, f"{MOST} commits in a row were refused: another process has this member id")
