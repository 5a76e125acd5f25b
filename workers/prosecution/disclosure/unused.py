"""Which clips of a case are unused material, and what is declared of any clip."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from workers.database.engine import Connection, Row, fetch
from workers.fate.row import Fate
from workers.prosecution.cases.case import Case
from workers.prosecution.disclosure.material import Material, material_of
from workers.retention.incidents import GIVEN

_COLUMNS = ", ".join(f"f.{name}" for name in Fate.__struct_fields__)

_MATERIAL = (
    f"SELECT {_COLUMNS}, o.officer, (c.probe->>'duration')::float AS duration FROM clip_fate f"
    " LEFT JOIN clips c USING (clip_id) LEFT JOIN clip_officers o USING (clip_id) WHERE f.clip_id = ANY("
)


async def materials(connection: Connection, clip_ids: Collection[str]) -> dict[str, Material]:
    """The material of each of these clips that is known."""
    rows = await fetch(connection, f"{_MATERIAL}%(clips)s)", {"clips": list(clip_ids)})
    return {row["clip_id"]: _material(row) for row in rows}


async def unused_clips(connection: Connection, case: Case) -> tuple[Material, ...]:
    """Every clip of the case of which something is no exhibit, in the order of time.

    Clips of its incidents, as cameras or people said; those that its holds cover, since a person answered that they
    show the same incident; and those that the disclosure officer marked. A clip of which only a part is an exhibit is
    there for the rest of it.
    A clip that is already deleted is there too: the disclosure officer must know that it was.
    """
    rows = await fetch(
        connection,
        f"{_MATERIAL}ARRAY(SELECT clip_id FROM clips WHERE incident = ANY(%(incidents)s)"
        f" UNION SELECT f.clip_id FROM unnest(%(incidents)s::text[]) i, clip_fate f WHERE {GIVEN.format('i')}"
        " UNION SELECT clip_id FROM hold_clips WHERE hold_id = ANY(%(holds)s) AND state IN ('pending', 'active')"
        " UNION SELECT unnest(%(marked)s::text[])"
        " UNION SELECT unnest(%(parts)s::text[])"
        " EXCEPT SELECT unnest(%(whole)s::text[])))",
        {
            "incidents": list(case.incidents),
            "holds": list(case.holds),
            "marked": [unused.clip_id for unused in case.unused],
            "parts": [exhibit.clip_id for exhibit in case.standing()],
            "whole": [exhibit.clip_id for exhibit in case.standing() if exhibit.whole],
        },
    )
    found = [_material(row) for row in rows]
    return tuple(sorted(found, key=lambda one: (one.began or one.docked_at, one.clip_id)))


def _material(row: Row) -> Material:
    fate = msgspec.convert({name: row[name] for name in Fate.__struct_fields__}, Fate)
    return material_of(fate, officer=row["officer"], duration=row["duration"])
