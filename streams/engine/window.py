"""The messages in flight of one partition, and how far it may be committed. Pure."""

from __future__ import annotations

from collections.abc import Collection

from streams.engine.turns import Job

BEHIND = 32
"""How many times the window may lie finished behind an unfinished head. It bounds what a crash does again;
doing it again is cheap, the row knows, and a head may take an hour."""


class Window:
    """Jobs in offset order; the position moves over the finished head and never past an unfinished job.

    Offsets may have gaps (compaction, retention), so the position is the last finished offset of the head
    plus one, and not the first plus how many.

    Args:
        size: messages that may be unfinished at once.

    Attributes:
        position: the offset that may be committed; None before the head was finished.
        committed: the offset that the broker has; None when unknown.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._jobs: dict[int, Job | None] = {}  # in offset order; None is finished
        self.unfinished = 0
        self.position: int | None = None
        self.committed: int | None = None

    def room(self) -> int:
        """How many more may be fetched."""
        return max(0, min(self._size - self.unfinished, self._size * BEHIND - len(self._jobs)))

    def knows(self, offset: int) -> bool:
        """Whether the record is in flight or was finished: it was handed out again."""
        return offset in self._jobs or (self.position is not None and offset < self.position)

    def holds(self, job: Job) -> bool:
        """Whether this job is in flight here."""
        return self._jobs.get(job.origin.offset) is job

    def add(self, job: Job) -> None:
        """A record was fetched."""
        self._jobs[job.origin.offset] = job
        self.unfinished += 1

    def finish(self, offset: int) -> None:
        """Its message may be acknowledged."""
        self._jobs[offset] = None
        self.unfinished -= 1
        while self._jobs:
            head = next(iter(self._jobs))
            if self._jobs[head] is not None:
                return
            del self._jobs[head]
            self.position = head + 1

    def due(self) -> int | None:
        """The position, if the broker does not have it yet."""
        return self.position if self.position != self.committed else None

    def jobs(self) -> list[Job]:
        """The unfinished ones, oldest first."""
        return [job for job in self._jobs.values() if job is not None]

    def holes(self, at_work: Collection[Job] = ()) -> list[Job]:
        """The unfinished ones below the last that is finished or at work: if they are left out, work that is
        finished will be done again."""
        touched = [offset for offset, job in self._jobs.items() if job is None or job in at_work]
        return [job for job in self.jobs() if touched and job.origin.offset < touched[-1]]
