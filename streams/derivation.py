"""derivation: makes ranges, stills, playback copies and redactions from masters.

    derivatives.requested   the master is read by version id and compared with what the dock signed; ffmpeg works in a
                            sandbox; media and signed lineage go into the vault; the row, derivatives.made
                            Cannot be made: the row, derivatives.failed. Always an answer

The master is only ever read. The same clip and recipe is the same derivative: what is made is not made again, and
what a crash interrupted is finished by the next try, from its lineage if that lies in the vault already.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from functools import partial
from weakref import WeakValueDictionary

from streams import derivative_events as events
from streams.derivative_progress import Progress
from streams.engine.byte_threads import ByteThreads, Work
from streams.messages import DerivativeRequested, Message
from streams.requests import Requests
from streams.stage import Envelope, LongStage, Parts
from streams.vaults import open_vault
from workers.database.engine import Connection
from workers.errors import MessageInvalid, PermanentFault, Refused, RuleBroken
from workers.failpoints import reach
from workers.fate.row import announce, find, find_on
from workers.footage.buffers import Buffers
from workers.footage.deposit import Means
from workers.footage.sandbox import sandbox_works
from workers.keys.keyring import Keyring, load_public, load_unenrolled
from workers.keys.signing import EnrolledKey, Role, Signed, Signer, as_it_signed, opened, signer_of
from workers.keys.statements import PURPOSES
from workers.prosecution.derivatives import rows
from workers.prosecution.derivatives.keeping import Kept, Measured, Unrecorded, finished, keep, media_of
from workers.prosecution.derivatives.lineage import lineage_of
from workers.prosecution.derivatives.making import make, tool_of
from workers.prosecution.derivatives.master import MasterDiffers, demand_present, fetch, master_of
from workers.prosecution.derivatives.recipe import check
from workers.prosecution.derivatives.workspace import folder_of, room, sweep
from workers.prosecution.identity import derivative_id
from workers.prosecution.statements import DerivativeOrder, Lineage
from workers.retention.answers import Answer, Verdict, answer, answer_to

log = logging.getLogger(__name__)

SHORTEST_LOCK = 60.0
"""Seconds. A derivative of a clip that goes soon is locked for no longer than the clip stays."""


class Derivation(LongStage):
    """One process makes `derive_at_once` together; each takes a core and the disk space of its master."""

    name = "derivation"
    listens = ("derivatives.requested",)

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        settings = self.settings
        self.keyring = Keyring(self.database, load_public(settings.trust_root))
        self.requests = Requests(self.name, self.database, self.keyring)
        self.signer = Signer.load(Role.SERVICE, self.name, settings.keys / "service" / f"{self.name}.pem")
        self.services: dict[str, EnrolledKey] = {
            key.id: key for key in (*load_unenrolled(settings.keys, settings.trust_root), self.signer.enrolment())
        }
        self.vault = open_vault(settings, self.name)
        self.threads = ByteThreads(settings, self.name)
        self.buffers = Buffers(settings.chunk_size, settings.derive_at_once)
        self.folder = folder_of(settings.derive_folder)
        self.making = asyncio.Semaphore(settings.derive_at_once)
        self.locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.walls = False

    async def start(self) -> None:
        """Remove what a killed process left on disk; find out whether ffmpeg can be locked in."""
        await asyncio.to_thread(sweep, self.folder)
        self.walls = await sandbox_works()

    async def stop(self) -> None:
        """Take no more work."""
        self.threads.close()
        self.buffers.close()
        self.vault.close()

    def source_of(self, message: Message) -> str:
        """Whoever asks: nobody's batch takes all slots."""
        return signer_of(message.order) if isinstance(message, DerivativeRequested) else ""

    async def receive(self, message: Message, envelope: Envelope) -> None:
        """Make one derivative."""
        if not isinstance(message, DerivativeRequested):
            raise MessageInvalid(f"derivation does not listen to {type(message).__name__}")
        async with self.requests.answering(envelope):
            order = await self.requests.opened(message.order, DerivativeOrder, message.derivative_id)
            _demand_named_rightly(order, message)
            check(order)
        async with self.locks.setdefault(order.derivative_id, asyncio.Lock()):
            if not await self._is_to_be_made(envelope, order):
                return
            try:
                async with self.making:
                    lineage, kept = await self._made(envelope, order, message.order)
                await self._enter(envelope, order, lineage, kept)
            except Refused as refused:
                await self._failed(envelope, order, refused)
            except PermanentFault as fault:
                await self._failed(envelope, order, Refused(str(fault), "have an administrator look: bwv dead-letters"))
                raise

    async def _is_to_be_made(self, envelope: Envelope, order: DerivativeOrder) -> bool:
        async def take(connection: Connection) -> Answer:
            there = await rows.find_on(connection, order.derivative_id)
            lineage = there.stated() if there is not None else None
            return events.says_pending(order, 0.0) if lineage is None else events.says_made(lineage)

        await self.requests.decide(envelope, f"make {order.derivative_id}", order, take)
        given = await answer_to(self.database, envelope.headers["ce_id"])
        return given is not None and given.verdict is Verdict.PENDING

    # -- making ------------------------------------------------------------------------------------------------

    async def _made(self, envelope: Envelope, order: DerivativeOrder, signed: Signed) -> tuple[Lineage, Kept]:
        master, recording = await master_of(self.database, self.keyring, self.settings.namespace, order.clip_id)
        work = Work()
        means = Means(
            vault=self.vault,
            uploads=Unrecorded(),
            buffers=self.buffers,
            lock_for=await self._lock_for(order.clip_id),
            stop=work.stopped,
        )
        if (earlier := await self._finished(order, means, work)) is not None:
            return earlier
        settings = self.settings
        tool = await tool_of(
            settings.ffmpeg,
            settings.ffprobe,
            walls=self.walls,
            seconds=settings.derive_seconds,
            memory=settings.derive_memory,
        )
        shown = Progress(self.database, self.publish, order, envelope.headers["ce_id"], recording.camera, master.size)
        async with shown.while_at(work), room(self.folder) as folder:
            clip, out = folder / "master", folder / "out"
            await asyncio.to_thread(out.mkdir)
            get = partial(fetch, self.vault, master, clip, stop=work.stopped, told=work.told)
            await self.threads.run(work, get)
            made = await make(tool, order, clip, master.demuxer, out, partial(shown.made, work))
            reach("derivation.after_make")
            lineage = lineage_of(made, master, tool, recording.preroll, signed)
            put = partial(
                keep,
                Measured(made.file, made.sha256, made.size, made.recipe.media_type),
                settings.namespace,
                order.clip_id,
                order.derivative_id,
                means,
                lambda: self.signer.sign(PURPOSES[Lineage], lineage),
            )
            kept = await self.threads.run(work, put)
        return self._opened(kept.lineage), kept

    async def _finished(self, order: DerivativeOrder, means: Means, work: Work) -> tuple[Lineage, Kept] | None:
        """What an earlier try has brought into the vault with its lineage."""
        place = (self.settings.namespace, order.clip_id, order.derivative_id)
        signed = await self.threads.run(work, partial(finished, self.vault, *place))
        if signed is None:
            return None
        lineage = self._opened(signed)
        if (lineage.derivative_id, lineage.clip_id) != (order.derivative_id, order.clip_id):
            raise RuleBroken(f"{order.derivative_id}: the lineage in the vault is of {lineage.derivative_id}")
        media = partial(media_of, means, *place, lineage.size, lineage.sha256)
        version = await self.threads.run(work, media)
        return lineage, Kept(version.key, version.version_id, signed)

    def _opened(self, signed: Signed) -> Lineage:
        key = as_it_signed(self.services.get(signed.key))
        return opened(PURPOSES[Lineage], signed, Lineage, role=Role.SERVICE, find=lambda _: key)

    async def _lock_for(self, clip_id: str) -> float:
        fate = await find(self.database, clip_id)
        if fate is None or fate.dispose_from is None:
            return self.settings.first_lock
        stays = (fate.dispose_from - datetime.now(UTC)).total_seconds()
        return min(self.settings.first_lock, max(SHORTEST_LOCK, stays))

    # -- what is told ------------------------------------------------------------------------------------------

    async def _enter(self, envelope: Envelope, order: DerivativeOrder, lineage: Lineage, kept: Kept) -> None:
        async with self.database.transaction() as connection:
            fate = await find_on(connection, order.clip_id, lock=True)
            if fate is not None:
                demand_present(fate)
            await rows.enter_made(connection, lineage, kept, order.by)
            await announce(connection, [events.made(lineage, kept)])
            await answer(connection, envelope.headers["ce_id"], self.name, events.says_made(lineage))
        reach("derivation.after_row")

    async def _failed(self, envelope: Envelope, order: DerivativeOrder, refused: Refused) -> None:
        if isinstance(refused, MasterDiffers):
            log.error("ALARM: %s", refused)
        request = envelope.headers["ce_id"]
        async with self.database.transaction() as connection:
            await rows.enter_failed(connection, order, refused.reason, refused.action)
            await announce(connection, [events.failed(order, refused, request)])
            await answer(connection, request, self.name, events.says_failed(order, refused))


def _demand_named_rightly(order: DerivativeOrder, message: DerivativeRequested) -> None:
    derived = derivative_id(order.clip_id, order.kind, order.start, order.end, order.redaction)
    if derived != order.derivative_id or order.clip_id != message.clip_id:
        raise RuleBroken(f"{message.derivative_id} of {message.clip_id}: what was signed is {derived}")


STAGE = Derivation
