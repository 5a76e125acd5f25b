"""Whose turn it is: which of the fetched messages is worked on next. Pure; time comes in.

Urgent first, then the source with fewest at work, then the oldest. No source has more than its share at work,
two messages with one key are never at work together, and a source that said "busy" is left alone until it
asked to be tried again.
"""

from __future__ import annotations

import heapq
from collections import Counter

from streams.dead_letters import Origin
from streams.engine.guard import Opened


class Job:
    """One fetched message that is not finished.

    Attributes:
        source: who is served (a dock).
        attempts: how often it was tried.
    """

    __slots__ = ("attempts", "key", "opened", "order", "origin", "source", "urgent")

    def __init__(self, origin: Origin, opened: Opened | None, number: int, source: str = "") -> None:
        self.origin = origin
        self.opened = opened
        self.source = source
        self.key = origin.key
        self.urgent = origin.topic.endswith(".urgent")
        self.order = (origin.time, number)
        self.attempts = 0

    def __lt__(self, other: Job) -> bool:
        return self.order < other.order


class Turns:
    """The jobs that wait and the count of those at work.

    Args:
        at_once: jobs of either lane at work together.
        urgent_slots: beside them, for the urgent lane alone.
        per_source: of `at_once`, how many may serve one source. An urgent job may exceed it by `urgent_slots`.
    """

    def __init__(self, at_once: int, urgent_slots: int, per_source: int) -> None:
        self._at_once = at_once
        self._urgent_slots = urgent_slots
        self._per_source = per_source
        self._lanes: dict[bool, dict[str, list[Job]]] = {True: {}, False: {}}
        self._keys: set[bytes] = set()
        self._at_work: Counter[str] = Counter()
        self._patient = 0
        self._total = 0
        self._busy_until: dict[str, float] = {}

    @property
    def at_work(self) -> int:
        """Jobs at work."""
        return self._total

    def put(self, job: Job) -> None:
        """A job waits for its turn, for the first time or again."""
        heapq.heappush(self._lanes[job.urgent].setdefault(job.source, []), job)

    def busy(self, source: str, until: float) -> None:
        """This source wants to be left alone until then."""
        self._busy_until[source] = max(until, self._busy_until.get(source, 0.0))

    def take(self, now: float) -> Job | None:
        """The next job, now at work; None if none may start."""
        if self._total >= self._at_once + self._urgent_slots:
            return None
        job = self._next(True, now, self._per_source + self._urgent_slots)
        if job is None and self._patient < self._at_once:
            job = self._next(False, now, self._per_source)
        if job is not None:
            self._total += 1
            self._patient += not job.urgent
            self._at_work[job.source] += 1
            if job.key is not None:
                self._keys.add(job.key)
        return job

    def end(self, job: Job) -> None:
        """A job is no longer at work."""
        self._total -= 1
        self._patient -= not job.urgent
        self._at_work[job.source] -= 1
        if not self._at_work[job.source]:
            del self._at_work[job.source]
        if job.key is not None:
            self._keys.discard(job.key)

    def keep(self, jobs: set[Job]) -> None:
        """Forget every waiting job that is not one of these."""
        for lane in self._lanes.values():
            for source in list(lane):
                kept = [job for job in lane[source] if job in jobs]
                heapq.heapify(kept)
                if kept:
                    lane[source] = kept
                else:
                    del lane[source]

    def again(self, now: float) -> float | None:
        """Seconds until a busy source with waiting jobs may be tried; None if there is none."""
        sources = {source for lane in self._lanes.values() for source in lane}
        times = [until - now for source, until in self._busy_until.items() if until > now and source in sources]
        return min(times, default=None)

    def _next(self, urgent: bool, now: float, share: int) -> Job | None:
        lane = self._lanes[urgent]
        for source in sorted(lane, key=lambda source: (self._at_work[source], lane[source][0].order)):
            if self._at_work[source] >= share:
                return None  # the others have at least as many
            if self._busy_until.get(source, 0.0) > now:
                continue
            job = self._first_free(lane[source])
            if not lane[source]:
                del lane[source]
            if job is not None:
                self._busy_until.pop(source, None)
                return job
        return None

    def _first_free(self, heap: list[Job]) -> Job | None:
        """The oldest whose key is not at work."""
        passed: list[Job] = []
        found = None
        while heap:
            job = heapq.heappop(heap)
            if job.key not in self._keys:
                found = job
                break
            passed.append(job)
        for job in passed:
            heapq.heappush(heap, job)
        return found
