"""What alarms are judged by: plain values of one moment, read by `reading.py` and by whoever can see the other parts.

None means that nobody knows: an alarm over it neither fires nor ends. `unread` says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct


class Verified(Struct, frozen=True):
    """Clips verified within the last hour, from docking to proof.

    Attributes:
        clips: how many.
        late: of those, how many took longer than they may (`limits.allowed`).
        p95: seconds that 95 of 100 took at most; None without clips.
    """

    clips: int = 0
    late: int = 0
    p95: float | None = None


class Overdue(Struct, frozen=True):
    """Clips that have waited too long for something.

    Attributes:
        clips: how many.
        oldest: seconds that the one which waits longest has waited; 0 without clips.
        examples: some of their ids, oldest first.
    """

    clips: int = 0
    oldest: float = 0.0
    examples: tuple[str, ...] = ()


class Stalled(Struct, frozen=True):
    """A stage that does not do its work.

    Attributes:
        verdict: STALLED, STOPPED or REWOUND, as `bwv lag` has it.
        says: what was seen, with numbers.
        waits_for: parts of the system that it says are away.
    """

    verdict: str
    says: str
    waits_for: tuple[str, ...] = ()


class Gap(Struct, frozen=True):
    """Running numbers of a camera that no inventory ever listed."""

    camera: str
    first: int
    last: int


class Deadline(Struct, frozen=True):
    """A submission that is not acknowledged, and when it must be.

    Attributes:
        receipt_overdue: the gateway has it and its receipt is late.
    """

    submission_id: str
    urn: str
    state: str
    ends: datetime | None
    receipt_overdue: bool = False


class Room(Struct, frozen=True):
    """A disk, in bytes."""

    free: int
    total: int


class Out(Struct, frozen=True):
    """A camera that somebody holds and that has not stood in a dock since."""

    camera: str
    officer: str
    since: datetime


class Docked(Struct, frozen=True):
    """How many cameras a dock had around the last change of shift.

    Attributes:
        change: when that was.
        cameras: dockings in its window.
        before: dockings in the same window of each of the seven days before.
        since: dockings after the window.
    """

    dock: str
    change: datetime
    cameras: int
    before: tuple[int, ...]
    since: int = 0


class Figures(Struct, frozen=True, kw_only=True):
    """One moment of the system.

    Attributes:
        unread: part → why its figures could not be read.
        stages: those that do not do their work; empty: all do.
        dead_letters: stage → letters that nobody has redriven.
        quarantined: clip → what differed, undecided.
        store: why the object store is red; empty: it answers.
        database: why PostgreSQL is away; None in figures that it gave.
        sweeps: cause → why the retention sweep stands still and asks a person.
        lost: camera → what the person said who reported it lost.
        clocks: camera → seconds that its clock was ahead of the dock's when it was last docked.
    """

    now: datetime
    unread: Mapping[str, str] = {}
    verified: Verified | None = None
    unverified: Overdue | None = None
    unreleased: Overdue | None = None
    stages: Mapping[str, Stalled] | None = None
    dead_letters: Mapping[str, int] | None = None
    quarantined: Mapping[str, str] | None = None
    gaps: tuple[Gap, ...] | None = None
    store: str | None = None
    database: str | None = None
    damaged: int | None = None
    leases_late: int | None = None
    sweeps: Mapping[str, str] | None = None
    deadlines: tuple[Deadline, ...] | None = None
    disks: Mapping[str, Room] | None = None
    out: tuple[Out, ...] | None = None
    lost: Mapping[str, str] | None = None
    clocks: Mapping[str, float] | None = None
    docks: tuple[Docked, ...] | None = None
