"""dock: watches the bays, declares what cameras hold, serves it, and erases what a receipt permits.

    a camera appears     cameras.docked, once a docking; again, with the same bytes, after a restart
    a recording is still uploads.reported, repeated until it is answered
    clips.released       the receipt is checked against these very bytes, then they are erased: clips.wiped
    uploads.rejected, clips.quarantined      the bay shows why, the footage stays

The dock keeps nothing of its own but the port it serves on: what it must remember travels with the camera.
Answers that were missed are answered again, since reports are repeated. The live state of all bays lies in
`<home>/dock-state/<DOCK>.json` for people.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import msgspec

from streams.dock.answers import Publish, Tools
from streams.dock.bay import POLL, BayAttendant
from streams.dock.wire import Display, answers_from, bind, lock, publishing
from streams.engine.health import Health
from streams.messages import Message
from streams.settings import Settings
from workers.dock.bays import Place, find_bays, find_cameras
from workers.dock.camera import Camera
from workers.dock.inventory import DockIdentity
from workers.errors import BwvError
from workers.footage.recording import RefusedItem
from workers.keys.keyring import load_public
from workers.keys.signing import EnrolledKey, Role, Signer

log = logging.getLogger(__name__)

MEASURED_AT_ONCE = 2


async def serve(settings: Settings, health: Health, stopping: asyncio.Event) -> None:
    """Run the dock that the settings name until `stopping` is set."""
    signer = Signer.load(Role.DOCK, settings.dock, settings.keys / "dock" / f"{settings.dock}.pem")
    service = {name: load_public(settings.keys / "service" / f"{name}.pub") for name in ("release", "transfer")}
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(lock(settings))
        publish = await stack.enter_async_context(publishing(settings, health))
        answers = await stack.enter_async_context(answers_from(settings, health, stopping))
        if stopping.is_set():
            return
        agent = DockAgent(
            settings.dock,
            settings.dock_folder,
            settings,
            signer,
            release_keys=[service["release"]],
            service_keys=[service["transfer"]],
            publish=publish,
            answers=answers,
        )
        health.joined()
        await agent.run(stopping)


class DockAgent:
    """One dock.

    Args:
        folder: its subfolders are the bays.
        release_keys: whose receipts permit an erasure.
        service_keys: who may read recordings.
        publish: sends one event and returns when it is confirmed; raises PassingFault to be tried again.
        answers: messages from the topics clips.released, uploads.rejected and clips.quarantined.
        now: seconds since 1970.
    """

    def __init__(
        self,
        dock: str,
        folder: Path,
        settings: Settings,
        signer: Signer,
        *,
        release_keys: Iterable[EnrolledKey],
        service_keys: Iterable[EnrolledKey],
        publish: Publish,
        answers: AsyncIterator[Message],
        now: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder
        self.server = bind(settings, dock, service_keys)
        self.attendants: dict[Place, BayAttendant] = {}
        self._tools = Tools(
            settings=settings,
            identity=DockIdentity(dock, signer, self.server.base),
            offers=self.server.offers,
            publish=publish,
            find_release_key={key.id: key for key in release_keys}.get,
            measuring=asyncio.Semaphore(MEASURED_AT_ONCE),
            now=now,
        )
        self._answers = answers
        self._display = Display(settings, dock)
        self._bays: list[str] = []
        self._odd: list[RefusedItem] = []

    async def run(self, stopping: asyncio.Event) -> None:
        """Watch, serve and answer until `stopping` is set."""
        self.server.start()
        duties = [asyncio.create_task(duty) for duty in (self._watch(), self._listen(), self._show())]
        stop = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait([stop, *duties], return_when=asyncio.FIRST_COMPLETED)
            for duty in duties:
                if duty.done() and not stopping.is_set():
                    duty.result()  # a duty ends only by a defect: let the process end with it
        finally:
            for task in (stop, *duties):
                task.cancel()
            await asyncio.gather(stop, *duties, return_exceptions=True)
            await asyncio.gather(*[bay.leave() for bay in self.attendants.values()])
            await asyncio.to_thread(self.server.stop)

    async def _watch(self) -> None:
        restarted = True  # what stands there at the first look has stood there before
        while True:
            try:
                self._bays, _ = await asyncio.to_thread(find_bays, self.folder)
                places, self._odd = await asyncio.to_thread(find_cameras, self.folder)
            except OSError as error:
                odd = RefusedItem(str(self.folder), f"cannot be read: {error.strerror}", "check the dock's folder")
                places, self._odd = [], [odd]
            for place in [p for p in self.attendants if p not in places]:
                log.info("camera %s was taken out of %s", place.camera, place.bay)
                await self.attendants.pop(place).leave()
            for place in places:
                if place not in self.attendants:
                    camera = Camera(self.folder, place)
                    self.attendants[place] = BayAttendant(self._tools, camera, restarted=restarted)
            restarted = False
            await asyncio.sleep(POLL)

    async def _listen(self) -> None:
        async for message in self._answers:
            for attendant in list(self.attendants.values()):
                try:
                    attendant.answers.hear(message)
                except (BwvError, msgspec.DecodeError) as error:
                    log.warning("an answer was not understood: %s", error)
        await asyncio.Event().wait()  # a source of answers that ends is no reason to stop serving

    async def _show(self) -> None:
        while True:
            cameras = [attendant.docked for attendant in self.attendants.values()]
            content = self._display.picture(self.folder, self._bays, cameras, self._odd, time.monotonic())
            await asyncio.to_thread(self._display.write, content)
            await asyncio.sleep(0.5)
