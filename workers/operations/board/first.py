"""What must be done first: the figures as tasks, the most pressing first. Pure.

Alarms that stand come first. Then the order is that of what cannot be undone: what is being lost, then what will be,
then what waits for a person, then what only needs watching. Each task says what to do and leads to its list; what an
alarm tells of is not told a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

from msgspec import Struct

from workers.operations.board.alarms import Raised
from workers.operations.board.bays import FAILED, of_code
from workers.operations.board.counts import Capacity, Counts
from workers.operations.board.deadlines import Deadline
from workers.operations.board.docks import Dock
from workers.operations.board.pipeline import Outlook, Step, span
from workers.operations.board.reconciling import DAYS, Reconciled
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

ALARMS = "/alarms"
"""The page of alarms."""


class Task(Struct, frozen=True):
    """One thing to do.

    Attributes:
        pressing: NOW, TODAY or SOON.
        says: what is the matter; do: what to do.
        to: path of the page that leads to it; empty: it is on the board itself.
        alarm: name of the alarm that tells of it, or would.
        stands: that alarm stands.
    """

    pressing: int
    says: str
    do: str
    to: str = ""
    alarm: str = ""
    stands: bool = False


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
    reconciled: Reconciled = Reconciled()
    alarms: tuple[Raised, ...] = ()


def first(seen: Seen) -> tuple[Task, ...]:
    """Everything that wants a person, the most pressing first."""
    made = [*_parts(seen), *_losing(seen), *_flow(seen), *_bays(seen.docks), *_waiting(seen.counts, seen.letters),
            *_room(seen.room), *_cases(seen.deadlines), *_reconciled(seen.reconciled)]  # fmt: skip
    stand = {one.alarm for one in seen.alarms}
    told = [*_alarms(seen.alarms, made), *(task for task in made if task.alarm not in stand)]
    return tuple(sorted(told, key=lambda task: (task.pressing, not task.stands)))  # stable: else the order above


def _alarms(alarms: Iterable[Raised], tasks: Sequence[Task]) -> Iterable[Task]:
    """One task an alarm; it leads where the figures' own task of it would."""
    leads = {task.alarm: task.to for task in tasks}
    for one in alarms:
        many = f" ({one.count:,} of them)" if one.count > 1 else ""
        says = f"{one.title}: {one.says}{many}"
        to = leads.get(one.alarm) or ALARMS
        if one.in_hand:
            yield Task(SOON, says, f"{one.in_hand} has it in hand", to, one.alarm, stands=True)
        else:
            yield Task(NOW if one.page else TODAY, says, one.do, to, one.alarm, stands=True)


def _parts(seen: Seen) -> Iterable[Task]:
    for part in seen.down:
        why = f": {part.reason}" if part.reason else ""
        yield Task(NOW, f"{part.name} is {part.state}{why}", "see its log: bwv status names it")


def _losing(seen: Seen) -> Iterable[Task]:
    counts = seen.counts
    if counts.damaged:
        yield Task(NOW, f"{_many(counts.damaged, 'clip')} in the store no longer as verified",
                   "keep what there is; restore from another copy", _list("damaged"), "damaged")  # fmt: skip
    if counts.failed:
        yield Task(NOW, f"{_many(counts.failed, 'clip')} failed five times",
                   "keep their cameras; look at the store", _list("failed"))  # fmt: skip
    if counts.gaps:
        says = f"{_many(counts.gaps, 'recording')} missing"
        yield Task(TODAY, says, "find out who held the camera", _list("gaps"), "counter-gap")


def _flow(seen: Seen) -> Iterable[Task]:
    alarms = {Verdict.STOPPED: "stage-stopped", Verdict.STALLED: "stage-stalled"}
    for step in seen.steps:
        if step.verdict in (Verdict.STOPPED, Verdict.STALLED, Verdict.REWOUND):
            yield Task(NOW, f"{step.stage} {step.verdict}: {step.says}", f"see its log: logs/{step.stage}.log",
                       f"/board/stages/{step.stage}", alarms.get(step.verdict, ""))  # fmt: skip
    if seen.unverified is not None and seen.unverified > OLD:
        yield Task(NOW, f"the oldest unverified clip waits for {span(seen.unverified)}",
                   "see what it waits for; nothing may wait over 24 h", _list("unverified"), "unverified")  # fmt: skip
    if seen.outlook.behind and seen.outlook.over_in is None and any(s.verdict is Verdict.SLOW for s in seen.steps):
        yield Task(TODAY, seen.outlook.says, "see which stage is slow in the pipeline")


def _bays(docks: Sequence[Dock]) -> Iterable[Task]:
    for dock in docks:
        for problem in dock.problems:
            yield Task(TODAY, f"{dock.dock}: {problem.name} {problem.reason}", problem.action, _dock(dock.dock))
        if dock.silent and not dock.problems:
            says = f"{dock.dock} is silent: {dock.silent}"
            yield Task(NOW, says, "start its program; take no camera out of it", _dock(dock.dock))
    for place in of_code(docks, FAILED):
        where = f"{place.dock} {place.bay.bay}, {place.bay.camera}"
        yield Task(
            TODAY,
            f"{where}: {place.bay.sign.partition('; ')[0]}",
            "the bay's recordings say what to do",
            _dock(place.dock),
        )


def _waiting(counts: Counts, letters: int | None) -> Iterable[Task]:
    if counts.sweeps:
        yield Task(TODAY, "retention stopped and asks", "answer it: bwv retention approve or refuse", _list("sweeps"),
                   "budget-hit")  # fmt: skip
    if counts.quarantine:
        says = f"{_many(counts.quarantine, 'clip')} in quarantine"
        yield Task(TODAY, says, "decide about each", _list("quarantine"), "quarantine")
    if letters:
        says = _many(letters, "dead letter")
        yield Task(TODAY, says, "mend the cause, then redrive each", "/board/letters", "dead-letters")
    if counts.overdue:
        says = f"{_many(counts.overdue, 'submission')} without a receipt"
        yield Task(TODAY, says, "ask the gateway", _list("overdue"))
    if counts.answered:
        says = f"{_many(counts.answered, 'submission')} not taken as sent"
        yield Task(TODAY, says, "look and retry", _list("answered"))
    if counts.queued:
        says = f"{_many(counts.queued, 'clip')} waiting over seven days"
        yield Task(TODAY, says, "find and dock the camera", _list("queued"))
    if counts.rejected:
        says = f"{_many(counts.rejected, 'report')} rejected in seven days"
        yield Task(SOON, says, "see the reasons", _list("rejected"))
    if counts.reviews_week:
        yield Task(SOON, f"{_many(counts.reviews_week, 'review')} a week late", "decide about each", _list("reviews"))
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
            do = "submit, or find out why it is not confirmed"
            yield Task(NOW, says, do, "/board/deadlines", "deadline-near")


def _reconciled(found: Reconciled) -> Iterable[Task]:
    newest, to = found.newest, _list("reconciled")
    if newest is None:
        yield Task(SOON, "nothing was ever reconciled", "run bwv reconcile, each day", to)
    elif newest.unexplained:
        says = f"{_many(newest.unexplained, 'difference')} between declared and stored"
        yield Task(NOW, says, "read the statement: bwv reconcile", to)
    elif newest.age > 2 * OLD:
        yield Task(SOON, f"last reconciled {span(newest.age)} ago", "run bwv reconcile, each day", to)
    if newest is not None and found.open:
        says = f"{_many(found.open, 'day')} of the last {DAYS} not reconciled"
        yield Task(SOON, says, "run bwv reconcile --day for each", to)


def _list(name: str) -> str:
    return f"/board/lists/{name}"


def _dock(name: str) -> str:
    return f"/board/bays?{urlencode({'dock': name})}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
