"""The only place that makes a faust.App, and what is changed in Faust so that it loses nothing.

Faust 0.15.3 acknowledges whatever its stream generator leaves: a message whose body raised, one that was
cancelled, and with concurrency 2 everything behind an unfinished head. Here the offset that is committed does
not come from those acknowledgements: it is what `App.finish` was told. Nothing that Faust unwinds can be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.engine.member import heartbeat
from streams.settings import Settings
from streams.topics import full_name

REBALANCE_TIMEOUT = 60.0
"""Seconds that the group waits for a member. One message must end in less than a third of it."""

Place = tuple[str, int]
"""Topic by its full name, and partition."""


class Consumer(driver.Consumer):
    """Commits what the guard finished, and nothing else."""

    app: App

    def _new_offset(self, tp: TP) -> int | None:
        # Faust's own list is emptied: an offset that stays in its index is never taken out of the set of
        # unacknowledged messages again, and a rebalance would wait for it for ever.
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        self._gap[tp].clear()
        return self.app.finished.get(tp)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        accepted = bool(await super()._commit(offsets))
        self.app.committed(accepted)
        return accepted


class Producer(driver.Producer):
    """Faust makes its producer idempotent for exactly-once only. Stages publish through `Publisher`; this one
    is started by Faust all the same."""

    def _settings_extra(self) -> dict[str, Any]:
        return {"acks": "all", "enable_idempotence": True}


class Transport(driver.Transport):
    """Faust's Kafka transport with the two classes above."""

    Consumer = Consumer
    Producer = Producer


class App(faust.App):
    """One application, which is one consumer group.

    Attributes:
        finished: next offset to be read for each place, as far as the guard has finished.
        committed: called after each commit with whether the broker accepted it.
        rearranging: called with True when the group begins to give partitions away, with False when it is done.
        assigned: called when this member has its partitions.
    """

    finished: dict[Place, int]
    committed: Callable[[bool], None]
    rearranging: Callable[[bool], None]
    assigned: Callable[[], None]

    def finish(self, topic: str, partition: int, offset: int) -> None:
        """This message may be acknowledged; the ones before it in its partition were finished before it."""
        self.finished[topic, partition] = offset + 1

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> Transport:
        return Transport(self.conf.broker_producer, self)

    def on_rebalance_start(self) -> None:
        """Called in the consumer's thread, as early as Faust knows."""
        super().on_rebalance_start()
        self.loop.call_soon_threadsafe(self.rearranging, True)

    def on_rebalance_end(self) -> None:
        """The partitions are given out again."""
        super().on_rebalance_end()
        self.loop.call_soon_threadsafe(self.rearranging, False)

    async def _on_partitions_assigned(self, assigned: Any, generation_id: int = 0) -> None:
        await super()._on_partitions_assigned(assigned, generation_id)
        self.assigned()


def create_app(stage: str, settings: Settings, member: str) -> App:
    """Make the App of a short stage.

    Args:
        member: static member id; a restart takes its partitions back at once.
    """
    name = full_name(settings.namespace, stage)
    folder = Path(settings.home) / "faust" / name
    folder.mkdir(parents=True, exist_ok=True)  # Faust's own mkdir makes no parents and crashes
    app = App(
        name,
        broker=f"kafka://{settings.kafka}",
        datadir=str(folder),
        store="memory://",
        web_enabled=False,
        autodiscover=False,
        key_serializer="raw",
        value_serializer="raw",
        topic_allow_declare=False,  # it would create topics with one replica
        topic_disable_leader=True,
        table_standby_replicas=0,
        processing_guarantee="at_least_once",
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=member,
        stream_wait_empty=True,
        stream_buffer_maxsize=1024,
        broker_max_poll_records=100,  # more than a fifth of the buffer starves the other topics
        broker_max_poll_interval=86_400.0,
        broker_session_timeout=settings.session_timeout,
        broker_heartbeat_interval=heartbeat(settings),
        broker_rebalance_timeout=REBALANCE_TIMEOUT,
        broker_commit_interval=1.0,
        producer_linger=0.0,
        producer_acks=-1,
        worker_redirect_stdouts=False,
    )
    app.finished = {}
    return app
