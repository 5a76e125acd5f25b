"""disposal: deletes what a committed disposal names, proves it gone, and certifies it.

    disposals.committed   DISPOSE, clips.disposed: nothing is left, the certificate lies in the vault
    by the clock          what was still locked is tried again; what was disposed of is looked at once more

It listens to the broker, never to the row alone: the first delete comes after the broker has confirmed that the
disposal was committed, so that a lost database cannot forget it. Deciding is the sweep's; here the row must say
"committed". A version that the store keeps (403) is an alarm: the disposal stays committed, its message is done, and
the table `disposals` says when it is tried again, so that a lock of weeks holds up nobody.

After the longest first lock and the deadline of a request the prefixes are listed again: a transfer that slept may
have put something there. What is found then is deleted, and told in a supplement to the certificate.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from streams.engine.recurring import Recurring
from streams.messages import ClipDisposed, DisposalCommitted, Message, event
from streams.stage import Envelope, LongStage, Parts
from streams.vaults import open_vault
from workers.errors import MessageInvalid, MoveRefused, RuleBroken
from workers.failpoints import reach
from workers.fate import moves
from workers.fate.outbox import Event
from workers.fate.row import Fate, announce, find, find_on, make_on
from workers.footage.certificate import Certificate
from workers.keys.keyring import load_unenrolled
from workers.keys.signing import EnrolledKey, Role, Signed, Signer
from workers.keys.statements import PURPOSES
from workers.retention import disposals
from workers.retention.certifying import put_certificate, signed_statement, statement
from workers.retention.disposals import Name, Noted
from workers.retention.disposing import Found, Kept, erase, last_key, late_after, look, prove_gone
from workers.retention.statements import Disposed
from workers.vault.keys import certificate_key
from workers.vault.values import Upload

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds between two looks at what has fallen due; one question to an index."""


class Disposal(LongStage):
    """Works on several clips at once, each in a thread; what is done twice finds nothing to do."""

    name = "disposal"
    listens = ("disposals.committed",)

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        settings = self.settings
        self.signer = Signer.load(Role.SERVICE, self.name, settings.keys / "service" / f"{self.name}.pem")
        self.services = {key.id: key for key in load_unenrolled(settings.keys, settings.trust_root)}
        self.services[self.signer.key] = self.signer.enrolment()
        self.vault = open_vault(settings, self.name)
        self.late = late_after(settings.first_lock)
        self._looks = Recurring("disposal", self.look, LOOK_EVERY, settings)

    async def start(self) -> None:
        """Begin to look at what falls due."""
        self._looks.start()

    async def stop(self) -> None:
        """Take no more work."""
        await self._looks.stop()
        self.vault.close()

    def source_of(self, message: Message) -> str:
        """Each clip is served for itself."""
        return message.clip_id if isinstance(message, DisposalCommitted) else ""

    async def receive(self, message: Message, envelope: Envelope) -> None:
        """Finish one committed disposal."""
        if not isinstance(message, DisposalCommitted):
            raise MessageInvalid(f"disposal does not listen to {type(message).__name__}")
        fate = await find(self.database, message.clip_id)
        if fate is not None and fate.disposal == moves.Disposal.DONE:
            return
        if fate is None or fate.disposal != moves.Disposal.COMMITTED:
            says = repr(fate.disposal) if fate else "nothing: there is no row"
            raise RuleBroken(
                f"{message.clip_id}: expected a row that says 'committed', it says {says}; nothing is deleted"
            )
        await disposals.begin(self.database, message.clip_id, envelope.body)
        await self._dispose(fate)

    # -- a committed disposal ------------------------------------------------------------------------------

    async def _dispose(self, fate: Fate) -> None:
        clip, space = fate.clip_id, self.settings.namespace
        found = await self._noted(clip)
        reach("disposal.after_note")
        if not await self._erased(fate, found):
            return
        noted = await disposals.note_gone(self.database, clip)
        await asyncio.to_thread(prove_gone, self.vault, space, clip, noted.versions)
        certificate = await self._certified(fate, noted)
        reach("disposal.after_certificate")
        await self._done(fate, noted, certificate)
        reach("disposal.after_move")

    async def _noted(self, clip: str) -> Found:
        """What lies there now, noted before any of it is touched."""
        rows = await self.database.fetch("SELECT key, upload_id FROM open_uploads WHERE clip_id = %s", (clip,))
        ours = [Upload(row["key"], row["upload_id"]) for row in rows]
        found = await asyncio.to_thread(look, self.vault, self.settings.namespace, clip, ours)
        await disposals.note(self.database, clip, found.version_names, found.upload_names)
        return found

    async def _erased(self, fate: Fate, found: Found) -> bool:
        """Delete it; False if the store keeps some of it for now."""
        last = last_key(self.settings.namespace, fate)
        try:
            await asyncio.to_thread(erase, self.vault, found, last)
        except Kept as kept:
            log.error("ALARM: %s is to be gone and the store keeps it: %s", fate.clip_id, kept)
            await disposals.postpone(self.database, fate.clip_id, str(kept), kept.seconds)
            await self._count()
            return False
        return True

    async def _certified(self, fate: Fate, noted: Noted) -> Certificate:
        assert noted.gone_at is not None
        says = statement(fate, noted, noted.versions, len(noted.uploads), noted.gone_at)
        certificate = Certificate(fate.clip_id, fate.receipt or noted.committed.receipt, self._signed(says))
        return await asyncio.to_thread(
            put_certificate,
            self.vault,
            self.settings.namespace,
            certificate,
            lock=timedelta(seconds=self.settings.custody_lock),
            find=self._service,
        )

    async def _done(self, fate: Fate, noted: Noted, certificate: Certificate) -> None:
        signed = certificate.statement
        assert signed is not None  # put_certificate has opened it
        async with self.database.transaction() as connection:
            now = await find_on(connection, fate.clip_id, lock=True)
            if now is None:
                raise MoveRefused(f"{fate.clip_id}: its row is gone; the certificate lies in the vault")
            await make_on(connection, moves.DISPOSE, now, events=[self._disposed(fate, noted, signed)])
            await connection.execute("DELETE FROM open_uploads WHERE clip_id = %s", (fate.clip_id,))
            # A certificate of an earlier try may lack what came since; a supplement will name it.
            untold = set(noted.versions) - set(signed_statement(signed, self._service).versions)
            await disposals.look_later(connection, fate.clip_id, self.late, untold=sorted(untold))

    # -- by the clock --------------------------------------------------------------------------------------

    async def look(self) -> None:
        """One round over what has fallen due; what was claimed by a round that fails falls due again."""
        await self._count()
        while await self.look_again():
            pass

    async def look_again(self) -> bool:
        """Look at the clip that has been due for longest; False if none is."""
        noted = await disposals.claim_due(self.database)
        if noted is None:
            return False
        fate = await find(self.database, noted.clip_id)
        if fate is None:
            raise RuleBroken(f"{noted.clip_id} is being disposed of and has no row; run bwv rebuild")
        if fate.disposal == moves.Disposal.COMMITTED:
            await self._dispose(fate)
        else:
            await self._look_for_late(fate)
        return True

    async def _look_for_late(self, fate: Fate) -> None:
        """List the prefixes of a clip that is gone: what a process that slept has put there goes too."""
        found = await self._noted(fate.clip_id)
        if found.versions or found.uploads:
            log.error("ALARM: %s was disposed of, and since then came %s", fate.clip_id, found)
            if not await self._erased(fate, found):
                return
        noted = await disposals.note_gone(self.database, fate.clip_id)
        await asyncio.to_thread(prove_gone, self.vault, self.settings.namespace, fate.clip_id, noted.versions)
        if not noted.versions and not noted.uploads:
            return await disposals.close(self.database, fate.clip_id)
        assert noted.gone_at is not None
        says = statement(fate, noted, noted.versions, len(noted.uploads), noted.gone_at)
        told = self._disposed(fate, noted, self._signed(says), late=(*noted.versions, *noted.uploads))
        async with self.database.transaction() as connection:
            await announce(connection, [told])
            await disposals.look_later(connection, fate.clip_id, self.late)

    # -- what is signed and told -------------------------------------------------------------------------------

    def _signed(self, says: Disposed) -> Signed:
        return self.signer.sign(PURPOSES[Disposed], says)

    def _service(self, key: str) -> EnrolledKey | None:
        return self.services.get(key)

    def _disposed(self, fate: Fate, noted: Noted, certificate: Signed, *, late: Sequence[Name] = ()) -> Event:
        decided = noted.committed
        told = ClipDisposed(fate.clip_id, fate.camera, decided.policy, decided.category, decided.rule, certificate)
        where = certificate_key(self.settings.namespace, fate.clip_id)
        # The first is told once a clip, whatever was signed; a supplement once for what came late.
        cause = (fate.clip_id, where, *(part for name in late for part in name))
        return event("clips.disposed", told, key=fate.clip_id, subject=fate.clip_id, source=self.name, cause=cause)

    async def _count(self) -> None:
        self.show("bwv_disposals_kept", await disposals.waiting(self.database))


STAGE = Disposal
