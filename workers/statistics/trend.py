"""How the figures went over the last months: from what was published of each month, and from nothing else.

A month is stated once. Were an earlier one asked again for a later page, the two statements side by side would tell
what changed between them, small numbers too. So its numbers are taken from its own publication, as they stand there:
what is withheld there is withheld here. No number of one month adds up with one of another, so that what is safe in
every publication is safe in all of them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from workers.statistics.months import Month, month
from workers.statistics.stated import Stated
from workers.statistics.tables import Place

MONTHS = 13
"""The month itself, the year before it, and so the same month of last year."""


class Course(Struct, frozen=True):
    """What of a figure is followed from month to month.

    Attributes:
        says: in words; with `of` it is a share.
        parts: measures that are counted together; of: what they are a part of; (): their number itself is drawn.
    """

    says: str
    parts: tuple[str, ...]
    of: tuple[str, ...] = ()


STOPS = ("stop_search", "stop_account")

COURSES = {
    "recorded": Course("recordings", ("recorded",)),
    "kept": Course("of the recordings kept for a reason", ("kept",), ("recorded",)),
    "submitted": Course("of the recordings submitted", ("submitted",), ("recorded",)),
    "outcomes": Course("of cases with footage followed by a charge", ("footage_charge",), ("cases_footage",)),
    "outcome_clips": Course("of clips submitted followed by a charge", ("clips_charge",), ("clips_submitted",)),
    "deleted": Course("clips deleted", ("deletions",)),
    "looked_at": Course("consultations", ("verb: consultation",)),
    "filmed": Course(
        "of stops filmed by one camera at least",
        tuple(f"{kind}_{part}" for kind in STOPS for part in ("all", "some")),
        STOPS,
    ),
    "gaps": Course("of officers without any clip unexplained", ("unrecorded_open",), ("gap_none",)),
    "complaints": Course("of the recordings linked to a complaint", ("linked",), ("recorded",)),
}
"""Figure → what of it is followed."""


class Point(Struct, frozen=True):
    """A figure in one month.

    Attributes:
        size: of the custody log at the checkpoint at which the month was stated; None: nothing was published of it.
        number, of: None: withheld, or nothing was published; of a course without a whole `of` is None too.
        unfinished: the month was not over when it was stated.
    """

    month: Month
    size: int | None = None
    number: int | None = None
    of: int | None = None
    unfinished: bool = False


def last_months(name: str, count: int = MONTHS) -> list[Month]:
    """So many months, the newest last.

    Args:
        name: of the newest.
    """
    year, number = map(int, name.split("-"))
    whole = [year * 12 + number - 1 - back for back in reversed(range(count))]
    return [month(f"{one // 12:04}-{one % 12 + 1:02}") for one in whole]


def courses(stated: Stated, earlier: Iterable[Stated]) -> dict[str, list[Point]]:
    """Figure → its months, the newest last; no figure at all where no earlier month was published. Pure.

    Args:
        earlier: statements of other months, as they were published; of two of one month the first that was made.
    """
    months = last_months(stated.month)
    known: dict[str, Stated] = {}
    for one in sorted(earlier, key=lambda one: one.size):
        if one.month != stated.month:
            known.setdefault(one.month, one)
    known[stated.month] = stated
    if sum(one.name in known for one in months) < 2:
        return {}
    return {
        figure: [_point(one, known.get(one.name), figure, course) for one in months]
        for figure, course in COURSES.items()
    }


def _point(of: Month, stated: Stated | None, figure: str, course: Course) -> Point:
    if stated is None:
        return Point(of)
    return Point(of, stated.size, *followed(stated.table(figure).force, course), stated.unfinished)


def followed(place: Place, course: Course) -> tuple[int | None, int | None]:
    """What is followed of a figure, in one area: its number, and that of which it is a part."""
    numbers = {line.measure: line.number for line in place.lines}
    return _together(numbers, course.parts), _together(numbers, course.of)


def _together(numbers: dict[str, int | None], measures: Sequence[str]) -> int | None:
    """The sum of published numbers; None if one of them is withheld, or there is none to add."""
    found = [numbers.get(measure) for measure in measures]
    return None if not found or None in found else sum(number for number in found if number)


def csv_rows(stated: Stated, earlier: Iterable[Stated]) -> list[tuple[str, ...]]:
    """The months as rows of a CSV file, its header first."""
    rows: list[tuple[str, ...]] = [("figure", "says", "month", "size", "number", "of")]
    for figure, points in courses(stated, earlier).items():
        course = COURSES[figure]
        rows += [
            (figure, course.says, point.month.name, "" if point.size is None else str(point.size),
             *(_told(point, value, wanted) for value, wanted in ((point.number, True), (point.of, bool(course.of)))))
            for point in points
        ]  # fmt: skip
    return rows


def _told(point: Point, value: int | None, wanted: bool) -> str:
    if point.size is None or not wanted:
        return ""
    return "withheld" if value is None else str(value)
