"""`bwv subject-access`: the register of requests by people for footage of themselves, each with its month."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import click

from console.cli.case_asking import change_case, open_case, reason_needed, reason_option, right
from console.cli.clips import one_clip
from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import Refused
from workers.prosecution.cases.case import Case
from workers.prosecution.cases.checks import day
from workers.prosecution.disclosure.grounds import GROUNDS, ground
from workers.prosecution.disclosure.register import Entry, clock_from, extended, register
from workers.prosecution.disclosure.times import LONDON
from workers.prosecution.identity import case_id
from workers.prosecution.statements import CaseKind, ClockSet, Opened, RequestRefusedOn


@click.group("subject-access")
def subject_access() -> None:
    """Requests by people for footage of themselves (DPA 2018 s.45), each with its month."""


@subject_access.command("open")
@click.argument("request")
@click.option("--about", "subject", required=True, help="Who asks, as the data protection office knows them.")
@click.option("--handler", required=True, help="Who handles it.")
@click.option("--received", metavar="DAY", help="From which the month runs, such as 2026-11-22; else today.")
@click.option("--incident", multiple=True, help="Whose clips they are in; held from now on; may be repeated.")
@reason_option
@json_option
@click.pass_context
def open_command(
    context: click.Context,
    *,
    request: str,
    subject: str,
    handler: str,
    received: str | None,
    incident: tuple[str, ...],
    reason: str,
    as_json: bool,
) -> None:
    """Enter REQUEST, its reference, into the register, and hold every clip of its incidents.

    It is answered by the corresponding day of the next month (DPA 2018 s.54). Exit 1 when it was refused.
    """
    clock = clock_from(_received(received))
    opened = Opened(
        kind=CaseKind.SUBJECT_ACCESS,
        urn=request,
        title="Subject access request",
        officer=handler,
        incidents=incident,
        clock=clock.clock,
        clock_since=clock.since,
        clock_ends=clock.ends,
        subject=subject,
    )
    open_case(context, opened, reason, as_json)


def _received(text: str | None) -> date:
    today = datetime.now(LONDON).date()
    received = right(lambda: day(text, "--received")) if text is not None else today
    if received > today:
        raise click.UsageError(f"--received {received} is in the future; expected a day such as {today}")
    return received


@subject_access.command("list")
@click.option("--overdue", is_flag=True, help="Those that should have been answered.")
@click.option("--all", "every", is_flag=True, help="Those that are answered too.")
@json_option
@click.pass_context
def list_command(context: click.Context, overdue: bool, every: bool, as_json: bool) -> None:
    """The register, whoever's month ends first first."""
    now = datetime.now(UTC)
    found = [
        entry
        for entry in _entries(settings_of(context), now)
        if (entry.overdue if overdue else every or entry.answered_at is None)
    ]
    if as_json:
        show_json(found)
        return
    late = sum(entry.overdue for entry in found)
    show_table(
        f"Subject access requests: {len(found)}, {late} overdue",
        ("request", "about", "handler", "received", "answer by", "", "exhibits", "not redacted", "refused"),
        [
            (e.reference, e.subject, e.handler, e.received, e.answer_by, _stands(e, now), len(e.exhibits),
             len(e.unredacted), len(e.refusals))
            for e in found
        ],
    )  # fmt: skip


@subject_access.command()
@click.argument("request")
@json_option
@click.pass_context
def show(context: click.Context, request: str, as_json: bool) -> None:
    """One request: its month, what it is answered with, and what was refused. All of it: bwv case show REQUEST."""
    settings = settings_of(context)
    now = datetime.now(UTC)
    found = _entries(settings, now, request)
    if not found:
        raise click.UsageError(f"no subject access request {request!r}; see: bwv subject-access list --all")
    [entry] = found
    if as_json:
        show_json(entry)
        return
    for name, value in (
        ("request", entry.reference),
        ("about", entry.subject),
        ("handler", entry.handler),
        ("received", entry.received),
        ("answer by", entry.answer_by),
        ("stands", _stands(entry, now)),
    ):
        click.echo(f"{name:>12}  {value or ''}")
    for reference in entry.exhibits:
        redacted = "not redacted: other people may be in it" if reference in entry.unredacted else "redacted"
        click.echo(f"{'exhibit':>12}  {reference}, {redacted}")
    for refusal in entry.refusals:
        of = ", ".join(refusal.clips) or "all of it"
        click.echo(f"{'refused':>12}  {of}: {refusal.ground}; by {refusal.by}")


def _entries(settings: Settings, now: datetime, reference: str | None = None) -> list[Entry]:
    async def work() -> list[Entry]:
        wanted = None if reference is None else case_id(settings.namespace, reference)
        async with database_of(settings) as database, database.connection() as connection:
            return await register(connection, now, case=wanted)

    return run(work())


def _stands(entry: Entry, now: datetime) -> str:
    if entry.answered_at is not None:
        return f"answered {entry.answered_at:%Y-%m-%d}" + (", LATE" if entry.late else "")
    days = (entry.answer_by - now.astimezone(LONDON).date()).days
    return f"OVERDUE for {-days} days" if entry.overdue else f"{days} days left"


@subject_access.command()
@click.argument("request")
@click.option("--ground", "name", type=click.Choice(list(GROUNDS)), required=True, help="One of the law's.")
@click.option(
    "--clip", multiple=True, help="Only this clip; may be repeated. Without it the request is refused wholly."
)
@reason_needed
@json_option
@click.pass_context
def refuse(context: click.Context, request: str, name: str, clip: tuple[str, ...], reason: str, as_json: bool) -> None:
    """Refuse REQUEST, or some clips of it, on a ground of the law. What is refused does not go to the subject."""

    async def made(database: Database, case: Case) -> RequestRefusedOn:
        return RequestRefusedOn(ground(name), tuple([await one_clip(database, one) for one in clip]))

    change_case(context, request, made, reason, as_json)


@subject_access.command()
@click.argument("request")
@click.option("--from", "since", metavar="DAY", help="On which the last thing that was needed came (s.54(3)).")
@click.option("--extend", is_flag=True, help="By two further months; the subject was told why (s.54(3A), (3B)).")
@reason_needed
@json_option
@click.pass_context
def clock(context: click.Context, request: str, since: str | None, extend: bool, reason: str, as_json: bool) -> None:
    """Say from when the month of REQUEST runs, or extend it. Exit 1 when it was refused, as after the month is over."""
    if extend == (since is not None):
        raise click.UsageError("expected --from DAY, or --extend")
    begins = _received(since) if since is not None else None

    async def made(database: Database, case: Case) -> ClockSet:
        del database
        if case.kind is not CaseKind.SUBJECT_ACCESS:
            raise Refused(f"{case.urn} is no subject access request", "its clock: bwv case clock")
        return clock_from(begins) if begins is not None else extended(case, datetime.now(UTC))

    change_case(context, request, made, reason, as_json)


def _about_grounds() -> dict[str, Any]:
    return {name: f"{place}: {says}" for name, (place, says) in GROUNDS.items()}


@subject_access.command()
@json_option
def grounds(as_json: bool) -> None:
    """The grounds on which a request may be refused, each with its place in the law."""
    if as_json:
        show_json(_about_grounds())
        return
    show_table("", ("ground", "law"), _about_grounds().items())
