"""receipts: asks the gateway for receipts and outcomes, by the clock.

    by the clock   submissions.overdue                            no receipt came in time
                   submissions.acknowledged | rejected | partial | contradicted    the receipt, compared item by item
                   submissions.returned                           the gateway has lost it: it goes again
                   cases.requested                                an outcome, signed by this service
                   requests.refused                               an outcome that belongs to no case of ours

Without a gateway there is nobody to ask; what is overdue is told all the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from streams import submission_events as events
from streams.engine.clockwork import by_the_clock
from streams.engine.health import Health
from streams.gateways import open_gateway
from streams.messages import CaseRequested, RequestRefused, event, event_id
from streams.settings import Settings
from workers.database.engine import Database
from workers.fate.outbox import Event
from workers.keys.signing import Role, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.prosecution.gateway.asking import AT_ONCE, Asked, Asking, tell_overdue
from workers.prosecution.gateway.contract import Outcome
from workers.prosecution.gateway.outcomes import REASON, Read, read_outcomes
from workers.prosecution.statements import CaseChange, OutcomeRecorded
from workers.prosecution.submission.rows import Submission
from workers.prosecution.submission.states import State

log = logging.getLogger(__name__)

NAME = "receipts"

OVERDUE = "SELECT count(*) AS n FROM submissions WHERE state = 'sent' AND due_at < now()"


async def serve(settings: Settings, health: Health, stopping: asyncio.Event) -> None:
    """Ask until `stopping` is set. Waits while a part is away."""
    receipts = Receipts(settings, health, stopping)
    try:
        await by_the_clock(NAME, settings, health, stopping, receipts, size=AT_ONCE)
    finally:
        await receipts.close()


class Receipts:
    """Rounds of questions to the gateway, with what they found in the metrics."""

    def __init__(self, settings: Settings, health: Health, stopping: asyncio.Event) -> None:
        self._settings = settings
        self._health = health
        self._stopping = stopping
        self._gateway = open_gateway(settings)
        self._tells = Told(Signer.load(Role.SERVICE, NAME, settings.keys / "service" / f"{NAME}.pem"))

    async def close(self) -> None:
        """Give back what is open."""
        if self._gateway is not None:
            await self._gateway.close()

    async def round(self, database: Database) -> float:
        """Do what is due; see `streams.engine.clockwork.Rounds`."""
        with self._health.working():
            await self._overdue(database)
            if self._gateway is not None:
                asking = Asking(database, self._gateway, self._tells, stop=self._stopping.is_set)
                asked = await asking.round()
                self._show(asked)
                # Also when a receipt could not be asked for: an answer about one submission holds up no outcome.
                read = await read_outcomes(database, self._gateway, self._tells)
                self._show_outcomes(read)
                if away := asked.away or read.away:
                    raise away
        self._health.progressed()
        return self._settings.gateway_every

    async def _overdue(self, database: Database) -> None:
        told = await tell_overdue(database, self._tells)
        if told:
            log.warning("%d submissions have no receipt in time: bwv submissions list --overdue", told)
        row = await database.fetch_one(OVERDUE)
        self._health.submissions_overdue.set(row["n"] if row else 0)

    def _show(self, asked: Asked) -> None:
        if asked.moved:
            moved = ", ".join(f"{count} {state}" for state, count in sorted(asked.moved.items()))
            log.info("asked for %d receipts: %s", asked.asked, moved)

    def _show_outcomes(self, read: Read) -> None:
        self._health.outcomes_handed.inc(read.handed)
        self._health.outcomes_unplaced.inc(len(read.unplaced))
        for reason in read.unplaced:
            log.warning("an outcome reaches no case: %s", reason)
        if read.handed:
            log.info("%d outcomes went to their cases", read.handed)


class Told:
    """Makes the events of receipts; see the two `Tells` of workers.prosecution.gateway."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def answered(self, seen: Submission, state: State, differences: Sequence[str], receipt: Mapping[str, Any]) -> Event:
        """The receipt amounts to this."""
        return events.answered(seen, state, differences, receipt)

    def returned(self, seen: Submission, reason: str) -> Event:
        """It goes again."""
        return events.returned(seen, reason, NAME, cause=seen.attempt)

    def overdue(self, seen: Submission) -> Event:
        """No receipt came in time."""
        return events.overdue(seen)

    def outcome(self, case_id: str, outcome: Outcome) -> Event:
        """The request to the case, signed by this service; its id comes of the outcome's, so it is taken once."""
        recorded = OutcomeRecorded(
            defendant=outcome.defendant,
            outcome=outcome.outcome,
            on=outcome.on,
            offence=outcome.offence,
            ends=outcome.ends,
            custodial=outcome.custodial,
            says=outcome.says,
        )
        change = CaseChange(case_id, recorded, f"{REASON}{outcome.id}", NAME, now_iso())
        told = CaseRequested(case_id, self._signer.sign(PURPOSES[CaseChange], change))
        cause = events.outcome_cause(case_id, outcome.id)
        return event("cases.requested", told, key=case_id, subject=case_id, source=NAME, cause=cause)

    def unplaced(self, what: str, reason: str, action: str) -> Event:
        """An outcome that reaches no case."""
        request = event_id("outcome", what)
        told = RequestRefused(request=request, what="record an outcome", by=NAME, reason=reason, action=action)
        return event("requests.refused", told, key=request, subject=request, source=NAME, cause=(request,))
