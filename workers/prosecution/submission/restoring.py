"""The table `submissions`, made again from the custody log: the fold of what was told of each, failing safe.

A submission comes back if a known person signed its order and the manifest is the one that was told of. It is
acknowledged only where the log says so and the receipt, compared once more, is the manifest (I10). What was prepared
for the CPS and not sent is told again, so that it goes: the message may have been done with, and what came of it lost.
The gateway knows a repeat. An order that was taken and not prepared is on no record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

import msgspec
from msgspec import Struct

from workers.custody.entry import Entry
from workers.database.engine import Connection, Row, execute, fetch
from workers.errors import BwvError
from workers.fate.outbox import Event
from workers.fate.row import announce
from workers.keys.proving import proved
from workers.keys.signing import Role, Signed, check_signer
from workers.prosecution.gateway.contract import Receipt
from workers.prosecution.statements import Recipient, SubmissionOrder
from workers.prosecution.submission import awaited
from workers.prosecution.submission.compare import compare
from workers.prosecution.submission.manifest import Manifest, manifest_of
from workers.prosecution.submission.rows import Submission
from workers.prosecution.submission.states import ANSWERS, RETURN, SEND, State
from workers.retention.change import instant
from workers.retention.restoring import IsMessage, Keys

PREPARED, SENT, RETURNED, OVERDUE = (f"submissions.{what}" for what in ("prepared", "sent", "returned", "overdue"))
ANSWERED = {f"submissions.{state}": state for state in ANSWERS}
TYPES = (PREPARED, SENT, RETURNED, OVERDUE, *ANSWERED)

OfClips = Callable[[Manifest], Sequence[Event]]
"""What the record of each clip says of a submission (`clips.submitted`)."""


class RestoredSubmissions(Struct, frozen=True):
    """What was made again.

    Attributes:
        again: events that are told again.
        passed_over: one sentence for each event that has no effect now.
    """

    submissions: int
    again: int
    passed_over: tuple[str, ...]


class _Fold:
    """One submission while its events are read."""

    def __init__(self, submission_id: str) -> None:
        self.submission_id = submission_id
        self.seen: Submission | None = None
        self.prepared: Event | None = None
        self.passed_over: list[str] = []

    def take(self, row: Row, keys: Keys) -> None:
        """One event, as the log has it; what does not follow from those before has no effect and is named."""
        content = msgspec.json.decode(row["payload"])
        try:
            if row["type"] == PREPARED:
                self._prepared(row, content, keys)
            elif self.seen is None:
                raise _NoEffect("the log has nothing before it that a known person ordered")
            else:
                self.seen = _moved(self.seen, row, content)
        except (BwvError, msgspec.ValidationError, _NoEffect) as why:
            self.pass_over(row, str(why))

    def _prepared(self, row: Row, content: dict[str, Any], keys: Keys) -> None:
        if self.seen is not None:
            raise _NoEffect("it was prepared before, with another manifest")
        signed, order = _ordered(content, keys)
        manifest = manifest_of(content["manifest"])
        if content["manifest_sha256"] != manifest.sha256 or not _fits(order, manifest, self.submission_id):
            raise _NoEffect("its manifest is not what was ordered and told of")
        to_cps = order.recipient is Recipient.CPS
        self.seen = Submission(
            submission_id=order.submission_id,
            case_id=order.case_id,
            urn=order.urn,
            purpose=order.purpose,
            purpose_item=order.purpose_item,
            recipient=order.recipient,
            state=State.PREPARED,
            ordered=signed,
            items=len(order.items),
            urgent=order.urgent,
            requested_at=instant(order.at, "the time of the order"),
            manifest=manifest.plain(),
            manifest_sha256=manifest.sha256,
            waits_for=awaited.THE_GATEWAY if to_cps else awaited.BY_HAND,
            batch=order.batch,
            batch_row=order.row,
            prepared_at=row["time"],
        )
        source = msgspec.json.decode(row["entry"], type=Entry).source
        self.prepared = Event(
            PREPARED, order.case_id, row["event_id"], order.submission_id, source, bytes(row["payload"])
        )

    def pass_over(self, row: Row, why: str) -> None:
        """Name an event that has no effect now."""
        self.passed_over.append(f"{row['type']} of {self.submission_id} at {row['time']:%Y-%m-%d %H:%M:%S %Z}: {why}")


class _NoEffect(Exception):
    """An event has no effect now, and why."""


def _ordered(content: dict[str, Any], keys: Keys) -> tuple[Signed, SubmissionOrder]:
    """What a known person ordered in their own name."""
    order = proved(content.get("order"), SubmissionOrder, Role.PERSON, keys)
    if order is None:
        raise _NoEffect("no known person's key signed its order")
    signed = msgspec.convert(content["order"], Signed)
    check_signer(order.by, signed)
    return signed, order


def _fits(order: SubmissionOrder, manifest: Manifest, submission_id: str) -> bool:
    ordered = [(item.clip_id, item.derivative_id) for item in order.items]
    goes = [(item.clip_id, item.derivative_id) for item in manifest.items]
    return (
        order.submission_id == manifest.submission_id == submission_id
        and (order.case_id, order.purpose, order.recipient)
        == (manifest.case.case_id, manifest.purpose, manifest.recipient)
        and ordered == goes
    )


def _moved(seen: Submission, row: Row, content: dict[str, Any]) -> Submission:
    """The submission after an event, as `rows` writes the same move."""
    if row["type"] == SENT:
        return _sent(seen, row, content)
    if row["type"] == RETURNED:
        _follows(seen, RETURN.when)
        return msgspec.structs.replace(
            seen,
            state=State.PREPARED,
            receipt=None,
            differences=(),
            due_at=None,
            overdue_told_at=None,
            answered_at=None,
            waits_for=awaited.THE_GATEWAY,
        )
    if row["type"] == OVERDUE:
        return msgspec.structs.replace(seen, overdue_told_at=row["time"]) if seen.state is State.SENT else seen
    return _answered(seen, ANSWERED[row["type"]], row, content)


def _sent(seen: Submission, row: Row, content: dict[str, Any]) -> Submission:
    _follows(seen, SEND.when)
    if content["manifest_sha256"] != seen.manifest_sha256:
        raise _NoEffect("it tells of another manifest")
    return msgspec.structs.replace(
        seen,
        state=State.SENT,
        attempt=max(seen.attempt, int(content["attempt"])),
        due_at=instant(content["due_at"], "the time when its receipt is overdue"),
        overdue_told_at=None,
        sent_at=row["time"],
        waits_for=awaited.RECEIPT,
    )


def _answered(seen: Submission, state: State, row: Row, content: dict[str, Any]) -> Submission:
    _follows(seen, ANSWERS[state].when)
    if state is State.ACKNOWLEDGED:
        amounts_to, differences = compare(seen.prepared(), msgspec.convert(content["receipt"], Receipt))
        if amounts_to is not state:
            raise _NoEffect(f"its receipt is not the manifest: {'; '.join(differences)}")
    return msgspec.structs.replace(
        seen,
        state=state,
        receipt=content["receipt"],
        differences=tuple(content["differences"]),
        answered_at=row["time"],
        waits_for=awaited.after(state),
    )


def _follows(seen: Submission, when: Sequence[State]) -> None:
    if seen.state not in when:
        raise _NoEffect(f"the log has it {seen.state} then; expected one of {', '.join(when)}")


async def restore_submissions(
    connection: Connection, keys: Keys, is_message: IsMessage, of_clips: OfClips
) -> RestoredSubmissions:
    """Make every submission again that the log proves.

    Args:
        keys: by id; one that was revoked since still proves what it signed before.
        is_message: whether bytes are a message of the type that a topic carries; what is not had no effect.
        of_clips: what of it belongs on the record of each clip; told again where it is not there.
    """
    rows = await fetch(
        connection,
        "SELECT event_id, type, topic, time, entry, payload FROM custody WHERE type = ANY(%s)"
        " AND conflicts_with IS NULL AND payload IS NOT NULL AND entry::jsonb->>'unreadable' IS NULL"
        " ORDER BY entry::jsonb->>'subject', time, index",
        (list(TYPES),),
    )
    count, again, passed_over = 0, 0, []
    for submission_id, told in groupby(rows, key=lambda row: msgspec.json.decode(row["entry"], type=Entry).subject):
        fold = _Fold(submission_id)
        for row in told:
            if is_message(row["topic"], row["payload"]):
                fold.take(row, keys)
        passed_over += fold.passed_over
        if fold.seen is None:
            continue
        count += 1
        await _enter(connection, fold.seen)
        events = await _unrecorded(connection, of_clips(fold.seen.prepared()))
        if fold.prepared is not None and fold.seen.state is State.PREPARED and fold.seen.recipient == Recipient.CPS:
            events.append(fold.prepared)
        await announce(connection, events)
        again += len(events)
    return RestoredSubmissions(count, again, tuple(passed_over))


async def _enter(connection: Connection, made: Submission) -> None:
    await execute(
        connection,
        "INSERT INTO submissions SELECT * FROM jsonb_populate_record(NULL::submissions, %s)",
        (msgspec.json.encode(made).decode(),),
    )


async def _unrecorded(connection: Connection, events: Iterable[Event]) -> list[Event]:
    """Those of which the log knows nothing."""
    by_id = {event.id: event for event in events}
    found = await fetch(connection, "SELECT event_id FROM custody WHERE event_id = ANY(%s)", (list(by_id),))
    for row in found:
        by_id.pop(row["event_id"], None)
    return list(by_id.values())
