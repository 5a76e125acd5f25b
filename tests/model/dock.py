"""The camera in its dock: what it reports and repeats, what is erased, where it is carried."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.intake import Intake
from tests.model.table import Table
from tests.model.work import Step, published
from tests.model.world import RELEASED, REPORTED, WIPED, Scenario, State, spend


class Dock:
    """The camera in its dock: reports, repeats, erases, and leaves."""

    def __init__(self, scenario: Scenario, table: Table) -> None:
        self.scenario = scenario
        self.intake = Intake(scenario, table)

    def steps(self, s: State) -> Iterator[Step]:
        """Everything that may happen at the dock now."""
        if s.camera == "docked":
            report = 1 << (REPORTED + s.dockings - 1)
            if not s.waiting & (report | RELEASED):
                said = published(s, report)
                if "intake" in self.scenario.sleepy:
                    yield f"the dock reports (docking {s.dockings})", said, True
                else:
                    label, after, fair = self.intake.takes(said, report, s.dockings)
                    yield f"the dock reports; {label}", after, fair
            if s.waiting & RELEASED:
                erased = published(s._replace(waiting=s.waiting & ~RELEASED), WIPED)
                yield "the dock ERASES", erased._replace(camera="erased"), True
                if (faults := spend(s.faults, "false report")) is not None:
                    yield "the dock says erased, and it is not", erased._replace(faults=faults), False
            if (faults := spend(s.faults, "undock")) is not None:
                yield "the camera is taken away", s._replace(camera="away", faults=faults), False
        elif s.camera == "away":
            yield "the camera is docked elsewhere", s._replace(camera="docked", dockings=s.dockings + 1), False
        if s.camera != "docked" and s.waiting & RELEASED:
            yield "no dock needs the receipt", s._replace(waiting=s.waiting & ~RELEASED), s.camera == "erased"
