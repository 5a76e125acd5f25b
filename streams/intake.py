"""intake: a dock's declaration becomes a clip, or is rejected with its reason.

    cameras.docked       the signed inventory is kept; gaps in the running numbers are told
    uploads.reported     the signed report becomes a clip, an answered repeat, a conflict or a rejection
    keys.enrolled …      who may sign, and since when not
    urgency.requested    a person puts a camera into the urgent lane
    quarantine.decided   a person accepts quarantined bytes, or keeps them apart

Receive, decide (workers/intake), write the decision with its event in one transaction.
"""

from __future__ import annotations

from datetime import datetime
from functools import singledispatchmethod

import msgspec

from streams.messages import (
    CameraDocked,
    ClipRegistered,
    GapFound,
    KeyEnrolled,
    KeyRevoked,
    Message,
    QuarantineDecided,
    ReceiptRequested,
    UploadRejected,
    UploadReported,
    UrgencyRequested,
    event,
)
from streams.stage import Envelope, Parts, Stage
from workers.database.engine import Connection
from workers.errors import MessageInvalid, MoveRefused, RuleBroken, SignatureInvalid
from workers.failpoints import reach
from workers.fate import moves
from workers.fate.outbox import Event
from workers.fate.row import Fate, announce, find_on, make_on, register
from workers.footage.canonical import sha256_hex
from workers.footage.clip import accepted_clip_id, check_enrolled_id, clip_id
from workers.footage.recording import Inventory, Report
from workers.intake import ledger
from workers.intake.admission import Admission, ReportRejected, admit, check_report
from workers.keys.keyring import Keyring, load_public
from workers.keys.signing import EnrolledKey, Role, Signed
from workers.keys.statements import Decision, Enrolment, Revocation, Urgency


class Intake(Stage):
    """Checks signature, rules and counters; derives the clip's id; registers it."""

    name = "intake"
    listens = (
        "cameras.docked",
        "uploads.reported",
        "keys.enrolled",
        "keys.revoked",
        "urgency.requested",
        "quarantine.decided",
    )

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.keyring = Keyring(self.database, load_public(self.settings.trust_root))

    @singledispatchmethod
    async def receive(self, message: Message, envelope: Envelope) -> None:
        """Do what the message's type asks for."""
        raise MessageInvalid(f"intake does not listen to {type(message).__name__}")

    # -- a recording is declared ---------------------------------------------------------------------------

    @receive.register
    async def _(self, message: UploadReported, envelope: Envelope) -> None:
        try:
            report = await self.keyring.opened_report(message.report)
        except SignatureInvalid as error:
            # The dock is told, so that a new dock's missing enrolment shows at the bay; the bytes of a
            # report that nobody vouches for go to the dead letters as they came.
            await self._reject(message, ReportRejected("bad_signature", str(error), "enrol or renew the dock's key"))
            raise
        try:
            check_report(report, signed_by=message.report.key.split(":")[1])
            if (message.camera, message.recording) != (report.recording.camera, report.recording.recording):
                raise MessageInvalid(f"{message.camera}/{message.recording} is not what its signed report is about")
            await self._admit(message, report, envelope)
        except ReportRejected as rejected:
            await self._reject(message, rejected)

    async def _admit(self, message: UploadReported, report: Report, envelope: Envelope) -> None:
        recording = report.recording
        clip = clip_id(self.settings.namespace, recording.camera, recording.recording, recording.size, recording.sha256)
        reach("intake.before_register")
        async with self.database.transaction() as connection:
            known = await ledger.look(connection, clip, report)
            admission = admit(report, known)
            wanted = await ledger.note_docking(connection, report, recording.camera)
            if known.fate is None:
                urgent = wanted or recording.urgent
                conflict = known.conflict if admission is Admission.CONFLICT else None
                await ledger.note_declared(connection, clip, report)
                await register(
                    connection,
                    clip_id=clip,
                    report=message.report,
                    declared=report,
                    urgent=urgent,
                    conflict_with=conflict,
                    events=[
                        self._registered(ClipRegistered(clip, 1, message.report, urgent, conflict), cause=(clip, 1))
                    ],
                )
            else:
                await self._repeat(connection, admission, known.fate, message.report, report, envelope)
        reach("intake.after_register")

    async def _repeat(
        self,
        connection: Connection,
        admission: Admission,
        fate: Fate,
        signed: Signed,
        report: Report,
        envelope: Envelope,
    ) -> None:
        """Answer a report of a clip that is already registered; nothing changes in vault or log."""
        if report.docking > fate.docking and fate.standing != moves.Standing.RELEASED:
            await make_on(connection, moves.RELOCATE, fate, given={"docking": report.docking, "report": signed})
            fate = msgspec.structs.replace(fate, docking=report.docking, report=signed)
        if admission is Admission.ANSWER:
            request = ReceiptRequested(fate.clip_id, fate.camera, fate.recording, signed)
            # Each repeat of the dock is a request of its own, each delivery of that repeat is not.
            asked = (fate.clip_id, envelope.topic, envelope.partition, envelope.offset)
            await announce(
                connection,
                [event("receipts.requested", request, key=fate.clip_id, subject=fate.clip_id,
                       source=self.name, cause=asked)],
            )  # fmt: skip
        elif admission is Admission.RESTART:
            again = ClipRegistered(
                fate.clip_id, fate.attempt, signed, fate.urgent, fate.conflict_with, fate.declaration
            )
            cause = (fate.clip_id, fate.attempt, report.docking, fate.moved_at.isoformat())
            await make_on(connection, moves.RESTART, fate, events=[self._registered(again, cause=cause)])

    def _registered(self, message: ClipRegistered, *, cause: tuple[object, ...]) -> Event:
        topic = "clips.registered.urgent" if message.urgent else "clips.registered"
        return event(topic, message, key=message.clip_id, subject=message.clip_id, source=self.name, cause=cause)

    async def _reject(self, message: UploadReported, rejected: ReportRejected) -> None:
        digest = sha256_hex(message.report.body.encode())
        told = UploadRejected(
            camera=message.camera,
            recording=message.recording,
            dock=message.report.key.split(":")[1] if ":" in message.report.key else "",
            report_sha256=digest,
            code=rejected.code,
            reason=rejected.reason,
            action=rejected.action,
            clip_id=rejected.clip_id,
        )
        await self.publish(
            event(
                "uploads.rejected",
                told,
                key=message.camera,
                subject=f"{message.camera}/{message.recording}",
                source=self.name,
                cause=(digest, rejected.code, rejected.reason),
            )
        )

    # -- a camera is docked --------------------------------------------------------------------------------

    @receive.register
    async def _(self, message: CameraDocked, envelope: Envelope) -> None:
        inventory = await self.keyring.opened(message.inventory, Inventory, Role.DOCK)
        check_enrolled_id("camera", inventory.camera)
        if inventory.dock != message.inventory.key.split(":")[1]:
            raise RuleBroken(f"dock {inventory.dock}'s inventory is signed by {message.inventory.key}")
        digest = sha256_hex(message.inventory.body.encode())
        async with self.database.transaction() as connection:
            gaps = await ledger.note_inventory(connection, inventory, message.inventory, digest)
            await announce(
                connection,
                [
                    event(
                        "cameras.gap-found",
                        GapFound(inventory.camera, inventory.docking, inventory.dock, first, last),
                        key=inventory.camera,
                        subject=inventory.camera,
                        source=self.name,
                        cause=(inventory.camera, first, last),
                    )
                    for first, last in gaps
                ],
            )

    # -- people decide -------------------------------------------------------------------------------------

    @receive.register
    async def _(self, message: KeyEnrolled, envelope: Envelope) -> None:
        enrolment = await self.keyring.opened(message.enrolment, Enrolment, Role.PERSON)
        if enrolment.role in (Role.DOCK, Role.CAMERA, Role.PERSON):
            check_enrolled_id(enrolment.role, enrolment.owner)
        key = EnrolledKey(enrolment.id, Role(enrolment.role), enrolment.owner, enrolment.public)
        async with self.database.transaction() as connection:
            await ledger.enrol(connection, key, enrolment.by, datetime.fromisoformat(enrolment.at))
        self.keyring.forget()

    @receive.register
    async def _(self, message: KeyRevoked, envelope: Envelope) -> None:
        revocation = await self.keyring.opened(message.revocation, Revocation, Role.PERSON)
        if revocation.id.count(":") != 2:
            raise MessageInvalid(f"key id {revocation.id!r}: expected role:owner:fingerprint")
        at = datetime.fromisoformat(revocation.at)
        async with self.database.transaction() as connection:
            await ledger.revoke(connection, revocation.id, revocation.by, at, revocation.reason)
        self.keyring.forget()

    @receive.register
    async def _(self, message: UrgencyRequested, envelope: Envelope) -> None:
        urgency = await self.keyring.opened(message.request, Urgency, Role.PERSON)
        check_enrolled_id("camera", urgency.camera)
        async with self.database.transaction() as connection:
            at = datetime.fromisoformat(urgency.at)
            for clip in await ledger.hasten(connection, urgency.camera, at):
                fate = await find_on(connection, clip, lock=True)
                if fate is None or not moves.HASTEN.allows(msgspec.structs.asdict(fate), msgspec.structs.asdict(fate)):
                    continue
                hastened = ClipRegistered(clip, fate.attempt, fate.report, True, fate.conflict_with, fate.declaration)
                cause = (clip, fate.attempt, "urgent")
                await make_on(connection, moves.HASTEN, fate, events=[self._registered(hastened, cause=cause)])

    @receive.register
    async def _(self, message: QuarantineDecided, envelope: Envelope) -> None:
        decision = await self.keyring.opened(message.decision, Decision, Role.PERSON)
        async with self.database.transaction() as connection:
            fate = await find_on(connection, decision.clip_id, lock=True)
            if fate is None or fate.quarantine is None:
                raise RuleBroken(f"{decision.clip_id} is not in quarantine; see: bwv quarantine list")
            lies = (fate.quarantine["found_sha256"], fate.quarantine["found_size"])
            if decision.accept and (decision.sha256, decision.size) != lies:
                raise RuleBroken(f"the decision is about {decision.sha256}; in quarantine lies {lies[0]}")
            if fate.decision == message.decision:
                return
            try:
                await make_on(connection, moves.DECIDE_QUARANTINE, fate, given={"decision": message.decision})
            except MoveRefused as error:
                raise RuleBroken(f"{decision.clip_id} was already decided; the first decision stands") from error
            if decision.accept:
                await self._register_accepted(connection, fate, decision, message.decision)

    async def _register_accepted(self, connection: Connection, fate: Fate, decision: Decision, signed: Signed) -> None:
        """The accepted bytes become a clip of their own: a second declaration, signed by a person."""
        clip = accepted_clip_id(
            self.settings.namespace, decision.camera, decision.recording, decision.size, decision.sha256
        )
        registered = ClipRegistered(clip, 1, fate.report, declaration=signed)
        await register(
            connection,
            clip_id=clip,
            report=fate.report,
            declared=fate.declared(),
            urgent=False,
            declaration=signed,
            size=decision.size,
            events=[self._registered(registered, cause=(clip, 1))],
        )


STAGE = Intake
