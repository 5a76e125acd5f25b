"""Every state that ingest can reach, under the table of moves as it is, and under tables that are wrong on purpose."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.model.explore import explore
from tests.model.left_out import CAUGHT, HARMLESS
from tests.model.mutants import every_mutant
from tests.model.rules import LIVENESS
from tests.model.scenarios import SCENARIOS
from tests.model.table import Table
from tests.model.world import Scenario
from workers.fate.moves import Standing

TABLE = Table()
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
MUTANTS = {str(mutant): mutant for mutant in every_mutant(Table())}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_no_rule_is_broken_in_any_state(scenario: Scenario) -> None:
    found = explore(scenario, TABLE)
    assert found.complete
    said = [f"{v.rule}: {v.states} states; the shortest way:\n    " + "\n    ".join(v.trace) for v in found.violations]
    print(f"{found.scenario}: {found.states} states, {found.steps} steps, {len(said)} violations")
    assert not said, "\n" + "\n".join(said)


def test_every_move_of_the_table_is_made_somewhere() -> None:
    for scenario in SCENARIOS:
        if TABLE.made() != set(TABLE.moves):
            explore(scenario, TABLE)
    assert TABLE.made() == set(TABLE.moves)


def test_everything_that_can_be_left_out_was_thought_about() -> None:
    assert not CAUGHT.keys() & HARMLESS.keys()
    assert set(MUTANTS) - CAUGHT.keys() - HARMLESS.keys() == set()


@pytest.mark.parametrize("name", CAUGHT)
def test_what_is_left_out_is_noticed(name: str) -> None:
    if name not in MUTANTS:
        pytest.fail(f"{name}: the table has no such part any more; take it off the list")
    found = explore(BY_NAME[CAUGHT[name]], MUTANTS[name].of(Table()), stop_at_first=True)
    assert found.violations, f"{name}: nobody noticed"
    print(f"{name}: {found.violations[0].rule}, after {found.states} states")


@pytest.mark.parametrize("name", ["verify", "fail read-back", "exhaust"])
def test_a_verdict_that_compares_nothing_is_noticed(name: str) -> None:
    wrong = Table().changed(name, same=(), when={})
    first = 5 if name == "exhaust" else 4
    scenario = Scenario("a lying store", verifiers=2, first=first, faults={"lie": 1, "again": 1})
    assert explore(scenario, wrong, stop_at_first=True).violations


def test_disposal_that_lists_the_prefix_once_leaves_footage_under_a_certificate() -> None:
    hasty = replace(BY_NAME["two releases"], transfers=2, releases=1, second_listing=False)
    found = explore(hasty, Table(), stop_at_first=True)
    assert [violation.rule for violation in found.violations] == ["I6: footage under a certificate"]


def test_a_transfer_that_takes_a_refused_interrupt_for_the_end_strands_the_clip() -> None:
    careless = replace(BY_NAME["a camera that moves"], transfers=1, reads_again=False)
    found = explore(careless, Table())
    assert [violation.rule for violation in found.violations] == [LIVENESS]


def test_a_release_that_repeats_the_receipt_of_a_damaged_clip_is_noticed() -> None:
    careless = replace(BY_NAME["rot, and the camera leaves"], repeats_of_damaged=True)
    found = explore(careless, Table(), stop_at_first=True)
    assert [violation.rule for violation in found.violations] == ["a receipt for a clip that is known to be damaged"]


def test_rot_that_nobody_looks_for_is_never_told() -> None:
    found = explore(replace(BY_NAME["rot"], scrubs=0), Table())
    assert [violation.rule for violation in found.violations] == [LIVENESS]


def test_an_erasure_that_is_not_noted_because_damage_came_first_is_noticed() -> None:
    forgetful = Table().changed("note wiped", when={"standing": (Standing.RELEASED,)})
    found = explore(BY_NAME["rot"], forgetful, stop_at_first=True)
    assert [violation.rule for violation in found.violations] == [
        "erased and reported, but the row believes it on the camera"
    ]


def test_a_last_attempt_whose_key_is_taken_strands_the_clip_unless_it_is_dead_lettered() -> None:
    silent = replace(BY_NAME["two transfers, one key"], transfers=1, first=5, dead_letters=False)
    found = explore(silent, Table())
    assert LIVENESS in [violation.rule for violation in found.violations]
