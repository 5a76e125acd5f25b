"""`bwv complaint`: professional standards' day. What a complaint is about is kept, until its time is over."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from console import complaints
from console.cli.asking import Request, exit_code, say, settled
from console.cli.clips import one_clip
from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table, signed_by_person
from console.cli.complaint_access import standards_only
from console.cli.hold_scope import scope_of, scope_options
from console.complaints import Asking
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import Refused
from workers.keys.statements import now_iso
from workers.retention.answers import Answer
from workers.retention.facts import HoldReason
from workers.retention.lifting import COMPLAINTS
from workers.scrutiny.complaint import Complaint, earliest_end
from workers.scrutiny.queries import Kept, kept_by
from workers.scrutiny.receipt import Receipt, page
from workers.scrutiny.rows import list_complaints
from workers.scrutiny.statements import (
    ComplaintOpened,
    Deed,
    OutcomeSent,
    ReviewApplied,
    ReviewDecided,
    complaint_id,
)

day_option = click.option("--sent", "day", required=True, help="Day on which the letter went out, such as 2026-11-22.")


@click.group()
def complaint() -> None:
    """Complaints: keep what they are about, say so in the letter, end it in time."""


@complaint.command("open")
@click.argument("reference", metavar="REF")
@click.option(
    "--reason",
    type=click.Choice([one.value for one in COMPLAINTS]),
    default="complaint",
    show_default=True,
    help="A complaint, a conduct matter, or a death or serious injury.",
)
@scope_options
@click.option("--restricted", is_flag=True, help="Whoever it concerns must not learn of it.")
@click.option("--receipt", type=click.Path(dir_okay=False, path_type=Path), help="Write the page for the letter there.")
@click.option("--wait", default=10.0, show_default=True, help="Seconds to wait for the store's legal hold.")
@json_option
@click.pass_context
def open_command(
    context: click.Context,
    /,
    *,
    reference: str,
    reason: str,
    restricted: bool,
    receipt: Path | None,
    wait: float,
    as_json: bool,
    **scope: Any,
) -> int:
    """Keep what REF is about, by place and period (--place, --from, --to) or otherwise; docked later, too.

    The same again changes nothing; another place of the same REF is kept beside it. Its hold has no end until an
    outcome was sent. Exit 1 when it was refused.
    """
    settings = settings_of(context)
    standards_only(settings)
    fields = scope_of(scope)
    deed = ComplaintOpened(reference.strip(), HoldReason(reason), restricted)
    try:
        asked = run(_opening(settings, deed, fields))
    except Refused as refused:
        raise click.UsageError(refused.reason) from refused
    [answer] = settled(settings, "encounters", [_request(asked)])
    if exit_code([answer]):
        return _tell(answer, None, as_json=as_json)

    async def work() -> Receipt:
        async with database_of(settings) as database:
            await complaints.settled(database, asked.hold or "", wait)
            return await complaints.receipt_of(database, await _found(settings, database, asked.about))

    made = run(work())
    if receipt is not None:
        receipt.write_bytes(page(made, datetime.now(UTC)))
    return _tell(answer, made, as_json=as_json)


def _request(asked: Asking) -> Request:
    return Request(complaints.TOPIC, asked.message, asked.about, asked.cause)


async def _opening(settings: Settings, deed: ComplaintOpened, fields: dict[str, Any]) -> Asking:
    sign, by, at = partial(signed_by_person, settings), settings.person, now_iso()
    async with database_of(settings) as database:
        if fields.get("clip_id"):
            fields["clip_id"] = await one_clip(database, fields["clip_id"])
        return await complaints.opening(database, settings.namespace, deed, fields, by=by, at=at, sign=sign)


async def _found(settings: Settings, database: Database, about: str) -> Complaint:
    found = await complaints.complaint_of(database, about, settings.person)
    if found is None:
        raise click.UsageError("no complaint has this reference; open it: bwv complaint open REF …")
    return found


def _tell(answer: Answer, made: Receipt | None, *, as_json: bool) -> int:
    if as_json:
        show_json({"answer": answer, "receipt": made})
    else:
        say(answer)
        for line in made.kept if made is not None else ():
            click.echo(complaints.sentence(line))
    return exit_code([answer])


@complaint.command()
@click.argument("reference", metavar="REF")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Write the page there.")
@json_option
@click.pass_context
def receipt(context: click.Context, reference: str, out: Path, as_json: bool) -> None:
    """The receipt for the letter, as it is now: what is kept, how many recordings, until when, the checkpoint.

    It names no officer, no clip and nobody who complained. For professional standards alone.
    """
    settings = settings_of(context)
    standards_only(settings)

    async def work() -> Receipt:
        async with database_of(settings) as database:
            found = await _found(settings, database, complaint_id(settings.namespace, reference))
            return await complaints.receipt_of(database, found)

    made = run(work())
    out.write_bytes(page(made, datetime.now(UTC)))
    if as_json:
        show_json({"receipt": made, "page": str(out)})
        return
    click.echo(f"{out}: {sum(line.clips for line in made.kept)} recordings kept. {made.until}")
    if not made.sealed:
        click.echo("the hold is newer than the newest checkpoint; the next one has it (bwv custody head)")


@complaint.command()
@click.argument("reference", metavar="REF")
@day_option
@json_option
@click.pass_context
def outcome(context: click.Context, reference: str, day: str, as_json: bool) -> int:
    """The outcome of REF was sent: its holds end no sooner than 28 days from the day after. Two people lift them.

    A new outcome, as after a review, counts from its own day. Exit 1 when it was refused.
    """
    return _step(context, reference, OutcomeSent(day), as_json=as_json)


@complaint.command()
@click.argument("reference", metavar="REF")
@click.option("--applied", help="Day on which somebody applied for a review, such as 2026-11-22.")
@click.option("--decided", help="Day on which the outcome of the review was sent.")
@json_option
@click.pass_context
def review(context: click.Context, reference: str, applied: str | None, decided: str | None, as_json: bool) -> int:
    """A review of the outcome of REF: while one is open, its holds have no end. Exit 1 when it was refused."""
    if (applied is None) == (decided is None):
        raise click.UsageError("expected one of --applied and --decided")
    step: Deed = ReviewApplied(applied) if applied is not None else ReviewDecided(decided or "")
    return _step(context, reference, step, as_json=as_json)


def _step(context: click.Context, reference: str, deed: Deed, *, as_json: bool) -> int:
    settings = settings_of(context)
    standards_only(settings)
    about, sign = complaint_id(settings.namespace, reference), partial(signed_by_person, settings)
    asked = complaints.step(about, deed, by=settings.person, at=now_iso(), sign=sign)
    [answer] = settled(settings, "encounters", [_request(asked)])
    show_json(answer) if as_json else say(answer)
    return exit_code([answer])


@complaint.command("list")
@json_option
@click.pass_context
def list_command(context: click.Context, as_json: bool) -> None:
    """All complaints, newest first; for professional standards alone."""
    settings = settings_of(context)
    standards_only(settings)

    async def work() -> list[Complaint]:
        async with database_of(settings) as database, database.connection() as connection:
            return await list_complaints(connection, settings.person)

    found = run(work())
    if as_json:
        show_json([_told(one) for one in found])
        return
    rows = [(one.reference, one.reason.value, "yes" if one.restricted else "", one.sent, _end(one)) for one in found]
    show_table(f"Complaints: {len(rows)}", ("reference", "reason", "restricted", "outcome sent", "ends"), rows)


@complaint.command()
@click.argument("reference", metavar="REF")
@json_option
@click.pass_context
def show(context: click.Context, reference: str, as_json: bool) -> None:
    """REF: what is kept for it, until when and why; for professional standards alone."""
    settings = settings_of(context)
    standards_only(settings)

    async def work() -> tuple[Complaint, list[Kept]]:
        async with database_of(settings) as database:
            found = await _found(settings, database, complaint_id(settings.namespace, reference))
            async with database.connection() as connection:
                return found, await kept_by(connection, found)

    found, kept = run(work())
    if as_json:
        show_json(_told(found) | {"kept": kept})
        return
    click.echo(f"{found.reference}   {found.reason.value}{', restricted' if found.restricted else ''}")
    click.echo(f"ends {_end(found)}: {'; '.join(earliest_end(found)[1])}")
    rows = [(k.hold_id, k.scope, ", ".join(f"{n} {state}" for state, n in k.clips.items()), k.lifted_at) for k in kept]
    show_table("", ("hold", "by", "clips", "lifted"), rows)


def _told(one: Complaint) -> dict[str, Any]:
    end, reasons = earliest_end(one)
    return {"complaint": one, "earliest_end": end, "reasons": reasons}


def _end(one: Complaint) -> str:
    end, _ = earliest_end(one)
    return "not before an outcome is known" if end is None else f"not before {end:%Y-%m-%d %H:%M %Z}"
