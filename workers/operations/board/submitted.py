"""Submissions against their deadlines, for the board: a page of them, and one with its items and its receipt."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, Database, Row, fetch
from workers.operations.board.listing import Cursor, checked
from workers.prosecution.statements import CaseKind
from workers.prosecution.submission.rows import Submission, find_on
from workers.prosecution.submission.states import State

PAGE = 100
"""Submissions of a page."""

OVERDUE = "overdue"
"""No state of its own: sent, and its receipt is late."""

STATES = (*(state.value for state in State), OVERDUE)


class Sent(Struct, frozen=True):
    """A submission as a list shows it.

    Attributes:
        state: one of STATES.
        items: how many go.
        attempt: how often it was sent.
        waits_for: what it waits for, or why it was refused.
        moved_at: when it came into this state.
        due_at: when its receipt is overdue; None: it was not sent.
        ends_at: when the clock or the hearing of its case comes.
        differences: between the recipient's answer and what was sent.
        sort: its place in the list.
    """

    submission_id: str
    case_id: str
    urn: str
    kind: CaseKind
    officer: str
    purpose: str
    recipient: str
    state: str
    items: int
    urgent: bool
    attempt: int
    waits_for: str | None
    requested_at: datetime
    moved_at: datetime
    due_at: datetime | None
    ends_at: datetime | None
    differences: int
    sort: str


class Submissions(Struct, frozen=True):
    """A page of submissions; after: where the next one begins, None: there is none."""

    submissions: tuple[Sent, ...]
    after: Cursor | None


_SENT = (
    "SELECT b.submission_id, b.case_id, b.urn, c.kind, c.officer, b.purpose, b.recipient, b.items, b.urgent, b.attempt,"
    " CASE WHEN b.state = 'sent' AND b.due_at < now() THEN 'overdue' ELSE b.state END AS state,"
    " b.waits_for, b.requested_at, COALESCE(CASE b.state WHEN 'requested' THEN b.requested_at WHEN 'prepared'"
    "  THEN b.prepared_at WHEN 'sent' THEN b.sent_at ELSE b.answered_at END, b.requested_at) AS moved_at, b.due_at,"
    " LEAST(c.clock_ends, c.first_hearing) AS ends_at, jsonb_array_length(b.differences) AS differences,"
    " b.requested_at::text AS sort FROM submissions b JOIN cases c USING (case_id)"
)


class Wanted(Struct, frozen=True):
    """Which submissions; what is empty does not matter.

    Attributes:
        state: one of STATES.
        case_id: of this case alone.
    """

    state: str = ""
    case_id: str = ""


async def submissions(
    database: Database, person: str, kinds: frozenset[CaseKind], wanted: Wanted, after: Cursor | None = None
) -> Submissions:
    """A page of the submissions of cases that somebody sees, the newest first.

    Args:
        person: sees those of the cases whose officer they are.
        kinds: of cases of which they see all.

    Raises:
        RuleBroken: nobody ever gave out this place.
    """
    begins = after or Cursor("infinity", "")
    # Only what is asked stands in it, so that each question has the plan of its own index.
    asked = ["(c.kind = ANY(%(kinds)s) OR c.officer = %(person)s)" if kinds else "c.officer = %(person)s"]
    if wanted.state == OVERDUE:
        asked.append("b.state = 'sent' AND b.due_at < now()")
    elif wanted.state:
        asked.append("b.state = %(state)s")
    if wanted.case_id:
        asked.append("b.case_id = %(case)s")
    rows = await database.fetch(
        f"{_SENT} WHERE {' AND '.join(asked)} AND (b.requested_at, b.submission_id) < (%(sort)s::timestamptz, %(id)s)"
        " ORDER BY b.requested_at DESC, b.submission_id DESC LIMIT %(most)s",
        {
            "kinds": [kind.value for kind in kinds], "person": person, "state": wanted.state, "case": wanted.case_id,
            "sort": checked(begins.sort), "id": begins.id, "most": PAGE + 1,
        },
    )  # fmt: skip
    found = tuple(msgspec.convert(row, Sent) for row in rows[:PAGE])
    more = len(rows) > PAGE
    return Submissions(found, Cursor(found[-1].sort, found[-1].submission_id) if more else None)


async def sent_for(connection: Connection, case_id: str) -> tuple[Sent, ...]:
    """Every submission of a case, the newest first."""
    rows = await fetch(connection, f"{_SENT} WHERE b.case_id = %s ORDER BY b.requested_at DESC", (case_id,))
    return tuple(msgspec.convert(row, Sent) for row in rows)


class SentItem(Struct, frozen=True):
    """One file that goes, and what its recipient says of it.

    Attributes:
        exhibit: its reference.
        kind: master, range, still, playback, redaction.
        sha256, size: ours; theirs: what the recipient measured, None: it has not said.
        answer: received, missing, rejected; empty: not said yet.
    """

    n: int
    exhibit: str
    clip_id: str
    kind: str
    size: int
    sha256: str
    theirs: str | None = None
    answer: str = ""


class SentLink(Struct, frozen=True):
    """The link that a submission is looked at by; its address is in the manifest alone."""

    link_id: str
    made_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None


class SubmissionShown(Struct, frozen=True):
    """All of a submission.

    Attributes:
        ordered_by, ordered_at: whose signed order it is.
        receipt_id: the recipient's own number of it; said: what it adds, or why it rejects.
        differences: sentences; none: the answer is the manifest, or there is none yet.
        items: none before it is prepared.
        do: the command that mends it; empty where there is nothing to mend.
    """

    sent: Sent
    ordered_by: str
    ordered_at: str
    prepared_at: datetime | None
    sent_at: datetime | None
    answered_at: datetime | None
    manifest_sha256: str | None
    their_manifest_sha256: str | None
    receipt_id: str | None
    said: str
    differences: tuple[str, ...]
    not_recorded: str
    items: tuple[SentItem, ...]
    links: tuple[SentLink, ...]
    do: str


async def submission_shown(database: Database, submission_id: str) -> SubmissionShown | None:
    """The submission of this id; None if there is none. Whether somebody sees it, its case says (`sent`)."""
    async with database.connection() as connection:
        one = await find_on(connection, submission_id)
        rows = await fetch(connection, f"{_SENT} WHERE b.submission_id = %s", (submission_id,))
        if one is None or not rows:
            return None
        links = await fetch(
            connection,
            "SELECT link_id, made_at, revoked_at, revoked_by FROM links WHERE submission_id = %s ORDER BY made_at",
            (submission_id,),
        )
    return _shown(one, msgspec.convert(rows[0], Sent), links)


def _shown(one: Submission, sent: Sent, links: list[Row]) -> SubmissionShown:
    order, receipt = one.order(), one.receipt or {}
    manifest = one.prepared() if one.manifest is not None else None
    theirs = {item["n"]: item for item in receipt.get("items", [])}
    items = tuple(
        SentItem(
            it.n, it.reference, it.clip_id, it.kind, it.size, it.sha256, theirs.get(it.n, {}).get("sha256"),
            theirs.get(it.n, {}).get("state", ""),
        )
        for it in (manifest.items if manifest else ())
    )  # fmt: skip
    return SubmissionShown(
        sent=sent, ordered_by=order.by, ordered_at=order.at, prepared_at=one.prepared_at, sent_at=one.sent_at,
        answered_at=one.answered_at, manifest_sha256=one.manifest_sha256,
        their_manifest_sha256=receipt.get("manifest_sha256"), receipt_id=receipt.get("receipt_id"),
        said=receipt.get("reason") or "", differences=one.differences,
        not_recorded=(manifest.mme.because or "") if manifest else (order.not_recorded or ""), items=items,
        links=tuple(msgspec.convert(row, SentLink) for row in links), do=_do(sent),
    )  # fmt: skip


def _do(sent: Sent) -> str:
    if sent.state in (State.REJECTED, State.PARTIAL, State.CONTRADICTED):
        return f"bwv submissions retry {sent.submission_id} --reason …"
    return f"bwv submissions show {sent.submission_id}" if sent.state in (OVERDUE, State.REFUSED) else ""
