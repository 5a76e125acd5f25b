"""How near clips were recorded to encounters: reads their tracks in the vault, in slices, beside the joins.

A join never waits for it. It asks for tracks (workers/encounters/readings.py); here each clip's sidecar is read once
for all that is asked of it, one number of each pair is written down, and where that decides something the encounter is
joined again. The store is seen with a role that may read sidecars and nothing else. A store that is away only delays.
"""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial

from streams.engine.byte_threads import ByteThreads, Work
from streams.settings import Settings
from streams.vaults import open_vault
from workers.database.engine import Database
from workers.encounters.day import Asked, Rules
from workers.encounters.joining import alone, join_one
from workers.encounters.places import nearest
from workers.encounters.readings import decides, forget, unread, write
from workers.encounters.unclaimed import search
from workers.errors import MoveRefused
from workers.fate.row import find
from workers.footage.recording import Place
from workers.retention.places import read_track
from workers.vault.retry import Limits
from workers.vault.s3 import S3Vault
from workers.vault.vault import Vault

log = logging.getLogger(__name__)

ROLE = "encounters"
"""Of the store: it reads sidecars, no footage."""

SMALL = Limits(connect=3.0, silence=5.0, request=15.0, tries=2)
"""Of the requests to the store: a sidecar is small."""

SEARCHED_AT_ONCE = 20
"""Encounters around which clips that nobody signed out are looked for in one transaction."""

READ_AT_ONCE = 64
"""Pairs of a slice: after them, what is newer comes first again."""

AGAIN = 300.0
"""Seconds after which a clip is tried again that could not be read while others could."""


class EncounterPlaces:
    """Reads what was asked, newest encounters first.

    Args:
        vault: that sidecars are read from; None: the settings' own, opened when it is first needed.
    """

    def __init__(self, settings: Settings, database: Database, rules: Rules, vault: Vault | None = None) -> None:
        self._settings = settings
        self._database = database
        self._rules = rules
        self._threads = ByteThreads(settings, ROLE)
        self._not_given: dict[str, float] = {}
        self._opened: S3Vault | None = None
        self.vault = vault

    def open(self) -> Vault:
        """The vault; nothing is asked of the store yet.

        Raises:
            ConfigurationInvalid: there are no credentials of the role.
        """
        if self.vault is None:
            self.vault = self._opened = open_vault(self._settings, ROLE, limits=SMALL)
        return self.vault

    def close(self) -> None:
        """Take no more work."""
        self._threads.close()
        if self._opened is not None:
            self._opened.close()

    async def read_what_is_asked(self) -> int:
        """Look for clips and read tracks until nothing more can be; returns how many clips were read.

        Raises:
            StoreAway: no clip could be read; what was asked waits.
        """
        read = 0
        while True:
            async with self._database.transaction() as connection:
                await alone(connection)
                searched = await search(connection, self._rules, SEARCHED_AT_ONCE)
            found = await self._slice()
            read += found
            if not searched and not found:
                return read

    async def forget_the_gone(self) -> None:
        """Forget what tracks of deleted clips said, whenever they were deleted."""
        async with self._database.transaction() as connection:
            await alone(connection)
            await forget(connection, self._rules)

    async def _slice(self) -> int:
        """Read the next clips; returns of how many something is known now that was not."""
        now = time.monotonic()
        self._not_given = {clip: until for clip, until in self._not_given.items() if until > now}
        async with self._database.connection() as connection:
            wanted = await unread(connection, READ_AT_ONCE, self._not_given)
        if not wanted:
            return 0
        results = await asyncio.gather(*(self._track(clip) for clip in wanted), return_exceptions=True)
        faults: dict[str, BaseException] = {}
        for (clip, asked), result in zip(wanted.items(), results, strict=True):
            if isinstance(result, BaseException):
                faults[clip] = result
            else:
                await self._write(asked, result)
        if len(faults) == len(wanted):
            raise next(iter(faults.values()))
        for clip, fault in faults.items():
            log.warning("%s: its track is read in %g s, as others are read now: %s", clip, AGAIN, fault, exc_info=fault)
            self._not_given[clip] = now + AGAIN
        return len(wanted) - len(faults)

    async def _track(self, clip: str) -> tuple[Place, ...]:
        fate = await find(self._database, clip)
        if fate is None:
            raise MoveRefused(f"{clip}: there is no such clip any more, so its track is not read")
        return await self._threads.run(Work(), partial(read_track, self.open(), self._settings.namespace, fate))

    async def _write(self, asked: list[Asked], track: tuple[Place, ...]) -> None:
        """Of each encounter what the track says, and what the join makes of it, in one transaction."""
        for one in asked:
            metres = nearest(track, one)
            async with self._database.transaction() as connection:
                await alone(connection)
                if await write(connection, one, metres) and decides(metres, self._rules):
                    await join_one(connection, self._rules, one.encounter_id, clips=True)
