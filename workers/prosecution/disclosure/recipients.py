"""Who may be given what of a case: a look at an order before anything is made or sent. Pure.

Which purpose and which recipient belong to which kind of case is in `submission/fitness.py`; here is what a recipient
must not see. The CPS may have what the case has. Nobody else gets more of a clip than its exhibit shows: of a redacted
exhibit the redaction, of a range the range, never the master beside it. The data subject gets no footage in which
somebody else is not blurred, unless a person says that nobody else is in it, and nothing that is refused; training gets
redacted footage alone, while the approval of a second person lasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from workers.errors import Refused
from workers.prosecution.cases.case import Case, Exhibit
from workers.prosecution.derivatives.needed import needed
from workers.prosecution.statements import OrderedItem, Recipient, SubmissionOrder

NAMES = {
    Recipient.CPS: "the CPS",
    Recipient.DEFENCE: "the defence",
    Recipient.DATA_SUBJECT: "the data subject",
    Recipient.TRAINING: "training",
}


def may_go(case: Case, order: SubmissionOrder, today: date) -> None:
    """Let an order pass, or say why not.

    Args:
        case: as it is now.
        today: by the local time of England and Wales.

    Raises:
        Refused: the recipient must not have all of it; the reason names the exhibit.
    """
    recipient = order.recipient
    if recipient is Recipient.CPS:
        return
    if recipient is Recipient.TRAINING:
        check_approval(case, today)
    exhibits = [_exhibit(case, item) for item in order.items]
    _refuse_bare(exhibits)
    for item, exhibit in zip(order.items, exhibits, strict=True):
        _check_cut(exhibit, item, recipient)
        if recipient is Recipient.DATA_SUBJECT:
            _check_subject(case, exhibit, order.nobody_else)
        if recipient is Recipient.TRAINING and exhibit.redaction is None:
            raise Refused(
                f"{exhibit.reference} is not redacted, and training sees redacted footage alone",
                "withdraw it, and add it under its next reference with a redaction file",
            )


def _refuse_bare(exhibits: Sequence[Exhibit]) -> None:
    """Let no exhibit show what another one of the same clip hides: a redaction is worth nothing beside its master."""
    for hidden in (one for one in exhibits if one.redaction is not None):
        for bare in (one for one in exhibits if one.clip_id == hidden.clip_id and one.redaction is None):
            if _begins(hidden) < _ends(bare) and _begins(bare) < _ends(hidden):
                raise Refused(
                    f"{bare.reference} shows without redaction what {hidden.reference} of the same clip hides",
                    "redact both, or submit one of them alone",
                )


def _begins(exhibit: Exhibit) -> float:
    return exhibit.start or 0.0


def _ends(exhibit: Exhibit) -> float:
    return exhibit.end if exhibit.end is not None else float("inf")


def check_approval(case: Case, today: date) -> None:
    """Raise Refused unless a second person's approval of a training copy lasts."""
    if case.approved_until is None:
        raise Refused(f"no second person has approved the training copy {case.urn}", f"bwv training approve {case.urn}")
    if date.fromisoformat(case.approved_until) < today:
        raise Refused(
            f"the approval of the training copy {case.urn} ended on {case.approved_until}",
            f"have a second person look at it again: bwv training approve {case.urn}",
        )


def _exhibit(case: Case, item: OrderedItem) -> Exhibit:
    exhibit = case.exhibit(item.reference)
    if exhibit is None or exhibit.withdrawn or exhibit.clip_id != item.clip_id:
        raise Refused(f"{case.urn} has no exhibit {item.reference} of {item.clip_id}", f"see: bwv case show {case.urn}")
    return exhibit


def _check_cut(exhibit: Exhibit, item: OrderedItem, recipient: Recipient) -> None:
    """Nothing but what the exhibit shows: its redaction, or its range."""
    order = needed(exhibit, by="", at="")
    if order is None or item.derivative_id == order.derivative_id:
        return
    what = "redacted copy" if exhibit.redaction is not None else "range"
    given = "the master" if item.derivative_id is None else f"something else, {item.derivative_id}"
    raise Refused(
        f"of {exhibit.reference} {NAMES[recipient]} gets the {what} alone, and the order names {given}",
        "order it again as it stands in the case",
    )


def _check_subject(case: Case, exhibit: Exhibit, nobody_else: str) -> None:
    for refusal in case.refusals:
        if not refusal.clips or exhibit.clip_id in refusal.clips:
            raise Refused(
                f"access to {exhibit.reference} was refused by {refusal.by} on the ground {refusal.ground}",
                "leave it out",
            )
    if exhibit.redaction is None and not nobody_else.strip():
        raise Refused(
            f"{exhibit.reference} is not redacted, and other people may be seen or heard in it (DPA 2018 s.45(4)(e))",
            "add it with a redaction file, or say why nobody else is in it (nobody_else of the batch)",
        )
