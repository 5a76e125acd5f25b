"""A complaint as professional standards work with it, at a command line and on the board alike: what they sign, what
is kept for it, and the receipt for the letter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from streams.messages import ScrutinyRequested, event_id
from workers.custody.queries import newest_seal
from workers.database.engine import Database
from workers.keys.signing import Signed
from workers.retention.answers import Verdict, answer_to
from workers.retention.hold_queries import clips_under
from workers.retention.scopes import check
from workers.scrutiny.complaint import Complaint
from workers.scrutiny.holding import complaint_hold
from workers.scrutiny.queries import Kept, kept_by
from workers.scrutiny.receipt import Line, Receipt, receipt
from workers.scrutiny.rows import complaint_for, find_complaint, lifted_of
from workers.scrutiny.statements import ComplaintOpened, Deed, ScrutinyDeed, complaint_id

TOPIC = "scrutiny.requested"
LOOK_EVERY = 0.2
"""Seconds between two looks at how far a hold has come."""

Sign = Callable[[Struct], Signed]
"""Signs a statement as whoever decides."""


class Asking(Struct, frozen=True):
    """What is sent to the stage that decides.

    Attributes:
        about: the complaint.
        hold: the one that goes with it.
    """

    about: str
    message: ScrutinyRequested
    hold: str | None = None

    @property
    def cause(self) -> tuple[object, ...]:
        """What makes this request itself."""
        return (self.message.deed.signature,)


async def opening(
    database: Database,
    namespace: str,
    deed: ComplaintOpened,
    fields: dict[str, Any],
    *,
    by: str,
    at: str,
    sign: Sign,
) -> Asking:
    """A complaint, or another place and period of one, with its hold; what people have lifted is held anew.

    Args:
        fields: of the hold, as `fields_of` gives them.

    Raises:
        Refused: the hold is not whole. Nothing is asked then: a complaint that keeps nothing would be on record.
    """
    about = complaint_id(namespace, deed.reference)
    async with database.connection() as connection:
        there = await find_complaint(connection, about)
        lifted = await lifted_of(connection, there.holds) if there is not None else set()
    hold = complaint_hold(about, deed, fields, by=by, at=at, lifted=lifted)
    signed = sign(hold)
    check(hold, signed)
    return Asking(about, _asked(about, deed, by, at, sign, (signed,)), hold.hold_id)


def step(about: str, deed: Deed, *, by: str, at: str, sign: Sign) -> Asking:
    """What happened to a complaint: its outcome was sent, a review was applied for, or decided."""
    return Asking(about, _asked(about, deed, by, at, sign))


def _asked(about: str, deed: Deed, by: str, at: str, sign: Sign, holds: tuple[Signed, ...] = ()) -> ScrutinyRequested:
    return ScrutinyRequested(about, sign(ScrutinyDeed(about, deed, by, at, holds)))


async def complaint_of(database: Database, about: str, reader: str) -> Complaint | None:
    """The complaint of this id; None also where it is restricted and concerns whoever reads."""
    async with database.connection() as connection:
        return await complaint_for(connection, about, reader)


async def settled(database: Database, hold: str, wait: float) -> bool:
    """Wait until the store's legal hold is on every clip of a hold, or it was refused.

    Args:
        wait: seconds after which it goes on as it is.

    Returns:
        Whether it has come so far.
    """
    end = asyncio.get_running_loop().time() + wait
    while True:
        answer = await answer_to(database, event_id("holds.requested", hold))
        clips = await clips_under(database, hold)
        if answer is not None and answer.verdict is not Verdict.PENDING and not clips["pending"]:
            return True
        if asyncio.get_running_loop().time() >= end:
            return False
        await asyncio.sleep(LOOK_EVERY)


async def receipt_of(database: Database, complaint: Complaint) -> Receipt:
    """What is kept for a complaint now, with the newest checkpoint."""
    head = await newest_seal(database)
    size = head.size if head is not None else 0
    # Each opening carried the signed request for one hold; which of the versions those are, is not kept.
    openings = [event_id("scrutiny.recorded", complaint.complaint_id, "complaint", n + 1)
                for n in range(complaint.version)]  # fmt: skip
    row = await database.fetch_one(
        "SELECT count(*) AS n FROM custody WHERE event_id = ANY(%s) AND index < %s AND conflicts_with IS NULL",
        (openings, size),
    )
    async with database.connection() as connection:
        kept = await kept_by(connection, complaint)
    sealed = row is not None and row["n"] == len(complaint.holds)
    return receipt(complaint, kept, size=size, checkpoint=head.checkpoint if head else "", sealed=sealed)


async def not_placed(database: Database, complaint: Complaint, kept: Sequence[Kept]) -> list[str]:
    """Why holds of a complaint do not stand: each that the stage refused, in its words.

    Args:
        kept: its holds that were placed.
    """
    placed = {one.hold_id for one in kept}
    waited = [hold for hold in complaint.holds if hold not in placed]
    answers = [await answer_to(database, event_id("holds.requested", hold)) for hold in waited]
    return [one.says for one in answers if one is not None and one.verdict is Verdict.REFUSED]


def sentence(line: Line) -> str:
    """How many recordings one hold keeps, and for how many it came too late."""
    late = f"; of {line.too_late} the deletion was committed before" if line.too_late else ""
    return f"{line.what}: {line.clips} recording{'' if line.clips == 1 else 's'} kept{late}"
