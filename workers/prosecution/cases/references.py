"""Exhibit references: unique in a case for ever, whatever their capitals, blanks and leading zeros."""

from __future__ import annotations

import re

from workers.errors import Refused
from workers.prosecution.cases.case import Case, Exhibit
from workers.prosecution.cases.checks import need
from workers.prosecution.identity import plain

REFERENCE = re.compile(r"([A-Z][A-Z0-9.'-]{0,15})/([0-9]{1,5})([A-Z]?)")
"""Initials of the producer, a number, and a letter where a part of an exhibit is one itself ("JS/1A")."""

UNUSED = "UNUSED"
"""Stands in the place of initials where an item of unused material goes to the prosecutor; no exhibit has it."""


def checked(case: Case, reference: str, clip_id: str, producer: str) -> str:
    """The reference as it is written from now on.

    Raises:
        Refused: it is of another form, or taken: both exhibits are named, and the next free reference.
    """
    found = plain(reference)
    need(
        REFERENCE.fullmatch(found),
        f"exhibit reference {reference[:40]!r}: expected initials, a slash and a number, such as JS/1",
    )
    need(
        found.partition("/")[0] != UNUSED,
        f"exhibit reference {found}: {UNUSED} and a number is an item of the schedules of unused material; expected the"
        " producer's initials, a slash and a number, such as JS/1",
    )
    taken = next((exhibit for exhibit in case.exhibits if _same(exhibit.reference, found)), None)
    if taken is not None:
        free = next_free(case, found)
        raise Refused(
            f"{taken.reference} in {case.urn} is {_named(taken)}; {found} of {clip_id}, produced by {producer}, cannot "
            "be it too",
            f"the next free reference is {free}",
        )
    return found


def next_free(case: Case, reference: str) -> str:
    """The next reference of the same initials that this case never had.

    Args:
        reference: or initials alone ("JS").
    """
    initials = plain(reference).partition("/")[0]
    numbers = [
        int(found[2])
        for exhibit in case.exhibits
        if (found := REFERENCE.fullmatch(plain(exhibit.reference))) and found[1] == initials
    ]
    return f"{initials}/{max(numbers, default=0) + 1}"


def _same(one: str, other: str) -> bool:
    return _parts(one) == _parts(other)


def _parts(reference: str) -> tuple[str, int, str]:
    found = REFERENCE.fullmatch(plain(reference))
    assert found is not None  # no exhibit has another form
    return found[1], int(found[2]), found[3]


def _named(exhibit: Exhibit) -> str:
    withdrawn = ", withdrawn since" if exhibit.withdrawn else ""
    return (
        f"{exhibit.clip_id}, produced by {exhibit.producer}, added {exhibit.added_at} by {exhibit.added_by}{withdrawn}"
    )
