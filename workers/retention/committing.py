"""The commit of a disposal: the point of no return, decided once more under the one guard row.

In the transaction that commits, the policy in force and the standing holds cannot change (their transactions take
the guard row FOR UPDATE), nor can the row. What the store says of its locks is looked up before, since a lock that
is over cannot come back unless its date stands in the row first. A clip that may not go yet waits, for a
reason that is counted and can be shown; one whose time has not come after all leaves the bin.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, Database, execute, fetch
from workers.failpoints import reach
from workers.fate.moves import COMMIT, WITHDRAW, CameraCopy, Disposal
from workers.fate.row import FATE_COLUMNS, Fate, lock_rows, make_on
from workers.retention.decision import Expire, Plan
from workers.retention.facts import EarlyDisposal, Reviewed, Verdict
from workers.retention.intent import Tells, decided
from workers.retention.policies import current
from workers.retention.policy import Policy
from workers.retention.schedule import reschedule
from workers.retention.standing import holds_over
from workers.vault.keys import places_of
from workers.vault.vault import Vault

SLICE = 100
"""Rows that are decided and moved in one transaction, after their locks were looked at together."""

THREADS = 16
"""Requests at once; a vault keeps as many connections."""

REMEMBERED = 100_000
"""Clips of which the end of a lock is remembered, so that it is not asked for in every round."""

BIN = (
    f"SELECT {FATE_COLUMNS} FROM clip_fate WHERE disposal = 'intended' AND dispose_from <= %(now)s"
    " AND (dispose_from, clip_id) > (%(after)s, %(clip)s) ORDER BY dispose_from, clip_id LIMIT %(most)s"
)
LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


class For(StrEnum):
    """What a clip in the bin waits for."""

    TIME = "time in the bin"
    HOLD = "hold"
    CAMERA = "camera copy"
    LEASE = "lease"
    LOCK = "lock"


class Wait(Struct, frozen=True):
    """Why a clip in the bin is not disposed of yet.

    Attributes:
        says: for a person.
    """

    reason: For
    says: str


class Committed(Struct, frozen=True):
    """What became of the clips in the bin whose time had come.

    Attributes:
        withdrawn: out of the bin again.
        waiting: what the others wait for.
    """

    committed: int = 0
    withdrawn: int = 0
    waiting: Mapping[str, int] = {}


def waits_for(fate: Fate, plan: Plan, policy: Policy, now: datetime) -> Wait | None:
    """What a clip in the bin still waits for, as far as its row tells; None if nothing.

    Args:
        plan: under the policy in force, which may be another one than put it into the bin: the later date counts.
    """
    if fate.held:
        return Wait(For.HOLD, f"it is under hold: {', '.join(fate.hold_reasons)}")
    began = fate.intended_at or now
    ready = max(fate.dispose_from or now, plan.dispose_from or now, began + policy.bin)
    if ready > now:
        return Wait(For.TIME, f"it lies in the bin until {ready:%Y-%m-%d %H:%M:%SZ}")
    if fate.camera_copy != CameraCopy.WIPED and not _person_decided(fate):
        return Wait(
            For.CAMERA, f"the camera's copy is {fate.camera_copy}, not wiped, and nobody decided that it may go"
        )
    if fate.lease_end is not None and fate.lease_end > now:
        return Wait(For.LEASE, f"it waits for the end of its lease, {fate.lease_end:%Y-%m-%d %H:%M:%SZ}")
    return None


def _person_decided(fate: Fate) -> bool:
    """Whether a person decided about these very bytes: of a quarantine, a review, or an early disposal."""
    return fate.decision is not None or any(
        isinstance(fact, EarlyDisposal) or (isinstance(fact, Reviewed) and fact.verdict is Verdict.DISPOSE)
        for fact in fate.facts
    )


def locked_until(vault: Vault, namespace: str, clip_id: str) -> datetime | None:
    """End of the longest lock on anything of a clip, by the store's clock; None if none is in force.

    A legal hold is no lock here: it comes off in disposal alone, after the commit.
    """
    ends = []
    for prefix in places_of(namespace, clip_id):
        for version in vault.list_versions(prefix):
            head = None if version.delete_marker else vault.head(version.key, version.version_id)
            if head is not None and head.lock.until is not None and head.lock.until > head.store_time:
                ends.append(head.lock.until)
    return max(ends, default=None)


class Committing:
    """Commits what has lain in the bin for long enough. See `workers.retention.sweeping.Sweep` for the arguments."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        tells: Tells,
        *,
        namespace: str,
        now: Callable[[], datetime],
        stop: Callable[[], bool],
    ) -> None:
        self._database = database
        self._locked_until = partial(locked_until, vault, namespace)
        self._tells = tells
        self._now = now
        self._stop = stop
        self._locks: dict[str, datetime] = {}
        self._says: dict[str, str] = {}

    async def any_due(self) -> bool:
        """Whether the time of anything in the bin has come."""
        asked = {"now": self._now(), "after": LONG_AGO, "clip": "", "most": 1}
        return bool(await self._database.fetch(BIN, asked))

    async def round(self) -> Committed:
        """Go through the bin once."""
        began, counts = self._now(), Counter[str]()
        self._locks = {clip: until for clip, until in self._locks.items() if until > began}
        after, clip = LONG_AGO, ""
        with ThreadPoolExecutor(THREADS, "locks") as threads:
            while not self._stop():
                asked = {"now": began, "after": after, "clip": clip, "most": SLICE}
                rows = [msgspec.convert(row, Fate) for row in await self._database.fetch(BIN, asked)]
                if not rows:
                    break
                after, clip = rows[-1].dispose_from or began, rows[-1].clip_id
                await self._some(rows, threads, counts)
        committed, withdrawn = counts.pop(COMMIT.name, 0), counts.pop(WITHDRAW.name, 0)
        return Committed(committed, withdrawn, counts)

    async def _some(self, rows: Sequence[Fate], threads: ThreadPoolExecutor, counts: Counter[str]) -> None:
        """Look at the locks of what may go, then decide and move in one transaction."""
        async with self._database.connection() as connection:
            policy = await current(connection)
        if policy is None:
            return
        chosen, unlocked = list[str](), list[str]()
        for fate in rows:
            decision = decided(fate, policy, self._now())
            if not isinstance(decision, Expire):
                chosen.append(fate.clip_id)
            elif (wait := waits_for(fate, decision.plan, policy, self._now())) is not None:
                self._waits(fate.clip_id, wait, counts)
            elif fate.clip_id in self._locks:
                counts[For.LOCK] += 1
            else:
                unlocked.append(fate.clip_id)
        loop = asyncio.get_running_loop()
        ends = await asyncio.gather(*(loop.run_in_executor(threads, self._locked_until, clip) for clip in unlocked))
        for clip_id, until in zip(unlocked, ends, strict=True):
            if until is None:
                chosen.append(clip_id)
                continue
            says = f"it waits for the store's lock, until {until:%Y-%m-%d %H:%M:%SZ}; a lock cannot be shortened"
            self._waits(clip_id, Wait(For.LOCK, says), counts)
            if len(self._locks) < REMEMBERED:
                self._locks[clip_id] = until
        if chosen:
            reach("sweep.before_commit")
            async with self._database.transaction() as connection:
                await self._decide(connection, chosen, frozenset(unlocked), counts)
            reach("sweep.after_commit")
        await self._show()

    def _waits(self, clip_id: str, wait: Wait, counts: Counter[str]) -> None:
        counts[wait.reason] += 1
        self._says[clip_id] = wait.says

    async def _show(self) -> None:
        """Write down for people what clips wait for; rows that say so already are not touched."""
        clips, says = list(self._says), list(self._says.values())
        self._says = {}
        if clips:
            await self._database.execute(
                "UPDATE schedule s SET waits = w.says FROM unnest(%s::text[], %s::text[]) AS w (clip_id, says)"
                " WHERE s.clip_id = w.clip_id AND s.waits IS DISTINCT FROM w.says",
                (clips, says),
            )

    async def _decide(
        self, connection: Connection, clips: Sequence[str], unlocked: frozenset[str], counts: Counter[str]
    ) -> None:
        """Commit or withdraw each; whatever changed since it was looked at counts as it is now."""
        await execute(connection, "SELECT one FROM guard FOR SHARE")
        policy = await current(connection)
        if policy is None:
            return
        standing = await any_standing(connection)
        withdrawn = list[str]()
        for fate in await lock_rows(connection, clips):
            if fate.disposal != Disposal.INTENDED:
                continue
            now = self._now()
            decision = decided(fate, policy, now)
            holds = await holds_over(connection, fate) if standing else []
            if holds or not isinstance(decision, Expire):
                why = f"it falls under {', '.join(holds)}" if holds else f"decided again: {decision.reasons[0].says}"
                await make_on(connection, WITHDRAW, fate, events=[self._tells.withdrawn(fate, why)])
                withdrawn.append(fate.clip_id)
                counts[WITHDRAW.name] += 1
            elif (wait := waits_for(fate, decision.plan, policy, now)) is not None:
                self._waits(fate.clip_id, wait, counts)
            elif fate.clip_id in unlocked:
                await make_on(connection, COMMIT, fate, events=[self._tells.committed(fate, decision, now)])
                counts[COMMIT.name] += 1
        await reschedule(connection, withdrawn, policy)


async def any_standing(connection: Connection) -> bool:
    """Whether any standing hold is in force; under the guard row no other can come before the commit."""
    rows = await fetch(
        connection, "SELECT EXISTS (SELECT FROM holds WHERE scope <> 'clip' AND lifted_at IS NULL) AS found"
    )
    return bool(rows[0]["found"])
