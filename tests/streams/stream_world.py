"""What the tests of the streams look at and do: one namespace with its topics, processes and effects."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from local.forked import Zygote
from streams import messages as m
from streams.dead_letters import DeadLetter, list_letters
from streams.engine import admin
from streams.engine.publishing import Publisher
from streams.settings import Settings
from streams.topics import full_name
from workers.keys.signing import Signed

REPORT = Signed("{}", "dock:TEST", "none")
STAGES = "tests.streams.stream_stages"
IMPORTED = ("streams.engine.process", "streams.engine.delivery", "streams.engine.long_work", "streams.relay")
"""What the processes of `STAGES` need, imported once for all of them."""


async def eventually(
    holds: Callable[[], Any | Awaitable[Any]], what: str, within: float = 45.0, every: float = 0.05
) -> Any:
    """Wait until `holds()` is true; fail after `within` seconds."""
    end = time.monotonic() + within
    while True:
        found = holds()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {within:g} s: {what}")
        await asyncio.sleep(every)


@dataclass(frozen=True)
class Answer:
    status_code: int
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


class Process:
    """A stage in a process of its own, forked as on every machine that starts the whole stack (`local/zygote.py`)."""

    def __init__(self, zygote: Zygote, kind: str, settings: Settings, **environment: object) -> None:
        self.log = settings.home / f"{kind}-{time.monotonic_ns()}.log"
        names = ("namespace", "kafka", "database", "partitions", "replication", "session_timeout", "retry_most")
        names = (*names, "retry_first", "window", "at_once", "urgent_slots", "per_dock", "fault_limit", "fail")
        variables = {f"BWV_{name.upper()}": str(getattr(settings, name)) for name in names}
        variables |= {f"BWV_{name.upper()}": str(value) for name, value in environment.items()}
        self.child = zygote.fork(
            (sys.executable, "-m", STAGES, kind),
            log=self.log,
            cwd=settings.home,
            env=os.environ | variables | {"BWV_HOME": str(settings.home)},
        )

    def lives(self) -> bool:
        return self.child.exit_code() is None

    def signal(self, number: signal.Signals) -> None:
        self.child.identity.send(number)

    async def ends(self, within: float = 45.0) -> int:
        await eventually(lambda: not self.lives(), f"the end of {self.log.name}", within)
        return int(self.child.exit_code() or 0)

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)
        await self.ends()

    async def terminate(self) -> int:
        self.signal(signal.SIGTERM)
        return await self.ends()

    def said(self) -> str:
        return self.log.read_text()


class World:
    """One namespace."""

    def __init__(self, settings: Settings, zygote: Zygote) -> None:
        self.settings = settings
        self.zygote = zygote
        self.home = settings.home
        self.publisher = Publisher(settings.kafka, settings.namespace, "test")
        self.processes: list[Process] = []
        self._admin: AIOKafkaAdminClient | None = None

    def change(self, **values: object) -> None:
        self.settings = msgspec.structs.replace(self.settings, **values)

    async def topics(self, *names: str) -> None:
        await admin.apply(self.settings, names or None)
        await self.publisher.start()

    def start(self, kind: str, **environment: object) -> Process:
        process = Process(self.zygote, kind, self.settings, **environment)
        self.processes.append(process)
        return process

    async def end(self) -> None:
        for process in self.processes:
            process.child.end(10, signal.SIGKILL)
            print(process.log.name, "\n", process.said()[-3000:])  # shown when the test fails
        await self.publisher.stop()
        if self._admin is not None:
            await self._admin.close()

    # What goes in.

    async def send(self, topic: str, clips: Iterable[str], partition: int | None = None) -> None:
        await asyncio.gather(*[self.send_one(topic, clip, partition) for clip in clips])

    async def send_one(self, topic: str, clip: str, partition: int | None = None) -> None:
        message: m.Message = (
            m.ReceiptRequested(clip, "CAM-1", "r", REPORT)
            if topic == "receipts.requested"
            else m.ClipRegistered(clip, 1, REPORT, urgent=topic.endswith(".urgent"))
        )
        await self.send_raw(topic, clip.encode(), m.encode(message), partition=partition)

    async def send_raw(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        type_: str | None = None,
        partition: int | None = None,
    ) -> None:
        headers = [("ce_id", b"evt-test"), ("ce_type", (type_ or f"bwv.{topic}").encode())]
        await self.publisher.send(
            full_name(self.settings.namespace, topic), key=key, value=value, headers=headers, partition=partition
        )

    def touch(self, name: str) -> None:
        (self.home / name).touch()

    def remove(self, name: str) -> None:
        (self.home / name).unlink()

    # What comes out.

    def effects(self, what: str) -> list[str]:
        path = self.home / "effects.log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.split()[1] for line in lines if line.startswith(what + " ")]

    def done(self) -> set[str]:
        return set(self.effects("done"))

    def repeats(self) -> dict[str, int]:
        return {clip: count for clip, count in Counter(self.effects("done")).items() if count > 1}

    async def letters(self, stage: str) -> list[DeadLetter]:
        return await list_letters(self.settings, stage)

    async def committed(self, stage: str, topic: str) -> dict[int, int]:
        """Partition → committed offset."""
        if self._admin is None:
            self._admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka)
            await self._admin.start()
        try:
            offsets = await self._admin.list_consumer_group_offsets(full_name(self.settings.namespace, stage))
        except GroupCoordinatorNotAvailableError:
            return {}  # the first group of a new broker: its topic is being made
        name = full_name(self.settings.namespace, topic)
        return {place.partition: int(at.offset) for place, at in offsets.items() if place.topic == name}

    async def all_committed(self, stage: str, topic: str, count: int) -> bool:
        return sum((await self.committed(stage, topic)).values()) == count

    async def records(self, topic: str) -> list[Any]:
        """Everything on a topic, per partition in order."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.settings.kafka, enable_auto_commit=False)
        name = full_name(self.settings.namespace, topic)
        await consumer.start()
        try:
            count = next(topic.partitions for topic in admin.wanted(self.settings) if topic.name == name)
            places = [TopicPartition(name, partition) for partition in range(count)]
            consumer.assign(places)
            begins = await consumer.beginning_offsets(places)
            for place in places:
                consumer.seek(place, begins[place])
            ends, found = await consumer.end_offsets(places), []
            while sum(ends.values()) > len(found):
                for batch in (await consumer.getmany(timeout_ms=500)).values():
                    found += batch
            return found
        finally:
            await consumer.stop()

    async def health(self, stage: str, path: str) -> Answer | None:
        """Ask a stage's health port; None while nobody answers."""
        return await asyncio.to_thread(self._ask, stage, path)

    def _ask(self, stage: str, path: str) -> Answer | None:
        try:
            port = int((self.home / "health" / f"{stage}.port").read_text())
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                return Answer(response.status, response.read().decode())
            finally:
                connection.close()
        except (OSError, http.client.HTTPException):
            return None
