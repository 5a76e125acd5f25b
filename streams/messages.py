"""Every message that flows, as frozen values; JSON bodies with CloudEvents 1.0 headers (binary mode).

Messages are the public interface: others may consume them, so a change is additive. Readers ignore fields
they do not know. What was signed travels verbatim inside (`Signed`) and is never rebuilt on the way.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from workers.errors import MessageInvalid
from workers.fate.outbox import Event
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
    """What ffprobe found, or why it found nothing. Nothing depends on it."""

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
    return Event(topic, key, event_id(topic, *cause), subject, source, encode(message))
