"""Every number of the board that is not a bay or a stage, in three paces.

`counts` is asked each second while somebody watches: each of its numbers is answered by a partial index that holds
only what is counted. `uncategorised` counts more, and `totals` goes over the whole store: they are asked less often,
and the board says how old they are. None is asked per page: one process asks for all who look.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from workers.catalogue.rereads import READ_AT
from workers.database.engine import Database


class Counts(Struct, frozen=True):
    """What waits for somebody. Each number but `reviews_week` has a list of its name in lists.py.

    Attributes:
        unverified: registered or stored, and not read back yet.
        queued: registered over seven days ago and not stored.
        interrupted: transfers whose dock has gone; failed: nothing starts by itself any more.
        quarantine: not decided by a person yet.
        bin: clips whose disposal is intended and can still be taken back.
        soon: disposed of within 72 hours unless somebody acts, those in the bin included.
        reviews: retention reviews whose day has come; reviews_week: those a week and more ago.
        gaps: recordings that no inventory ever listed.
        rejected: reports of the last seven days that cannot become a clip.
        holds: clips whose hold is outstanding at the store.
        sweeps: sweeps that stopped and ask.
        overdue: submissions without a receipt in time; answered: that the gateway did not take as they are.
        policy: version of the retention policy in force; None: none, and nothing is disposed of.
    """

    unverified: int = 0
    queued: int = 0
    interrupted: int = 0
    failed: int = 0
    quarantine: int = 0
    damaged: int = 0
    bin: int = 0
    soon: int = 0
    reviews: int = 0
    reviews_week: int = 0
    gaps: int = 0
    rejected: int = 0
    holds: int = 0
    sweeps: int = 0
    overdue: int = 0
    answered: int = 0
    policy: int | None = None


_OPEN = "(disposal IS NULL OR disposal = 'intended')"
_DAYS = "now() - interval '7 days'"

COUNTS = (
    "SELECT a.*,"
    f" (SELECT count(*) FROM clip_fate WHERE standing = 'quarantined' AND decision IS NULL AND {_OPEN}) AS quarantine,"
    f" (SELECT count(*) FROM clip_fate WHERE standing = 'damaged' AND {_OPEN}) AS damaged,"
    " (SELECT count(*) FROM clip_fate WHERE disposal = 'intended') AS bin,"
    " (SELECT count(*) FROM schedule WHERE dispose_from < now() + interval '72 hours' AND NOT held) AS soon,"
    " (SELECT count(*) FROM reviews WHERE decided_at IS NULL AND due_at < now()) AS reviews,"
    f" (SELECT count(*) FROM reviews WHERE decided_at IS NULL AND due_at < {_DAYS}) AS reviews_week,"
    " (SELECT COALESCE(sum(last - first + 1), 0)::bigint FROM gaps) AS gaps,"
    f" (SELECT count(*) FROM rejections WHERE time > {_DAYS}) AS rejected,"
    " (SELECT count(*) FROM hold_clips WHERE state = 'pending') AS holds,"
    " (SELECT count(*) FROM sweeps WHERE state = 'stopped' AND cause IS NOT NULL) AS sweeps,"
    " (SELECT count(*) FROM submissions WHERE state = 'sent' AND due_at < now()) AS overdue,"
    " (SELECT count(*) FROM submissions WHERE state IN ('refused', 'rejected', 'partial', 'contradicted')) AS answered,"
    " (SELECT max(version) FROM policies) AS policy"
    " FROM (SELECT count(*) AS unverified,"
    f"  count(*) FILTER (WHERE standing = 'registered' AND registered_at < {_DAYS}) AS queued,"
    "  count(*) FILTER (WHERE standing = 'registered' AND interrupted) AS interrupted,"
    "  count(*) FILTER (WHERE standing = 'registered' AND attempt > 5) AS failed"
    f"  FROM clip_fate WHERE standing IN ('registered', 'secured') AND {_OPEN}) a"
)


async def counts(database: Database) -> Counts:
    """Ask for all of them; one statement."""
    return msgspec.convert(await database.fetch_one(COUNTS), Counts)


class Totals(Struct, frozen=True):
    """What lies in the store, and how it grows.

    Attributes:
        clips, bytes: stored and not disposed of.
        week: bytes that were secured in the last seven days.
        covered: bytes that were read in full within `scrub_cycle`; coverage: their share, from 0 to 1.
        unread: seconds since the longest unread clip was read; None when nothing is stored.
        leaving: bytes of clips that retention disposes of within seven days.
        at: when this was asked.
    """

    clips: int
    bytes: int
    week: int
    covered: int
    coverage: float
    unread: float | None
    leaving: int
    at: datetime


# What is disposed of leaves the schedule, so what is in it and was stored is what the store holds.
TOTALS = (
    "SELECT s.*, CASE WHEN s.bytes = 0 THEN 1 ELSE s.covered::float / s.bytes END AS coverage, now() AS at,"
    " (SELECT COALESCE(sum(size), 0)::bigint FROM schedule WHERE dispose_from < now() + interval '7 days'"
    "  AND NOT held) AS leaving"
    " FROM (SELECT count(*) AS clips, COALESCE(sum(p.size), 0)::bigint AS bytes,"
    f"  COALESCE(sum(p.size) FILTER (WHERE c.secured_at > {_DAYS}), 0)::bigint AS week,"
    f"  COALESCE(sum(p.size) FILTER (WHERE {READ_AT} >= now() - make_interval(secs => %(cycle)s)), 0)::bigint"
    "  AS covered,"
    f"  extract(epoch FROM now() - min({READ_AT}) FILTER (WHERE c.damaged_at IS NULL))::float AS unread"
    "  FROM schedule p JOIN clips c USING (clip_id) WHERE c.secured_at IS NOT NULL) s"
)


async def totals(database: Database, scrub_cycle: float) -> Totals:
    """Go over the whole store once. About two seconds at 1.6 million clips: not for a page, and not each second.

    Args:
        scrub_cycle: seconds within which a clip shall have been read again.
    """
    return msgspec.convert(await database.fetch_one(TOTALS, {"cycle": scrub_cycle}), Totals)


async def uncategorised(database: Database) -> int:
    """Clips that nobody has given a category: an index holds them alone, but there are half a million of them."""
    row = await database.fetch_one("SELECT count(*) AS n FROM schedule WHERE category = 'uncategorised'")
    return row["n"] if row else 0


class Capacity(Struct, frozen=True):
    """Room in the store; bytes.

    Attributes:
        limit: all that the store can hold; 0: nobody says.
        per_day: bytes by which it grows a day: what comes less what retention disposes of.
        full_in: days; None: it does not grow, or nobody says how much it holds.
        says: for people.
    """

    used: int
    limit: int
    per_day: float
    full_in: float | None
    says: str


def capacity(stored: Totals, limit: int) -> Capacity:
    """When the store is full, if it goes on as in the last seven days and retention does what it plans for the next.

    Args:
        limit: bytes that the store can hold for footage; 0 if nobody knows.
    """
    per_day = (stored.week - stored.leaving) / 7
    if not limit:
        says = "how much the store holds is not known: set store_capacity"
        return Capacity(stored.bytes, 0, per_day, None, says)
    left = limit - stored.bytes
    if left <= 0:
        return Capacity(stored.bytes, limit, per_day, 0.0, "the store is full")
    if per_day <= 0:
        return Capacity(stored.bytes, limit, per_day, None, "more leaves than comes: it does not fill")
    days = left / per_day
    return Capacity(stored.bytes, limit, per_day, days, f"full in about {days:,.0f} days at this pace")
