"""scrub: reads everything in the vault again, clip by clip, for as long as it lies there.

    by the clock   clips.reread, confirmed by the broker: still what the dock signed
                   DAMAGE, clips.damaged: rotten, or gone

It takes the clip that was not read for the longest time, once that is `scrub_after` seconds, and reads no faster
than `scrub_rate`. What was read when, the catalogue says; a restart forgets nothing but the clip under way. Asleep it
costs one question to the database every few minutes. One is enough: a second one reads the same clips.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import datetime
from typing import TYPE_CHECKING

from streams.engine.health import Health
from streams.engine.waiting import Waiting, pause
from streams.settings import Settings
from workers.catalogue.rereads import Stored, coverage, longest_unread, reread_since
from workers.database.engine import Database
from workers.errors import PassingFault, PermanentFault, StoreAway

if TYPE_CHECKING:
    from streams.engine.publishing import Publisher
    from streams.rereading import Rereader, Seen

log = logging.getLogger(__name__)

LOOK_EVERY = 300.0
"""Seconds after which it looks at the catalogue at the latest."""
COUNT_EVERY = 60.0
UNRECORDED = 1000
"""Clips read and not yet in the catalogue, after which the scrub waits for the record."""
RECORD_EVERY = 0.5
"""Seconds between two looks whether the record has caught up."""
RECORD_STAGE = "record"


async def serve(settings: Settings, health: Health, stopping: asyncio.Event) -> None:
    """Scrub until `stopping` is set. Waits while a part is away."""
    waiting = Waiting(settings.retry_first, settings.retry_most, changed=health.part_changed)
    database = Database(settings.database, settings.namespace, size=2)
    scrub = Scrub(settings, database, health, stopping)
    try:
        while not stopping.is_set():
            try:
                await database.open()
                health.joined()
                break
            except PassingFault as fault:
                await pause(stopping, waiting.note(fault))
                database = scrub.database = Database(settings.database, settings.namespace, size=2)
        while not stopping.is_set():
            try:
                seconds = await scrub.round()
                if not scrub.not_given:
                    waiting.got_through()
            except PassingFault as fault:
                seconds = waiting.note(fault)
            await pause(stopping, seconds)
    finally:
        await scrub.close()
        await database.close()


class Scrub:
    """Chooses what to read, and when to look again.

    Attributes:
        not_given: clips of which the store gave nothing → until when (monotonic) others are tried instead.
    """

    def __init__(self, settings: Settings, database: Database, health: Health, stopping: asyncio.Event) -> None:
        self.database = database
        self._settings = settings
        self._health = health
        self._stopping = stopping
        self._rereader: Rereader | None = None
        self._publisher: Publisher | None = None
        self._unrecorded: dict[str, datetime] = {}
        self._unjudged: dict[str, float] = {}
        self.not_given: dict[str, float] = {}
        self._counted = 0.0

    async def close(self) -> None:
        """Give back what is open."""
        if self._rereader is not None:
            self._rereader.close()
        if self._publisher is not None:
            await self._publisher.stop()

    async def round(self) -> float:
        """Read the clip that is due, if one is; returns after how many seconds to look again.

        Raises:
            DatabaseAway, BrokerAway, StoreAway: try again later; nothing is told of a clip that could not be read.
        """
        if self._unrecorded:
            for clip in await reread_since(self.database, self._unrecorded):
                del self._unrecorded[clip]
        await self._count()
        if len(self._unrecorded) >= UNRECORDED:
            self._health.waits_for(RECORD_STAGE, f"{len(self._unrecorded)} readings are not in the catalogue yet")
            return RECORD_EVERY
        self._health.is_back(RECORD_STAGE)
        stored = await longest_unread(self.database, self._passed_over())
        if stored is None or stored.age < self._settings.scrub_after:
            return self._until_due(stored)
        await self._read(stored)
        return 0.0

    def _passed_over(self) -> list[str]:
        """Clips that were read and wait for the record, or could not be read and wait for their next turn."""
        now = time.monotonic()
        suspects = self._rereader.suspects if self._rereader else {}
        self._unjudged = {clip: until for clip, until in self._unjudged.items() if until > now}
        self.not_given = {clip: until for clip, until in self.not_given.items() if until > now}
        self._health.scrub_suspects.set(len(suspects.keys() | self._unjudged.keys() | self.not_given.keys()))
        waiting = [clip for clip, until in suspects.items() if until > now]
        return [*self._unrecorded, *self._unjudged, *self.not_given, *waiting]

    def _until_due(self, stored: Stored | None) -> float:
        now = time.monotonic()
        waits = [LOOK_EVERY, self._settings.scrub_after]
        if stored is not None:
            waits.append(self._settings.scrub_after - stored.age)
        suspects = self._rereader.suspects if self._rereader else {}
        turns = (*suspects.values(), *self._unjudged.values(), *self.not_given.values())
        waits += [turn - now for turn in turns if turn > now]
        return max(RECORD_EVERY, min(waits))

    async def _read(self, stored: Stored) -> None:
        try:
            with self._health.working():
                seen = await self._unless_stopped(stored)
        except StoreAway as fault:
            # The next clip may lie elsewhere. If the store is away altogether, each of them finds so: one wait for all.
            self.not_given[stored.clip_id] = time.monotonic() + self._settings.retry_most
            log.warning("%s was not judged: %s", stored.clip_id, fault)
            raise
        except PermanentFault as fault:
            self._unjudged[stored.clip_id] = time.monotonic() + max(LOOK_EVERY, self._settings.scrub_confirm)
            log.error("%s: what was signed for it does not hold: %s", stored.clip_id, fault)
            return
        if seen is not None and seen.told:
            self._unrecorded[stored.clip_id] = seen.read_at
            self._health.handled.inc()
        self._health.progressed()

    async def _unless_stopped(self, stored: Stored) -> Seen | None:
        """Read a clip; None if the process is to stop meanwhile."""
        # Imported when there is something to read: a process that only waits stays small and starts fast.
        from streams.engine.pace import Paced  # noqa: PLC0415

        rereader = await self._ready()
        work = Paced(self._settings.scrub_rate, self._health.scrub_read.inc)
        reading = asyncio.ensure_future(rereader.read(stored, work))
        stop = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({reading, stop}, return_when=asyncio.FIRST_COMPLETED)
            return reading.result() if reading.done() else None
        finally:
            stop.cancel()
            reading.cancel()

    async def _ready(self) -> Rereader:
        from streams.engine.publishing import Publisher  # noqa: PLC0415
        from streams.rereading import Rereader  # noqa: PLC0415

        if self._publisher is None:
            self._publisher = Publisher(self._settings.kafka, self._settings.namespace, "bwv-scrub")
        await self._publisher.start()
        if self._rereader is None:
            self._rereader = Rereader(self._settings, self.database, self._publisher.publish)
        return self._rereader

    async def _count(self) -> None:
        if time.monotonic() < self._counted + COUNT_EVERY:
            return
        found = await coverage(self.database, self._settings.scrub_cycle)
        self._counted = time.monotonic()
        self._health.scrub_coverage.set(found.ratio)
        self._health.scrub_oldest.set(found.oldest or 0.0)
        self._health.scrub_damaged.set(found.damaged)
        if found.oldest is not None and found.oldest > self._settings.scrub_cycle:
            log.error("behind: a clip was not read for %.0f s; raise scrub_rate or scrub_cycle", found.oldest)
