"""verification: reads a secured clip back and compares it with what the dock signed.

    clips.secured (.urgent)   VERIFY, clips.verified
                              FAIL_READBACK, clips.readback-failed and the next attempt
                              EXHAUST, clips.readback-failed: after the last attempt a person must look

Another process than transfer's, with credentials that can read by version id and nothing else, on a connection
that was opened for this read. The first verdict on an attempt stands: the row refuses the second.
"""

from __future__ import annotations

import logging
from functools import partial

from streams.clip_events import clip_event, dock_of, next_attempt
from streams.engine.byte_threads import ByteThreads, Work, telling
from streams.messages import ClipSecured, ClipVerified, Message, ReadbackFailed
from streams.stage import Envelope, LongStage, Parts
from streams.vaults import open_vault
from workers.errors import MessageInvalid, RuleBroken, StoreAway
from workers.failpoints import reach
from workers.fate import moves
from workers.fate.row import Fate, find, make
from workers.footage.order import declared
from workers.footage.verification import Outcome, Verdict, read_back
from workers.keys.keyring import Keyring, load_public
from workers.keys.signing import Role
from workers.keys.statements import Decision, now_iso
from workers.vault.keys import attempt_keys

log = logging.getLogger(__name__)


class Verification(LongStage):
    """One process reads `at_once` clips back together, and `urgent_slots` more from the urgent lane."""

    name = "verification"
    listens = ("clips.secured", "clips.secured.urgent")

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.keyring = Keyring(self.database, load_public(self.settings.trust_root))
        self.vault = open_vault(self.settings, self.name)
        self.threads = ByteThreads(self.settings, self.name)

    async def stop(self) -> None:
        """Take no more work."""
        self.threads.close()
        self.vault.close()

    def source_of(self, message: Message) -> str:
        """The dock that the recording came from."""
        return dock_of(message)

    async def receive(self, message: Message, envelope: Envelope) -> None:
        """Give the verdict on one attempt."""
        if not isinstance(message, ClipSecured):
            raise MessageInvalid(f"verification does not listen to {type(message).__name__}")
        seen = await find(self.database, message.clip_id)
        if seen is None or not _is_due(seen, message):
            return
        report = await self.keyring.opened_report(message.report)
        decision = None
        if message.declaration is not None:
            decision = await self.keyring.opened(message.declaration, Decision, Role.PERSON)
        size, sha256 = declared(self.settings.namespace, message.clip_id, report, decision)
        work = Work()
        async with telling(
            work,
            self.publish,
            clip=message.clip_id,
            camera=report.recording.camera,
            stage=self.name,
            total=size,
            cause=envelope.headers.get("ce_id", ""),
        ):
            verdict = await self.threads.run(work, partial(self._read_back, seen, size, sha256, work))
        await self._decide(seen, message, verdict, (size, sha256))

    def _read_back(self, seen: Fate, size: int, sha256: str, work: Work) -> Verdict:
        # The key is derived and the version is the row's: nothing that another stage wrote is followed.
        keys = attempt_keys(self.settings.namespace, seen.clip_id, seen.attempt)
        fresh = self.vault.fresh()
        try:
            return read_back(
                fresh,
                keys.footage,
                seen.stored_version or "",
                size=size,
                sha256=sha256,
                chunk_size=self.settings.chunk_size,
                stop=work.stopped,
                told=work.told,
            )
        finally:
            fresh.close()

    async def _decide(self, seen: Fate, message: ClipSecured, verdict: Verdict, signed: tuple[int, str]) -> None:
        match verdict.outcome:
            case Outcome.CORRECT:
                await self._verified(seen, message, verdict, signed)
            case Outcome.MISMATCH:
                await self._failed(seen, message, verdict, signed)
            case Outcome.UNREADABLE:
                raise StoreAway(f"{seen.clip_id}: {verdict.reason}")
            case Outcome.NO_DIGEST:
                raise RuleBroken(f"{seen.clip_id}: {verdict.reason}")

    async def _verified(self, seen: Fate, message: ClipSecured, verdict: Verdict, signed: tuple[int, str]) -> None:
        size, sha256 = signed
        keys = attempt_keys(self.settings.namespace, seen.clip_id, seen.attempt)
        told = ClipVerified(
            clip_id=seen.clip_id,
            attempt=seen.attempt,
            report=message.report,
            key=keys.footage,
            version_id=message.version_id,
            size=size,
            sha256=sha256,
            seconds=round(verdict.seconds, 3),
            verified_at=now_iso(),
            store=self.settings.store_name,
            declaration=message.declaration,
        )
        reach("verification.before_move")
        await make(
            self.database,
            moves.VERIFY,
            seen,
            given={"verified_version": message.version_id},
            events=[clip_event("clips.verified", told, self.name)],
        )
        reach("verification.after_move")

    async def _failed(self, seen: Fate, message: ClipSecured, verdict: Verdict, signed: tuple[int, str]) -> None:
        exhausted = seen.attempt >= moves.MOST_ATTEMPTS
        log.error("%s attempt %d failed its read-back: %s", seen.clip_id, seen.attempt, verdict.reason)
        told = ReadbackFailed(
            clip_id=seen.clip_id,
            attempt=seen.attempt,
            report=message.report,
            version_id=message.version_id,
            reason=verdict.reason,
            expected_sha256=signed[1],
            found_sha256=verdict.found_sha256,
            found_size=verdict.found_size,
            exhausted=exhausted,
        )
        events = [clip_event("clips.readback-failed", told, self.name)]
        if not exhausted:
            events.append(next_attempt(seen, message.declaration, self.name))
        reach("verification.before_move")
        move = moves.EXHAUST if exhausted else moves.FAIL_READBACK
        await make(self.database, move, seen, events=events)
        reach("verification.after_move")


def _is_due(seen: Fate, message: ClipSecured) -> bool:
    """Whether the row still waits for a verdict on this very version."""
    return (
        seen.standing == moves.Standing.SECURED
        and (seen.attempt, seen.stored_version) == (message.attempt, message.version_id)
        and seen.disposal in moves.NOT_COMMITTED
        and seen.verified_version is None
    )


STAGE = Verification
