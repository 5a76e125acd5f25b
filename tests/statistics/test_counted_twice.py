"""Every figure of a month that was made up at random, by its SQL and by hand: equal, in every area."""

from __future__ import annotations

import pytest

from tests.statistics.counted_by_hand import DOCKS, Force
from tests.statistics.told import Told
from workers.database.engine import Database, execute, fetch
from workers.statistics.areas import parse_areas
from workers.statistics.asking import statement
from workers.statistics.figures import FIGURES
from workers.statistics.months import month
from workers.statistics.stated import answers, publishable

pytestmark = pytest.mark.stack

OCTOBER = month("2026-10")
ROWS = "".join(f"{dock},{bcu},{borough}\n" for dock, (bcu, borough) in DOCKS.items() if bcu)
AREAS = parse_areas(f"dock,bcu,borough\n{ROWS}", "areas.csv")


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_sql_and_pencil_count_the_same(database: Database, seed: int) -> None:
    told = Told(database)
    by_hand = Force(told, seed).happened()
    head = await told.seal()
    asked = await answers(database, head, OCTOBER, AREAS, FIGURES)
    for figure in FIGURES:
        by_sql = {(row.borough, row.measure): row.number for row in asked[figure.name]}
        assert by_sql == dict(by_hand[figure.name]), f"{figure.name}, seed {seed}"
        assert by_sql, f"{figure.name}: nothing of it happened, so nothing was compared"
    stated = publishable(asked, head, OCTOBER, AREAS)
    named = {place.borough for table in stated.tables for place in table.places} - {""}
    assert named <= {"Camden", "Islington", "Brent", "not known"}, "what somebody typed into a record is no area"


async def test_a_question_of_a_borough_never_reads_the_log_itself(database: Database) -> None:
    """What was counted is enough: a month's question costs the same, however long the custody log is."""
    async with database.transaction() as connection:
        await execute(connection, "CREATE TEMP TABLE areas (dock text, bcu text, borough text)")
        for figure in FIGURES:
            plan = await fetch(connection, f"EXPLAIN (FORMAT JSON) {statement(figure, OCTOBER, 10)}")
            read = relations(plan[0]["QUERY PLAN"])
            assert read and all(name == "areas" or name.startswith("counted_") for name in read), (figure.name, read)


def relations(plan: object) -> set[str]:
    """Every table that a plan reads."""
    if isinstance(plan, list):
        return {name for one in plan for name in relations(one)}
    if not isinstance(plan, dict):
        return set()
    own = {str(plan["Relation Name"])} if "Relation Name" in plan else set()
    return own | {name for one in plan.values() for name in relations(one)}
