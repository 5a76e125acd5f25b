"""Lengths of time as a policy writes them, and when one that began at some moment is over.

Days, weeks, months and years are the calendar's: they end at the same reading of a clock on the wall in the
force's time zone. Seconds, minutes and hours are exact. Where the wall clock is set forward or back, a period is
over at the first moment at which it shows that reading or a later one: never before it, and still within.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

WRITTEN = re.compile(r"(\d{1,6}) (second|minute|hour|day|week|month|year)s?")
NEVER = "never"
LONGEST = timedelta(days=1000 * 366)
"""A thousand years: beyond it somebody has mistyped; what is kept for ever says "never"."""

CLOCK_CHANGE = timedelta(hours=3)
"""No zone's clock has been set by more since 2012 (Samoa had skipped a whole day); those of Europe by one hour."""

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(9000, 1, 1)
"""Within these every moment has a reading in every zone, and room for what is added to it."""


class Unit(StrEnum):
    """What a period counts."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


EXACT = {Unit.SECOND: timedelta(seconds=1), Unit.MINUTE: timedelta(minutes=1), Unit.HOUR: timedelta(hours=1)}
DAYS = {Unit.DAY: 1, Unit.WEEK: 7}
MONTHS = {Unit.MONTH: 1, Unit.YEAR: 12}


class Period:
    """How long something is kept: "31 days", "6 years", "never".

    Args:
        text: as the policy writes it.

    Attributes:
        least, most: bounds of its exact length, wherever in the calendar it lies; what is never over has no bounds.

    Raises:
        ValueError: it is no length of time; the message says what was expected.
    """

    __slots__ = ("_exact", "_months", "_whole_days", "least", "most", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._exact, self._whole_days, self._months = timedelta(), timedelta(), 0
        if text == NEVER:
            self.least = self.most = timedelta.max
            return
        amount, unit = _read(text)
        if unit in EXACT:
            self._exact = amount * EXACT[unit]
        elif unit in DAYS:
            self._whole_days = timedelta(days=amount * DAYS[unit])
        else:
            self._months = amount * MONTHS[unit]
        # The clock may be set forward or back between its ends, and a month has 28 to 31 days.
        hours = timedelta() if self._exact else CLOCK_CHANGE
        self.least = self._exact + self._whole_days + timedelta(days=28 * self._months) - hours
        self.most = self._exact + self._whole_days + timedelta(days=31 * self._months) + hours
        if self.least > LONGEST:
            raise ValueError(f'{text!r}: expected at most 1000 years, or "never" for what is kept for ever')

    @property
    def never(self) -> bool:
        """Whether it has no end."""
        return self.text == NEVER

    def after(self, start: datetime, zone: ZoneInfo) -> datetime | None:
        """When it is over, in UTC; None if it never is.

        Args:
            start: a moment with its offset.
            zone: whose calendar and wall clock count.
        """
        if self.never:
            return None
        try:
            if self._exact:
                return start.astimezone(UTC) + self._exact
            moment = start.astimezone(UTC)
            steps = _steps_on(self._months, self._whole_days, zone, moment.toordinal())
            if steps is not None:
                midnight, before, behind = steps
                return moment + (before if moment < midnight else behind)
            wall = start.astimezone(zone)
            if self._months:
                wall = _months_later(wall, self._months)
            wall += self._whole_days
            return first_reading(wall) if wall.year < LAST_DAY.year else None
        except (OverflowError, ValueError):
            return None  # beyond the year 9999

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Period({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Period) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __reduce__(self) -> tuple[type[Period], tuple[str]]:
        return Period, (self.text,)


def exact(text: str) -> timedelta:
    """An exact length of time; a day is 24 hours here. Raises ValueError."""
    amount, unit = _read(text)
    if unit in MONTHS:
        raise ValueError(f"{text!r}: expected seconds, minutes, hours, days or weeks, such as 48 hours")
    return amount * EXACT.get(unit, timedelta(days=DAYS.get(unit, 0)))


def first_reading(wall: datetime) -> datetime:
    """The first moment (UTC) at which a clock on the wall shows `wall`, in its time zone, or later.

    Args:
        wall: a reading with its zone, `fold` 0.
    """
    zone = wall.tzinfo
    moment = wall.astimezone(UTC)
    if moment.astimezone(zone) == wall:  # in one zone readings are compared, not moments
        return moment
    # The reading is skipped: the clock is set forward over it. The moment of the change is what is looked for.
    before = wall.replace(fold=1).astimezone(UTC).replace(microsecond=0)
    low, high = 0, int((moment - before).total_seconds()) + 1
    while high - low > 1:
        middle = (low + high) // 2
        shown = (before + timedelta(seconds=middle)).astimezone(zone)
        low, high = (low, middle) if shown >= wall else (middle, high)
    return before + timedelta(seconds=high)


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first moment (UTC) of a day on the calendar of `zone`; a day beyond the year 9000 counts as its first."""
    return first_reading(datetime.combine(min(max(day, FIRST_DAY), LAST_DAY), time(), zone))


@lru_cache(maxsize=20_000)
def _steady_offset(zone: ZoneInfo, day: int) -> timedelta | None:
    """The zone's offset from UTC on one day of UTC; None if it changes then, or where dates end."""
    if not FIRST_DAY.toordinal() <= day < LAST_DAY.toordinal():
        return None
    begin = datetime.combine(date.fromordinal(day), time(), UTC)
    offsets = {(begin + timedelta(hours=hour)).astimezone(zone).utcoffset() for hour in range(25)}
    return offsets.pop() if len(offsets) == 1 else None


@lru_cache(maxsize=50_000)
def _steps_on(months: int, days: timedelta, zone: ZoneInfo, day: int) -> tuple[datetime, timedelta, timedelta] | None:
    """What leads from a moment of one day of UTC to the end of a period, where no clock is changed at either.

    Over a million clips begin on a few thousand days; on each of them it is the same for all.

    Returns:
        The zone's midnight on that day of UTC, and what is added before it and from it on; None where the calendar
        has to be asked for each moment.
    """
    offset = _steady_offset(zone, day)
    if offset is None:
        return None
    local = datetime.combine(date.fromordinal(day), time()) + offset  # what the wall shows as the day of UTC begins
    second = datetime.combine(local.date() + timedelta(days=1), time())
    before, behind = (_step(months, days, zone, begins.date(), offset) for begins in (local, second))
    if before is None or behind is None:
        return None
    return second.replace(tzinfo=UTC) - offset, before, behind


def _step(months: int, days: timedelta, zone: ZoneInfo, local: date, offset: timedelta) -> timedelta | None:
    """The same for any reading on one day of the zone's calendar."""
    begins = datetime.combine(local, time())
    ends = _months_later(begins, months) + days
    around = {_steady_offset(zone, ends.toordinal() + shift) for shift in (-1, 0, 1)}
    then = around.pop() if len(around) == 1 else None
    return None if then is None else ends - begins + offset - then


def _read(text: str) -> tuple[int, Unit]:
    found = WRITTEN.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise ValueError(f'{text[:40]!r}: expected a length of time such as "31 days", "6 years" or "10 minutes"')
    return int(found[1]), Unit(found[2])


def _months_later(wall: datetime, months: int) -> datetime:
    """The same day of a later month, or its last day: 29 February and a year is 28 February."""
    number = wall.year * 12 + wall.month - 1 + months
    year, month = number // 12, number % 12 + 1
    return wall.replace(year=year, month=month, day=min(wall.day, calendar.monthrange(year, month)[1]))
