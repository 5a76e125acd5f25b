"""The moves of a clip's fate, from workers/fate/moves.py, over the columns that decide it."""

from __future__ import annotations

from typing import Any

from tests.model.table import INGEST, Row, Table
from workers.fate.moves import MOVES, CameraCopy, Standing

FIRST_ROW: dict[str, Any] = {
    "standing": Standing.RELEASED,
    "verified_version": "v1",
    "camera_copy": CameraCopy.WIPED,
    "disposal": None,
    "hold_reasons": (),
    "held": False,
    "facts": (),
    "intended_at": None,
    "intent": None,
    "dispose_from": None,
    "lease_end": None,
    "lease_confirmed": None,
}
"""A clip that was released and wiped, whose footage, sidecar and manifest lie in the vault."""

COLUMNS = tuple(FIRST_ROW)
AT = {column: place for place, column in enumerate(COLUMNS)}
DISPOSAL, REASONS, HELD, FACTS = (AT[c] for c in ("disposal", "hold_reasons", "held", "facts"))
INTENDED_AT, INTENT, DISPOSE_FROM = (AT[c] for c in ("intended_at", "intent", "dispose_from"))
LEASE_END, CONFIRMED, CAMERA, STANDING = (AT[c] for c in ("lease_end", "lease_confirmed", "camera_copy", "standing"))

ALSO = ("damage", "note wiped")
"""Moves of ingest that can come between the steps of a disposal."""

FATE = tuple(move for move in MOVES if move not in INGEST)
"""The moves whose every part is left out in turn."""


def fate_table() -> Table:
    """The moves of fate, and those of ingest that meet them."""
    return Table((move for move in MOVES if move in FATE or move.name in ALSO), COLUMNS)


def first_row(**columns: Any) -> Row:
    """A row with some columns of its own."""
    return tuple((FIRST_ROW | columns)[column] for column in COLUMNS)
