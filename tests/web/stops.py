"""Encounters on a board: on record and joined as the stage leaves them, without the stage."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.encounters.force import an_encounter
from tests.web.site import Site
from workers.encounters.day import Rules
from workers.encounters.joining import join_one
from workers.encounters.rows import store
from workers.encounters.statements import EncounterRecord, encounter_id
from workers.encounters.words import Ethnicity, Kind, Outcome, Power, Sought
from workers.keys.statements import PURPOSES, now_iso

AT = datetime(2026, 3, 2, 14, tzinfo=UTC)
FILMED = {"recorded_at": "2026-03-02T13:58:00.000Z", "ended_at": "2026-03-02T14:20:00.000Z"}
"""Of a clip that shows an encounter of AT."""

SEARCH = {
    "kind": Kind.STOP_SEARCH, "power": Power.PACE_S1, "object": Sought.STOLEN_PROPERTY, "ethnicity": Ethnicity.B1,
    "grounds": "seen to try the doors of three cars", "outcome": Outcome.NONE, "until": "2026-03-02T14:10:00Z",
}  # fmt: skip

TABLES = (
    "encounters", "encounter_versions", "encounter_officers", "encounter_clips", "encounter_gaps",
    "encounter_unmatched", "encounter_reasons",
)  # fmt: skip


async def on_record(site: Site, reference: str, *officers: str, **values: Any) -> str:
    """A stop and search at which these officers were; its clips are what there is by now. Returns its id."""
    encounter = an_encounter(reference, officers=officers, **(SEARCH | {"borough": "Newham", "bcu": "NE"} | values))
    about = encounter_id(site.settings.namespace, reference)
    record = EncounterRecord(about, encounter, "ADMIN", now_iso())
    signed = site.scene.person.sign(PURPOSES[EncounterRecord], record)
    async with site.database.transaction() as connection:
        await store(connection, record, signed, 1, f"evt-{about}")
        await join_one(connection, Rules(), about)
    return about


async def unmatched(site: Site, clip: str, officer: str | None, at: datetime = AT) -> None:
    """The clip says that it shows an encounter, and there is no record of one."""
    await site.database.execute(
        "INSERT INTO encounter_unmatched (clip_id, officer, flagged_by, open_since) VALUES (%s, %s,"
        " 'category stop-and-search', %s)",
        (clip, officer, at),
    )
