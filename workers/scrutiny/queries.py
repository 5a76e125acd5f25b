"""Questions that people ask of draws and complaints: what came out, what was found, what is kept until when."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec
from msgspec import Struct

from workers.custody.queries import SealedHead
from workers.database.engine import Connection, fetch
from workers.prosecution.statements import Lineage
from workers.retention.statements import PlaceAndRadius
from workers.scrutiny.complaint import Complaint
from workers.scrutiny.drawing import FORMAT, Draw
from workers.scrutiny.holding import panel_hold_id
from workers.scrutiny.listing import listed
from workers.scrutiny.rows import KeptDraw
from workers.scrutiny.statements import Grade
from workers.statistics.months import month


class Shown(Struct, frozen=True):
    """An encounter of a draw, for whoever prepares the panel.

    Attributes:
        clips: of it, by any officer present.
        redacted: of these, those of which a redaction was made: a panel sees no master.
        parts: of these, those of which a part alone was redacted, each with its seconds: whoever chose the part chose
            what the panel sees.
        failed: of those without any, why none can be made.
        hold: active, pending, … of its clips; lifted; or none yet.
        grade: the newest; None: it was not graded yet. grades: how many were given.
    """

    number: int
    encounter_id: str
    reference: str | None
    kind: str | None
    at: datetime | None
    borough: str | None
    clips: tuple[str, ...]
    redacted: tuple[str, ...]
    parts: tuple[str, ...]
    failed: tuple[str, ...]
    hold_id: str
    hold: str
    grade: Grade | None
    notes: str | None
    graded_by: str | None
    graded_at: datetime | None
    grades: int


_NEWEST = """LEFT JOIN LATERAL (
    SELECT grade, notes, person AS graded_by, time AS graded_at FROM scrutiny_grades g
    WHERE g.draw_id = d.draw_id AND g.encounter_id = d.encounter_id ORDER BY time DESC, event_id DESC LIMIT 1
) g ON true
"""


async def shown(connection: Connection, draw: KeptDraw) -> list[Shown]:
    """The encounters of a draw, in the order of their ranks."""
    rows = await fetch(
        connection,
        "SELECT d.number, d.encounter_id, e.reference, e.kind, e.at, e.borough,"
        " ARRAY(SELECT DISTINCT clip_id FROM encounter_clips j WHERE j.encounter_id = d.encounter_id"
        "  ORDER BY 1) AS clips,"
        " ARRAY(SELECT DISTINCT r.lineage->>'body' FROM encounter_clips j JOIN derivatives r USING (clip_id)"
        "  WHERE j.encounter_id = d.encounter_id AND r.kind = 'redaction' AND r.state = 'made') AS lineages,"
        " ARRAY(SELECT DISTINCT clip_id || ': ' || r.reason FROM encounter_clips j JOIN derivatives r USING (clip_id)"
        "  WHERE j.encounter_id = d.encounter_id AND r.kind = 'redaction' AND r.state = 'failed' AND NOT EXISTS (SELECT"
        "  FROM derivatives m WHERE m.clip_id = r.clip_id AND m.kind = r.kind AND m.state = 'made')) AS failed,"
        " (SELECT count(*) FROM scrutiny_grades a WHERE a.draw_id = d.draw_id AND a.encounter_id = d.encounter_id)"
        " AS grades,"
        " g.* FROM scrutiny_drawn d LEFT JOIN encounters e USING (encounter_id) "
        + _NEWEST
        + " WHERE d.draw_id = %s ORDER BY d.number",
        (draw.draw_id,),
    )
    holds = await _holds(connection, [panel_hold_id(draw.draw_id, row["encounter_id"]) for row in rows])
    made = []
    for row in rows:
        hold = panel_hold_id(draw.draw_id, row["encounter_id"])
        redacted = redactions([msgspec.json.decode(body, type=Lineage) for body in row.pop("lineages")])
        made.append(msgspec.convert({**row, **redacted, "hold_id": hold, "hold": holds.get(hold, "none")}, Shown))
    return made


def redactions(made: Collection[Lineage]) -> dict[str, list[str]]:
    """Of which clips there is a redaction, and of which of a part alone, with its seconds. Pure."""
    whole = {one.clip_id for one in made if one.start is None and one.end is None}
    parts = [f"{one.clip_id}, {_seconds(one)}" for one in made if one.clip_id not in whole]
    return {"redacted": sorted({one.clip_id for one in made}), "parts": sorted(parts)}


def _seconds(one: Lineage) -> str:
    begin = 0.0 if one.start is None else one.start
    return f"from {begin:g} s to " + ("its end" if one.end is None else f"{one.end:g} s")


async def _holds(connection: Connection, holds: list[str]) -> dict[str, str]:
    """Hold → how far it has come, in words."""
    rows = await fetch(
        connection,
        "SELECT h.hold_id, h.lifted_at IS NOT NULL AS lifted, string_agg(k.n || ' ' || k.state, ', ' ORDER BY k.state)"
        " AS clips FROM holds h LEFT JOIN (SELECT hold_id, state, count(*) AS n FROM hold_clips GROUP BY 1, 2) k"
        " USING (hold_id) WHERE h.hold_id = ANY(%s) GROUP BY 1, 2",
        (holds,),
    )
    return {row["hold_id"]: "lifted" if row["lifted"] else row["clips"] or "stands, no clip yet" for row in rows}


class Returned(Struct, frozen=True):
    """What a panel, or a supervisor, found of an encounter at which an officer was."""

    encounter_id: str
    reference: str
    at: datetime
    drawn_for: str
    grade: Grade
    notes: str
    graded_at: datetime


async def returned_to(connection: Connection, officer: str) -> list[Returned]:
    """What was found of encounters at which this officer was, newest first; of each draw the newest grade."""
    rows = await fetch(
        connection,
        "SELECT d.encounter_id, e.reference, e.at, w.kind AS drawn_for, g.grade, g.notes, g.graded_at"
        " FROM encounter_officers p JOIN scrutiny_drawn d USING (encounter_id) JOIN scrutiny_draws w USING (draw_id)"
        " JOIN encounters e USING (encounter_id) " + _NEWEST + " WHERE p.officer = %s AND g.grade IS NOT NULL"
        " ORDER BY g.graded_at DESC, d.encounter_id",
        (officer,),
    )
    return msgspec.convert(rows, list[Returned])


async def recorded_since(connection: Connection, draw: KeptDraw) -> int | None:
    """How many encounters of its month, and unit, came on record after a draw's list was made: nobody drew from them.

    Returns:
        None while the log is not counted so far, as after a rebuild.
    """
    [counted] = await fetch(connection, "SELECT size FROM counted_upto")
    if counted["size"] < draw.deed.size:
        return None
    of, unit = month(draw.month), draw.unit
    now = await listed(connection, of, unit, counted["size"])
    return len(set(now) - set(await listed(connection, of, unit, draw.deed.size)))


async def published(connection: Connection, draw: KeptDraw, head: SealedHead) -> Draw:
    """A draw as it is published, its list made again from the custody log.

    Args:
        connection: of a schema that is counted up to the draw's size.
        head: the seal of the draw's size.
    """
    deed = draw.deed
    encounters = await listed(connection, month(deed.month), deed.unit, deed.size)
    return Draw(
        format=FORMAT,
        draw_id=draw.draw_id,
        month=deed.month,
        n=deed.n,
        seed=deed.seed,
        encounters=tuple(encounters),
        list_sha256=deed.list_sha256,
        drawn=deed.drawn,
        passed_over=deed.passed_over,
        size=deed.size,
        root=deed.root,
        checkpoint=head.checkpoint,
        unit=deed.unit,
    )


class Kept(Struct, frozen=True):
    """What one hold of a complaint keeps.

    Attributes:
        clips: state → how many.
    """

    hold_id: str
    scope: str
    since: datetime | None
    until: datetime | None
    place: PlaceAndRadius | None
    placed_at: datetime
    earliest_end: datetime | None
    lifted_at: datetime | None
    clips: dict[str, int]


async def kept_by(connection: Connection, complaint: Complaint) -> list[Kept]:
    """The holds of a complaint that were placed, in the order of their placing."""
    rows = await fetch(
        connection,
        "SELECT h.hold_id, h.scope, h.since, h.until, h.place, h.placed_at, h.earliest_end, h.lifted_at,"
        " COALESCE((SELECT jsonb_object_agg(state, n) FROM (SELECT state, count(*) AS n FROM hold_clips k"
        "  WHERE k.hold_id = h.hold_id GROUP BY state) counted), '{}') AS clips"
        " FROM holds h WHERE h.hold_id = ANY(%s) ORDER BY h.placed_at, h.hold_id",
        (list(complaint.holds),),
    )
    return msgspec.convert(rows, list[Kept])


class KeptClip(Struct, frozen=True):
    """A clip that a complaint's hold found, and what the hold means for it."""

    clip_id: str
    camera: str | None
    recording: str | None
    recorded_at: datetime | None
    hold_id: str
    state: str


async def clips_found(connection: Connection, complaint: Complaint, most: int) -> list[KeptClip]:
    """The clips that a complaint's holds found, in the order of their recording."""
    rows = await fetch(
        connection,
        "SELECT k.clip_id, f.camera, f.recording, c.recorded_at, k.hold_id, k.state FROM hold_clips k"
        " LEFT JOIN clip_fate f USING (clip_id) LEFT JOIN clips c USING (clip_id) WHERE k.hold_id = ANY(%s)"
        " ORDER BY c.recorded_at, k.clip_id, k.hold_id LIMIT %s",
        (list(complaint.holds), most),
    )
    return msgspec.convert(rows, list[KeptClip])


async def clips_kept(connection: Connection, complaints: Collection[Complaint]) -> dict[str, int]:
    """Complaint → how many clips are kept for it now."""
    pairs = [(one.complaint_id, hold) for one in complaints for hold in one.holds]
    rows = await fetch(
        connection,
        "SELECT w.about, count(DISTINCT k.clip_id) AS n FROM unnest(%s::text[], %s::text[]) w(about, hold)"
        " JOIN hold_clips k ON k.hold_id = w.hold WHERE k.state IN ('active', 'pending') GROUP BY 1",
        ([about for about, _ in pairs], [hold for _, hold in pairs]),
    )
    return {row["about"]: row["n"] for row in rows}
