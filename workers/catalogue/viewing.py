"""What decides who may see a clip, where its footage lies, and who has looked at it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, convert

from workers.database.engine import Database


class Seen(Struct, frozen=True):
    """A clip as one person stands to it.

    Attributes:
        case, incident: it belongs to an open case whose officer they are; they have a clip of its incident.
        named: people who alone may see it; None: nobody was named.
        locked: why nobody plays it now.
        version_id: of the newest stored footage; None while nothing is stored.
    """

    clip_id: str
    camera: str
    recording: str
    standing: str
    camera_copy: str
    disposal: str | None
    officer: str | None
    incident_reference: str | None
    category: str | None
    case: bool
    incident: bool
    named: tuple[str, ...] | None
    locked: str | None
    attempt: int
    version_id: str | None
    size: int | None
    sha256: str | None
    media_type: str | None
    recorded_at: datetime | None
    ended_at: datetime | None
    clock_offset: float | None
    verified_at: datetime | None
    registered_at: datetime


async def seen_by(database: Database, clip_id: str, person: str) -> Seen | None:
    """The clip as this person stands to it; None if it was never registered."""
    row = await database.fetch_one(
        "SELECT f.clip_id, f.camera, f.recording, f.standing, f.camera_copy, f.disposal, o.officer,"
        " c.incident AS incident_reference, s.category,"
        " (EXISTS (SELECT 1 FROM exhibits e JOIN cases k USING (case_id) WHERE e.clip_id = f.clip_id"
        "   AND NOT e.withdrawn AND k.officer = %(person)s AND k.closed_at IS NULL)"
        "  OR (c.incident IS NOT NULL AND EXISTS (SELECT 1 FROM cases k WHERE k.incidents @> ARRAY[c.incident]"
        "   AND k.officer = %(person)s AND k.closed_at IS NULL))) AS case,"
        " (c.incident IS NOT NULL AND EXISTS (SELECT 1 FROM clips x JOIN clip_officers xo USING (clip_id)"
        "   WHERE x.incident = c.incident AND xo.officer = %(person)s)) AS incident,"
        " n.people AS named, l.reason AS locked,"
        " COALESCE(c.stored_attempt, f.attempt) AS attempt,"
        " COALESCE(f.verified_version, f.stored_version) AS version_id,"
        " c.size, c.sha256, (f.report->>'body')::jsonb->'recording'->>'media_type' AS media_type,"
        " c.recorded_at, c.ended_at, c.clock_offset, c.verified_at, f.registered_at"
        " FROM clip_fate f LEFT JOIN clips c USING (clip_id) LEFT JOIN clip_officers o USING (clip_id)"
        " LEFT JOIN schedule s USING (clip_id)"
        " LEFT JOIN LATERAL (SELECT CASE WHEN kind = 'named' THEN people END AS people FROM viewings v"
        "   WHERE v.clip_id = f.clip_id AND kind IN ('named', 'open') ORDER BY time DESC, event_id DESC LIMIT 1) n"
        "   ON true"
        " LEFT JOIN LATERAL (SELECT CASE WHEN kind = 'lock' THEN reason END AS reason FROM viewings v"
        "   WHERE v.clip_id = f.clip_id AND kind IN ('lock', 'unlock') ORDER BY time DESC, event_id DESC LIMIT 1) l"
        "   ON true"
        " WHERE f.clip_id = %(clip)s",
        {"clip": clip_id, "person": person},
    )
    return convert(row, Seen) if row else None


class Consultation(Struct, frozen=True):
    """Somebody looked at a clip, and had to say why."""

    clip_id: str
    person: str
    what: str
    relation: str
    reason: str
    time: datetime


async def reasons_given(database: Database, most: int = 200) -> list[Consultation]:
    """The newest looks that needed a reason, as the record has them; one line a person, clip and reason."""
    rows = await database.fetch(
        "SELECT clip_id, person, what, relation, reason, time FROM consultations"
        " WHERE reason IS NOT NULL AND what = 'reason' ORDER BY time DESC LIMIT %s",
        (most,),
    )
    return [convert(row, Consultation) for row in rows]
