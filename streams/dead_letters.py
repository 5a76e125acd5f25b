"""Dead letters: what can never succeed, kept with its original bytes, its headers and the reason.

One topic a stage, append-only, one partition. A letter is known by `<stage>/<partition>/<offset>`. Redriving
publishes the original bytes and headers to the topic they came from, confirmed, and then appends a marker that
names the letter: a letter with a marker is answered and no longer listed. A crash between the two redrives it
twice, which a stage must bear anyway. A message that was buried twice (a crash before its acknowledgement) is
one letter: the first.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka import errors as kafka
from msgspec import Struct

from streams.engine.publishing import Headers, Publisher, decoded
from streams.settings import Settings
from streams.topics import STAGES_WITH_DEAD_LETTERS, dead_letters_of, full_name, short_name
from workers.errors import PartUnreachable, RuleBroken

PREFIX = "bwv_"
REDRIVEN = "bwv_redriven"
MOST_REASON = 2000
"""Characters of a message or a trace that a letter carries."""


class Origin(Struct, frozen=True):
    """A message as it was read, whoever read it.

    Attributes:
        topic: full name.
        time: seconds since 1970, the broker's.
    """

    topic: str
    partition: int
    offset: int
    time: float
    key: bytes | None
    value: bytes | None
    headers: Headers


class DeadLetter(Struct, frozen=True):
    """One letter.

    Attributes:
        id: `<stage>/<partition>/<offset>` in the stage's dead-letter topic.
        error: class of the fault; `message` is fit for a person, `trace` only for a defect.
        origin: topic without the namespace, partition and offset the message came from.
    """

    id: str
    stage: str
    error: str
    message: str
    attempts: int
    origin_topic: str
    origin_partition: int
    origin_offset: int
    time: str
    trace: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


async def bury(
    publisher: Publisher, stage: str, origin: Origin, fault: BaseException, attempts: int, *, defect: bool
) -> None:
    """Publish a message to the stage's dead letters; returns when the broker confirmed it.

    Raises:
        BrokerAway, RuleBroken: it was not; the message must not be acknowledged.
    """
    trace = "".join(traceback.format_exception(fault))[-MOST_REASON:] if defect else ""
    reasons = {
        "error": type(fault).__name__,
        "message": str(fault)[:MOST_REASON],
        "stage": stage,
        "attempts": attempts,
        "origin_topic": short_name(publisher.namespace, origin.topic),
        "origin_partition": origin.partition,
        "origin_offset": origin.offset,
        "time": datetime.now(UTC).isoformat(),
        "trace": trace,
    }
    await publisher.send(
        full_name(publisher.namespace, dead_letters_of(stage)),
        key=origin.key,
        # A record needs a key or a value; the marker of absence is told apart by `bwv_empty`.
        value=origin.value if origin.value is not None else b"",
        headers=[
            *((name, value) for name, value in origin.headers if not name.startswith(PREFIX)),
            *((PREFIX + name, str(value).encode()) for name, value in reasons.items()),
            *([(PREFIX + "empty", b"1")] if origin.value is None else []),
        ],
    )


async def list_letters(settings: Settings, stage: str | None = None) -> list[DeadLetter]:
    """The letters that nobody has redriven, oldest first per stage.

    Args:
        stage: one stage; all, if None.

    Raises:
        PartUnreachable: Kafka does not answer.
    """
    stages = [stage] if stage is not None else list(STAGES_WITH_DEAD_LETTERS)
    letters: list[DeadLetter] = []
    async with _reader(settings) as consumer:
        for name in stages:
            letters += await _read(consumer, settings, name)
    return letters


async def show(settings: Settings, letter_id: str) -> DeadLetter:
    """One letter, redriven or not.

    Raises:
        RuleBroken: there is no such letter.
    """
    stage, partition, offset = _parsed(letter_id)
    topic = full_name(settings.namespace, dead_letters_of(stage))
    async with _reader(settings) as consumer:
        at = TopicPartition(topic, partition)
        if partition == 0 and topic in await consumer.topics():
            consumer.assign([at])
            begin = (await consumer.beginning_offsets([at]))[at]
            end = (await consumer.end_offsets([at]))[at]
            if begin <= offset < end:
                consumer.seek(at, offset)
                letter = _letter(stage, await consumer.getone(at))
                if letter is not None and letter.id == letter_id:
                    return letter
    raise RuleBroken(f"there is no dead letter {letter_id}: `bwv dead-letters list` names those there are")


async def redrive(settings: Settings, letter_id: str) -> DeadLetter:
    """Publish a letter's original bytes and headers to the topic they came from, and mark it as redriven.

    Raises:
        RuleBroken: there is no such letter, or it was redriven before.
    """
    stage, partition, _ = _parsed(letter_id)
    letter = await show(settings, letter_id)
    if letter_id not in {open_letter.id for open_letter in await list_letters(settings, stage)}:
        raise RuleBroken(f"{letter_id} was redriven before, or is the repeat of an older letter")
    publisher = Publisher(settings.kafka, settings.namespace, "bwv-dead-letters")
    await publisher.start()
    try:
        await publisher.send(
            full_name(settings.namespace, letter.origin_topic),
            key=letter.key,
            value=letter.value,
            headers=letter.headers,
            # Without a key nothing else would bring it to the reader that knows its place.
            partition=letter.origin_partition if letter.key is None else None,
        )
        await publisher.send(
            full_name(settings.namespace, dead_letters_of(stage)),
            key=letter_id.encode(),
            value=b"",
            headers=[
                (REDRIVEN, letter_id.encode()),
                (PREFIX + "time", datetime.now(UTC).isoformat().encode()),
            ],
            partition=partition,
        )
    finally:
        await publisher.stop()
    return letter


async def _read(consumer: AIOKafkaConsumer, settings: Settings, stage: str) -> list[DeadLetter]:
    topic = full_name(settings.namespace, dead_letters_of(stage))
    if topic not in await consumer.topics():
        return []
    place = TopicPartition(topic, 0)
    consumer.assign([place])
    consumer.seek(place, (await consumer.beginning_offsets([place]))[place])
    end = (await consumer.end_offsets([place]))[place]
    letters: dict[tuple[str, int, int], DeadLetter] = {}
    redriven: set[str] = set()
    while await consumer.position(place) < end:
        for records in (await consumer.getmany(timeout_ms=500)).values():
            for record in records:
                marker = decoded(record.headers).get(REDRIVEN)
                if marker is not None:
                    redriven.add(marker)
                letter = _letter(stage, record) if marker is None else None
                if letter is not None:
                    origin = letter.origin_topic, letter.origin_partition, letter.origin_offset
                    letters.setdefault(origin, letter)
    return [letter for letter in letters.values() if letter.id not in redriven]


def _letter(stage: str, record: object) -> DeadLetter | None:
    told = decoded(record.headers)  # type: ignore[attr-defined]
    if REDRIVEN in told or PREFIX + "origin_topic" not in told:
        return None

    def reason(name: str) -> str:
        return told.get(PREFIX + name, "")

    return DeadLetter(
        id=f"{stage}/{record.partition}/{record.offset}",  # type: ignore[attr-defined]
        stage=reason("stage"),
        error=reason("error"),
        message=reason("message"),
        attempts=int(reason("attempts") or 0),
        origin_topic=reason("origin_topic"),
        origin_partition=int(reason("origin_partition") or 0),
        origin_offset=int(reason("origin_offset") or 0),
        time=reason("time"),
        trace=reason("trace"),
        key=record.key,  # type: ignore[attr-defined]
        value=None if reason("empty") else record.value,  # type: ignore[attr-defined]
        headers=tuple(
            (name, value)
            for name, value in record.headers  # type: ignore[attr-defined]
            if not name.startswith(PREFIX)
        ),
    )


def _parsed(letter_id: str) -> tuple[str, int, int]:
    parts = letter_id.split("/")
    if len(parts) != 3 or not parts[1].isdecimal() or not parts[2].isdecimal():
        raise RuleBroken(f"{letter_id!r} is not a dead letter's id: expected <stage>/<partition>/<offset>")
    return parts[0], int(parts[1]), int(parts[2])


@contextlib.asynccontextmanager
async def _reader(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        # A broker answers one connection in order: questions wait behind a fetch that finds nothing.
        fetch_max_wait_ms=10,
    )
    try:
        await asyncio.wait_for(consumer.start(), 15)
        yield consumer
    except (kafka.KafkaError, TimeoutError) as error:
        raise PartUnreachable(
            f"Kafka does not answer at {settings.kafka}: {error!r}; is it running? (bwv status, bwv up)"
        ) from error
    finally:
        await consumer.stop()
