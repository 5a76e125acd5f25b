"""Ask the servers and the kernel, and wait for what is to come true."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

TOPIC = "letters"


def until(holds: Callable[[], bool], deadline: float = 30) -> None:
    """Wait for a condition; fail when it does not come true in time."""
    end = time.monotonic() + deadline
    while not holds():
        assert time.monotonic() < end, "the condition did not come true in time"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """True when no process, or only the shell of one, has this pid."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


async def make_topic(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        answer = await admin.create_topics([NewTopic(TOPIC, 1, 1)])
        assert answer.topic_errors[0][1] == 0
    finally:
        await admin.close()


async def send(bootstrap: str, letter: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    try:
        await producer.start()
        await producer.send_and_wait(TOPIC, letter)
    finally:
        await producer.stop()


async def first_letter(bootstrap: str) -> bytes | None:
    consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    try:
        await consumer.start()
        value: bytes | None = (await consumer.getone()).value
        return value
    finally:
        await consumer.stop()
