"""A month by the clocks of England and Wales."""

from __future__ import annotations

import re
from datetime import datetime

from msgspec import Struct

from workers.prosecution.disclosure.times import LONDON

MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


class Month(Struct, frozen=True):
    """From the first midnight of a month to that of the next.

    Attributes:
        name: "2026-10".
    """

    name: str
    since: datetime
    until: datetime

    def words(self) -> str:
        """ "October 2026"."""
        return f"{self.since:%B %Y}"


def month(name: str) -> Month:
    """The month of this name.

    Args:
        name: "2026-10".

    Raises:
        ValueError: that is no month.
    """
    found = MONTH.fullmatch(name)
    if found is None or not 2000 <= int(found[1]) < 9999:
        raise ValueError(f"{name!r}: expected a month such as 2026-10")
    year, number = int(found[1]), int(found[2])
    since = datetime(year, number, 1, tzinfo=LONDON)
    return Month(name, since, datetime(year + number // 12, number % 12 + 1, 1, tzinfo=LONDON))


def month_of(moment: datetime) -> Month:
    """The month in which a moment lies."""
    return month(f"{moment.astimezone(LONDON):%Y-%m}")
