"""What the join of an encounter came to is told once for each change, and names nobody."""

from __future__ import annotations

import msgspec
import pytest

from streams.encounter_joins import tell_of_joins
from streams.messages import EncounterJoined, JoinedGap
from tests.custody.logs import grow
from workers.custody.entry import Recorded, content_of
from workers.database.engine import Database
from workers.statistics.joins import restore_told

pytestmark = pytest.mark.stack


async def stop(database: Database, name: str, *officers: str) -> None:
    """As the stage encounters stores a record."""
    await database.execute(
        "INSERT INTO encounters (encounter_id, version, reference, kind, at, place, bcu, borough, signed, signed_by,"
        " signed_at) VALUES (%s, 1, %s, 'stop_search', '2026-10-14T13:00:00+01:00', '12 Acacia Avenue', 'CW', 'Camden',"
        " '{}', 'PC-1', now())",
        (name, name),
    )
    for officer in officers:
        await database.execute("INSERT INTO encounter_officers VALUES (%s, %s, 'present', now())", (name, officer))


async def gap(database: Database, name: str, officer: str, kind: str, *, explained: str | None = None) -> None:
    await database.execute(
        "INSERT INTO encounter_gaps (encounter_id, officer, kind, explained_by, open_since)"
        " VALUES (%s, %s, %s, %s, now())",
        (name, officer, kind, explained),
    )


async def told(database: Database) -> list[EncounterJoined]:
    rows = await database.fetch("SELECT body FROM outbox WHERE topic = 'encounters.joined' ORDER BY id")
    return [msgspec.json.decode(row["body"], type=EncounterJoined) for row in rows]


async def test_a_join_is_told_when_it_is_another_and_not_again(database: Database) -> None:
    await stop(database, "enc-1", "PC-1", "PC-2")
    await gap(database, "enc-1", "PC-1", "none")
    await gap(database, "enc-1", "PC-2", "late", explained="battery_flat")
    assert await tell_of_joins(database) == 1
    first = EncounterJoined("enc-1", 1, 1, "stop_search", "2026-10-14T12:00:00.000Z", "CW", "Camden", 2, 1,
                            (JoinedGap("none"), JoinedGap("late", "camera")))  # fmt: skip
    assert await told(database) == [first]
    bodies = await database.fetch("SELECT body FROM outbox")
    assert not [row for row in bodies if b"PC-" in bytes(row["body"]) or b"Acacia" in bytes(row["body"])]

    await database.execute("DELETE FROM encounter_gaps")  # joined anew, with the same result
    await gap(database, "enc-1", "PC-2", "late", explained="battery_flat")
    await gap(database, "enc-1", "PC-1", "none")
    assert await tell_of_joins(database) == 0

    await database.execute("UPDATE encounter_gaps SET reason = 'left on charge' WHERE kind = 'none'")
    assert await tell_of_joins(database) == 1
    await database.execute("UPDATE encounter_gaps SET reason = NULL WHERE kind = 'none'")
    assert await tell_of_joins(database) == 1
    assert [(one.telling, one.gaps[0].explained) for one in await told(database)] == [
        (1, None),
        (2, "officer"),
        (3, None),
    ]


async def test_a_rebuild_takes_up_what_was_told_and_tells_only_what_is_new(database: Database) -> None:
    await stop(database, "enc-1", "PC-1")
    await tell_of_joins(database)
    rows = await database.fetch("SELECT event_id, topic, subject, body FROM outbox")
    batch = []
    for offset, row in enumerate(rows):
        body = bytes(row["body"])
        content, _ = content_of(body)
        batch.append(Recorded(row["topic"], 0, offset, row["event_id"], row["topic"], "2026-10-15T08:00:00+00:00",
                              "encounters", row["subject"], "combination", body, content))  # fmt: skip
    await grow(database, batch)
    await database.execute("TRUNCATE encounter_told, encounter_untold, outbox")
    await gap(database, "enc-1", "PC-1", "none")  # its clip was disposed of: the join that is made anew lacks it
    await stop(database, "enc-2", "PC-1")
    async with database.transaction() as connection:
        assert await restore_told(connection) == 1
    assert await tell_of_joins(database) == 1
    assert [one.encounter_id for one in await told(database)] == ["enc-2"]
