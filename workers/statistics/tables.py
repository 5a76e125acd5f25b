"""A month's figures as they may be published: totals worked out, small numbers withheld over all of them together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msgspec import Struct

from workers.errors import RuleBroken
from workers.statistics.asking import Answers
from workers.statistics.figures import Figure, Sum
from workers.statistics.suppression import Adds, withhold

Area = tuple[str, ...]
"""(): the whole force; (bcu,); (bcu, borough)."""

FORCE: Area = ()
UNKNOWN = "not known"
"""What an area is called that nobody named."""

Key = tuple[Area, str]
"""Area and measure."""


class Line(Struct, frozen=True):
    """One number.

    Attributes:
        measure: its name; says: what it is called.
        number: None: withheld.
        total: the measure that it is a part of; its own where it is the total.
    """

    measure: str
    says: str
    number: int | None
    total: str


class Place(Struct, frozen=True):
    """The numbers of one area.

    Attributes:
        bcu, borough: "" for all of it.
    """

    bcu: str
    borough: str
    lines: tuple[Line, ...]


class Table(Struct, frozen=True):
    """One figure.

    Attributes:
        places: the whole force first, then its areas by name.
    """

    figure: str
    places: tuple[Place, ...]

    @property
    def force(self) -> Place:
        """The numbers of the whole force."""
        return self.places[0]

    def boroughs(self) -> tuple[Place, ...]:
        """Those of each borough."""
        return tuple(place for place in self.places if place.borough)

    def bcus(self) -> tuple[Place, ...]:
        """Those of each basic command unit."""
        return tuple(place for place in self.places if place.bcu and not place.borough)


@dataclass(frozen=True)
class _Numbers:
    """Every number of every table, by area and measure, and how they add up."""

    number: Mapping[Key, int]
    behind: Mapping[Key, int]
    sums: tuple[Adds, ...]


def tables(figures: Iterable[Figure], answers: Answers) -> tuple[Table, ...]:
    """The tables of all figures that are published together. Pure.

    Raises:
        RuleBroken: two figures count the same total and do not agree.
    """
    asked = [figure for figure in figures if figure.name in answers]
    completed = {figure.name: figure.completed(row.measure for row in answers[figure.name]) for figure in asked}
    leaves = {figure.name: _leaves(figure, answers) for figure in asked}
    numbers = _numbers(asked, answers, completed, leaves)
    hidden = withhold(numbers.behind, numbers.sums)
    return tuple(
        Table(figure.name, tuple(_place(area, completed[figure.name], numbers, hidden)
                                 for area in _areas(leaves[figure.name])))
        for figure in asked
    )  # fmt: skip


def _leaves(figure: Figure, answers: Answers) -> tuple[Area, ...]:
    """The boroughs of a figure; none where it is not told by area, or no area is known."""
    if not figure.by_area:
        return ()
    found = {(row.bcu or UNKNOWN, row.borough or UNKNOWN) for row in answers[figure.name]}
    return () if found <= {(UNKNOWN, UNKNOWN)} else tuple(sorted(found, key=_order))


def _order(area: Area) -> tuple[tuple[bool, str], ...]:
    return tuple((part == UNKNOWN, part) for part in area)


def _areas(leaves: tuple[Area, ...]) -> list[Area]:
    """The force, and each BCU before its boroughs."""
    return [FORCE, *sorted({area[:1] for area in leaves} | set(leaves), key=_order)]


def _numbers(
    figures: Iterable[Figure],
    answers: Answers,
    completed: Mapping[str, tuple[Sum, ...]],
    leaves: Mapping[str, tuple[Area, ...]],
) -> _Numbers:
    number: dict[Key, int] = {}
    behind: dict[Key, int] = {}
    sums: dict[tuple[Key, ...], Adds] = {}
    for figure in figures:
        areas = _areas(leaves[figure.name])
        counted: dict[Key, tuple[int, int]] = {}
        for row in answers[figure.name]:
            place = (row.bcu or UNKNOWN, row.borough or UNKNOWN)
            for area in (FORCE, place[:1], place):
                before = counted.get((area, row.measure), (0, 0))
                counted[area, row.measure] = (before[0] + row.number, before[1] + row.behind)
        for one in completed[figure.name]:
            for area in areas:
                parts = [(area, part) for part in one.parts]
                for key in parts:
                    number[key], behind[key] = counted.get(key, (0, 0))
                total = (area, one.total)
                made = sum(number[key] for key in parts)
                if number.setdefault(total, made) != made:
                    raise RuleBroken(
                        f"{figure.name}: {one.total} of {'/'.join(area) or 'the force'} is {made} here and "
                        f"{number[total]} in another figure: both read one log, so one of the queries is wrong"
                    )
                behind[total] = sum(behind[key] for key in parts)
                _note(sums, total, parts, wholly=True)
            for measure in (one.total, *one.parts):
                _note_areas(sums, measure, leaves[figure.name])
    return _Numbers(number, behind, tuple(sums.values()))


def _note(sums: dict[tuple[Key, ...], Adds], total: Key, parts: list[Key], *, wholly: bool = False) -> None:
    if parts:
        sums.setdefault((total, *parts), Adds(total, tuple(parts), wholly))


def _note_areas(sums: dict[tuple[Key, ...], Adds], measure: str, leaves: tuple[Area, ...]) -> None:
    """The force is its BCUs, a BCU its boroughs."""
    for above in {FORCE, *(area[:1] for area in leaves)} if leaves else set():
        below = sorted({area[: len(above) + 1] for area in leaves if area[: len(above)] == above}, key=_order)
        _note(sums, (above, measure), [(area, measure) for area in below])


def _place(area: Area, sums: tuple[Sum, ...], numbers: _Numbers, hidden: frozenset[Key]) -> Place:
    lines: list[Line] = []
    for one in sums:
        lines += [
            Line(measure, says, None if (area, measure) in hidden else numbers.number[area, measure], one.total)
            for measure, says in ((one.total, one.says), *one.parts.items())
            if not any(line.measure == measure for line in lines)
        ]
    bcu, borough = (*area, "", "")[:2]
    return Place(bcu, borough, tuple(lines))
