"""Encounters that people look through: what nothing and nobody has explained first, the oldest first; then the newest.

Each page begins behind the last line of the one before, so that a page costs the same however far down it is.
"""

from __future__ import annotations

from typing import Any

import msgspec

from workers.database.engine import Connection, Row, fetch
from workers.encounters.lines import After, EncounterLine, Encounters, Reader, Show, Wanted
from workers.encounters.queries import NEWEST_OF
from workers.encounters.words import GapKind

MOST = 50
"""Lines of a page."""


async def page(
    connection: Connection, reader: Reader, wanted: Wanted, after: After | None = None, most: int = MOST
) -> Encounters:
    """A page of what somebody sees.

    Args:
        after: where the page before ended.
        most: lines.
    """
    rows: list[Row] = []
    if after is None or after.open:
        rows = await _rows(connection, reader, wanted, after, most + 1, is_open=True)
    if len(rows) <= most and wanted.show is not Show.OPEN:
        behind = after if after is not None and not after.open else None
        rows += await _rows(connection, reader, wanted, behind, most + 1 - len(rows), is_open=False)
    lines = tuple(msgspec.convert(row, EncounterLine) for row in rows[:most])
    last = lines[-1] if len(rows) > most else None
    return Encounters(lines, After(last.open, last.at, last.about) if last else None)


async def _rows(
    connection: Connection, reader: Reader, wanted: Wanted, after: After | None, most: int, *, is_open: bool
) -> list[Row]:
    """Lines that are open, the oldest first; or the others, the newest first.

    Only what is asked stands in the statement, so that each question has the plan of its own index.
    """
    given: dict[str, Any] = {
        "person": reader.person, "unit": reader.unit.lower(), "officer": wanted.officer, "kind": wanted.kind,
        "gap": wanted.gap, "since": wanted.since, "until": wanted.until, "most": most, "is_open": is_open,
    }  # fmt: skip
    than, order = (">", "") if is_open else ("<", " DESC")
    begins = ""
    if after is not None:
        begins = f"({{at}}, {{about}}) {than} (%(at)s, %(about)s)"
        given |= {"at": after.at, "about": after.about}
    ordered = f"ORDER BY at{order}, about{order} LIMIT %(most)s"
    parts = []
    if wanted.gap is not GapKind.UNMATCHED:
        parts.append(f"({_records(reader, wanted, begins, is_open=is_open)} {ordered})")
    if wanted.kind is None and wanted.gap in (None, GapKind.UNMATCHED):
        parts.append(f"({_unrecorded(reader, wanted, begins, is_open=is_open)} {ordered})")
    if not parts:
        return []
    gap = " AND ".join(_gaps(wanted, "x.about", "x.wide", by_kind=False))
    theirs = f"theirs AS MATERIALIZED ({_OFFICERS}), " if reader.unit and not reader.every else ""
    return await fetch(
        connection,
        f"WITH {theirs}x AS MATERIALIZED (SELECT * FROM ({' UNION ALL '.join(parts)}) found {ordered})"
        " SELECT x.about, x.reference, x.what, x.at, x.place, x.open,"
        " CASE WHEN x.reference IS NULL THEN n.borough ELSE x.borough END AS borough,"
        " CASE WHEN x.reference IS NULL THEN n.bcu ELSE x.bcu END AS bcu,"
        " COALESCE(x.officers, ARRAY(SELECT officer FROM encounter_officers p WHERE p.encounter_id = x.about"
        "  ORDER BY role, officer)) AS officers,"
        " COALESCE(x.clips, ARRAY(SELECT DISTINCT clip_id FROM encounter_clips j WHERE j.encounter_id = x.about"
        "  AND starts_with(how, 'time') AND (x.wide OR j.officer = %(person)s) ORDER BY 1)) AS clips,"
        f" COALESCE(x.missing, (SELECT jsonb_agg({MISSING} ORDER BY g.officer, g.kind) FROM encounter_gaps g"
        f"  WHERE {gap}), '[]') AS missing FROM x LEFT JOIN LATERAL ({NEWEST_OF.format('x.officers[1]')}) n"
        f" ON x.reference IS NULL {ordered.removesuffix('LIMIT %(most)s')}",
        given,
    )


MISSING = (
    "jsonb_build_object('officer', g.officer, 'gap', g.kind, 'seconds', g.seconds, 'explained_by', g.explained_by,"
    " 'note', g.note, 'reason', g.reason, 'reason_by', g.reason_by, 'reason_at', g.reason_at,"
    " 'open', g.explained_by IS NULL AND g.reason IS NULL, 'days', GREATEST(0, floor(extract(epoch FROM"
    "  now() - g.open_since) / 86400))::int)"
)
"""A row of `encounter_gaps`, or of something with its columns, as `Missing`."""

_OF_UNIT = "(lower({0}.borough) = %(unit)s OR lower({0}.bcu) = %(unit)s)"
_OWN = "e.encounter_id = ANY(ARRAY(SELECT encounter_id FROM encounter_officers WHERE officer = %(person)s))"
_PRESENT = "EXISTS (SELECT FROM encounter_officers p WHERE p.encounter_id = e.encounter_id AND p.officer = %(officer)s)"


def _gaps(wanted: Wanted, about: str, wide: str, *, by_kind: bool = True) -> list[str]:
    """Which gaps of an encounter count: of whoever else was there only where all of it is seen."""
    asked = [f"g.encounter_id = {about}", f"({wide} OR g.officer = %(person)s)"]
    if wanted.officer is not None:
        asked.append("g.officer = %(officer)s")
    if by_kind and wanted.gap is not None:
        asked.append("g.kind = %(gap)s")
    return asked


def _wide(reader: Reader, of: str) -> str:
    """Whether all of it is seen, in SQL."""
    return "true" if reader.every else f"COALESCE({_OF_UNIT.format(of)}, false)" if reader.unit else "false"


def _period(wanted: Wanted, at: str) -> list[str]:
    since = [f"{at} >= %(since)s"] if wanted.since is not None else []
    return since + ([f"{at} < %(until)s"] if wanted.until is not None else [])


def _records(reader: Reader, wanted: Wanted, begins: str, *, is_open: bool) -> str:
    """Encounters."""
    wide = _wide(reader, "e")
    asked = _period(wanted, "e.at")
    if not reader.every:
        asked.append(f"({_OF_UNIT.format('e')} OR {_OWN})" if reader.unit else _OWN)
    if wanted.officer is not None:
        asked.append(_PRESENT)
    if wanted.kind is not None:
        asked.append("e.kind = %(kind)s")
    of_it = " AND ".join(_gaps(wanted, "e.encounter_id", wide))
    unexplained = f"EXISTS (SELECT FROM encounter_gaps g WHERE {of_it} AND g.explained_by IS NULL AND g.reason IS NULL)"
    asked.append(unexplained if is_open else f"NOT {unexplained}")
    if not is_open and (wanted.show is Show.GAPS or wanted.gap is not None):
        asked.append(f"EXISTS (SELECT FROM encounter_gaps g WHERE {of_it})")
    if begins:
        asked.append(begins.format(at="e.at", about="e.encounter_id"))
    return (
        "SELECT e.encounter_id AS about, e.reference, e.kind AS what, e.at, e.place, e.borough, e.bcu,"
        f" NULL::text[] AS officers, NULL::text[] AS clips, NULL::jsonb AS missing, {wide} AS wide,"
        f" {'true' if is_open else 'false'} AS open FROM encounters e WHERE {' AND '.join(asked)}"
    )


_OFFICERS = (
    "SELECT u.officer FROM (SELECT DISTINCT officer FROM encounter_unmatched"
    "  WHERE (reason IS NULL) = %(is_open)s AND (%(officer)s::text IS NULL OR officer = %(officer)s)) u"
    f" CROSS JOIN LATERAL ({NEWEST_OF.format('u.officer')}) n WHERE {_OF_UNIT.format('n')}"
)
"""Officers of a unit with a clip without a record; looked up once, since most clips are of other units."""


def _unrecorded(reader: Reader, wanted: Wanted, begins: str, *, is_open: bool) -> str:
    """Clips without a record."""
    asked = ["g.reason IS NULL" if is_open else "g.reason IS NOT NULL", *_period(wanted, "g.open_since")]
    if not reader.every:
        of_unit = " OR g.officer IN (SELECT officer FROM theirs)" if reader.unit else ""
        asked.append(f"(g.officer = %(person)s{of_unit})")
    if wanted.officer is not None:
        asked.append("g.officer = %(officer)s")
    if begins:
        asked.append(begins.format(at="g.open_since", about="g.clip_id"))
    return (
        "SELECT g.clip_id AS about, NULL AS reference, g.flagged_by AS what, g.open_since AS at, NULL AS place,"
        " NULL AS borough, NULL AS bcu, array_remove(ARRAY[g.officer], NULL) AS officers, ARRAY[g.clip_id] AS clips,"
        f" jsonb_build_array({MISSING}) AS missing, true AS wide, g.reason IS NULL AS open FROM ({_AS_GAPS}) g"
        f" WHERE {' AND '.join(asked)}"
    )


_AS_GAPS = (
    "SELECT clip_id, officer, flagged_by, 'unmatched' AS kind, NULL::float8 AS seconds, NULL AS explained_by,"
    " 'beside ' || beside AS note, reason, reason_by, reason_at, open_since FROM encounter_unmatched"
)
