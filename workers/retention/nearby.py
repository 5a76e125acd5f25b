"""Clips that may show the same incident as a held one and do not carry its reference: near in time, near in place.

A complainant names an incident; the colleague who stood beside it may have forgotten to. Such a clip is held under the
reason same-incident until one person has looked at it and answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from msgspec import Struct

from workers.database.engine import Connection, Row, fetch
from workers.fate.row import Fate
from workers.footage.canonical import derived_id
from workers.footage.recording import Place
from workers.retention.clips import recorded_at
from workers.retention.facts import HoldReason
from workers.retention.places import FIX_ERROR, distance
from workers.retention.scopes import HoldRow, Scope

WITHIN = timedelta(minutes=10)
"""Before and after a held clip."""

METRES = 200.0
"""Between two tracks."""

LONGEST = timedelta(hours=24)
"""No recording is longer; what began before that is not looked at."""

FIXES = 60
"""Fixes of a track that are compared; of a longer one every n-th, which a person on foot does not outrun."""

ASKED_FOR = (HoldReason.COMPLAINT, HoldReason.CASE)
ASKED_OF = (Scope.INCIDENT, Scope.PLACE)

ENDED = "CASE WHEN c.ended_at >= c.recorded_at THEN s.recorded_at + (c.ended_at - c.recorded_at) ELSE c.docked_at END"
NEAR = (
    "SELECT held.clip_id AS held, other.clip_id AS other, held.dock IS NOT DISTINCT FROM other.dock"
    " AND held.began <= other.ended AND other.began <= held.ended AS side_by_side"
    " FROM ({held}) held JOIN ({other}) other ON held.began <= other.ended + %(within)s"
    " AND other.began <= held.ended + %(within)s"
)
CLIPS = f"SELECT s.clip_id, s.recorded_at AS began, {ENDED} AS ended, c.dock FROM schedule s JOIN clips c"
CLIPS += " USING (clip_id)"
AT_HAND = (
    "SELECT %(clip)s::text AS clip_id, %(began)s::timestamptz AS began, %(ended)s::timestamptz AS ended,"
    " %(dock)s::text AS dock"
)


class Near(Struct, frozen=True):
    """Two clips of about the same time, of which the first is under a hold.

    Attributes:
        side_by_side: of the same dock, and recorded together: all that tells of places where there is no track.
    """

    hold_id: str
    held: str
    other: str
    side_by_side: bool


def asks(hold: HoldRow) -> bool:
    """Whether somebody has to look at the neighbours of this hold's clips."""
    return hold.reason in ASKED_FOR and hold.scope in ASKED_OF and hold.lifted_at is None


def question_id(hold_id: str, clip_id: str) -> str:
    """Id of the hold that stands for the question whether a clip belongs to another hold's incident."""
    return derived_id("hold", "same-incident", hold_id, clip_id)


async def near_in_time(connection: Connection, hold: HoldRow, fate: Fate) -> list[Near]:
    """Clips of about the time of this held one that do not carry the incident and that the hold does not cover."""
    at_hand = _at_hand(fate)
    if at_hand is None:
        return []
    rows = await fetch(
        connection,
        NEAR.format(
            held=AT_HAND,
            other=f"{CLIPS} WHERE s.recorded_at BETWEEN %(began)s - %(longest)s AND %(began)s + %(longest)s"
            " AND c.incident IS DISTINCT FROM %(incident)s::text AND NOT EXISTS (SELECT FROM hold_clips k"
            " WHERE k.hold_id = %(hold)s AND k.clip_id = s.clip_id)",
        )
        + " WHERE other.clip_id <> held.clip_id ORDER BY other.clip_id",
        at_hand | {"hold": hold.hold_id, "incident": hold.incident, "longest": LONGEST},
    )
    return [_near(hold.hold_id, row) for row in rows]


async def holds_near_in_time(connection: Connection, fate: Fate) -> list[Near]:
    """Held clips of about the time of this one, whose holds do not cover it: it was docked later than they."""
    at_hand = _at_hand(fate)
    if at_hand is None:
        return []
    rows = await fetch(
        connection,
        "SELECT h.hold_id, near.* FROM holds h JOIN hold_clips k USING (hold_id) JOIN ("
        + NEAR.format(
            held=f"{CLIPS} WHERE s.recorded_at BETWEEN %(began)s - %(longest)s AND %(began)s + %(longest)s",
            other=AT_HAND,
        )
        + ") near ON near.held = k.clip_id WHERE k.state = 'active' AND h.lifted_at IS NULL"
        " AND h.reason = ANY(%(reasons)s) AND h.scope = ANY(%(scopes)s) AND NOT EXISTS (SELECT FROM hold_clips mine"
        " WHERE mine.hold_id = h.hold_id AND mine.clip_id = %(clip)s) ORDER BY h.hold_id, near.held",
        at_hand
        | {
            "longest": LONGEST,
            "reasons": [reason.value for reason in ASKED_FOR],
            "scopes": [scope.value for scope in ASKED_OF],
        },
    )
    return [_near(row["hold_id"], row) for row in rows]


def _at_hand(fate: Fate) -> dict[str, Any] | None:
    """A clip from its own row, since the schedule may not have it yet; None if nobody knows when it was made."""
    report = fate.declared()
    recording = report.recording
    began = recorded_at(recording.recorded_at, recording.clock_offset)
    ended = recorded_at(recording.ended_at or "", recording.clock_offset)
    if began is None:
        return None
    if ended is None or ended < began:
        ended = recorded_at(report.docked_at, 0.0)
    return {"clip": fate.clip_id, "began": began, "ended": ended, "dock": report.dock, "within": WITHIN}


def near_in_place(one: Sequence[Place], other: Sequence[Place]) -> bool | None:
    """Whether two tracks come near each other; None where one of them is missing."""
    if not one or not other:
        return None
    looked_at = one[:: max(1, len(one) // FIXES)]
    found = [distance(other, fix.latitude, fix.longitude) for fix in looked_at]
    return min(metres for metres in found if metres is not None) <= METRES + FIX_ERROR


def question(hold: HoldRow, fate: Fate) -> HoldRow:
    """The hold that keeps a clip until somebody has answered; its request is that of the hold which raised it."""
    return HoldRow(
        hold_id=question_id(hold.hold_id, fate.clip_id),
        scope=Scope.CLIP,
        reason=HoldReason.SAME_INCIDENT,
        restricted=hold.restricted,
        request=hold.request,
        placed_by=hold.placed_by,
        placed_at=hold.placed_at,
        clip_id=fate.clip_id,
        reference=hold.hold_id,
    )


def _near(hold_id: str, row: Row) -> Near:
    return Near(hold_id, row["held"], row["other"], row["side_by_side"])
