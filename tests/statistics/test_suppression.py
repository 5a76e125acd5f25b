"""What is withheld: no small number can be read, or worked out from what is published."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.statistics.asking import Counted
from workers.statistics.figures import BY_NAME, FIGURES
from workers.statistics.suppression import FEWEST, Adds, determined, small, withhold
from workers.statistics.tables import Table, tables


def free(sums: Sequence[Adds], hidden: Sequence[Hashable]) -> set[Hashable]:
    """The hidden cells that can take another value while every published number and every sum stays as it is.

    By a basis of the null space in exact fractions: another way than the one that is tested.
    """
    rows = [[Fraction((cell in one.parts) - (cell == one.total)) for cell in hidden] for one in sums]
    pivots: list[int] = []
    for column in range(len(hidden)):
        rank = len(pivots)
        found = next((n for n in range(rank, len(rows)) if rows[n][column]), None)
        if found is None:
            continue
        rows[rank], rows[found] = rows[found], rows[rank]
        rows[rank] = [value / rows[rank][column] for value in rows[rank]]
        for n, row in enumerate(rows):
            if n != rank and row[column]:
                rows[n] = [a - row[column] * b for a, b in zip(row, rows[rank], strict=True)]
        pivots.append(column)
    loose = [column for column in range(len(hidden)) if column not in pivots]
    moving = set(loose) | {pivots[n] for n, row in enumerate(rows[: len(pivots)]) if any(row[c] for c in loose)}
    return {hidden[column] for column in moving}


def safe(behind: Mapping[Hashable, int], sums: Sequence[Adds], hidden: frozenset[Hashable]) -> None:
    few = {cell for cell, number in behind.items() if small(number)}
    few |= {part for one in sums if one.wholly and one.total in few for part in one.parts}
    assert few <= hidden, "a small number is published"
    assert few <= free(sums, sorted(hidden, key=str)), "a small number follows from what is published"
    for one in sums:
        left = [cell for cell in one.parts if cell in hidden]
        if one.total not in hidden and few & set(left):
            enough = len(left) >= 2 and sum(behind[cell] for cell in left) >= FEWEST
            assert enough or set(left) == set(one.parts), one


COUNTS = st.one_of(st.integers(0, 7), st.integers(0, 60))


@st.composite
def grids(draw: st.DrawFn) -> tuple[dict[Hashable, int], list[Adds]]:
    """Boroughs of BCUs of a force, by parts of a total, as the figures' tables are; the total in two ways."""
    leaves = [(bcu, n) for bcu in range(draw(st.integers(1, 3))) for n in range(draw(st.integers(1, 4)))]
    parts = [f"part{n}" for n in range(draw(st.integers(1, 4)))]
    behind: dict[Hashable, int] = {}
    for leaf in leaves:
        for part in parts:
            behind[leaf, part] = draw(COUNTS)
        whole = sum(behind[leaf, part] for part in parts)
        behind[leaf, "one"] = draw(st.integers(0, whole))
        behind[leaf, "other"] = whole - behind[leaf, "one"]
        behind[leaf, "all"] = whole
    sums: list[Adds] = []
    for measure in (*parts, "one", "other", "all"):
        for bcu in sorted({leaf[0] for leaf in leaves}):
            below = [leaf for leaf in leaves if leaf[0] == bcu]
            behind[(bcu,), measure] = sum(behind[leaf, measure] for leaf in below)
            sums.append(Adds(((bcu,), measure), tuple((leaf, measure) for leaf in below)))
        bcus = sorted({leaf[:1] for leaf in leaves})
        behind[(), measure] = sum(behind[bcu, measure] for bcu in bcus)
        sums.append(Adds(((), measure), tuple((bcu, measure) for bcu in bcus)))
    for area in {(), *(leaf[:1] for leaf in leaves), *leaves}:
        sums.append(Adds((area, "all"), tuple((area, part) for part in parts), wholly=True))
        sums.append(Adds((area, "all"), ((area, "one"), (area, "other")), wholly=True))
    return behind, sums


@settings(max_examples=40, deadline=None)
@given(grids())
def test_no_combination_of_what_is_published_gives_a_small_number(grid: tuple[dict[Hashable, int], list[Adds]]) -> None:
    behind, sums = grid
    hidden = withhold(behind, sums)
    safe(behind, sums, hidden)
    assert hidden == withhold(behind, list(reversed(sums))) or safe(behind, sums, withhold(behind, sums[::-1])) is None
    if not any(small(number) for number in behind.values()):
        assert not hidden, "nothing is small, and something is withheld"


@settings(max_examples=40, deadline=None)
@given(grids(), st.data())
def test_what_follows_is_found_exactly(grid: tuple[dict[Hashable, int], list[Adds]], data: st.DataObject) -> None:
    behind, sums = grid
    hidden = data.draw(st.lists(st.sampled_from(sorted(behind, key=str)), unique=True))
    assert determined(sums, hidden) == set(hidden) - free(sums, hidden)


@pytest.mark.parametrize(
    ("numbers", "published"),
    [
        ((10, 20, 30), (10, 20, 30)),
        ((0, 20, 30), (0, 20, 30)),
        ((3, 20, 30), (None, None, 30)),
        ((3, 4, 30), (None, None, 30)),
        ((1, 1, 30), (None, None, None)),
        ((4, 0, 0), (None, 0, 0)),  # the total is small too, and withheld
    ],
)
def test_one_sum(numbers: tuple[int, ...], published: tuple[int | None, ...]) -> None:
    names = ("a", "b", "c")
    behind = dict(zip(names, numbers, strict=True)) | {"all": sum(numbers)}
    hidden = withhold(behind, [Adds("all", names)])
    assert tuple(None if name in hidden else behind[name] for name in names) == published


def test_of_a_few_nobody_learns_what_they_have_in_common() -> None:
    """One stop, and nobody filmed it: that "filmed" is none of the withheld few would tell."""
    behind = {"all": 1, "filmed": 0, "not filmed": 1}
    assert withhold(behind, [Adds("all", ("filmed", "not filmed"), wholly=True)]) == set(behind)


def row(measure: str, number: int, borough: str = "Camden", bcu: str = "CW", behind: int | None = None) -> Counted:
    return Counted(bcu, borough, measure, number, number if behind is None else behind)


def told(table: Table, borough: str = "") -> dict[str, int | None]:
    place = next(place for place in table.places if place.borough == borough)
    return {line.measure: line.number for line in place.lines}


def test_a_number_is_withheld_in_every_table_or_in_none() -> None:
    """The recordings of a borough stand in four tables: what one withholds no other may show."""
    answers = {
        "recorded": (row("recorded_body_worn", 20), row("recorded_taser", 3), row("recorded_body_worn", 900, "Brent")),
        "kept": (row("kept", 8), row("waiting", 15), row("kept", 300, "Brent"), row("deleted", 600, "Brent")),
    }
    recorded, kept = tables([BY_NAME["recorded"], BY_NAME["kept"]], answers)
    assert told(recorded, "Camden")["recorded_taser"] is None
    assert told(recorded, "Camden")["recorded"] == told(kept, "Camden")["recorded"]
    assert told(kept)["recorded"] == 923 and told(kept)["deleted"] == 600


def test_clips_are_withheld_with_the_cases_that_they_rest_on() -> None:
    counted = {"clips_charge": (60, 3), "clips_no_charge": (80, 9)}
    counted |= {f"clips_no_{kind}": (140, 12) for kind in ("plea_guilty", "conviction")}
    answers = {"outcome_clips": tuple(row(name, number, "", "", cases) for name, (number, cases) in counted.items())}
    [table] = tables([BY_NAME["outcome_clips"]], answers)
    assert told(table)["clips_charge"] is None and told(table)["clips_no_charge"] is None
    assert told(table)["clips_submitted"] == 140


def test_what_two_figures_count_alike_is_withheld_in_both() -> None:
    """Seven deleted in a force's first month: the table of rules must not tell what that of the kept withholds."""
    answers = {
        "recorded": (row("recorded_body_worn", 100),),
        "kept": (row("kept", 91), row("waiting", 2), row("deleted", 7)),
        "deleted": (row("rule: passing", 7),),
        "looked_at": (row("verb: collection", 100, "", ""), row("verb: erasure", 7, "", "")),
    }
    recorded, kept, deleted, looked = tables([BY_NAME[name] for name in answers], answers)
    assert told(kept)["waiting"] is None
    hidden = [told(kept)["deleted"], told(deleted)["deletions"], told(looked)["verb: erasure"]]
    assert hidden in ([None, None, None], [7, 7, 7]), "in all three tables or in none"
    assert told(kept)["kept"] is None or hidden == [None, None, None], "something protects the two that wait"
    assert told(recorded)["recorded"] == told(looked)["verb: collection"] == 100


@pytest.mark.parametrize(
    ("figure", "measure", "other"),
    [("submitted", "submitted", "not_submitted"), ("complaints", "linked", "not_linked")],
)
def test_sixty_recordings_of_one_case_or_complaint_are_one(figure: str, measure: str, other: str) -> None:
    """They were docked in three boroughs; the case counts in the first of them, and is one in their BCU too."""
    answers = {
        figure: (
            row(measure, 20, behind=1), row(measure, 30, "Islington", behind=0),
            row(measure, 10, "Brent", "NW", behind=0),
            row(measure, 80, "Hackney", "NE", behind=9),
            *(row(other, 900, borough, bcu)
              for borough, bcu in (("Camden", "CW"), ("Islington", "CW"), ("Brent", "NW"), ("Hackney", "NE"))),
        )
    }  # fmt: skip
    [table] = tables([BY_NAME[figure]], answers)
    assert [told(table, borough)[measure] for borough in ("Camden", "Islington", "Brent")] == [None, None, None]
    [unit] = [place for place in table.bcus() if place.bcu == "CW"]
    assert {line.measure: line.number for line in unit.lines}[measure] is None
    assert told(table)["recorded"] == 3740


def test_five_officers_at_one_stop_are_one_stop() -> None:
    gaps = (row("gaps", 5, behind=1), row("gap_none", 5, behind=1), row("unrecorded_open", 5, behind=1))
    more = tuple(row(measure, 40, "Brent", behind=30) for measure in ("gaps", "gap_none", "unrecorded_officer"))
    [table] = tables([BY_NAME["gaps"]], {"gaps": gaps + more})
    assert {told(table, "Camden")[measure] for measure in ("gaps", "gap_none", "unrecorded_open")} == {None}
    assert told(table)["gaps"] == 45 and told(table)["unrecorded_open"] is None


def test_gaps_of_the_same_few_encounters_do_not_add_up_to_enough() -> None:
    """Three stops begun late and ended early: six gaps, and still three stops, which a total must not leave over."""
    numbers = {"gaps": (96, 80), "gap_none": (50, 50), "unrecorded_open": (50, 50), "gap_partial": (46, 30),
               "partial_open": (46, 30), "gap_late": (3, 3), "gap_early": (3, 3), "gap_muted": (40, 30)}  # fmt: skip
    rows = tuple(row(measure, number, behind=behind) for measure, (number, behind) in numbers.items())
    [table] = tables([BY_NAME["gaps"]], {"gaps": rows})
    assert told(table)["gap_late"] is None is told(table)["gap_early"]
    assert told(table)["gap_muted"] is None or told(table)["gap_partial"] is None, "40 of 46 leave over six gaps"


def test_every_figure_of_a_month_without_anything_is_zero() -> None:
    made = tables(FIGURES, {figure.name: () for figure in FIGURES})
    assert {line.number for table in made for place in table.places for line in place.lines} == {0}
    assert [table.figure for table in made] == [figure.name for figure in FIGURES]
