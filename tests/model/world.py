"""The world of one recording: its row, the messages on their way, the vault, the camera, and who is at work.

Everything that the real system keeps durable is durable here; everything that a process merely remembers
stands in its `Job` and is lost when it is killed. A process that stops and wakes is one whose job is simply
not continued for a while: its message is given to another (`owner` becomes NOBODY, the broker refuses its
acknowledgement from then on), and it may go on at any later moment with what it saw before it slept.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec import Struct

from tests.model.table import COLUMNS, FIRST_ROW, Row, Seen

NOBODY, OF_A_COPY, OWNER = 0, 1, 2
"""Whether a process may acknowledge: its message was given to another; a later copy of the same message waits
behind the one it has; yes."""


class Job(NamedTuple):
    """What one process is doing.

    Attributes:
        step: what it does next.
        message: which message it works on.
        attempt: which attempt that message names (a docking, for intake).
        seen: the row as it saw it; columns that nobody looks at are blank.
        version: of the footage that it put or found.
        owner: NOBODY, OF_A_COPY or OWNER.
    """

    step: str
    message: int
    attempt: int
    seen: Seen
    version: Any = None
    owner: int = OWNER


class State(NamedTuple):
    """Everything, at one moment. Equal states are explored once.

    Attributes:
        row: of `clip_fate`; None before registration, or lost with the database.
        waiting: messages that some stage has not acknowledged (bits).
        told: messages that were ever published, so that they may come again (bits).
        footage: per attempt None or (version, "good" | "bad" | "lost" | "rotten").
        manifest: per attempt None or the version that it names.
        verdict: per attempt "", "ok", "no", or both: the verdicts that the row accepted.
        proved: attempts whose bytes a read-back found good (bits).
        camera: "docked", "away", or "erased".
        dockings: how often the camera was docked.
        alarm: the last attempt failed, and somebody was told.
        receipt_sent: a receipt was ever sent.
        deletion: how far it has come in the vault: 0 nothing, 1 committed, 2 deleted once, 3 listed again, done.
        certificate: None, "with receipt", "without".
        faults: how many of each fault may still happen, in the order of FAULTS.
        broken: a rule that the step to here broke.
    """

    row: Row | None
    waiting: int
    told: int
    transfers: tuple[Job | None, ...]
    verifiers: tuple[Job | None, ...]
    releases: tuple[Job | None, ...]
    intakes: tuple[Job | None, ...]
    scrubs: tuple[Job | None, ...]
    footage: tuple[Any, ...]
    manifest: tuple[Any, ...]
    verdict: tuple[str, ...]
    proved: int
    camera: str
    dockings: int
    alarm: bool
    receipt_sent: bool
    deletion: int
    certificate: str | None
    faults: tuple[int, ...]
    broken: str = ""


FAULTS = (
    "lie",
    "lost link",
    "misread",
    "undock",
    "false report",
    "person decides",
    "person disposes",
    "row lost",
    "urgent",
    "again",
    "rot",
)

STAGES = ("transfers", "verifiers", "releases", "intakes", "scrubs")

BITS_PER_KIND = 4
"""Attempts (or dockings) of a kind of message that are told apart."""

REGISTERED, SECURED, REPORTED = 0, BITS_PER_KIND, 2 * BITS_PER_KIND
VERIFIED, REQUESTED, RELEASED, WIPED = (1 << (3 * BITS_PER_KIND + n) for n in range(4))

KINDS = ("clips.registered", "clips.secured", "uploads.reported")
NAMES = {1 << (k * BITS_PER_KIND + n): f"{kind} {n + 1}" for k, kind in enumerate(KINDS) for n in range(BITS_PER_KIND)}
NAMES |= {VERIFIED: "clips.verified", REQUESTED: "receipts.requested", RELEASED: "clips.released", WIPED: "clips.wiped"}


class Scenario(Struct, frozen=True):
    """How many of each take part, and what may go wrong how often.

    Attributes:
        first: the attempt at which the clip starts; the model need not wait for four failures.
        true: the camera's bytes are those that were declared.
        sleepy: stages among intake and release that may sleep between reading the row and moving it; the others
            do it at once, which keeps the number of states down.
        cleans: failed attempts are deleted once another one was proved.
        second_listing: disposal lists the prefix again once every request has met its deadline.
        reads_again: transfer reads the row again when it may not interrupt.
        dead_letters: transfer's message goes to the dead letters, which is an alarm, when no next attempt may begin.
        repeats_of_damaged: release gives a damaged clip's receipt again.
        faults: fault → how often.
    """

    name: str
    transfers: int = 1
    verifiers: int = 1
    releases: int = 1
    intakes: int = 1
    scrubs: int = 0
    first: int = 1
    true: bool = True
    faults: dict[str, int] = {}
    sleepy: tuple[str, ...] = ()
    cleans: bool = False
    second_listing: bool = True
    reads_again: bool = True
    dead_letters: bool = True
    repeats_of_damaged: bool = False

    def start(self) -> State:
        """The camera stands in a dock, nothing was reported yet."""
        most = BITS_PER_KIND
        unknown = set(self.faults) - set(FAULTS)
        assert not unknown, f"{self.name}: no such fault {unknown}"
        return State(
            row=None,
            waiting=0,
            told=0,
            transfers=(None,) * self.transfers,
            verifiers=(None,) * self.verifiers,
            releases=(None,) * self.releases,
            intakes=(None,) * self.intakes,
            scrubs=(None,) * self.scrubs,
            footage=(None,) * most,
            manifest=(None,) * most,
            verdict=("",) * most,
            proved=0,
            camera="docked",
            dockings=1,
            alarm=False,
            receipt_sent=False,
            deletion=0,
            certificate=None,
            faults=tuple(self.faults.get(name, 0) for name in FAULTS),
        )

    def slot(self, attempt: int) -> int:
        """Place of an attempt in the tuples of the state."""
        return min(attempt - self.first, BITS_PER_KIND - 1)

    def new_row(self, docking: int) -> Row:
        """The row that intake makes."""
        return tuple((FIRST_ROW | {"attempt": self.first, "docking": docking, "report": docking})[c] for c in COLUMNS)


def put(items: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    """`items` with another value at one place."""
    return (*items[:place], value, *items[place + 1 :])


def blank(row: Row, watched: frozenset[int]) -> Seen:
    """What a process remembers of the row: the columns that somebody compares."""
    return tuple(value if place in watched else None for place, value in enumerate(row))


def spend(faults: tuple[int, ...], fault: str) -> tuple[int, ...] | None:
    """The budget after one more of this fault; None where it is used up."""
    place = FAULTS.index(fault)
    return put(faults, place, faults[place] - 1) if faults[place] else None


def in_order(jobs: list[Job | None]) -> tuple[Job | None, ...]:
    """Processes of one stage are alike: which of them does what makes no difference."""
    return tuple(sorted(jobs, key=hash)) if len(jobs) > 1 else tuple(jobs)
