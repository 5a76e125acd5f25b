"""Breadth-first exploration of every state that a scenario can reach."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Protocol

from msgspec import Struct

from tests.model.disposal import Outside
from tests.model.dock import Dock
from tests.model.intake import Intake
from tests.model.rules import LIVENESS, Rules
from tests.model.scrub import Scrub
from tests.model.table import Table
from tests.model.transfer import Transfer
from tests.model.verification import Release, Verification
from tests.model.work import Step
from tests.model.world import Scenario, State

Ways = dict[Any, tuple[Any, str] | None]
"""State → the state and step by which it was first reached."""


class Laws(Protocol):
    """What must hold: names of the rules that a state or a step breaks, and where a clip may rest."""

    def broken(self, s: Any) -> Iterator[str]: ...

    def broken_by_step(self, s: Any, t: Any) -> Iterator[str]: ...

    def settled(self, s: Any) -> bool: ...


class Possible(Protocol):
    """All that can happen, and what must hold."""

    rules: Laws

    def steps(self, state: Any) -> Iterator[tuple[str, Any, bool]]: ...


class Violation(Struct, frozen=True):
    """A rule that is broken, in how many states, and the shortest way there."""

    rule: str
    states: int
    trace: tuple[str, ...]


class Explored(Struct, frozen=True):
    """What an exploration found.

    Attributes:
        complete: every state was looked at; otherwise it ended at the first violation.
    """

    scenario: str
    states: int
    steps: int
    violations: tuple[Violation, ...]
    complete: bool


class World:
    """All that can happen in one scenario under one table of moves."""

    def __init__(self, scenario: Scenario, table: Table) -> None:
        self.scenario = scenario
        self.rules = Rules(scenario, table)
        self.parts = [part(scenario, table) for part in (Dock, Intake, Transfer, Verification, Release, Scrub, Outside)]

    def steps(self, state: State) -> Iterator[Step]:
        """Every step from `state`."""
        for part in self.parts:
            yield from part.steps(state)


def explore(scenario: Scenario, table: Table, *, stop_at_first: bool = False, most: int = 1_000_000) -> Explored:
    """Explore a scenario of ingest, as `search` does."""
    world = World(scenario, table)
    return search(scenario.name, world, scenario.start(), stop_at_first=stop_at_first, most=most)


def search(name: str, world: Possible, start: Any, *, stop_at_first: bool, most: int) -> Explored:
    """Visit every reachable state; check every rule on each state and step, and liveness over all of them.

    Args:
        stop_at_first: end at the first broken rule (for tables that are wrong on purpose).
        most: states after which the scenario is taken to be unbounded: an error of the model.
    """
    came: Ways = {start: None}
    leads: dict[Any, list[Any]] = {}
    broken: dict[str, list[Any]] = {}
    queue = deque([start])
    steps = 0
    while queue and not (stop_at_first and broken):
        state = queue.popleft()
        for rule in world.rules.broken(state):
            broken.setdefault(rule, []).append(state)
        for label, after, fair in world.steps(state):
            steps += 1
            if after not in came:
                came[after] = (state, label)
                queue.append(after)
            if fair:
                leads.setdefault(after, []).append(state)
            for rule in world.rules.broken_by_step(state, after):
                broken.setdefault(rule, []).append(after)
        assert len(came) <= most, f"{name}: more than {most} states"
    complete = not queue
    if complete and (stranded := _stranded(came, leads, world.rules)):
        broken[LIVENESS] = stranded
    found = tuple(Violation(rule, len(where), _trace(came, where[0])) for rule, where in broken.items())
    return Explored(name, len(came), steps, found, complete)


def _stranded(came: Ways, leads: dict[Any, list[Any]], rules: Laws) -> list[Any]:
    """States from which no way, without a fault or a sleeper's help, leads to a place to rest."""
    arrive = {state for state in came if rules.settled(state)}
    reached = list(arrive)
    while reached:
        for before in leads.get(reached.pop(), ()):
            if before not in arrive:
                arrive.add(before)
                reached.append(before)
    return [state for state in came if state not in arrive]


def _trace(came: Ways, state: Any) -> tuple[str, ...]:
    labels = []
    while (step := came[state]) is not None:
        state, label = step
        labels.append(label)
    return tuple(reversed(labels))
