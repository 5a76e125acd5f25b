"""Events about holds, as the holds stage makes them. One cause each, so that a repeat is recognised."""

from __future__ import annotations

from streams.messages import (
    HoldAccepted,
    HoldCleared,
    HoldLiftAsked,
    HoldLifted,
    HoldMatched,
    HoldPlaced,
    HoldRefused,
    Message,
    StandingHoldLifted,
    StandingHoldPlaced,
    event,
    event_id,
)
from workers.fate.outbox import Event
from workers.keys.signing import Signed
from workers.retention.holding import Told
from workers.retention.scopes import HoldRow

SOURCE = "holds"


def asked_as(hold_id: str) -> str:
    """Event id of the request for a hold: whoever asks derives it from the hold's own id."""
    return event_id("holds.requested", hold_id)


def told_of(hold: HoldRow, clip_id: str) -> Told:
    """What may be told of a clip that the hold is to cover."""
    return Told(
        accepted=_of_clip("holds.accepted", HoldAccepted(clip_id, hold.hold_id, hold.reason.value, hold.request)),
        refused=refused(hold, clip_id),
    )


def refused(hold: HoldRow, clip_id: str) -> Event:
    """The disposal was committed before; the certificate follows."""
    reason = f"its disposal was committed before the hold came; certificate: certificates/{clip_id}"
    return _of_clip("holds.refused", HoldRefused(clip_id, hold.hold_id, hold.reason.value, reason))


def placed(hold: HoldRow, clip_id: str, versions: int) -> Event:
    """Every version is under legal hold, read back."""
    return _of_clip("holds.placed", HoldPlaced(clip_id, hold.hold_id, hold.reason.value, versions))


def matched(hold_id: str, clip_id: str) -> Event:
    """The clip is to be brought under the hold."""
    return _of_clip("holds.matched", HoldMatched(clip_id, hold_id))


def cleared(hold: HoldRow, clip_id: str, reason: str) -> Event:
    """The clip was looked at and does not fall under the hold."""
    return _of_clip("holds.cleared", HoldCleared(clip_id, hold.hold_id, hold.reason.value, reason))


def lifted(hold: HoldRow, clip_id: str, lifts: tuple[Signed, ...]) -> Event:
    """The clip is no longer under the hold."""
    return _of_clip("holds.lifted", HoldLifted(clip_id, hold.hold_id, hold.reason.value, lifts))


def standing_placed(hold: HoldRow) -> Event:
    """The hold stands, also over what is docked later."""
    return _of_hold("holds.standing-placed", hold, StandingHoldPlaced(hold.hold_id, hold.reason.value, hold.request))


def lift_asked(hold: HoldRow, lift: Signed) -> Event:
    """The first of two people wants it lifted."""
    return _of_hold("holds.lift-asked", hold, HoldLiftAsked(hold.hold_id, lift))


def standing_lifted(hold: HoldRow, lifts: tuple[Signed, ...]) -> Event:
    """The hold is lifted; each of its clips follows."""
    return _of_hold("holds.standing-lifted", hold, StandingHoldLifted(hold.hold_id, hold.reason.value, lifts))


def _of_clip(
    topic: str, told: HoldAccepted | HoldPlaced | HoldRefused | HoldMatched | HoldCleared | HoldLifted
) -> Event:
    return event(topic, told, key=told.clip_id, subject=told.clip_id, source=SOURCE, cause=(told.hold_id, told.clip_id))


def _of_hold(topic: str, hold: HoldRow, told: Message) -> Event:
    return event(topic, told, key=hold.hold_id, subject=hold.hold_id, source=SOURCE, cause=(hold.hold_id,))
