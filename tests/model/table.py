"""The table of moves, as the model uses it: every change of a row goes through `Move.allows` and `Move.applied`.

Nothing about a row's transitions is written down a second time here. Whoever edits workers/fate/moves.py
wrongly therefore edits the model too, and the model finds out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from workers.fate import moves
from workers.fate.moves import MOVES, NEXT, CameraCopy, Move, Standing

FIRST_ROW: dict[str, Any] = {
    "standing": Standing.REGISTERED,
    "attempt": 1,
    "interrupted": False,
    "urgent": False,
    "docking": 1,
    "report": 1,
    "stored_version": None,
    "verified_version": None,
    "receipt": None,
    "camera_copy": CameraCopy.PRESENT,
    "disposal": None,
    "quarantine": None,
    "decision": None,
}
"""A row as intake makes it. A column that a move names and that is not here stops the model."""

COLUMNS = tuple(FIRST_ROW)
AT = {column: place for place, column in enumerate(COLUMNS)}
STANDING, ATTEMPT, INTERRUPTED, DOCKING = (AT[c] for c in ("standing", "attempt", "interrupted", "docking"))
STORED, VERIFIED_AS, RECEIPT = (AT[c] for c in ("stored_version", "verified_version", "receipt"))
DISPOSAL, CAMERA_COPY, URGENT, DECISION = (AT[c] for c in ("disposal", "camera_copy", "urgent", "decision"))

INGEST = tuple(move for move in MOVES if move.by in ("intake", "transfer", "verification", "release", "scrub"))
"""The moves that this model makes; those of a clip's fate have a model of their own (fate_table.py)."""

Row = tuple[Any, ...]
Seen = tuple[Any, ...]


class Table:
    """A set of moves, perhaps a wrong one, and what they make of rows (remembered: the model asks often)."""

    def __init__(self, all_moves: Iterable[Move] = INGEST, columns: tuple[str, ...] = COLUMNS) -> None:
        self.moves = {move.name: move for move in all_moves}
        self.columns = columns
        self.last_attempt = moves.MOST_ATTEMPTS
        self._made: dict[Any, Row | None] = {}
        for move in self.moves.values():
            named = {*move.when, *move.sets, *move.same, *move.gives}
            if named - set(columns):
                raise AssertionError(f"{move.name}: the model does not know {sorted(named - set(columns))}")

    def make(self, name: str, row: Row, seen: Row, given: Mapping[str, Any] | None = None) -> Row | None:
        """The row after the move, or None where the row refuses it."""
        given = given or {}
        question = (name, row, seen, tuple(given.items()))
        try:
            return self._made[question]
        except KeyError:
            pass
        move = self.moves[name]
        before = dict(zip(self.columns, row, strict=True))
        after = None
        if move.allows(before, dict(zip(self.columns, seen, strict=True))):
            applied = move.applied(before, {c: given[c] for c in move.gives})
            after = tuple(applied[c] for c in self.columns)
        self._made[question] = after
        return after

    def made(self) -> set[str]:
        """Names of the moves that some row allowed."""
        return {question[0] for question, after in self._made.items() if after is not None}

    def tells(self, name: str) -> tuple[str, ...]:
        """The topics of a move's events, the urgent lane taken for the ordinary one."""
        return tuple(topic.removesuffix(".urgent") for topic in self.moves[name].events)

    def next_attempt(self, name: str) -> int:
        """How much higher the attempt is that the move's events speak of than the one the mover saw."""
        return int(self.moves[name].sets.get("attempt") == NEXT)

    def watched(self, by: str) -> frozenset[int]:
        """Places of the columns that a stage's moves compare with what the mover saw."""
        return frozenset(AT[c] for move in self.moves.values() if move.by == by for c in move.same)

    def changed(self, name: str, **fields: Any) -> Table:
        """A table in which one move is written differently."""
        return Table((replace(m, **fields) if m.name == name else m for m in self.moves.values()), self.columns)

    def without_same(self, name: str, column: str) -> Table:
        """A table in which a move no longer compares `column` with what the mover saw."""
        return self.changed(name, same=tuple(c for c in self.moves[name].same if c != column))

    def without_when(self, name: str, column: str) -> Table:
        """A table in which a move no longer asks what `column` is."""
        return self.changed(name, when={c: v for c, v in self.moves[name].when.items() if c != column})

    def without_event(self, name: str, topic: str) -> Table:
        """A table in which a move no longer tells `topic`."""
        return self.changed(name, events=tuple(t for t in self.moves[name].events if t != topic))

    def without_set(self, name: str, column: str) -> Table:
        """A table in which a move forgets to set `column`."""
        return self.changed(name, sets={c: v for c, v in self.moves[name].sets.items() if c != column})
