"""What the picture of the board says of a bay and a stage, and what of it a browser is sent again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from console.web.pages.board_drawing import PARTS, Drawn
from console.web.pages.board_picture import clock, drawn_bay, drawn_stages, unwell
from console.web.pages.board_sources import silenced
from tests.web.house import APART, HOUSE, MB, MOVING, READY, UNREADABLE, VACANT, WAITS, state
from workers.dock.bay import State
from workers.operations.board.bays import summary
from workers.operations.board.docks import Bay, Dock
from workers.operations.board.first import Down
from workers.operations.board.pipeline import Step
from workers.operations.lag.verdict import Verdict

AT = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("bay", "word", "detail", "small"),
    [
        (MOVING, "leave in", "free about 09:00", "1 recording, 2.0 MB/s"),
        (state(State.MEASURING, left=MB), "leave in", "being measured", "1 recording"),
        (state(State.FETCHED), "leave in", "being read back", "1 recording"),
        (state(State.RELEASED), "leave in", "being erased", "1 recording"),
        (WAITS, "may be taken", "1 recording remains", "to go on at the next dock"),
        (replace(WAITS, remaining=4), "may be taken", "4 recordings remain", "to go on at the next dock"),
        (READY, "ready to issue", "empty", ""),
        (UNREADABLE, "needs a person", "its folder cannot be read", ""),
        (APART, "needs a person", "its bytes are not the declared ones: a person decides", ""),
        (replace(APART, recordings=APART.recordings * 3), "needs a person", APART.recordings[0].reason, "and 2 more"),
        (VACANT, "vacant", "", ""),
    ],
)
def test_a_bay_says_what_may_be_done_with_its_camera(bay: Bay, word: str, detail: str, small: str) -> None:
    it = drawn_bay(bay, AT)
    assert (it.word, it.detail, it.small, it.note) == (word, detail, small, "")


def test_recordings_that_are_missing_are_said_besides() -> None:
    it = drawn_bay(replace(READY, missing=1), AT)
    assert (it.code, it.note) == ("empty", "1 recording missing")


def test_of_a_silent_dock_no_bay_says_that_its_camera_may_be_taken() -> None:
    down = [Down("dock-dock-01", "waiting", "it ended with code 1")]
    [silent, other] = silenced([Dock("DOCK-01", (READY, VACANT)), Dock("DOCK-02", (READY,))], down)
    it = drawn_bay(silent.bays[0], AT)
    assert (it.code, it.word, it.detail) == (
        "told",
        "no live picture",
        "not known now; last seen: empty, ready to issue",
    )
    assert summary([silent, other]).codes == {
        "failed": 0, "leave_in": 0, "may_be_taken": 0, "empty": 1, "told": 1, "vacant": 1,
    }  # fmt: skip
    assert silent.silent == "its program is waiting: it ended with code 1" and other.bays == (READY,)


def test_a_time_of_day_is_the_one_here_and_has_its_day_where_that_is_another() -> None:
    assert [clock(AT, seconds) for seconds in (60, 15 * 3600, 16 * 3600)] == ["09:01", "Thu 00:00", "Thu 01:00"]


def test_a_stage_says_how_much_waits_and_which_are_not_well() -> None:
    steps = (
        Step("intake", messages=1, verdict=Verdict.OK),
        Step("transfer", clips=1200, bytes=3 * MB, seconds=90.0, verdict=Verdict.STALLED, says="nothing was finished"),
        Step("verification"),
        Step("record", messages=7, verdict=Verdict.SLOW),
    )
    row, others = drawn_stages(steps)
    assert [(it.title, it.number, it.unit, it.more, it.verdict) for it in row] == [
        ("Intake", 1, "message", "", "ok"),
        ("Transfer", 1200, "clips", "3.0 MB, oldest 90 s", "stalled"),
        ("Verification", None, "messages", "", "none"),
    ]
    assert [it.stage for it in unwell(row + others)] == ["transfer", "record"]


def test_a_dock_that_changes_is_sent_alone_and_all_of_them_where_others_stand() -> None:
    parts = dict.fromkeys(PARTS, "the same")
    docks = {f"dock-{dock.dock}": "as it was" for dock in HOUSE}
    drawn, sent = Drawn(None, parts, docks, "five docks"), {}  # type: ignore[arg-type,var-annotated]
    assert {part for part, _ in drawn.since(sent)} == set(PARTS), "at first everything, and no dock twice"
    assert list(drawn.since(sent)) == []
    moved = replace(drawn, docks=docks | {"dock-DOCK-02": "one came"}, parts=parts | {"docks": "anew", "asof": "later"})
    assert list(moved.since(sent)) == [("asof", "later"), ("dock-DOCK-02", "one came")]
    gone = replace(moved, outline="four docks")
    assert list(gone.since(sent)) == [("docks", "anew")]
