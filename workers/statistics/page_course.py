"""One figure over the last months, as the published page shows it: a plot and its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workers.statistics.figures import Figure
from workers.statistics.plots import Column, columns, number, percent
from workers.statistics.trend import COURSES, Course, Point

NOTHING = "not published"


def course(figure: Figure, followed: Mapping[str, Sequence[Point]]) -> dict[str, Any] | None:
    """Plot and table of a figure's months, the newest last in the plot and first in the table; None without any."""
    points = followed.get(figure.name)
    if not points:
        return None
    it = COURSES[figure.name]
    values = [_value(point, it) for point in points]
    highest = max((value for value in values if value is not None), default=0.0)
    caption = f"{figure.title}, month by month: {it.says}"
    drawn = [
        Column(
            says=f"{point.month.since:%b}"[0],  # on a telephone there is room for a letter; the table has the words
            under=f"{point.month.since:%Y}" if _names_year(place, point) else "",
            height=None if value is None else value / highest if highest else 0.0,
            withheld=point.size is not None and value is None and not _empty(point, it),
            strong=place == len(points) - 1,
        )
        for place, (point, value) in enumerate(zip(points, values, strict=True))
    ]
    top = f"{highest:.1%}" if it.of else f"{highest:,.0f}"
    return {
        "caption": caption,
        "says": it.says,
        "shares": bool(it.of),
        "plot": columns(caption, f"highest column: {top}", drawn),
        "rows": [
            {
                "month": point.month.words() + (", not over" if point.unfinished else ""),
                "number": _told(point, point.number),
                "of": _told(point, point.of),
                "share": percent(point.number, point.of),
                "shown": point.number is not None,
            }
            for point in reversed(points)
        ],
    }


def _names_year(place: int, point: Point) -> bool:
    """Whether the year stands below a month: each January, and the first month unless a January follows close by."""
    number = point.month.since.month
    return number == 1 or (place == 0 and number <= 10)


def _value(point: Point, it: Course) -> float | None:
    """What is drawn: the number, or its share; None where there is nothing that may be drawn."""
    if not it.of:
        return None if point.number is None else float(point.number)
    return point.number / point.of if point.number is not None and point.of else None


def _empty(point: Point, it: Course) -> bool:
    """Whether there is no share because there was nothing to have a share of."""
    return bool(it.of) and point.of == 0


def _told(point: Point, value: int | None) -> str:
    return NOTHING if point.size is None else number(value)
