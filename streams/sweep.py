"""sweep: by the clock, whatever falls due: reviews, the bin, and the commit of disposals.

    by the clock   reviews.due          the end of a long period: a person decides
                   INTEND, disposals.intended      a clip's time has come: it is in the bin
                   COMMIT, disposals.committed     decided once more, and for good
                   WITHDRAW, disposals.cancelled   decided once more, and not after all
                   sweeps.stopped       more than usual is due, or records may be incomplete

It deletes nothing: disposal does, once the broker has confirmed the commit. Every decision is made under the lock of
the clip's row, from the row; the schedule only says where to look.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.engine import admin
from streams.engine.clockwork import by_the_clock
from streams.engine.health import Health
from streams.messages import DisposalCancelled, DisposalCommitted, DisposalIntended, ReviewDue, SweepStopped, event
from streams.settings import Settings
from streams.topics import TOPICS, short_name
from streams.vaults import open_vault
from workers.database.engine import Database
from workers.errors import BrokerAway
from workers.fate.outbox import Event
from workers.fate.row import Fate
from workers.keys.keyring import load_public
from workers.keys.signing import EnrolledKey
from workers.keys.statements import now_iso
from workers.retention.breaker import Cause
from workers.retention.committing import For
from workers.retention.decision import Expire, Review
from workers.retention.intent import Intent, sentences
from workers.retention.sweeping import Sweep as Work
from workers.retention.sweeping import Swept

log = logging.getLogger(__name__)

NAME = "sweep"
EYES = "lease"
"""The store's role that lists versions and sees locks, and can neither write nor delete."""


async def serve(settings: Settings, health: Health, stopping: asyncio.Event) -> None:
    """Sweep until `stopping` is set. Waits while a part is away."""
    sweep = Sweep(settings, health, stopping)
    try:
        await by_the_clock(NAME, settings, health, stopping, sweep)
    finally:
        await sweep.close()


class Sweep:
    """Rounds of the sweep, with what they found in the metrics."""

    def __init__(self, settings: Settings, health: Health, stopping: asyncio.Event) -> None:
        self._settings = settings
        self._health = health
        self._stopping = stopping
        self._vault = open_vault(settings, EYES)
        self._ends = Ends(settings)
        self._work: Work | None = None
        self._database: Database | None = None

    async def close(self) -> None:
        """Give back what is open."""
        self._vault.close()
        await self._ends.close()

    async def round(self, database: Database) -> float:
        """Do what is due; see `streams.engine.clockwork.Rounds`."""
        if self._work is None or database is not self._database:
            self._database, self._work = database, self._made(database)
        with self._health.working():
            swept = await self._work.round()
        self._show(swept)
        self._health.progressed()
        return self._settings.sweep_every

    def _made(self, database: Database) -> Work:
        return Work(
            database,
            self._vault,
            Told(self._settings.origin),
            namespace=self._settings.namespace,
            ends=self._ends.read,
            reconciler=_reconciler(self._settings),
            stop=self._stopping.is_set,
        )

    def _show(self, swept: Swept) -> None:
        done, health = swept.committed, self._health
        health.intended.inc(swept.intended)
        health.committed.inc(done.committed)
        for cause in Cause:
            stopped = swept.stopped is not None and swept.stopped.cause is cause
            health.sweep_stopped.labels(NAME, cause.value).set(stopped)
        for reason in For:
            health.sweep_waiting.labels(NAME, reason.value).set(done.waiting.get(reason, 0))
        if swept.stopped is not None:
            log.warning("stands still: %s", swept.stopped.says)
        if swept.reviews or swept.intended or done.committed or done.withdrawn:
            waiting = ", ".join(f"{count} for their {reason}" for reason, count in done.waiting.items()) or "none"
            log.info(
                "%d reviews opened, %d of %d due into the bin, %d committed, %d withdrawn; waiting: %s",
                *(swept.reviews, swept.intended, swept.due, done.committed, done.withdrawn, waiting),
            )


class Ends:
    """Where the recorded topics end now; the connection is kept from round to round."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None

    async def read(self) -> dict[tuple[str, int], int]:
        """(topic, partition) → next offset.

        Raises:
            BrokerAway: Kafka does not answer.
        """
        recorded = [topic.name for topic in TOPICS if topic.recorded]
        partitions = [
            TopicPartition(topic.name, number)
            for topic in admin.wanted(self._settings, recorded)
            for number in range(topic.partitions)
        ]
        try:
            ends = await (await self._open()).end_offsets(partitions)
        except KafkaError as error:
            await self.close()
            raise BrokerAway(f"Kafka does not answer at {self._settings.kafka}: {error!r}") from error
        return {
            (short_name(self._settings.namespace, place.topic), place.partition): end for place, end in ends.items()
        }

    async def close(self) -> None:
        """Close the connection."""
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await consumer.stop()

    async def _open(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(
                bootstrap_servers=self._settings.kafka, group_id=None, enable_auto_commit=False
            )
            await self._consumer.start()
        return self._consumer


class Told:
    """Makes the sweep's events; see `workers.retention.intent.Tells`."""

    def __init__(self, origin: str) -> None:
        self._origin = origin

    def review_due(self, clip_id: str, due_at: datetime, review: Review) -> Event:
        """A person has to decide."""
        plan, due = review.plan, now_iso(due_at)
        told = ReviewDue(clip_id, due, plan.policy, plan.category, plan.rule, sentences(review.reasons))
        return _about("reviews.due", told, clip_id, due)

    def intended(self, clip_id: str, intent: Intent) -> Event:
        """A clip is in the bin."""
        told = DisposalIntended(clip_id=clip_id, **msgspec.structs.asdict(intent))
        return _about("disposals.intended", told, clip_id, intent.intended_at)

    def withdrawn(self, fate: Fate, reason: str) -> Event:
        """A clip is out of the bin again."""
        return _about("disposals.cancelled", DisposalCancelled(fate.clip_id, reason), fate.clip_id, _intended_at(fate))

    def committed(self, fate: Fate, expired: Expire, at: datetime) -> Event:
        """A disposal is decided for good."""
        told = DisposalCommitted(
            clip_id=fate.clip_id,
            camera=fate.camera,
            recording=fate.recording,
            report=fate.report,
            policy=expired.plan.policy,
            category=expired.plan.category,
            rule=expired.plan.rule,
            reasons=sentences(expired.reasons),
            intended_at=_intended_at(fate),
            committed_at=now_iso(at),
            receipt=fate.receipt,
        )
        return _about("disposals.committed", told, fate.clip_id, told.intended_at)

    def stopped(self, sweep_id: str, policy: int, due: int, reason: str) -> Event:
        """A sweep stopped."""
        told = SweepStopped(sweep_id, policy, due, reason)
        return event("sweeps.stopped", told, key=self._origin, subject=sweep_id, source=NAME, cause=(sweep_id,))


def _about(
    topic: str, told: ReviewDue | DisposalIntended | DisposalCancelled | DisposalCommitted, clip: str, when: str
) -> Event:
    """An event about one clip; when it fell due or came into the bin tells two of a kind apart."""
    return event(topic, told, key=clip, subject=clip, source=NAME, cause=(clip, when))


def _intended_at(fate: Fate) -> str:
    if fate.intended_at is None:
        raise AssertionError(f"{fate.clip_id} is not in the bin")
    return now_iso(fate.intended_at)


def _reconciler(settings: Settings) -> EnrolledKey | None:
    """The public key by which `bwv reconcile` signs; without it nothing goes after a rebuild."""
    file = settings.keys / "service" / "reconcile.pub"
    return load_public(file) if file.exists() else None
