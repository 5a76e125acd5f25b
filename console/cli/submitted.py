"""What `bwv submit` tells: the plan, bad rows, and what became of each row."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import click
from msgspec import Struct

from console.cli.common import database_of, show_table
from console.cli.counting import counted
from streams.settings import Settings
from workers.prosecution.statements import Recipient
from workers.prosecution.submission.planning import Plan, Planned
from workers.prosecution.submission.queries import of_ids
from workers.prosecution.submission.rows import Submission
from workers.prosecution.submission.states import NOT_TAKEN, State
from workers.prosecution.submission.unused import sensitive_of
from workers.retention.answers import Answer, Verdict
from workers.sheets import Fault

MOST_SHOWN = 50
"""Rows that are listed one by one; of more, those that want a person and the count of the others."""

LOOK_EVERY = 0.25
"""Seconds between two looks while it is waited."""


class Outcome(Struct, frozen=True):
    """What became of a row.

    Attributes:
        state: of its submission; None: there is none (yet).
        makes: how many files are made for it first.
    """

    row: int
    urn: str
    purpose: str
    recipient: str
    submission_id: str
    items: int
    makes: int
    urgent: bool
    before: bool
    state: str | None
    waits_for: str | None
    says: str

    def failed(self, *, waited: bool) -> bool:
        """Whether a person must look.

        Args:
            waited: for the receipts: then nothing less than an acknowledgement is good.
        """
        if self.state in (State.REFUSED, *NOT_TAKEN):
            return True
        end = State.ACKNOWLEDGED if self.recipient == Recipient.CPS else State.PREPARED
        return waited and self.state != end


def outcome_of(one: Planned, found: Submission | None = None, answer: Answer | None = None) -> Outcome:
    """What became of a row, or would.

    Args:
        found: its submission now.
        answer: what the stage said, if it was ordered just now.
    """
    there = found or one.there
    return Outcome(
        row=one.row.row,
        urn=one.case.urn,
        purpose=one.order.purpose.value,
        recipient=one.order.recipient.value,
        submission_id=one.order.submission_id,
        items=len(one.order.items),
        makes=len(one.makes),
        urgent=one.order.urgent,
        before=not one.new,
        state=there.state.value if there else None,
        waits_for=there.waits_for if there else None,
        says=_says(one, answer),
    )


def _says(one: Planned, answer: Answer | None) -> str:
    if answer is not None and answer.verdict is Verdict.REFUSED:
        return answer.says
    if not one.new:
        return "submitted before"
    first = f"{len(one.makes)} made first" if one.makes else ""
    again = "was refused before" if one.there is not None else ""
    sensitive = sensitive_of(one.case, one.order)
    told = f"SENSITIVE: {', '.join(sensitive)}" if sensitive else ""
    return ", ".join(part for part in (again, first, told) if part)


async def came_to_an_end(settings: Settings, plan: Plan, wait: float, *, hidden: bool) -> dict[str, Submission]:
    """The submissions of a batch by their ids, once each has come to its end.

    Args:
        wait: seconds after which they are given as they are.
    """
    ids = [one.order.submission_id for one in plan.rows]
    until = time.monotonic() + wait
    async with database_of(settings) as database:
        with counted("answered submissions", len(ids), hidden=hidden or not wait) as tell:
            while True:
                found = await of_ids(database, ids)
                ended = sum(_ended(one) for one in found.values())
                tell(ended)
                if ended == len(ids) or time.monotonic() >= until:
                    return found
                await asyncio.sleep(LOOK_EVERY)


def _ended(one: Submission) -> bool:
    ends = (State.ACKNOWLEDGED, State.REFUSED, *NOT_TAKEN)
    return one.state in ends or (one.recipient != Recipient.CPS and one.state is State.PREPARED)


def show_faults(faults: Sequence[Fault]) -> None:
    """Tell of every bad cell."""
    for fault in faults:
        click.echo(str(fault), err=True)
    bad = len({fault.row for fault in faults})
    if bad:
        click.echo(f"{bad:,} bad row{'s' if bad > 1 else ''}", err=True)


def show_plan(plan: Plan) -> None:
    """What a batch comes to, in the order of the work."""
    show_outcomes([outcome_of(one) for one in plan.rows])


def show_outcomes(outcomes: Sequence[Outcome]) -> None:
    """A line for each row, in the order of the work; of a large batch only what wants a person."""
    listed = [one for one in outcomes if len(outcomes) <= MOST_SHOWN or one.failed(waited=False)]
    if listed:
        columns = ("row", "urn", "purpose", "for", "items", "submission", "state", "waits for", "note")
        show_table("Submissions", columns, [_cells(one) for one in listed])
    counts: dict[str, int] = {}
    for one in outcomes:
        name = one.state or "to be submitted"
        counts[name] = counts.get(name, 0) + 1
    before = sum(one.before for one in outcomes)
    summary = " · ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))
    click.echo((summary or "no good rows") + (f" · {before:,} of them submitted before" if before else ""))


def _cells(one: Outcome) -> tuple[object, ...]:
    lane = " (urgent)" if one.urgent else ""
    return (
        one.row,
        one.urn,
        one.purpose,
        one.recipient + lane,
        one.items,
        one.submission_id,
        one.state or "-",
        one.waits_for,
        one.says,
    )
