"""The holds that go with a case: its incidents', and an exhibit's where its clip belongs to none of them."""

from __future__ import annotations

import msgspec

from workers.errors import MessageInvalid
from workers.footage.canonical import derived_id
from workers.keys.signing import Signed
from workers.prosecution.cases.checks import need
from workers.prosecution.identity import plain
from workers.prosecution.statements import CaseChange, CaseKind, Change, ExhibitAdded, IncidentAdded, Opened
from workers.retention.facts import HoldReason
from workers.retention.scopes import NOT_KNOWN, Scope
from workers.retention.statements import HoldLift, HoldRequest

REASON = {CaseKind.PROSECUTION: HoldReason.CASE, CaseKind.SUBJECT_ACCESS: HoldReason.SUBJECT_ACCESS}
"""Why the clips of a case are kept. A training copy keeps nothing: it goes with its clip."""

ASK = "ask with bwv case, which signs the holds that go with a change"


def case_hold(
    urn: str, kind: CaseKind, *, by: str, at: str, incident: str | None = None, clip_id: str | None = None
) -> HoldRequest:
    """What a person signs to hold an incident, or one clip, with a case.

    A prosecution's hold has no known end: `cases.end-set` gives it one, once every outcome is known (CPIA Code 5.9).
    """
    return HoldRequest(
        hold_id=derived_id("hold", "case", plain(urn), incident, clip_id, by, at),
        scope=Scope.INCIDENT if incident is not None else Scope.CLIP,
        reason=REASON[kind],
        by=by,
        at=at,
        clip_id=clip_id,
        incident=incident,
        reference=urn,
        earliest_end=NOT_KNOWN.isoformat() if kind is CaseKind.PROSECUTION else None,
    )


def wanted_holds(
    urn: str, kind: CaseKind, change: Change, *, by: str, at: str, bare_clip: bool = False
) -> tuple[HoldRequest, ...]:
    """The holds that a person signs with a change.

    Args:
        bare_clip: the clip that becomes an exhibit belongs to no incident that the case holds.
    """
    if kind not in REASON:
        return ()
    match change:
        case Opened() | IncidentAdded():
            incidents = change.incidents if isinstance(change, Opened) else (change.incident,)
            return tuple(case_hold(urn, kind, by=by, at=at, incident=incident) for incident in incidents)
        case ExhibitAdded() if bare_clip:
            return (case_hold(urn, kind, by=by, at=at, clip_id=change.clip_id),)
    return ()


def hold_of(signed: Signed) -> HoldRequest:
    """What a hold request that goes with a change says; raises MessageInvalid. Its signature is another matter."""
    try:
        return msgspec.json.decode(signed.body, type=HoldRequest)
    except msgspec.DecodeError as error:
        raise MessageInvalid(f"a hold that goes with the change is none: {error}") from error


def lift_of(signed: Signed) -> HoldLift:
    """What a wish to lift a hold that goes with a change says; raises MessageInvalid."""
    try:
        return msgspec.json.decode(signed.body, type=HoldLift)
    except msgspec.DecodeError as error:
        raise MessageInvalid(f"a lift that goes with the change is none: {error}") from error


def holds_with(urn: str, kind: CaseKind, asked: CaseChange, change: Change) -> tuple[HoldRequest, ...]:
    """The holds that go with a change: just those that it needs, no more and no fewer.

    Raises:
        Refused: one is missing, or is not the case's.
    """
    holds = tuple(hold_of(signed) for signed in asked.holds)
    for hold in holds:
        _is_the_cases(hold, urn, kind, asked)
    if isinstance(change, ExhibitAdded):
        clips = [hold.clip_id for hold in holds]
        need(clips in ([], [change.clip_id]), f"an exhibit holds its own clip, not {clips}", ASK)
        return holds
    wanted = sorted(hold.incident or "" for hold in wanted_holds(urn, kind, change, by=asked.by, at=asked.at))
    incidents = sorted(hold.incident or "" for hold in holds)
    need(
        incidents == wanted,
        f"each incident of a case is held with it: expected holds of {wanted}, found {incidents}",
        ASK,
    )
    return holds


def _is_the_cases(hold: HoldRequest, urn: str, kind: CaseKind, asked: CaseChange) -> None:
    need(kind in REASON, f"a {kind.value} case holds nothing", ASK)
    need(hold.by == asked.by, f"the hold {hold.hold_id} is asked for by {hold.by}, the change by {asked.by}", ASK)
    need(hold.reason is REASON[kind], f"a {kind.value} case holds for {REASON[kind].value}, not {hold.reason}", ASK)
    need(
        plain(hold.reference or "") == plain(urn), f"the hold {hold.hold_id} refers to {hold.reference}, not {urn}", ASK
    )
    need(hold.scope in (Scope.INCIDENT, Scope.CLIP), f"a case holds incidents and clips, not a {hold.scope}", ASK)
    ends = NOT_KNOWN.isoformat() if kind is CaseKind.PROSECUTION else None
    need(hold.earliest_end == ends, "a case gives its holds their end itself", ASK)
