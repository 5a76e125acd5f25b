"""The register of subject access requests: when each came, until when it is answered, and what became of it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, fetch
from workers.errors import Refused
from workers.prosecution.cases.case import Case, RefusedOn
from workers.prosecution.disclosure.months import EXTENDED_TO, end_of, first_moment, last_day
from workers.prosecution.disclosure.times import LONDON
from workers.prosecution.statements import CaseKind, Clock, ClockSet


class Entry(Struct, frozen=True):
    """One request.

    Attributes:
        received: day from which the month runs.
        answer_by: last day on which to answer.
        answered_at: when something was prepared for the subject, or the request was refused wholly or closed; None:
            not yet.
        overdue: the last day has passed and it is not answered.
        late: it was answered after the last day.
        exhibits, unredacted: that stand, and those of them in which nothing is blurred or muted.
    """

    reference: str
    case_id: str
    subject: str | None
    handler: str
    received: date
    answer_by: date
    answered_at: datetime | None
    overdue: bool
    late: bool
    exhibits: tuple[str, ...]
    unredacted: tuple[str, ...]
    refusals: tuple[RefusedOn, ...]
    closed_at: str | None


def clock_from(received: date, months: int = 1) -> ClockSet:
    """The clock of a request: from the beginning of the day on which it came to the end of the last one."""
    ends = end_of(last_day(received, months))
    return ClockSet(Clock.UNDER_INVESTIGATION, first_moment(received).isoformat(), ends.isoformat())


def extended(case: Case, now: datetime) -> ClockSet:
    """The clock of a request whose time is extended by two further months (DPA 2018 s.54(3A), (3B)).

    Raises:
        Refused: its first month is over, or it was extended before.
    """
    entry = entry_of(case, (), now)
    if entry.answer_by != last_day(entry.received):
        raise Refused(f"{case.urn} is extended already, to {entry.answer_by}", "answer it by then")
    if now >= end_of(entry.answer_by):
        raise Refused(
            f"the month of {case.urn} ended on {entry.answer_by}; the notice of an extension is given within it"
            " (DPA 2018 s.54(3B))",
            "answer it now",
        )
    return clock_from(entry.received, EXTENDED_TO)


def entry_of(case: Case, prepared: tuple[datetime, ...], now: datetime) -> Entry:
    """A request as the register has it. Pure.

    Args:
        prepared: when something was prepared for the subject.
    """
    if case.clock_since is None or case.clock_ends is None:
        # Opened by a hand other than the register's: the day on which it was opened is what is known.
        clock = clock_from(_local(case.opened_at).date())
    else:
        clock = ClockSet(case.clock, case.clock_since, case.clock_ends)
    ends = _local(clock.ends or clock.since)
    refused = [refusal.at for refusal in case.refusals if not refusal.clips]
    answers = [*prepared, *(_local(at) for at in (*refused, case.closed_at) if at is not None)]
    answered = min(answers, default=None)
    return Entry(
        reference=case.urn,
        case_id=case.case_id,
        subject=case.subject,
        handler=case.officer,
        received=_local(clock.since).date(),
        # It ends at midnight, and the last day is the one before.
        answer_by=(ends - timedelta(microseconds=1)).date(),
        answered_at=answered,
        overdue=answered is None and now >= ends,
        late=answered is not None and answered >= ends,
        exhibits=tuple(exhibit.reference for exhibit in case.standing()),
        unredacted=tuple(exhibit.reference for exhibit in case.standing() if exhibit.redaction is None),
        refusals=case.refusals,
        closed_at=case.closed_at,
    )


async def register(connection: Connection, now: datetime, *, case: str | None = None) -> list[Entry]:
    """The requests, whoever's time ends first first; `case`: the id of one alone."""
    rows = await fetch(
        connection,
        "SELECT body, ARRAY(SELECT prepared_at FROM submissions s WHERE s.case_id = c.case_id AND prepared_at IS NOT"
        " NULL AND recipient = 'data_subject') AS prepared FROM cases c WHERE kind = %(kind)s"
        " AND (%(case)s::text IS NULL OR case_id = %(case)s) ORDER BY clock_ends, urn",
        {"kind": CaseKind.SUBJECT_ACCESS.value, "case": case},
    )
    return [entry_of(msgspec.convert(row["body"], Case), tuple(row["prepared"]), now) for row in rows]


def _local(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(LONDON)
