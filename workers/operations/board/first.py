"""What must be done first: the figures as tasks, the most pressing first. Pure.

The order is that of what cannot be undone: what is being lost, then what will be, then what waits for a person, then
what only needs watching. Each task says what to do and leads to its list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from workers.operations.board.bays import FAILED, of_code
from workers.operations.board.counts import Capacity, Counts, Reconciled
from workers.operations.board.deadlines import Deadline
from workers.operations.board.docks import Dock
from workers.operations.board.pipeline import Outlook, Step, span
from workers.operations.lag.verdict import Verdict

NOW, TODAY, SOON = 1, 2, 3
"""How pressing."""

PRESSING = {NOW: "now", TODAY: "today", SOON: "this week"}

OLD = 24 * 3600.0
"""Seconds unverified from which a clip is unreconciled (service level: none)."""

FULL_SOON, FULL_LATER = 7.0, 30.0
"""Days until the store is full."""

NEAR = 24 * 3600.0
"""Seconds before a deadline."""


class Task(Struct, frozen=True):
    """One thing to do.

    Attributes:
        pressing: NOW, TODAY or SOON.
        says: what is the matter; do: what to do.
        to: path under /board that leads to it; empty: it is on the board itself.
    """

    pressing: int
    says: str
    do: str
    to: str = ""


class Down(Struct, frozen=True):
    """A program or server that does not run as it should."""

    name: str
    state: str
    reason: str = ""


class Seen(Struct, frozen=True):
    """All that the tasks are made of.

    Attributes:
        letters: dead letters nobody has redriven; None: Kafka does not tell.
        unverified: seconds since the oldest unverified clip was registered.
        down: programs and servers that do not run as they should.
        reconciled: the newest reconciliation; None: there was none.
    """

    docks: tuple[Dock, ...]
    steps: tuple[Step, ...]
    outlook: Outlook
    counts: Counts
    unverified: float | None
    deadlines: tuple[Deadline, ...] = ()
    down: tuple[Down, ...] = ()
    letters: int | None = 0
    room: Capacity | None = None
    reconciled: Reconciled | None = None


def first(seen: Seen) -> tuple[Task, ...]:
    """Everything that wants a person, the most pressing first."""
    made = [*_parts(seen), *_losing(seen), *_flow(seen), *_bays(seen.docks), *_waiting(seen.counts, seen.letters),
            *_room(seen.room), *_cases(seen.deadlines), *_reconciled(seen.reconciled)]  # fmt: skip
    return tuple(sorted(made, key=lambda task: task.pressing))  # stable: the order above within the same


def _parts(seen: Seen) -> Iterable[Task]:
    for part in seen.down:
        why = f": {part.reason}" if part.reason else ""
        yield Task(NOW, f"{part.name} is {part.state}{why}", "see its log: bwv status names it")


def _losing(seen: Seen) -> Iterable[Task]:
    counts = seen.counts
    if counts.damaged:
        yield Task(NOW, f"{_many(counts.damaged, 'clip')} in the store no longer as verified",
                   "keep what there is; restore from another copy", "lists/damaged")  # fmt: skip
    if counts.failed:
        yield Task(NOW, f"{_many(counts.failed, 'clip')} failed five times",
                   "keep their cameras; look at the store", "lists/failed")  # fmt: skip
    if counts.gaps:
        yield Task(TODAY, f"{_many(counts.gaps, 'recording')} missing", "find out who held the camera", "lists/gaps")


def _flow(seen: Seen) -> Iterable[Task]:
    for step in seen.steps:
        if step.verdict in (Verdict.STOPPED, Verdict.STALLED, Verdict.REWOUND):
            yield Task(NOW, f"{step.stage} {step.verdict}: {step.says}", f"see its log: logs/{step.stage}.log")
    if seen.unverified is not None and seen.unverified > OLD:
        yield Task(NOW, f"the oldest unverified clip waits for {span(seen.unverified)}",
                   "see what it waits for; nothing may wait over 24 h", "lists/unverified")  # fmt: skip
    if seen.outlook.behind and seen.outlook.over_in is None and any(s.verdict is Verdict.SLOW for s in seen.steps):
        yield Task(TODAY, seen.outlook.says, "see which stage is slow in the pipeline")


def _bays(docks: Sequence[Dock]) -> Iterable[Task]:
    for dock in docks:
        for problem in dock.problems:
            yield Task(TODAY, f"{dock.dock}: {problem.name} {problem.reason}", problem.action, "bays")
        if dock.silent and not dock.problems:
            says = f"{dock.dock} is silent: {dock.silent}"
            yield Task(NOW, says, "start its program; take no camera out of it", "bays")
    for place in of_code(docks, FAILED):
        where = f"{place.dock} {place.bay.bay}, {place.bay.camera}"
        yield Task(TODAY, f"{where}: {place.bay.sign}", "the bay's recordings say what to do", "bays")


def _waiting(counts: Counts, letters: int | None) -> Iterable[Task]:
    if counts.sweeps:
        yield Task(TODAY, "retention stopped and asks", "answer it: bwv retention approve or refuse", "lists/sweeps")
    if counts.quarantine:
        yield Task(TODAY, f"{_many(counts.quarantine, 'clip')} in quarantine", "decide about each", "lists/quarantine")
    if letters:
        yield Task(TODAY, _many(letters, "dead letter"), "mend the cause, then redrive each", "letters")
    if counts.overdue:
        yield Task(
            TODAY, f"{_many(counts.overdue, 'submission')} without a receipt", "ask the gateway", "lists/overdue"
        )
    if counts.answered:
        says = f"{_many(counts.answered, 'submission')} not taken as sent"
        yield Task(TODAY, says, "look and retry", "lists/answered")
    if counts.queued:
        says = f"{_many(counts.queued, 'clip')} waiting over seven days"
        yield Task(TODAY, says, "find and dock the camera", "lists/queued")
    if counts.rejected:
        yield Task(
            SOON, f"{_many(counts.rejected, 'report')} rejected in seven days", "see the reasons", "lists/rejected"
        )
    if counts.reviews_week:
        yield Task(SOON, f"{_many(counts.reviews_week, 'review')} a week late", "decide about each", "lists/reviews")
    if counts.policy is None:
        says = "no retention policy is in force: nothing is ever disposed of"
        yield Task(SOON, says, "adopt one: bwv retention adopt")


def _room(room: Capacity | None) -> Iterable[Task]:
    if room is not None and room.full_in is not None and room.full_in < FULL_LATER:
        pressing = NOW if room.full_in < FULL_SOON else SOON
        yield Task(pressing, f"the store: {room.says}", "add room before cameras fill up")


def _cases(deadlines: Sequence[Deadline]) -> Iterable[Task]:
    for due in deadlines:
        if due.open and due.seconds < NEAR:
            left = f"ends in {span(due.seconds)}" if due.seconds > 0 else f"ended {span(-due.seconds)} ago"
            says = f"{due.urn}: the {due.clock} clock {left}, {due.confirmed} of {due.submitted} submissions confirmed"
            yield Task(NOW, says, "submit, or find out why it is not confirmed", "deadlines")


def _reconciled(newest: Reconciled | None) -> Iterable[Task]:
    if newest is None:
        yield Task(SOON, "nothing was ever reconciled", "run bwv reconcile, each day")
    elif newest.unexplained:
        says = f"{_many(newest.unexplained, 'difference')} between declared and stored"
        yield Task(NOW, says, "read the statement: bwv reconcile")
    elif newest.age > 2 * OLD:
        yield Task(SOON, f"last reconciled {span(newest.age)} ago", "run bwv reconcile, each day")


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
