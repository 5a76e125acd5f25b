"""The months side by side: from what was published of each, so that nothing withheld can be worked out from them."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.statistics.sample import HEAD, a_month, a_year, october
from tests.statistics.test_publishing import Page
from workers.custody.queries import SealedHead
from workers.errors import RuleBroken
from workers.statistics import tables
from workers.statistics.areas import Areas
from workers.statistics.asking import Answers, Counted
from workers.statistics.earlier import check_head, read_earlier
from workers.statistics.figures import FIGURES
from workers.statistics.months import month
from workers.statistics.page import page
from workers.statistics.publishing import files, publish
from workers.statistics.stated import Stated, publishable
from workers.statistics.suppression import Adds, determined, small
from workers.statistics.trend import COURSES, MONTHS, Point, courses, csv_rows, last_months

YEAR = [one.name for one in last_months("2026-10")]
BCU = {"": "", "Camden": "CN", "Islington": "CN"}


def test_the_last_thirteen_months_each_as_it_was_published() -> None:
    assert (YEAR[0], YEAR[3], YEAR[-1], len(YEAR)) == ("2025-10", "2026-01", "2026-10", MONTHS)
    assert set(COURSES) == {figure.name for figure in FIGURES}
    all_of_it = (*a_year(), october())
    followed = courses(october(), a_year())
    for figure, points in followed.items():
        assert [point.month.name for point in points] == YEAR
        assert [point.size for point in points] == [one.size for one in all_of_it], figure
    kept = [{line.measure: line.number for line in one.table("kept").force.lines} for one in all_of_it]
    assert [(p.number, p.of) for p in followed["kept"]] == [(one["kept"], one["recorded"]) for one in kept]


def test_every_plot_of_months_has_its_table() -> None:
    earlier = a_year()
    text = page(october(), earlier).decode()
    assert text.count('class="plot course"') == len(FIGURES) == text.count("The last 13 months: ")
    for figure in FIGURES:
        section = text[text.index(f'<section id="{figure.name}"') :].partition("</section>")[0]
        caption = f"{figure.title}, month by month: {COURSES[figure.name].says}"
        assert (
            section.count(f"<caption>{caption}</caption>") == 1 == section.count(f'role="img" aria-label="{caption}"')
        )
        assert "October 2025" in section and "September 2026" in section
    asked = Page(text)
    assert not asked.asked and not {"script", "link", "img"} & set(asked.tags)
    assert page(october(), earlier) == page(october(), list(reversed(earlier))), "the same statements, the same bytes"


def test_the_page_of_london_is_light_enough_for_anybody() -> None:
    """Twelve BCUs, 32 boroughs, 13 months, every table: under 150 kB, before any compression."""
    london = {
        f"Basic Command Unit {unit}": tuple(f"London Borough {unit} {n}" for n in range(3 if unit < 8 else 2))
        for unit in range(12)
    }
    assert sum(map(len, london.values())) == 32
    assert len(page(a_month("2026-10", bcus=london), a_year())) < 150_000


def test_a_month_that_nobody_published_is_said_to_be_missing_and_is_no_zero() -> None:
    earlier = [one for one in a_year() if one.month != "2026-05"]
    may = courses(october(), earlier)["recorded"][YEAR.index("2026-05")]
    assert may == Point(month("2026-05"))
    text = page(october(), earlier).decode()
    assert text.count('May 2026</th><td class="none">not published') == len(FIGURES)
    assert courses(october(), []) == {} and "The last 13 months" not in page(october()).decode()
    assert courses(october(), [replace(earlier[0], month="2019-01")]) == {}, "too long ago"


def test_of_a_month_that_was_published_twice_the_first_counts() -> None:
    [september] = a_year()[-1:]
    later = a_month("2026-09", 99, SealedHead(5000, bytes(32), "", datetime(2026, 1, 1, tzinfo=UTC)))
    for both in ([september, later], [later, september]):
        assert courses(october(), both)["recorded"][-2].size == september.size


def parted(chance: random.Random, total: int, parts: int) -> list[int]:
    """So many numbers, none below zero, that add up."""
    cuts = sorted(chance.randint(0, total) for _ in range(parts - 1))
    return [b - a for a, b in zip([0, *cuts], [*cuts, total], strict=True)]


def few(seed: int) -> Answers:
    """A month in which little happened, so that much of it is withheld."""
    chance = random.Random(seed)
    answers: Answers = {}
    for figure in FIGURES:
        rows = []
        for borough in ("Camden", "Islington") if figure.by_area else ("",):
            told: dict[str, int] = {}
            for one in figure.sums:
                measures = list(one.parts) or [f"{one.others}{name}" for name in ("passing", "evidential")]
                # The same total in every figure that has it, and where it is a part of another total.
                whole = told.get(one.total, random.Random(f"{seed} {borough} {one.total}").randint(0, 14))
                told |= zip(measures, parted(chance, whole, len(measures)), strict=True)
            rows += [Counted(BCU[borough], borough, measure, number, number) for measure, number in told.items()]
        answers[figure.name] = tuple(rows)
    return answers


@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=MONTHS, max_size=MONTHS))
def test_nothing_small_follows_from_all_tables_of_thirteen_months(seeds: list[int]) -> None:
    asked = {name: few(seed) for name, seed in zip(YEAR, seeds, strict=True)}
    year = [publishable(answers, HEAD, month(name), Areas()) for name, answers in asked.items()]
    this, earlier = year[-1], year[:-1]
    published = {
        (one.month, tuple(filter(None, (place.bcu, place.borough))), line.measure): line.number
        for one in year for table in one.tables for place in table.places for line in place.lines
    }  # fmt: skip
    behind: dict[object, int] = {}
    sums: list[Adds] = []
    for name, answers in asked.items():
        completed = {one.name: one.completed(row.measure for row in answers[one.name]) for one in FIGURES}
        leaves = {one.name: tables._leaves(one, answers) for one in FIGURES}
        numbers = tables._numbers(FIGURES, answers, completed, leaves)
        behind |= {(name, *key): number for key, number in numbers.behind.items()}
        sums += [
            Adds((name, *one.total), tuple((name, *part) for part in one.parts), one.wholly) for one in numbers.sums
        ]
    hidden: set[object] = {key for key, number in published.items() if number is None}
    for figure, points in courses(this, earlier).items():
        for point in points:
            for measures, value in ((COURSES[figure].parts, point.number), (COURSES[figure].of, point.of)):
                parts = [(point.month.name, (), measure) for measure in measures]
                told = [published[part] for part in parts]
                assert value == (None if not told or None in told else sum(n for n in told if n)), (figure, point)
                if len(parts) > 1:  # a number that stands in no month's own tables
                    together = ("together", *parts)
                    sums.append(Adds(together, tuple(parts)))
                    hidden |= {together} if value is None else set()
    tiny = {cell for cell, number in behind.items() if small(number)}
    assert tiny and tiny <= hidden, "much is small here, and none of it is published"
    assert not determined(sums, hidden) & tiny, "nor does any of it follow from everything that is"
    rows = csv_rows(this, earlier)
    assert len(rows) == 1 + MONTHS * len(FIGURES) and not any("None" in row for row in rows)
    drawn = page(this, earlier).decode()
    for figure, points in courses(this, earlier).items():
        section = drawn[drawn.index(f'<section id="{figure}"') :].partition("</section>")[0]
        plot = section[section.index('class="plot course"') :].partition("</svg>")[0]
        shown = sum(p.number is not None and (not COURSES[figure].of or bool(p.of)) for p in points)
        assert plot.count("<rect") == shown, "of what is withheld nothing is drawn, not even its height"


def test_folders_that_stand_beside_a_publication_are_read(tmp_path: Path) -> None:
    for one in a_year():
        publish(one, Areas(), tmp_path / one.month)
    publish(a_month("2024-01"), Areas(), tmp_path / "old")
    found = read_earlier(tmp_path, "2026-10")
    assert found == a_year(), "and none that is too old"
    assert {one.month for one in read_earlier(tmp_path, "2026-01")} == set(YEAR[:3]), "nor one that had not come"
    made = files(october(), Areas(), found)
    assert b"recorded,recordings,2026-09" in made["csv/trend.csv"]
    assert msgspec.json.decode(made["figures.json"], type=Stated) == october(), "its own numbers alone"


def test_what_is_no_publication_of_this_log_is_refused(tmp_path: Path) -> None:
    check_head(october(), HEAD)
    for head in (None, replace(HEAD, root=bytes(31) + b"x")):
        with pytest.raises(RuleBroken, match="was not made from this custody log"):
            check_head(october(), head)
    (tmp_path / "x").mkdir()
    (tmp_path / "x/figures.json").write_text("{}")
    with pytest.raises(RuleBroken, match="is no publication"):
        read_earlier(tmp_path, "2026-10")
    lax = replace(a_month("2026-09"), fewest=2)
    (tmp_path / "x/figures.json").write_bytes(msgspec.json.encode(lax))
    with pytest.raises(RuleBroken, match="numbers from 2 on"):
        read_earlier(tmp_path, "2026-10")
