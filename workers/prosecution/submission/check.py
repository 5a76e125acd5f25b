"""Whether an order may be carried out: against the case, its exhibits and their clips as they are now.

The same function looks at a row of a batch before anything is sent and at the signed order when it is taken, so a
person reads before what the stage would say after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from workers.database.engine import Connection
from workers.errors import Refused
from workers.fate.moves import FINAL, Standing
from workers.fate.row import Fate
from workers.prosecution.cases.case import Case
from workers.prosecution.derivatives.needed import needed
from workers.prosecution.derivatives.rows import FAILED, Derivative
from workers.prosecution.disclosure.recipients import may_go
from workers.prosecution.disclosure.times import LONDON
from workers.prosecution.identity import submission_id
from workers.prosecution.links.address import checked
from workers.prosecution.statements import DerivativeOrder, OrderedItem, SubmissionOrder
from workers.prosecution.submission.files import derived, fates
from workers.prosecution.submission.fitness import Unfit, check_purpose, recipient_of
from workers.prosecution.submission.unused import Going, check_recipient, is_unused, unused_item

MOST_NAMED = 12
"""References that an error lists; of more it says how many."""

READABLE = (Standing.VERIFIED, Standing.RELEASED)


def exhibits_of(case: Case, references: Sequence[str]) -> tuple[Going, ...]:
    """The exhibits of these references in their order, or items of unused material; all exhibits that stand, where
    none is named.

    Raises:
        Unfit: one is not an exhibit of the case, was withdrawn, or is named twice; or there is none at all.
    """
    if not references:
        if not case.standing():
            raise Unfit("exhibits", f"{case.urn} has no exhibit", "a case with exhibits, or not_recorded with a reason")
        return case.standing()
    found: list[Going] = []
    for reference in references:
        exhibit = unused_item(case, reference) if is_unused(reference) else _exhibit(case, reference)
        if exhibit in found:
            raise Unfit("exhibits", f"{reference} is named twice", "each exhibit once")
        found.append(exhibit)
    return tuple(found)


def _exhibit(case: Case, reference: str) -> Going:
    exhibit = case.exhibit(reference)
    if exhibit is None or exhibit.withdrawn:
        why = "was withdrawn" if exhibit is not None else f"is no exhibit of {case.urn}"
        raise Unfit("exhibits", f"{reference} {why}", _known(case))
    return exhibit


def derivative_of(exhibit: Going, case: Case, *, by: str, at: str) -> DerivativeOrder | None:
    """What must be made before the exhibit can go, signed by whoever orders the submission."""
    return needed(exhibit, by=by, at=at, reason=f"exhibit {exhibit.reference} of {case.urn}")


def item_of(exhibit: Going, case: Case) -> OrderedItem:
    """An exhibit as it is ordered."""
    made = derivative_of(exhibit, case, by="", at="")
    return OrderedItem(exhibit.reference, exhibit.clip_id, made.derivative_id if made else None)


def today() -> date:
    """The day in England and Wales."""
    return datetime.now(LONDON).date()


async def check_order(connection: Connection, namespace: str, case: Case, order: SubmissionOrder, day: date) -> None:
    """Raise Unfit, or Refused, unless the order may be carried out now.

    Args:
        day: of today, in England and Wales.
    """
    check_against_case(namespace, case, order)
    may_go(case, order, day)
    found = await fates(connection, [item.clip_id for item in order.items])
    made = await derived(connection, order.items)
    for item in order.items:
        _check_clip(item, found)
        _check_derived(item, made)


def check_against_case(namespace: str, case: Case, order: SubmissionOrder) -> None:
    """What can be said without looking at the clips. Pure."""
    if case.closed_at is not None:
        raise Unfit("urn", f"{case.urn} was closed on {case.closed_at[:10]} by {case.closed_by}", "an open case")
    if (order.case_id, order.urn) != (case.case_id, case.urn):
        raise Unfit("urn", f"{order.urn} and {order.case_id}", f"{case.urn} and {case.case_id}, which belong together")
    check_purpose(case.kind, order.purpose, order.purpose_item)
    recipient_of(order.purpose, order.recipient)
    _check_address(order.address)
    check_recipient(order)
    _check_content(case, order)
    if order.submission_id != id_of(namespace, order):
        raise Unfit("submission", f"the id {order.submission_id}", "the id that its content has; submit it again")


def id_of(namespace: str, order: SubmissionOrder) -> str:
    """The id that the content of an order has."""
    about = (order.case_id, order.purpose, order.purpose_item, order.recipient)
    return submission_id(namespace, *about, order.items, order.not_recorded)


def _check_content(case: Case, order: SubmissionOrder) -> None:
    if order.not_recorded is not None:
        if order.items or case.standing():
            raise Unfit("not_recorded", f"a reason, and {case.urn} has exhibits", "nothing where there is footage")
        if not order.not_recorded.strip():
            raise Unfit("not_recorded", "nothing", "a sentence: why nothing was recorded")
        return
    exhibits = exhibits_of(case, [item.reference for item in order.items])
    for item, exhibit in zip(order.items, exhibits, strict=False):
        if item != item_of(exhibit, case):
            raise Unfit("exhibits", f"{item.reference} as it was not added to {case.urn}", "the exhibit as it stands")
    if not order.items:
        raise Unfit("exhibits", "none", "at least one, or not_recorded with a reason")


def _check_address(address: str | None) -> None:
    if address is None:
        return
    try:
        checked(address)
    except Refused as refused:
        raise Unfit("address", refused.reason, "one mail address, or nothing") from refused


def _check_clip(item: OrderedItem, found: Mapping[str, Fate]) -> None:
    fate, clip = found.get(item.clip_id), f"{item.reference}: its clip {item.clip_id}"
    if fate is None:
        raise Unfit("exhibits", f"{clip} is not known", "a clip of ours")
    if fate.disposal in FINAL:
        raise Unfit("exhibits", f"{clip} was disposed of", f"a clip that is kept; why: bwv explain {item.clip_id}")
    if fate.standing not in READABLE or fate.verified_version is None:
        raise Unfit(
            "exhibits", f"{clip} is {fate.standing}", f"a verified clip; look at it with bwv trace {item.clip_id}"
        )


def _check_derived(item: OrderedItem, made: Mapping[str, Derivative]) -> None:
    found = made.get(item.derivative_id or "")
    if found is not None and found.state == FAILED:
        raise Unfit("exhibits", f"{item.reference} cannot be made: {found.reason}", found.action or "what can be made")


def _known(case: Case) -> str:
    names = [exhibit.reference for exhibit in case.standing()]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"one of {', '.join(names[:MOST_NAMED])}{more}" if names else "an exhibit; the case has none"
