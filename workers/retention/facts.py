"""What a retention decision looks at: the clip, what people said about it, and the holds that it is under.

Facts are kept in the clip's row (`clip_fate.facts`), oldest first, and each is also an event in the custody
log: a decision can be made again from either. A fact is never changed or removed; a later one may outweigh it.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

from workers.fate.moves import Standing
from workers.footage.recording import Kind, SourceType


class Clip(Struct, frozen=True):
    """What does not change about a clip.

    Attributes:
        recorded_at: start of the recording by the camera's clock, corrected by the offset that the dock measured;
            None if the camera did not say anything that is a time.
        docked_at: when the dock declared it.
        incident: reference that a person gave last, else the one that the camera carried, if any.
    """

    clip_id: str
    source_type: SourceType
    kind: Kind
    standing: Standing
    recorded_at: datetime | None
    docked_at: datetime
    incident: str | None = None


class Categorised(Struct, frozen=True, tag="category"):
    """A person gave it a category. What it had before still counts until a person confirms a shorter one."""

    category: str
    by: str
    at: datetime


class Confirmed(Struct, frozen=True, tag="confirmed"):
    """A second person confirmed the newest category: the ones before it no longer count."""

    category: str
    by: str
    at: datetime


class IncidentGiven(Struct, frozen=True, tag="incident"):
    """A person said that it shows this incident. It stays with every incident that it was said to show before:
    what one mistake takes out of a case or from under a hold is lost to the defence (CPIA Code 5.7)."""

    incident: str
    by: str
    at: datetime


class TimeCorrected(Struct, frozen=True, tag="time"):
    """A person corrected the time of the recording. An earlier time counts only once it is confirmed."""

    recorded_at: datetime
    by: str
    at: datetime


class TimeConfirmed(Struct, frozen=True, tag="time-confirmed"):
    """A second person confirmed the newest correction."""

    recorded_at: datetime
    by: str
    at: datetime


class Verdict(StrEnum):
    """How a retention review ends."""

    KEEP = "keep"
    DISPOSE = "dispose"


class Reviewed(Struct, frozen=True, tag="reviewed"):
    """A person decided a retention review: keep for another period, or let it go."""

    verdict: Verdict
    by: str
    at: datetime


class NotBefore(Struct, frozen=True, tag="not-before"):
    """A person took it out of the bin: nothing is disposed of before this day."""

    day: date
    by: str
    at: datetime


class EarlyDisposal(Struct, frozen=True, tag="early"):
    """Accidental, private or privileged footage: the officer asked, data protection approved."""

    asked_by: str
    approved_by: str
    at: datetime


Fact = Categorised | Confirmed | IncidentGiven | TimeCorrected | TimeConfirmed | Reviewed | NotBefore | EarlyDisposal


class HoldReason(StrEnum):
    """Why a hold stands."""

    COMPLAINT = "complaint"
    CONDUCT = "conduct"
    DSI = "dsi"
    SUBJECT_ACCESS = "subject-access"
    FOI = "foi"
    INQUEST = "inquest"
    CIVIL_CLAIM = "civil-claim"
    INQUIRY = "inquiry"
    SCRUTINY = "scrutiny"
    CASE = "case"
    SAME_INCIDENT = "same-incident"
    MANUAL = "manual"
    RESTORED = "restored"


class Hold(Struct, frozen=True):
    """One reason for which a clip may not go.

    Attributes:
        hold_id: `hold-…`; "" where a restored database knows of the hold only from the vault.
    """

    hold_id: str
    reason: HoldReason
    at: datetime | None = None
    by: str | None = None
    restricted: bool = False

    @property
    def entry(self) -> str:
        """How it stands in `clip_fate.hold_reasons`."""
        return f"{self.reason.value}/{self.hold_id}"


def hold_entry(entry: str) -> Hold:
    """The hold of an entry in `clip_fate.hold_reasons`; an entry of another form is a restored hold."""
    reason, _, hold_id = entry.partition("/")
    known = reason in HoldReason.__members__.values()
    return Hold(hold_id, HoldReason(reason)) if known else Hold(entry, HoldReason.RESTORED)
