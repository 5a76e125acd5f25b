"""Every state that the fate of a stored clip can reach, under the table and the protocol, and under wrong ones."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.model.fate_explore import explore_fate
from tests.model.fate_left_out import CAUGHT, HARMLESS, PROTOCOL_CAUGHT, PROTOCOL_HARMLESS
from tests.model.fate_scenarios import FATE_SCENARIOS
from tests.model.fate_table import ALSO, FATE, fate_table
from tests.model.fate_world import Protocol, Scenario
from tests.model.mutants import every_mutant
from tests.model.table import INGEST
from workers.fate.moves import MOVES

TABLE = fate_table()
BY_NAME = {scenario.name: scenario for scenario in FATE_SCENARIOS}
OURS = {move.name for move in FATE}
MUTANTS = {str(mutant): mutant for mutant in every_mutant(TABLE) if mutant.move in OURS}


@pytest.mark.parametrize("scenario", FATE_SCENARIOS, ids=lambda scenario: scenario.name)
def test_no_rule_is_broken_in_any_state(scenario: Scenario) -> None:
    found = explore_fate(scenario, TABLE)
    assert found.complete
    said = [f"{v.rule}: {v.states} states; the shortest way:\n    " + "\n    ".join(v.trace) for v in found.violations]
    print(f"{found.scenario}: {found.states} states, {found.steps} steps, {len(said)} violations")
    assert not said, "\n" + "\n".join(said)


def test_every_move_of_fate_is_made_somewhere() -> None:
    for scenario in FATE_SCENARIOS:
        if TABLE.made() != set(TABLE.moves):
            explore_fate(scenario, TABLE)
    assert TABLE.made() == set(TABLE.moves) == OURS | set(ALSO)


def test_every_move_is_made_in_one_of_the_two_models() -> None:
    assert {move.name for move in INGEST} | OURS == {move.name for move in MOVES}


def test_everything_that_can_be_left_out_was_thought_about() -> None:
    assert not CAUGHT.keys() & HARMLESS.keys()
    assert set(MUTANTS) == CAUGHT.keys() | HARMLESS.keys()
    assert not PROTOCOL_CAUGHT.keys() & PROTOCOL_HARMLESS.keys()
    assert set(Protocol.__struct_fields__) == PROTOCOL_CAUGHT.keys() | PROTOCOL_HARMLESS.keys()


@pytest.mark.parametrize("name", CAUGHT)
def test_what_is_left_out_of_the_table_is_noticed(name: str) -> None:
    found = explore_fate(BY_NAME[CAUGHT[name]], MUTANTS[name].of(fate_table()), stop_at_first=True)
    assert found.violations, f"{name}: nobody noticed"
    print(f"{name}: {found.violations[0].rule}, after {found.states} states")


@pytest.mark.parametrize("name", PROTOCOL_CAUGHT)
def test_what_is_left_out_of_the_protocol_is_noticed(name: str) -> None:
    careless = replace(BY_NAME[PROTOCOL_CAUGHT[name]], protocol=Protocol(**{name: False}))
    found = explore_fate(careless, TABLE, stop_at_first=True)
    assert found.violations, f"{name}: nobody noticed"
    print(f"{name}: {found.violations[0].rule}, after {found.states} states")
