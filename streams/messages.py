"""Every message that flows, as frozen values; JSON bodies with CloudEvents 1.0 headers (binary mode).

Messages are the public interface: others may consume them, so a change is additive. Readers ignore fields
they do not know. What was signed travels verbatim inside (`Signed`) and is never rebuilt on the way.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from streams.engine import tracing
from workers.errors import MessageInvalid
from workers.fate.outbox import Event
from workers.footage.camera_log import CameraEvent
from workers.footage.canonical import derived_id
from workers.keys.signing import Signed

M = TypeVar("M", bound="Message")


class Message(Struct, frozen=True):
    """Root of all messages. `subject_of` and `key_of` say what a message is about and what orders it."""


class CameraDocked(Message, frozen=True):
    """A dock found a camera; the signed inventory lists every recording it holds."""

    camera: str
    dock: str
    bay: str
    docking: int
    inventory: Signed


class UploadReported(Message, frozen=True):
    """A dock declares one recording: the signed report, repeated until it is answered."""

    camera: str
    recording: str
    report: Signed


class UploadRejected(Message, frozen=True):
    """A report that can never become a clip, or a recording that a person must look at.

    Attributes:
        report_sha256: digest of the rejected report's signed body, so that a dock knows its own.
        code: short and stable: replay, unknown_camera, bad_signature, quarantined, disposed_unverified, …
        action: what a person should do. The footage stays on the camera.
    """

    camera: str
    recording: str
    dock: str
    report_sha256: str
    code: str
    reason: str
    action: str
    clip_id: str | None = None


class ClipMessage(Message, frozen=True):
    """Root of the messages about one clip."""

    clip_id: str
    attempt: int
    report: Signed


class ClipRegistered(ClipMessage, frozen=True):
    """A recording became a clip; transfer may fetch its bytes.

    Attributes:
        urgent: a person or the camera asked for the urgent lane.
        conflict_with: another clip already has this camera and recording with other bytes; quarantine these.
        declaration: a person's signed acceptance of quarantined bytes; they lie in the vault already.
    """

    urgent: bool = False
    conflict_with: str | None = None
    declaration: Signed | None = None


class ClipSecured(ClipMessage, frozen=True):
    """Footage, sidecar and manifest lie in the vault under lock.

    Attributes:
        sha256: what transfer measured; for people. Verification trusts only the signed declaration.
    """

    key: str
    version_id: str
    manifest_key: str
    manifest_version: str
    size: int
    sha256: str
    locked_until: str
    store: str = "local"
    urgent: bool = False
    declaration: Signed | None = None


class ClipVerified(ClipMessage, frozen=True):
    """Everything was read back with other credentials and has the declared digest."""

    key: str
    version_id: str
    size: int
    sha256: str
    seconds: float
    verified_at: str
    store: str = "local"
    declaration: Signed | None = None


class ReadbackFailed(ClipMessage, frozen=True):
    """What came back from the vault is not what was declared.

    Attributes:
        exhausted: no further attempt starts by itself; the recording stays on the camera.
    """

    version_id: str
    reason: str
    expected_sha256: str
    found_sha256: str | None
    found_size: int
    exhausted: bool = False


class TransferInterrupted(ClipMessage, frozen=True):
    """The dock has gone; the transfer ended and starts again with the dock's next report."""

    reason: str
    bytes_stored: int = 0


class ClipQuarantined(ClipMessage, frozen=True):
    """The bytes are not the declared ones. They are kept under quarantine/, visible, until a person decides."""

    reason: str
    expected_sha256: str
    expected_size: int
    found_sha256: str
    found_size: int
    key: str
    version_id: str
    conflict_with: str | None = None


class ClipReleased(ClipMessage, frozen=True):
    """The wipe receipt for one recording, signed by release."""

    camera: str
    recording: str
    receipt: Signed


class ReceiptRequested(Message, frozen=True):
    """A dock reported again what is already answered; release answers with the same receipt."""

    clip_id: str
    camera: str
    recording: str
    report: Signed


class ClipWiped(Message, frozen=True):
    """The dock erased a recording after checking its receipt. Signed by the dock."""

    clip_id: str
    camera: str
    recording: str
    wiped: Signed


class ClipProbed(Message, frozen=True):
    """What ffprobe found, or why it found nothing. Nothing depends on it.

    Attributes:
        events: of the camera's own event log, where the recording is one.
    """

    clip_id: str
    camera: str
    version_id: str
    tool: str
    readable: bool
    reason: str | None = None
    duration: float | None = None
    container: str | None = None
    video: dict[str, Any] | None = None
    audio: dict[str, Any] | None = None
    creation_time: str | None = None
    events: tuple[CameraEvent, ...] = ()


class ClipReread(Message, frozen=True):
    """A clip was read again in full and is what the dock signed.

    Attributes:
        seconds: that the reading took.
        by: "scrub", or the person who asked for it.
        lock: what is weaker about its lock or legal hold than it should be; empty when nothing is.
    """

    clip_id: str
    camera: str
    version_id: str
    size: int
    sha256: str
    seconds: float
    reread_at: str
    store: str = "local"
    by: str = "scrub"
    lock: str = ""


class ClipDamaged(ClipMessage, frozen=True):
    """A clip was read again and is not what was verified; it is kept as it is. A person must look.

    Attributes:
        found_sha256: None where the footage could not be read to its end.
        chunks: numbers of the footage's chunks that differ, are gone, or cannot be read; empty where the chunks
            are not at fault or cannot be told apart.
        by: "scrub", or the person who asked for the reading.
    """

    version_id: str
    reason: str
    expected_sha256: str
    found_sha256: str | None
    found_size: int
    chunks: tuple[int, ...]
    reread_at: str
    store: str = "local"
    by: str = "scrub"


class GapFound(Message, frozen=True):
    """Running numbers that no inventory of this camera ever listed: recordings are missing."""

    camera: str
    docking: int
    dock: str
    first: int
    last: int


class TransferProgressed(Message, frozen=True):
    """How far a transfer is, every two seconds, for people only."""

    clip_id: str
    camera: str
    stage: str
    bytes_done: int
    bytes_total: int
    bytes_per_second: float


class KeyEnrolled(Message, frozen=True):
    """An administrator enrolled a key, or a camera that has none. Signed."""

    owner: str
    role: str
    enrolment: Signed


class KeyRevoked(Message, frozen=True):
    """An administrator revoked a key: nothing it signs is accepted from now on. Signed."""

    key: str
    revocation: Signed


class CameraIssued(Message, frozen=True):
    """An officer took a camera. Signed by the person who issued it."""

    camera: str
    officer: str
    issue: Signed


class CameraReturned(Message, frozen=True):
    """An officer gave a camera back. Signed."""

    camera: str
    officer: str
    issue: Signed


class ClipAttributed(Message, frozen=True):
    """A person corrected whose clip this is; `recorded_at` and the issue log stay as they are. Signed."""

    clip_id: str
    attribution: Signed


class ClipConsulted(Message, frozen=True):
    """Somebody signed in to the board looked at a clip. Confirmed before anything of it is shown.

    Attributes:
        what: "look" (its record), "reason" (one was typed), "play" or "fetch" (its footage).
        relation: why they may: own, case, incident, named, work, reason.
        reason: as they typed it, where they needed one.
        part: what of it was fetched or played: a derivative's id, or "proof"; None: the footage.
        restricted: by professional standards, who alone learn of it.
    """

    clip_id: str
    person: str
    what: str
    relation: str
    at: str
    reason: str | None = None
    part: str | None = None
    restricted: bool = False


class MisuseConsulted(Message, frozen=True):
    """Professional standards looked at what may be misuse. Confirmed before anything of it is shown.

    Attributes:
        since, until: of what was asked for.
        what: the kind of finding that was asked for; None: all.
        of: the person whose doings were asked for; None: everybody's.
    """

    person: str
    since: str
    until: str
    at: str
    reason: str
    what: str | None = None
    of: str | None = None


class ClipViewingSet(Message, frozen=True):
    """A person said who alone may see a clip, or that nobody plays it for now, or ended that. Signed."""

    clip_id: str
    viewing: Signed


class ViewingLockSet(Message, frozen=True):
    """A person locked the viewing of an incident's clips, or of officers' in a period, or ended that. Signed."""

    lock_id: str
    lock: Signed


class UrgencyRequested(Message, frozen=True):
    """A person asked for the urgent lane for a camera or for whatever stands in a bay. Signed."""

    camera: str
    request: Signed


class QuarantineDecided(Message, frozen=True):
    """A person decided about quarantined bytes. Signed."""

    clip_id: str
    camera: str
    decision: Signed


class CustodySealed(Message, frozen=True):
    """The custody log was sealed: everything up to this size lies in the vault under lock.

    Attributes:
        root: of the tree at this size, hex.
        checkpoint: the C2SP signed note. Keep it where this system cannot write: it is a witness.
    """

    size: int
    root: str
    checkpoint: str
    origin: str


class ReconciliationStated(Message, frozen=True):
    """Declared, custody log and vault were compared; the statement is signed by the reconciling service.

    Attributes:
        scope: which day and dock, for people.
    """

    scope: str
    by: str
    statement: Signed


class CategoryRequested(Message, frozen=True):
    """A person gives a clip a category, or confirms the shorter one that it has. Signed."""

    clip_id: str
    categorisation: Signed


class ClipCategorised(Message, frozen=True):
    """A clip has a category, from a person.

    Attributes:
        category: that was given or confirmed.
        counts: the category that decides from now on; a longer one while nobody confirmed the shorter.
    """

    clip_id: str
    category: str
    counts: str
    policy: int
    categorisation: Signed


class TimeCorrectionRequested(Message, frozen=True):
    """A person corrects the time of a recording, or confirms a correction. Signed."""

    clip_id: str
    correction: Signed


class ClipTimeCorrected(Message, frozen=True):
    """The time that retention counts from was corrected; `recorded_at` of the recording stays as it was."""

    clip_id: str
    correction: Signed


class RestoreRequested(Message, frozen=True):
    """A person takes a clip out of the bin. Signed."""

    clip_id: str
    restoration: Signed


class ReviewRequested(Message, frozen=True):
    """A person ends a retention review. Signed."""

    clip_id: str
    verdict: Signed


class EarlyDisposalRequested(Message, frozen=True):
    """An officer asks for an early disposal, or data protection approves it. Signed."""

    clip_id: str
    request: Signed


class EarlyDisposalApproved(Message, frozen=True):
    """Two people agreed that a clip may go before its time."""

    clip_id: str
    asked: Signed
    approved: Signed


class ReviewDue(Message, frozen=True):
    """A long period is over: a person decides."""

    clip_id: str
    due_at: str
    policy: int
    category: str
    rule: str
    reasons: tuple[str, ...]


class ReviewDecided(Message, frozen=True):
    """A person ended a retention review."""

    clip_id: str
    verdict: Signed


class DisposalIntended(Message, frozen=True):
    """A clip's time has come: it is in the bin.

    Attributes:
        reasons: sentences of the decision, each with the source of its rule.
        dispose_from: nothing is deleted before (RFC 3339).
        ends_at: end of the period, by when everything is gone.
    """

    clip_id: str
    policy: int
    category: str
    rule: str
    reasons: tuple[str, ...]
    intended_at: str
    dispose_from: str
    ends_at: str
    sweep: str


class DisposalCancelled(Message, frozen=True):
    """A clip is out of the bin.

    Attributes:
        restoration: the person's, where one took it out; otherwise `reason` says what has changed.
    """

    clip_id: str
    reason: str
    restoration: Signed | None = None


class DisposalCommitted(Message, frozen=True):
    """Decided again, and for good: everything of this clip is deleted from now on."""

    clip_id: str
    camera: str
    recording: str
    report: Signed
    policy: int
    category: str
    rule: str
    reasons: tuple[str, ...]
    intended_at: str
    committed_at: str
    receipt: Signed | None = None


class ClipDisposed(Message, frozen=True):
    """Nothing of the clip is left; the certificate is signed by disposal."""

    clip_id: str
    camera: str
    policy: int
    category: str
    rule: str
    certificate: Signed


class PolicyAdoptionRequested(Message, frozen=True):
    """A person adopts a retention policy, after a dry run of this very text. Signed."""

    version: int
    adoption: Signed


class PolicyAdopted(Message, frozen=True):
    """A retention policy is in force."""

    version: int
    name: str
    adoption: Signed


class SweepStopped(Message, frozen=True):
    """A sweep wanted to dispose of more than it may, or must not run now: a person decides."""

    sweep_id: str
    policy: int
    due: int
    reason: str


class SweepRequested(Message, frozen=True):
    """A person lets a stopped sweep go on, or does not. Signed."""

    sweep_id: str
    decision: Signed


class SweepDecided(Message, frozen=True):
    """A person decided about a stopped sweep."""

    sweep_id: str
    decision: Signed


class HoldRequested(Message, frozen=True):
    """A person asks for a hold. Signed."""

    hold_id: str
    request: Signed


class HoldAccepted(Message, frozen=True):
    """From now on a clip is protected by its row; the store's legal hold follows."""

    clip_id: str
    hold_id: str
    hold_reason: str
    request: Signed


class HoldPlaced(Message, frozen=True):
    """Every version of the clip is under legal hold, read back. Until then: protected by the row."""

    clip_id: str
    hold_id: str
    hold_reason: str
    versions: int


class HoldRefused(Message, frozen=True):
    """The disposal of the clip was committed before the hold came; the certificate says when."""

    clip_id: str
    hold_id: str
    hold_reason: str
    reason: str


class StandingHoldPlaced(Message, frozen=True):
    """A hold that also covers what is docked later stands."""

    hold_id: str
    hold_reason: str
    request: Signed


class HoldMatched(Message, frozen=True):
    """A clip falls under a standing hold; one message a clip."""

    clip_id: str
    hold_id: str


class HoldCleared(Message, frozen=True):
    """A clip was looked at and does not fall under a standing hold after all."""

    clip_id: str
    hold_id: str
    hold_reason: str
    reason: str


class HoldLiftRequested(Message, frozen=True):
    """A person wants to lift a hold. Signed."""

    hold_id: str
    lift: Signed


class HoldLiftAsked(Message, frozen=True):
    """The first of two people wants a hold lifted; it stands."""

    hold_id: str
    lift: Signed


class StandingHoldLifted(Message, frozen=True):
    """A hold was lifted, by one person or two as its reason asks; each of its clips follows."""

    hold_id: str
    hold_reason: str
    lifts: tuple[Signed, ...]


class HoldLifted(Message, frozen=True):
    """A clip is no longer under this hold. The store's legal hold stays until disposal."""

    clip_id: str
    hold_id: str
    hold_reason: str
    lifts: tuple[Signed, ...]


class RequestRefused(Message, frozen=True):
    """A person asked for something that may not be done now.

    Attributes:
        request: event id of the request.
        action: what the person can do.
    """

    request: str
    what: str
    by: str
    reason: str
    action: str
    clip_id: str | None = None


class CaseRequested(Message, frozen=True):
    """A person opens or changes a case, or a service tells of an outcome. Signed."""

    case_id: str
    change: Signed


class CaseChanged(Message, frozen=True):
    """A case changed; replaying these in order of `version` gives the case again.

    Attributes:
        what: tag of the change ("exhibit", "outcome", …).
        version: counts the changes of this case from 1.
    """

    case_id: str
    urn: str
    version: int
    what: str
    change: Signed


class CaseEndSet(Message, frozen=True):
    """The earliest end of a case's holds, by what became of its defendants; holds takes it over.

    Attributes:
        version: of the case; an older one changes nothing.
        holds: ids of the case's holds.
        earliest_end: time (ISO 8601) before which nobody lifts them; None: not before an outcome is known.
        reasons: sentences, each with the source of its rule.
    """

    case_id: str
    urn: str
    version: int
    holds: tuple[str, ...]
    earliest_end: str | None
    reasons: tuple[str, ...]


class CaseReviewDue(Message, frozen=True):
    """The earliest end of a case has come: a person looks at it. No timer lifts a hold."""

    case_id: str
    urn: str
    due_at: str


class DerivativeRequested(Message, frozen=True):
    """A person, or a submission, needs something made from a clip. Signed."""

    derivative_id: str
    clip_id: str
    order: Signed


class DerivativeMade(Message, frozen=True):
    """Something was made from a clip and lies in the vault beside it; the master is as it was."""

    derivative_id: str
    clip_id: str
    kind: str
    sha256: str
    size: int
    media_type: str
    key: str
    version_id: str
    lineage: Signed


class DerivativeFailed(Message, frozen=True):
    """It cannot be made, and why."""

    derivative_id: str
    clip_id: str
    kind: str
    reason: str
    action: str


class SubmissionRequested(Message, frozen=True):
    """A person submits exhibits. Signed."""

    submission_id: str
    case_id: str
    order: Signed


class SubmissionPrepared(Message, frozen=True):
    """Everything that goes is there and its manifest is fixed.

    Attributes:
        manifest_sha256: of the manifest's RFC 8785 form.
        manifest: what goes, item by item (docs/submissions.md).
        order: what the person signed; without it a lost row cannot be made again.
    """

    submission_id: str
    case_id: str
    urn: str
    purpose: str
    recipient: str
    manifest_sha256: str
    manifest: dict[str, Any]
    order: Signed | None = None


class ClipSubmitted(Message, frozen=True):
    """A clip, or what was made from it, is part of a submission: what binds a package to the clip's custody.

    Attributes:
        sha256: of the file that goes.
    """

    clip_id: str
    submission_id: str
    case_id: str
    urn: str
    reference: str
    recipient: str
    sha256: str
    manifest_sha256: str
    derivative_id: str | None = None


class SubmissionSent(Message, frozen=True):
    """The gateway said that it has taken all of it; its receipt is awaited.

    Attributes:
        due_at: when the receipt is overdue (ISO 8601).
    """

    submission_id: str
    case_id: str
    attempt: int
    manifest_sha256: str
    due_at: str


class SubmissionReturned(Message, frozen=True):
    """A submission goes again: the gateway knows nothing of it, or a person said so. The same id, the same content."""

    submission_id: str
    case_id: str
    reason: str
    retry: Signed | None = None


class SubmissionAnswered(Message, frozen=True):
    """The gateway's receipt, compared with the manifest item by item.

    Attributes:
        state: acknowledged, rejected, partial or contradicted.
        differences: sentences; empty if and only if it is acknowledged.
    """

    submission_id: str
    case_id: str
    state: str
    differences: tuple[str, ...]
    receipt: dict[str, Any]


class SubmissionOverdue(Message, frozen=True):
    """No receipt came in time: a person looks."""

    submission_id: str
    case_id: str
    due_at: str


class SubmissionRetryRequested(Message, frozen=True):
    """A person has a submission sent again. Signed."""

    submission_id: str
    retry: Signed


class LinkRequested(Message, frozen=True):
    """A person revokes a link, or gives it another address. Signed."""

    link_id: str
    change: Signed


class LinkChanged(Message, frozen=True):
    """A link was revoked, or has another address."""

    link_id: str
    case_id: str
    submission_id: str
    revoked: bool
    change: Signed


class LinkOpened(Message, frozen=True):
    """Somebody looked at what a link leads to.

    Attributes:
        holder: the address that received the code, or "holder of the link".
        what: "list", "play", "fetch" or "still".
        part: bytes that were asked for ("0-1048575"), None for all of it.
    """

    link_id: str
    case_id: str
    submission_id: str
    holder: str
    what: str
    at: str
    clip_id: str | None = None
    reference: str | None = None
    part: str | None = None


class PackageBuilt(Message, frozen=True):
    """A package folder was written for a recipient: a disclosure.

    Attributes:
        seal: SHA-256 of its tagmanifest-sha256.txt: another folder with this seal is the same package.
    """

    submission_id: str
    case_id: str
    recipient: str
    seal: str
    files: int
    size: int
    by: str


class EncounterRequested(Message, frozen=True):
    """A person, or a force's own system in a person's name, records a stop or the use of force. Signed."""

    encounter_id: str
    record: Signed


class EncounterRecorded(Message, frozen=True):
    """An encounter is on record, or a corrected version of it; the versions before stay.

    Attributes:
        version: counts the versions of this record from 1.
        kind: stop_search, stop_account, use_of_force.
    """

    encounter_id: str
    version: int
    kind: str
    record: Signed


class EncounterReasonRequested(Message, frozen=True):
    """A person says why footage of an encounter is missing, or the record of what a clip shows. Signed.

    Attributes:
        about: the encounter, or the clip.
    """

    about: str
    reason: Signed


class EncounterReasoned(Message, frozen=True):
    """A reason is on record. Of one gap the newest counts.

    Attributes:
        about: the encounter, or the clip.
        kind: none, late, early, muted, unmatched.
        clip_id: of a clip without a record of an encounter; the reason goes with it.
    """

    about: str
    kind: str
    reason: Signed
    clip_id: str | None = None


class JoinedGap(Struct, frozen=True):
    """What the footage of an officer lacks of an encounter.

    Attributes:
        kind: none, late, early, muted.
        explained: "camera" (its event log), "officer" (a reason was given); None: open.
    """

    kind: str
    explained: str | None = None


class EncounterJoined(Message, frozen=True):
    """What setting an encounter against the clips of the officers present came to; it names none of them.

    Attributes:
        version: of the record; telling: counts what was told of this encounter, from 1: the highest counts.
        kind: stop_search, stop_account, use_of_force.
        officers: who were present; filmed: of them, those with a clip.
        gaps: one for each officer and kind of gap.
    """

    encounter_id: str
    version: int
    telling: int
    kind: str
    at: str
    bcu: str | None
    borough: str | None
    officers: int
    filmed: int
    gaps: tuple[JoinedGap, ...] = ()


class ScrutinyRequested(Message, frozen=True):
    """A person draws encounters for a panel or a sample, grades one, opens a complaint or says how it ended. Signed.

    Attributes:
        about: the draw, or the complaint.
    """

    about: str
    deed: Signed


class ScrutinyRecorded(Message, frozen=True):
    """It is on record. Draws and complaints are made again from these.

    Attributes:
        about: the draw, or the complaint.
        what: tag of the deed: draw, grade, complaint, outcome, review-applied, review-decided.
        version: of a complaint, counted from 1; of everything else 1.
    """

    about: str
    what: str
    version: int
    deed: Signed


class ComplaintEndSet(Message, frozen=True):
    """The earliest end of a complaint's holds, by when its outcome was sent; holds takes it over.

    Attributes:
        version: of the complaint; an older one changes nothing.
        holds: ids of the complaint's holds.
        earliest_end: time (ISO 8601) before which nobody lifts them; None: not before an outcome is known.
        reasons: sentences.
    """

    complaint_id: str
    version: int
    holds: tuple[str, ...]
    earliest_end: str | None
    reasons: tuple[str, ...]


def encode(message: Message) -> bytes:
    """The message's JSON body."""
    return msgspec.json.encode(message)


def decode(body: bytes, message: type[M]) -> M:
    """Decode a body; raises MessageInvalid that says where it is wrong."""
    try:
        return msgspec.json.decode(body, type=message)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MessageInvalid(f"not a {message.__name__}: {error}; {len(body)} bytes {body[:120]!r}") from error


def event_id(*cause: object) -> str:
    """Derive an event's id from its cause: the same cause, the same id."""
    return derived_id("evt", *cause)


def event(topic: str, message: Message, *, key: str, subject: str, source: str, cause: tuple[object, ...]) -> Event:
    """Make the event that tells of `message`.

    Args:
        topic: name without the namespace.
        cause: what made it happen; becomes its id, so a repeat is recognised.
    """
    return Event(topic, key, event_id(topic, *cause), subject, source, encode(message), tracing.current())
