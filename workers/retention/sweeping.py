"""A round of the sweep: what falls due, into the bin, from the bin to its commit, and to a person's review.

    breaker   nothing goes while records may be incomplete, or when more is due than the budget allows
    intend    the row is locked, `decide` asked again, and only Expire without a hold goes into the bin
    commit    see committing.py
    reviews   the end of a long period opens a review; no timer ever decides one

The schedule says where to look, the row says what is true: a plan that turns out stale is written again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, Database, execute
from workers.failpoints import reach
from workers.fate.moves import INTEND
from workers.fate.row import Fate, announce, lock_rows, make_on
from workers.keys.signing import EnrolledKey
from workers.retention.breaker import Ends, Stop, hindrance
from workers.retention.budget import DUE, SETTLED, Grant, count_due, count_intended, granted, stand_still
from workers.retention.committing import Committed, Committing, any_standing
from workers.retention.decision import Expire, Review
from workers.retention.intent import Tells, decided, intent_of, stored
from workers.retention.policies import current
from workers.retention.policy import Policy
from workers.retention.schedule import reschedule
from workers.retention.standing import holds_over
from workers.vault.vault import Vault

SLICE = 100
"""Rows that are decided and moved in one transaction."""

REVIEWS = (
    "SELECT s.clip_id, s.review_from AS due_from FROM schedule s WHERE s.review_from <= %(until)s AND NOT s.held"
    " AND NOT EXISTS (SELECT FROM reviews r WHERE r.clip_id = s.clip_id"
    " AND (r.due_at = s.review_from OR r.decided_at IS NULL))"
    " AND (s.review_from, s.clip_id) > (%(after)s, %(clip)s) ORDER BY s.review_from, s.clip_id LIMIT %(most)s"
)
LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


class Swept(Struct, frozen=True, kw_only=True):
    """What a round did.

    Attributes:
        due: clips whose time had come and that were not in the bin.
        stopped: why nothing went, if something should have.
        committed: what became of the bin.
    """

    reviews: int = 0
    due: int = 0
    intended: int = 0
    stopped: Stop | None = None
    committed: Committed = Committed()


class Sweep:
    """Rounds over the schedule and the bin of one namespace.

    Args:
        vault: of a role that may list versions and see locks.
        tells: makes the events.
        ends: where the recorded topics end now.
        reconciler: public key of the reconciling service; None: after a rebuild nothing goes.
        stop: asked between two slices.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        tells: Tells,
        *,
        namespace: str,
        ends: Ends,
        reconciler: EnrolledKey | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._tells = tells
        self._namespace = namespace
        self._ends = ends
        self._reconciler = reconciler
        self._now = now
        self._stop = stop
        self._committing = Committing(database, vault, tells, namespace=namespace, now=now, stop=stop)

    async def round(self) -> Swept:
        """Do what is due; without a policy nothing is.

        Raises:
            DatabaseAway, StoreAway, BrokerAway: begin again; each slice is decided anew.
        """
        began = self._now()
        async with self._database.connection() as connection:
            policy = await current(connection)
        if policy is None:
            return Swept()
        swept = await self._dispose(policy, began)
        return msgspec.structs.replace(swept, reviews=await self._reviews(began))

    async def _dispose(self, policy: Policy, began: datetime) -> Swept:
        """What is due goes into the bin, and what has lain there is committed, unless something forbids it."""
        due = await self._due(began)
        if not due and not await self._committing.any_due():
            return Swept()
        stop = await hindrance(
            self._database,
            self._ends,
            namespace=self._namespace,
            reconciler=self._reconciler,
            given_up=self._stop,
        )
        if stop is not None:
            await self._stand_still(policy, due, stop, began)
            return Swept(due=due, stopped=stop)
        grant = await self._granted(policy, due, began)
        intended = 0 if isinstance(grant, Stop) else await self._intend(grant)
        return Swept(
            due=due,
            intended=intended,
            stopped=grant if isinstance(grant, Stop) else None,
            committed=await self._committing.round(),
        )

    # -- the breaker ---------------------------------------------------------------------------------------

    async def _stand_still(self, policy: Policy, due: int, stop: Stop, now: datetime) -> None:
        async with self._database.transaction() as connection:
            await stand_still(connection, policy, due, stop, now, namespace=self._namespace, tells=self._tells)

    async def _granted(self, policy: Policy, due: int, now: datetime) -> Grant | Stop:
        async with self._database.transaction() as connection:
            return await granted(connection, policy, due, now, namespace=self._namespace, tells=self._tells)

    # -- into the bin --------------------------------------------------------------------------------------

    async def _due(self, until: datetime) -> int:
        async with self._database.connection() as connection:
            return await count_due(connection, until)

    async def _intend(self, grant: Grant) -> int:
        intended, after, clip = 0, LONG_AGO, ""
        while intended < grant.most and not self._stop():
            rows = await self._database.fetch(
                f"SELECT s.clip_id, s.intend_from {DUE} AND (s.intend_from, s.clip_id) > (%(after)s, %(clip)s)"
                " ORDER BY s.intend_from, s.clip_id LIMIT %(most)s",
                {
                    "until": grant.until,
                    "settled": SETTLED,
                    "after": after,
                    "clip": clip,
                    "most": min(SLICE, grant.most - intended),
                },
            )
            if not rows:
                break
            after, clip = rows[-1]["intend_from"], rows[-1]["clip_id"]
            reach("sweep.before_intend")
            async with self._database.transaction() as connection:
                intended += await self._intend_some(connection, grant, [row["clip_id"] for row in rows])
            reach("sweep.after_intend")
        return intended

    async def _intend_some(self, connection: Connection, grant: Grant, clips: Sequence[str]) -> int:
        policy = await current(connection)
        if policy is None:
            return 0
        standing, moved, stale = await any_standing(connection), 0, list[str]()
        for fate in await lock_rows(connection, clips):
            expired = decided(fate, policy, self._now())
            if not isinstance(expired, Expire):
                stale.append(fate.clip_id)
            elif _may_enter(fate) and not (standing and await holds_over(connection, fate)):
                await self._enter(connection, fate, expired, policy, grant)
                moved += 1
        await reschedule(connection, stale, policy)
        if moved:
            await count_intended(connection, policy, grant, moved)
        return moved

    async def _enter(self, connection: Connection, fate: Fate, expired: Expire, policy: Policy, grant: Grant) -> None:
        at = self._now()
        intent, dispose_from = intent_of(expired, policy, grant.sweep_id, at)
        await make_on(
            connection,
            INTEND,
            fate,
            given={"intended_at": at, "intent": stored(intent), "dispose_from": dispose_from},
            events=[self._tells.intended(fate.clip_id, intent)],
        )

    # -- reviews -------------------------------------------------------------------------------------------

    async def _reviews(self, until: datetime) -> int:
        opened, after, clip = 0, LONG_AGO, ""
        while not self._stop():
            asked = {"until": until, "after": after, "clip": clip, "most": SLICE}
            rows = await self._database.fetch(REVIEWS, asked)
            if not rows:
                break
            after, clip = rows[-1]["due_from"], rows[-1]["clip_id"]
            async with self._database.transaction() as connection:
                policy = await current(connection)
                if policy is not None:
                    opened += await self._open_reviews(connection, policy, [row["clip_id"] for row in rows])
        return opened

    async def _open_reviews(self, connection: Connection, policy: Policy, clips: Sequence[str]) -> int:
        opened, stale = 0, list[str]()
        for fate in await lock_rows(connection, clips):
            review = decided(fate, policy, self._now())
            due_at = review.plan.review_from
            if not isinstance(review, Review) or due_at is None or review.plan.held:
                stale.append(fate.clip_id)
                continue
            plan = review.plan
            inserted = await execute(
                connection,
                "INSERT INTO reviews (clip_id, due_at, policy, category, rule, opened_at) VALUES (%s, %s, %s, %s, %s,"
                " %s) ON CONFLICT DO NOTHING",
                (fate.clip_id, due_at, plan.policy, plan.category, plan.rule, self._now()),
            )
            if not inserted:
                stale.append(fate.clip_id)
                continue
            opened += 1
            await announce(connection, [self._tells.review_due(fate.clip_id, due_at, review)])
        await reschedule(connection, stale, policy)
        return opened


def _may_enter(fate: Fate) -> bool:
    return fate.disposal is None and not fate.held
