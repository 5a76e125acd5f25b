"""What people write in a change, checked field by field; each fault is one sentence with what was expected."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta

from workers.errors import Refused
from workers.prosecution.identity import plain
from workers.prosecution.statements import CaseKind

URN = re.compile(r"[0-9]{2}[A-Z]{2}[0-9]{7}")
"""Of a prosecution: force, unit, running number and year, as they appear on a case file."""

LABEL = re.compile(r"[A-Z0-9][A-Z0-9-]{0,15}")
"""Of a defendant or an offence: short, since it stands where a name must not."""

CORRECTED = "ask again with that corrected; bwv case --help lists what each change takes"

TEXT_MOST = 500
"""Characters of what people write into a case."""


def need(holds: object, otherwise: str, action: str = CORRECTED) -> None:
    """Raise Refused unless something holds."""
    if not holds:
        raise Refused(otherwise, action)


def text(value: str, what: str, most: int = TEXT_MOST) -> str:
    """What a person wrote, without blanks at its ends.

    Raises:
        Refused: nothing is left, it is longer than `most`, or it holds characters that cannot be printed.
    """
    found = value.strip()
    need(0 < len(found) <= most, f"{what}: expected 1 to {most} characters, found {len(found)}")
    need(found.isprintable(), f"{what} {found[:40]!r} holds characters that cannot be printed")
    return found


def urn(value: str, kind: CaseKind) -> str:
    """A case's own reference; of a prosecution its Unique Reference Number without blanks, in capitals."""
    if kind is not CaseKind.PROSECUTION:
        return text(value, "the reference of the case", 40)
    found = plain(value)
    need(
        URN.fullmatch(found),
        f"URN {value[:40]!r}: expected two digits, two letters and seven digits, such as 01AB0012326",
    )
    return found


def label(value: str, what: str) -> str:
    """A short label of a defendant or an offence, in capitals."""
    found = plain(value)
    need(LABEL.fullmatch(found), f"{what} {value[:40]!r}: expected up to 16 letters, digits or hyphens, such as D1")
    return found


def day(value: str, what: str) -> date:
    """A day as ISO 8601 has it."""
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise Refused(f"{what} {value[:40]!r}: expected a day such as 2026-11-22", CORRECTED) from error


def day_past(value: str, what: str, at: datetime) -> date:
    """A day that is not in the future of the request; zones may differ by a day."""
    found = day(value, what)
    need(found <= at.date() + timedelta(days=1), f"{what} {found} is in the future")
    return found


def moment(value: str, what: str) -> datetime:
    """A time with its zone."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Refused(f"{what} {value[:40]!r}: expected a time with its zone, such as 2026-11-22T10:00:00Z", CORRECTED)
    return found


def second(value: float | None, what: str) -> None:
    """A place in a clip: seconds from its beginning, or None."""
    need(value is None or (math.isfinite(value) and value >= 0), f"{what} {value}: expected seconds from the beginning")
