"""A complaint from its first hold to the day on which its holds may end. Pure.

A hold for a complaint ends no sooner than 28 days from the day after its outcome was sent, the days within which a
review may be applied for (Police Reform Act 2002 Sch. 3 para 25; Police (Complaints and Misconduct) Regulations 2020),
and not while a review is open. Days are those of England and Wales.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from msgspec import Struct
from msgspec.structs import replace

from workers.errors import Refused
from workers.prosecution.cases.case_holds import hold_of
from workers.prosecution.disclosure.times import LONDON
from workers.retention.facts import HoldReason
from workers.retention.lifting import COMPLAINTS
from workers.retention.scopes import TEXT_MOST
from workers.scrutiny.statements import ComplaintOpened, OutcomeSent, ReviewApplied, ReviewDecided, ScrutinyDeed

DAYS = 28
"""Within which a review may be applied for, from the day after the outcome was sent."""

ASK = "see: bwv complaint show REF"


class Complaint(Struct, frozen=True):
    """A complaint as its deeds make it.

    Attributes:
        version: counts its deeds from 1.
        holds: ids, in the order in which they were asked for.
        sent: when the newest outcome was sent; applied, decided: of a review of that outcome.
    """

    complaint_id: str
    reference: str
    reason: HoldReason
    restricted: bool
    version: int
    opened_by: str
    opened_at: datetime
    holds: tuple[str, ...]
    sent: date | None = None
    applied: date | None = None
    decided: date | None = None


def apply(before: Complaint | None, asked: ScrutinyDeed) -> Complaint:
    """The complaint after a deed.

    Raises:
        Refused: the deed does not follow from what is on record; one sentence says what is expected.
    """
    at = datetime.fromisoformat(asked.at)
    today = at.astimezone(LONDON).date()
    if isinstance(asked.deed, ComplaintOpened):
        return _opened(before, asked, asked.deed, at)
    if before is None:
        raise Refused(f"there is no complaint {asked.about}", "open it: bwv complaint open REF …")
    after = replace(before, version=before.version + 1)
    match asked.deed:
        case OutcomeSent():
            _need(not _review_is_open(before), "a review of its outcome is open: say first when that was decided")
            # Never before what was said last: the letter has promised an end, and a decided review another.
            first = before.decided or before.sent or before.opened_at.astimezone(LONDON).date()
            sent = _day("the outcome was sent on", asked.deed.day, first, today)
            if sent == before.sent:
                return replace(after, sent=sent)
            return replace(after, sent=sent, applied=None, decided=None)
        case ReviewApplied():
            _need(before.sent is not None, "a review is applied for after the outcome was sent")
            # Another review follows the one that was decided: else its own end could come before the promised one.
            applied = _day("the review was applied for on", asked.deed.day, before.decided or before.sent, today)
            return replace(after, applied=applied, decided=None)
        case ReviewDecided():
            _need(before.applied is not None, "nobody has applied for a review of this outcome")
            follows = before.decided or before.applied
            return replace(after, decided=_day("the review was decided on", asked.deed.day, follows, today))
    raise Refused(f"{asked.about} is a complaint, and a {type(asked.deed).__name__} is not about one", ASK)


def _opened(before: Complaint | None, asked: ScrutinyDeed, deed: ComplaintOpened, at: datetime) -> Complaint:
    holds = tuple(hold_of(signed).hold_id for signed in asked.holds)
    _need(len(holds) == 1, "each place and period of a complaint is held with it: expected one hold")
    if before is not None:
        same = (before.reason, before.restricted) == (deed.reason, deed.restricted)
        _need(same, f"{before.reference} is a {before.reason.value}, {_kept(before.restricted)}, and stays so")
        return replace(before, version=before.version + 1, holds=(*before.holds, *holds))
    _need(deed.reason in COMPLAINTS, f"reason {deed.reason.value}: expected {', '.join(COMPLAINTS)}")
    reference = deed.reference.strip()
    _need(0 < len(reference) <= TEXT_MOST and reference.isprintable(), f"reference: 1 to {TEXT_MOST} characters")
    return Complaint(asked.about, reference, deed.reason, deed.restricted, 1, asked.by, at, holds)


def _review_is_open(complaint: Complaint) -> bool:
    return complaint.applied is not None and complaint.decided is None


def _kept(restricted: bool) -> str:
    return "restricted" if restricted else "not restricted"


def earliest_end(complaint: Complaint) -> tuple[datetime | None, tuple[str, ...]]:
    """Before when nobody lifts its holds, and why; None: nobody knows yet."""
    if complaint.sent is None:
        return None, ("no outcome was sent yet",)
    if _review_is_open(complaint):
        return None, (f"a review was applied for on {complaint.applied} and is not decided",)
    end = midnight(complaint.sent + timedelta(days=1 + DAYS))
    reasons = [f"the outcome was sent on {complaint.sent}: {DAYS} days from the day after"]
    if complaint.decided is not None:
        end = max(end, midnight(complaint.decided + timedelta(days=1)))
        reasons.append(f"the outcome of the review was sent on {complaint.decided}: the day after")
    return end, tuple(reasons)


def ends_moved(before: Complaint | None, after: Complaint) -> bool:
    """Whether holds must be told: the end is another one, or a hold came to a complaint whose end is known."""
    end, _ = earliest_end(after)
    if before is None:
        return False
    return end != earliest_end(before)[0] or (end is not None and after.holds != before.holds)


def midnight(day: date) -> datetime:
    """When a day begins in England and Wales."""
    return datetime.combine(day, time(), LONDON)


def _day(what: str, value: str, first: date | None, last: date) -> date:
    try:
        day = date.fromisoformat(value)
    except ValueError as error:
        raise Refused(f"{what} {value[:40]!r}: expected a day such as 2026-11-22", "ask again") from error
    _need(day <= last, f"{what} {day}: that is in the future")
    _need(first is None or day >= first, f"{what} {day}: that is before {first}, when what it follows happened")
    return day


def _need(holds: object, otherwise: str) -> None:
    if not holds:
        raise Refused(otherwise, ASK)
