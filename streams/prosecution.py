"""prosecution: prepares what is submitted, and sends it to the gateway.

    submissions.requested (.urgent)   the order is checked and taken; what is there is prepared: submissions.prepared,
                                      and clips.submitted for each item. Refused: requests.refused. Always an answer
    derivatives.made, .failed         what waited for it is prepared, or refused
    submissions.prepared, .returned   all of it is sent to the gateway: submissions.sent
    submissions.retry-requested       a person has it sent again: submissions.returned

Only what is for the CPS goes through the gateway; everything else is prepared, and delivered by its link or as a
package. A manifest is made once: sent again, it is the same submission. While the gateway is away, orders are taken
and prepared all the same. What the gateway says of it later is asked for by streams/receipts.py.

An urgent submission is sent in the slot that prepared it, so that it never waits behind a batch.
"""

from __future__ import annotations

import contextlib
from functools import singledispatchmethod

from streams import submission_events as events
from streams.messages import (
    DerivativeFailed,
    DerivativeMade,
    Message,
    SubmissionPrepared,
    SubmissionRequested,
    SubmissionRetryRequested,
    SubmissionReturned,
)
from streams.requests import Requests
from streams.sending import Sending
from streams.stage import Envelope, LongStage, Parts
from workers.database.engine import Connection
from workers.errors import MessageInvalid, Refused, TryLater
from workers.failpoints import reach
from workers.keys.keyring import Keyring, load_public
from workers.keys.signing import Signed
from workers.prosecution.links import rows as links
from workers.prosecution.links.secret import Secret
from workers.prosecution.statements import Recipient, SubmissionOrder, SubmissionRetry
from workers.prosecution.submission import queries, rows
from workers.prosecution.submission.awaited import BY_HAND
from workers.prosecution.submission.check import check_order, today
from workers.prosecution.submission.preparing import case_of, manifest_for, outstanding
from workers.prosecution.submission.rows import Submission
from workers.prosecution.submission.states import RETURN, State
from workers.retention.answers import Answer, Verdict, answer


class Prosecution(LongStage):
    """Each case is served for itself: none takes all slots, and two submissions of one go one after the other."""

    name = "prosecution"
    listens = (
        "submissions.requested",
        "submissions.requested.urgent",
        "submissions.prepared",
        "submissions.returned",
        "submissions.retry-requested",
        "derivatives.made",
        "derivatives.failed",
    )

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        settings = self.settings
        self.requests = Requests(self.name, self.database, Keyring(self.database, load_public(settings.trust_root)))
        self.secret = Secret.read(settings.keys)
        self.sending = Sending(settings, self.database)
        gives_links = bool(settings.gateway) and settings.gateway_delivers == "link"
        has_links = bool(settings.links_url or settings.links_port)
        self.links_base = settings.links_base if gives_links or has_links else None

    async def start(self) -> None:
        """What was prepared while no gateway was set goes now."""
        await self.sending.resume()

    async def stop(self) -> None:
        """Take no more work."""
        await self.sending.stop()

    def source_of(self, message: Message) -> str:
        """The case, or the clip from which something was made.

        Sending is a source of its own: while the gateway is away it is left alone, and orders of the same case are not.
        """
        served = str(getattr(message, "case_id", None) or getattr(message, "clip_id", ""))
        return f"{served} to the gateway" if isinstance(message, SubmissionPrepared | SubmissionReturned) else served

    @singledispatchmethod
    async def receive(self, message: Message, envelope: Envelope) -> None:
        """Do what the message's type asks for."""
        raise MessageInvalid(f"prosecution does not listen to {type(message).__name__}")

    # -- taking an order, and preparing it ---------------------------------------------------------------------

    @receive.register
    async def _(self, message: SubmissionRequested, envelope: Envelope) -> None:
        async with self.requests.answering(envelope):
            order = await self.requests.opened(message.order, SubmissionOrder, message.submission_id)

            async def work(connection: Connection) -> Answer:
                return await self._take(connection, order, message.order)

            await self.requests.decide(envelope, f"submit {order.submission_id}", order, work)
        reach("prosecution.after_take")
        await self._prepare(order.submission_id)
        if order.urgent:
            # Away: the order is done with all the same, or those behind it would wait; submissions.prepared sends it.
            with contextlib.suppress(TryLater):
                await self.sending.send(order.submission_id)

    async def _take(self, connection: Connection, order: SubmissionOrder, signed: Signed) -> Answer:
        case = await case_of(connection, order)
        there = await rows.find_on(connection, order.submission_id, lock=True)
        details = {"submission_id": order.submission_id, "urn": order.urn}
        if there is not None and there.state is not State.REFUSED:
            says = f"{order.submission_id} was submitted before; it is {there.state}"
            return Answer(Verdict.DONE, says, details | {"state": there.state})
        await check_order(connection, self.settings.namespace, case, order, today())
        if there is None:
            await rows.enter(connection, order, signed)
        else:
            await rows.ask_again(connection, there, order, signed)
        return Answer(Verdict.PENDING, f"{order.submission_id} is taken; it is being prepared", details)

    @receive.register(DerivativeMade | DerivativeFailed)
    async def _(self, message: DerivativeMade | DerivativeFailed, envelope: Envelope) -> None:
        for submission in await queries.waiting_for_derivative(self.database, message.derivative_id):
            await self._prepare(submission)

    async def _prepare(self, submission_id: str) -> None:
        """Prepare it if everything that goes is there; say what it waits for otherwise."""
        async with self.database.transaction() as connection:
            seen = await rows.find_on(connection, submission_id, lock=True)
            if seen is None or seen.state is not State.REQUESTED:
                return
            order = seen.order()
            if lacking := await outstanding(connection, order):
                await rows.note_waiting(connection, seen, f"what is made for {', '.join(lacking)} (bwv derive list)")
                return
            try:
                async with connection.transaction():
                    says = await self._manifest(connection, seen, order)
            except Refused as refused:
                await self._refuse(connection, seen, order, refused)
            else:
                await answer(connection, events.asked_by(order, seen.ordered), self.name, says)
        reach("prosecution.after_prepared")

    async def _manifest(self, connection: Connection, seen: Submission, order: SubmissionOrder) -> Answer:
        case = await case_of(connection, order)
        link = await self._link(connection, order)
        manifest = await manifest_for(connection, self.settings.namespace, case, order, link=link)
        waits_for = BY_HAND if order.recipient is not Recipient.CPS else self.sending.awaited
        await rows.prepare(connection, seen, manifest, events.prepared(manifest, seen.ordered), waits_for=waits_for)
        details = {
            "submission_id": seen.submission_id,
            "urn": seen.urn,
            "state": State.PREPARED,
            "manifest_sha256": manifest.sha256,
            "link": link,
        }
        says = f"{seen.submission_id} is prepared: {len(manifest.items)} items of {case.urn} for {order.recipient}"
        return Answer(Verdict.DONE, says, details)

    async def _link(self, connection: Connection, order: SubmissionOrder) -> str | None:
        if self.links_base is None or not order.items:
            return None
        return await links.make(
            connection,
            self.secret,
            self.links_base,
            submission_id=order.submission_id,
            case_id=order.case_id,
            address=order.address,
        )

    async def _refuse(self, connection: Connection, seen: Submission, order: SubmissionOrder, refused: Refused) -> None:
        request = events.asked_by(order, seen.ordered)
        await rows.refuse(connection, seen, [events.refused(seen, request, refused)], reason=str(refused))
        details = {"submission_id": seen.submission_id, "reason": refused.reason, "action": refused.action}
        await answer(connection, request, self.name, Answer(Verdict.REFUSED, f"refused: {refused}", details))

    # -- sending -------------------------------------------------------------------------------------------------

    @receive.register
    async def _(self, message: SubmissionPrepared | SubmissionReturned, envelope: Envelope) -> None:
        await self.sending.send(message.submission_id)

    # -- a person has it sent again ------------------------------------------------------------------------------

    @receive.register
    async def _(self, message: SubmissionRetryRequested, envelope: Envelope) -> None:
        async with self.requests.answering(envelope):
            asked = await self.requests.opened(message.retry, SubmissionRetry, message.submission_id)

            async def work(connection: Connection) -> Answer:
                return await self._again(connection, asked, message.retry)

            await self.requests.decide(envelope, f"send {asked.submission_id} again", asked, work)

    async def _again(self, connection: Connection, asked: SubmissionRetry, signed: Signed) -> Answer:
        seen = await rows.find_on(connection, asked.submission_id, lock=True)
        if seen is None:
            raise Refused(f"there is no submission {asked.submission_id}", "look: bwv submissions list")
        if seen.state is State.ACKNOWLEDGED:
            raise Refused(f"{seen.submission_id} is acknowledged, item by item", "nothing is to be done")
        if seen.state not in RETURN.when:
            raise Refused(
                f"{seen.submission_id} is {seen.state}: it was never sent ({seen.waits_for})",
                "submit it again once that is mended: bwv submit",
            )
        if seen.recipient != Recipient.CPS:
            raise Refused(f"{seen.submission_id} is for {seen.recipient}: no gateway takes it", "bwv package build")
        told = events.returned(seen, asked.reason, self.name, cause=signed.signature, retry=signed)
        await rows.returned(connection, seen, [told], waits_for=self.sending.awaited)
        says = f"{seen.submission_id} goes again as attempt {seen.attempt + 1}, with the same manifest"
        return Answer(Verdict.DONE, says, {"submission_id": seen.submission_id, "attempt": seen.attempt + 1})


STAGE = Prosecution
