"""Cases whose time ends soon, against what was submitted and confirmed for them."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from workers.database.engine import Database


class Deadline(Struct, frozen=True):
    """A case whose clock ends or whose hearing is near; seconds until then, negative: it is past.

    Attributes:
        submitted, confirmed: its submissions, and those whose receipt is the manifest.
        urgent: nothing was submitted and confirmed, and the time is short.
    """

    case_id: str
    urn: str
    clock: str
    ends_at: datetime
    seconds: float
    submitted: int
    confirmed: int

    @property
    def open(self) -> bool:
        """Whether something is still to be sent or confirmed."""
        return not self.submitted or self.confirmed < self.submitted


DEADLINES = (
    "SELECT c.case_id, c.urn, c.clock, LEAST(c.clock_ends, c.first_hearing) AS ends_at,"
    " extract(epoch FROM LEAST(c.clock_ends, c.first_hearing) - now())::float AS seconds,"
    " count(b.submission_id) AS submitted, count(*) FILTER (WHERE b.state = 'acknowledged') AS confirmed"
    " FROM cases c LEFT JOIN submissions b USING (case_id)"
    " WHERE c.closed_at IS NULL AND LEAST(c.clock_ends, c.first_hearing)"
    "  BETWEEN now() - interval '1 day' AND now() + interval '14 days'"
    " GROUP BY c.case_id ORDER BY 4, 1 LIMIT 50"
)


async def deadlines(database: Database) -> tuple[Deadline, ...]:
    """Open cases whose time ends within 14 days or ended a day ago, the nearest first; fifty at most."""
    return tuple(msgspec.convert(row, Deadline) for row in await database.fetch(DEADLINES))
