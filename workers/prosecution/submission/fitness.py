"""Which purpose is for which case and which recipient: a table, and the words for whatever does not fit it. Pure."""

from __future__ import annotations

from workers.errors import Refused
from workers.prosecution.statements import CaseKind, Purpose, Recipient

CPS, DEFENCE = Recipient.CPS, Recipient.DEFENCE

RECIPIENTS: dict[Purpose, tuple[Recipient, ...]] = {
    Purpose.EARLY_ADVICE: (CPS,),
    Purpose.CHARGING: (CPS,),
    Purpose.FIRST_HEARING: (CPS, DEFENCE),
    Purpose.UPGRADE: (CPS,),
    Purpose.ACTION_PLAN: (CPS,),
    Purpose.TRIAL: (CPS, DEFENCE),
    Purpose.DISCLOSURE: (CPS, DEFENCE),
    Purpose.SUBJECT_ACCESS: (Recipient.DATA_SUBJECT,),
    Purpose.TRAINING: (Recipient.TRAINING,),
}
"""Purpose → for whom something may be submitted for it; the first is meant where none is named."""

OF_OTHER_KINDS = {
    Purpose.SUBJECT_ACCESS: CaseKind.SUBJECT_ACCESS,
    Purpose.TRAINING: CaseKind.TRAINING,
}
"""Every other purpose is that of a prosecution."""


class Unfit(Refused):
    """Something of an order does not fit.

    Args:
        column: of a batch file that says it.
        found, expected: what it says, and what it should.
    """

    def __init__(self, column: str, found: str, expected: str) -> None:
        super().__init__(f"{column}: {found}", f"expected {expected}")
        self.column, self.found, self.expected = column, found, expected


def recipient_of(purpose: Purpose, named: Recipient | None) -> Recipient:
    """For whom it is, where the file names nobody.

    Raises:
        Unfit: nothing is submitted to this recipient for this purpose.
    """
    allowed = RECIPIENTS[purpose]
    if named is None:
        return allowed[0]
    if named not in allowed:
        wanted = " or ".join(allowed)
        raise Unfit("recipient", f"{named} with the purpose {purpose}", f"{wanted} for this purpose")
    return named


def check_purpose(kind: CaseKind, purpose: Purpose, purpose_item: int | None) -> None:
    """Raise Unfit unless something may be submitted for this purpose in a case of this kind."""
    of_kind = OF_OTHER_KINDS.get(purpose, CaseKind.PROSECUTION)
    if kind is not of_kind:
        fitting = [each.value for each in Purpose if OF_OTHER_KINDS.get(each, CaseKind.PROSECUTION) is kind]
        raise Unfit("purpose", f"{purpose} in a case of the kind {kind}", ", ".join(fitting))
    if purpose is Purpose.ACTION_PLAN and purpose_item is None:
        raise Unfit("purpose_item", "nothing", "the number of the action plan's item")
    if purpose is not Purpose.ACTION_PLAN and purpose_item is not None:
        raise Unfit("purpose_item", f"{purpose_item} with the purpose {purpose}", "nothing but with action_plan")
    if purpose_item is not None and not 1 <= purpose_item <= 999:
        raise Unfit("purpose_item", str(purpose_item), "a number from 1 to 999")
