"""Which cameras may be taken out, which may be issued, which want a person: pure, over the docks as they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from workers.operations.board.docks import TOLD, Bay, Dock, Item

READY, TAKE, LEAVE, FAILED, VACANT = "empty", "may_be_taken", "leave_in", "failed", "vacant"

ORDER = (FAILED, LEAVE, TAKE, READY, TOLD, VACANT)
"""Codes in the order in which a person wants to see them."""

WORDS = {
    FAILED: "needs a person",
    LEAVE: "leave in",
    TAKE: "may be taken",
    READY: "ready to issue",
    TOLD: "no live picture",
    VACANT: "vacant",
}
"""Code of a bay → what it means, in a word or two."""


class Place(Struct, frozen=True):
    """A bay and the dock it is in."""

    dock: str
    bay: Bay


class Summary(Struct, frozen=True):
    """All bays together.

    Attributes:
        bays: how many there are.
        codes: code → how many; every code of ORDER is there.
        rate: bytes a second that all docks give now.
        free_in: seconds until the next camera that is left in may be taken; None: not known, or none is.
        all_free_in: seconds until all of them may; None: of one at least it is not known, or none is left in.
        moving: recordings whose bytes are on their way now.
        missing: recordings missing on cameras that stand in a bay.
    """

    bays: int
    codes: dict[str, int]
    rate: float
    free_in: float | None
    all_free_in: float | None
    moving: int
    missing: int


def summary(docks: Iterable[Dock]) -> Summary:
    """Add up every bay."""
    bays = [bay for dock in docks for bay in dock.bays]
    codes = dict.fromkeys(ORDER, 0)
    for bay in bays:
        codes[bay.code] = codes.get(bay.code, 0) + 1
    waits = [bay.eta for bay in bays if bay.code == LEAVE]
    known = [eta for eta in waits if eta is not None]
    return Summary(
        bays=len(bays),
        codes=codes,
        rate=sum(bay.rate for bay in bays),
        free_in=min(known, default=None),
        all_free_in=max(known) if known and len(known) == len(waits) else None,
        moving=sum(len(bay.moving) for bay in bays),
        missing=sum(bay.missing for bay in bays),
    )


def of_code(docks: Iterable[Dock], *codes: str) -> tuple[Place, ...]:
    """Bays with one of these codes, in the order of ORDER, then of docks and bays."""
    found = [Place(dock.dock, bay) for dock in docks for bay in dock.bays if bay.code in codes]
    rank = {code: number for number, code in enumerate(ORDER)}
    return tuple(sorted(found, key=lambda at: (rank.get(at.bay.code, len(ORDER)), at.dock, at.bay.bay)))


def may_be_taken(docks: Iterable[Dock]) -> tuple[Place, ...]:
    """The answer to "which cameras may be taken out": those ready to issue first, then those that resume elsewhere.

    A bay of a dock whose picture may be old is not among them.
    """
    trusted = [dock for dock in docks if dock.live and not dock.silent]
    return (*of_code(trusted, READY), *of_code(trusted, TAKE))


class Transferring(Struct, frozen=True):
    """A recording whose bytes are on their way, and where."""

    dock: str
    bay: str
    camera: str
    item: Item


def transferring(docks: Iterable[Dock]) -> tuple[Transferring, ...]:
    """Every recording that moves now; what will be out last comes first, what has no rate before it."""
    found = [
        Transferring(dock.dock, bay.bay, bay.camera, item)
        for dock in docks
        for bay in dock.bays
        if bay.camera is not None
        for item in bay.moving
    ]
    return tuple(sorted(found, key=lambda it: (it.item.eta is not None, -(it.item.eta or 0.0), it.camera)))


def wall(docks: Sequence[Dock]) -> tuple[Dock, ...]:
    """The docks as they are drawn: those in which something failed first, then by name; bays stay where they are."""

    def troubled(dock: Dock) -> bool:
        return bool(dock.problems or dock.silent) or any(bay.code == FAILED or bay.missing for bay in dock.bays)

    return tuple(sorted(docks, key=lambda dock: (not troubled(dock), dock.dock)))
