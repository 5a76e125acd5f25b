"""Each figure, from a log that tells of a month."""

from __future__ import annotations

import pytest

from tests.statistics.told import OCTOBER, Told
from workers.database.engine import Database
from workers.statistics.areas import Areas, parse_areas
from workers.statistics.figures import BY_NAME
from workers.statistics.months import month
from workers.statistics.stated import answers

pytestmark = pytest.mark.stack

AREAS = parse_areas("dock,bcu,borough\nDOCK-01,CW,Camden\nDOCK-02,CW,Islington\nDOCK-03,NW,Brent\n", "areas.csv")


@pytest.fixture
def told(database: Database) -> Told:
    return Told(database)


async def asked(told: Told, name: str, areas: Areas = AREAS, of: str = "2026-10") -> dict[tuple[str, str], int]:
    """(borough, measure) → number of one figure, at a seal made now."""
    head = await told.seal()
    found = await answers(told.database, head, month(of), areas, [BY_NAME[name]])
    return {(row.borough, row.measure): row.number for row in found[name]}


async def test_recordings_by_device_and_dock_without_event_logs(told: Told) -> None:
    for dock, device in (
        ("DOCK-01", "body_worn"),
        ("DOCK-01", "taser"),
        ("DOCK-03", "vehicle"),
        ("DOCK-99", "vehicle"),
    ):
        told.recorded(dock=dock, device=device)
    told.recorded(kind="event_log")
    told.recorded(at="2026-09-30T22:59:59+00:00")
    told.recorded(at="2026-09-30T23:00:00+00:00")  # midnight of 1 October, BST
    told.recorded(at="2026-11-01T00:00:00+00:00")
    assert await asked(told, "recorded") == {
        ("Camden", "recorded_body_worn"): 2,
        ("Camden", "recorded_taser"): 1,
        ("Brent", "recorded_vehicle"): 1,
        ("", "recorded_vehicle"): 1,
    }


async def test_what_has_become_of_them(told: Told) -> None:
    waiting, categorised, held, lifted, submitted, deleted, again = [told.recorded() for _ in range(7)]
    assert waiting
    told.did("clips.categorised", categorised, category="evidential")
    told.did("clips.categorised", again, category="evidential")
    told.did("clips.categorised", again, category="uncategorised")
    for one in (held, lifted):
        told.did("holds.accepted", one, hold_reason="complaint")
    told.did("holds.lifted", lifted, hold_reason="complaint")
    told.submission("case-1", submitted)
    told.did("clips.categorised", deleted, category="evidential")
    told.disposed(deleted, at="2027-01-01T00:00:00+00:00")
    assert await asked(told, "kept") == {("Camden", "kept"): 3, ("Camden", "waiting"): 3, ("Camden", "deleted"): 1}
    assert await asked_again(told, "submitted") == {("Camden", "submitted"): 1, ("Camden", "not_submitted"): 6}
    assert await asked_again(told, "complaints") == {("Camden", "linked"): 2, ("Camden", "not_linked"): 5}
    assert await asked_again(told, "deleted") == {}, "it was deleted in January"
    january = await asked_again(told, "deleted", of="2027-01")
    assert january == {("Camden", "rule: uncategorised"): 1}


async def asked_again(told: Told, name: str, of: str = "2026-10") -> dict[tuple[str, str], int]:
    """At one entry more, so that there is something to seal."""
    told.tell("keys.enrolled", {"owner": "X"})
    return await asked(told, name, of=of)


async def test_looks_by_verb(told: Told) -> None:
    one = told.recorded()
    for _ in range(3):
        told.did("clips.consulted", one, verb="consultation", person="PC-1", what="look", relation="own")
    told.did("clips.reread", one, verb="consultation", reread_at=OCTOBER)  # the scrub's: nobody looked
    told.did("clips.categorised", one, category="evidential")
    told.disposed(one)
    assert await asked(told, "looked_at") == {
        ("", "verb: collection"): 1, ("", "verb: consultation"): 3, ("", "verb: alteration"): 1,
        ("", "verb: erasure"): 1,
    }  # fmt: skip


async def test_outcomes_follow_the_submission_and_not_what_came_before(told: Told) -> None:
    clips = [told.recorded() for _ in range(6)]
    told.submission("case-1", clips[0], clips[1])
    told.submission("case-1", clips[1], at="2026-10-20T12:00:00+00:00")
    told.outcome("case-1", "charge", "2026-10-14")
    told.submission("case-2", clips[2])
    told.outcome("case-2", "charge", "2026-10-13")
    told.submission("case-3", clips[3])
    told.outcome("case-3", "charge", "2026-10-30")
    told.outcome("case-3", "charge", "2026-10-30", "d 1", withdrawn=True)
    told.submission("case-4", clips[4], recipient="defence")
    told.submission("case-5", clips[5], answer="partial")
    told.submission("case-6")
    told.outcome("case-6", "charge", "2026-11-30")
    told.submission("case-7", clips[5], at="2026-10-31T23:59:59+00:00")
    told.submission("case-8", clips[5], at="2026-11-01T00:00:00+00:00")
    found = await asked(told, "outcomes")
    assert {measure: n for (_, measure), n in found.items() if measure.endswith("charge")} == {
        "footage_charge": 1, "footage_no_charge": 3, "none_charge": 1,
    }  # fmt: skip
    told.tell("keys.enrolled", {"owner": "X"})
    clips_found = await asked(told, "outcome_clips")
    assert {measure: n for (_, measure), n in clips_found.items() if measure.endswith("charge")} == {
        "clips_charge": 2, "clips_no_charge": 3,
    }  # fmt: skip


async def test_encounters_by_their_newest_join(told: Told) -> None:
    told.encounter("enc-1")
    told.encounter("enc-2", ("none", None))
    told.encounter("enc-2", ("none", "officer"), telling=2)
    told.encounter("enc-3", ("none", "camera"), ("late", None), ("early", None), officers=2, borough="Islington")
    told.encounter("enc-4", kind="use_of_force", at="2026-11-02T00:00:00+00:00")
    told.encounter("enc-5", ("none", None))
    told.encounter("enc-5", ("muted", None), telling=2)  # its camera was docked later
    assert await asked(told, "filmed") == {
        ("Camden", "stop_search_all"): 2, ("Camden", "stop_search_none"): 1, ("Islington", "stop_search_some"): 1,
    }  # fmt: skip
    told.tell("keys.enrolled", {"owner": "X"})
    assert await asked(told, "gaps") == {
        ("Camden", "gaps"): 2, ("Camden", "gap_none"): 1, ("Camden", "unrecorded_officer"): 1,
        ("Camden", "gap_partial"): 1, ("Camden", "gap_muted"): 1, ("Camden", "partial_open"): 1,
        ("Islington", "gaps"): 3, ("Islington", "gap_none"): 1, ("Islington", "unrecorded_camera"): 1,
        ("Islington", "gap_partial"): 2, ("Islington", "gap_late"): 1, ("Islington", "gap_early"): 1,
        ("Islington", "partial_open"): 2,
    }  # fmt: skip


async def test_what_stands_behind_a_number_counts_once_however_many_boroughs_it_reaches(told: Told) -> None:
    clips = [told.recorded(dock=dock) for dock in ("DOCK-01", "DOCK-02", "DOCK-03")]
    for clip in clips:
        told.did("holds.accepted", clip, hold_id="hold-a", hold_reason="complaint")
    told.did("holds.accepted", clips[2], hold_id="hold-b", hold_reason="dsi")
    told.submission("case-1", *clips)
    told.submission("case-2", clips[0])
    told.encounter("enc-1", *[("none", None)] * 5, officers=5)
    head = await told.seal()
    names = ("complaints", "submitted", "gaps")
    found = await answers(told.database, head, month("2026-10"), AREAS, [BY_NAME[name] for name in names])
    for name, measure, numbers in (
        ("complaints", "linked", (3, 2)),  # two holds
        ("submitted", "submitted", (3, 2)),  # two cases
        ("gaps", "gap_none", (5, 1)),  # one stop
    ):
        rows = [row for row in found[name] if row.measure == measure]
        assert (sum(row.number for row in rows), sum(row.behind for row in rows)) == numbers, name


async def test_a_figure_of_a_checkpoint_does_not_see_what_came_after(told: Told) -> None:
    one = told.recorded()
    told.encounter("enc-1", ("none", None))
    first = await told.seal()
    told.disposed(one)
    told.recorded()
    told.encounter("enc-1", telling=2)
    await told.seal()
    names = ("recorded", "kept", "filmed")
    then = await answers(told.database, first, month("2026-10"), AREAS, [BY_NAME[name] for name in names])
    assert [[(row.measure, row.number) for row in then[name]] for name in names] == [
        [("recorded_body_worn", 1)], [("waiting", 1)], [("stop_search_none", 1)],
    ]  # fmt: skip


async def test_what_is_no_message_counts_as_nothing_and_stops_nothing(told: Told) -> None:
    for content in (
        {"encounter_id": "enc-1", "version": "many", "kind": "stop_search", "at": "soon", "officers": 1, "filmed": 1},
        {"encounter_id": "\u0000", "version": 1, "kind": "stop_search", "at": "2026-10-14", "officers": 1, "filmed": 1},
        {"gaps": "none"},
    ):
        told.tell("encounters.joined", content)
    told.tell("cases.changed", {"case_id": "case-1", "change": {"body": "{"}})
    told.tell("submissions.prepared", {"submission_id": "s-1", "case_id": "case-1", "manifest": {"items": 5}})
    told.tell("clips.registered", {"clip_id": "no clip", "report": {"body": "nonsense"}})
    told.encounter("enc-2")
    assert await asked(told, "filmed") == {("Camden", "stop_search_all"): 1}
