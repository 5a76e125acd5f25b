"""What decides who may see a clip, where its footage lies, and who has looked at it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct, convert

from workers.catalogue.finding import NAMED
from workers.catalogue.locks import LOCKED
from workers.database.engine import Database
from workers.retention.choice import categories
from workers.retention.facts import Fact
from workers.retention.incidents import CLIPS_OF, SAID


class Seen(Struct, frozen=True):
    """A clip as one person stands to it.

    Attributes:
        incidents: that it shows, as its camera and people said; the newest last.
        case, incident: it belongs to an open case whose officer they are; they have a clip of one of its incidents.
        named: people who alone may see it; None: nobody was named.
        locked: why they do not play it now, for a lock on viewing.
        version_id: of the newest stored footage; None while nothing is stored.
        preroll: what the camera kept from before its button was pressed.
        probe: what ffprobe said; None: nobody has asked it.
        incomplete: it was cut off, as by a loss of power.
        facts: what people decided about it.
    """

    clip_id: str
    camera: str
    recording: str
    standing: str
    camera_copy: str
    disposal: str | None
    officer: str | None
    incidents: tuple[str, ...]
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
    preroll: dict[str, Any] | None
    probe: dict[str, Any] | None
    incomplete: bool
    verified_at: datetime | None
    registered_at: datetime
    facts: tuple[Fact, ...] = ()

    @property
    def categories(self) -> frozenset[str]:
        """Those that count: the planned one, and each that was given since one was last confirmed."""
        return frozenset(categories(self.facts)) | ({self.category} if self.category else frozenset())

    @property
    def seconds(self) -> float | None:
        """Its length, as the camera said."""
        if self.ended_at is None or self.recorded_at is None:
            return None
        return (self.ended_at - self.recorded_at).total_seconds()


# An incident that somebody gave to a clip opens nothing to themselves: else a word of one's own would open every clip
# of every incident.
_SHOWS = f"ARRAY(SELECT incident FROM ({SAID.format('f.clip_id')}) said WHERE by IS DISTINCT FROM %(person)s)"
_OF_THEIRS = (
    f"(SELECT FROM unnest(x.shows) i, LATERAL ({CLIPS_OF.format('i')}) of_it JOIN clip_officers xo USING (clip_id)"
    f" WHERE xo.officer = %(person)s AND of_it.clip_id <> x.clip_id AND EXISTS (SELECT FROM"
    f" ({SAID.format('of_it.clip_id')}) said WHERE said.incident = i AND by IS DISTINCT FROM %(person)s))"
)

_LOCKED = LOCKED.format(clip="f.clip_id", officer="o.officer", began="c.recorded_at", ended="c.ended_at")
_SEEN = (
    f"WITH x AS (SELECT clip_id, {_SHOWS} AS shows FROM clip_fate f WHERE f.clip_id = %(clip)s)"
    " SELECT f.clip_id, f.camera, f.recording, f.standing, f.camera_copy, f.disposal, o.officer, f.facts,"
    f" ARRAY(SELECT incident FROM ({SAID.format('f.clip_id')}) said) AS incidents, s.category,"
    " (EXISTS (SELECT FROM exhibits e JOIN cases k USING (case_id) WHERE e.clip_id = f.clip_id"
    "   AND NOT e.withdrawn AND k.officer = %(person)s AND k.closed_at IS NULL)"
    "  OR EXISTS (SELECT FROM cases k WHERE k.incidents && x.shows AND k.officer = %(person)s"
    "   AND k.closed_at IS NULL)) AS case,"
    f" EXISTS {_OF_THEIRS} AS incident,"
    f" ({NAMED.format('f.clip_id')}) AS named, {_LOCKED} AS locked,"
    " COALESCE(c.stored_attempt, f.attempt) AS attempt,"
    " COALESCE(f.verified_version, f.stored_version) AS version_id,"
    " c.size, c.sha256, (f.report->>'body')::jsonb->'recording'->>'media_type' AS media_type,"
    " c.recorded_at, c.ended_at, c.clock_offset, c.preroll, c.probe,"
    " COALESCE(c.incomplete, false) AS incomplete, c.verified_at, f.registered_at"
    " FROM x JOIN clip_fate f USING (clip_id) LEFT JOIN clips c USING (clip_id)"
    " LEFT JOIN clip_officers o USING (clip_id) LEFT JOIN schedule s USING (clip_id)"
)


async def seen_by(database: Database, clip_id: str, person: str) -> Seen | None:
    """The clip as this person stands to it; None if it was never registered."""
    row = await database.fetch_one(_SEEN, {"clip": clip_id, "person": person})
    return convert(row, Seen) if row else None


class Consultation(Struct, frozen=True):
    """Somebody looked at a clip, and had to say why."""

    event_id: str
    clip_id: str
    person: str
    what: str
    relation: str
    reason: str
    time: datetime
    restricted: bool
    officer: str | None


class Asked(Struct, frozen=True):
    """Which looks are wanted; what is None does not matter.

    Attributes:
        person: who looked.
        officer: whose clip it is.
        clip: its id.
    """

    person: str | None = None
    officer: str | None = None
    clip: str | None = None


REASONS = 100
"""Looks of one page."""


async def reasons_given(
    database: Database,
    asked: Asked,
    *,
    restricted: bool,
    reader: str | None = None,
    before: tuple[datetime, str] | None = None,
) -> list[Consultation]:
    """The newest looks that needed a reason, as the record has them; one line a person, clip and reason.

    Args:
        restricted: also those of professional standards, which others must not learn of.
        reader: who reads: of those at clips of their own not even somebody of professional standards learns.
        before: time and event id of the last one on the page before.
    """
    values: dict[str, Any] = {"person": asked.person, "officer": asked.officer, "clip": asked.clip, "most": REASONS,
                              "reader": reader}  # fmt: skip
    tests = {
        "person": "t.person = %(person)s",
        "officer": "o.officer = %(officer)s",
        "clip": "t.clip_id = %(clip)s",
    }
    wanted = ["t.what = 'reason'", *(test for name, test in tests.items() if values[name] is not None)]
    if not restricted:
        wanted.append("NOT t.restricted")
    elif reader is not None:
        wanted.append("(NOT t.restricted OR o.officer IS DISTINCT FROM %(reader)s)")
    if before is not None:
        values |= {"time": before[0], "event": before[1]}
        wanted.append("(t.time < %(time)s OR (t.time = %(time)s AND t.event_id > %(event)s))")
    rows = await database.fetch(
        "SELECT t.event_id, t.clip_id, t.person, t.what, t.relation, t.reason, t.time, t.restricted, o.officer"
        " FROM consultations t LEFT JOIN clip_officers o USING (clip_id)"
        f" WHERE {' AND '.join(wanted)} ORDER BY t.time DESC, t.event_id LIMIT %(most)s",
        values,
    )
    return [convert(row, Consultation) for row in rows]
