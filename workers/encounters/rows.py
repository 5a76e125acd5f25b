"""The tables of the records: each encounter in its newest version, every version as it was signed, every reason."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, execute, fetch
from workers.encounters.check import moment
from workers.encounters.statements import Encounter, EncounterReason, EncounterRecord
from workers.keys.signing import Signed


class Recorded(Struct, frozen=True):
    """An encounter in its newest version."""

    encounter_id: str
    version: int
    encounter: Encounter
    signed: Signed
    signed_by: str
    signed_at: datetime


async def find_encounter(connection: Connection, encounter_id: str, *, lock: bool = False) -> Recorded | None:
    """An encounter by its id.

    Args:
        lock: keeps it as it is until the transaction ends.
    """
    rows = await fetch(
        connection,
        "SELECT encounter_id, version, signed, signed_by, signed_at FROM encounters WHERE encounter_id = %s"
        + (" FOR UPDATE" if lock else ""),
        (encounter_id,),
    )
    return _recorded(rows[0]) if rows else None


async def named(connection: Connection, words: str) -> list[Recorded]:
    """The encounters that `words` may mean: an id, its beginning, or the force's reference."""
    rows = await fetch(
        connection,
        "SELECT encounter_id, version, signed, signed_by, signed_at FROM encounters WHERE encounter_id = %(words)s"
        " OR (length(%(words)s) >= 14 AND starts_with(encounter_id, %(words)s)) OR reference = %(words)s"
        " ORDER BY at, encounter_id",
        {"words": words},
    )
    return [_recorded(row) for row in rows]


def _recorded(row: dict[str, Any]) -> Recorded:
    signed = msgspec.convert(row["signed"], Signed)
    record = msgspec.json.decode(signed.body, type=EncounterRecord)
    return Recorded(row["encounter_id"], row["version"], record.encounter, signed, row["signed_by"], row["signed_at"])


async def store(connection: Connection, record: EncounterRecord, signed: Signed, version: int, event_id: str) -> None:
    """Write a version down; the newest is what the other tables show. What was joined to it is to be joined again."""
    it, about = record.encounter, record.encounter_id
    kept = msgspec.json.encode(signed).decode()
    await execute(
        connection,
        "INSERT INTO encounter_versions VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (about, version, event_id, kept, record.by, record.at),
    )
    columns: dict[str, Any] = {
        "encounter_id": about,
        "version": version,
        "reference": it.reference,
        "kind": it.kind,
        "at": moment(it.at),
        "until": moment(it.until) if it.until else None,
        "place": it.place,
        "lat": it.lat,
        "lon": it.lon,
        "incident": it.incident,
        "borough": it.borough,
        "bcu": it.bcu,
        "power": it.power,
        "object": it.object,
        "outcome": it.outcome,
        "ethnicity": it.ethnicity,
        "age_band": it.age_band,
        "gender": it.gender,
        "ced": it.gravest_ced,
        "signed": kept,
        "signed_by": record.by,
        "signed_at": record.at,
    }
    updates = ", ".join(f"{name} = EXCLUDED.{name}" for name in columns)
    made = await execute(
        connection,
        f"INSERT INTO encounters ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"
        f" ON CONFLICT (encounter_id) DO UPDATE SET {updates} WHERE EXCLUDED.version > encounters.version",
        list(columns.values()),
    )
    if not made:
        return
    for table in ("encounter_officers", "encounter_clips", "encounter_gaps"):
        await execute(connection, f"DELETE FROM {table} WHERE encounter_id = %s", (about,))
    # What tracks said of another place says nothing of this one, and of where that was nobody need know any more.
    await execute(
        connection,
        "DELETE FROM encounter_places WHERE encounter_id = %s AND (lat, lon) IS DISTINCT FROM (%s::float8, %s::float8)",
        (about, it.lat, it.lon),
    )
    for one in it.officers:
        await execute(
            connection, "INSERT INTO encounter_officers VALUES (%s, %s, %s, %s)", (about, one.officer, one.role, it.at)
        )


async def enter_reason(connection: Connection, reason: EncounterReason, signed: Signed, event_id: str) -> None:
    """Write a reason down, and show it at its gap; of one gap the newest counts."""
    await execute(
        connection,
        "INSERT INTO encounter_reasons VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (event_id, reason.encounter_id, reason.clip_id, reason.officer, reason.gap, reason.reason, reason.by, reason.at,
         msgspec.json.encode(signed).decode()),
    )  # fmt: skip
    given = (reason.reason, reason.by, reason.at, reason.at)
    if reason.encounter_id is not None:
        await execute(
            connection,
            "UPDATE encounter_gaps SET reason = %s, reason_by = %s, reason_at = %s"
            " WHERE COALESCE(reason_at, '-infinity') <= %s AND encounter_id = %s AND officer = %s AND kind = %s",
            (*given, reason.encounter_id, reason.officer, reason.gap),
        )
    else:
        await execute(
            connection,
            "UPDATE encounter_unmatched SET reason = %s, reason_by = %s, reason_at = %s"
            " WHERE COALESCE(reason_at, '-infinity') <= %s AND clip_id = %s",
            (*given, reason.clip_id),
        )


async def is_gap(connection: Connection, reason: EncounterReason) -> bool:
    """Whether there is the gap that a reason is given for."""
    if reason.encounter_id is not None:
        rows = await fetch(
            connection,
            "SELECT 1 FROM encounter_gaps WHERE encounter_id = %s AND officer = %s AND kind = %s",
            (reason.encounter_id, reason.officer, reason.gap),
        )
    else:
        rows = await fetch(connection, "SELECT 1 FROM encounter_unmatched WHERE clip_id = %s", (reason.clip_id,))
    return bool(rows)
