"""The board's decisions, over values alone: bays, the outlook, what comes first, pictures of docks."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from console.web.app import PAGES
from streams.dock.wire import Display
from streams.settings import load
from workers.dock.bay import RecordingState, Sign, State, sign_of
from workers.footage.recording import RefusedItem
from workers.operations.board import bays, pipeline
from workers.operations.board.counts import Capacity, Counts, Totals, capacity
from workers.operations.board.deadlines import Deadline
from workers.operations.board.docks import Bay, Dock, Item, Pictures, Problem, picture, with_missing
from workers.operations.board.first import NOW, TODAY, Down, Seen, Task, first
from workers.operations.board.lists import LISTS
from workers.operations.board.pipeline import Pace, Waiting, outlook
from workers.operations.board.reconciling import Reconciled, Statement
from workers.operations.lag.figures import StageLag
from workers.operations.lag.history import Members
from workers.operations.lag.verdict import Verdict

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
MB = 1_000_000


def bay(name: str, sign: Sign, *recordings: Item, camera: str = "") -> Bay:
    return Bay(name, camera or f"CAM-{name}", sign.code, sign.text, sign.remaining, sign.rate, sign.eta, recordings)


def moving(name: str, rate: float, left: int) -> Bay:
    state = RecordingState("r1", "r1.mp4", State.TRANSFERRING, 100 * MB, 100 * MB - left, rate)
    item = Item("r1", "transferring", 100 * MB, 100 * MB - left, rate, left / rate if rate else None)
    return bay(name, sign_of([state]), item)


EMPTY, TAKE = sign_of([]), sign_of([RecordingState("r1", "r1.mp4", State.REPORTED, 10, waits=100)])
BROKEN = sign_of([], failed="its folder cannot be read")

DOCKS = (
    Dock("DOCK-02", (bay("BAY-01", EMPTY), bay("BAY-02", TAKE), Bay("BAY-03", None, "vacant", "no camera"))),
    Dock("DOCK-01", (moving("BAY-01", 2 * MB, 20 * MB), moving("BAY-02", 4 * MB, 80 * MB), bay("BAY-03", BROKEN))),
)


def test_the_bays_are_counted_by_their_signs_and_the_next_free_one_is_foretold() -> None:
    told = bays.summary(DOCKS)
    assert told.codes == {"failed": 1, "leave_in": 2, "may_be_taken": 1, "empty": 1, "told": 0, "vacant": 1}
    assert (told.bays, told.rate, told.free_in, told.all_free_in) == (6, 6 * MB, 10.0, 20.0)


def test_of_a_camera_without_a_rate_nobody_says_when_it_is_free() -> None:
    told = bays.summary([Dock("D-1", (moving("BAY-01", 2 * MB, 20 * MB), moving("BAY-02", 0, 20 * MB)))])
    assert (told.free_in, told.all_free_in) == (10.0, None)


def test_cameras_that_are_ready_come_before_those_that_resume_elsewhere() -> None:
    assert [place.bay.bay for place in bays.may_be_taken(DOCKS)] == ["BAY-01", "BAY-02"]


@pytest.mark.parametrize("change", [{"silent": "its program is stopped"}, {"live": False}])
def test_no_camera_may_be_taken_on_the_word_of_an_old_picture(change: dict[str, object]) -> None:
    assert bays.may_be_taken([msgspec.structs.replace(DOCKS[0], **change)]) == ()


def test_what_moves_is_listed_the_longest_first() -> None:
    assert [(it.bay, it.item.eta) for it in bays.transferring(DOCKS)] == [("BAY-02", 20.0), ("BAY-01", 10.0)]


def test_docks_with_a_fault_are_drawn_first() -> None:
    assert [dock.dock for dock in bays.wall(DOCKS)] == ["DOCK-01", "DOCK-02"]
    gaps = with_missing(DOCKS[:1], {"CAM-BAY-02": 3})
    assert [dock.dock for dock in bays.wall((Dock("DOCK-00", ()), *gaps))] == ["DOCK-02", "DOCK-00"]
    assert [one.missing for one in gaps[0].bays] == [0, 3, 0]


def test_a_picture_is_what_the_docks_own_program_writes(tmp_path: Path) -> None:
    settings = load(tmp_path / "home")
    odd = RefusedItem("notes.txt", "not a folder", "name it by the bay's id")
    content = Display(settings, "DOCK-01").picture(tmp_path, ["BAY-01", "BAY-02"], [], [odd], 0.0)
    dock = picture("DOCK-01", content)
    assert [(one.bay, one.camera, one.code, one.sign) for one in dock.bays] == [
        ("BAY-01", None, "vacant", "no camera"),
        ("BAY-02", None, "vacant", "no camera"),
    ]
    assert dock.problems == (Problem("notes.txt", "not a folder", "name it by the bay's id"),)
    assert (dock.live, dock.silent) == (True, "")


def test_pictures_follow_their_files_and_a_broken_one_is_shown_as_a_fault(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path / "dock-state")
    assert pictures.read() == ()
    (tmp_path / "dock-state").mkdir()

    def write(name: str, content: bytes) -> None:
        (tmp_path / "draft").write_bytes(content)
        os.replace(tmp_path / "draft", tmp_path / "dock-state" / f"{name}.json")

    write("DOCK-01", msgspec.json.encode(DOCKS[1]))
    write("DOCK-02", b'{"dock": "DOCK-02", "bays": 7}')
    first_look = pictures.read()
    assert first_look[0] == DOCKS[1]
    assert "not a picture" in first_look[1].silent and first_look[1].problems[0].action
    assert pictures.read()[0] is first_look[0], "what has not changed is not read again"
    write("DOCK-01", msgspec.json.encode(Dock("DOCK-01", ())))
    (tmp_path / "dock-state" / "DOCK-02.json").unlink()
    assert pictures.read() == (Dock("DOCK-01", ()),)


OUTLOOKS = [
    ("nothing is behind", (), Pace(), 0, 0.0),
    ("too few", (Waiting("transfer", 10, new=10),), Pace(2, new=2), 10, None),
    ("over in about 15 min", (Waiting("transfer", 20), Waiting("verification", 10)), Pace(30), 30, 900.0),
    ("over in about 30 min", (Waiting("transfer", 40, new=10),), Pace(40, new=10), 40, 1800.0),
    ("not catching up: 40 came and 30", (Waiting("transfer", 100, new=20),), Pace(30, new=20), 100, None),
    ("nothing is behind; 5 more cannot", (Waiting("transfer", 5, interrupted=4, exhausted=1),), Pace(), 0, 0.0),
    ("nothing is behind", (Waiting("release", 50), Waiting("dock", 70)), Pace(), 0, 0.0),
]


@pytest.mark.parametrize(("says", "stages", "pace", "behind", "over_in"), OUTLOOKS)
def test_the_outlook(says: str, stages: tuple[Waiting, ...], pace: Pace, behind: int, over_in: float | None) -> None:
    told = outlook(stages, pace)
    assert (told.behind, told.over_in) == (behind, over_in)
    assert says in told.says


def lag(stage: str, verdict: Verdict, *reasons: str, messages: int = 0, seconds: float = 0.0) -> StageLag:
    return StageLag(
        stage=stage, at=0.0, verdict=verdict, reasons=reasons, since=None, messages=messages, gone=0, clips=None,
        bytes=None, seconds=seconds, rate=0.0, over_in=None, members=Members.THERE, places=(),
    )  # fmt: skip


def test_rows_and_messages_of_a_stage_stand_side_by_side_and_the_gravest_other_stage_comes_first() -> None:
    waits = tuple(Waiting(name) for name in pipeline.STAGES if name != "transfer")
    lags = [lag("transfer", Verdict.SLOW, "falls behind", messages=7, seconds=90.0), lag("probe", Verdict.OK),
            lag("holds", Verdict.STALLED, "5 messages wait", messages=5)]  # fmt: skip
    steps = pipeline.steps((Waiting("transfer", 6, 600, 100.0, interrupted=2), *waits), lags)
    assert [step.stage for step in steps] == [*pipeline.PICTURE, "holds", "probe"]
    transfer = steps[1]
    assert (transfer.clips, transfer.bytes, transfer.messages, transfer.seconds) == (6, 600, 7, 100.0)
    assert (transfer.verdict, transfer.says) == (Verdict.SLOW, "falls behind; 2 waiting for the camera")
    assert steps[0].verdict is None, "of intake nothing is known here"


def totals(size: int, week: int, leaving: int) -> Totals:
    return Totals(1, size, week, size // 2, 0.5, 60.0, leaving, AT)


@pytest.mark.parametrize(
    ("stored", "limit", "days", "says"),
    [
        (totals(100, 70, 0), 200, 10.0, "full in about 10 days"),
        (totals(100, 70, 35), 200, 20.0, "full in about 20 days"),
        (totals(100, 35, 70), 200, None, "does not fill"),
        (totals(200, 70, 0), 200, 0.0, "is full"),
        (totals(100, 70, 0), 0, None, "not known"),
    ],
)
def test_when_the_store_is_full(stored: Totals, limit: int, days: float | None, says: str) -> None:
    room = capacity(stored, limit)
    assert room.full_in == days and says in room.says


def seen(**changes: object) -> Seen:
    quiet = Seen(
        (),
        (),
        outlook((), Pace()),
        Counts(policy=1),
        None,
        reconciled=Reconciled(Statement(AT, 60.0, 1, 1, 1, 0), 1, 1),
    )
    return msgspec.structs.replace(quiet, **changes)


def test_when_nothing_is_wrong_nobody_has_to_do_anything() -> None:
    assert first(seen(docks=DOCKS[:1])) == ()


LATE = Deadline("case-1", "01AB0000126", "detained", AT, 3600.0, 2, 1)
DONE = Deadline("case-2", "01AB0000226", "bail", AT, 3600.0, 2, 2)
STALLED = pipeline.Step("transfer", verdict=Verdict.STALLED, says="nothing was finished for 60 s")

BAY, DAYS = "/board/bays?dock=DOCK-01", "/board/lists/reconciled"

TASKS = [
    ({"down": (Down("verification", "halted", "too many faults"),)}, NOW, "verification is halted: too many", ""),
    ({"steps": (STALLED,)}, NOW, "transfer STALLED: nothing was finished for 60 s", "/board/stages/transfer"),
    ({"unverified": 25 * 3600.0}, NOW, "waits for 25 h", "/board/lists/unverified"),
    ({"docks": DOCKS}, TODAY, "DOCK-01 BAY-03, CAM-BAY-03: failed: its folder cannot be read", BAY),
    ({"docks": (Dock("D-1", (), silent="its program is stopped"),)}, NOW, "D-1 is silent", "/board/bays?dock=D-1"),
    ({"deadlines": (LATE, DONE)}, NOW, "01AB0000126: the detained clock ends in 60 min, 1 of 2", "/board/deadlines"),
    ({"room": Capacity(1, 2, 1.0, 3.0, "full in about 3 days")}, NOW, "the store: full in about 3 days", ""),
    ({"letters": 4}, TODAY, "4 dead letters", "/board/letters"),
    ({"reconciled": Reconciled(Statement(AT, 60.0, 9, 8, 8, 1), 1, 1, 1)}, NOW, "1 difference between", DAYS),
    ({"reconciled": Reconciled()}, 3, "never reconciled", DAYS),
    ({"reconciled": Reconciled(Statement(AT, 60.0, 9, 9, 9, 0), 31, 29)}, 3, "2 days of the last 31", DAYS),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "pressing", "says", "to"), TASKS)
def test_each_fault_makes_one_task_that_says_what_to_do(
    changes: dict[str, object], pressing: int, says: str, to: str
) -> None:
    [task] = first(seen(**changes))
    found = task.says.replace("nothing was ever reconciled", "never reconciled")
    assert (task.pressing, task.to) == (pressing, to) and says in found and task.do


def test_every_number_that_wants_a_person_makes_a_task_and_the_pressing_ones_come_first() -> None:
    wanted = {"failed", "damaged", "gaps", "sweeps", "quarantine", "overdue", "answered", "queued", "rejected"}
    told = first(seen(counts=Counts(policy=None, reviews_week=1, **dict.fromkeys(wanted, 2))))
    assert {task.to.removeprefix("/board/lists/") for task in told} == {*wanted, "reviews", ""}
    assert [task.pressing for task in told] == sorted(task.pressing for task in told)


def test_every_task_leads_to_a_page_that_there_is() -> None:
    paths = {page.path for page in PAGES}
    everything = Counts(**{name: 1 for name in Counts.__struct_fields__ if name != "policy"})
    tasks: list[Task] = list(first(seen(counts=everything, docks=DOCKS, deadlines=(LATE,), letters=1,
                                        unverified=2.0 * 86400)))  # fmt: skip
    assert len(tasks) > 10
    for task in tasks:
        path, _, name = task.to.partition("?")[0].rpartition("/")
        assert task.to.partition("?")[0] in {*paths, ""} or (path == "/board/lists" and name in LISTS), task


def test_lengths_of_time_are_told_in_the_unit_that_fits() -> None:
    spans = {5: "5 s", 99: "99 s", 100: "2 min", 3600: "60 min", 7200: "2 h", 47 * 3600: "47 h", 96 * 3600: "4 days"}
    assert {seconds: pipeline.span(seconds) for seconds in spans} == spans
