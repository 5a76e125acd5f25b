"""Exploration of a clip's fate: every part of it, every interleaving."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.explore import Explored, search
from tests.model.fate_disposal import Deletion, Outside
from tests.model.fate_people import People
from tests.model.fate_rules import FateRules
from tests.model.fate_sweep import Sweep
from tests.model.fate_world import Scenario, State
from tests.model.table import Table
from tests.model.work import Step


class FateWorld:
    """All that can happen to a stored clip in one scenario under one table of moves."""

    def __init__(self, scenario: Scenario, table: Table) -> None:
        self.rules = FateRules(scenario)
        people, sweep, deletion = People(scenario, table), Sweep(scenario, table), Deletion(scenario, table)
        self.parts = (people, sweep, deletion, Outside(scenario, table))
        self.kinds = {
            "place": people.place,
            "lift": people.lift,
            "say": people.say,
            "intend": sweep.intend,
            "withdraw": sweep.withdraw,
            "commit": sweep.commit,
            "lease": sweep.lease,
            "delete": deletion.delete,
        }

    def steps(self, state: State) -> Iterator[Step]:
        """Every step from `state`; what a sleeper does is none that can be relied upon."""
        for part in self.parts:
            yield from part.begins(state)
        for job in dict.fromkeys(state.jobs):
            name = "" if job.live else "a sleeper wakes: "
            for label, after, fair in self.kinds[job.kind](state, job):
                yield name + label, after, fair


def explore_fate(scenario: Scenario, table: Table, *, stop_at_first: bool = False, most: int = 1_000_000) -> Explored:
    """Explore a scenario of fate, as `search` does."""
    return search(scenario.name, FateWorld(scenario, table), scenario.start(), stop_at_first=stop_at_first, most=most)
