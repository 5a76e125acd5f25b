"""Which numbers of a publication are withheld, so that none that is small can be read or worked out.

A number is small where fewer than `FEWEST` stand behind it, but not none, and where it is a part of a small one. Small
ones are withheld, and with them others (complementary suppression) until

- no linear combination of the numbers that are published, given which of them add up to which, gives a withheld small
  one (checked exactly, over all tables together), and
- where a total and its other parts are published, what is left over for the withheld parts is `FEWEST` or more, so that
  two withheld ones cannot be told from their sum.

Nothing is chosen at random: the same numbers withhold the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

FEWEST = 5
"""Below this number a figure could point at a person."""

FIELD = (1 << 61) - 1
"""A prime: elimination is exact in this field, and its numbers stay small."""

Cell: TypeAlias = Any
"""Whatever the caller names a number by; hashable."""


class Adds(Struct, frozen=True):
    """A total and its parts; cells are named by whatever the caller names them.

    Attributes:
        wholly: where the total is small, every part is withheld as a small one is: none of them would tell what all of
            these few have in common.
        overlap: the same few may stand behind several parts, so that of some parts together no more is certain than of
            the one that has most behind it.
    """

    total: Cell
    parts: tuple[Cell, ...]
    wholly: bool = False
    overlap: bool = False

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All of them, the total first."""
        return (self.total, *self.parts)


def small(number: int, behind: int | None = None) -> bool:
    """Whether a number is one of few enough to point at a person; none is nobody.

    Args:
        behind: how many persons, cases or events stand behind it; as many as the number says if not given.
    """
    return number > 0 and (number if behind is None else behind) < FEWEST


def withhold(
    behind: Mapping[Cell, int], sums: Sequence[Adds], numbers: Mapping[Cell, int] | None = None
) -> frozenset[Cell]:
    """The cells that are not published.

    Args:
        behind: cell → how many persons, cases or events stand behind its number, each in one cell of those that add up.
        sums: all that is known of how cells add up, over every table that is published together.
        numbers: cell → its number; as `behind` says if not given. What stands behind a number may stand in another
            cell, as a case with clips in two boroughs does: then none is behind it, and it is small all the same.
    """
    return frozenset(_Choice(behind, sums, behind if numbers is None else numbers).made())


class _Choice:
    """Cells are withheld one by one until every small one is safe; then those that were not needed are given back."""

    def __init__(self, behind: Mapping[Cell, int], sums: Sequence[Adds], numbers: Mapping[Cell, int]) -> None:
        self.behind, self.numbers = behind, numbers
        self.small = {cell for cell in behind if small(numbers[cell], behind[cell])}
        self.small |= {part for one in sums if one.wholly and one.total in self.small for part in one.parts}
        self.withheld: set[Cell] = set(self.small)
        self.of: dict[Cell, list[Adds]] = {}
        for one in sorted(sums, key=str):
            for cell in one.cells:
                self.of.setdefault(cell, []).append(one)

    def made(self) -> set[Cell]:
        """The choice."""
        todo = sorted(self.small, key=str)
        while todo:
            near = self._near(todo[0])
            while exposed := self._exposed(near):
                self.withheld |= {cell for cell in map(self._next, exposed) if cell is not None}
                near = self._near(todo[0])
            seen = {cell for one in near for cell in one.cells}
            todo = [cell for cell in todo[1:] if cell not in seen]
        for cell in sorted(self.withheld - self.small, key=lambda cell: (-self.behind[cell], str(cell))):
            near = self._near(cell)
            self.withheld.remove(cell)
            if self._exposed(near):
                self.withheld.add(cell)
        return self.withheld

    def _near(self, cell: Cell) -> list[Adds]:
        """Every sum that has to do with a cell, by way of withheld ones: the others say nothing of it."""
        near: dict[Adds, None] = {}
        reached, ring = {cell}, [cell]
        while ring:
            fresh = [one for other in ring for one in self.of.get(other, ()) if one not in near]
            near.update(dict.fromkeys(fresh))
            ring = [c for c in {c: None for one in fresh for c in one.cells} if c in self.withheld and c not in reached]
            reached.update(ring)
        return list(near)

    def _exposed(self, sums: Sequence[Adds]) -> list[Adds]:
        """The sums in which another cell has to be withheld; none where the small ones are safe."""
        found = [one for one in sums if self._says_too_much(one) and self._next(one) is not None]
        for cell in sorted(determined(sums, self.withheld) & self.small, key=str):
            nearest = self._nearest(cell)
            if nearest and not any(one in found for one in nearest):
                found.append(min(nearest, key=lambda one: sum(other in self.withheld for other in one.cells)))
        return found

    def _says_too_much(self, one: Adds) -> bool:
        """Whether what is left over for the withheld parts of a published total is as small as they are."""
        hidden = [cell for cell in one.parts if cell in self.withheld]
        if one.total in self.withheld or self.small.isdisjoint(hidden):
            return False
        together = max if one.overlap else sum
        return len(hidden) < 2 or together(self.behind[cell] for cell in hidden) < FEWEST

    def _nearest(self, cell: Cell) -> list[Adds]:
        """The sums closest to a cell, by way of any others, in which something can still be withheld."""
        reached, ring = {cell}, [cell]
        while ring:
            around = [one for other in ring for one in self.of.get(other, ())]
            if able := [one for one in around if self._next(one) is not None]:
                return able
            ring = [c for c in {c: None for one in around for c in one.cells} if c not in reached]
            reached.update(ring)
        return []

    def _next(self, one: Adds) -> Cell | None:
        """The next cell of a sum to withhold: a part, rather one whose other sums withhold something already, so that
        few cells protect one another, and rather a small one; then the total, then what is zero."""
        rest: list[Cell] = [cell for cell in one.cells if cell not in self.withheld]
        if not rest:
            return None
        return min(rest, key=lambda cell: self._cost(cell, one))

    def _cost(self, cell: Cell, one: Adds) -> tuple[int, int, int, str]:
        number = self.behind[cell]
        alone = sum(
            all(other not in self.withheld for other in elsewhere.cells)
            for elsewhere in self.of[cell]
            if elsewhere is not one
        )
        kind = 2 if self.numbers[cell] == 0 else 1 if cell == one.total else 0
        return kind, alone, number, str(cell)


def determined(sums: Iterable[Adds], withheld: Iterable[Cell]) -> set[Cell]:
    """The withheld cells that follow from the published ones: a linear combination of the sums names one alone.

    Gauss-Jordan elimination over the sums with the published cells left out: a cell follows if and only if a row of the
    reduced form has it and nothing else.
    """
    hidden = set(withheld)
    reduced: dict[Cell, dict[Cell, int]] = {}
    having: dict[Cell, set[Cell]] = {}
    for one in sums:
        row: dict[Cell, int] = {}
        for cell, sign in ((one.total, FIELD - 1), *((part, 1) for part in one.parts)):
            if cell in hidden:
                row[cell] = (row.get(cell, 0) + sign) % FIELD
        for cell in [cell for cell in row if cell in reduced]:
            _subtract(row, reduced[cell], row.get(cell, 0))
        row = {cell: value for cell, value in row.items() if value}
        if not row:
            continue
        pivot = min(row, key=str)
        inverse = pow(row[pivot], -1, FIELD)
        row = {cell: value * inverse % FIELD for cell, value in row.items()}
        for other in list(having.get(pivot, ())):
            before = set(reduced[other])
            _subtract(reduced[other], row, reduced[other].get(pivot, 0))
            reduced[other] = {cell: value for cell, value in reduced[other].items() if value}
            for cell in before - set(reduced[other]):
                having[cell].discard(other)
            for cell in set(reduced[other]) - before:
                having.setdefault(cell, set()).add(other)
        reduced[pivot] = row
        for cell in row:
            having.setdefault(cell, set()).add(pivot)
    return {pivot for pivot, row in reduced.items() if len(row) == 1}


def _subtract(row: dict[Cell, int], other: Mapping[Cell, int], times: int) -> None:
    if times:
        for cell, value in other.items():
            row[cell] = (row.get(cell, 0) - times * value) % FIELD
