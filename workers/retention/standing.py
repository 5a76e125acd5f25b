"""Which clips fall under which standing hold: one definition, asked in both directions.

A hold is matched with sights. A sight is what is known of a clip: its incident, when it recorded, whose it is.
Unknown never shortens: a clip whose time or officer nobody knows falls under a hold that asks for it. A place is
decided afterwards, by the GPS track in the vault (`workers/retention/places.py`); here its period is what counts.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from workers.database.engine import Connection, Row, execute, fetch
from workers.fate.row import Fate, find_on
from workers.footage.recording import SourceType
from workers.retention.clips import incidents_of, recorded_at
from workers.retention.facts import TimeCorrected
from workers.retention.incidents import GIVEN
from workers.retention.scopes import find_hold

CLOCKS = timedelta(minutes=5)
"""A period is widened by this at both ends: a complainant's watch, and a camera's clock between two dockings, of
which only the offset at the last one was measured."""

PERIOD = "(COALESCE(sight.began <= h.until + %(clocks)s, true) AND COALESCE(sight.ended >= h.since - %(clocks)s, true))"
MATCHES = f"""CASE h.scope
    WHEN 'incident' THEN COALESCE(sight.incident = h.incident, false)
    WHEN 'officer' THEN {PERIOD} AND ({{officers}} && h.officers OR NOT ({{known}} OR {{gone}}))
    WHEN 'place' THEN {PERIOD} AND NOT {{gone}}
    WHEN 'encounter' THEN COALESCE(sight.incident = h.encounter, false)
        OR (h.officers <> '{{{{}}}}' AND {PERIOD} AND ({{officers}} && h.officers OR NOT ({{known}} OR {{gone}})))
    ELSE false END"""
"""Whether a hold `h` covers a `sight`. Of a clip that is gone only what is known counts: nobody needs to be told
that a clip which nobody can place was deleted long ago."""

ONE = MATCHES.format(officers="sight.officers", known="sight.known", gone="sight.gone")
"""The same for a clip of which all of that was looked up."""

_HOLDER = "(SELECT o.officer FROM clip_officers o WHERE o.clip_id = sight.clip_id)"
ANY = MATCHES.format(
    officers=f"array_remove(ARRAY[{_HOLDER}, sight.owner], NULL)",
    known=f"({_HOLDER} IS NOT NULL OR (sight.owner IS NOT NULL AND sight.source_type <> 'vehicle'))",
    gone="EXISTS (SELECT FROM clip_fate f WHERE f.clip_id = sight.clip_id AND f.disposal = 'done')",
)
"""The same for clips of the catalogue: what takes a look elsewhere is looked up where the period fits."""

_CLIP = "c.clip_id, c.incident, c.owner, c.source_type"
_LENGTH = "CASE WHEN c.ended_at >= c.recorded_at THEN c.ended_at - c.recorded_at END"
_BEGAN = "c.recorded_at - make_interval(secs => COALESCE(c.clock_offset, 0))"
_CORRECTED = "(said->>'recorded_at')::timestamptz"
SIGHTS = f"""(
    SELECT {_CLIP}, s.recorded_at AS began, COALESCE(s.recorded_at + {_LENGTH}, c.docked_at) AS ended
    FROM clips c JOIN schedule s USING (clip_id) WHERE c.registered_at IS NOT NULL
    UNION ALL
    SELECT {_CLIP}, {_BEGAN}, COALESCE({_BEGAN} + {_LENGTH}, c.docked_at)
    FROM clips c LEFT JOIN schedule s USING (clip_id) WHERE c.registered_at IS NOT NULL AND s.clip_id IS NULL
    UNION ALL
    SELECT {_CLIP}, {_CORRECTED}, {_CORRECTED} + {_LENGTH}
    FROM clip_fate f JOIN clips c USING (clip_id), jsonb_array_elements(f.facts) said
    WHERE f.facts @> '[{{"type": "time"}}]' AND said->>'type' = 'time'
)"""
"""The sights of all clips that the catalogue knows; one for each time that a clip is said to be of. What ended at
a time that nobody knows had ended when it was docked. What was disposed of has left the schedule."""

OF_INCIDENT = f"""(
    SELECT {_CLIP}, NULL::timestamptz AS began, NULL::timestamptz AS ended FROM clips c
    WHERE c.registered_at IS NOT NULL AND c.incident = %(incident)s
    UNION ALL
    SELECT f.clip_id, %(incident)s::text, c.owner, c.source_type, NULL, NULL
    FROM clip_fate f LEFT JOIN clips c USING (clip_id) WHERE {GIVEN.format("%(incident)s::text")}
)"""
"""Those of one incident, as their cameras or as people said; each found by its index."""


class Sight(Struct, frozen=True):
    """What is known of one clip, for one of the incidents and times that it is said to be of.

    Attributes:
        began, ended: of the recording; None: unknown.
        officers: whoever it may be of.
        known: whether `officers` is all of them.
        gone: it was disposed of.
    """

    incident: str | None
    began: datetime | None
    ended: datetime | None
    officers: tuple[str, ...]
    known: bool
    gone: bool


async def sights_of(connection: Connection, fate: Fate) -> list[Sight]:
    """The sights of one clip, from its own row, for each of its incidents: the catalogue may not know it yet."""
    report = fate.declared()
    recording = report.recording
    began = recorded_at(recording.recorded_at, recording.clock_offset)
    ended = recorded_at(recording.ended_at or "", recording.clock_offset)
    length = ended - began if began and ended and ended >= began else None
    # What ended at a time that nobody knows had ended when it was docked.
    times = [(began, ended if length is not None else recorded_at(report.docked_at, 0.0))]
    for fact in fate.facts:
        if isinstance(fact, TimeCorrected):  # what is confirmed was corrected before
            times.append((fact.recorded_at, fact.recorded_at + length if length is not None else None))
    officer = await _officer(connection, fate, recording.recorded_at)
    named = tuple(name for name in (officer, recording.owner) if name is not None)
    known = officer is not None or (recording.owner is not None and recording.source_type is not SourceType.VEHICLE)
    gone = fate.disposal == "done"
    incidents = incidents_of(fate) or (None,)
    return [Sight(incident, began, end, named, known, gone) for incident in incidents for began, end in times]


async def _officer(connection: Connection, fate: Fate, said: str) -> str | None:
    """A signed correction, else whoever held the camera then: the same rule as the view `clip_officers`."""
    rows = await fetch(
        connection,
        "SELECT COALESCE((SELECT officer FROM attributions WHERE clip_id = %(clip)s ORDER BY time DESC, event_id DESC"
        " LIMIT 1), (SELECT officer FROM camera_holders WHERE camera = %(camera)s AND time <= %(at)s::timestamptz"
        " ORDER BY time DESC, event_id DESC LIMIT 1)) AS officer",
        {"clip": fate.clip_id, "camera": fate.camera, "at": _moment(said)},
    )
    officer: str | None = rows[0]["officer"]
    return officer


async def holds_over(connection: Connection, fate: Fate, *, only: str | None = None) -> list[str]:
    """Standing holds that cover this clip, less those under which it was looked at and cleared or lifted.

    Args:
        only: this one hold; all that are not lifted, if None.
    """
    found: dict[str, None] = {}
    for sight in await sights_of(connection, fate):
        rows = await fetch(
            connection,
            "SELECT h.hold_id FROM holds h, (SELECT %(incident)s::text AS incident, %(began)s::timestamptz AS began,"
            " %(ended)s::timestamptz AS ended, %(officers)s::text[] AS officers, %(known)s::boolean AS known,"
            " %(gone)s::boolean AS gone) sight"
            " WHERE h.scope <> 'clip' AND h.lifted_at IS NULL AND (%(only)s::text IS NULL OR h.hold_id = %(only)s)"
            f" AND {ONE} AND NOT EXISTS (SELECT FROM hold_clips k WHERE k.hold_id = h.hold_id"
            " AND k.clip_id = %(clip)s AND k.state IN ('cleared', 'lifted')) ORDER BY h.placed_at, h.hold_id",
            {
                "clip": fate.clip_id,
                "clocks": CLOCKS,
                "only": only,
                "incident": sight.incident,
                "began": sight.began,
                "ended": sight.ended,
                "officers": list(sight.officers),
                "known": sight.known,
                "gone": sight.gone,
            },
        )
        found |= {row["hold_id"]: None for row in rows}
    return list(found)


async def standing_holds_over(connection: Connection, clip_id: str) -> list[str]:
    """The same, for whoever has the clip's id alone; a clip that has no row falls under nothing."""
    fate = await find_on(connection, clip_id)
    return await holds_over(connection, fate) if fate else []


async def look_for_clips(connection: Connection, hold_id: str, says: str) -> None:
    """Enter every clip that the catalogue knows and this hold covers into `hold_clips`, as pending."""
    hold = await find_hold(connection, hold_id)
    if hold is None:
        return
    incident = hold.incident or hold.encounter
    places = [OF_INCIDENT] if incident else []
    if hold.since is not None:
        places.append(SIGHTS)
    for sights in places:
        await execute(
            connection,
            "INSERT INTO hold_clips (hold_id, clip_id, state, says)"
            " SELECT DISTINCT h.hold_id, sight.clip_id, 'pending', %(says)s FROM holds h,"
            f" {sights} sight WHERE h.hold_id = %(hold)s AND h.lifted_at IS NULL AND {ANY} ON CONFLICT DO NOTHING",
            {"hold": hold_id, "clocks": CLOCKS, "says": says, "incident": incident},
        )


async def not_in_catalogue(connection: Connection, after: str, limit: int = 200) -> list[str]:
    """Clips that the catalogue does not know yet; these are looked at one by one. A page, by clip id."""
    rows: list[Row] = await fetch(
        connection,
        "SELECT f.clip_id FROM clip_fate f LEFT JOIN clips c USING (clip_id) WHERE f.clip_id > %s"
        " AND c.registered_at IS NULL ORDER BY f.clip_id LIMIT %s",
        (after, limit),
    )
    return [row["clip_id"] for row in rows]


def _moment(said: str) -> datetime | None:
    try:
        return datetime.fromisoformat(said)
    except ValueError:
        return None
