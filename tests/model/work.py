"""How a process takes a message, leaves it, is killed, or is stopped while another takes its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.model.table import ATTEMPT, RECEIPT, STANDING, VERIFIED_AS, Row, Table
from tests.model.world import (
    BITS_PER_KIND,
    FAULTS,
    NOBODY,
    OF_A_COPY,
    OWNER,
    REGISTERED,
    RELEASED,
    REQUESTED,
    SECURED,
    STAGES,
    VERIFIED,
    Job,
    Scenario,
    State,
    in_order,
    put,
)
from workers.fate.moves import Standing

AGAIN = FAULTS.index("again")

Step = tuple[str, State, bool]
"""What happens, what it leads to, and whether it happens by itself: faults and sleepers' deeds do not."""


def bits(waiting: int, kind: int) -> Iterator[int]:
    """The numbers of the messages of one kind that wait."""
    for number in range(BITS_PER_KIND):
        if waiting >> (kind + number) & 1:
            yield number


def taken(state: State, stage: str, job: Job) -> tuple[State, bool]:
    """An idle process takes a message; whoever had it before is thought dead and no longer owns it.

    Returns the state, and whether it happens by itself: it does unless somebody living had the message.
    """
    jobs = list(getattr(state, stage))
    held = False
    for place, other in enumerate(jobs):
        if other is not None and other.message == job.message and other.owner == OWNER:
            jobs[place] = other._replace(owner=NOBODY)
            held = True
    jobs[jobs.index(None)] = job
    return state._replace(**{stage: in_order(jobs)}), not held


def passed_over(state: State, stage: str, message: int) -> tuple[State, bool]:
    """A process takes a message, sees that it is of the past, and acknowledges it at once."""
    state, fair = taken(state, stage, Job("", message, 0, ()))
    place = next(p for p, job in enumerate(getattr(state, stage)) if job is not None and job.step == "")
    return leaves(state, stage, place), fair


def goes_on(state: State, stage: str, place: int, job: Job | None, **changes: Any) -> State:
    """The process takes its next step; None: it is done."""
    jobs = list(getattr(state, stage))
    jobs[place] = job
    return state._replace(**{stage: in_order(jobs)}, **changes)


def leaves(state: State, stage: str, place: int, **changes: Any) -> State:
    """The process acknowledges its message; the broker refuses that from a process it thinks dead."""
    jobs = list(getattr(state, stage))
    job = jobs[place]
    jobs[place] = None
    waiting = state.waiting & ~job.message if job.owner == OWNER else state.waiting
    return state._replace(**{stage: in_order(jobs)}, waiting=waiting, **changes)


def killed(state: State, stage: str) -> Iterator[Step]:
    """Any process may be killed at any step; its message waits on."""
    jobs = getattr(state, stage)
    for place, job in enumerate(jobs):
        if job is not None:
            left = list(jobs)
            left[place] = None
            yield f"{stage} killed at {job.step}", state._replace(**{stage: in_order(left)}), False


def published(state: State, message: int) -> State:
    """A message is on its topic. Where the same message is being worked on, a second copy waits behind it."""
    changes: dict[str, Any] = {}
    for stage in STAGES:
        jobs = getattr(state, stage)
        for place, job in enumerate(jobs):
            if job is not None and job.message == message and job.owner == OWNER:
                changes[stage] = in_order(list(put(jobs, place, job._replace(owner=OF_A_COPY))))
    told = state.told | message if state.faults[AGAIN] else 0
    return state._replace(waiting=state.waiting | message, told=told, **changes)


def moved(state: State, scenario: Scenario, table: Table, name: str, seen: Row, after: Row) -> State:
    """The row is changed and the move's events are published; they speak of what the mover saw."""
    state = state._replace(row=after)
    attempt = seen[ATTEMPT] if seen[ATTEMPT] is not None else after[ATTEMPT]
    for topic in table.tells(name):
        if topic == "clips.registered":
            told = attempt + table.next_attempt(name)
            state = published(state, 1 << (REGISTERED + scenario.slot(told)))
        elif topic == "clips.secured":
            state = published(state, 1 << (SECURED + scenario.slot(attempt)))
        elif topic == "clips.verified":
            state = published(state, VERIFIED)
        elif topic == "receipts.requested":
            state = published(state, REQUESTED)
        elif topic == "clips.released":
            state = receipt_sent(state)
        elif topic == "clips.readback-failed" and attempt >= table.last_attempt:
            state = state._replace(alarm=True)
    return state


def receipt_sent(state: State) -> State:
    """A receipt is on its way to the docks: only for what was read back and proved, or is so certified."""
    state = published(state, RELEASED)._replace(receipt_sent=True)
    row = state.row
    version = row[VERIFIED_AS] if row is not None else None
    earned = version is not None and state.proved >> version[0] & 1 and row is not None and row[RECEIPT]
    if not earned and state.certificate != "with receipt":
        state = state._replace(broken="I2: a receipt for bytes that no read-back proved")
    if row is not None and row[STANDING] == Standing.DAMAGED and not state.deletion:
        state = state._replace(broken="a receipt for a clip that is known to be damaged")
    return state
