"""What people and docks sign: the bodies of `Signed`, and the purpose that each signature is bound to."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from workers.encounters.statements import EncounterReason, EncounterRecord
from workers.footage.receipt import Receipt
from workers.footage.recording import Inventory, Report
from workers.operations.statement import Reconciliation
from workers.prosecution.statements import (
    CaseChange,
    DerivativeOrder,
    Lineage,
    LinkChange,
    SubmissionOrder,
    SubmissionRetry,
)
from workers.retention.statements import (
    Adoption,
    Categorisation,
    Disposed,
    EarlyDisposalRequest,
    HoldLift,
    HoldRequest,
    Restoration,
    ReviewVerdict,
    SweepDecision,
    TimeCorrection,
)
from workers.scrutiny.statements import ScrutinyDeed


class Enrolment(Struct, frozen=True):
    """Body of KeyEnrolled. `public` is base64, empty for a camera that cannot sign."""

    id: str
    role: str
    owner: str
    public: str
    by: str
    at: str


class Revocation(Struct, frozen=True):
    """Body of KeyRevoked."""

    id: str
    by: str
    at: str
    reason: str


class Issue(Struct, frozen=True):
    """Body of CameraIssued and CameraReturned."""

    camera: str
    officer: str
    by: str
    at: str


class Attribution(Struct, frozen=True):
    """Body of ClipAttributed."""

    clip_id: str
    officer: str
    reason: str
    by: str
    at: str


class Viewing(Struct, frozen=True):
    """Body of ClipViewingSet.

    Attributes:
        kind: named (`people` alone may see it) and open (ends that); lock (nobody plays it) and unlock.
    """

    clip_id: str
    kind: str
    people: tuple[str, ...]
    reason: str
    by: str
    at: str


class ViewingLock(Struct, frozen=True):
    """Body of ViewingLockSet.

    Attributes:
        kind: lock (nobody plays these clips, docked now or later) or unlock.
        since, until: of the recordings (ISO 8601), for officers.
        people: who may play them all the same.
    """

    lock_id: str
    kind: str
    reason: str
    by: str
    at: str
    incident: str | None = None
    officers: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    people: tuple[str, ...] = ()


class Urgency(Struct, frozen=True):
    """Body of UrgencyRequested."""

    camera: str
    reason: str
    by: str
    at: str


class Decision(Struct, frozen=True):
    """Body of QuarantineDecided: accept these very bytes, or keep them apart."""

    clip_id: str
    camera: str
    recording: str
    accept: bool
    size: int
    sha256: str
    reason: str
    by: str
    at: str


class Wiped(Struct, frozen=True):
    """Body of ClipWiped. `sha256` was measured just before erasing."""

    clip_id: str
    camera: str
    recording: str
    size: int
    sha256: str
    dock: str
    bay: str
    at: str


class Fetch(Struct, frozen=True):
    """What the transfer stage signs to read a recording from a dock: this path, at this time."""

    path: str
    at: str


PURPOSES: dict[type[Struct], str] = {
    Report: "bwv.report.1",
    Inventory: "bwv.inventory.1",
    Receipt: "bwv.receipt.1",
    Enrolment: "bwv.enrolment.1",
    Revocation: "bwv.revocation.1",
    Issue: "bwv.issue.1",
    Attribution: "bwv.attribution.1",
    Viewing: "bwv.viewing.1",
    ViewingLock: "bwv.viewing-lock.1",
    Urgency: "bwv.urgency.1",
    Decision: "bwv.decision.1",
    Wiped: "bwv.wiped.1",
    Fetch: "bwv.fetch.1",
    Reconciliation: "bwv.reconciliation.1",
    Categorisation: "bwv.categorisation.1",
    TimeCorrection: "bwv.time-correction.1",
    Restoration: "bwv.restoration.1",
    ReviewVerdict: "bwv.review-verdict.1",
    EarlyDisposalRequest: "bwv.early-disposal.1",
    Adoption: "bwv.policy-adoption.1",
    SweepDecision: "bwv.sweep-decision.1",
    HoldRequest: "bwv.hold-request.1",
    HoldLift: "bwv.hold-lift.1",
    Disposed: "bwv.disposed.1",
    CaseChange: "bwv.case-change.1",
    SubmissionOrder: "bwv.submission-order.1",
    SubmissionRetry: "bwv.submission-retry.1",
    DerivativeOrder: "bwv.derivative-order.1",
    Lineage: "bwv.lineage.1",
    LinkChange: "bwv.link-change.1",
    EncounterRecord: "bwv.encounter-record.1",
    EncounterReason: "bwv.encounter-reason.1",
    ScrutinyDeed: "bwv.scrutiny-deed.1",
}
"""A signature is bound to its purpose, so that one given for one thing cannot be shown for another."""


def now_iso(now: datetime | None = None) -> str:
    """UTC time with milliseconds, as it stands in messages and statements."""
    return (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
