"""The month within which a subject access request is answered (DPA 2018 s.54), by the calendar. Pure."""

from __future__ import annotations

import calendar
from datetime import date, datetime, time, timedelta

from workers.prosecution.disclosure.times import LONDON

ANSWER_WITHIN = 1
"""Months from the relevant time."""

EXTENDED_TO = 3
"""Months in all, once the subject was told of the delay and its reasons within the first (s.54(3A), (3B))."""


def last_day(received: date, months: int = ANSWER_WITHIN) -> date:
    """The last day on which to answer: the corresponding day, or the last of a month that is too short for it.

    A request of 3 September is answered by 3 October, one of 31 January by 28 February. The ICO lets a deadline on a
    weekend or bank holiday pass to the next working day; we do not, so that ours is never later than the law's.

    Args:
        received: the relevant day: of the request, or of the last information that was needed to identify the person
            or the footage, or of the fee (s.54(3)).
    """
    years, month = divmod(received.month - 1 + months, 12)
    year, month = received.year + years, month + 1
    return date(year, month, min(received.day, calendar.monthrange(year, month)[1]))


def first_moment(day: date) -> datetime:
    """When a day begins in England and Wales."""
    return datetime.combine(day, time(), LONDON)


def end_of(day: date) -> datetime:
    """When a day is over in England and Wales."""
    return first_moment(day + timedelta(days=1))
