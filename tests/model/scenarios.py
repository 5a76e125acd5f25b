"""What may go wrong together. Each scenario is explored to its end, small ones first."""

from __future__ import annotations

from tests.model.world import Scenario

SCENARIOS = (
    Scenario("nothing goes wrong", sleepy=("intake", "release")),
    Scenario("urgency after the last attempt", first=5, faults={"lie": 2, "urgent": 1, "person disposes": 1}),
    Scenario("other bytes", transfers=2, true=False, faults={"undock": 1, "person decides": 2, "person disposes": 1}),
    Scenario(
        "two releases", releases=2, sleepy=("release",), faults={"person disposes": 1, "false report": 1, "again": 1}
    ),
    Scenario("two transfers, one key", transfers=2, faults={"lie": 1}),
    Scenario("disposal while it waits", sleepy=("intake",), faults={"person disposes": 1, "urgent": 1, "lost link": 1}),
    Scenario("a failing camera", transfers=2, faults={"misread": 1, "lost link": 1, "undock": 1}),
    Scenario("intake sleeps through an attempt", sleepy=("intake",), first=4, faults={"lie": 1, "lost link": 1}),
    Scenario("a camera that moves", transfers=2, faults={"undock": 2, "lost link": 1}),
    Scenario("rot", scrubs=1, sleepy=("release",), faults={"rot": 1, "person disposes": 1, "false report": 1}),
    Scenario("rot, and the camera leaves", scrubs=2, faults={"rot": 1, "misread": 1, "undock": 1, "again": 1}),
    Scenario("a database restored", transfers=2, faults={"person disposes": 1, "row lost": 1, "undock": 1}),
    Scenario("reports that wait", intakes=2, sleepy=("intake",), faults={"undock": 2}),
    Scenario("urgency and a lost link", sleepy=("intake",), faults={"undock": 1, "lost link": 1, "urgent": 1}),
    Scenario("a lying store", transfers=2, verifiers=2, first=4, faults={"lie": 1}),
    Scenario("lies and disposal", verifiers=2, first=4, faults={"person disposes": 1, "lie": 1, "again": 1}),
    Scenario("lies, and two transfers", transfers=2, first=4, faults={"lie": 2}, cleans=True),
    Scenario("lies, and two verifiers", verifiers=2, first=4, faults={"lie": 2, "again": 1}, cleans=True),
)
