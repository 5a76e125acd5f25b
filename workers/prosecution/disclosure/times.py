"""Times and lengths as a statement says them: the local time of England and Wales, with BST or GMT beside it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
"""Courts of England and Wales read local time; which of the two it is must be said, once a year an hour comes twice."""


def moment(when: datetime) -> str:
    """ "14:02:11 BST on 22 October 2026"."""
    local = _local(when)
    return f"{local:%H:%M:%S %Z} on {_day(local)}"


def span(began: datetime | None, ended: datetime | None) -> str:
    """ "14:02:11–14:17:40 BST on 22 October 2026"; says which of the two is not known."""
    if began is None:
        return "at a time that is not known"
    if ended is None:
        return f"from {moment(began)}, its end is not known"
    first, last = _local(began), _local(ended)
    if first.date() != last.date() or first.utcoffset() != last.utcoffset():
        return f"{moment(began)} – {moment(ended)}"
    return f"{first:%H:%M:%S}–{last:%H:%M:%S %Z} on {_day(first)}"


def length(seconds: float) -> str:
    """ "3 s", "2.5 s", "4 min 10 s" or "1 h 2 min 3 s"; tenths only below a minute."""
    if abs(seconds) < 59.95:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    parts = [(hours, "h"), (rest // 60, "min"), (rest % 60, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def clock(offset: float) -> str:
    """How a camera's clock went, in words.

    Args:
        offset: seconds that it was ahead of the dock's clock.
    """
    seconds = round(abs(offset))
    if seconds == 0:
        return "camera clock right to the second"
    return f"camera clock {length(seconds)} {'fast' if offset > 0 else 'slow'}"


def _local(when: datetime) -> datetime:
    # Rounded to the second before it is cut into fields: 14:02:59.6 is 14:03:00.
    return datetime.fromtimestamp(round(when.timestamp()), LONDON)


def _day(local: datetime) -> str:
    return f"{local.day} {local:%B %Y}"
