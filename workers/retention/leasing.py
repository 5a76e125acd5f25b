"""Keeps what is stored locked: never past the day of its disposal, and never longer ahead than the lease.

    row first      RENEW_LEASE: the absolute date stands in the row before any lock is set to it
    then the store every version under the clip's prefixes is locked until then, and read back
    row again      CONFIRM_LEASE: every version was seen to be locked

A COMPLIANCE lock can only be extended, so a long one could not be taken back when a person confirms a shorter
category: the lease is short and renewed in time. A round that was interrupted leaves rows whose date is not
confirmed; the next one sets and reads the same locks again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, Database
from workers.errors import BwvError, MoveRefused, PassingFault
from workers.failpoints import reach
from workers.fate.moves import CONFIRM_LEASE, RENEW_LEASE, Standing
from workers.fate.row import Fate, lock_rows, make_on
from workers.vault.faults import NotAsWritten, StillLocked
from workers.vault.keys import places_of
from workers.vault.vault import Vault
from workers.vault.wire import whole_second

log = logging.getLogger(__name__)

SLICE = 100
"""Clips whose rows are moved together; a few hundred requests to the store lie between the two transactions."""

THREADS = 16
"""Requests at once; a vault keeps as many connections."""

UNSCHEDULED = timedelta(hours=1)
"""How long a new clip waits for its plan before it is leased as one that nobody can date."""

ALARM = 15
"""A lock that has less than this part of `renew` left and should have been renewed is an alarm: a day of fifteen."""

KEY = "COALESCE(CASE WHEN f.lease_confirmed >= f.lease_end THEN f.lease_end END, '-infinity')"
"""End of the confirmed lease, as the index clip_fate_lease has it; before everything where none is confirmed."""

LEASABLE = (
    "f.standing IN ('verified', 'released', 'damaged', 'quarantined')"
    " AND (f.disposal IS NULL OR f.disposal = 'intended')"
)

DUE = f"""
SELECT f.clip_id, ({KEY})::text AS key, f.lease_end, LEAST(s.dispose_from, %(until)s) AS target
FROM clip_fate f LEFT JOIN schedule s USING (clip_id)
WHERE {LEASABLE} AND {KEY} < %(renew)s AND ({KEY}, f.clip_id) > (%(key)s, %(after)s)
  AND ((f.lease_end > %(now)s AND f.lease_confirmed IS DISTINCT FROM f.lease_end)
       OR LEAST(s.dispose_from, %(until)s) > GREATEST(f.lease_end, %(now)s))
  AND (s.clip_id IS NOT NULL OR f.registered_at < %(unscheduled)s OR NOT EXISTS (SELECT FROM policies))
ORDER BY {KEY}, f.clip_id LIMIT %(most)s"""
"""The next rows whose lease is not confirmed, or ends soon and may last longer."""

LATE = f"""
SELECT count(*) AS late FROM (
    SELECT COALESCE(f.lease_confirmed, f.registered_at + %(first)s) AS locked, s.dispose_from
    FROM clip_fate f LEFT JOIN schedule s USING (clip_id) WHERE {LEASABLE} AND {KEY} < %(soon)s) AS seen
WHERE locked < %(soon)s AND COALESCE(dispose_from, 'infinity') > GREATEST(locked, %(now)s)"""


class Leases(Struct, frozen=True, kw_only=True):
    """How long locks last.

    Attributes:
        lease: at most so far ahead; renew: again once less than this remains; first: the lock on arrival.
    """

    lease: timedelta
    renew: timedelta
    first: timedelta


class Leased(Struct, frozen=True):
    """What a round did.

    Attributes:
        renewed: clips whose versions were all seen to be locked until the new date.
        failed: clips of which that could not be shown; each is logged, and tried again in the next round.
        late: clips whose lock ends within a day and should not; 0 unless something is wrong.
    """

    renewed: int
    failed: int
    late: int


class _Due(Struct, frozen=True):
    clip_id: str
    key: str
    lease_end: datetime | None
    target: datetime


async def renew_leases(
    database: Database,
    vault: Vault,
    leases: Leases,
    *,
    namespace: str,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    stop: Callable[[], bool] = lambda: False,
) -> Leased:
    """One round over every row whose lock ends soon; memory is that of one slice.

    Args:
        vault: of a role that may list versions, see locks and extend them.
        stop: asked between two slices.

    Raises:
        StoreAway, DatabaseAway: begin again; nothing is confirmed that was not seen.
    """
    renewed = failed = 0
    key, after = "-infinity", ""
    with ThreadPoolExecutor(THREADS, "lease") as threads:
        while not stop() and (due := await _due(database, leases, now(), key, after)):
            key, after = due[-1].key, due[-1].clip_id
            rows = await _renewed(database, due, leases, now)
            reach("lease.after_renew")
            locking = partial(_locked, vault, namespace)
            loop = asyncio.get_running_loop()
            held = await asyncio.gather(*(loop.run_in_executor(threads, locking, row) for row in rows))
            reach("lease.after_locks")
            sound = [row for row, is_locked in zip(rows, held, strict=True) if is_locked]
            confirmed = await _confirmed(database, sound)
            renewed += confirmed
            failed += len(rows) - len(sound)
    return Leased(renewed, failed, await _late(database, leases, now()))


async def _due(database: Database, leases: Leases, now: datetime, key: str, after: str) -> list[_Due]:
    rows = await database.fetch(
        DUE,
        {
            "now": now,
            "until": whole_second(now + leases.lease),
            "renew": now + leases.renew,
            "unscheduled": now - UNSCHEDULED,
            "key": key,
            "after": after,
            "most": SLICE,
        },
    )
    return [_Due(**row) for row in rows]


async def _renewed(database: Database, due: Sequence[_Due], leases: Leases, now: Callable[[], datetime]) -> list[Fate]:
    """The rows as they are with their new date; those that somebody moved on meanwhile are left out."""
    targets = {item.clip_id: item.target for item in due}
    made = []
    async with database.transaction() as connection:
        for row in await lock_rows(connection, targets):
            until = _date(row, targets[row.clip_id], leases, now())
            if until == row.lease_end:
                made.append(row)  # not confirmed: the same locks again
            elif until is not None and await _made(connection, row, until):
                made.append(msgspec.structs.replace(row, lease_end=until))
    return made


def _date(row: Fate, target: datetime, leases: Leases, now: datetime) -> datetime | None:
    """Until when the row shall be leased; None: not at all."""
    until, current = whole_second(target), row.lease_end
    ends_soon = current is None or current < now + leases.renew
    if ends_soon and until > now and (current is None or until > current):
        return until
    unconfirmed = current is not None and current > now and row.lease_confirmed != current
    return current if unconfirmed else None


async def _made(connection: Connection, row: Fate, until: datetime) -> bool:
    try:
        await make_on(connection, RENEW_LEASE, row, given={"lease_end": until})
    except MoveRefused:
        return False  # its disposal was committed, or it is not stored any more
    return True


def _locked(vault: Vault, namespace: str, row: Fate) -> bool:
    """Lock every version until the row's date, and read it back. Called in a thread."""
    until = row.lease_end
    if until is None:
        raise AssertionError(f"{row.clip_id}: locked without a date")
    count = 0
    try:
        for prefix in places_of(namespace, row.clip_id):
            for version in vault.list_versions(prefix):
                if version.delete_marker:
                    continue
                count += 1
                try:
                    vault.extend_lock(version, until)
                except StillLocked:
                    log.debug("%s is locked for longer than %s", version.key, until)
                vault.assert_locked(version, version.size, until)
        if not count and row.standing != Standing.DAMAGED:
            raise NotAsWritten(f"{row.clip_id} is {row.standing} and nothing of it lies in the vault: bwv reconcile")
    except PassingFault:
        raise
    except BwvError as error:
        log.error("%s: not locked until %s: %s", row.clip_id, until, error)
        return False
    return True


async def _confirmed(database: Database, rows: Sequence[Fate]) -> int:
    seen, count = {row.clip_id: row for row in rows}, 0
    async with database.transaction() as connection:
        for row in await lock_rows(connection, seen):
            if row.lease_end != seen[row.clip_id].lease_end:
                continue
            try:
                await make_on(connection, CONFIRM_LEASE, row, given={"lease_confirmed": row.lease_end})
            except MoveRefused:
                continue  # committed meanwhile, its earlier lease being over
            count += 1
    return count


async def _late(database: Database, leases: Leases, now: datetime) -> int:
    asked = {"now": now, "soon": now + leases.renew / ALARM, "first": leases.first}
    row = await database.fetch_one(LATE, asked)
    return int(row["late"]) if row else 0
