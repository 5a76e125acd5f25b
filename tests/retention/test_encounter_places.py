"""How near a clip came to an encounter: its track is read in the real store, with a role that reads sidecars alone.

One number of each pair is kept, no place of a clip is anywhere but in the vault, and a store that is away only delays.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from streams import messages as m
from streams.encounters import Encounters
from streams.stage import Envelope, Parts
from streams.vaults import access_of, open_vault
from tests.encounters.force import an_encounter
from tests.retention.held import HERE, TEN, Held, near
from tests.retention.rebuilt import record
from tests.retention.test_holds import FAST
from workers.database.engine import Row
from workers.encounters.batch import join_all
from workers.encounters.queries import known_of
from workers.encounters.statements import EncounterRecord, encounter_id
from workers.errors import ConfigurationInvalid, StoreAway
from workers.footage.recording import Place
from workers.keys.statements import PURPOSES, now_iso
from workers.retention.answers import answer_to
from workers.vault.keys import attempt_keys
from workers.vault.s3 import S3Vault

OFFICER = "PC-4711"


class Counting(S3Vault):
    """Counts the sidecars that are read."""

    read = 0

    def get_small(self, key: str, version_id: str | None = None, *, limit: int = 1 << 20) -> bytes:
        type(self).read += 1
        return super().get_small(key, version_id, limit=limit)


class Beat:
    """The stage encounters over clips in a real store."""

    def __init__(self, held: Held) -> None:
        self.held, self.database = held, held.database
        self.stage = Encounters(Parts(held.settings, held.database, held._publish))
        self.vault = self.stage.places.vault = Counting(access_of(held.settings, "encounters"), limits=FAST)
        Counting.read = 0

    async def stop(self, reference: str = "SS-1", place: Place = HERE, **values: Any) -> str:
        """A record of ten minutes from TEN on, as the stage takes it."""
        encounter = an_encounter(
            reference, TEN.isoformat(), until=values.pop("until", "2026-11-22T10:10:00+00:00"), lat=place.latitude,
            lon=place.longitude, **values,
        )  # fmt: skip
        about = encounter_id(self.held.settings.namespace, reference)
        signed = self.held.people["ADMIN"].sign(
            PURPOSES[EncounterRecord], EncounterRecord(about, encounter, "ADMIN", now_iso())
        )
        message, given = m.EncounterRequested(about, signed), f"evt-{signed.signature[:20]}"
        headers = {"ce_id": given, "ce_type": "bwv.encounters.requested"}
        await self.stage.receive(
            message, Envelope("encounters.requested", 0, 0, about, 0.0, headers, m.encode(message))
        )
        answer = await answer_to(self.database, given)
        assert answer is not None and answer.verdict == "done", answer
        return about

    async def clip(self, *track: Place, **changes: Any) -> str:
        return await self.held.clip(track=track, minutes=11, owner=OFFICER, **changes)

    async def read(self) -> int:
        return await self.stage.places.read_what_is_asked()

    async def shown(self) -> dict[str, str]:
        rows = await self.database.fetch("SELECT clip_id, how FROM encounter_clips")
        return {row["clip_id"]: row["how"] for row in rows}

    async def gaps(self) -> list[tuple[str, str | None]]:
        return [
            (row["kind"], row["note"]) for row in await self.database.fetch("SELECT kind, note FROM encounter_gaps")
        ]

    async def rows(self, table: str) -> list[Row]:
        return sorted(await self.database.fetch(f"SELECT * FROM {table}"), key=str)


@pytest.fixture
async def beat(held: Held) -> AsyncIterator[Beat]:
    made = Beat(held)
    yield made
    await made.stage.stop()
    made.vault.close()


async def test_a_track_is_read_once_for_a_pair_and_again_for_a_corrected_place(beat: Beat) -> None:
    fix = Place(51.5007312, -0.1246873)
    clip = await beat.clip(fix)
    about = await beat.stop()
    assert await beat.shown() == {clip: "time"}, "before the track was read"
    assert (await beat.read(), Counting.read) == (1, 1)
    assert await beat.shown() == {clip: "time+place"}
    async with beat.database.connection() as connection:
        assert [one.metres for one in (await known_of(connection, about)).clips] == [7.0]
    await beat.stop(place=HERE, incident="CAD-1")
    assert (await beat.read(), Counting.read, await beat.shown()) == (0, 1, {clip: "time+place"}), "the same place"

    await beat.stop(place=near(4_200))
    assert await beat.shown() == {clip: "time"}, "what was read was of another place"
    assert (await beat.read(), Counting.read) == (1, 2)
    assert (await beat.shown(), await beat.gaps()) == ({}, [("none", "a clip of that time was recorded 4.2 km away")])
    assert (await beat.read(), Counting.read) == (0, 2), "nothing is read again"

    kept = await beat.rows("encounter_places")
    joined = [await beat.rows(table) for table in ("encounter_clips", "encounter_gaps")]
    for table in ("encounter_places", "encounter_clips", "encounter_gaps"):
        await beat.database.execute(f"DELETE FROM {table}")
    await join_all(beat.database, beat.stage.rules)
    assert (await beat.read(), await beat.rows("encounter_places")) == (1, kept), "made again from the vault alone"
    assert [await beat.rows(table) for table in ("encounter_clips", "encounter_gaps")] == joined

    tables = await beat.database.fetch(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = %s", (beat.database.schema,)
    )
    for row in tables:
        for said in await beat.database.fetch(f'SELECT t::text AS said FROM "{row["table_name"]}" t'):
            text = said["said"]
            for digits in ("51.50073", "0.12468"):
                assert digits not in text and digits.encode().hex() not in text, row["table_name"]


async def test_a_store_that_is_away_delays_the_places_and_nothing_else(beat: Beat) -> None:
    clip = await beat.clip(near(20))
    await beat.stop()
    away = msgspec.structs.replace(beat.held.settings, store="http://127.0.0.1:9")
    beat.stage.places.vault = gone = open_vault(away, "encounters", limits=FAST)
    with pytest.raises(StoreAway):
        await beat.read()
    await beat.stop("SS-2")
    await beat.stage.join_what_is_new()
    assert await beat.database.fetch("SELECT encounter_id FROM encounter_clips WHERE how = 'time'") != []
    assert len(await beat.shown()) == 1 and await beat.gaps() == []
    beat.stage.places.vault = beat.vault
    assert (await beat.read(), Counting.read) == (1, 1), "both encounters by one reading"
    rows = await beat.database.fetch("SELECT how FROM encounter_clips WHERE clip_id = %s", (clip,))
    assert [row["how"] for row in rows] == ["time+place"] * 2
    gone.close()


async def test_a_clip_that_cannot_be_read_does_not_keep_others_waiting(beat: Beat) -> None:
    class Rotten(Counting):
        def get_small(self, key: str, version_id: str | None = None, *, limit: int = 1 << 20) -> bytes:
            if key == rotten:
                raise StoreAway(f"{key}: the volume does not answer")
            return super().get_small(key, version_id, limit=limit)

    clips = [await beat.clip(near(metres)) for metres in (10, 20)]
    rotten = attempt_keys(beat.held.settings.namespace, clips[0], 1).sidecar
    broken = Rotten(access_of(beat.held.settings, "encounters"), limits=FAST)
    beat.stage.places.vault = broken
    await beat.stop()
    assert await beat.read() == 1
    assert await beat.shown() == {clips[0]: "time", clips[1]: "time+place"}
    assert await beat.read() == 0, "it is asked again later, not at once"
    broken.close()


async def test_what_is_not_there_yet_waits_and_what_is_gone_is_not_asked(beat: Beat) -> None:
    later, going = await beat.clip(near(10), stored=False), await beat.clip(near(4_200))
    await beat.held.disposal(going, "committed")
    await beat.stop()
    assert [row["clip_id"] for row in await beat.rows("encounter_places")] == [later], (
        "of a clip that goes nothing is asked"
    )
    assert (await beat.read(), Counting.read) == (0, 0)
    await beat.held.store(later, *beat.held.sidecars[later])
    assert (await beat.read(), await beat.shown()) == (1, {later: "time+place", going: "time"})
    await beat.held.disposal(later, "done")
    await beat.stage.places.forget_the_gone()
    assert await beat.rows("encounter_places") == []


async def test_the_number_goes_with_the_clip_and_what_it_decided_stays(beat: Beat) -> None:
    here, elsewhere = await beat.clip(near(10)), await beat.clip(near(4_200), began=TEN)
    await beat.stop("SS-1", officers=(OFFICER,))
    assert await beat.read() == 2
    shown = await beat.shown()
    assert shown == {here: "time+place"}
    for clip in (here, elsewhere):
        await beat.held.disposal(clip, "done")
        told = m.ClipDisposed(clip, "CAM-1", 1, "uncategorised", "r", (await beat.held.fate(clip)).report)
        event = m.event("clips.disposed", told, key=clip, subject=clip, source="disposal", cause=(clip,))
        await record(beat.database, [event])
    await beat.stage.join_what_is_new()
    assert [(row["clip_id"], row["metres"], row["elsewhere"]) for row in await beat.rows("encounter_places")] == [
        (elsewhere, None, True)
    ]
    await join_all(beat.database, beat.stage.rules)
    assert await beat.shown() == {here: "time"}, "what was recorded elsewhere does not become footage of it"
    assert (await beat.read(), Counting.read) == (0, 2)


async def test_without_the_role_the_stage_refuses_to_start(beat: Beat) -> None:
    settings = msgspec.structs.replace(beat.held.settings, credentials=beat.held.settings.home / "nothing")
    stage = Encounters(Parts(settings, beat.database, beat.held._publish))
    with pytest.raises(ConfigurationInvalid, match="no credentials of the role 'encounters'"):
        await stage.start()
    await stage.stop()
