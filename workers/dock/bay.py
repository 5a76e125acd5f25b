"""What a bay shows to the person who stands before it: may this camera be taken?

*Verified* is not *wiped*: until its recordings are erased a camera is not ready to issue, but once nothing
moves it may be taken all the same, and goes on at the next dock.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

PATIENCE = 60.0
"""Seconds after which a recording that waits for the network is no reason to leave the camera in."""


class State(StrEnum):
    """Where a recording is on its way, as its dock knows it."""

    SETTLING = "settling"
    MEASURING = "measuring"
    REPORTED = "reported"
    TRANSFERRING = "transferring"
    FETCHED = "fetched"
    RELEASED = "released"
    WIPED = "wiped"
    QUARANTINED = "quarantined"
    REJECTED = "rejected"
    REFUSED = "refused"


MOVING = frozenset({State.SETTLING, State.MEASURING, State.TRANSFERRING, State.FETCHED, State.RELEASED})
FOR_A_PERSON = frozenset({State.QUARANTINED, State.REJECTED, State.REFUSED})


class RecordingState(Struct, frozen=True):
    """One recording in a bay.

    Attributes:
        bytes: read from the camera so far, by measuring or by transfer; total: its size.
        rate: bytes per second; eta: seconds until all bytes are out, where something moves.
        waits: seconds since its state changed.
        reason: what a person should know; empty if all is well.
    """

    recording: str
    file: str
    state: State
    total: int
    bytes: int = 0
    rate: float = 0.0
    eta: float | None = None
    waits: float = 0.0
    reason: str = ""
    clip_id: str | None = None
    urgent: bool = False


class Sign(Struct, frozen=True):
    """What a bay shows.

    Attributes:
        code: vacant, leave_in, may_be_taken, empty, failed.
        remaining: recordings that still lie on the camera.
    """

    code: str
    text: str
    remaining: int = 0
    rate: float = 0.0
    eta: float | None = None


VACANT = Sign("vacant", "no camera")


def sign_of(recordings: Sequence[RecordingState], *, failed: str = "", refused: int = 0, docked: bool = True) -> Sign:
    """Decide what a bay with a camera shows.

    Args:
        failed: why the camera as a whole cannot be served; empty if it can.
        refused: things on the camera that are no recording we can report.
        docked: the inventory was taken; before that an empty list means nothing.
    """
    left = [r for r in recordings if r.state is not State.WIPED]
    count = len(left)
    if failed:
        return Sign("failed", f"failed: {failed}", count)
    moving = [r for r in left if r.state in MOVING or (r.state is State.REPORTED and r.waits < PATIENCE)]
    if moving or not docked:
        rate = sum(r.rate for r in moving)
        todo = sum(r.total - r.bytes for r in moving if r.state not in (State.FETCHED, State.RELEASED))
        eta = todo / rate if rate > 0 else None
        speed = f", {rate / 1e6:.1f} MB/s, about {_span(eta)} to go" if eta is not None else ""
        return Sign("leave_in", f"leave in: {len(moving)} of {_recordings(count)} moving{speed}", count, rate, eta)
    wrong = [r for r in left if r.state in FOR_A_PERSON]
    if wrong or refused:
        why = wrong[0].reason or wrong[0].state.value if wrong else "not a recording that can be reported"
        people = len(wrong) + refused
        return Sign("failed", f"failed: {people} on this camera need a person; the first: {why}", count)
    if left:
        verb = "remain, they resume" if count > 1 else "remains, it resumes"
        return Sign("may_be_taken", f"may be taken: {_recordings(count)} {verb} at the next dock", count)
    return Sign("empty", "empty, ready to issue")


def _recordings(count: int) -> str:
    return f"{count} recording" if count == 1 else f"{count} recordings"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
