"""A running system for tests: the real stack with all stages, under a folder of its own.

Tests dock cameras by moving folders, as a person would, and then wait for what the system says of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from console.cli.common import announce, signed_by_person
from console.cli.keys import enrol_key
from console.cli.stack import start
from local.background import status, stop_background
from local.sample import Camera
from streams.messages import Message
from streams.settings import Settings, load
from workers.database.engine import Database
from workers.footage.recording import SourceType
from workers.keys.signing import EnrolledKey, Role
from workers.operations.ledger import Ledger, read_ledger

T = TypeVar("T")

SETTINGS = """\
first_lock = 20.0
retry_most = 2.0
dock_repeat = 2.0
dock_settle = 0.3
chunk_size = 5242880
"""


def changed(settings: str, ours: Mapping[str, object]) -> str:
    """Settings of a home with ours in the place of those of the same names."""
    kept = [line for line in settings.splitlines() if line.split(" ")[0] not in ours]
    return "\n".join([*kept, *(f"{name} = {json.dumps(value)}" for name, value in ours.items())]) + "\n"


UNTIL_THE_FOLDER_ENDS = contextlib.ExitStack()
"""What stops the servers of a folder: tests/conftest.py closes it after the folder's last test. A whole system that
does nothing takes a fifth of two cores from the folders that come after it."""

LONG = 60.0
"""Seconds that anything may take on a busy machine before a test calls it stuck."""


class RunningSystem:
    """The whole system under `home`. Use `until` to wait; nothing here sleeps for a fixed time."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.settings: Settings = load(home)

    def start(self, more_settings: str = SETTINGS) -> None:
        """Start everything; returns when all is ready."""
        self.settings = start(self.home, more_settings=more_settings)

    def stop(self) -> None:
        """End everything at once: the home is thrown away. `bwv down` is what stops in order."""
        stop_background(self.home, at_once=True)

    # -- cameras -------------------------------------------------------------------------------------------

    def camera(self, name: str, source: SourceType = SourceType.BODY_WORN) -> Camera:
        """A camera outside any dock, to be filled by the test."""
        return Camera(self.home / "outside" / name, source)

    def filled(self, name: str, sizes: Iterable[int], **sidecar: Any) -> Camera:
        """A camera with a recording of random bytes for each size."""
        camera = self.camera(name)
        for number, size in enumerate(sizes):
            draft = camera.folder.with_name(f"{name}-{number}.mp4")
            draft.write_bytes(os.urandom(size))
            camera.record(draft, **sidecar)
        return camera

    async def enrol(self, *names: str) -> None:
        """Enrol cameras that cannot sign."""
        for name in names:
            await enrol_key(self.settings, EnrolledKey(f"camera:{name}:none", Role.CAMERA, name, ""))

    def place(self, bay: str, name: str) -> Path:
        """Where a camera stands when it is in this bay of the local dock."""
        return self.settings.dock_folder / bay / name

    def dock(self, camera: Camera, bay: str = "BAY-01") -> Path:
        """Put a camera into a bay, as one rename."""
        place = self.place(bay, camera.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(camera.folder, place)
        camera.folder = place
        return place

    # -- questions -----------------------------------------------------------------------------------------

    async def sql(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        """Ask the database."""
        async with Database(self.settings.database, self.settings.namespace, size=1, wait=20) as database:
            return await database.fetch(statement, parameters)

    async def ledger(self, *cameras: str) -> Ledger:
        """The ledger of some cameras."""
        async with Database(self.settings.database, self.settings.namespace, size=1, wait=20) as database:
            return await read_ledger(database, cameras or None)

    async def settled(self, camera: Camera, *, patience: float = LONG) -> dict[str, str]:
        """Wait until nothing more happens by itself to this camera's recordings: recording → standing."""

        async def done() -> dict[str, str] | None:
            ledger = await self.ledger(camera.name)
            found = {line.recording: line.standing for line in ledger.lines}
            return found if ledger.lines and not ledger.unsettled and len(found) >= camera.sequence else None

        return await self.until(done, f"{camera.name} to settle", patience)

    def bays(self) -> list[dict[str, Any]]:
        """What the docks of this home say of their bays."""
        files = sorted((self.home / "dock-state").glob("*.json"))
        return [bay for file in files for bay in msgspec.json.decode(file.read_bytes())["bays"]]

    async def until(self, condition: Callable[[], Awaitable[T | None]], what: str, patience: float = LONG) -> T:
        """Wait for an answer that is not None (or False); fail with what was waited for."""
        end = time.monotonic() + patience
        while True:
            answer = await condition()
            if answer is not None and answer is not False:
                return answer
            assert time.monotonic() < end, f"waited {patience:g} s for {what}"
            await asyncio.sleep(0.1)

    # -- people and accidents ------------------------------------------------------------------------------

    async def say(self, topic: str, message: Message, *, key: str, cause: tuple[object, ...]) -> None:
        """Publish one message."""
        await announce(self.settings, topic, message, key=key, cause=cause)

    def sign(self, body: msgspec.Struct) -> Any:
        """Sign a statement as the administrator."""
        return signed_by_person(self.settings, body)

    def pid(self, part: str) -> int | None:
        """Process id of a server, stage or dock that the supervisor keeps."""
        found = status(self.home)
        return next((kept.pid for kept in found.parts if kept.name == part), None) if found else None

    def restarts(self, part: str) -> int:
        """How often the supervisor has started it again."""
        found = status(self.home)
        return next(kept.restarts for kept in found.parts if kept.name == part) if found else 0

    async def kill(self, *parts: str, number: int = signal.SIGKILL, patience: float = LONG) -> None:
        """Kill parts in one moment and wait until the supervisor has started all of them again and they are ready."""
        before = dict[str, int]()
        for part in parts:
            pid, before[part] = self.pid(part), self.restarts(part)
            assert pid, f"{part} does not run"
            os.kill(pid, number)
        for part, restarts in before.items():
            await self.back(part, restarts, patience)

    async def back(self, part: str, restarts: int, patience: float = LONG) -> None:
        """Wait until a part that had been started again so often was started once more and is ready."""

        async def ready() -> bool:
            found = status(self.home)
            return bool(found) and any(
                kept.name == part and kept.restarts > restarts and kept.state == "ready" for kept in found.parts
            )

        await self.until(ready, f"{part} to come back", patience)

    def remove(self) -> None:
        """Stop and delete everything."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)
