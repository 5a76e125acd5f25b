"""Publishing to Kafka: an event is published when the broker has confirmed it, and not before.

One idempotent producer a process, acks=all, linger 0 (a confirmed send with linger 5 ms makes 150 a second,
without it 2,000). A send that is under way is never cancelled: whoever waits may be, the send goes on, and
the same event may be sent again; its `ce_id` is the same, so a reader recognises the repeat.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka import errors as kafka

from streams.engine import tracing
from streams.topics import BY_NAME, full_name
from workers.errors import BrokerAway, BwvError, RuleBroken
from workers.fate.outbox import Event

log = logging.getLogger(__name__)

Headers = Sequence[tuple[str, bytes]]

MOST_BYTES = 2 << 20
"""Largest request: a dead letter carries the largest message and its reasons."""

_SPOILT = (
    kafka.OutOfOrderSequenceNumber,
    kafka.UnknownProducerId,
    kafka.InvalidProducerIdMapping,
    kafka.InvalidProducerEpoch,
    kafka.ProducerFenced,
    kafka.ProducerClosed,
)
"""After these the producer's sequence numbers are worth nothing: it stays stuck until it is made again."""

_TOO_LARGE = (kafka.MessageSizeTooLargeError, kafka.RecordTooLargeError, kafka.RecordListTooLargeError)


def type_of(topic: str) -> str:
    """The CloudEvents type of a topic's messages: `bwv.clips.secured`."""
    return f"bwv.{topic}"


def cloud_headers(namespace: str, event: Event, time: datetime | None = None) -> list[tuple[str, bytes]]:
    """CloudEvents 1.0 binary-mode headers of an event.

    Args:
        time: when it was decided; now, if it is published as it is decided.
    """
    carries = BY_NAME[event.topic].carries.__name__
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event.id.encode()),
        ("ce_type", type_of(event.topic).encode()),
        ("ce_source", f"/bwv/{namespace}/{event.source}".encode()),
        ("ce_subject", event.subject.encode()),
        ("ce_time", (time or datetime.now(UTC)).isoformat().encode()),
        ("ce_dataschema", f"schemas/{carries}.json".encode()),
        ("content-type", b"application/json"),
    ]
    if event.trace:
        headers.append((tracing.HEADER, event.trace.encode()))
    return headers


class Publisher:
    """Sends to one cluster on behalf of one namespace.

    Args:
        bootstrap: host:port.
        name: client id, for the broker's logs.
    """

    def __init__(self, bootstrap: str, namespace: str, name: str) -> None:
        self.namespace = namespace
        self._bootstrap = bootstrap
        self._name = name
        self._producer: AIOKafkaProducer | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._renewing = asyncio.Lock()

    async def start(self) -> None:
        """Connect; raises BrokerAway."""
        async with self._renewing:
            if self._producer is None:
                self._producer = await self._new_producer()

    async def stop(self, deadline: float = 10.0) -> None:
        """Wait for what is under way, then disconnect."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=deadline)
        async with self._renewing:
            producer, self._producer = self._producer, None
        if producer is not None:
            await _close(producer, deadline)

    async def publish(self, event: Event) -> None:
        """Send one event and return when the broker confirmed it.

        Raises:
            BrokerAway: it is unknown whether it arrived; send it again.
            RuleBroken: it can never be sent (too large).
        """
        await self.send(
            full_name(self.namespace, event.topic),
            key=event.key.encode(),
            value=event.body,
            headers=cloud_headers(self.namespace, event),
        )

    async def publish_all(self, events: Sequence[tuple[Event, datetime]]) -> list[BaseException | None]:
        """Send events with the time each was decided, all in flight together; in order per key.

        Returns:
            For each event None when the broker confirmed it, else what went wrong.
        """
        producer = await self._connected()
        confirmations: list[asyncio.Future[Any]] = []
        for event, time in events:
            try:
                confirmations.append(
                    await producer.send(
                        full_name(self.namespace, event.topic),
                        key=event.key.encode(),
                        value=event.body,
                        headers=cloud_headers(self.namespace, event, time),
                    )
                )
            except kafka.KafkaError as error:
                failed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
                failed.set_exception(error)
                confirmations.append(failed)
        results = await asyncio.gather(*confirmations, return_exceptions=True)
        if any(isinstance(result, _SPOILT) for result in results):
            await self._renew(producer)
        return [result if isinstance(result, BaseException) else None for result in results]

    async def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> None:
        """Send a record to a topic by its full name; the same promise as `publish`."""
        task = asyncio.ensure_future(self._send(topic, key, value, headers, partition))
        self._under_way.add(task)
        task.add_done_callback(self._finished)
        await asyncio.shield(task)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # nobody may be waiting any more; that is not worth a warning

    async def _send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers, partition: int | None
    ) -> None:
        producer = await self._connected()
        try:
            confirmation = await producer.send(topic, key=key, value=value, partition=partition, headers=list(headers))
            await confirmation
        except _SPOILT as error:
            await self._renew(producer)
            raise BrokerAway(f"Kafka refused {topic} out of order; the producer is made again: {error!r}") from error
        except _TOO_LARGE as error:
            raise RuleBroken(f"a record of {len(value or b'')} bytes is too large for {topic}") from error
        except kafka.KafkaError as error:
            raise BrokerAway(f"Kafka did not confirm a record for {topic}: {error!r}") from error

    async def _connected(self) -> AIOKafkaProducer:
        producer = self._producer
        if producer is None:
            await self.start()
            producer = self._producer
            assert producer is not None
        return producer

    async def _new_producer(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id=self._name,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=256 << 10,
            max_request_size=MOST_BYTES,
            request_timeout_ms=20_000,
        )
        try:
            await producer.start()
        except kafka.KafkaError as error:
            await _close(producer, 5.0)
            raise BrokerAway(f"Kafka does not answer at {self._bootstrap}: {error!r}") from error
        return producer

    async def _renew(self, spoilt: AIOKafkaProducer) -> None:
        async with self._renewing:
            if self._producer is not spoilt:
                return
            log.warning("making the producer again: its sequence numbers are spoilt")
            self._producer = None
        await _close(spoilt, 5.0)


async def _close(producer: AIOKafkaProducer, deadline: float) -> None:
    with contextlib.suppress(kafka.KafkaError, TimeoutError, BwvError):
        await asyncio.wait_for(producer.stop(), deadline)


def decoded(headers: Mapping[str, bytes | str] | Sequence[tuple[str, bytes | None]] | None) -> dict[str, str]:
    """Kafka headers as text; what is not UTF-8 keeps its place with replacement characters."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
    return {
        name: value if isinstance(value, str) else (value or b"").decode("utf-8", "replace") for name, value in pairs
    }
