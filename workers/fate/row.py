"""The row of one clip in PostgreSQL, and the one statement that moves it.

A move is a single statement: the compare-and-set on `clip_fate` and the insertion of its events into
`outbox` succeed together or not at all. No decision without its event, no event without its decision; a
late move of a process that slept is refused by the row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, Database, execute, fetch
from workers.errors import MoveRefused
from workers.fate.moves import NEXT, Move
from workers.fate.outbox import EVENT_COLUMNS, EVENT_PLACES, EVENT_TYPES, Event, event_row
from workers.footage.recording import Report
from workers.keys.signing import Signed
from workers.retention.facts import Fact

JSON_COLUMNS = frozenset({"report", "declaration", "receipt", "quarantine", "decision", "facts", "intent"})


class Fate(Struct, frozen=True):
    """A clip's row as a mover saw it."""

    clip_id: str
    camera: str
    recording: str
    standing: str
    attempt: int
    interrupted: bool
    urgent: bool
    docking: int
    report: Signed
    camera_copy: str
    registered_at: datetime
    moved_at: datetime
    declaration: Signed | None = None
    conflict_with: str | None = None
    stored_version: str | None = None
    verified_version: str | None = None
    receipt: Signed | None = None
    disposal: str | None = None
    quarantine: dict[str, Any] | None = None
    decision: Signed | None = None
    hold_reasons: tuple[str, ...] = ()
    held: bool = False
    facts: tuple[Fact, ...] = ()
    intended_at: datetime | None = None
    intent: dict[str, Any] | None = None
    dispose_from: datetime | None = None
    lease_end: datetime | None = None
    lease_confirmed: datetime | None = None

    def declared(self) -> Report:
        """The dock's declaration, decoded; the signature was checked when it was registered and is checked
        again by whoever acts on it."""
        return msgspec.json.decode(self.report.body, type=Report)


FATE_COLUMNS = ", ".join(Fate.__struct_fields__)


async def find(database: Database, clip_id: str) -> Fate | None:
    """The clip's row, or None if it was never registered."""
    async with database.connection() as connection:
        return await find_on(connection, clip_id)


async def find_on(connection: Connection, clip_id: str, *, lock: bool = False) -> Fate | None:
    """The clip's row on this connection; `lock` keeps it unchanged until the transaction ends."""
    rows = await fetch(
        connection,
        f"SELECT {FATE_COLUMNS} FROM clip_fate WHERE clip_id = %s{' FOR UPDATE' if lock else ''}",
        (clip_id,),
    )
    return msgspec.convert(rows[0], Fate) if rows else None


async def lock_rows(connection: Connection, clip_ids: Collection[str]) -> list[Fate]:
    """The rows of these clips in the order of their ids, each unchanged until the transaction ends."""
    rows = await fetch(
        connection,
        f"SELECT {FATE_COLUMNS} FROM clip_fate WHERE clip_id = ANY(%s) ORDER BY clip_id FOR UPDATE",
        (list(clip_ids),),
    )
    return [msgspec.convert(row, Fate) for row in rows]


async def register(
    connection: Connection,
    *,
    clip_id: str,
    report: Signed,
    declared: Report,
    urgent: bool,
    events: Sequence[Event],
    conflict_with: str | None = None,
    declaration: Signed | None = None,
    size: int | None = None,
) -> bool:
    """Make the row of a new clip together with its event; False if the clip is already registered.

    Args:
        size: bytes, where a person declared others than the dock.
    """
    recording = declared.recording
    inserted = await execute(
        connection,
        "INSERT INTO clip_fate (clip_id, camera, recording, standing, urgent, docking, report, conflict_with,"
        " declaration, declared_size) VALUES (%s, %s, %s, 'registered', %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (
            clip_id,
            recording.camera,
            recording.recording,
            urgent,
            declared.docking,
            _json(report),
            conflict_with,
            _json(declaration),
            recording.size if size is None else size,
        ),
    )
    if inserted:
        await announce(connection, events)
    return bool(inserted)


async def announce(connection: Connection, events: Sequence[Event]) -> None:
    """Put events into the outbox on this transaction; a repeat of the same cause is put there once."""
    for event in events:
        await execute(
            connection,
            f"INSERT INTO outbox ({EVENT_COLUMNS}) VALUES ({EVENT_PLACES}) ON CONFLICT DO NOTHING",
            event_row(event),
        )


async def make(
    database: Database,
    move: Move,
    seen: Fate,
    *,
    events: Sequence[Event] = (),
    given: Mapping[str, Any] | None = None,
) -> None:
    """Make a move: one statement, one commit.

    Args:
        seen: the row as the mover saw it; the columns of `move.same` must be unchanged.
        given: values of `move.gives`.
        events: one for each of `move.events`.

    Raises:
        MoveRefused: the row is in another state; whoever was first has decided.
        DatabaseAway: unknown whether it was made; making it again is safe, the row tells.
    """
    async with database.connection() as connection:
        await make_on(connection, move, seen, events=events, given=given)


async def make_on(
    connection: Connection,
    move: Move,
    seen: Fate,
    *,
    events: Sequence[Event] = (),
    given: Mapping[str, Any] | None = None,
) -> None:
    """The same as `make`, inside the caller's transaction."""
    statement, parameters = _statement(move, seen, events, given or {})
    rows = await fetch(connection, statement, parameters)
    if not rows[0]["moved"]:
        now = await find_on(connection, seen.clip_id)
        raise MoveRefused(
            f"{seen.clip_id}: cannot {move.name}: expected {_expectation(move, seen)}; "
            f"the row is {now.standing if now else 'missing'}, attempt {now.attempt if now else '-'}, "
            f"disposal {now.disposal if now else '-'}"
        )


def _statement(move: Move, seen: Fate, events: Sequence[Event], given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    told = tuple(event.topic.removesuffix(".urgent") for event in events)
    if told != tuple(topic.removesuffix(".urgent") for topic in move.events) or set(given) != set(move.gives):
        raise AssertionError(f"{move.name}: needs events {move.events} and values {move.gives}")
    parameters: dict[str, Any] = {"clip_id": seen.clip_id}
    sets = ["moved_at = now()"]
    for column, value in {**move.sets, **given}.items():
        if value == NEXT:
            sets.append(f"{column} = {column} + 1")
        else:
            sets.append(f"{column} = %(set_{column})s")
            parameters[f"set_{column}"] = _stored(column, value)
    where = ["clip_id = %(clip_id)s"]
    for column, allowed in move.when.items():
        values = [value for value in allowed if value is not None]
        tests = [f"{column} IS NULL"] if None in allowed else []
        if values:
            tests.append(f"{column} = ANY(%(when_{column})s)")
            parameters[f"when_{column}"] = values
        where.append(f"({' OR '.join(tests)})")
    for column in move.same:
        where.append(f"{column} IS NOT DISTINCT FROM %(same_{column})s")
        parameters[f"same_{column}"] = _stored(column, getattr(seen, column))
    statement = f"WITH moved AS (UPDATE clip_fate SET {', '.join(sets)} WHERE {' AND '.join(where)} RETURNING 1)"
    if events:
        # One insert, sorted: the events of a move enter the outbox in the order in which they are told.
        rows = []
        for number, event in enumerate(events):
            names = [f"event{number}_{position}" for position in range(len(EVENT_TYPES))]
            parameters.update(zip(names, event_row(event), strict=True))
            cells = ", ".join(f"%({name})s::{cast}" for name, cast in zip(names, EVENT_TYPES, strict=True))
            rows.append(f"({number}, {cells})")
        statement += (
            f", told AS (INSERT INTO outbox ({EVENT_COLUMNS}) SELECT {EVENT_COLUMNS} FROM moved,"
            f" (VALUES {', '.join(rows)}) AS e (number, {EVENT_COLUMNS}) ORDER BY number ON CONFLICT DO NOTHING)"
        )
    return statement + " SELECT count(*) AS moved FROM moved", parameters


def _expectation(move: Move, seen: Fate) -> str:
    conditions = [f"{column} in {[str(v) for v in allowed]}" for column, allowed in move.when.items()]
    conditions += [f"{column} still {getattr(seen, column)!r}" for column in move.same]
    return ", ".join(conditions)


def _stored(column: str, value: Any) -> Any:
    if column in JSON_COLUMNS:
        return _json(value)
    return list(value) if isinstance(value, tuple) else value


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
