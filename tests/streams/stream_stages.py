"""Stages for the tests, run as `python -m tests.streams.stream_stages short|long`. A clip's id says what happens.

Every start and every end of a piece of work is a line in `<home>/effects.log`, written at once, so that a
kill loses no line. Files in `<home>` open and close gates.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from streams import messages as m
from streams import settings
from streams.engine import process
from streams.stage import Envelope, LongStage, Stage
from workers.errors import DockBusy, MoveRefused, RuleBroken, StoreAway


async def behave(home: Path, clip: str, work: float) -> None:
    """`<kind>.<source>.<number>`: kinds are ok, slow (until <home>/open), poison, defect, refused, store
    (while <home>/away), busy (while <home>/busy), long (works for ten minutes)."""
    kind = clip.split(".", maxsplit=1)[0]
    note(home, "start", clip)
    if kind == "poison":
        raise RuleBroken(f"{clip} is poison")
    if kind == "defect":
        raise KeyError(clip)
    if kind == "refused":
        raise MoveRefused(clip)
    if kind == "store" and (home / "away").exists():
        raise StoreAway("the store does not answer")
    if kind == "busy" and (home / "busy").exists():
        raise DockBusy("the dock says 503", 0.3)
    try:
        if kind == "slow":
            while not (home / "open").exists():  # noqa: ASYNC110 (the gate is a file: another process opens it)
                await asyncio.sleep(0.02)
        elif kind == "long":
            await asyncio.sleep(600)
        else:
            await asyncio.sleep(work)
    except asyncio.CancelledError:
        note(home, "cancelled", clip)
        raise
    note(home, "done", clip)


def note(home: Path, what: str, clip: str) -> None:
    line = f"{what} {clip} {os.getpid()}\n".encode()
    descriptor = os.open(home / "effects.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


class Short(Stage):
    name = "release"
    listens = ("receipts.requested",)

    async def receive(self, message: m.Message, envelope: Envelope) -> None:
        assert isinstance(message, m.ReceiptRequested)
        await behave(self.settings.home, message.clip_id, 0.002)
        if message.clip_id.startswith("tells"):
            told = m.ClipWiped(message.clip_id, message.camera, message.recording, message.report)
            await self.publish(
                m.event(
                    "clips.wiped",
                    told,
                    key=message.clip_id,
                    subject=message.clip_id,
                    source=self.name,
                    cause=(message.clip_id,),
                )
            )


class Long(LongStage):
    name = "transfer"
    listens = ("clips.registered", "clips.registered.urgent")

    def source_of(self, message: m.Message) -> str:
        assert isinstance(message, m.ClipRegistered)
        return message.clip_id.split(".")[1]

    async def receive(self, message: m.Message, envelope: Envelope) -> None:
        assert isinstance(message, m.ClipRegistered)
        await behave(self.settings.home, message.clip_id, 0.02)


class Silent(Stage):
    """Publishes nothing and does nothing: what the engine itself costs."""

    name = "release"
    listens = ("receipts.requested",)

    async def receive(self, message: m.Message, envelope: Envelope) -> None:
        pass


if __name__ == "__main__":
    kinds: dict[str, type[Stage]] = {"short": Short, "long": Long, "silent": Silent}
    chosen = sys.argv[1]
    if chosen in kinds:
        sys.exit(process.run_stage(kinds[chosen], settings.load()))
    sys.exit(process.run(chosen, settings.load()))
