"""The row of one submission, and its moves: a compare-and-set on state and attempt, and the events, in one transaction.

No move without its event, no event without its move. A process that slept, or a second one beside it, finds the row
in another state or at another attempt and is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, Database, execute, fetch
from workers.errors import MoveRefused
from workers.fate.outbox import Event
from workers.fate.row import announce
from workers.keys.signing import Signed
from workers.prosecution.statements import SubmissionOrder
from workers.prosecution.submission import awaited
from workers.prosecution.submission.manifest import Manifest, manifest_of
from workers.prosecution.submission.states import ANSWERS, ASK_AGAIN, PREPARE, REFUSE, RETURN, SEND, Move, State


class Submission(Struct, frozen=True):
    """A submission's row as somebody saw it.

    Attributes:
        items: how many go.
        attempt: how often it was sent.
        waits_for: what it waits for, or why it was refused; for people.
        receipt: the gateway's, verbatim.
        differences: sentences; empty unless the gateway's answer is not the manifest.
    """

    submission_id: str
    case_id: str
    urn: str
    purpose: str
    purpose_item: int | None
    recipient: str
    state: State
    ordered: Signed
    items: int
    urgent: bool
    requested_at: datetime
    manifest: dict[str, Any] | None = None
    manifest_sha256: str | None = None
    attempt: int = 0
    waits_for: str | None = None
    receipt: dict[str, Any] | None = None
    differences: tuple[str, ...] = ()
    batch: str | None = None
    batch_row: int | None = None
    prepared_at: datetime | None = None
    sent_at: datetime | None = None
    due_at: datetime | None = None
    overdue_told_at: datetime | None = None
    asked_at: datetime | None = None
    answered_at: datetime | None = None

    def order(self) -> SubmissionOrder:
        """What was ordered; its signature was checked when it was taken."""
        return msgspec.json.decode(self.ordered.body, type=SubmissionOrder)

    def prepared(self) -> Manifest:
        """The manifest; only of a submission that was prepared."""
        assert self.manifest is not None, f"{self.submission_id} has no manifest yet"
        return manifest_of(self.manifest)

    def overdue(self, now: datetime) -> bool:
        """Whether its receipt is late."""
        return self.state is State.SENT and self.due_at is not None and self.due_at < now


COLUMNS = ", ".join(Submission.__struct_fields__)


async def find(database: Database, submission_id: str) -> Submission | None:
    """The row, or None."""
    async with database.connection() as connection:
        return await find_on(connection, submission_id)


async def find_on(connection: Connection, submission_id: str, *, lock: bool = False) -> Submission | None:
    """The row on this connection; `lock` keeps it unchanged until the transaction ends."""
    statement = f"SELECT {COLUMNS} FROM submissions WHERE submission_id = %s{' FOR UPDATE' if lock else ''}"
    rows = await fetch(connection, statement, (submission_id,))
    return msgspec.convert(rows[0], Submission) if rows else None


async def enter(connection: Connection, order: SubmissionOrder, signed: Signed) -> bool:
    """Make the row of a new submission; False if there is one."""
    inserted = await execute(
        connection,
        "INSERT INTO submissions (submission_id, case_id, urn, purpose, purpose_item, recipient, state, ordered, items,"
        " batch, batch_row, urgent, requested_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now()) ON CONFLICT DO NOTHING",
        (
            order.submission_id,
            order.case_id,
            order.urn,
            order.purpose,
            order.purpose_item,
            order.recipient,
            State.REQUESTED,
            _json(signed),
            len(order.items),
            order.batch,
            order.row,
            order.urgent,
        ),
    )
    return bool(inserted)


async def ask_again(connection: Connection, seen: Submission, order: SubmissionOrder, signed: Signed) -> None:
    """A submission that was refused is ordered once more."""
    given = {"ordered": signed, "batch": order.batch, "batch_row": order.row, "urgent": order.urgent, "waits_for": None}
    await _make(connection, ASK_AGAIN, seen, (), given)


async def prepare(
    connection: Connection, seen: Submission, manifest: Manifest, events: Sequence[Event], *, waits_for: str | None
) -> None:
    """Fix what goes.

    Args:
        events: `submissions.prepared`, then `clips.submitted` for each item.
        waits_for: what it waits for from now on.
    """
    given = {"manifest": manifest.plain(), "manifest_sha256": manifest.sha256, "waits_for": waits_for}
    await _make(connection, PREPARE, seen, events, given, now="prepared_at")


async def refuse(connection: Connection, seen: Submission, events: Sequence[Event], *, reason: str) -> None:
    """It cannot be prepared: say why."""
    await _make(connection, REFUSE, seen, events, {"waits_for": reason})


async def sent(connection: Connection, seen: Submission, events: Sequence[Event], *, due_at: datetime) -> None:
    """The gateway has taken all of it.

    Args:
        due_at: when its receipt is overdue.
    """
    given = {"attempt": seen.attempt + 1, "due_at": due_at, "overdue_told_at": None, "asked_at": None}
    await _make(connection, SEND, seen, events, given | {"waits_for": awaited.RECEIPT}, now="sent_at")


async def answered(
    connection: Connection,
    seen: Submission,
    state: State,
    events: Sequence[Event],
    *,
    receipt: Mapping[str, Any],
    differences: Sequence[str],
) -> None:
    """The gateway's receipt amounts to this state (compare.compare).

    Raises:
        MoveRefused: it was answered so before, or is being sent again.
    """
    given = {"receipt": dict(receipt), "differences": list(differences), "waits_for": awaited.after(state)}
    await _make(connection, ANSWERS[state], seen, events, given, now="answered_at")


async def returned(connection: Connection, seen: Submission, events: Sequence[Event], *, waits_for: str) -> None:
    """It goes again: the gateway knows nothing of it, or a person said so."""
    given: dict[str, Any] = {
        "receipt": None,
        "differences": [],
        "due_at": None,
        "overdue_told_at": None,
        "answered_at": None,
    }
    given["waits_for"] = waits_for
    await _make(connection, RETURN, seen, events, given)


async def tell_overdue(connection: Connection, seen: Submission, events: Sequence[Event]) -> bool:
    """Its receipt is late: tell of it once an attempt; False if it was told, or is late no more."""
    told = await execute(
        connection,
        "UPDATE submissions SET overdue_told_at = now() WHERE submission_id = %s AND state = 'sent' AND attempt = %s"
        " AND due_at < now() AND overdue_told_at IS NULL",
        (seen.submission_id, seen.attempt),
    )
    if told:
        await announce(connection, events)
    return bool(told)


async def note_asked(connection: Connection, submission_id: str) -> None:
    """The gateway was asked for its receipt just now."""
    await execute(connection, "UPDATE submissions SET asked_at = now() WHERE submission_id = %s", (submission_id,))


async def note_waiting(connection: Connection, seen: Submission, what: str) -> None:
    """Say what a submission waits for, as long as it is where it was seen."""
    await execute(
        connection,
        "UPDATE submissions SET waits_for = %s WHERE submission_id = %s AND state = %s AND attempt = %s"
        " AND waits_for IS DISTINCT FROM %s",
        (what, seen.submission_id, seen.state, seen.attempt, what),
    )


async def _make(
    connection: Connection,
    move: Move,
    seen: Submission,
    events: Sequence[Event],
    given: Mapping[str, Any],
    *,
    now: str | None = None,
) -> None:
    """Make a move on this connection, inside its transaction.

    Args:
        given: columns and what they become.
        now: column that becomes the present time.
    """
    topics = [event.topic for event in events]
    if topics[:1] != list(move.tells[:1]) or not set(topics[1:]) <= set(move.tells[1:]):
        raise AssertionError(f"{move.name}: needs events {move.tells}, has {topics}")
    sets = [f"{column} = %({column})s" for column in given] + ([f"{now} = now()"] if now else [])
    moved = await execute(
        connection,
        f"UPDATE submissions SET {', '.join(['state = %(to_)s', *sets])}"
        " WHERE submission_id = %(id_)s AND state = ANY(%(when_)s) AND state = %(seen_)s AND attempt = %(attempt_)s",
        {column: _stored(value) for column, value in given.items()}
        | {
            "to_": move.to,
            "id_": seen.submission_id,
            "when_": [str(state) for state in move.when],
            "seen_": seen.state,
            "attempt_": seen.attempt,
        },
    )
    if not moved:
        there = await find_on(connection, seen.submission_id)
        found = f"it is {there.state}, attempt {there.attempt}" if there else "there is no row"
        raise MoveRefused(
            f"{seen.submission_id}: cannot {move.name}: expected one of {', '.join(move.when)}, still {seen.state} and"
            f" attempt {seen.attempt}; {found}"
        )
    await announce(connection, events)


def _stored(value: Any) -> Any:
    return _json(value) if isinstance(value, Struct | dict | list) else value


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
