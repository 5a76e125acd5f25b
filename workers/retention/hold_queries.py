"""Questions that people ask of holds. Whoever must not learn of a restricted hold reads that the force keeps it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from workers.database.engine import Database, Row
from workers.retention.facts import HoldReason, hold_entry
from workers.retention.own_end import own_end
from workers.retention.scopes import HOLD_COLUMNS, NOT_KNOWN, HoldRow, Scope

BY_THE_FORCE = "kept by the force"
"""All that is said of a restricted hold, and of none: a person under investigation may look at the list."""

STATES = ("active", "pending", "refused", "cleared", "lifted")

KNOWN = "(%(restricted)s AND hold_id <> ALL(%(but)s::text[]))"
"""Whether the reader may know of a hold, also where it is restricted."""


class Listed(Struct, frozen=True):
    """One hold as a list shows it; of all restricted ones together one line, which says only that they are there.

    Attributes:
        hold_id: empty in that line: neither when, nor how many, nor by which number is told to anybody else.
        covers: what it names, in words.
        placed_at: None in that line.
        earliest_end: None: there is none, or it is not known yet; `ends` says which.
        ends: before when nobody lifts it, in words; None where it may be lifted now, or is.
        clips: state → how many clips.
    """

    hold_id: str
    reason: str
    covers: str
    placed_by: str
    placed_at: datetime | None
    reference: str | None
    restricted: bool
    earliest_end: datetime | None
    ends: str | None
    lift_asked: bool
    lifted_at: datetime | None
    lifted_by: tuple[str, ...]
    clips: dict[str, int]


async def clips_under(database: Database, hold_id: str) -> dict[str, int]:
    """State → how many clips a hold has in it; every state is there."""
    rows = await database.fetch(
        "SELECT state, count(*) AS n FROM hold_clips WHERE hold_id = %s GROUP BY state", (hold_id,)
    )
    return dict.fromkeys(STATES, 0) | {row["state"]: row["n"] for row in rows}


async def list_holds(
    database: Database,
    *,
    hold: str | None = None,
    clip: str | None = None,
    reason: str | None = None,
    standing: bool = False,
    lifted: bool = False,
    restricted: bool = False,
    but: Collection[str] = (),
) -> list[Listed]:
    """Holds, newest first.

    Args:
        hold: this one alone.
        clip: those that this clip is or was under.
        standing: those alone that also cover what is docked later.
        lifted: lifted ones too.
        restricted: say everything of restricted ones. Otherwise one line stands for all that stand, with a clip for
            all that keep it: that somebody looked whether a clip falls under one is told to nobody else. A list that
            was asked for by reason, or by whether it covers what is docked later, has no such line: it would tell.
        but: holds of which no more is said even then, since the reader is whom they concern.
    """
    rows = await database.fetch(
        f"SELECT {HOLD_COLUMNS}, COALESCE((SELECT jsonb_object_agg(state, n) FROM (SELECT state, count(*) AS n"
        "   FROM hold_clips k WHERE k.hold_id = h.hold_id GROUP BY state) counted), '{}') AS clips"
        " FROM holds h WHERE (%(hold)s::text IS NULL OR hold_id = %(hold)s)"
        " AND (%(clip)s::text IS NULL OR hold_id IN (SELECT hold_id FROM hold_clips k WHERE clip_id = %(clip)s"
        f"  AND ({KNOWN} OR NOT h.restricted OR k.state IN ('active', 'pending'))))"
        f" AND (%(reason)s::text IS NULL OR (reason = %(reason)s AND ({KNOWN} OR NOT restricted)))"
        " AND (NOT %(standing)s OR scope <> 'clip') AND (%(lifted)s OR lifted_at IS NULL)"
        " ORDER BY placed_at DESC, hold_id",
        {
            "hold": hold,
            "clip": clip,
            "reason": reason,
            "standing": standing,
            "lifted": lifted,
            "restricted": restricted,
            "but": list(but),
        },
    )
    unknown = [row for row in rows if row["restricted"] and not (restricted and row["hold_id"] not in but)]
    known = [_listed(row) for row in rows if row not in unknown]
    stands = any(row["lifted_at"] is None for row in unknown) and reason is None and not standing
    return [*known, one_line()] if stands else known


def one_line() -> Listed:
    """What is said of all holds together of which somebody may not know more."""
    return Listed("", BY_THE_FORCE, BY_THE_FORCE, "", None, None, True, None, None, False, None, (),
                  dict.fromkeys(STATES, 0))  # fmt: skip


def as_named(holds: Sequence[Listed], reasons: Collection[HoldReason]) -> list[Listed]:
    """The holds of a clip to whoever reads these reasons by name: of all others one line, restricted or not."""
    named = [one for one in holds if one.reason in reasons]
    return named if len(named) == len(holds) else [*named, one_line()]


def _listed(row: Row) -> Listed:
    clips = dict.fromkeys(STATES, 0) | row.pop("clips")
    hold = msgspec.convert(row, HoldRow)
    return Listed(
        hold_id=hold.hold_id,
        reason=hold.reason.value,
        covers=covers(hold),
        placed_by=hold.placed_by,
        placed_at=hold.placed_at,
        reference=hold.reference,
        restricted=hold.restricted,
        earliest_end=None if hold.earliest_end == NOT_KNOWN else hold.earliest_end,
        ends=ends(hold, datetime.now(UTC)),
        lift_asked=hold.lift is not None,
        lifted_at=hold.lifted_at,
        lifted_by=hold.lifted_by,
        clips=clips,
    )


def ends(hold: HoldRow, now: datetime) -> str | None:
    """Before when nobody lifts a hold, or when it ends by itself, in words; None where it may be lifted now, or is."""
    if hold.lifted_at is not None:
        return None
    if (by_itself := own_end(hold.request.body)) is not None:
        return f"ends by itself {by_itself:%Y-%m-%d %H:%M %Z}"
    if hold.earliest_end is None or hold.earliest_end <= now:
        return None
    if hold.earliest_end == NOT_KNOWN:
        return "not before an outcome is known"
    return f"not before {hold.earliest_end:%Y-%m-%d %H:%M %Z}"


def covers(hold: HoldRow) -> str:
    """What a hold names, in words."""
    period = f"from {hold.since:%Y-%m-%d %H:%M} to {hold.until:%Y-%m-%d %H:%M %Z}" if hold.since and hold.until else ""
    match hold.scope:
        case Scope.CLIP:
            asked = f": same incident as {hold.reference}?" if hold.reason is HoldReason.SAME_INCIDENT else ""
            return f"{hold.clip_id}{asked}"
        case Scope.INCIDENT:
            return f"incident {hold.incident}"
        case Scope.OFFICER:
            return f"{', '.join(hold.officers)} {period}"
        case Scope.PLACE:
            place = hold.place
            assert place is not None
            return f"within {place.metres:g} m of {place.latitude:.5f}, {place.longitude:.5f} {period}"
        case Scope.ENCOUNTER:
            there = f", and {', '.join(hold.officers)} {period}" if hold.officers else ""
            return f"encounter {hold.encounter}{there}"


async def holds_about(database: Database, officer: str) -> set[str]:
    """The restricted holds that name this officer, or keep a clip of theirs: they must not learn of these."""
    rows = await database.fetch(
        "SELECT hold_id FROM holds h WHERE restricted AND (%(officer)s = ANY(officers) OR EXISTS (SELECT"
        " FROM hold_clips k JOIN clip_officers o USING (clip_id) WHERE k.hold_id = h.hold_id"
        " AND o.officer = %(officer)s))",
        {"officer": officer},
    )
    return {row["hold_id"] for row in rows}


async def clips_of_hold(
    database: Database, hold_id: str, *, restricted: bool = False, but: Collection[str] = ()
) -> list[Row]:
    """The clips of a hold with what it means for each; of a restricted one none.

    Args:
        restricted, but: as of `list_holds`.
    """
    return await database.fetch(
        "SELECT k.clip_id, f.camera, f.recording, k.state, k.says, k.at FROM hold_clips k"
        " LEFT JOIN clip_fate f USING (clip_id) WHERE k.hold_id = %(hold)s AND NOT EXISTS (SELECT FROM holds"
        f" WHERE hold_id = %(hold)s AND restricted AND NOT {KNOWN}) ORDER BY k.state, k.clip_id",
        {"hold": hold_id, "restricted": restricted, "but": list(but)},
    )


async def held_clips(
    database: Database,
    *,
    restricted: bool = False,
    but: Collection[str] = (),
    named: Collection[HoldReason] = frozenset(HoldReason),
    person: str | None = None,
) -> list[dict[str, Any]]:
    """Every clip that is under a hold, and why; by camera and recording.

    Args:
        restricted, but: as of `list_holds`.
        named: reasons that the reader reads by name, and person: who that is; of a clip of their own they read none.
    """
    given = {"restricted": restricted, "but": list(but)}
    hidden = {
        row["hold_id"]
        for row in await database.fetch(f"SELECT hold_id FROM holds WHERE restricted AND NOT {KNOWN}", given)
    }
    rows = await database.fetch(
        "SELECT clip_id, camera, recording, hold_reasons, o.officer FROM clip_fate LEFT JOIN clip_officers o"
        " USING (clip_id) WHERE held ORDER BY camera, recording"
    )
    theirs: Collection[HoldReason] = frozenset()
    return [
        {
            "clip_id": row["clip_id"],
            "camera": row["camera"],
            "recording": row["recording"],
            # Of several that may not be known one word stands, and last: not how many, nor which came first.
            "holds": _in_words(row["hold_reasons"], hidden, theirs if _is_own(row, person) else named),
        }
        for row in rows
    ]


def _is_own(row: Row, person: str | None) -> bool:
    return person is not None and row["officer"] == person


def _in_words(entries: Sequence[str], hidden: set[str], named: Collection[HoldReason]) -> list[str]:
    return sorted(dict.fromkeys(_why(entry, hidden, named) for entry in entries), key=lambda why: why == BY_THE_FORCE)


def _why(entry: str, hidden: set[str], named: Collection[HoldReason]) -> str:
    hold = hold_entry(entry)
    if hold.hold_id in hidden or hold.reason not in named:
        return BY_THE_FORCE
    return entry if hold.reason is not HoldReason.RESTORED else f"{entry} (found in the vault after a restore)"
