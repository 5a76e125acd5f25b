"""A month's figures as they may be published: totals worked out, small numbers withheld over all of them together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from msgspec import Struct

from workers.errors import RuleBroken
from workers.statistics.asking import Answers, Counted
from workers.statistics.figures import SAME, Figure, Sum
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
    hidden = withhold(numbers.behind, numbers.sums, numbers.number)
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
        counted = _counted(answers[figure.name])
        for one in completed[figure.name]:
            for area in _areas(leaves[figure.name]):
                total, parts = (area, one.total), [(area, part) for part in one.parts]
                found = {key: counted.get(key, (0, 0)) for key in parts}
                found[total] = _total(one, list(found.values()), counted.get(total))
                for key, (many, few) in found.items():
                    if number.setdefault(key, many) != many:
                        raise RuleBroken(
                            f"{figure.name}: {key[1]} of {'/'.join(area) or 'the force'} is {many} here and "
                            f"{number[key]} in another figure: both read one log, so one of the queries is wrong"
                        )
                    behind[key] = max(behind.get(key, 0), few)
                _note(sums, Adds(total, tuple(parts), wholly=True, overlap=one.overlap))
            for measure in (one.total, *one.parts):
                _note_areas(sums, measure, leaves[figure.name])
    for key, other in _same(completed, leaves):
        if key in number and number[key] == number.get(other):
            _note(sums, Adds(key, (other,)))
    return _Numbers(number, behind, tuple(sums.values()))


def _total(one: Sum, parts: list[tuple[int, int]], told: tuple[int, int] | None) -> tuple[int, int]:
    """A total's number and what stands behind it: as its query tells, else as many as its parts have, at least.

    Args:
        parts: number of each, and what stands behind it.
    """
    few = (max if one.overlap else sum)([behind for _, behind in parts] or [0])
    return sum(number for number, _ in parts), max(few, told[1] if told else 0)


def _counted(rows: Iterable[Counted]) -> dict[Key, tuple[int, int]]:
    """The numbers of every area with what stands behind them: a borough is a part of its BCU, and that of the force."""
    counted: dict[Key, tuple[int, int]] = {}
    for row in rows:
        place = (row.bcu or UNKNOWN, row.borough or UNKNOWN)
        for area in (FORCE, place[:1], place):
            before = counted.get((area, row.measure), (0, 0))
            counted[area, row.measure] = (before[0] + row.number, before[1] + row.behind)
    return counted


def _same(
    completed: Mapping[str, tuple[Sum, ...]], leaves: Mapping[str, tuple[Area, ...]]
) -> Iterator[tuple[Key, Key]]:
    """What two figures may both count, for each area that both tell of."""
    for (figure, measure), (other, theirs) in SAME:
        if figure in completed and other in completed:
            for area in {FORCE} | set(_areas(leaves[figure])) & set(_areas(leaves[other])):
                yield (area, measure), (area, theirs)


def _note(sums: dict[tuple[Key, ...], Adds], one: Adds) -> None:
    if one.parts:
        sums.setdefault(one.cells, one)


def _note_areas(sums: dict[tuple[Key, ...], Adds], measure: str, leaves: tuple[Area, ...]) -> None:
    """The force is its BCUs, a BCU its boroughs."""
    for above in {FORCE, *(area[:1] for area in leaves)} if leaves else set():
        below = sorted({area[: len(above) + 1] for area in leaves if area[: len(above)] == above}, key=_order)
        _note(sums, Adds((above, measure), tuple((area, measure) for area in below)))


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
