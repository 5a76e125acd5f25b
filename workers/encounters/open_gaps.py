"""What waits for somebody's word: of one officer, of each officer of a unit; and every word that was given."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, fetch
from workers.encounters.lines import Reader
from workers.encounters.queries import NEWEST_OF
from workers.encounters.words import GapKind


class Waiting(Struct, frozen=True):
    """What of one officer's encounters nothing and nobody has explained.

    Attributes:
        unfilmed: encounters without footage of theirs. partly: those that start late, stop early or are muted.
        unrecorded: clips without the record of an encounter.
    """

    unfilmed: int = 0
    partly: int = 0
    unrecorded: int = 0

    def __bool__(self) -> bool:
        return bool(self.unfilmed or self.partly or self.unrecorded)

    def says(self) -> str:
        """What waits, in words."""
        said = (
            (self.unfilmed, "encounter of yours has no footage", "encounters of yours have no footage"),
            (self.partly, "encounter of yours is filmed in part", "encounters of yours are filmed in part"),
            (self.unrecorded, "clip of yours has no record", "clips of yours have no record"),
        )
        return ", ".join(f"{number} {one if number == 1 else more}" for number, one, more in said if number)


async def waiting_for(connection: Connection, officer: str) -> Waiting:
    """What waits for the word of one officer."""
    [row] = await fetch(
        connection,
        "WITH gaps AS (SELECT g.encounter_id, bool_or(g.kind = 'none') AS unfilmed FROM encounter_officers p"
        "  JOIN encounter_gaps g USING (encounter_id, officer) WHERE p.officer = %(officer)s"
        "  AND g.explained_by IS NULL AND g.reason IS NULL GROUP BY 1)"
        " SELECT (SELECT count(*) FROM gaps WHERE unfilmed) AS unfilmed,"
        " (SELECT count(*) FROM gaps WHERE NOT unfilmed) AS partly,"
        " (SELECT count(*) FROM encounter_unmatched WHERE officer = %(officer)s AND reason IS NULL) AS unrecorded",
        {"officer": officer},
    )
    return msgspec.convert(row, Waiting)


class Owing(Struct, frozen=True):
    """An officer whose word is missing; encounters: of how many, since: of the oldest."""

    officer: str
    encounters: int
    since: datetime


async def owing(connection: Connection, reader: Reader, most: int) -> list[Owing]:
    """Whose word is missing of the encounters that a supervisor sees, whoever waits longest first.

    Args:
        reader: with a unit, or of everything.
        most: officers.
    """
    rows = await fetch(
        connection,
        "SELECT g.officer, count(DISTINCT g.encounter_id) AS encounters, min(g.open_since) AS since"
        " FROM encounter_gaps g JOIN encounters e USING (encounter_id)"
        " WHERE g.explained_by IS NULL AND g.reason IS NULL"
        " AND (%(every)s OR lower(e.borough) = %(unit)s OR lower(e.bcu) = %(unit)s)"
        " GROUP BY 1 ORDER BY since, g.officer LIMIT %(most)s",
        {"every": reader.every, "unit": reader.unit.lower(), "most": most},
    )
    return msgspec.convert(rows, list[Owing])


class Given(Struct, frozen=True):
    """A reason as it was given; by: who gave it."""

    officer: str
    gap: GapKind
    reason: str
    by: str
    at: datetime


async def reasons_of(connection: Connection, encounter_id: str) -> list[Given]:
    """Every reason that was ever given for a gap of an encounter, in the order in which they were."""
    rows = await fetch(
        connection,
        "SELECT officer, kind AS gap, reason, person AS by, time AS at FROM encounter_reasons"
        " WHERE encounter_id = %s ORDER BY time, event_id",
        (encounter_id,),
    )
    return msgspec.convert(rows, list[Given])


class Unrecorded(Struct, frozen=True):
    """A clip that wants the record of an encounter; its unit is that of its officer's newest encounter."""

    clip_id: str
    officer: str | None
    borough: str | None
    bcu: str | None


async def unrecorded(connection: Connection, clip_id: str) -> Unrecorded | None:
    """A clip that wants the record of an encounter; None: this one does not."""
    rows = await fetch(
        connection,
        "SELECT u.clip_id, u.officer, n.borough, n.bcu FROM encounter_unmatched u"
        f" LEFT JOIN LATERAL ({NEWEST_OF.format('u.officer')}) n ON true WHERE u.clip_id = %s",
        (clip_id,),
    )
    return msgspec.convert(rows[0], Unrecorded) if rows else None
