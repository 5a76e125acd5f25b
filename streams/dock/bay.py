"""One camera in a bay: four loops that look, declare, tell and erase; part of streams/dock/agent.py."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import msgspec

from streams.dock.answers import Answers, Told, Tools, wiped
from streams.engine import tracing
from streams.engine.waiting import pause
from streams.messages import (
    CameraDocked,
    UploadReported,
)
from workers.dock.bay import State
from workers.dock.camera import Camera
from workers.dock.docked import DockedCamera
from workers.dock.folder import Changed
from workers.dock.inventory import declare, dock_camera
from workers.dock.measuring import Stopped
from workers.dock.notes import Notes, NotesUnfit
from workers.dock.receipts import finish
from workers.errors import DockGone, PassingFault, PermanentFault
from workers.failpoints import reach
from workers.footage.canonical import sha256_hex
from workers.footage.clip import clip_id
from workers.footage.recording import Inventory, Report

log = logging.getLogger(__name__)

POLL = 0.3
"""Seconds between two looks at the bays; a look is a listing, nothing is read."""


class BayAttendant:
    """Does what is due for one camera: four loops that do not wait for one another."""

    def __init__(self, tools: Tools, camera: Camera, *, restarted: bool) -> None:
        self._tools, self._camera = tools, camera
        settle = tools.settings.dock_settle
        self.docked = DockedCamera(camera, tools.offers, settle, restarted=restarted, now=time.monotonic())
        self._stopped = threading.Event()
        self._to_tell: list[Told] = []
        self._telling: asyncio.Future[None] | None = None
        self.answers = Answers(tools, self.docked, self._to_tell, self._wake, self._stopped.is_set)
        self._wakes = [asyncio.Event() for _ in range(3)]
        self._failures: dict[str, str] = {}
        look, declaring, telling = self._wakes
        loops: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "look": partial(self._look, look),
            "declare": partial(self._declare, declaring),
            "tell": partial(self._tell, telling),
            "erase": self.answers.erase_next,
        }
        self._tasks = [asyncio.create_task(self._lasting(name, loop)) for name, loop in loops.items()]

    async def leave(self) -> None:
        """The camera is gone, or the agent stops."""
        self._stopped.set()
        self.docked.left()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._telling is not None:
            await asyncio.gather(self._telling, return_exceptions=True)

    async def _lasting(self, name: str, loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Keep a loop going: what goes wrong on one camera shows at its bay and harms no other."""
        while not self._stopped.is_set():
            failure, pause = "", 0.0
            try:
                await loop()
            except DockGone:
                pause = POLL  # the watcher notices the same and ends this attendant
            except (NotesUnfit, OSError) as error:
                failure, pause = str(error), POLL * 3
            except Exception as error:  # a defect on this camera; logged, shown, and tried again
                log.exception("camera %s", self._camera.name)
                failure, pause = f"{type(error).__name__}: {error}", POLL * 10
            self._failures[name] = failure
            self.docked.failed = next(filter(None, self._failures.values()), "")
            await asyncio.sleep(pause)

    def _wake(self) -> None:
        for wake in self._wakes:
            wake.set()

    async def _pause(self, wake: asyncio.Event, seconds: float = POLL) -> None:
        await pause(wake, seconds)
        wake.clear()

    # -- what the camera holds -----------------------------------------------------------------------------------

    async def _look(self, wake: asyncio.Event) -> None:
        docked, generation = self.docked, self.docked.generation
        look = await asyncio.to_thread(self._camera.look)
        if docked.generation == generation:  # else it shows what has been erased since
            docked.seen(look, time.monotonic())
        if docked.docking_due(time.monotonic()) and docked.look is not None:
            first = docked.docking is None
            if first:
                await self._finish_erasures()
                look = await asyncio.to_thread(self._camera.look)
                docked.seen(look, time.monotonic())
            docking = await asyncio.to_thread(
                dock_camera,
                self._tools.identity,
                self._camera,
                docked.look,
                self._tools.now(),
                restarted=docked.restarted and first,
            )
            docked.docked(docking, time.monotonic())
            assert docking.signed is not None
            inventory = msgspec.json.decode(docking.signed.body, type=Inventory)
            told = CameraDocked(self._camera.name, inventory.dock, inventory.bay, docking.docking, docking.signed)
            self._to_tell.append((self._tools.event("cameras.docked", told, told.camera, docking.inventory), None))
            self._wake()
        await self._pause(wake)

    async def _finish_erasures(self) -> None:
        """A crash may have interrupted an erasure, here or at another dock."""
        there = {f.sidecar.recording: f for f in self.docked.look.recordings} if self.docked.look else {}
        for erasure in await asyncio.to_thread(Notes(self._camera).erasures):
            find = self._tools.find_release_key
            try:
                await asyncio.to_thread(finish, self._camera, erasure, there.get(erasure.recording), find=find)
            except (PermanentFault, Changed) as error:
                log.warning("camera %s: an interrupted erasure is not finished: %s", self._camera.name, error)
            else:
                self._to_tell.append((wiped(self._tools, self._camera, erasure), erasure))
                self.docked.generation += 1

    async def _declare(self, wake: asyncio.Event) -> None:
        docked = self.docked
        item = docked.next_to_measure(time.monotonic())
        if item is None or docked.docking is None:
            return await self._pause(wake)
        found, docking = item.found, docked.docking
        item.becomes(State.MEASURING, time.monotonic())
        try:
            async with self._tools.measuring:
                report = await asyncio.to_thread(
                    declare,
                    self._tools.identity,
                    self._camera,
                    docking,
                    found,
                    progress=partial(setattr, item, "done"),
                    stopped=self._stopped.is_set,
                )
        except Changed as error:
            item.becomes(State.REFUSED, time.monotonic(), f"{error}; it is measured again once it is still")
            item.still_since = time.monotonic()
        except Stopped:
            return
        else:
            if docked.docking is docking and docked.declared(item, found, report, time.monotonic()):
                said = msgspec.json.decode(report.body, type=Report).recording
                item.clip_id = clip_id(
                    self._tools.settings.namespace, said.camera, said.recording, said.size, said.sha256
                )
                self._wake()

    # -- telling -------------------------------------------------------------------------------------------------

    async def _tell(self, wake: asyncio.Event) -> None:
        tries = 0
        while not self._stopped.is_set():
            try:
                await self._tell_all()
                tries = 0
                await self._pause(wake)
            except PassingFault as fault:
                settings = self._tools.settings
                ceiling = min(settings.retry_most, settings.retry_first * 2.0 ** min(tries, 20))
                tries += 1
                log.info("not told yet: %s", fault)
                await asyncio.sleep(random.uniform(0, ceiling))

    async def _tell_all(self) -> None:
        while self._to_tell:  # the inventory before the reports that name it
            # Not cut in two when the camera leaves: what was told would be told again.
            self._telling = asyncio.ensure_future(self._tell_first())
            await asyncio.shield(self._telling)
        for item in self.docked.due_reports(time.monotonic()):
            report = item.report
            if report is None:
                continue
            said = UploadReported(self._camera.name, item.recording, report)
            # The first report of a recording begins its trace, at the moment at which it was seen in the bay.
            waited = 0.0 if item.repeat_at else time.monotonic() - item.seen
            with tracing.doing("dock reports", item.clip_id or "", waited=waited):
                told = self._tools.event("uploads.reported", said, said.camera, sha256_hex(report.body.encode()))
                try:
                    await self._tools.publish(told)
                except PermanentFault as error:
                    item.becomes(State.REJECTED, time.monotonic(), f"{error}; a person looks at its sidecar")
            reach("dock.after_report")
            self.answers.repeat_later(item)

    async def _tell_first(self) -> None:
        told, erasure = self._to_tell[0]
        await self._tools.publish(told)
        if erasure is not None:
            await asyncio.to_thread(Notes(self._camera).forget_erasure, erasure.recording)
        self._to_tell.remove((told, erasure))
