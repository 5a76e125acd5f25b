"""release: signs the wipe receipt of a verified clip, and answers a dock that asks again.

clips.verified       the receipt, with the move verified → released
receipts.requested   the same receipt again, or the reason why there is none
clips.wiped          the camera's copy is gone; noted in the row
"""

from __future__ import annotations

import asyncio
from functools import singledispatchmethod

import msgspec

from streams.messages import (
    ClipReleased,
    ClipVerified,
    ClipWiped,
    Message,
    ReceiptRequested,
    UploadRejected,
    event,
)
from streams.stage import Envelope, Parts, Stage
from streams.vaults import open_vault
from workers.errors import MessageInvalid, RuleBroken
from workers.failpoints import reach
from workers.fate import moves
from workers.fate.outbox import Event
from workers.fate.row import Fate, find, make
from workers.footage.canonical import sha256_hex
from workers.footage.certificate import Certificate
from workers.footage.clip import accepted_clip_id
from workers.footage.receipt import Receipt, StoredCopy
from workers.intake.admission import accepted
from workers.keys.keyring import Keyring, load_public
from workers.keys.signing import Role, Signed, Signer
from workers.keys.statements import PURPOSES, Decision, Wiped
from workers.vault.keys import certificate_key
from workers.vault.vault import Vault


class Release(Stage):
    """The only stage that holds the key which permits a camera to erase."""

    name = "release"
    listens = ("clips.verified", "receipts.requested", "clips.wiped")

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.keyring = Keyring(self.database, load_public(self.settings.trust_root))
        self.signer = Signer.load(Role.SERVICE, "release", self.settings.keys / "service" / "release.pem")
        self.vault: Vault = open_vault(self.settings, "release")

    @singledispatchmethod
    async def receive(self, message: Message, envelope: Envelope) -> None:
        """Do what the message's type asks for."""
        raise MessageInvalid(f"release does not listen to {type(message).__name__}")

    @receive.register
    async def _(self, message: ClipVerified, envelope: Envelope) -> None:
        fate = await find(self.database, message.clip_id)
        if fate is None or fate.standing != moves.Standing.VERIFIED:
            return
        receipt = await self._receipt(message)
        if fate.verified_version != message.version_id:
            raise RuleBroken(
                f"{message.clip_id}: the message says version {message.version_id}, "
                f"the row was verified as {fate.verified_version}"
            )
        reach("release.before_move")
        await make(
            self.database,
            moves.RELEASE,
            fate,
            given={"receipt": receipt},
            events=[self._released(fate, receipt)],
        )
        reach("release.after_move")

    async def _receipt(self, message: ClipVerified) -> Signed:
        """Sign for what was declared and proved; the digest comes from a signature, never from a message."""
        report = await self.keyring.opened_report(message.report)
        recording = report.recording
        size, sha256, decided = recording.size, recording.sha256, None
        if message.declaration is not None:
            decision = await self.keyring.opened(message.declaration, Decision, Role.PERSON)
            size, sha256, decided = decision.size, decision.sha256, sha256_hex(message.declaration.body.encode())
        if (size, sha256) != (message.size, message.sha256):
            raise RuleBroken(
                f"{message.clip_id}: read back {message.size} bytes, {message.sha256}; declared and signed are "
                f"{size} bytes, {sha256}: no receipt"
            )
        # verified_at is not the clock's: the same proof gives the same receipt, byte for byte.
        receipt = Receipt(
            clip_id=message.clip_id,
            camera=recording.camera,
            recording=recording.recording,
            size=size,
            sha256=sha256,
            copies=(StoredCopy(message.store, message.key, message.version_id),),
            verified_at=message.verified_at,
            decision=decided,
        )
        return self.signer.sign(PURPOSES[Receipt], receipt)

    def _released(self, fate: Fate, receipt: Signed) -> Event:
        return event(
            "clips.released",
            ClipReleased(fate.clip_id, fate.attempt, fate.report, fate.camera, fate.recording, receipt),
            key=fate.clip_id,
            subject=fate.clip_id,
            source=self.name,
            cause=(fate.clip_id, receipt.signature),
        )

    # -- a dock asks again ---------------------------------------------------------------------------------

    @receive.register
    async def _(self, message: ReceiptRequested, envelope: Envelope) -> None:
        fate = await self._answering(message)
        if fate is not None and _is_damaged(fate):
            # The camera's copy may be the only good one: whatever was earned before, it is not to be erased now.
            return
        if fate is not None and fate.receipt is not None:
            await self.publish(self._released(fate, fate.receipt))
            return
        if fate is None or fate.disposal not in moves.FINAL:
            return
        receipt = await self._receipt_of_disposed(fate)
        if receipt is not None:
            await self.publish(self._released(fate, receipt))
            return
        await self._refuse(message)

    async def _answering(self, message: ReceiptRequested) -> Fate | None:
        """The row whose receipt answers: the clip's own, or that of the accepted quarantined bytes."""
        fate = await find(self.database, message.clip_id)
        decision = accepted(fate) if fate else None
        if decision is None:
            return fate
        clip = accepted_clip_id(
            self.settings.namespace, decision.camera, decision.recording, decision.size, decision.sha256
        )
        return await find(self.database, clip)

    async def _receipt_of_disposed(self, fate: Fate) -> Signed | None:
        certificate = await asyncio.to_thread(self._certificate, fate.clip_id)
        return certificate.receipt if certificate else None

    def _certificate(self, clip: str) -> Certificate | None:
        head = self.vault.head(certificate_key(self.settings.namespace, clip))
        if head is None:
            return None
        body = self.vault.get_small(head.key, head.version_id)
        return msgspec.json.decode(body, type=Certificate)

    async def _refuse(self, message: ReceiptRequested) -> None:
        digest = sha256_hex(message.report.body.encode())
        told = UploadRejected(
            camera=message.camera,
            recording=message.recording,
            dock=message.report.key.split(":")[1],
            report_sha256=digest,
            code="disposed_unverified",
            reason="the clip was disposed of before it was ever verified",
            action="a person decides what becomes of the camera's copy",
            clip_id=message.clip_id,
        )
        await self.publish(
            event(
                "uploads.rejected",
                told,
                key=message.camera,
                subject=f"{message.camera}/{message.recording}",
                source=self.name,
                cause=(digest, told.code),
            )
        )

    # -- the camera's copy is gone -------------------------------------------------------------------------

    @receive.register
    async def _(self, message: ClipWiped, envelope: Envelope) -> None:
        wiped = await self.keyring.opened(message.wiped, Wiped, Role.DOCK)
        fate = await find(self.database, wiped.clip_id)
        earned = fate.receipt if fate else None
        if fate is not None and earned is None and fate.disposal in moves.FINAL:
            earned = await self._receipt_of_disposed(fate)
        if fate is None or earned is None:
            raise RuleBroken(
                f"{wiped.clip_id} was reported wiped and never had a receipt; have dock {wiped.dock} examined"
            )
        receipt = msgspec.json.decode(earned.body, type=Receipt)
        if (receipt.camera, receipt.recording, receipt.sha256) != (wiped.camera, wiped.recording, wiped.sha256):
            raise RuleBroken(f"{wiped.clip_id}: what was wiped is not what the receipt names; have the dock examined")
        if fate.camera_copy != moves.CameraCopy.WIPED:
            await make(self.database, moves.NOTE_WIPED if fate.receipt else moves.NOTE_WIPED_AFTER_DISPOSAL, fate)


def _is_damaged(fate: Fate) -> bool:
    return fate.standing == moves.Standing.DAMAGED and fate.disposal not in moves.FINAL


STAGE = Release
