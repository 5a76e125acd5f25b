"""Which clips of a case are unused material, asked of a real database."""

from __future__ import annotations

import pytest

from tests.prosecution.disclosed import Catalogued, case, exhibit, marked
from workers.database.engine import Database
from workers.footage.recording import PreRoll
from workers.prosecution.cases.case import Case
from workers.prosecution.disclosure.material import Material
from workers.prosecution.disclosure.unused import materials, unused_clips


@pytest.fixture
def clips(database: Database) -> Catalogued:
    return Catalogued(database)


async def unused(database: Database, of: Case) -> list[str]:
    async with database.connection() as connection:
        return [found.clip_id for found in await unused_clips(connection, of)]


async def test_every_clip_of_the_incident_but_exhibits_in_the_order_of_time(
    database: Database, clips: Catalogued
) -> None:
    later = await clips.clip(recorded_at="2026-10-22T15:00:00+01:00")
    earlier = await clips.clip(recorded_at="2026-10-22T13:00:00+01:00")
    shown = await clips.clip()
    await clips.clip(incident="INC-2")
    await clips.clip(incident=None)
    assert await unused(database, case(exhibits=(exhibit(clip=shown),))) == [earlier, later]


async def test_the_rest_of_a_clip_is_unused_and_so_is_a_withdrawn_exhibit(
    database: Database, clips: Catalogued
) -> None:
    part, withdrawn = await clips.clip(), await clips.clip(recorded_at="2026-10-22T15:00:00+01:00")
    held = case(exhibits=(exhibit(clip=part, start=1.0, end=2.0), exhibit("JS/2", withdrawn, withdrawn=True)))
    assert await unused(database, held) == [part, withdrawn]
    everything = case(exhibits=(*held.exhibits, exhibit("JS/3", part)))
    assert await unused(database, everything) == [withdrawn]


async def test_what_a_person_said_to_show_the_incident_is_there_too(database: Database, clips: Catalogued) -> None:
    same, asked, other, described = [await clips.clip(incident=None) for _ in range(4)]
    await clips.under_hold(same, "hold-a", "active")
    await clips.under_hold(asked, "hold-a", "cleared")
    await clips.under_hold(other, "hold-of-another-case", "active")
    signed = await clips.clip(incident="INC-2")
    await clips.set(signed, "facts", f'[{{"type": "incident", "incident": "{case().incidents[0]}", "by": "SMITH",'
                                     ' "at": "2026-10-23T00:00:00Z"}]')  # fmt: skip
    found = await unused(database, case(holds=("hold-a",), unused=(marked(described, 1),)))
    assert sorted(found) == sorted([same, described, signed])


async def test_a_deleted_clip_is_told_of(database: Database, clips: Catalogued) -> None:
    gone = await clips.clip()
    await clips.set(gone, "disposal", "done")
    async with database.connection() as connection:
        [found] = await unused_clips(connection, case())
    assert found.gone


async def test_material_is_what_the_dock_declared_and_people_corrected(database: Database, clips: Catalogued) -> None:
    clip = await clips.clip(incomplete=True)
    assert await of(database, clip) == await clips.material(clip)
    found = await of(database, clip)
    assert (found.camera, found.incomplete, found.preroll, found.seconds) == ("CAM-0001", True, PreRoll(30.0), 929.0)
    assert found.began is not None and found.shown is not None
    assert (found.began - found.shown).total_seconds() == 3.0
    facts = (
        '[{"type": "time", "recorded_at": "2026-10-21T10:00:00+01:00", "by": "SMITH", "at": "2026-10-23T00:00:00Z"}]'
    )
    await clips.set(clip, "facts", facts)
    corrected = await of(database, clip)
    assert corrected.began is not None and corrected.began.isoformat() == "2026-10-21T09:00:00+00:00"
    assert (corrected.corrected_by, corrected.seconds, corrected.shown) == ("SMITH", 929.0, found.shown)


async def test_the_officer_is_whoever_held_the_camera_and_the_length_is_the_probes(
    database: Database, clips: Catalogued
) -> None:
    clip = await clips.clip(owner="PC 1")
    assert (await of(database, clip)).officer == "PC 1"
    await database.execute(
        "INSERT INTO camera_holders VALUES ('e', 'CAM-0001', 'PC 2', '2026-10-22T00:00:00Z', 'ADMIN')"
    )
    await database.execute("UPDATE clips SET probe = '{\"duration\": 928.5}' WHERE clip_id = %s", (clip,))
    found = await of(database, clip)
    assert (found.officer, found.seconds) == ("PC 2", 928.5)


async def of(database: Database, clip: str) -> Material:
    async with database.connection() as connection:
        return (await materials(connection, [clip]))[clip]
