"""Training copies: which are approved, until when, and which are to be withdrawn."""

from __future__ import annotations

from datetime import date

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, fetch
from workers.errors import Refused
from workers.prosecution.cases.case import Case
from workers.prosecution.disclosure.recipients import check_approval
from workers.prosecution.statements import CaseKind


class TrainingCopy(Struct, frozen=True):
    """One training copy.

    Attributes:
        usable: a second person's approval lasts.
        expired: it was approved, and its last day has passed or it was closed.
        links: ids of its links that still lead somewhere. Of an expired copy a person revokes them.
    """

    reference: str
    title: str
    opened_by: str
    approved_until: str | None
    approved_by: str | None
    usable: bool
    expired: bool
    exhibits: tuple[str, ...]
    links: tuple[str, ...]

    @property
    def to_withdraw(self) -> bool:
        """Whether somebody may still look at what nobody should."""
        return self.expired and bool(self.links)


async def training_copies(connection: Connection, today: date) -> list[TrainingCopy]:
    """All of them, whoever's approval ends first first.

    Args:
        today: by the local time of England and Wales.
    """
    rows = await fetch(
        connection,
        "SELECT body, ARRAY(SELECT link_id FROM links l WHERE l.case_id = c.case_id AND revoked_at IS NULL"
        " AND c.closed_at IS NULL ORDER BY made_at) AS links FROM cases c WHERE kind = %s"
        " ORDER BY body->>'approved_until', urn",
        (CaseKind.TRAINING.value,),
    )
    return [_copy(msgspec.convert(row["body"], Case), tuple(row["links"]), today) for row in rows]


def _copy(case: Case, links: tuple[str, ...], today: date) -> TrainingCopy:
    usable = case.closed_at is None and _approved(case, today)
    return TrainingCopy(
        reference=case.urn,
        title=case.title,
        opened_by=case.opened_by,
        approved_until=case.approved_until,
        approved_by=case.approved_by,
        usable=usable,
        expired=case.approved_until is not None and not usable,
        exhibits=tuple(exhibit.reference for exhibit in case.standing()),
        links=links,
    )


def _approved(case: Case, today: date) -> bool:
    try:
        check_approval(case, today)
    except Refused:
        return False
    return True
