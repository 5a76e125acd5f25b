"""transfer: pulls the bytes of a registered clip from its dock into the vault.

    clips.registered (.urgent)   the move registered → secured; or interrupted, quarantined, the next attempt

The work is `workers/footage/transfer.py`, in threads. Here it is decided from where (the row's newest docking)
and what the outcome means for the row:

    secured                 SECURE, clips.secured
    other bytes             QUARANTINE, clips.quarantined
    the dock has gone       from its next place if the camera already stands elsewhere, else INTERRUPT
    the key is taken (412)  TRY_AGAIN under the next attempt's keys; after the last one a person must look
    disposed of before      RECOGNISE_DISPOSED: nothing is stored again, release answers the dock
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from msgspec import Struct

from streams.clip_events import clip_event, dock_of, next_attempt, quarantined, secured
from streams.engine.byte_threads import ByteThreads, Work, telling
from streams.engine.recurring import Recurring
from streams.messages import (
    ClipQuarantined,
    ClipRegistered,
    Message,
    ReceiptRequested,
    TransferInterrupted,
    event,
)
from streams.stage import Envelope, LongStage, Parts
from streams.vaults import access_of, open_vault
from workers.dock.client import DockSource
from workers.errors import AlreadyThere, DockGone, MessageInvalid, MoveRefused, RuleBroken
from workers.failpoints import reach
from workers.fate import moves
from workers.fate.row import Fate, find, make
from workers.fate.uploads import OpenUploads, forget_upload, stale_uploads
from workers.footage.buffers import Buffers
from workers.footage.conclusion import Secured
from workers.footage.deposit import Means
from workers.footage.order import Order, ordered
from workers.footage.quarantine import Quarantined
from workers.footage.source import Source, VaultSource
from workers.footage.transfer import secure
from workers.keys.keyring import Keyring, load_public
from workers.keys.signing import Role, Signer
from workers.keys.statements import Decision
from workers.vault.keys import certificate_key, clip_id_in, quarantine_keys, upload_prefixes
from workers.vault.store_check import check_store_quick
from workers.vault.vault import Upload, Vault

log = logging.getLogger(__name__)


QUARANTINE_FACTS = [name for name in ClipQuarantined.__struct_fields__ if name not in ("clip_id", "attempt", "report")]
"""What the row keeps of a quarantine, for `bwv quarantine list` and for intake when a person decides."""


SWEEP_EVERY = 10.0
"""Seconds between two looks for uploads that were left behind; a listing of what is unfinished, so it is short."""


class Disposed(Struct, frozen=True):
    """A certificate of disposal lies in the vault."""


Outcome = Secured | Quarantined | Disposed


class Transfer(LongStage):
    """One process pulls `at_once` recordings together, and `urgent_slots` more from the urgent lane."""

    name = "transfer"
    listens = ("clips.registered", "clips.registered.urgent")
    vault: Vault

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        settings = self.settings
        self.keyring = Keyring(self.database, load_public(settings.trust_root))
        self.signer = Signer.load(Role.SERVICE, self.name, settings.keys / "service" / f"{self.name}.pem")
        self.threads = ByteThreads(settings, self.name)
        self._sweeps = Recurring("sweep of unfinished uploads", self._sweep, SWEEP_EVERY, settings)
        self.locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.buffers = Buffers(settings.chunk_size, self.threads.most)

    async def start(self) -> None:
        """Refuse a store that does not keep evidence; abort uploads that nobody will finish."""
        access = access_of(self.settings, self.name)
        report = await asyncio.to_thread(check_store_quick, access, self.settings.namespace)
        self.vault = open_vault(self.settings, self.name, protection=report.demand())
        await self._sweep()
        self._sweeps.start(after=SWEEP_EVERY)

    async def _sweep(self) -> None:
        """Abort the uploads of clips that have gone on: those on our record, and those that only the store lists.

        A process that is killed, or that slept while another did its work, leaves such an upload; between
        Create and our record only the store knows of it.
        """
        for stale in await stale_uploads(self.database):
            await asyncio.to_thread(self.vault.abort, Upload(stale.key, stale.upload_id))
            await forget_upload(self.database, stale)
        for prefix in upload_prefixes(self.settings.namespace):
            for stray in await asyncio.to_thread(self._unfinished, prefix):
                clip = clip_id_in(stray.key)
                fate = await find(self.database, clip) if clip else None
                if fate is not None and fate.standing != moves.Standing.REGISTERED:
                    log.info("aborting an upload that was left behind: %s", stray.key)
                    await asyncio.to_thread(self.vault.abort, stray)

    def _unfinished(self, prefix: str) -> list[Upload]:
        return list(self.vault.list_uploads(prefix))

    async def stop(self) -> None:
        """Take no more work."""
        await self._sweeps.stop()
        self.threads.close()
        self.buffers.close()

    def source_of(self, message: Message) -> str:
        """The dock that the recording is pulled from."""
        return dock_of(message)

    async def receive(self, message: Message, envelope: Envelope) -> None:
        """Secure one clip."""
        if not isinstance(message, ClipRegistered):
            raise MessageInvalid(f"transfer does not listen to {type(message).__name__}")
        # A clip that was put into the urgent lane has a message in both: one after the other, not both at once.
        async with self.locks.setdefault(message.clip_id, asyncio.Lock()):
            await self._receive(message, envelope)

    async def _receive(self, message: ClipRegistered, envelope: Envelope) -> None:
        while (seen := await find(self.database, message.clip_id)) is not None and _is_due(seen, message, envelope):
            try:
                outcome = await self._secured(seen, message, envelope)
            except DockGone as gone:
                if await self._interrupted(seen, message, envelope, gone):
                    return
            except AlreadyThere as taken:
                return await self._try_again(seen, message, taken)
            else:
                return await self._move(seen, message, outcome)

    async def _secured(self, seen: Fate, message: ClipRegistered, envelope: Envelope) -> Outcome:
        report = await self.keyring.opened_report(seen.report)
        decision = None
        if message.declaration is not None:
            decision = await self.keyring.opened(message.declaration, Decision, Role.PERSON)
        order = ordered(
            self.settings.namespace,
            message.clip_id,
            message.attempt,
            seen.report,
            report,
            decision=decision,
            conflict_with=message.conflict_with,
        )
        docked = DockSource(report.location, self.signer)
        apart = partial(self._quarantined, decision.clip_id) if decision else None
        work = Work()
        means = Means(
            vault=self.vault,
            uploads=OpenUploads(
                self.database, asyncio.get_running_loop(), clip_id=order.clip_id, attempt=order.attempt
            ),
            buffers=self.buffers,
            lock_for=self.settings.first_lock,
            stop=work.stopped,
            told=work.told,
        )
        async with telling(
            work,
            self.publish,
            clip=order.clip_id,
            camera=report.recording.camera,
            stage=self.name,
            total=order.size,
            cause=envelope.headers.get("ce_id", ""),
        ):
            return await self.threads.run(
                work, partial(self._work, order, apart or (lambda: docked), means), on_stop=docked.abort
            )

    def _work(self, order: Order, source: Callable[[], Source], means: Means) -> Outcome:
        """In a thread: what was disposed of is not stored again, everything else is secured."""
        if self.vault.head(certificate_key(self.settings.namespace, order.clip_id)) is not None:
            return Disposed()
        return secure(order, source(), means)

    def _quarantined(self, clip_id: str) -> Source:
        """The bytes that a person accepted."""
        keys = quarantine_keys(self.settings.namespace, clip_id)
        head = self.vault.head(keys.footage)
        if head is None:
            raise RuleBroken(f"{clip_id} was accepted, and no bytes of it lie in quarantine")
        return VaultSource(self.vault, head.version, keys.sidecar)

    # -- what the outcome means for the row -------------------------------------------------------------------

    async def _move(self, seen: Fate, message: ClipRegistered, outcome: Outcome) -> None:
        match outcome:
            case Secured(manifest=manifest):
                told = secured(seen, message.declaration, outcome, store=self.settings.store_name)
                given: dict[str, Any] = {"stored_version": manifest.footage_version}
                await make(self.database, moves.SECURE, seen, given=given, events=[told])
            case Quarantined():
                apart = quarantined(seen, message.conflict_with, outcome)
                kept = {name: getattr(apart, name) for name in QUARANTINE_FACTS}
                told = clip_event("clips.quarantined", apart, self.name)
                await make(self.database, moves.QUARANTINE, seen, given={"quarantine": kept}, events=[told])
            case Disposed():
                asked = ReceiptRequested(message.clip_id, seen.camera, seen.recording, seen.report)
                told = event(
                    "receipts.requested",
                    asked,
                    key=asked.clip_id,
                    subject=asked.clip_id,
                    source=self.name,
                    cause=(message.clip_id, message.attempt, self.name),
                )
                await make(self.database, moves.RECOGNISE_DISPOSED, seen, events=[told])
        reach("transfer.after_move")

    async def _interrupted(self, seen: Fate, message: ClipRegistered, envelope: Envelope, gone: DockGone) -> bool:
        """End the transfer, unless the camera already stands elsewhere; True if it has ended."""
        now = await find(self.database, message.clip_id)
        if now is None or now.docking != seen.docking or now.attempt != message.attempt:
            return False
        told = TransferInterrupted(message.clip_id, message.attempt, now.report, str(gone))
        # With moved_at: a transfer that was started again and interrupted again tells of it again.
        began = now.moved_at.isoformat()
        cause = (message.clip_id, message.attempt, now.docking, began, envelope.headers.get("ce_id", ""))
        ended = clip_event("clips.transfer-interrupted", told, self.name, cause=cause)
        try:
            await make(self.database, moves.INTERRUPT, now, events=[ended])
        except MoveRefused:
            again = await find(self.database, message.clip_id)
            return again is None or again.docking == now.docking
        return True

    async def _try_again(self, seen: Fate, message: ClipRegistered, taken: AlreadyThere) -> None:
        if message.attempt >= moves.MOST_ATTEMPTS:
            raise RuleBroken(
                f"{message.clip_id}: attempt {message.attempt} was the last and its key is taken ({taken}); "
                "the recording stays on the camera: look at the store"
            ) from taken
        log.warning("%s: the next attempt begins: %s", message.clip_id, taken)
        following = next_attempt(seen, message.declaration, self.name)
        await make(self.database, moves.TRY_AGAIN, seen, events=[following])


def _is_due(seen: Fate, message: ClipRegistered, envelope: Envelope) -> bool:
    """Whether the row still waits for this very attempt, in this lane; else somebody has decided already."""
    return (
        seen.urgent == envelope.urgent
        and seen.standing == moves.Standing.REGISTERED
        and seen.attempt == message.attempt
        and seen.disposal in moves.NOT_COMMITTED
        and seen.verified_version is None
    )


STAGE = Transfer
