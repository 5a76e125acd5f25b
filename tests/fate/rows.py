"""Rows in every state, and moves made on them in SQL and in memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, execute, fetch
from workers.errors import MoveRefused
from workers.fate.moves import CameraCopy, Disposal, Move, Standing
from workers.fate.outbox import Event
from workers.fate.row import JSON_COLUMNS, Fate, find_on, make_on
from workers.keys.signing import Signed
from workers.retention.facts import Categorised

SIGNED = Signed("{}", "dock:DOCK-01:0123456789abcdef", "c2ln")
OTHER = Signed('{"other":1}', "dock:DOCK-02:0123456789abcdef", "c2ln")
EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
GIVEN_A_CATEGORY = Categorised("arrest", "a.person", EARLY)

DOMAIN: dict[str, tuple[Any, ...]] = {
    "standing": tuple(Standing),
    "attempt": (1, 4, 5, 6),
    "interrupted": (False, True),
    "urgent": (False, True),
    "docking": (1, 2),
    "stored_version": (None, "v1", "v2"),
    "verified_version": (None, "v1"),
    "camera_copy": tuple(CameraCopy),
    "disposal": (None, *Disposal),
    "quarantine": (None, {"reason": "differs"}),
    "decision": (None, SIGNED),
    "receipt": (None, SIGNED),
    "hold_reasons": ((), ("complaint/hold-a",)),
    "facts": ((), (GIVEN_A_CATEGORY,)),
    "intended_at": (None, EARLY),
    "intent": (None, {"policy": 1}),
    "dispose_from": (None, EARLY),
    "lease_end": (None, EARLY, LATE),
    "lease_confirmed": (None, EARLY),
}
"""What each column that a move may look at can hold."""

MADE_OF = {"held": "hold_reasons"}
"""A column that the table generates → the one that it is made of."""

USUAL = {column: values[0] for column, values in DOMAIN.items()} | {"report": SIGNED}
GIVEN: dict[str, Any] = {
    "docking": 7,
    "report": OTHER,
    "stored_version": "v9",
    "verified_version": "v9",
    "receipt": OTHER,
    "quarantine": {"reason": "another"},
    "decision": OTHER,
    "hold_reasons": ("complaint/hold-a", "inquest/hold-b"),
    "facts": (GIVEN_A_CATEGORY, GIVEN_A_CATEGORY),
    "intended_at": LATE,
    "intent": {"policy": 2},
    "dispose_from": LATE,
    "lease_end": datetime(2026, 3, 1, tzinfo=UTC),
    "lease_confirmed": LATE,
}

_NUMBERS = itertools.count(1)


def new_clip() -> str:
    """An id that no other row has."""
    return f"clip-{next(_NUMBERS):032d}".replace("0", "a").replace("1", "b")


class Case(Struct, frozen=True):
    """A row, and what the mover saw where that was something else."""

    row: dict[str, Any]
    seen: dict[str, Any]


def cases(move: Move) -> Iterator[Case]:
    """Every value of every column that the move asks for, and each of the columns it compares seen wrongly.

    A compared column that can be empty is given every value, because in SQL nothing equals nothing.
    """
    compared = [column for column in move.same if None in DOMAIN[column]]
    asked = [MADE_OF.get(column, column) for column in move.when]
    looked_at = [*asked, *(column for column in compared if column not in asked)]
    for values in itertools.product(*(DOMAIN[column] for column in looked_at)):
        row = dict(zip(looked_at, values, strict=True))
        yield Case(row, {})
        for column in move.same:
            others = [value for value in DOMAIN[column] if value != row.get(column, USUAL[column])]
            for other in others if column in compared else others[:1]:
                yield Case(row, {column: other})


def events_of(move: Move, clip_id: str, cause: str = "") -> list[Event]:
    """One event for each topic that the move tells of."""
    return [
        Event(topic, clip_id, f"evt-{clip_id}-{cause}{topic}", clip_id, move.by, b'{"told":true}')
        for topic in move.events
    ]


def given_to(move: Move) -> dict[str, Any]:
    """Values for the columns that the mover fills in."""
    return {column: GIVEN[column] for column in move.gives}


async def insert(connection: Connection, columns: Mapping[str, Any], clip_id: str | None = None) -> Fate:
    """Put a row there, whatever state it is in; returns it as a mover would see it."""
    clip_id = clip_id or new_clip()
    values = USUAL | {"camera": "CAM-1", "recording": clip_id} | dict(columns)
    stored = {column: _stored(column, value) for column, value in values.items()}
    names = ", ".join(stored)
    places = ", ".join(f"%({column})s" for column in stored)
    await execute(
        connection,
        f"INSERT INTO clip_fate (clip_id, {names}) VALUES (%(clip_id)s, {places})",
        stored | {"clip_id": clip_id},
    )
    found = await find_on(connection, clip_id)
    assert found is not None
    return found


def _stored(column: str, value: Any) -> Any:
    if column in JSON_COLUMNS and value is not None:
        return msgspec.json.encode(value).decode()
    return list(value) if isinstance(value, tuple) else value


async def outcome(connection: Connection, move: Move, seen: Fate) -> tuple[bool, dict[str, Any], list[str]]:
    """Make the move in SQL: whether it was made, the row afterwards, and the topics told of this clip."""
    try:
        await make_on(connection, move, seen, events=events_of(move, seen.clip_id), given=given_to(move))
        made = True
    except MoveRefused:
        made = False
    after = await find_on(connection, seen.clip_id)
    assert after is not None
    return made, columns_of(after), await told(connection, seen.clip_id)


async def told(connection: Connection, clip_id: str) -> list[str]:
    """Topics of the events about a clip, in the order in which the relay publishes them."""
    rows = await fetch(connection, "SELECT topic FROM outbox WHERE key = %s ORDER BY id", (clip_id,))
    return [row["topic"] for row in rows]


def columns_of(fate: Fate) -> dict[str, Any]:
    """A row as `Move.allows` takes it; when it moved is nobody's condition."""
    return {column: value for column, value in msgspec.structs.asdict(fate).items() if column != "moved_at"}
