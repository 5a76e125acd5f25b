"""One stage in one process: `run` is what `bwv stage NAME` does.

It checks the settings, takes a slot, opens what the stage needs, picks the engine by the kind of stage, and
ends with a code of `streams/engine/exits.py`. Parts that are away at the start are waited for; the health endpoints
say so meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import Protocol

from streams.engine import admin, exits, logs, tracing
from streams.engine.health import Health
from streams.engine.member import Slot
from streams.engine.publishing import Publisher
from streams.engine.waiting import Waiting, pause
from streams.settings import Settings
from streams.stage import LongStage, Parts, Stage
from streams.topics import dead_letters_of
from workers import failpoints
from workers.database.engine import Database
from workers.decoding import know_types
from workers.errors import ConfigurationInvalid, PassingFault

log = logging.getLogger(__name__)

STAGES = (
    "intake",
    "transfer",
    "verification",
    "release",
    "probe",
    "relay",
    "record",
    "scrub",
    "retention",
    "sweep",
    "holds",
    "disposal",
    "lease",
    "cases",
    "derivation",
    "prosecution",
    "receipts",
    "links",
    "alarms",
    "encounters",
    "dock",
)
"""Each is a module of this package with a `STAGE`, or a `serve` of its own."""

STOP_WITHIN = 60.0
"""Seconds after SIGTERM in which a process ends, one way or the other."""


class OwnEngine(Protocol):
    """A module that is no stage in the sense of `streams/stage.py`: the relay, the record, the scrub, the dock."""

    async def serve(self, settings: Settings, health: Health, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set; tell `health` what happens; raise what ends the process."""


Work = Callable[[Health, asyncio.Event], Awaitable[int]]


def run(stage: str, settings: Settings) -> int:
    """Run a stage until SIGTERM or SIGINT; returns the exit code.

    Raises:
        ConfigurationInvalid: there is no such stage.
    """
    if stage not in STAGES:
        raise ConfigurationInvalid(f"no stage {stage!r}; known are {', '.join(STAGES)}")
    module = importlib.import_module(f"streams.{stage}")
    kind: type[Stage] | None = getattr(module, "STAGE", None)
    if kind is not None:
        return run_stage(kind, settings)

    async def work(health: Health, stopping: asyncio.Event) -> int:
        await module.serve(settings, health, stopping)
        return exits.DONE

    return _run(stage, settings, work)


def run_stage(kind: type[Stage], settings: Settings) -> int:
    """The same for a stage's class."""

    async def work(health: Health, stopping: asyncio.Event) -> int:
        return await _work(kind, settings, health, stopping)

    return _run(kind.name, settings, work)


async def _work(kind: type[Stage], settings: Settings, health: Health, stopping: asyncio.Event) -> int:
    async with contextlib.AsyncExitStack() as open_parts:
        slot = Slot(kind.name, settings.home / "slots")
        open_parts.callback(slot.free)
        publisher = Publisher(settings.kafka, settings.namespace, slot.member)
        open_parts.push_async_callback(publisher.stop)
        database = Database(settings.database, settings.namespace)
        open_parts.push_async_callback(database.close)
        stage = kind(Parts(settings, database, publisher.publish, health.show))
        open_parts.push_async_callback(stage.stop)
        starting: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: admin.verify(settings, (*kind.listens, dead_letters_of(kind.name))),
            publisher.start,
            database.open,
            stage.start,
        )
        for start in starting:
            if not await _patiently(start, settings, health, stopping):
                return exits.DONE
        return await _engine(stage, settings, publisher, health, stopping, slot.member)


async def _engine(
    stage: Stage,
    settings: Settings,
    publisher: Publisher,
    health: Health,
    stopping: asyncio.Event,
    member: str,
) -> int:
    # Imported here: a stage that moves bytes does without Faust's memory, and the other way round.
    if isinstance(stage, LongStage):
        from streams.engine.long_work import LongWork  # noqa: PLC0415

        return await LongWork(stage, settings, publisher, health, stopping, member).run()
    from streams.engine.delivery import ShortWork  # noqa: PLC0415

    return await ShortWork(stage, settings, publisher, health, stopping, member).run()


async def _patiently(
    start: Callable[[], Awaitable[object]], settings: Settings, health: Health, stopping: asyncio.Event
) -> bool:
    """Start a part, waiting while something is away; False if the process was stopped meanwhile."""
    waiting = Waiting(settings.retry_first, settings.retry_most, changed=health.part_changed)
    while not stopping.is_set():
        try:
            await start()
        except PassingFault as fault:
            await pause(stopping, waiting.note(fault))
        else:
            waiting.got_through()
            return True
    return False


def _run(name: str, settings: Settings, work: Work) -> int:
    logs.configure(name, settings.credentials, files=settings.secret_files)
    try:
        _arm(settings)
        know_types()
        with tracing.recording(settings, name):
            return asyncio.run(_main(name, settings, work))
    except ConfigurationInvalid as error:
        log.critical("refuses to start: %s", error)
        return exits.CONFIGURATION
    except exits.StageEnds as end:
        log.critical("ends with code %d: %s", end.code, end)
        return end.code
    except Exception:
        log.exception("a defect ended the process")
        return exits.UNSAFE


def _arm(settings: Settings) -> None:
    markers = settings.home / "failpoints"
    for name in settings.fail.split():
        markers.mkdir(parents=True, exist_ok=True)
        try:
            failpoints.arm(name, markers / name)
        except ValueError as error:
            raise ConfigurationInvalid(str(error)) from error


async def _main(name: str, settings: Settings, work: Work) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, stopping)
    health = Health(name, folder=settings.home / "health", port=settings.health_port)
    await health.serve()
    log.info("started; health at 127.0.0.1:%d", health.port)
    try:
        return await work(health, stopping)
    finally:
        await health.stop()


def _stop(stopping: asyncio.Event) -> None:
    if not stopping.is_set():
        stopping.set()
        dog = threading.Timer(STOP_WITHIN, exits.leave, (exits.NOT_STOPPED, f"not stopped within {STOP_WITHIN:g} s"))
        dog.daemon = True
        dog.start()
