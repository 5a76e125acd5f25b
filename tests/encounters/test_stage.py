"""The stage: versions, reasons, refusals; nothing personal goes in; a lost database comes back."""

from __future__ import annotations

import msgspec
import pytest

from streams import messages as m
from streams.rebuilding import _is_message as is_message
from tests.encounters.force import Force, an_encounter
from workers.database.engine import Database
from workers.database.schema import upgrade
from workers.encounters.batch import join_all
from workers.encounters.queries import list_gaps
from workers.encounters.restoring import restore_encounters
from workers.encounters.statements import EncounterRecord, encounter_id
from workers.encounters.words import GapKind
from workers.keys.signing import Signed
from workers.keys.statements import PURPOSES, now_iso
from workers.retention.answers import Answer

CANARY = "Jane Canary, 14 Songbird Lane"


async def on_record(force: Force, reference: str = "SS-1", **values: object) -> str:
    answer = await force.put_on_record(an_encounter(reference, **values))
    assert answer.verdict == "done" and answer.details is not None, answer
    return str(answer.details["encounter_id"])


async def test_the_same_record_changes_nothing_and_a_corrected_one_is_a_new_version(force: Force) -> None:
    about = await on_record(force, until="2026-03-02T14:10:00Z")
    again = await force.put_on_record(an_encounter(until="2026-03-02T14:10:00Z"))
    assert again.details is not None and (again.details["version"], again.details["new"]) == (1, False)
    corrected = await force.put_on_record(an_encounter(until="2026-03-02T14:20:00Z", officers=("PC-2203",)))
    assert corrected.details is not None and corrected.details["version"] == 2
    versions = await force.database.fetch("SELECT version, signed FROM encounter_versions ORDER BY version")
    assert [row["version"] for row in versions] == [1, 2]
    assert "14:10" in versions[0]["signed"]["body"], "the first stays as it was signed"
    assert [row["officer"] for row in await force.rows("encounter_officers")] == ["PC-2203"]
    told = await force.database.fetch("SELECT topic FROM outbox WHERE key = %s ORDER BY id", (about,))
    assert [row["topic"] for row in told] == ["encounters.recorded"] * 2
    gaps = await force.rows("encounter_gaps")
    assert [(row["officer"], row["kind"]) for row in gaps] == [("PC-2203", "none")], "joined with the record itself"


def refused(answer: Answer, words: str) -> None:
    assert answer.verdict == "refused" and words in answer.says, answer


async def test_what_is_not_asked_for_is_refused_and_stands_nowhere(force: Force) -> None:
    await on_record(force, "SS-0")
    encounter = an_encounter()
    about = encounter_id(force.settings.namespace, encounter.reference)
    body = msgspec.to_builtins(EncounterRecord(about, encounter, "ADMIN", now_iso()))
    for path in ((), ("encounter",), ("encounter", "officers", 0)):
        made = msgspec.json.decode(msgspec.json.encode(body))
        place = made
        for step in path:
            place = place[step]
        place["name_of_person"] = CANARY
        signed = force.people["ADMIN"].sign(PURPOSES[EncounterRecord], made)
        refused(await force.put_on_record(encounter, signed=signed), "a record has no name_of_person")
    refused(await force.put_on_record(an_encounter(place="14 Songbird Lane SW1A 1AA")), "a full postcode")
    await force.looked()
    tables = await force.database.fetch(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = %s", (force.settings.namespace,)
    )
    looked = 0
    for row in tables:
        rows = await force.database.fetch(f'SELECT t::text AS said FROM "{row["table_name"]}" t')
        looked += len(rows)
        hidden = [r["said"] for r in rows if "Songbird" in r["said"] or CANARY.encode().hex() in r["said"]]
        assert not hidden, row["table_name"]
    bodies = await force.database.fetch("SELECT body AS said FROM outbox UNION ALL SELECT payload FROM custody")
    assert looked > 20 and len(bodies) > 3
    assert not any(b"Songbird" in bytes(row["said"] or b"") for row in bodies)


async def test_a_reason_is_of_a_gap_that_is_there_and_the_newest_counts(force: Force) -> None:
    about = await on_record(force)
    refused(await force.reason(about, "PC-4711", GapKind.LATE, "I ran"), "has no gap late of PC-4711")
    refused(await force.reason(about, "PC-1", GapKind.NONE, "I ran"), "has no gap none of PC-1")
    refused(await force.reason(about, "PC-4711", GapKind.NONE, "   "), "expected 1 to 500 characters")
    refused(await force.reason(about, "PC-1\0", GapKind.NONE, "I ran"), "expected a warrant number")
    refused(await force.reason("encounter-\0", "PC-4711", GapKind.NONE, "I ran"), "expected its whole id")
    first = await force.reason(
        about, "PC-4711", GapKind.NONE, "it fell off in a struggle", at="2026-03-02T16:00:00.000Z"
    )
    assert first.verdict == "done" and first.says.endswith("given by PC-4711")
    second = await force.reason(about, "PC-4711", GapKind.NONE, "seen again: not switched on", by="ADMIN")
    assert second.verdict == "done"
    await force.looked()
    async with force.database.connection() as connection:
        [gap] = await list_gaps(connection)
        assert (gap.reason, gap.reason_by, gap.open) == ("seen again: not switched on", "ADMIN", False)
        assert await list_gaps(connection, open_only=True) == []
        assert await list_gaps(connection, unit="Newham") == []
    assert len(await force.rows("encounter_reasons")) == 2, "both stay on record"


async def test_supervisors_see_theirs(force: Force) -> None:
    await on_record(force, "SS-1", borough="Newham", bcu="NE")
    await on_record(force, "SS-2", at="2026-03-03T14:00:00Z", borough="Hackney", bcu="CE", officers=("PC-2203",))
    async with force.database.connection() as connection:
        assert [gap.reference for gap in await list_gaps(connection, unit="newham")] == ["SS-1"]
        assert [gap.reference for gap in await list_gaps(connection, unit="CE")] == ["SS-2"]
        assert [gap.officer for gap in await list_gaps(connection, officer="PC-2203")] == ["PC-2203"]


async def test_somebody_else_cannot_sign_and_a_record_is_its_reference(force: Force) -> None:
    encounter = an_encounter()
    about = encounter_id(force.settings.namespace, encounter.reference)
    record = EncounterRecord(about, encounter, "PC-4711", now_iso())
    with pytest.raises(Exception, match="everybody signs for themselves"):
        await force.put_on_record(encounter, signed=force.sign(record, "ADMIN"))
    other = EncounterRecord(encounter_id("another", "SS-1"), encounter, "ADMIN", now_iso())
    with pytest.raises(Exception, match="was signed about"):
        await force.put_on_record(encounter, signed=force.sign(other))
    assert await force.rows("encounters") == []


async def test_a_lost_database_comes_back_with_every_version_and_reason(force: Force) -> None:
    about = await on_record(force, until="2026-03-02T14:10:00Z")
    await force.put_on_record(an_encounter(until="2026-03-02T14:20:00Z"))
    await force.reason(about, "PC-4711", GapKind.NONE, "it fell off in a struggle")
    forged = m.EncounterRecorded(about, 3, "stop_account", Signed("{}", "person:NOBODY:0123456789abcdef", "c2ln"))
    force.tell("encounters.recorded", forged, about)
    await force.looked()
    fresh = f"{force.database.schema}_again"
    upgrade(force.database.dsn, fresh)
    keys = {key.id: key for key in (signer.enrolment() for signer in force.people.values())}
    async with Database(force.database.dsn, fresh) as again:
        await again.execute(f"INSERT INTO custody SELECT * FROM {force.database.schema}.custody")
        async with again.transaction() as connection:
            restored = await restore_encounters(connection, keys, is_message)
        await join_all(again, force.stage.rules)
        assert (restored.versions, restored.reasons, len(restored.passed_over)) == (2, 1, 1)
        for table in ("encounters", "encounter_versions", "encounter_officers", "encounter_reasons", "encounter_gaps"):
            rows = await force.rows(table)
            assert rows and await again.fetch(f"SELECT * FROM {table}") == rows, table
