"""What people sign about retention and holds: the bodies of `Signed`, each bound to its purpose."""

from __future__ import annotations

from msgspec import Struct

from workers.retention.facts import HoldReason, Verdict


class Categorisation(Struct, frozen=True):
    """Body of CategoryRequested and ClipCategorised.

    Attributes:
        confirms: it gives no category, it confirms the newest one, which is shorter than one before it.
        incident: reference of an incident that the clip shows, besides those that it belongs to already.
    """

    clip_id: str
    category: str
    reason: str
    by: str
    at: str
    confirms: bool = False
    incident: str | None = None


class TimeCorrection(Struct, frozen=True):
    """Body of TimeCorrectionRequested and ClipTimeCorrected. `recorded_at` of the recording itself stays."""

    clip_id: str
    recorded_at: str
    reason: str
    by: str
    at: str
    confirms: bool = False


class Restoration(Struct, frozen=True):
    """Body of RestoreRequested and DisposalCancelled: out of the bin, not before this day (ISO 8601)."""

    clip_id: str
    not_before: str
    reason: str
    by: str
    at: str


class ReviewVerdict(Struct, frozen=True):
    """Body of ReviewRequested and ReviewDecided."""

    clip_id: str
    verdict: Verdict
    reason: str
    by: str
    at: str


class EarlyDisposalRequest(Struct, frozen=True):
    """Body of EarlyDisposalRequested: an officer asks (`approves` False), data protection approves."""

    clip_id: str
    approves: bool
    reason: str
    by: str
    at: str


class Adoption(Struct, frozen=True):
    """Body of PolicyAdoptionRequested and PolicyAdopted: this very text, after that dry run.

    Attributes:
        toml: the policy, verbatim.
        dry_run: SHA-256 of the dry run's result that the person saw.
    """

    version: int
    toml: str
    sha256: str
    dry_run: str
    reason: str
    by: str
    at: str


class SweepDecision(Struct, frozen=True):
    """Body of SweepRequested and SweepDecided: a sweep that stopped may go on, or not."""

    sweep_id: str
    approve: bool
    reason: str
    by: str
    at: str


class PlaceAndRadius(Struct, frozen=True):
    """A place that a complainant names."""

    latitude: float
    longitude: float
    metres: float


class HoldRequest(Struct, frozen=True):
    """Body of HoldRequested.

    Attributes:
        scope: clip, incident, officer, place or encounter; every scope but clip also holds what is docked later.
        since, until: of the recordings (ISO 8601), for officer, place and encounter.
        reference: number of the complaint, claim or case, as its owner writes it.
        restricted: who it concerns must not learn of it: others see "kept by the force".
        earliest_end: of a case hold; before it nobody lifts it.
        latest_end: of a scrutiny hold, and of no other; then it ends by itself.
    """

    hold_id: str
    scope: str
    reason: HoldReason
    by: str
    at: str
    clip_id: str | None = None
    incident: str | None = None
    officers: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    place: PlaceAndRadius | None = None
    encounter: str | None = None
    reference: str | None = None
    restricted: bool = False
    earliest_end: str | None = None
    latest_end: str | None = None


class HoldLift(Struct, frozen=True):
    """Body of HoldLiftRequested; two people sign one each where the reason asks for two.

    Attributes:
        same_incident: answer to a same-incident hold; if it is, the clip falls under the hold that raised the question.
    """

    hold_id: str
    reason: str
    by: str
    at: str
    same_incident: bool | None = None


class Disposed(Struct, frozen=True):
    """What the disposal service signs once nothing is left: the certificate's statement.

    Attributes:
        sha256, size: of the footage, as declared.
        versions: (key, version id) of everything that was deleted.
        uploads: unfinished uploads that were aborted.
        intended_at, committed_at, gone_at: of the protocol's steps.
        policy, category, rule: of the decision, with its reasons as sentences.
    """

    clip_id: str
    camera: str
    recording: str
    source_type: str
    size: int
    sha256: str
    recorded_at: str | None
    docked_at: str
    policy: int
    category: str
    rule: str
    reasons: tuple[str, ...]
    intended_at: str
    committed_at: str
    gone_at: str
    versions: tuple[tuple[str, str], ...]
    uploads: int
