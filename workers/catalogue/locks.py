"""Locks on viewing: of one clip, of an incident, or of officers in a period, whatever is docked later.

After a death or serious injury nobody plays the footage before the first accounts, whoever recorded it included, but
people who are named (College of Policing APP, post-incident procedures). Unknown never opens: a clip whose officer or
time nobody knows falls under a lock that asks for it, as it falls under a hold.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, convert

from workers.database.engine import Database
from workers.retention.incidents import SAID

_STANDS = (
    "l.kind = 'lock' AND NOT EXISTS (SELECT FROM viewing_locks e WHERE e.lock_id = l.lock_id AND e.kind = 'unlock')"
)

LOCKED = (
    "COALESCE((SELECT CASE WHEN kind = 'lock' AND NOT %(person)s = ANY(people) THEN reason END FROM viewings v"
    "  WHERE v.clip_id = {clip} AND kind IN ('lock', 'unlock') ORDER BY time DESC, event_id DESC LIMIT 1),"
    f" (SELECT l.reason FROM viewing_locks l WHERE {_STANDS} AND NOT %(person)s = ANY(l.people)"
    f"  AND (l.incident IN (SELECT incident FROM ({SAID.format('{clip}')}) said)"
    "   OR (cardinality(l.officers) > 0 AND ({officer} IS NULL OR {officer} = ANY(l.officers))"
    "    AND COALESCE({began} <= l.until + interval '5 minutes', true)"
    "    AND COALESCE(COALESCE({ended}, {began}) >= l.since - interval '5 minutes', true)))"
    "  ORDER BY l.time, l.lock_id LIMIT 1))"
)
"""In SQL: why this person (`%(person)s`) does not play a clip now; null: no lock. To be given the clip's id, officer,
start and end; periods are widened as those of holds are (workers/retention/standing.CLOCKS)."""


class Lock(Struct, frozen=True):
    """A lock that is not of one clip.

    Attributes:
        people: who may play it all the same.
        ended_at, ended_by: None while it stands.
    """

    lock_id: str
    incident: str | None
    officers: tuple[str, ...]
    since: datetime | None
    until: datetime | None
    people: tuple[str, ...]
    reason: str
    person: str
    time: datetime
    ended_at: datetime | None
    ended_by: str | None


async def list_locks(database: Database, *, ended: bool = False) -> list[Lock]:
    """The locks, newest first.

    Args:
        ended: also those that somebody ended.
    """
    rows = await database.fetch(
        "SELECT l.lock_id, l.incident, l.officers, l.since, l.until, l.people, l.reason, l.person, l.time,"
        " e.time AS ended_at, e.person AS ended_by FROM viewing_locks l LEFT JOIN LATERAL (SELECT time, person"
        "  FROM viewing_locks u WHERE u.lock_id = l.lock_id AND u.kind = 'unlock' ORDER BY time, event_id LIMIT 1) e"
        " ON true WHERE l.kind = 'lock' AND (%s OR e.time IS NULL) ORDER BY l.time DESC, l.lock_id",
        (ended,),
    )
    return [convert(row, Lock) for row in rows]
