"""The record's second half: seals the custody log into the vault, tells of it, and takes the day's time stamp.

Appending never waits for it. It learns from the record that there is something new, and lets it wait for
`seal_after` seconds or `seal_entries` entries, so that a seal is worth its objects. What is away is waited for;
a log that does not extend what was sealed before ends the process.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import structlog

from streams.engine.health import Health
from streams.engine.waiting import Waiting, pause
from streams.messages import CustodySealed, event
from streams.settings import Settings
from streams.vaults import open_vault
from workers.custody.archive import Archive
from workers.custody.authority import Authority, AuthorityAway, load_roots
from workers.custody.checkpoint import Checkpoint
from workers.custody.continuity import check_extends
from workers.custody.keys import load_signers, load_verifiers
from workers.custody.sealing import Seal, Sealer
from workers.custody.timestamps import Timestamps
from workers.custody.witness import read_witness
from workers.database.engine import Database
from workers.errors import PassingFault
from workers.failpoints import reach
from workers.fate.outbox import Event

log = structlog.get_logger("bwv.record")

LOOK_AGAIN = 1.0
"""Seconds between two looks at how much waits, once something does."""


def open_archive(settings: Settings) -> Archive:
    """The custody prefix of the vault, with the record's credentials."""
    return Archive(
        open_vault(settings, "record"),
        settings.namespace,
        lock=timedelta(seconds=settings.custody_lock),
        payload_lock=timedelta(seconds=settings.first_lock),
    )


class Sealing:
    """Keeps the log sealed while the record appends.

    Raises:
        ConfigurationInvalid: there is no key to sign with.
    """

    def __init__(self, settings: Settings, database: Database, archive: Archive, health: Health) -> None:
        self._settings = settings
        self._database = database
        self._archive = archive
        self._sealer = Sealer(database, self._archive, settings.origin, load_signers(_keys(settings), settings.origin))
        url = settings.timestamp_authority
        authority = Authority(url, load_roots(settings.timestamp_roots)) if url else None
        self._stamps = Timestamps(database, self._archive, authority, self._authority_is)
        self._health = health
        self._waiting = Waiting(settings.retry_first, settings.retry_most, changed=health.part_changed)
        self._appended = asyncio.Event()

    async def check(self) -> None:
        """Raise LogForked unless the log extends the newest checkpoint in the vault and all of the witness."""
        verifiers = load_verifiers(_keys(self._settings))
        found: list[tuple[str, Checkpoint]] = []
        newest = await asyncio.to_thread(self._archive.newest, verifiers, self._settings.origin)
        if newest is not None:
            found.append(("in the vault", newest))
        if self._settings.witness:
            found += read_witness(self._settings.witness, verifiers, self._settings.origin)
        await check_extends(self._database, found)

    def appended(self) -> None:
        """The record has appended entries."""
        self._appended.set()

    async def run(self) -> None:
        """Seal and stamp until cancelled; passing faults are waited for."""
        self._appended.set()  # what an earlier process left unsealed
        while True:
            try:
                await self._until_due()
                await self._seal()
                await self._stamps.take()
            except PassingFault as fault:
                self._appended.set()
                await asyncio.sleep(self._waiting.note(fault))
            else:
                self._waiting.got_through()

    async def _until_due(self) -> None:
        if await self._sealer.unfinished() is not None:
            return
        # The authority is asked again in a while, or the next day, whether or not anything is new.
        again = self._stamps.again_in()
        if not await pause(self._appended, again):
            return
        self._appended.clear()
        end = asyncio.get_running_loop().time() + self._settings.seal_after
        while (left := end - asyncio.get_running_loop().time()) > 0:
            waiting = await self._sealer.unsealed()
            self._health.unsealed.set(waiting)
            if waiting >= self._settings.seal_entries:
                return
            await asyncio.sleep(min(left, LOOK_AGAIN))

    async def _seal(self) -> None:
        await self._sealer.decide()
        seal = await self._sealer.unfinished()
        if seal is None:
            return
        reach("record.seal_after_decide")
        note = await self._sealer.carry_out(seal)
        await self._sealer.finish(seal, note, self._sealed(seal, note))
        reach("record.seal_after_finish")
        self._health.unsealed.set(await self._sealer.unsealed())
        log.info("custody log sealed", size=seal.size, root=seal.root.hex())

    def _authority_is(self, away: AuthorityAway | None) -> None:
        """Say so: sealing goes on without the authority."""
        if away is None:
            self._health.is_back(AuthorityAway.part)
        else:
            self._health.waits_for(away.part, str(away), excuses=False)

    def _sealed(self, seal: Seal, note: str) -> Event:
        message = CustodySealed(seal.size, seal.root.hex(), note, self._settings.origin)
        return event("custody.sealed", message, key=self._settings.origin, subject=str(seal.size), source="record",
                     cause=(self._settings.origin, seal.size))  # fmt: skip


def _keys(settings: Settings) -> Path:
    return settings.keys / "custody"
