"""A dock with cameras, a publisher that keeps what it is given, and services that answer: no Kafka."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.dock.agent import DockAgent
from streams.messages import ClipReleased, Message, UploadReported
from streams.settings import Settings
from workers.errors import BrokerAway
from workers.fate.outbox import Event
from workers.footage.receipt import Receipt, StoredCopy
from workers.footage.recording import Report
from workers.keys.signing import Role, Signed, Signer
from workers.keys.statements import PURPOSES

DEADLINE = 30.0


def put_recording(
    camera: Path, number: int, footage: bytes | None = None, **sidecar: Any
) -> tuple[Path, dict[str, Any]]:
    """Write a recording and its sidecar; `sidecar` says what it declares differently."""
    camera.mkdir(parents=True, exist_ok=True)
    stem = f"20261122-{number:04}"
    footage = hashlib.sha256(b"%d" % number).digest() * 4096 if footage is None else footage
    path = camera / f"{stem}.mp4"
    path.write_bytes(footage)
    declared = {
        "recording": stem,
        "file": path.name,
        "source_type": "body_worn",
        "sequence": number,
        "started": "2026-11-22T21:04:05Z",
        "size": len(footage),
        "sha256": hashlib.sha256(footage).hexdigest(),
        **sidecar,
    }
    (camera / f"{stem}.json").write_text(json.dumps(declared))
    return path, declared


class Bench:
    """A dock that can be started, killed and started again over the same folder."""

    def __init__(self, home: Path, dock: str = "DOCK-01", folder: str = "bays", **settings: Any) -> None:
        self.home = home
        self.folder = home / folder
        (self.folder / "BAY-01").mkdir(parents=True, exist_ok=True)
        (self.folder / "BAY-02").mkdir(parents=True, exist_ok=True)
        self.dock = dock
        self.settings = Settings(
            home=home, **{"dock_settle": 0.05, "dock_repeat": 60.0, "retry_first": 0.01, "retry_most": 0.05, **settings}
        )
        self.signer = self._key(Role.DOCK, dock)
        self.release = self._key(Role.SERVICE, "release")
        self.transfer = self._key(Role.SERVICE, "transfer")
        self.events: list[Event] = []
        self.away = 0
        self._answers: asyncio.Queue[Message] = asyncio.Queue()
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self.agent: DockAgent | None = None

    def _key(self, role: Role, owner: str) -> Signer:
        path = self.home / "keys" / role.value / f"{owner}.pem"
        if not path.exists():
            Signer.new(role, owner).save(path)
        return Signer.load(role, owner, path)

    async def publish(self, event: Event) -> None:
        if self.away:
            self.away -= 1
            raise BrokerAway("the test's broker is away")
        self.events.append(event)

    async def _heard(self) -> AsyncIterator[Message]:
        while True:
            yield await self._answers.get()

    async def start(self) -> None:
        self._stopping = asyncio.Event()
        self.agent = DockAgent(
            self.dock,
            self.folder,
            self.settings,
            self.signer,
            release_keys=[self.release.enrolment()],
            service_keys=[self.transfer.enrolment()],
            publish=self.publish,
            answers=self._heard(),
        )
        self._running = asyncio.create_task(self.agent.run(self._stopping))

    async def stop(self) -> None:
        if self._running is not None:
            self._stopping.set()
            await self._running
            self._running = None

    def answer(self, message: Message) -> None:
        self._answers.put_nowait(message)

    def of(self, topic: str) -> list[Any]:
        """Bodies of what was published on a topic, as plain values."""
        return [json.loads(event.body) for event in self.events if event.topic == topic]

    def reports(self, recording: str | None = None) -> list[Signed]:
        messages = [
            msgspec.json.decode(event.body, type=UploadReported)
            for event in self.events
            if event.topic == "uploads.reported"
        ]
        return [m.report for m in messages if recording is None or m.recording == recording]

    async def until(self, holds: Callable[[], Any], what: str) -> Any:
        """Wait for a condition; fails after DEADLINE seconds, with what was waited for."""
        end = time.monotonic() + DEADLINE
        while not (value := holds()):
            if self._running is not None and self._running.done():
                self._running.result()
            if time.monotonic() > end:
                pytest.fail(f"waited {DEADLINE:g} s for {what}; the dock shows {self.shown()}")
            await asyncio.sleep(0.01)
        return value

    async def reported(self, recording: str, times: int = 1) -> Report:
        reports = await self.until(
            lambda: len(self.reports(recording)) >= times and self.reports(recording), f"report {times} of {recording}"
        )
        return msgspec.json.decode(reports[-1].body, type=Report)

    def shown(self) -> dict[str, Any]:
        """The state file, as people see it."""
        with contextlib.suppress(FileNotFoundError):
            shown: dict[str, Any] = json.loads((self.home / "dock-state" / f"{self.dock}.json").read_bytes())
            return shown
        return {"bays": []}

    def recording(self, name: str) -> dict[str, Any]:
        for bay in self.shown()["bays"]:
            for recording in bay["recordings"]:
                if recording["recording"] == name:
                    found: dict[str, Any] = recording
                    return found
        return {"state": None, "reason": ""}

    def bay(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next((b for b in self.shown()["bays"] if b["bay"] == name), {"sign": "", "code": ""})
        return found

    def receipt(self, report: Report, *, signer: Signer | None = None, **changes: Any) -> ClipReleased:
        """A wipe receipt for what was reported; `changes` makes it one for something else."""
        said = report.recording
        receipt = Receipt(
            **{
                "clip_id": "clip-test",
                "camera": said.camera,
                "recording": said.recording,
                "size": said.size,
                "sha256": said.sha256,
                "copies": (StoredCopy("local", "k", "v"),),
                "verified_at": "2026-11-22T22:00:00.000Z",
                **changes,
            }
        )
        signed = (signer or self.release).sign(PURPOSES[Receipt], receipt)
        return ClipReleased("clip-test", 1, signed, said.camera, said.recording, signed)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    yield made
    await made.stop()
