"""How much of what docks declared was compared with what is stored: the newest statement, and the days of a month."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from workers.database.engine import Database

DAYS = 31
"""Days that are looked at: what nobody categorises is deleted after them, and a difference must be found before."""

DAYS_OF = (
    "(SELECT to_char(d.since, 'YYYY-MM-DD') AS day, d.since, s.stated_at, s.declared, s.stored, s.verified,"
    "  s.unexplained"
    " FROM (SELECT date_trunc('day', now(), 'UTC') - make_interval(days => n) AS since"
    f"   FROM generate_series(1, {DAYS}) n) d"
    " LEFT JOIN LATERAL (SELECT * FROM reconciliations r WHERE r.dock IS NULL"
    "   AND (r.day IS NULL OR r.day = (d.since AT TIME ZONE 'UTC')::date) AND r.stated_at >= d.since + interval '1 day'"
    "   ORDER BY r.stated_at DESC LIMIT 1) s ON true"
    " WHERE EXISTS (SELECT FROM dockings k WHERE k.docked_at >= d.since AND k.docked_at < d.since + interval '1 day'))"
)
"""Each day (UTC) of DAYS that is over and on which a camera was docked, with the newest statement that covers it."""


class Statement(Struct, frozen=True):
    """What a reconciliation stated; day and dock as in its scope, None: all. age: seconds."""

    stated_at: datetime
    age: float
    declared: int
    stored: int
    verified: int
    unexplained: int
    day: str | None = None
    dock: str | None = None


class Reconciled(Struct, frozen=True):
    """What was reconciled.

    Attributes:
        newest: the newest statement; None: there never was one.
        days: of the last DAYS that are over, those on which a camera was docked.
        covered: of them, those that a statement covers.
        differing: of those, the ones whose newest statement has differences that nothing explains.
    """

    newest: Statement | None = None
    days: int = 0
    covered: int = 0
    differing: int = 0

    @property
    def open(self) -> int:
        """Days that no statement covers yet."""
        return self.days - self.covered


async def reconciled(database: Database) -> Reconciled:
    """The newest statement, and how many days are covered; each is one look into an index."""
    newest = await database.fetch_one(
        "SELECT stated_at, extract(epoch FROM now() - stated_at)::float AS age, declared, stored, verified,"
        " unexplained, day::text, dock FROM reconciliations ORDER BY stated_at DESC LIMIT 1"
    )
    days = await database.fetch_one(
        "SELECT count(*) AS days, count(stated_at) AS covered, count(*) FILTER (WHERE unexplained > 0) AS differing"
        f" FROM {DAYS_OF} y"
    )
    return msgspec.convert({**(days or {}), "newest": newest}, Reconciled)
