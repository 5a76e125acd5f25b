"""Tables that are wrong on purpose: each move with one condition, one effect or one event left out."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from tests.model.explore import Explored, explore
from tests.model.scenarios import SCENARIOS
from tests.model.table import Table


class Mutant(Struct, frozen=True):
    """One thing left out of one move.

    Attributes:
        part: "when", "same", "sets" or "events".
        what: the column or topic.
    """

    move: str
    part: str
    what: str

    def __str__(self) -> str:
        return f"{self.move}: {self.part} without {self.what}"

    def of(self, table: Table) -> Table:
        """The table with this thing left out."""
        leave_out = {
            "when": table.without_when,
            "same": table.without_same,
            "sets": table.without_set,
            "events": table.without_event,
        }
        return leave_out[self.part](self.move, self.what)


def every_mutant(table: Table) -> Iterator[Mutant]:
    """All that can be left out of a table, one thing at a time."""
    for name, move in table.moves.items():
        for part, things in (("when", move.when), ("same", move.same), ("sets", move.sets), ("events", move.events)):
            for what in things:
                yield Mutant(name, part, what)


def caught(mutant: Mutant, table: Table) -> Explored | None:
    """The first scenario in which the mutant breaks a rule, or None where it breaks none anywhere."""
    wrong = mutant.of(table)
    for scenario in SCENARIOS:
        found = explore(scenario, wrong, stop_at_first=True)
        if found.violations:
            return found
    return None
