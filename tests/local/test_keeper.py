from __future__ import annotations

from pathlib import Path

from local.forked import Zygote
from local.keeper import LONGEST_PAUSE, Keeper, Kept, pause_before
from local.programs import Program, RunningProgram


def test_the_first_restart_does_not_wait() -> None:
    assert pause_before(1, 1.0) == 0


def test_pauses_grow_and_end() -> None:
    assert [pause_before(attempt, 1.0) for attempt in range(2, 9)] == [0.5, 1, 2, 4, 8, 10, 10]
    assert pause_before(10_000, 1.0) == LONGEST_PAUSE
    assert [pause_before(attempt, 1.0, longest=0.75) for attempt in range(1, 5)] == [0, 0.5, 0.75, 0.75]


def test_chance_takes_off_up_to_half() -> None:
    assert pause_before(4, 0.0) == 1.0


def test_a_program_that_ends_for_a_person_is_not_started_again(tmp_path: Path) -> None:
    told: list[Kept] = []
    program = Program("gives-up", ("sh", "-c", "exit 76"), halts_on=(76,))
    keeper = Keeper(RunningProgram(program, tmp_path, Zygote((), tmp_path / "zygote.log")), told.append)

    keeper.start()
    keeper.join(30)

    now = keeper.snapshot()
    assert (now.state, now.restarts, now.last_exit) == ("halted", 0, 76)
    assert not keeper.well()
