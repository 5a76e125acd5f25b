"""Docks with a bay of each kind, as their own programs would show them."""

from __future__ import annotations

from msgspec.structs import replace

from workers.dock.bay import RecordingState, Sign, State, sign_of
from workers.operations.board.docks import TOLD, Bay, Dock, Item, Problem

MB = 1_000_000


def bay(name: str, camera: str, sign: Sign, *recordings: Item) -> Bay:
    """A bay as its dock shows it."""
    return Bay(name, camera, sign.code, sign.text, sign.remaining, sign.rate, sign.eta, recordings)


def state(which: State, *, left: int = 0, rate: float = 0.0, reason: str = "") -> Bay:
    """A bay whose camera has one recording of 100 MB in this state."""
    seen = RecordingState("r1", "r1.mp4", which, 100 * MB, 100 * MB - left, rate, waits=100.0, reason=reason)
    eta = left / rate if rate else None
    item = Item("r1", which.value, 100 * MB, 100 * MB - left, rate, eta, reason)
    return bay(f"BAY-{list(State).index(which) + 10}", f"CAM-{which.name}", sign_of([seen]), item)


VACANT = Bay("BAY-09", None, "vacant", "no camera")
READY = bay("BAY-02", "CAM-EMPTY", sign_of([]))
UNREADABLE = bay("BAY-03", "CAM-BROKEN", sign_of([], failed="its folder cannot be read"))
MOVING = state(State.TRANSFERRING, left=20 * MB, rate=2.0 * MB)
WAITS = state(State.REPORTED)
APART = state(State.QUARANTINED, reason="its bytes are not the declared ones: a person decides")

HOUSE = (
    Dock("DOCK-01", (MOVING, READY, UNREADABLE, APART, state(State.FETCHED), state(State.MEASURING, left=MB))),
    Dock("DOCK-02", (WAITS, replace(WAITS, bay="BAY-04", camera="CAM-GAP", missing=3), VACANT)),
    Dock("DOCK-03", (READY, UNREADABLE), silent="its program is stopped"),
    Dock("DOCK-04", (READY,), (Problem("notes.txt", "is not a bay", "name it by the bay's id"),)),
    Dock("DOCK-05", (Bay("BAY-01", "CAM-9", TOLD, "docked 2.0 h ago; 3 clips on their way", 3),), live=False),
)
"""Something of everything."""
