"""Unused material that goes to the prosecutor with its schedule, not merely listed (CPIA Code 6.6(c)).

An item is named by its number on the schedules: "UNUSED/3" is what MG6C or MG6D has as item 3, the whole recording.
"UNUSED/*" is every line of MG6E.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from workers.database.engine import Connection
from workers.prosecution.cases.case import Case, Exhibit
from workers.prosecution.cases.references import UNUSED
from workers.prosecution.disclosure.schedules import lines_of, presumed
from workers.prosecution.disclosure.unused import unused_clips
from workers.prosecution.identity import plain
from workers.prosecution.statements import Recipient, Relevance, SubmissionOrder
from workers.prosecution.submission.fitness import Unfit

ALL = f"{UNUSED}/*"
_ITEM = re.compile(rf"{UNUSED}/([0-9]{{1,5}})")

MOST_NAMED = 12
"""Numbers that an error lists; of more it says how many."""

MARK_IT = "a clip that the disclosure officer marked relevant or sensitive (bwv case unused)"

_SAYS = {
    Relevance.RELEVANT: "unused material, MG6C item {}",
    Relevance.SENSITIVE: "SENSITIVE unused material, MG6D item {}, not for the defence",
}


class UnusedItem(Struct, frozen=True):
    """An item of unused material as it goes: what an exhibit has, and nobody who produces it.

    Attributes:
        start, end, redaction: the whole recording goes, as the camera made it.
    """

    reference: str
    clip_id: str
    description: str
    producer: str = ""
    start: float | None = None
    end: float | None = None
    redaction: str | None = None


Going = Exhibit | UnusedItem
"""What an order may name."""


def is_unused(reference: str) -> bool:
    """Whether a reference names unused material."""
    return plain(reference).partition("/")[0] == UNUSED


def unused_item(case: Case, reference: str) -> UnusedItem:
    """The item of this reference. Pure.

    Raises:
        Unfit: the case has no such item, it is not relevant, or its clip is an exhibit by now.
    """
    found = _ITEM.fullmatch(plain(reference))
    if found is None:
        raise Unfit("exhibits", f"{reference!r}", f"{UNUSED}/ and the number of an item of the schedules, or {ALL}")
    number = int(found[1])
    marked = next((one for one in case.unused if one.number == number), None)
    if marked is None:
        raise Unfit("exhibits", f"{case.urn} has no item {number} of unused material", _known(case))
    if marked.relevance is Relevance.NOT_RELEVANT:
        raise Unfit("exhibits", f"{UNUSED}/{number} is marked not relevant: it is on no schedule", MARK_IT)
    whole = next((one for one in case.standing() if one.clip_id == marked.clip_id and one.whole), None)
    if whole is not None:
        raise Unfit("exhibits", f"{UNUSED}/{number} is the exhibit {whole.reference} by now", whole.reference)
    description = f"{_SAYS[marked.relevance].format(number)}: {marked.description}"
    return UnusedItem(f"{UNUSED}/{number}", marked.clip_id, description)


async def with_all_unused(connection: Connection, case: Case, references: Sequence[str]) -> tuple[str, ...]:
    """References of which "UNUSED/*" has become the items that it stands for, each once.

    Raises:
        Unfit: it stands for none.
    """
    if all(plain(reference) != ALL for reference in references):
        return tuple(references)
    lines = presumed(lines_of(case, await unused_clips(connection, case)))
    if not lines:
        raise Unfit("exhibits", f"{ALL}: {case.urn} has no such imagery that is kept", MARK_IT)
    named = [reference for reference in references if plain(reference) != ALL]
    known = {plain(reference) for reference in named}
    every = [f"{UNUSED}/{line.number}" for line in lines]
    return (*named, *(reference for reference in every if reference not in known))


def check_recipient(order: SubmissionOrder) -> None:
    """Raise Unfit where unused material would go to anybody but the CPS."""
    unused = [item.reference for item in order.items if is_unused(item.reference)]
    if unused and order.recipient is not Recipient.CPS:
        raise Unfit(
            "exhibits",
            f"{', '.join(unused[:3])}: unused material, and the recipient is {order.recipient}",
            "the recipient cps: the police send unused material to the CPS, and the CPS serves the defence",
        )


def sensitive_of(case: Case, order: SubmissionOrder) -> list[str]:
    """References of an order that are marked sensitive; those who submit them are told so."""
    clips = {one.clip_id for one in case.unused if one.relevance is Relevance.SENSITIVE}
    return [item.reference for item in order.items if is_unused(item.reference) and item.clip_id in clips]


def _known(case: Case) -> str:
    numbers = [str(one.number) for one in case.unused if one.relevance is not Relevance.NOT_RELEVANT]
    more = f" and {len(numbers) - MOST_NAMED} more" if len(numbers) > MOST_NAMED else ""
    return f"one of {', '.join(numbers[:MOST_NAMED])}{more}" if numbers else MARK_IT
