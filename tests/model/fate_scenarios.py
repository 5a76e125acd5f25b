"""What may meet in the end of a clip. Each scenario is explored to its end, small ones first."""

from __future__ import annotations

from tests.model.fate_world import Scenario

SLEEPERS = ("place", "lift", "say", "intend", "withdraw", "commit", "delete", "lease")

FATE_SCENARIOS = (
    Scenario("nobody objects", wiped=False, late=True, faults={"lying delete": 1}),
    Scenario("a hold against disposal", placers=("a",), faults={"lift": 1}),
    Scenario("a hold, and whoever sleeps", placers=("a",), stops=SLEEPERS, faults={"lift": 1, "stopped": 1}),
    Scenario("two disposers", late=True, stops=("delete", "commit"), faults={"stopped": 1, "lying delete": 1}),
    Scenario("two holds, one lift", placers=("a", "b"), faults={"lift": 1}),
    Scenario("two holds, and a sleeper", placers=("a", "b"), stops=("place",), faults={"stopped": 1}),
    Scenario("a lying lock", placers=("a",), lease=True, faults={"lying lock": 1}),
    Scenario(
        "a request comes again", placers=("a",), faults={"lift": 1, "comes again": 1, "stopped": 1}, stops=("place",)
    ),
    Scenario("a standing hold", stops=("commit", "intend"), faults={"standing hold": 1, "lift": 1, "stopped": 1}),
    Scenario("a standing hold and another", placers=("a",), faults={"standing hold": 1, "lift": 1}),
    Scenario("another policy", stops=("commit", "intend", "withdraw"), faults={"policy": 1, "stopped": 1}),
    Scenario(
        "another category",
        wishes=(("categorise", "longer"), ("categorise", "confirmed")),
        stops=("commit", "intend"),
        faults={"stopped": 1},
    ),
    Scenario(
        "two facts at once",
        wishes=(("categorise", "longer"), ("correct time", "later"), ("decide review", "keep")),
    ),
    Scenario(
        "out of the bin",
        wishes=(("restore", "not before"), ("categorise", "longer")),
        stops=("commit", "withdraw", "say"),
        faults={"stopped": 1},
    ),
    Scenario(
        "early disposal",
        wishes=(("allow early disposal", "early"), ("restore", "not before")),
        wiped=False,
        stops=("say", "commit"),
        faults={"stopped": 1},
    ),
    Scenario("damage", faults={"damage": 1, "stopped": 1}, stops=("commit", "intend")),
    Scenario("the first lock", first_lock=2, wiped=False),
    Scenario("the lease", lease=True, first_lock=1, stops=("lease", "commit"), faults={"stopped": 1}),
    Scenario(
        "the lease, and a shorter category",
        lease=True,
        wishes=(("categorise", "longer"), ("categorise", "confirmed")),
    ),
    Scenario(
        "the lease sleeps through another policy", lease=True, stops=("lease",), faults={"policy": 1, "stopped": 1}
    ),
    Scenario("the lease and a hold", lease=True, placers=("a",), faults={"lift": 1}),
    Scenario("a database restored", placers=("a",), faults={"database lost": 1, "outbox lost": 1, "lift": 1}),
    Scenario(
        "a database restored, two holds",
        placers=("a", "b"),
        faults={"database lost": 1, "outbox lost": 1},
    ),
    Scenario(
        "a hold, a category and a policy",
        placers=("a",),
        wishes=(("categorise", "longer"),),
        faults={"policy": 1, "lift": 1},
    ),
)
