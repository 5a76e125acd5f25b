"""A hold that names no clip: what falls under it, today and when it is docked later."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from streams.messages import ClipCategorised, ClipRegistered, ClipVerified, StandingHoldPlaced
from tests.retention.held import HERE, TEN, Held, near
from workers.database.engine import fetch
from workers.fate.moves import Disposal
from workers.fate.row import find_on
from workers.footage.recording import Place
from workers.keys.statements import PURPOSES, now_iso
from workers.retention.answers import Verdict
from workers.retention.categorising import said_in
from workers.retention.places import FIX_ERROR, distance
from workers.retention.standing import CLOCKS, SIGHTS, holds_over, look_for_clips, standing_holds_over
from workers.retention.statements import Categorisation

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
PERIOD = {"since": TEN, "until": TEN + HOUR}
PLACE = {
    "scope": "place",
    "reason": "conduct",
    "place": {"latitude": HERE.latitude, "longitude": HERE.longitude, "metres": 50.0},
} | PERIOD


async def over(held: Held, clip: str) -> list[str]:
    async with held.database.connection() as connection:
        return await standing_holds_over(connection, clip)


async def registered(held: Held, clip: str) -> None:
    fate = await held.fate(clip)
    await held.give("clips.registered", ClipRegistered(clip, 1, fate.report), f"evt-{clip}", clip)
    await held.settle()


async def test_an_incident_hold_covers_its_clips_and_those_that_are_docked_later(held: Held) -> None:
    one, two = await held.clip(incident="INC-1"), await held.clip(incident="INC-1")
    other = await held.clip(incident="INC-2")

    hold, answer = await held.ask(scope="incident", incident="INC-1", reason="inquest")
    later = await held.clip(incident="INC-1", catalogued=False)
    await registered(held, later)

    assert answer.verdict is Verdict.DONE and answer.details == {"hold": hold, "matched": 2}
    assert await held.states(hold) == {one: "active", two: "active", later: "active"}
    assert (await held.fate(later)).hold_reasons == (f"inquest/{hold}",)
    assert not (await held.fate(other)).held and await over(held, other) == []


async def test_a_clip_that_the_catalogue_does_not_know_yet_is_found_by_its_own_row(held: Held) -> None:
    hidden = await held.clip(incident="INC-1", catalogued=False)
    other = await held.clip(incident="INC-2", catalogued=False)
    hold, _ = await held.ask(scope="incident", incident="INC-1", reason="foi")
    assert await held.states(hold) == {hidden: "active"} and not (await held.fate(other)).held


async def shows(held: Held, clip: str, incident: str) -> ClipCategorised:
    """A person says that a clip shows an incident, as retention writes it; returns what it tells."""
    said = Categorisation(clip, "evidential", "as seen", "ADMIN", now_iso(), incident=incident)
    fate = await held.fate(clip)
    facts = msgspec.json.encode((*fate.facts, *said_in(said, fate.facts))).decode()
    await held.database.execute("UPDATE clip_fate SET facts = %s WHERE clip_id = %s", (facts, clip))
    signed = held.people["ADMIN"].sign(PURPOSES[Categorisation], said)
    return ClipCategorised(clip, "evidential", "evidential", 1, signed)


async def test_a_clip_of_which_a_person_said_so_falls_under_the_incidents_hold(held: Held) -> None:
    before, unseen, later = await held.clip(), await held.clip(catalogued=False), await held.clip(incident="INC-9")
    for clip in (before, unseen):
        await shows(held, clip, "INC-1")

    hold, answer = await held.ask(scope="incident", incident="INC-1", reason="inquest")
    assert answer.details == {"hold": hold, "matched": 2}
    assert await held.states(hold) == {before: "active", unseen: "active"}

    told = await shows(held, later, "INC-1")
    assert await over(held, later) == [hold], "no disposal is committed before the stage has heard of it"
    await held.give("clips.categorised", told, "evt-later", later)
    await held.settle()
    assert (await held.states(hold))[later] == "active"
    other, _ = await held.ask(scope="incident", incident="INC-9", reason="foi")
    assert (await held.states(other)) == {later: "active"}, "nor does it leave the incident that its camera carried"


async def test_a_category_alone_brings_nothing_under_a_hold(held: Held) -> None:
    clip = await held.clip()
    await held.ask(scope="incident", incident="INC-1", reason="inquest")
    said = Categorisation(clip, "evidential", "INC-1", "ADMIN", now_iso())
    signed = held.people["ADMIN"].sign(PURPOSES[Categorisation], said)
    await held.give("clips.categorised", ClipCategorised(clip, "evidential", "evidential", 1, signed), "evt", clip)
    assert await held.settle() == [] and not (await held.fate(clip)).held


OFFICER = {"scope": "officer", "reason": "dsi", "officers": ["PC-100"]} | PERIOD


@pytest.mark.parametrize(
    ("clip", "covered"),
    [
        ({"owner": "PC-100"}, True),
        ({"owner": "PC-200"}, False),
        ({}, True),
        ({"owner": "VAN-7", "source_type": "vehicle"}, True),
        ({"owner": "PC-100", "began": TEN + 3 * HOUR}, False),
        ({"owner": "PC-100", "began": TEN - 5 * MINUTE - CLOCKS}, True),
        ({"owner": "PC-100", "began": TEN - 5 * MINUTE - CLOCKS - MINUTE}, False),
        ({"owner": "PC-100", "began": TEN + HOUR + CLOCKS}, True),
        ({"owner": "PC-100", "began": TEN + HOUR + CLOCKS + MINUTE}, False),
        ({"owner": "PC-100", "began": TEN + 3 * HOUR, "clock_offset": 3 * 3600.0}, True),
        ({"owner": "PC-100", "began": TEN, "clock_offset": 3 * 3600.0}, False),
        ({"owner": "PC-100", "began": None}, True),
    ],
)
async def test_an_officer_hold_covers_the_officers_clips_of_the_period_and_those_nobody_knows(
    held: Held, clip: dict[str, Any], covered: bool
) -> None:
    docked = await held.clip(**clip)
    hold, _ = await held.ask(**OFFICER)
    assert await held.states(hold) == ({docked: "active"} if covered else {})
    assert await over(held, docked) == ([hold] if covered else [])


async def test_whoever_held_the_camera_counts_before_and_after_the_catalogue_knows(held: Held) -> None:
    await held.database.execute(
        "INSERT INTO camera_holders VALUES ('evt-1', 'CAM-1', 'PC-100', %s, 'ADMIN')", (TEN - HOUR,)
    )
    known, unknown = await held.clip(), await held.clip(catalogued=False)
    before = await held.clip(began=TEN - 2 * HOUR, minutes=None)  # it ended at some time before it was docked
    hold, _ = await held.ask(**OFFICER)
    other, _ = await held.ask(**OFFICER | {"officers": ["PC-200"]})
    assert await held.states(hold) == {known: "active", unknown: "active", before: "active"}
    assert await held.states(other) == {before: "active"}  # nobody knows who held it then


async def test_a_corrected_time_counts_beside_the_one_that_the_camera_said(held: Held) -> None:
    clip = await held.clip(began=TEN - 24 * HOUR, owner="PC-100")
    later, _ = await held.ask(**OFFICER)
    assert await held.states(later) == {}
    fact = {"type": "time", "recorded_at": TEN.isoformat(), "by": "ADMIN", "at": TEN.isoformat()}
    await held.database.execute("UPDATE clip_fate SET facts = %s::jsonb", (msgspec.json.encode([fact]).decode(),))

    again, _ = await held.ask(**OFFICER)
    told, _ = await held.ask(**OFFICER | {"since": TEN - 25 * HOUR, "until": TEN - 23 * HOUR})

    assert await held.states(again) == {clip: "active"} == await held.states(told)


async def test_an_encounter_hold_covers_its_reference_and_the_officers_who_were_there(held: Held) -> None:
    named = await held.clip(incident="SS-9", began=TEN + 9 * HOUR, owner="PC-300")
    there = await held.clip(owner="PC-100")
    elsewhere = await held.clip(owner="PC-200")
    hold, _ = await held.ask(scope="encounter", encounter="SS-9", officers=["PC-100"], **PERIOD)
    alone, _ = await held.ask(scope="encounter", encounter="SS-9")
    assert await held.states(hold) == {named: "active", there: "active"}
    assert await held.states(alone) == {named: "active"} and not (await held.fate(elsewhere)).held


async def test_a_place_hold_keeps_what_was_there_or_may_have_been_and_clears_the_rest(held: Held) -> None:
    there = await held.clip(track=[near(20), near(900)])
    passing = await held.clip(track=[near(-900), near(900)])
    nowhere = await held.clip()
    without_a_fix = await held.clip(track=[Place(0.0, 0.0)])
    far = await held.clip(track=[near(900), near(50 + FIX_ERROR + 2)])
    forged = await held.clip(track=[near(900)], sidecar_sha256="0" * 64)
    another_time = await held.clip(began=TEN + 5 * HOUR, track=[near(0)])

    hold, _ = await held.ask(**PLACE)

    kept = (there, passing, nowhere, without_a_fix, forged)
    assert await held.states(hold) == dict.fromkeys(kept, "active") | {far: "cleared"}
    assert held.topics(far) == ["holds.matched", "holds.cleared"] and not (await held.fate(far)).held
    assert held.holds_at_store(far) == [False, False, False]
    assert await over(held, far) == [] and await over(held, there) == [hold] and await over(held, another_time) == []


async def test_where_a_clip_was_made_is_looked_up_once_it_is_stored_and_nothing_goes_before(held: Held) -> None:
    hold, _ = await held.ask(**PLACE)
    clip = await held.clip(track=[near(900)], stored=False)
    await registered(held, clip)
    assert await held.states(hold) == {clip: "pending"} and await over(held, clip) == [hold]

    await held.store(clip, *held.sidecars[clip])
    fate = await held.fate(clip)
    verified = ClipVerified(clip, 1, fate.report, "key", fate.verified_version or "", 1, "sha", 0.1, "now")
    await held.give("clips.verified", verified, "evt-verified", clip)

    assert await held.states(hold) == {clip: "cleared"} and await over(held, clip) == []


async def test_a_standing_hold_says_which_of_its_clips_are_gone_already(held: Held) -> None:
    gone, committed, kept = [await held.clip(incident="INC-1") for _ in range(3)]
    unknown = await held.clip()
    for clip, disposal in ((gone, Disposal.DONE), (unknown, Disposal.DONE), (committed, Disposal.COMMITTED)):
        await held.disposal(clip, disposal)

    hold, _ = await held.ask(scope="incident", incident="INC-1", reason="foi")
    officer, _ = await held.ask(**OFFICER)

    assert await held.states(hold) == {gone: "refused", committed: "refused", kept: "active"}
    # Nobody knows whose the deleted ones were; of the one that is being deleted the person is told.
    assert await held.states(officer) == {committed: "refused", kept: "active"}


async def test_a_standing_hold_waits_for_a_commit_that_is_under_way(held: Held) -> None:
    async with held.database.transaction() as committing:
        await fetch(committing, "SELECT one FROM guard FOR SHARE")
        asked = held.request(scope="incident", incident="INC-1", reason="foi")
        async with held.database.transaction() as other:
            rows = await fetch(other, "SELECT one FROM guard FOR UPDATE SKIP LOCKED")
        assert rows == [] and asked.hold_id
    hold, _ = await held.ask(scope="incident", incident="INC-1", reason="foi")
    [row] = await held.database.fetch("SELECT hold_id FROM holds")
    assert row["hold_id"] == hold


async def test_the_fan_out_goes_on_where_a_crash_left_it(held: Held) -> None:
    clips = [await held.clip(incident="INC-1") for _ in range(3)]
    hold, _ = await held.ask(scope="incident", incident="INC-1", reason="foi", settle=False)
    async with held.database.transaction() as connection:
        await look_for_clips(connection, hold, "falls under it")  # and nothing was published

    [event] = await held.database.fetch("SELECT body FROM outbox WHERE topic = 'holds.standing-placed'")
    assert event
    await held.settle()

    assert await held.states(hold) == dict.fromkeys(clips, "active")
    row = await held.database.fetch_one("SELECT request FROM holds WHERE hold_id = %s", (hold,))
    assert row
    again = StandingHoldPlaced(hold, "complaint", held.people["ADMIN"].sign("bwv.test", {}))
    await held.give("holds.standing-placed", again, "evt-again", hold)
    assert held.waiting == [], "what is active is not told of again"


async def test_both_directions_find_the_same_clips(held: Held) -> None:
    """What a hold finds in the catalogue is what each of those clips finds among the holds."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    clips = [
        await held.clip(
            began=TEN + chance.randrange(-300, 300) * MINUTE if chance.random() < 0.9 else None,
            minutes=chance.choice([None, 3, 60]),
            owner=chance.choice([None, "PC-100", "PC-200"]),
            incident=chance.choice([None, "INC-1", "INC-2"]),
            source_type=chance.choice(["body_worn", "vehicle"]),
            clock_offset=chance.choice([0.0, 600.0, -90.0]),
            stored=False,
            catalogued=chance.random() < 0.95,
        )
        for _ in range(120)
    ]
    await held.database.execute("INSERT INTO camera_holders VALUES ('evt-1', 'CAM-1', 'PC-200', %s, 'ADMIN')", (TEN,))
    for _ in range(40):
        since = TEN + chance.randrange(-300, 300) * MINUTE
        period = {"since": since, "until": since + chance.randrange(1, 90) * MINUTE}
        fields: dict[str, Any] = chance.choice(
            [
                {"scope": "incident", "incident": "INC-1"},
                {"scope": "officer", "officers": chance.choice([["PC-100"], ["PC-200", "PC-9"]])} | period,
                {"scope": "place", "place": PLACE["place"]} | period,
                {"scope": "encounter", "encounter": "INC-2", "officers": ["PC-100"]} | period,
            ]
        )
        await held.ask(**fields, settle=False)
    matched = 0
    async with held.database.connection() as connection:
        holds = [row["hold_id"] for row in await fetch(connection, "SELECT hold_id FROM holds")]
        catalogue = {row["clip_id"] for row in await fetch(connection, f"SELECT clip_id FROM {SIGHTS} sight")}
        by_clip: set[tuple[str, str]] = set()
        for clip in clips:
            fate = await find_on(connection, clip)
            assert fate is not None
            by_clip |= {(hold, clip) for hold in await holds_over(connection, fate) if clip in catalogue}
        for hold in holds:
            await look_for_clips(connection, hold, "found")
        rows = await fetch(connection, "SELECT hold_id, clip_id FROM hold_clips")
        matched = len(rows)
        assert {(row["hold_id"], row["clip_id"]) for row in rows} == by_clip, f"seed {seed}"
    print(f"seed {seed}: {len(holds)} holds, {len(catalogue)} clips in the catalogue, {matched} matches")
    assert matched > 100


def test_the_distance_of_a_track_is_that_of_its_nearest_way() -> None:
    assert distance([], HERE.latitude, HERE.longitude) is None
    assert distance([near(300)], HERE.latitude, HERE.longitude) == pytest.approx(300, rel=0.01)
    assert distance([near(-500), near(500)], HERE.latitude, HERE.longitude) == pytest.approx(0, abs=1)
    assert distance([near(500), near(300), near(400)], HERE.latitude, HERE.longitude) == pytest.approx(300, rel=0.01)
