"""Decides what a dock's report becomes: a new clip, an answered repeat, a conflict, or a rejection.

`admit` is pure: it is given the report and what is known, and says what follows. The rules are those of
docs/life-of-a-clip.md §2 (1, 3, 4, 5).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import Struct

from workers.errors import NameInvalid, RuleBroken
from workers.fate.moves import FINAL, MOST_ATTEMPTS, Standing
from workers.fate.row import Fate
from workers.footage.clip import check_enrolled_id, check_recording_id, check_sha256
from workers.footage.recording import Report
from workers.keys.statements import Decision

LARGEST = 1 << 40
"""Bytes of the largest recording that is believed: 1 TiB; a 16 MiB chunk and 10,000 parts end at 160 GiB."""


class ReportRejected(RuleBroken):
    """A report that is rightly signed and can still never become a clip.

    Args:
        code: short and stable; docks and tests tell rejections apart by it.
        action: what a person should do.
    """

    def __init__(self, code: str, reason: str, action: str, clip_id: str | None = None) -> None:
        super().__init__(f"{reason}; {action}")
        self.code, self.reason, self.action, self.clip_id = code, reason, action, clip_id


class Known(Struct, frozen=True):
    """What intake knows when a report arrives.

    Attributes:
        enrolled: whether the camera is enrolled and not revoked.
        docking: newest docking counter of this camera; 0 before the first.
        fate: the row of the clip with these very bytes, if it exists.
        conflict: an earlier clip of the same camera and recording with other bytes.
        conflict_docking: the newest docking that declared it.
    """

    enrolled: bool
    docking: int = 0
    fate: Fate | None = None
    conflict: str | None = None
    conflict_docking: int = 0


class Admission(StrEnum):
    """What a report becomes."""

    NEW = "a new clip"
    CONFLICT = "a new clip whose name is taken by other bytes: its bytes go to quarantine"
    ANSWER = "already answered: release gives the same receipt again"
    RESTART = "its transfer had ended and starts again"
    RELOCATE = "on its way: only the place to read from changes"
    WAIT = "on its way: nothing to do"


def check_report(report: Report, signed_by: str) -> None:
    """Raise ReportRejected if the declaration breaks a rule that needs no knowledge of the past."""
    recording = report.recording
    try:
        for what, value in (("dock", report.dock), ("bay", report.bay), ("camera", recording.camera)):
            check_enrolled_id(what, value)
        check_recording_id(recording.recording)
        check_sha256(recording.sha256)
        check_sha256(recording.sidecar_sha256)
    except NameInvalid as error:
        raise ReportRejected("name_invalid", str(error), "correct the sidecar or rename the camera") from error
    if report.dock != signed_by:
        raise ReportRejected(
            "wrong_dock",
            f"the report says dock {report.dock} and is signed by {signed_by}",
            "give each dock its own key: bwv keys new dock",
        )
    if not 0 < recording.size <= LARGEST:
        raise ReportRejected(
            "size_invalid",
            f"declared size {recording.size}: expected 1 byte to 1 TiB",
            "an empty recording stays on the camera; have the camera looked at",
        )
    if recording.sequence < 0 or report.docking < 1:
        raise ReportRejected(
            "counter_invalid",
            f"sequence {recording.sequence}, docking {report.docking}: expected whole numbers, docking from 1",
            "correct the sidecar",
        )
    try:
        datetime.fromisoformat(recording.recorded_at)
        datetime.fromisoformat(report.docked_at)
    except ValueError as error:
        raise ReportRejected(
            "time_invalid", f"{error}: expected ISO 8601 with an offset", "correct the camera's clock or sidecar"
        ) from error


def admit(report: Report, known: Known) -> Admission:
    """Say what follows from a well-formed report; raise ReportRejected if nothing can."""
    recording = report.recording
    if not known.enrolled:
        raise ReportRejected(
            "unknown_camera",
            f"camera {recording.camera} is not enrolled",
            f"enrol it with: bwv keys enrol camera {recording.camera}",
        )
    if report.docking < known.docking:
        raise ReportRejected(
            "replay",
            f"docking {report.docking} of {recording.camera} was reported after docking {known.docking}",
            "if the camera really stands in the bay, take it out and dock it again",
        )
    if known.fate is None:
        if known.conflict is None:
            return Admission.NEW
        if report.docking <= known.conflict_docking:
            raise ReportRejected(
                "replay",
                f"docking {report.docking} of {recording.camera} already declared {recording.recording!r} "
                f"with another digest (clip {known.conflict})",
                "two different digests for one recording in one docking: have dock and camera examined",
            )
        return Admission.CONFLICT
    return _repeat(report, known.fate)


def accepted(fate: Fate) -> Decision | None:
    """The person's acceptance of this clip's quarantined bytes, if there is one. Its signature was checked
    before it reached the row."""
    if fate.decision is None:
        return None
    decision = msgspec.json.decode(fate.decision.body, type=Decision)
    return decision if decision.accept else None


def _repeat(report: Report, fate: Fate) -> Admission:
    if fate.standing == Standing.QUARANTINED:
        if accepted(fate):
            return Admission.ANSWER
        decided = "a person decided to keep them apart" if fate.decision else "a person has to decide"
        raise ReportRejected(
            "quarantined",
            f"its bytes are kept in quarantine ({(fate.quarantine or {}).get('reason', 'they differ')}); {decided}",
            f"see: bwv quarantine show {fate.clip_id}",
            fate.clip_id,
        )
    disposed = fate.disposal in FINAL
    if fate.standing == Standing.DAMAGED and not disposed:
        raise ReportRejected(
            "damaged",
            "the vault's copy was verified and is damaged now; the camera's may be the only good one",
            f"keep the camera as it is; a person looks at: bwv trace {fate.clip_id}",
            fate.clip_id,
        )
    if fate.standing == Standing.RELEASED or disposed:
        return Admission.ANSWER
    if fate.standing == Standing.REGISTERED and fate.attempt > MOST_ATTEMPTS:
        raise ReportRejected(
            "exhausted",
            f"{MOST_ATTEMPTS} attempts to store it failed when they were read back",
            f"have the store examined (bwv store-check), then: bwv trace {fate.clip_id}",
            fate.clip_id,
        )
    if fate.standing == Standing.REGISTERED and fate.interrupted:
        return Admission.RESTART
    return Admission.RELOCATE if report.docking > fate.docking else Admission.WAIT
