"""What a month's submitted footage was followed by, from a real database, and what of it may be published."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator

import msgspec
import pytest
from click.testing import CliRunner

from console.cli.stats import stats
from tests.prosecution.disclosed import case
from workers.database.engine import Database, execute
from workers.prosecution.cases.case import Case, Outcome
from workers.prosecution.cases.rows import store
from workers.prosecution.statements import OutcomeKind
from workers.prosecution.statistics import (
    FEWEST,
    MEASURES,
    Figure,
    MonthOfOutcomes,
    month_of_outcomes,
    publishable,
    query,
)

NUMBERS = itertools.count(1)


class Year:
    """Cases with submissions, as cases and prosecution leave them."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def case(self, *outcomes: tuple[str, str]) -> Case:
        """A case whose outcomes happened on these days."""
        n = next(NUMBERS)
        recorded = tuple(
            Outcome("D1", OutcomeKind(kind), day, ("",), "2026-12-01T00:00:00Z", "ADMIN") for kind, day in outcomes
        )
        made = case(case_id=f"case-{n:032d}", urn=f"01AB{n:07d}", outcomes=recorded)
        async with self.database.transaction() as connection:
            assert await store(connection, made)
        return made

    async def submitted(
        self,
        of: Case,
        *clips: str,
        sent: str = "2026-10-10T10:00:00Z",
        state: str = "acknowledged",
        recipient: str = "cps",
    ) -> None:
        status = "recorded" if clips else "not_recorded"
        manifest = {"items": [{"clip_id": clip} for clip in clips], "mme": {"status": status}}
        async with self.database.transaction() as connection:
            await execute(
                connection,
                "INSERT INTO submissions (submission_id, case_id, urn, purpose, recipient, state, ordered, items,"
                " manifest, urgent, requested_at, sent_at) VALUES (%s, %s, %s, 'charging', %s, %s, '{}', %s, %s, false,"
                " %s, %s)",
                (f"submission-{next(NUMBERS)}", of.case_id, of.urn, recipient, state, len(clips),
                 json.dumps(manifest), sent, sent),
            )  # fmt: skip

    async def figures(self, month: str = "2026-10") -> MonthOfOutcomes:
        async with self.database.connection() as connection:
            return await month_of_outcomes(connection, month)


@pytest.fixture
def year(database: Database) -> Year:
    return Year(database)


@pytest.fixture
def clip() -> Iterator[str]:
    return iter(f"clip-{n}" for n in itertools.count(1))


def named(found: MonthOfOutcomes, name: str) -> Figure:
    return next(figure for figure in found.recorded.followed if figure.name == name)


async def test_clips_are_counted_with_what_followed_them(year: Year, clip: Iterator[str]) -> None:
    for _ in range(6):
        of = await year.case(("charge", "2026-10-20"), ("conviction", "2026-11-30"))
        await year.submitted(of, next(clip), next(clip))
    for _ in range(7):
        await year.submitted(await year.case(("plea_guilty", "2026-10-10")), next(clip))
    found = await year.figures()
    assert found.recorded.submitted == Figure("submitted", 19, 13)
    assert named(found, "charge") == Figure("charge", 12, 6)
    assert named(found, "conviction") == Figure("conviction", 12, 6)
    assert named(found, "plea_guilty") == Figure("plea_guilty", 7, 7)


async def test_what_came_before_the_submission_did_not_follow_it(year: Year, clip: Iterator[str]) -> None:
    for _ in range(6):
        await year.submitted(await year.case(("charge", "2026-10-09")), next(clip))
        await year.submitted(await year.case(("charge", "2026-10-10")), next(clip))
    assert named(await year.figures(), "charge").clips == 6


async def test_a_clip_that_went_twice_is_one_and_counts_from_the_first_time(year: Year, clip: Iterator[str]) -> None:
    for _ in range(10):
        of, one = await year.case(("charge", "2026-10-15")), next(clip)
        await year.submitted(of, one, sent="2026-10-12T10:00:00Z")
        await year.submitted(of, one, sent="2026-10-20T10:00:00Z")
    for _ in range(5):
        await year.submitted(await year.case(), next(clip))
    found = await year.figures()
    assert found.recorded.submitted.clips == 15
    assert named(found, "charge") == Figure("charge", 10, 10)


async def test_only_what_the_cps_acknowledged_in_the_month_by_local_time(year: Year, clip: Iterator[str]) -> None:
    for _ in range(5):
        await year.submitted(await year.case(), next(clip), sent="2026-09-30T23:00:00Z")  # midnight of 1 October, BST
        await year.submitted(await year.case(), next(clip), sent="2026-10-31T23:59:59Z")
        await year.submitted(await year.case(), next(clip), sent="2026-09-30T22:59:59Z")
        await year.submitted(await year.case(), next(clip), sent="2026-11-01T00:00:00Z")
        await year.submitted(await year.case(), next(clip), recipient="defence")
        await year.submitted(await year.case(), next(clip), state="partial")
    assert (await year.figures()).recorded.submitted == Figure("submitted", 10, 10)


async def test_cases_that_said_not_recorded_stand_beside_them(year: Year, clip: Iterator[str]) -> None:
    for _ in range(5):
        await year.submitted(await year.case(("charge", "2026-10-20")))
        await year.submitted(await year.case())
        later = await year.case()
        await year.submitted(later)
        await year.submitted(later, next(clip))
    found = await year.figures()
    assert found.not_recorded.submitted.cases == 10, "a case that sent footage after all has footage"
    assert [(f.name, f.cases) for f in found.not_recorded.followed if f.cases] == [("charge", 5)]
    assert found.recorded.submitted.cases == 5


async def test_a_month_without_submissions_is_zero_and_withholds_nothing(year: Year) -> None:
    found = await year.figures()
    assert found.recorded.submitted == Figure("submitted", 0, 0)
    assert not any(figure.withheld for figure in found.recorded.followed)


async def test_the_query_that_is_printed_is_the_one_that_is_asked(year: Year, clip: Iterator[str]) -> None:
    for _ in range(12):
        await year.submitted(await year.case(("charge", "2026-10-20")), next(clip))
    printed = CliRunner().invoke(stats, ["outcomes", "--month", "2026-10", "--query"])
    assert printed.exit_code == 0
    assert printed.output == query("2026-10") == (await year.figures()).query
    rows = await year.database.fetch(printed.output)
    assert {(row["followed_by"], row["clips"]) for row in rows} == {("submitted", 12), ("charge", 12)}


@pytest.mark.parametrize("month", ["2026-13", "2026-00", "2026", "26-10", "2026-10'; DROP TABLE cases; --", "0000-01"])
def test_what_is_no_month_is_refused(month: str) -> None:
    with pytest.raises(ValueError, match="expected a month such as 2026-10"):
        query(month)
    refused = CliRunner().invoke(stats, ["outcomes", "--month", month])
    assert refused.exit_code == 2
    assert "--month" in refused.output


def test_december_ends_with_the_year() -> None:
    assert "2027-01-01T00:00:00+00:00" in query("2026-12")


# -- what may be published -------------------------------------------------------------------------------------


@pytest.mark.parametrize("total", range(1, 13))
def test_no_figure_rests_on_few_cases_or_leaves_few_over(total: int) -> None:
    for cases in range(total + 1):
        group = publishable({"submitted": (10 * total, total), "charge": (10 * cases, cases)})
        charge = group.followed[0]
        assert charge.withheld == (cases < FEWEST or total - cases < FEWEST)
        assert group.submitted.withheld == (total < FEWEST)
        assert charge.withheld == (charge.clips is None)
        assert {figure.name for figure in group.followed} == set(MEASURES)


def test_many_clips_of_one_case_are_one_case() -> None:
    group = publishable({"submitted": (60, 6), "charge": (54, 5)})
    assert group.followed[0] == Figure("charge", None, None), "the 6 clips left over are one case"


async def test_50_000_submissions_within_a_second(year: Year, database: Database) -> None:
    body = msgspec.json.encode(await year.case(("charge", "2026-11-20"), ("conviction", "2026-12-20"))).decode()
    await database.execute(
        "INSERT INTO cases (case_id, urn, kind, version, officer, clock, opened_at, body)"
        " SELECT 'c' || n, 'u' || n, 'prosecution', 1, 'x', 'charged', now(), %s FROM generate_series(1, 25000) n",
        (body,),
    )
    await database.execute(
        "INSERT INTO submissions (submission_id, case_id, urn, purpose, recipient, state, ordered, items, manifest,"
        " urgent, requested_at, sent_at) SELECT 's' || n, 'c' || n %% 25000, 'u', 'trial', 'cps', 'acknowledged', '{}',"
        " 2, jsonb_build_object('mme', jsonb_build_object('status', 'recorded'), 'items', jsonb_build_array("
        " jsonb_build_object('clip_id', 'a' || n, 'description', repeat('x', 400)),"
        " jsonb_build_object('clip_id', 'b' || n, 'description', repeat('x', 400)))), false, t, t"
        " FROM (SELECT n, '2026-01-15Z'::timestamptz + (n %% 12) * interval '1 month' AS t"
        "  FROM generate_series(1, 50000) n) rows"
    )
    for table in ("cases", "submissions"):
        await database.execute(f"VACUUM ANALYZE {table}")  # as the server does by itself before long
    took = []
    for _ in range(3):  # the best of three: the machine does other things too
        began = time.perf_counter()
        found = await year.figures()
        took.append(time.perf_counter() - began)
    assert found.recorded.submitted.clips == 2 * len([n for n in range(1, 50001) if n % 12 == 9])
    assert min(took) <= 1.0, took


def test_a_kind_of_outcome_that_is_counted_exists() -> None:
    assert set(MEASURES) <= {kind.value for kind in OutcomeKind}
