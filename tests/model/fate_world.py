"""The world of one stored clip: its row, its versions with their locks, the holds on it, and who is at work.

Time is coarse. `now` counts to LAST and stays there; a lock or a date is an hour of it. A bin is served once
a fair step says so: how long it takes has no bound, so every length is explored. What a process merely
remembers stands in its `Job`. A process that is killed loses its job; one that is stopped becomes `live=False`:
another takes its work, and it may go on at any later moment with what it saw before.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec import Struct

from tests.model.fate_table import AT, HELD, REASONS, first_row
from tests.model.table import Row

LAST = 3
"""The last hour: by then every date and lock that is not "never" is past."""

NEVER = LAST + 1

VERSIONS = ("footage", "late put", "manifest")
"""In the order of their deletion; the sidecar is to every rule what the footage is. A late put is what a stopped
transfer may still write."""

LATE_PUT = 1
OF_THE_CLIP = (0, 2)

STANDING_HOLD = "incident"


class Version(NamedTuple):
    """A version in the store: its legal hold, and the hour at which its lock ends."""

    hold: bool
    lock: int


class Job(NamedTuple):
    """What one process is doing.

    Attributes:
        kind: place, lift, say, intend, withdraw, commit, delete, lease.
        about: the hold or the wish.
        step: what it does next; `at` is the version that it comes to.
        seen: the row as it saw it.
        given: what it worked out then (a date, whether a standing hold was there, the policy).
        live: False: it was stopped, its work was given to another.
    """

    kind: str
    about: str
    step: str
    at: int
    seen: Row
    given: Any = None
    live: bool = True


class State(NamedTuple):
    """Everything, at one moment. Equal states are explored once.

    Attributes:
        row: of `clip_fate`.
        now: the hour.
        bin: the bin of the present intent was served.
        intents: how many there were, so that each has a time of its own.
        store: each of VERSIONS, or None.
        upload: an unfinished upload lies there.
        put: a stopped transfer's PUT is still on its way.
        holds: request → "" (nobody asked), asked, pending, active, refused, lifted.
        standing: a standing hold that covers the clip: "", stands, lifted.
        wishes: what people still want to say (bits).
        policy: version in force.
        told: `disposals.committed`: 0 no, 1 in the outbox, 2 confirmed by the broker.
        looked: the second listing found nothing.
        certificate: it lies in the vault.
        faults: how many of each may still happen, in the order of FAULTS.
        jobs: who is at work; sorted, since processes are alike.
        broken: a rule that the step to here broke.
    """

    row: Row
    now: int
    bin: bool
    intents: int
    store: tuple[Version | None, ...]
    upload: bool
    put: bool
    holds: tuple[str, ...]
    standing: str
    wishes: int
    policy: int
    told: int
    looked: bool
    certificate: bool
    faults: tuple[int, ...]
    jobs: tuple[Job, ...] = ()
    broken: str = ""


FAULTS = (
    "stopped",
    "lift",
    "standing hold",
    "policy",
    "lying delete",
    "lying lock",
    "database lost",
    "outbox lost",
    "damage",
    "comes again",
)


class Protocol(Struct, frozen=True):
    """The rules that are no part of a move's row; each can be left out, and then something breaks.

    Attributes:
        row_first: a hold stands in the row before the store is asked.
        guard: commit looks at standing holds and the policy in its own transaction, under the guard row.
        decides_again: commit makes the decision again.
        new_date: it waits for the date of that decision too, which another policy may have moved.
        bin, date, camera, lease, head: what commit asks about the row and of the store.
        keeps_hold_on: the store's legal hold comes off after the commit alone, never at a lift.
        off_after_commit: the same for the disposer, which could take it off before.
        waits: the first delete waits until the broker has confirmed the commit.
        looks_at_row: disposal looks at the row, and does not believe a message alone.
        off_each_try: each try of a delete begins with the hold off.
        proves: disposal looks whether what it deleted is gone.
        aborts: uploads under the prefix are aborted.
        lists_again: the prefix is listed again, after the certificate, once every request has met its deadline.
        lease_row_first: the date stands in the row before any lock is set to it.
        reads_back: a hold is ACTIVE, a lease confirmed, when every version was seen to have it.
        checks_lifted: a repeat of a request finds that its hold was lifted.
        fails_long: a restored database takes every sign of a hold for a hold.
        missing_means_committed: a restored database takes a missing version for a committed disposal.
    """

    row_first: bool = True
    guard: bool = True
    decides_again: bool = True
    new_date: bool = True
    bin: bool = True
    date: bool = True
    camera: bool = True
    lease: bool = True
    head: bool = True
    keeps_hold_on: bool = True
    off_after_commit: bool = True
    waits: bool = True
    looks_at_row: bool = True
    off_each_try: bool = True
    proves: bool = True
    aborts: bool = True
    lists_again: bool = True
    lease_row_first: bool = True
    reads_back: bool = True
    checks_lifted: bool = True
    fails_long: bool = True
    missing_means_committed: bool = True


class Scenario(Struct, frozen=True):
    """Who takes part, and what may go wrong how often.

    Attributes:
        placers: names of the clip holds that may be asked for.
        wishes: what people may say: (move, fact).
        lease: the lease role works.
        stops: kinds of jobs that may be stopped.
        first_lock: hour at which the lock of creation ends.
        wiped: the camera's copy is gone from the beginning.
        late: a stopped transfer may still put bytes there, and has left an upload.
    """

    name: str
    placers: tuple[str, ...] = ()
    wishes: tuple[tuple[str, str], ...] = ()
    lease: bool = False
    stops: tuple[str, ...] = ()
    first_lock: int = 0
    wiped: bool = True
    late: bool = False
    faults: dict[str, int] = {}
    protocol: Protocol = Protocol()

    def start(self) -> State:
        """The clip lies in the vault, and nobody has said anything about it."""
        unknown = set(self.faults) - set(FAULTS)
        assert not unknown, f"{self.name}: no such fault {unknown}"
        there = Version(False, self.first_lock)
        return State(
            row=first_row() if self.wiped else first_row(camera_copy="present"),
            now=0,
            bin=False,
            intents=0,
            store=(there, None, there),
            upload=self.late,
            put=self.late,
            holds=("",) * (len(self.placers) + 1),
            standing="",
            wishes=(1 << len(self.wishes)) - 1,
            policy=1,
            told=0,
            looked=False,
            certificate=False,
            faults=tuple(self.faults.get(name, 0) for name in FAULTS),
        )

    @property
    def reasons(self) -> tuple[str, ...]:
        """Names of the holds, in the order of State.holds; the last is the standing one's."""
        return (*self.placers, STANDING_HOLD)


def put(items: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    """`items` with another value at one place."""
    return (*items[:place], value, *items[place + 1 :])


def spend(faults: tuple[int, ...], fault: str) -> tuple[int, ...] | None:
    """The budget after one more of this fault; None where it is used up."""
    place = FAULTS.index(fault)
    return put(faults, place, faults[place] - 1) if faults[place] else None


def changed(row: Row, **columns: Any) -> Row:
    """A row as a restored database has it: no move, so the table is not asked."""
    values = list(row)
    for column, value in columns.items():
        values[AT[column]] = value
    values[HELD] = bool(values[REASONS])
    return tuple(values)


def without(state: State, job: Job, **changes: Any) -> State:
    """The job is done."""
    jobs = list(state.jobs)
    jobs.remove(job)
    return state._replace(jobs=tuple(jobs), **changes)


def with_job(state: State, job: Job, **changes: Any) -> State:
    """Somebody takes a job."""
    jobs = tuple(sorted((*state.jobs, job), key=hash))
    return state._replace(jobs=jobs, **changes)


def goes_on(state: State, job: Job, following: Job, **changes: Any) -> State:
    """The job's next step."""
    return with_job(without(state, job), following, **changes)


def working(state: State, kind: str, about: str = "") -> bool:
    """Whether a living process does this already."""
    return any(job.kind == kind and job.about == about and job.live for job in state.jobs)


def only(row: Row, *columns: int) -> Row:
    """What a process remembers of the row: the columns that its move compares or builds upon."""
    return tuple(value if place in columns else None for place, value in enumerate(row))


def next_there(state: State, at: int) -> int | None:
    """The first version from this place on; None where there is none."""
    return next((place for place in range(at, len(state.store)) if state.store[place] is not None), None)
