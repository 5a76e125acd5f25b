"""`bwv submit`: a batch of submissions out of a file, all rows checked before anything is done."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from console.cli.asking import Request, exit_code, request, settled
from console.cli.common import database_of, json_option, run, settings_of, show_json, signed_by_person
from console.cli.submitted import came_to_an_end, outcome_of, show_faults, show_outcomes, show_plan
from streams.messages import DerivativeRequested, SubmissionRequested
from streams.settings import Settings
from streams.submission_events import lane
from workers.prosecution.statements import DerivativeOrder
from workers.prosecution.submission.batch import Batch, read
from workers.prosecution.submission.check import today
from workers.prosecution.submission.planning import Plan, Planned, planned
from workers.retention.answers import Answer
from workers.sheets import SheetUnreadable

STDIN = "-"


@click.command()
@click.argument("batch", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Check all rows and say what would be done; do nothing.")
@click.option("--all-or-nothing", is_flag=True, help="Submit nothing if a single row is bad.")
@click.option("--wait", default=0.0, metavar="SECONDS", help="Wait so long for the recipients' receipts.")
@json_option
@click.pass_context
def submit(context: click.Context, batch: Path, dry_run: bool, all_or_nothing: bool, wait: float, as_json: bool) -> int:
    """Submit what BATCH asks for: CSV or JSON (docs/submissions.md), `-` for standard input.

    All rows are checked before anything is done. Good rows do not wait for bad ones. The same file again submits what
    is not submitted yet, and nothing twice. Detained suspects come first, by the end of their clock, then first
    hearings, then the rest. Exit 1 if a row was bad, was refused, or (with --wait) was not acknowledged.
    """
    settings = settings_of(context)
    name = "stdin" if str(batch) == STDIN else batch.name
    rows = _read(batch, name)
    plan = run(_planned(settings, rows, name))
    stops = bool(plan.faults) and all_or_nothing
    if dry_run or stops:
        if as_json:
            show_json({"batch": name, "submitted": False, "rows": list(map(outcome_of, plan.rows)),
                       "faults": plan.faults})  # fmt: skip
        else:
            show_plan(plan)
            show_faults(plan.faults)
            click.echo("nothing was submitted" + (": a row is bad, and it was to be all or nothing" if stops else ""))
        return int(bool(plan.faults))
    if not as_json:
        show_faults(plan.faults)
    answers = _ordered(settings, [one for one in plan.rows if one.new], hidden=as_json)
    found = run(came_to_an_end(settings, plan, wait, hidden=as_json))
    outcomes = [outcome_of(one, found.get(one.order.submission_id), answers.get(one.row.row)) for one in plan.rows]
    if as_json:
        show_json({"batch": name, "submitted": True, "rows": outcomes, "faults": plan.faults})
    else:
        show_outcomes(outcomes)
    failed = exit_code(answers.values()) or any(outcome.failed(waited=wait > 0) for outcome in outcomes)
    return int(bool(plan.faults) or failed)


def _read(path: Path, name: str) -> Batch:
    try:
        data = sys.stdin.buffer.read() if str(path) == STDIN else path.read_bytes()
        return read(data, name)
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from error
    except SheetUnreadable as error:
        raise click.UsageError(str(error)) from error


async def _planned(settings: Settings, batch: Batch, name: str) -> Plan:
    async with database_of(settings) as database, database.connection() as connection:
        plan = await planned(connection, settings.namespace, batch.rows, by=settings.person, batch=name, day=today())
    faults = sorted((*batch.faults, *plan.faults), key=lambda fault: fault.row)
    return Plan(plan.rows, tuple(faults))


def _ordered(settings: Settings, rows: Sequence[Planned], *, hidden: bool) -> dict[int, Answer]:
    """Order what is to be made, then the submissions; the answers by their rows."""
    if not rows:
        return {}
    run(request(settings, _makes(settings, rows)))
    answers = settled(
        settings, "prosecution", [_order(settings, one) for one in rows], what="submissions", hidden=hidden
    )
    return {one.row.row: answer for one, answer in zip(rows, answers, strict=True)}


def _makes(settings: Settings, rows: Sequence[Planned]) -> Iterator[Request]:
    """What must be made first, each once."""
    orders: dict[str, DerivativeOrder] = {}
    for one in rows:
        orders.update({order.derivative_id: order for order in one.makes})
    for order in orders.values():
        signed = signed_by_person(settings, order)
        asked = DerivativeRequested(order.derivative_id, order.clip_id, signed)
        yield Request("derivatives.requested", asked, order.clip_id, (signed.signature,))


def _order(settings: Settings, one: Planned) -> Request:
    signed = signed_by_person(settings, one.order)
    asked = SubmissionRequested(one.order.submission_id, one.order.case_id, signed)
    return Request(lane(one.order.urgent), asked, one.order.case_id, (signed.signature,))
