"""What a case asks of a clip before it names it: it is there, it stays, and it is as long as the exhibit says."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, fetch
from workers.errors import Refused
from workers.fate.moves import Standing
from workers.fate.row import Fate, find_on
from workers.prosecution.cases.case import Case
from workers.prosecution.cases.case_holds import REASON
from workers.prosecution.derivatives.redaction import parse
from workers.prosecution.statements import CaseChange, ExhibitAdded, RequestRefusedOn, UnusedMarked
from workers.retention.change import checked
from workers.retention.clips import incidents_of

CLOCK_STEP = 1.0
"""Seconds by which the camera's times may miss the length of its recording: it says whole seconds."""


class Length(Struct, frozen=True):
    """How long a clip is, and who says so."""

    seconds: float
    by: str


async def check_clips(connection: Connection, case: Case, asked: CaseChange) -> None:
    """Look the clips of a change up; each stays as it is until the transaction ends.

    Args:
        case: after the change.

    Raises:
        Refused: a clip is not there, its disposal was committed, it is shorter than the exhibit, or nothing would
            keep it with the case; or its redaction file cannot be read.
    """
    change = asked.change
    if isinstance(change, ExhibitAdded):
        fate = checked(await find_on(connection, change.clip_id, lock=True), change.clip_id)
        _is_footage(fate)
        _is_held(case, asked, fate)
        _fits(change, await length_of(connection, fate))
        if change.redaction is not None:
            parse(change.redaction)
    elif isinstance(change, UnusedMarked):
        fate = checked(await find_on(connection, change.clip_id, lock=True), change.clip_id)
        if not belongs(case, fate):
            raise Refused(
                f"{change.clip_id} belongs to no incident of {case.urn}",
                "add its incident (bwv case incident), or add the clip as an exhibit",
            )
    elif isinstance(change, RequestRefusedOn):
        for clip_id in change.clips:
            checked(await find_on(connection, clip_id), clip_id)


def belongs(case: Case, fate: Fate) -> bool:
    """Whether a clip is of one of the case's incidents, or in it as an exhibit."""
    shown = not set(incidents_of(fate)).isdisjoint(case.incidents)
    return shown or any(one.clip_id == fate.clip_id for one in case.standing())


def needs_hold(case: Case, fate: Fate) -> bool:
    """Whether a clip that becomes an exhibit must be held by itself: no held incident of the case covers it."""
    return case.kind in REASON and set(incidents_of(fate)).isdisjoint(case.held_incidents)


def _is_footage(fate: Fate) -> None:
    if fate.standing == Standing.QUARANTINED:
        raise Refused(
            f"{fate.clip_id} is in quarantine: its bytes are not those that the dock declared",
            f"decide about it first: bwv quarantine show {fate.clip_id}",
        )


def _is_held(case: Case, asked: CaseChange, fate: Fate) -> None:
    if needs_hold(case, fate) and not asked.holds:
        raise Refused(
            f"{fate.clip_id} belongs to no incident that {case.urn} holds, and nothing would keep it",
            "ask with bwv case exhibit, which signs a hold with it",
        )


def _fits(change: ExhibitAdded, length: Length | None) -> None:
    if length is None:
        return
    for what, second in (("starts", change.start), ("ends", change.end)):
        if second is not None and second > length.seconds:
            raise Refused(
                f"{change.reference} {what} at {second:g} s, and {change.clip_id} is {length.seconds:g} s long by "
                f"{length.by}",
                "give seconds from the beginning of the clip",
            )


async def length_of(connection: Connection, fate: Fate) -> Length | None:
    """How long a clip is by ffprobe, else by what the camera declared; None while nobody says."""
    rows = await fetch(
        connection,
        "SELECT (probe->>'duration')::float8 AS probed, extract(epoch FROM ended_at - recorded_at)::float8 AS declared"
        " FROM clips WHERE clip_id = %s",
        (fate.clip_id,),
    )
    found = msgspec.convert(rows[0], dict[str, float | None]) if rows else {}
    if probed := found.get("probed"):
        return Length(probed, "ffprobe")
    declared = found.get("declared")
    return Length(declared + CLOCK_STEP, "the camera's times") if declared and declared > 0 else None
