from __future__ import annotations

from local.keeper import LONGEST_PAUSE, pause_before


def test_the_first_restart_does_not_wait() -> None:
    assert pause_before(1, 1.0) == 0


def test_pauses_grow_and_end() -> None:
    assert [pause_before(attempt, 1.0) for attempt in range(2, 9)] == [0.5, 1, 2, 4, 8, 10, 10]
    assert pause_before(10_000, 1.0) == LONGEST_PAUSE


def test_chance_takes_off_up_to_half() -> None:
    assert pause_before(4, 0.0) == 1.0
