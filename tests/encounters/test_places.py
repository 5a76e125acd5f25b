"""What a track says of a place and a time, as one number; and near clips whose cameras change hands afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.encounters.force import Force, an_encounter
from workers.encounters.day import Asked, ClipSeen, Meeting, Rules
from workers.encounters.places import GONE, Where, asked, judged, nearest, note_of_elsewhere, note_of_unclaimed
from workers.footage.recording import Place, SourceType
from workers.retention.places import believed

AT = datetime(2026, 3, 2, 14, tzinfo=UTC)
THERE = (51.5007, -0.1246)
MEETING = Meeting("encounter-a", AT, AT + timedelta(minutes=10), None, *THERE)
METRE = 1 / 111_320.0
"""Degrees of latitude."""


def clip(ahead: float = 0.0, name: str = "clip-a", camera: str = "BWC-1") -> ClipSeen:
    return ClipSeen(name, camera, SourceType.BODY_WORN, AT, AT + timedelta(minutes=9), ahead=timedelta(seconds=ahead))


def question(ahead: float = 0.0) -> Asked:
    made = asked(MEETING, clip(ahead))
    assert made is not None
    return made


def fix(metres: float, minute: float | None = None, zone: str = "+00:00") -> Place:
    at = None if minute is None else (AT + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%S") + zone
    return Place(THERE[0] + metres * METRE, THERE[1], at)


def test_a_record_without_a_place_asks_nothing() -> None:
    assert asked(Meeting("encounter-a", AT, None), clip()) is None


@pytest.mark.parametrize(
    ("track", "metres"),
    [
        ((), None),
        ((fix(80),), 80.0),
        ((fix(500), Place(THERE[0] - 500 * METRE, THERE[1])), 0.0),  # the way between two fixes led past it
        ((fix(80, -30), fix(3000, 5)), 3000.0),  # near half an hour before, and by then away
        ((fix(80, -30), fix(90, 30)), None),  # at other times: it says nothing of this one
        ((fix(3000, 30), fix(80, 5), fix(3000, -30)), 80.0),
        ((fix(120, -1), fix(3000, -1.1)), 120.0),  # a minute around the record's times
        ((fix(80, 5, zone=""),), 80.0),  # a camera's time without a zone is UTC
        ((fix(80, 5, zone=" o'clock"),), 80.0),  # no time that can be read: the whole track counts
    ],
)
def test_a_track_is_asked_for_the_time_of_the_encounter(track: tuple[Place, ...], metres: float | None) -> None:
    assert nearest(track, question()) == metres


def test_its_times_are_the_cameras() -> None:
    track = (fix(80, 65), fix(3000, 5))
    assert nearest(track, question(3600.0)) == 80.0
    assert nearest(track, question()) == 3000.0


def test_what_no_receiver_can_have_had_is_not_believed() -> None:
    good = (fix(80), Place(0.0, 6.7), Place(-90.0, 180.0))
    assert believed((*good, Place(0.0, 0.0), Place(91.0, 0.5), Place(5.0, -181.0))) == good


def test_between_near_and_elsewhere_nothing_follows() -> None:
    rules = Rules(near=250.0, elsewhere=1000.0)
    said = {metres: judged(metres, rules) for metres in (None, 350.0, 351.0, 1100.0, 1101.0, GONE)}
    assert said == {
        None: None, 350.0: Where.NEAR, 351.0: None, 1100.0: None, 1101.0: Where.ELSEWHERE, GONE: Where.ELSEWHERE,
    }  # fmt: skip


def test_a_note_names_no_more_than_people_need() -> None:
    assert note_of_elsewhere([]) is None and note_of_unclaimed([]) is None
    assert note_of_elsewhere([4210.0, GONE]) == "a clip of that time was recorded 4.2 km away"
    assert note_of_elsewhere([GONE]) == "a clip of that time was recorded elsewhere"
    many = [(float(10 * n), clip(name=f"clip-{n}", camera=f"BWC-{n}")) for n in (4, 3, 2, 1, 0)]
    many.append((44.0, clip(name="clip-5", camera="BWC-0")))
    assert note_of_unclaimed(many) == (
        "a camera that nobody signed out, BWC-0, recorded within 10 m of it;"
        " a camera that nobody signed out, BWC-1, recorded within 10 m of it;"
        " a camera that nobody signed out, BWC-2, recorded within 20 m of it;"
        " 2 more such cameras: bwv attribute says whose it is"
    )


async def note(force: Force) -> str:
    await force.looked()
    await force.stage.places.read_what_is_asked()
    rows = await force.database.fetch("SELECT note FROM encounter_gaps WHERE officer = 'PC-4711' AND kind = 'none'")
    return str(rows[0]["note"]) if rows else "filmed"


async def test_whose_a_camera_is_may_become_known_later_either_way(force: Force) -> None:
    """Clip and stop are on record; only then it is signed out, given back, and given to who was there."""
    await force.put_on_record(
        an_encounter(at=AT.isoformat(), until=(AT + timedelta(minutes=10)).isoformat(), lat=THERE[0], lon=THERE[1])
    )
    near = force.clip("N1", "BWC-9", AT, AT + timedelta(minutes=9), track=[fix(80)])
    await force.stored(near)
    assert "BWC-9, recorded within 80 m" in await note(force)
    assert await force.rows("encounter_clips") == [], "it is proposed and not counted"
    force.issue("BWC-9", "PC-2203", AT - timedelta(hours=2))
    assert "BWC-9" not in await note(force), "it was PC-2203's after all"
    force.issue("BWC-9", "", AT - timedelta(hours=1))
    assert "BWC-9, recorded within 80 m" in await note(force), "who had given it back before"
    force.attribute(near, "PC-4711")
    assert await note(force) == "filmed"
    assert [row["how"] for row in await force.rows("encounter_clips")] == ["time+place"]


async def test_a_camera_that_was_somebodys_when_it_was_docked_is_found_once_it_is_nobodys(force: Force) -> None:
    await force.put_on_record(
        an_encounter(at=AT.isoformat(), until=(AT + timedelta(minutes=10)).isoformat(), lat=THERE[0], lon=THERE[1])
    )
    force.issue("BWC-9", "PC-2203", AT - timedelta(hours=2))
    await force.stored(force.clip("N1", "BWC-9", AT, AT + timedelta(minutes=9), track=[fix(80)]))
    assert "BWC-9" not in await note(force)
    assert await force.rows("encounter_places") == [], "another officer's clip is not asked where it was"
    force.issue("BWC-9", "", AT - timedelta(hours=1))
    assert "BWC-9, recorded within 80 m" in await note(force)
