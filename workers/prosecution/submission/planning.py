"""What a batch comes to: each row checked against its case, what must be made first, and the order of the work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import msgspec
from msgspec import Struct

from workers.database.engine import Connection
from workers.errors import Refused
from workers.prosecution.cases.case import Case
from workers.prosecution.cases.rows import find_case
from workers.prosecution.statements import Clock, DerivativeOrder, SubmissionOrder
from workers.prosecution.submission.cells import Row
from workers.prosecution.submission.check import check_order, derivative_of, exhibits_of, id_of, item_of
from workers.prosecution.submission.files import derived
from workers.prosecution.submission.fitness import Unfit, recipient_of
from workers.prosecution.submission.rows import Submission, find_on
from workers.prosecution.submission.states import State
from workers.prosecution.submission.unused import with_all_unused
from workers.sheets import Fault

NO_TIME = "9999-12-31T00:00:00+00:00"


class Planned(Struct, frozen=True):
    """One row that may be carried out.

    Attributes:
        makes: what must be made first and is not there yet.
        there: the same submission, where it was ordered before.
    """

    row: Row
    case: Case
    order: SubmissionOrder
    makes: tuple[DerivativeOrder, ...]
    there: Submission | None

    @property
    def new(self) -> bool:
        """Whether it is still to be ordered; one that was refused is ordered again."""
        return self.there is None or self.there.state is State.REFUSED


class Plan(Struct, frozen=True):
    """A batch after all of it was looked at.

    Attributes:
        rows: that may be carried out, in the order of their cases' clocks.
    """

    rows: tuple[Planned, ...]
    faults: tuple[Fault, ...]


async def planned(
    connection: Connection, namespace: str, rows: Sequence[Row], *, by: str, batch: str, day: date
) -> Plan:
    """Look at every row; nothing is changed.

    Args:
        by: who submits.
        batch: name of the file.
        day: of today, in England and Wales.
    """
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    good: list[Planned] = []
    faults: list[Fault] = []
    first: dict[str, int] = {}
    for row in rows:
        try:
            one = await _planned(connection, namespace, row, by=by, at=at, batch=batch, day=day)
        except Unfit as unfit:
            faults.append(Fault(row.row, unfit.column, unfit.found, unfit.expected))
        except Refused as refused:
            faults.append(Fault(row.row, None, refused.reason, refused.action))
        else:
            same = first.setdefault(one.order.submission_id, row.row)
            if same == row.row:
                good.append(one)
            else:
                faults.append(Fault(row.row, None, f"the same submission as row {same}", "each once"))
    return Plan(tuple(sorted(good, key=_clock)), tuple(faults))


async def _planned(
    connection: Connection, namespace: str, row: Row, *, by: str, at: str, batch: str, day: date
) -> Planned:
    case = await find_case(connection, row.urn)
    if case is None:
        raise Unfit("urn", f"no case {row.urn}", "a case that was opened (bwv case list)")
    references = await with_all_unused(connection, case, row.exhibits)
    exhibits = () if row.not_recorded is not None and not references else exhibits_of(case, references)
    order = SubmissionOrder(
        submission_id="",
        case_id=case.case_id,
        urn=case.urn,
        purpose=row.purpose,
        recipient=recipient_of(row.purpose, row.recipient),
        items=tuple(item_of(exhibit, case) for exhibit in exhibits),
        by=by,
        at=at,
        purpose_item=row.purpose_item,
        address=row.address,
        urgent=row.urgent or case.clock is Clock.DETAINED,
        batch=batch,
        row=row.row,
        nobody_else=row.nobody_else,
        not_recorded=row.not_recorded,
    )
    order = msgspec.structs.replace(order, submission_id=id_of(namespace, order))
    there = await find_on(connection, order.submission_id)
    if there is None or there.state is State.REFUSED:
        await check_order(connection, namespace, case, order, day)
    made = await derived(connection, order.items)
    makes = (derivative_of(exhibit, case, by=by, at=at) for exhibit in exhibits)
    wanted = tuple(each for each in makes if each is not None and each.derivative_id not in made)
    return Planned(row, case, order, wanted, there)


def _clock(one: Planned) -> tuple[int, datetime, int]:
    """Detained first, by the end of the clock; then what is urgent; then by the first hearing; then as it stands."""
    case = one.case
    if case.clock is Clock.DETAINED:
        return 0, _time(case.clock_ends), one.row.row
    if one.order.urgent:
        return 1, _time(case.first_hearing), one.row.row
    return 2, _time(case.first_hearing), one.row.row


def _time(text: str | None) -> datetime:
    found = datetime.fromisoformat(text or NO_TIME)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
