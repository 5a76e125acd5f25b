"""Tells that the database is away, which is where everything else about alarms is noted.

What stands is kept in `<home>/alarms.json` meanwhile, so a restart tells it no second time, and a channel that is away
too gets it later. A process that has seen another one hold the turn is silent: that one tells.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from streams.alarm_channels import Channels
from streams.engine.health import Health
from streams.engine.waiting import pause
from workers.errors import DatabaseAway
from workers.operations.alarms.figures import Figures
from workers.operations.alarms.judge import Standing, Telling, judge
from workers.operations.alarms.table import BY_NAME

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds between two looks whether the database is away."""

MOST = 100
"""Tellings that are kept for a channel; the newest count, as each beginning has its end."""


class Kept(Struct):
    """What must outlive the process.

    Attributes:
        unsent: channel → what it has not taken.
    """

    standing: tuple[Standing, ...] = ()
    unsent: dict[str, list[Telling]] = {}


class WithoutDatabase:
    """Looks at what the stage waits for.

    Args:
        ours: whether it is this process that tells, as far as anybody can know without the database.
    """

    def __init__(self, channels: Channels, health: Health, home: Path, ours: Callable[[], bool]) -> None:
        self._channels = channels
        self._health = health
        self._ours = ours
        self._file = home / "alarms.json"
        self._kept = _read(self._file)

    async def watch(self, stopping: asyncio.Event) -> None:
        """Look until `stopping` is set."""
        while not await pause(stopping, LOOK_EVERY):
            await self.look(datetime.now(UTC))

    async def look(self, now: datetime) -> None:
        """Look once, and send what is due; what a channel does not take is sent at a later look."""
        if not self._ours():
            return
        before = msgspec.json.encode(self._kept)
        away = self._health.waiting().get(DatabaseAway.part, "")
        judged = judge((BY_NAME["database-away"],), self._kept.standing, Figures(now=now, database=away))
        self._kept.standing = judged.standing
        for channel in self._channels.each:
            unsent = (self._kept.unsent.get(channel.name, []) + list(judged.tellings))[-MOST:]
            number = int(unsent[-1].at.timestamp()) if unsent else 0
            if not unsent or await self._channels.send(channel, unsent, number):
                self._kept.unsent.pop(channel.name, None)
            else:
                self._kept.unsent[channel.name] = unsent
        if msgspec.json.encode(self._kept) != before:
            _write(self._file, self._kept)


def _read(file: Path) -> Kept:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Kept)
    except FileNotFoundError:
        return Kept()
    except (OSError, msgspec.DecodeError) as error:
        log.warning("%s begins anew: %s", file, error)
        return Kept()


def _write(file: Path, kept: Kept) -> None:
    """Whole or not at all; without a disk a restart tells once more."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_bytes(msgspec.json.encode(kept))
        draft.replace(file)
    except OSError as error:
        log.warning("what was told without the database is not kept: %s", error)
        with contextlib.suppress(OSError):
            draft.unlink()
