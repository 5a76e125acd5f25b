"""`python -m tests.model`: explore every scenario under the table of moves and say what was found.

python -m tests.model              states, violations, and the shortest way to each
python -m tests.model --mutants    leave each condition, effect and event out in turn, and say who notices
"""

from __future__ import annotations

import sys
import time
from itertools import chain

from tests.model.explore import Explored, explore
from tests.model.fate_explore import explore_fate
from tests.model.fate_scenarios import FATE_SCENARIOS
from tests.model.fate_table import FATE, fate_table
from tests.model.mutants import Mutant, caught, every_mutant
from tests.model.scenarios import SCENARIOS
from tests.model.table import Table

ALL = (
    *(lambda scenario=scenario: explore(scenario, Table()) for scenario in SCENARIOS),
    *(lambda scenario=scenario: explore_fate(scenario, fate_table()) for scenario in FATE_SCENARIOS),
)


def explore_all() -> int:
    """Number of violations in all scenarios; each is shown."""
    violations = states = 0
    began = time.monotonic()
    for explore_one in ALL:
        since = time.monotonic()
        found = explore_one()
        states += found.states
        violations += len(found.violations)
        print(f"{found.scenario}: {found.states} states, {found.steps} steps, {time.monotonic() - since:.1f} s")
        for violation in found.violations:
            print(f"  VIOLATION {violation.rule}: {violation.states} states; the shortest way:")
            for label in violation.trace:
                print(f"    {label}")
    print(f"{states} states, {violations} violations, {time.monotonic() - began:.1f} s")
    return violations


def fate_caught(mutant: Mutant) -> Explored | None:
    """As `caught`, for a move of fate."""
    for scenario in FATE_SCENARIOS:
        found = explore_fate(scenario, mutant.of(fate_table()), stop_at_first=True)
        if found.violations:
            return found
    return None


def leave_out_each() -> int:
    """Show for each thing left out of the table which rule breaks; half an hour. Returns 0: some do no harm."""
    of_fate = {move.name for move in FATE}
    for mutant, found in chain(
        ((mutant, caught(mutant, Table())) for mutant in every_mutant(Table())),
        ((mutant, fate_caught(mutant)) for mutant in every_mutant(fate_table()) if mutant.move in of_fate),
    ):
        if found is None:
            print(f"{mutant}: breaks no rule")
        else:
            print(f"{mutant}: {found.violations[0].rule} ({found.scenario}, {found.states} states)")
    return 0


if __name__ == "__main__":
    sys.exit(1 if (leave_out_each() if "--mutants" in sys.argv[1:] else explore_all()) else 0)
