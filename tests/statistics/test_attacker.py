"""Somebody who has everything that is published, knows how numbers are withheld, and wants a small one.

What they cannot tell apart they cannot know: for each small number there is another force in which it is another one,
and whose publication is the same in every byte.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from html import unescape
from typing import Any

import pytest

from tests.statistics.sample import HEAD, a_year, october
from workers.statistics import tables
from workers.statistics.areas import Areas
from workers.statistics.asking import Answers, Counted
from workers.statistics.figures import FIGURES
from workers.statistics.months import month
from workers.statistics.plots import percent
from workers.statistics.publishing import files
from workers.statistics.stated import Stated, publishable
from workers.statistics.suppression import small
from workers.statistics.trend import COURSES, courses, followed

BOROUGHS = {"Camden": "CN", "Islington": "CN", "Brent": "NW", "Harrow": "NW"}

Leaf = tuple[str, str, str]
"""Figure, borough, measure."""

World = dict[Leaf, int]


def a_world(seed: int) -> World:
    """Every number of a small month; those that figures have in common are the same."""
    chance = random.Random(seed)
    world: World = {}
    for borough in BOROUGHS:
        recorded, stops = chance.randint(40, 90), {kind: chance.randint(0, 40) for kind in ("search", "account")}
        for figure, parts in {
            "recorded": ("recorded_body_worn", "recorded_vehicle", "recorded_taser", "recorded_unknown"),
            "kept": ("kept", "waiting", "deleted"),
            "submitted": ("not_submitted", "submitted"),
            "complaints": ("not_linked", "linked"),
        }.items():
            _split(world, figure, borough, parts, recorded, chance)
        for kind, number in stops.items():
            parts = tuple(f"stop_{kind}_{part}" for part in ("all", "some", "none"))
            _split(world, "filmed", borough, parts, number, chance)
        _split(world, "deleted", borough, ("rule: uncategorised", "rule: passing"), chance.randint(6, 60), chance)
    return world


def _split(world: World, figure: str, borough: str, parts: Sequence[str], whole: int, chance: random.Random) -> None:
    """Most to the first part, few to the others."""
    for part in reversed(parts[1:]):
        few = min(whole, chance.choice([0, 1, 2, 3, 4, 6, 9]))
        world[figure, borough, part] = few
        whole -= few
    world[figure, borough, parts[0]] = whole


def answers_of(world: World) -> Answers:
    found: dict[str, list[Counted]] = {figure.name: [] for figure in FIGURES}
    for (figure, borough, measure), number in world.items():
        if number:
            found[figure].append(Counted(BOROUGHS[borough], borough, measure, number, number))
    return {name: tuple(sorted(rows)) for name, rows in found.items()}


def published(world: World) -> Stated:
    """All that is published of it: of an equal statement every file is the same."""
    return publishable(answers_of(world), HEAD, month("2026-10"), Areas())


def hidden_in(stated: Stated) -> set[Any]:
    return {
        (tuple(filter(None, (place.bcu, place.borough))), line.measure)
        for table in stated.tables for place in table.places for line in place.lines if line.number is None
    }  # fmt: skip


def numbers_of(world: World) -> Any:
    """Every number of every table, before any is withheld, and how they add up."""
    answers = answers_of(world)
    completed = {one.name: one.completed(row.measure for row in answers[one.name]) for one in FIGURES}
    return tables._numbers(FIGURES, answers, completed, {one.name: tables._leaves(one, answers) for one in FIGURES})


def moves(hidden: Sequence[Any], numbers: Any) -> Iterator[Mapping[Any, Fraction]]:
    """Ways to change withheld numbers that leave every published number and every sum as it is: a basis of them."""
    rows = [[Fraction((cell in one.parts) - (cell == one.total)) for cell in hidden] for one in numbers.sums]
    rows = [row for row in rows if any(row)]
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
    for loose in (column for column in range(len(hidden)) if column not in pivots):
        move = {hidden[loose]: Fraction(1)}
        move |= {hidden[pivots[n]]: -row[loose] for n, row in enumerate(rows[: len(pivots)]) if row[loose]}
        yield move


def another(world: World, move: Mapping[Any, Fraction], times: int) -> World | None:
    """The world in which so much more of a move is made; None where that cannot be."""
    made: World = {}
    for (figure, borough, measure), number in world.items():
        changed = number + times * move.get(((BOROUGHS[borough], borough), measure), Fraction(0))
        if changed < 0 or changed.denominator != 1:
            return None
        made[figure, borough, measure] = int(changed)
    return made


@pytest.mark.parametrize("seed", [1, 3])
def test_another_force_with_another_small_number_shows_the_same(seed: int) -> None:
    """And for most of them even somebody who repeats how it was chosen what to withhold finds every byte the same."""
    world = a_world(seed)
    here, numbers = published(world), numbers_of(world)
    hidden = hidden_in(here)
    shown = {cell: number for cell, number in numbers.number.items() if cell not in hidden}
    few = {cell for cell in hidden if small(numbers.number[cell]) and len(cell[0]) == 2}
    assert len(few) > 10, "much is small here"
    unknown: set[Any] = set()
    to_the_byte: set[Any] = set()
    for move in moves(sorted(hidden, key=str), numbers):
        for times in (1, -1):
            if (few & move.keys()) <= to_the_byte:
                break
            other = another(world, move, times)
            if other is None:
                continue
            theirs = numbers_of(other).number
            if all(theirs.get(cell, 0) == number for cell, number in shown.items()):
                unknown |= few & move.keys()
                to_the_byte |= few & move.keys() if published(other) == here else set()
    print(f"seed {seed}: {len(few)} small numbers, {len(unknown)} may be another, {len(to_the_byte)} to the byte")
    assert unknown == few, sorted(few - unknown, key=str)
    assert len(to_the_byte) > len(few) / 2


def test_every_share_and_every_bar_follows_from_numbers_that_are_published() -> None:
    """No percentage, no width and no label tells of a number that is withheld."""
    earlier = a_year()
    stated = october()
    page = files(stated, Areas(), earlier)["index.html"].decode()
    may = allowed(stated)
    shares, widths = {f"{share:.1%}" for share in may}, {f"{100 * share:.2f}%" for share in may}
    for points in courses(stated, earlier).values():
        shares |= {percent(point.number, point.of) for point in points}
    body = unescape(page[page.index("<body>") :])
    text = re.sub(r"<[^>]*>", " ", body)
    assert set(re.findall(r"\d+\.\d%", text)) <= shares, "a percentage of something that is withheld"
    bars = re.findall(r'<rect class="(?:strong|bar)"[^>]* width="([0-9.]+%)" height="(?:14|8)"', body)
    bars += re.findall(r'<rect class="(?:strong|bar)" width="([0-9.]+%)"', body)
    assert len(bars) > 30 and set(bars) <= widths
    for label in re.findall(r'(?:aria-label|title|alt)="([^"]*)"', body):
        assert not re.search(r"\d", label), label
    for svg in re.findall(r"<svg.*?</svg>", body, re.DOTALL):
        if ">withheld<" in svg:
            assert 'class="strong"' not in svg and 'class="bar"' not in svg, "a bar of what is withheld"


def allowed(stated: Stated) -> set[float]:
    """Every share of two published numbers of one figure and area."""
    found = set()
    for table in stated.tables:
        for place in table.places:
            told = [line.number for line in place.lines if line.number is not None]
            part, whole = followed(place, COURSES[table.figure])
            pairs = [(a, b) for a in told for b in told if b and a <= b]
            pairs += [(part, whole)] if part is not None and whole else []
            found |= {a / b for a, b in pairs}
    return found
