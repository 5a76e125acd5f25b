"""`python -m tests.model`: explore every scenario under the table of moves and say what was found."""

from __future__ import annotations

import sys
import time

from tests.model.explore import explore
from tests.model.scenarios import SCENARIOS
from tests.model.table import Table


def main() -> int:
    violations = states = 0
    began = time.monotonic()
    for scenario in SCENARIOS:
        since = time.monotonic()
        found = explore(scenario, Table())
        states += found.states
        violations += len(found.violations)
        print(f"{found.scenario}: {found.states} states, {found.steps} steps, {time.monotonic() - since:.1f} s")
        for violation in found.violations:
            print(f"  VIOLATION {violation.rule}: {violation.states} states; the shortest way:")
            for label in violation.trace:
                print(f"    {label}")
    print(f"{states} states, {violations} violations, {time.monotonic() - began:.1f} s")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
