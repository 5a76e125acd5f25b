"""Every topic, once: its name, what it carries, what orders it, how long it is kept.

Creation (`bwv topics apply`), deploy/kafka, the JSON Schemas, the AsyncAPI document and the ACLs come from
this list.
"""

from __future__ import annotations

from msgspec import Struct

from streams import messages as m

DAY = 24 * 3600
KEPT = 30 * DAY
"""No longer than the shortest period of a policy; the sealed bundles are the archive."""


class Topic(Struct, frozen=True):
    """One topic.

    Attributes:
        name: without the namespace.
        carries: type of its messages.
        key: what orders its messages ("clip", "camera", "case", "encounter" or "log").
        bytes_follow: its consumers move bytes, so it has many partitions.
        kept: seconds.
        recorded: each message becomes a custody entry.
        says: one line for the reader of the AsyncAPI document.
        verb: DPA 2018 s.62.
    """

    name: str
    carries: type[m.Message]
    key: str
    says: str
    bytes_follow: bool = False
    kept: int = KEPT
    recorded: bool = True
    verb: str = "collection"


TOPICS = (
    Topic("cameras.docked", m.CameraDocked, "camera", "A camera stands in a bay; its signed inventory."),
    Topic("uploads.reported", m.UploadReported, "camera", "A recording is declared; its signed report."),
    Topic("uploads.rejected", m.UploadRejected, "camera", "A report cannot become a clip, and why."),
    Topic("clips.registered", m.ClipRegistered, "clip", "A recording became a clip.", bytes_follow=True),
    Topic("clips.registered.urgent", m.ClipRegistered, "clip", "The same, in the urgent lane.", bytes_follow=True),
    Topic("clips.secured", m.ClipSecured, "clip", "The bytes lie in the vault, locked.", bytes_follow=True),
    Topic("clips.secured.urgent", m.ClipSecured, "clip", "The same, in the urgent lane.", bytes_follow=True),
    Topic("clips.transfer-interrupted", m.TransferInterrupted, "clip", "The dock left before the end."),
    Topic("clips.quarantined", m.ClipQuarantined, "clip", "The bytes are not the declared ones."),
    Topic("clips.verified", m.ClipVerified, "clip", "Read back and proved.", bytes_follow=True),
    Topic("clips.readback-failed", m.ReadbackFailed, "clip", "Read back and not what was declared."),
    Topic("clips.released", m.ClipReleased, "clip", "The signed permission to wipe."),
    Topic("receipts.requested", m.ReceiptRequested, "clip", "A dock asks again for a receipt.", recorded=False),
    Topic("clips.wiped", m.ClipWiped, "clip", "The camera's copy is erased.", verb="erasure"),
    Topic("clips.probed", m.ClipProbed, "clip", "What ffprobe found.", verb="consultation"),
    Topic("clips.reread", m.ClipReread, "clip", "Read again in full and still what the dock signed.",
          verb="consultation"),
    Topic("clips.damaged", m.ClipDamaged, "clip", "Read again and no longer what was verified.", verb="alteration"),
    Topic("clips.attributed", m.ClipAttributed, "clip", "A person corrected whose clip it is.", verb="alteration"),
    Topic("clips.consulted", m.ClipConsulted, "clip", "Somebody looked at a clip.", verb="consultation"),
    Topic("clips.viewing-set", m.ClipViewingSet, "clip", "Who may see a clip has changed.", verb="alteration"),
    Topic("viewings.set", m.ViewingLockSet, "log", "Nobody plays an incident's or officers' clips, or they do again.",
          verb="alteration"),
    Topic("cameras.gap-found", m.GapFound, "camera", "Recordings of a camera are missing."),
    Topic("cameras.issued", m.CameraIssued, "camera", "An officer took a camera."),
    Topic("cameras.returned", m.CameraReturned, "camera", "An officer gave a camera back."),
    Topic("urgency.requested", m.UrgencyRequested, "camera", "A person asks for the urgent lane."),
    Topic("quarantine.decided", m.QuarantineDecided, "camera", "A person decided about quarantined bytes.",
          verb="alteration"),
    Topic("keys.enrolled", m.KeyEnrolled, "camera", "A key or a camera is enrolled."),
    Topic("keys.revoked", m.KeyRevoked, "camera", "A key is revoked."),
    Topic("custody.sealed", m.CustodySealed, "log", "The custody log up to here lies in the vault under lock.",
          recorded=False),
    Topic("reconciliations.stated", m.ReconciliationStated, "log", "Declared, custody log and vault were compared.",
          verb="consultation"),
    Topic("categories.requested", m.CategoryRequested, "clip", "A person gives or confirms a category.",
          recorded=False),
    Topic("clips.categorised", m.ClipCategorised, "clip", "A clip has a category.", verb="alteration"),
    Topic("corrections.requested", m.TimeCorrectionRequested, "clip", "A person corrects a recording time.",
          recorded=False),
    Topic("clips.time-corrected", m.ClipTimeCorrected, "clip", "Retention counts from another time.",
          verb="alteration"),
    Topic("policies.requested", m.PolicyAdoptionRequested, "log", "A person adopts a policy.", recorded=False),
    Topic("policies.adopted", m.PolicyAdopted, "log", "A retention policy is in force.", verb="alteration"),
    Topic("reviews.due", m.ReviewDue, "clip", "A long period is over: a person decides.", verb="alteration"),
    Topic("reviews.requested", m.ReviewRequested, "clip", "A person ends a retention review.", recorded=False),
    Topic("reviews.decided", m.ReviewDecided, "clip", "A retention review has ended.", verb="alteration"),
    Topic("disposals.early-requested", m.EarlyDisposalRequested, "clip", "Somebody asks for an early disposal.",
          recorded=False),
    Topic("disposals.early-approved", m.EarlyDisposalApproved, "clip", "A clip may go before its time.",
          verb="alteration"),
    Topic("disposals.intended", m.DisposalIntended, "clip", "A clip is in the bin.", verb="erasure"),
    Topic("restores.requested", m.RestoreRequested, "clip", "A person takes a clip out of the bin.",
          recorded=False),
    Topic("disposals.cancelled", m.DisposalCancelled, "clip", "A clip is out of the bin.", verb="alteration"),
    Topic("disposals.committed", m.DisposalCommitted, "clip", "A disposal is decided for good.", bytes_follow=True,
          verb="erasure"),
    Topic("clips.disposed", m.ClipDisposed, "clip", "Nothing of a clip is left; its certificate.", verb="erasure"),
    Topic("sweeps.stopped", m.SweepStopped, "log", "A sweep stopped and asks a person.", verb="erasure"),
    Topic("sweeps.requested", m.SweepRequested, "log", "A person answers a stopped sweep.", recorded=False),
    Topic("sweeps.decided", m.SweepDecided, "log", "A stopped sweep may go on, or not.", verb="erasure"),
    Topic("holds.requested", m.HoldRequested, "log", "A person asks for a hold.", recorded=False),
    Topic("holds.accepted", m.HoldAccepted, "clip", "A clip is protected; the store's hold follows.",
          verb="alteration"),
    Topic("holds.placed", m.HoldPlaced, "clip", "Every version is under legal hold.", verb="alteration"),
    Topic("holds.refused", m.HoldRefused, "clip", "A hold came after the commit of a disposal.",
          verb="alteration"),
    Topic("holds.standing-placed", m.StandingHoldPlaced, "log", "A hold stands, also for what is docked later.",
          verb="alteration"),
    Topic("holds.matched", m.HoldMatched, "clip", "A clip falls under a standing hold.", bytes_follow=True,
          recorded=False),
    Topic("holds.cleared", m.HoldCleared, "clip", "A clip does not fall under a standing hold.",
          verb="alteration"),
    Topic("holds.lift-requested", m.HoldLiftRequested, "log", "A person wants to lift a hold.", recorded=False),
    Topic("holds.lift-asked", m.HoldLiftAsked, "log", "The first of two people wants to lift a hold.",
          verb="alteration"),
    Topic("holds.standing-lifted", m.StandingHoldLifted, "log", "A hold is lifted; each of its clips follows.",
          verb="alteration"),
    Topic("holds.lifted", m.HoldLifted, "clip", "A clip is no longer under a hold.", verb="alteration"),
    Topic("cases.requested", m.CaseRequested, "case", "A person opens or changes a case.", recorded=False),
    Topic("cases.changed", m.CaseChanged, "case", "A case has changed.", verb="combination"),
    Topic("cases.end-set", m.CaseEndSet, "case", "The earliest end of a case's holds.", verb="alteration"),
    Topic("cases.review-due", m.CaseReviewDue, "case", "A case's earliest end has come: a person looks at it.",
          verb="consultation"),
    Topic("derivatives.requested", m.DerivativeRequested, "clip", "Something is to be made from a clip.",
          bytes_follow=True, recorded=False),
    Topic("derivatives.made", m.DerivativeMade, "clip", "Something was made from a clip; its lineage.",
          verb="alteration"),
    Topic("derivatives.failed", m.DerivativeFailed, "clip", "It cannot be made from the clip, and why.",
          verb="consultation"),
    Topic("submissions.requested", m.SubmissionRequested, "case", "A person submits exhibits.", bytes_follow=True,
          recorded=False),
    Topic("submissions.requested.urgent", m.SubmissionRequested, "case", "The same, while a clock runs.",
          bytes_follow=True, recorded=False),
    Topic("submissions.prepared", m.SubmissionPrepared, "case", "What goes is there; its manifest.",
          bytes_follow=True, verb="disclosure"),
    Topic("clips.submitted", m.ClipSubmitted, "clip", "A clip is part of a submission.", verb="disclosure"),
    Topic("submissions.sent", m.SubmissionSent, "case", "The gateway has taken all of it.", verb="disclosure"),
    Topic("submissions.returned", m.SubmissionReturned, "case", "A submission goes again.", bytes_follow=True,
          verb="disclosure"),
    Topic("submissions.acknowledged", m.SubmissionAnswered, "case", "The receipt is the manifest.",
          verb="disclosure"),
    Topic("submissions.rejected", m.SubmissionAnswered, "case", "The gateway rejects a submission.",
          verb="disclosure"),
    Topic("submissions.partial", m.SubmissionAnswered, "case", "The receipt lacks items.", verb="disclosure"),
    Topic("submissions.contradicted", m.SubmissionAnswered, "case", "The receipt is not the manifest.",
          verb="disclosure"),
    Topic("submissions.overdue", m.SubmissionOverdue, "case", "No receipt came in time.", verb="consultation"),
    Topic("submissions.retry-requested", m.SubmissionRetryRequested, "case", "A person has it sent again.",
          recorded=False),
    Topic("links.requested", m.LinkRequested, "case", "A person revokes or changes a link.", recorded=False),
    Topic("links.changed", m.LinkChanged, "case", "A link was revoked, or has another address.",
          verb="alteration"),
    Topic("links.opened", m.LinkOpened, "case", "Somebody looked at what a link leads to.", verb="disclosure"),
    Topic("packages.built", m.PackageBuilt, "case", "A package was written for a recipient.", verb="disclosure"),
    Topic("requests.refused", m.RequestRefused, "log", "A person asked for what may not be done.",
          verb="consultation"),
    Topic("encounters.requested", m.EncounterRequested, "encounter", "A stop, or the use of force, is to be recorded.",
          recorded=False),
    Topic("encounters.recorded", m.EncounterRecorded, "encounter", "A stop, or the use of force, is on record.",
          verb="combination"),
    Topic("encounters.reason-requested", m.EncounterReasonRequested, "encounter",
          "A person says why footage, or a record, is missing.", recorded=False),
    Topic("encounters.reasoned", m.EncounterReasoned, "encounter", "Why footage, or a record, is missing.",
          verb="alteration"),
    Topic("encounters.joined", m.EncounterJoined, "encounter", "What the clips of the officers present show.",
          verb="combination"),
    Topic("scrutiny.requested", m.ScrutinyRequested, "log", "A person draws, grades, or deals with a complaint.",
          recorded=False),
    Topic("scrutiny.recorded", m.ScrutinyRecorded, "log", "A draw, a grade, or a step of a complaint.",
          verb="alteration"),
    Topic("misuse.consulted", m.MisuseConsulted, "log", "Professional standards looked at what may be misuse.",
          verb="consultation"),
    Topic("complaints.end-set", m.ComplaintEndSet, "log", "The earliest end of a complaint's holds.",
          verb="alteration"),
    Topic("transfers.progressed", m.TransferProgressed, "clip", "How far a transfer is; for people only.",
          kept=3600, recorded=False),
)  # fmt: skip

STAGES_WITH_DEAD_LETTERS = (
    "intake",
    "transfer",
    "verification",
    "release",
    "probe",
    "record",
    "retention",
    "holds",
    "disposal",
    "cases",
    "derivation",
    "prosecution",
    "links",
    "encounters",
)
"""One dead-letter topic a stage: the original bytes and headers with the reason."""

BY_NAME = {topic.name: topic for topic in TOPICS}
BY_MESSAGE = {topic.carries: topic for topic in reversed(TOPICS)}


def dead_letters_of(stage: str) -> str:
    """Name of the stage's dead-letter topic, without the namespace."""
    return f"dead-letters.{stage}"


def full_name(namespace: str, topic: str) -> str:
    """The topic's name at the broker."""
    return f"{namespace}.{topic}"


def short_name(namespace: str, name: str) -> str:
    """The topic's name without the namespace."""
    return name.removeprefix(f"{namespace}.")
