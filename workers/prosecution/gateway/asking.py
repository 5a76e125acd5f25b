"""Asks the gateway for receipts, and compares each with what was sent (I10).

    no receipt, or not all is there any more    it goes again: RETURN, the same id and content
    received, and not decided                   nothing; asked again later
    accepted or rejected                        compared item by item: ACKNOWLEDGE, REJECT, FALL_SHORT or CONTRADICT
    another answer than was given before        CONTRADICT; the same one again changes nothing

Who was asked about longest ago comes first, so that no submission waits for another. What was answered is asked about
again once a day for a month: a recipient that changes its answer is noticed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from workers.database.engine import Database
from workers.errors import GatewayAway, MoveRefused, PermanentFault
from workers.fate.outbox import Event
from workers.prosecution.gateway.client import Gateway
from workers.prosecution.gateway.contract import Receipt
from workers.prosecution.gateway.contract import State as Theirs
from workers.prosecution.submission import rows
from workers.prosecution.submission.compare import compare
from workers.prosecution.submission.rows import Submission
from workers.prosecution.submission.states import State

log = logging.getLogger(__name__)

MOST = 200
"""Submissions that are asked about in a round."""

AT_ONCE = 4
"""Questions at the same time."""

AGAIN, FOR_SO_LONG = timedelta(days=1), timedelta(days=30)
"""How often an answered submission is asked about again, and for how long after its answer."""

OPEN = "SELECT submission_id FROM submissions WHERE state = 'sent' ORDER BY asked_at NULLS FIRST, sent_at LIMIT %s"

ANSWERED = """
SELECT submission_id FROM submissions WHERE state IN ('acknowledged', 'rejected', 'partial', 'contradicted')
AND asked_at < now() - %s::interval AND answered_at > now() - %s::interval ORDER BY asked_at LIMIT %s"""

LATE = """
SELECT submission_id FROM submissions WHERE state = 'sent' AND due_at < now() AND overdue_told_at IS NULL
ORDER BY due_at LIMIT %s"""


class Tells(Protocol):
    """Makes the events."""

    def answered(self, seen: Submission, state: State, differences: Sequence[str], receipt: Mapping[str, Any]) -> Event:
        """The receipt amounts to this."""

    def returned(self, seen: Submission, reason: str) -> Event:
        """It goes again."""

    def overdue(self, seen: Submission) -> Event:
        """No receipt came in time."""


class Asked(Struct):
    """What a round found.

    Attributes:
        asked: receipts that were asked for.
        moved: state → submissions that moved to it; "prepared" are those that go again.
        away: the first fault of the gateway, after which nothing more was asked.
    """

    asked: int = 0
    moved: dict[str, int] = msgspec.field(default_factory=dict)
    away: GatewayAway | None = None

    def note(self, state: State) -> None:
        """One more has moved."""
        self.moved[state] = self.moved.get(state, 0) + 1


async def tell_overdue(database: Database, tells: Tells) -> int:
    """Tell of receipts that are late, each once an attempt; returns of how many."""
    told = 0
    for row in await database.fetch(LATE, (MOST,)):
        async with database.transaction() as connection:
            seen = await rows.find_on(connection, row["submission_id"], lock=True)
            if seen is not None and seen.state is State.SENT and seen.due_at is not None:
                told += await rows.tell_overdue(connection, seen, [tells.overdue(seen)])
    return told


class Asking:
    """Asks about submissions.

    Args:
        again: see AGAIN.
        stop: asked between two questions.
    """

    def __init__(
        self,
        database: Database,
        gateway: Gateway,
        tells: Tells,
        *,
        again: timedelta = AGAIN,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._tells = tells
        self._again = again
        self._stop = stop

    async def round(self, *, most: int = MOST) -> Asked:
        """Ask about as many as may be, those first that were not asked about for longest."""
        found = [row["submission_id"] for row in await self._database.fetch(OPEN, (most,))]
        answered = await self._database.fetch(ANSWERED, (self._again, FOR_SO_LONG, most - len(found)))
        found += [row["submission_id"] for row in answered]
        asked, waiting = Asked(), iter(found)
        await asyncio.gather(*(self._ask(waiting, asked) for _ in range(AT_ONCE)))
        return asked

    async def _ask(self, waiting: Iterator[str], asked: Asked) -> None:
        for submission in waiting:
            if self._stop() or asked.away is not None:
                return
            async with self._database.connection() as connection:
                # Before the question: one that cannot be answered goes to the end all the same.
                await rows.note_asked(connection, submission)
                seen = await rows.find_on(connection, submission)
            if seen is None:
                continue
            try:
                receipt = await self._gateway.receipt(submission)
            except GatewayAway as fault:
                asked.away = asked.away or fault
                return
            asked.asked += 1
            try:
                await self._take(seen, receipt, asked)
            except MoveRefused as refused:
                log.info("somebody was first: %s", refused)
            except PermanentFault as fault:
                log.error("%s cannot be compared with its receipt: %s", submission, fault)

    async def _take(self, seen: Submission, receipt: Receipt | None, asked: Asked) -> None:
        """Move the submission as its receipt says."""
        if seen.state is not State.SENT:
            if receipt is not None and receipt.final:
                await self._compare_again(seen, receipt, asked)
        elif receipt is None:
            await self._return(seen, "the gateway took it and knows nothing of it any more", asked)
        elif receipt.state is Theirs.RECEIVING:
            await self._return(seen, "the gateway took all of it and now lacks a part", asked)
        elif receipt.final:
            state, differences = compare(seen.prepared(), receipt)
            # An answer to an attempt before this one is of no use, unless it says that all is well.
            if receipt.attempt >= seen.attempt or state is State.ACKNOWLEDGED:
                await self._answer(seen, state, differences, receipt, asked)

    async def _compare_again(self, seen: Submission, receipt: Receipt, asked: Asked) -> None:
        before = msgspec.convert(seen.receipt, Receipt) if seen.receipt is not None else None
        if before is None or _says(before) == _says(receipt) or seen.state is State.CONTRADICTED:
            return
        changed = f"the recipient has changed its answer: it was {before.state} and is now {receipt.state}"
        _, differences = compare(seen.prepared(), receipt)
        await self._answer(seen, State.CONTRADICTED, (changed, *differences), receipt, asked)

    async def _answer(
        self, seen: Submission, state: State, differences: tuple[str, ...], receipt: Receipt, asked: Asked
    ) -> None:
        plain = msgspec.to_builtins(receipt)
        told = self._tells.answered(seen, state, differences, plain)
        async with self._database.transaction() as connection:
            await rows.answered(connection, seen, state, [told], receipt=plain, differences=differences)
        asked.note(state)

    async def _return(self, seen: Submission, reason: str, asked: Asked) -> None:
        async with self._database.transaction() as connection:
            waits_for = f"to be sent again: {reason}"
            await rows.returned(connection, seen, [self._tells.returned(seen, reason)], waits_for=waits_for)
        asked.note(State.PREPARED)


def _says(receipt: Receipt) -> Receipt:
    """What a receipt says, whatever its number, its time and its words for people."""
    return msgspec.structs.replace(receipt, attempt=1, reason="", receipt_id=None, at=None)
