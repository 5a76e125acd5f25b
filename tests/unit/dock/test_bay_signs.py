"""What a bay shows: a table of states and signs."""

from __future__ import annotations

import pytest

from workers.dock.bay import PATIENCE, RecordingState, Sign, State, sign_of


def item(state: State, **fields: object) -> RecordingState:
    values: dict[str, object] = {"recording": "r", "file": "r.mp4", "state": state, "total": 1000, **fields}
    return RecordingState(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", [State.SETTLING, State.MEASURING, State.TRANSFERRING, State.FETCHED, State.RELEASED])
def test_while_something_moves_the_camera_is_left_in(state: State) -> None:
    for beside in (State.REJECTED, State.QUARANTINED, State.WIPED, State.REPORTED):
        assert sign_of([item(state), item(beside, waits=PATIENCE * 2)]).code == "leave_in"


def test_rate_and_time_to_go_are_those_of_what_moves() -> None:
    shown = sign_of(
        [
            item(State.TRANSFERRING, total=50_000_000, bytes=10_000_000, rate=1_000_000.0),
            item(State.TRANSFERRING, total=20_000_000, bytes=0, rate=1_000_000.0),
            item(State.FETCHED, total=5_000_000, bytes=5_000_000),
        ]
    )
    assert shown == Sign("leave_in", "leave in: 3 of 3 recordings moving, 2.0 MB/s, about 30 s to go", 3, 2e6, 30.0)


def test_a_recording_that_waits_long_for_the_network_is_no_reason_to_stay() -> None:
    assert sign_of([item(State.REPORTED, waits=1.0)]).code == "leave_in"
    shown = sign_of([item(State.REPORTED, waits=PATIENCE + 1), item(State.REPORTED, waits=PATIENCE + 1)])
    assert shown.text == "may be taken: 2 recordings remain, they resume at the next dock"
    one = sign_of([item(State.REPORTED, waits=PATIENCE + 1), item(State.WIPED)])
    assert one.text == "may be taken: 1 recording remains, it resumes at the next dock"


@pytest.mark.parametrize("state", [State.REJECTED, State.REFUSED, State.QUARANTINED])
def test_what_needs_a_person_is_failed_with_its_reason(state: State) -> None:
    shown = sign_of([item(State.WIPED), item(state, reason="the digest differs")])
    assert (shown.code, shown.remaining) == ("failed", 1)
    assert "the digest differs" in shown.text


def test_something_refused_keeps_a_wiped_camera_from_being_empty() -> None:
    assert sign_of([item(State.WIPED)]) == Sign("empty", "empty, ready to issue")
    assert sign_of([item(State.WIPED)], refused=1).code == "failed"


def test_a_camera_that_was_not_inventoried_yet_is_not_empty() -> None:
    assert sign_of([], docked=False).code == "leave_in"
    assert sign_of([]).code == "empty"


def test_a_camera_that_cannot_be_served_says_why() -> None:
    assert sign_of([item(State.TRANSFERRING)], failed="read-only").text == "failed: read-only"
