"""What ties a dock agent to its machine: Kafka's answers, the port that stays, the file that people read."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka import errors as kafka

from streams.engine import tracing
from streams.engine.health import Health
from streams.engine.publishing import Publisher
from streams.engine.waiting import Waiting, pause
from streams.messages import Message, decode
from streams.settings import Settings
from streams.topics import BY_NAME, full_name, short_name
from workers.dock.bay import VACANT
from workers.dock.docked import DockedCamera
from workers.dock.server import DockServer
from workers.errors import BrokerAway, BwvError, ConfigurationInvalid, PassingFault
from workers.fate.outbox import Event
from workers.footage.recording import RefusedItem
from workers.keys.signing import EnrolledKey

log = logging.getLogger(__name__)

ANSWERS = ("clips.released", "uploads.rejected", "clips.quarantined")


def state_folder(settings: Settings) -> Path:
    """Where docks leave what people read; never in the dock's own folder, which holds only bays."""
    folder = settings.home / "dock-state"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def lock(settings: Settings) -> Iterator[None]:
    """One agent a dock: two would count two dockings and serve the same camera twice."""
    fd = os.open(state_folder(settings) / f"{settings.dock}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationInvalid(f"another process runs {settings.dock} already; stop it first") from error
        yield
    finally:
        os.close(fd)


def bind(settings: Settings, dock: str, service_keys: Iterable[EnrolledKey]) -> DockServer:
    """Make the server on the port it had before, so that reports keep their bytes over a restart."""
    keys = list(service_keys)
    remembered = state_folder(settings) / f"{dock}.port"
    port = settings.dock_port
    if not port:
        with contextlib.suppress(OSError, ValueError):
            port = int(remembered.read_text())
    try:
        server = DockServer(settings.dock_host, port, keys, serves=settings.dock_serves)
    except OSError as error:
        if settings.dock_port or not port or error.errno != errno.EADDRINUSE:
            raise ConfigurationInvalid(f"dock {dock} cannot serve at {settings.dock_host}:{port}: {error}") from error
        log.warning("port %d is taken; cameras that stand in %s count as docked anew", port, dock)
        server = DockServer(settings.dock_host, 0, keys, serves=settings.dock_serves)
    remembered.write_text(f"{server.server_port}\n")
    return server


class Display:
    """The live state of a dock's bays as a file; written whole, at most as often as `write` is called."""

    def __init__(self, settings: Settings, dock: str) -> None:
        self._file = state_folder(settings) / f"{dock}.json"
        self._dock = dock
        self._last = b""

    def picture(
        self, folder: Path, bays: list[str], cameras: list[DockedCamera], odd: list[RefusedItem], now: float
    ) -> bytes:
        """What every bay shows now, as JSON."""
        shown = [_bay(docked, now) for docked in cameras]
        vacant = set(bays) - {docked.camera.place.bay for docked in cameras}
        shown += [{"bay": bay, "camera": None, **_sign(VACANT), "recordings": []} for bay in vacant]
        state = {
            "dock": self._dock,
            "folder": str(folder),
            "bays": sorted(shown, key=lambda bay: (bay["bay"], bay["camera"] or "")),
            "problems": odd,
        }
        return msgspec.json.encode(state)

    def write(self, content: bytes) -> None:
        """Put it into the file, if it has changed; a reader sees the old one or the new one."""
        if content == self._last:
            return
        draft = self._file.with_suffix(".draft")
        draft.write_bytes(content)
        draft.replace(self._file)
        self._last = content


def _bay(docked: DockedCamera, now: float) -> dict[str, Any]:
    views = docked.views(now)
    recordings: list[dict[str, Any]] = []
    for view in views:
        shown: dict[str, Any] = msgspec.to_builtins(view)
        del shown["waits"]  # it changes all the time and says nothing that the state does not
        recordings.append(shown)
    recordings += [
        {
            "recording": item.name,
            "file": item.name,
            "state": "refused",
            "bytes": 0,
            "total": 0,
            "rate": 0.0,
            "eta": None,
            "reason": f"{item.reason}; {item.action}",
            "clip_id": None,
            "urgent": False,
        }
        for item in docked.refused
    ]
    return {
        "bay": docked.camera.place.bay,
        "camera": docked.camera.name,
        "docking": docked.docking.docking if docked.docking else None,
        **_sign(docked.sign(views)),
        "recordings": recordings,
    }


def _sign(sign: Any) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(sign)
    return {"sign": told.pop("text"), **told}


@contextlib.asynccontextmanager
async def publishing(settings: Settings, health: Health) -> AsyncIterator[Callable[[Event], Awaitable[None]]]:
    """A confirmed publish that tells `health` when Kafka is away."""
    publisher = Publisher(settings.kafka, settings.namespace, f"dock-{settings.dock}")

    async def publish(event: Event) -> None:
        try:
            await publisher.publish(event)
        except PassingFault as fault:
            health.waits_for(fault.part, str(fault))
            raise
        health.is_back(BrokerAway.part)
        health.progressed()

    try:
        yield publish
    finally:
        await publisher.stop()


@contextlib.asynccontextmanager
async def answers_from(
    settings: Settings, health: Health, stopping: asyncio.Event
) -> AsyncIterator[AsyncIterator[Message]]:
    """Every answer that is published from now on, to any dock. No group: each dock reads all partitions.

    Nothing is committed: an answer that was missed comes again, because the report is repeated.
    """
    names = [full_name(settings.namespace, topic) for topic in ANSWERS]
    waiting = Waiting(settings.retry_first, settings.retry_most, changed=health.part_changed)
    consumer: AIOKafkaConsumer | None = None
    while consumer is None and not stopping.is_set():
        try:
            consumer = await _listening(settings, names)
            waiting.got_through()
        except BrokerAway as away:
            await pause(stopping, waiting.note(away))
    try:
        yield _messages(settings, consumer)
    finally:
        if consumer is not None:
            await consumer.stop()


async def _listening(settings: Settings, names: list[str]) -> AIOKafkaConsumer:
    consumer = AIOKafkaConsumer(
        *names,
        bootstrap_servers=settings.kafka,
        client_id=f"dock-{settings.dock}",
        group_id=None,
        auto_offset_reset="latest",
        enable_auto_commit=False,
    )
    try:
        await consumer.start()
        if len({partition.topic for partition in consumer.assignment()}) < len(names):
            raise BrokerAway(f"not all of {', '.join(names)} are there yet; make them with: bwv topics apply")
        await consumer.seek_to_end()  # now, not at the first fetch: an answer may come before it
    except (kafka.KafkaError, BrokerAway) as error:
        await consumer.stop()
        raise BrokerAway(f"Kafka at {settings.kafka}: {error}") from error
    return consumer


async def _messages(settings: Settings, consumer: AIOKafkaConsumer | None) -> AsyncIterator[Message]:
    while consumer is not None:
        try:
            record = await consumer.getone()
        except kafka.KafkaError as error:
            log.warning("answers cannot be read: %r", error)
            await asyncio.sleep(settings.retry_first)
            continue
        carries = BY_NAME[short_name(settings.namespace, record.topic)].carries
        tracing.carry({name: value or b"" for name, value in record.headers})
        try:
            yield decode(record.value or b"", carries)
        except BwvError as error:
            log.warning("an answer was not understood: %s", error)
