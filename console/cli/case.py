"""`bwv case`: what belongs together for a prosecutor, and what keeps it."""

from __future__ import annotations

import click

from console.cli import case_changes, case_exhibits
from console.cli.case_asking import case_named, open_case, reason_option
from console.cli.case_clock import clock_of, clock_options
from console.cli.case_showing import show_case, telling
from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table
from console.cli.hold_scope import a_time
from workers.prosecution.cases.case import Case
from workers.prosecution.cases.queries import HoldOfCase, KeptClip, ListedCase, holds_of_case, kept_clips, list_cases
from workers.prosecution.cases.references import next_free
from workers.prosecution.statements import CaseKind, Clock, Opened


@click.group()
def case() -> None:
    """Cases: defendants, clocks, exhibits, outcomes; every clip of their incidents is held with them."""


@case.command("open")
@click.argument("urn")
@click.option("--title", required=True, help="Such as R v Doe.")
@click.option("--officer", required=True, help="In the case.")
@click.option("--incident", multiple=True, help="Whose clips belong to it, docked now or later; may be repeated.")
@clock_options
@click.option("--first-hearing", metavar="TIME", help="Such as 2026-11-22T10:00 (local time).")
@reason_option
@json_option
@click.pass_context
def open_command(
    context: click.Context,
    /,
    *,
    urn: str,
    title: str,
    officer: str,
    incident: tuple[str, ...],
    first_hearing: str | None,
    reason: str,
    as_json: bool,
    **clock: str | None,
) -> None:
    """Open the case URN (Unique Reference Number, such as 01AB0012326) and hold every clip of its incidents.

    Exit 1 when it was refused, as when it is open already.
    """
    standing = clock_of(clock)
    opened = Opened(
        kind=CaseKind.PROSECUTION,
        urn=urn,
        title=title,
        officer=officer,
        incidents=incident,
        clock=standing.clock,
        clock_since=standing.since or None,
        clock_ends=standing.ends,
        first_hearing=a_time("--first-hearing", first_hearing),
    )
    open_case(context, opened, reason, as_json)


@case.command("list")
@click.option("--kind", type=click.Choice([kind.value for kind in CaseKind]), help="Those of this kind.")
@click.option("--clock", type=click.Choice([clock.value for clock in Clock]), help="Those with this clock.")
@click.option("--closed", is_flag=True, help="Closed ones too.")
@json_option
@click.pass_context
def list_command(context: click.Context, kind: str | None, clock: str | None, closed: bool, as_json: bool) -> None:
    """Cases in the order of their work: whoever is detained, then whose clock or hearing comes first."""
    settings = settings_of(context)

    async def work() -> list[ListedCase]:
        async with database_of(settings) as database, database.connection() as connection:
            return await list_cases(connection, kind=kind, clock=clock, closed=closed)

    found = run(work())
    if as_json:
        show_json(found)
        return
    show_table(
        f"Cases: {len(found)}",
        ("urn", "title", "officer", "clock", "until (UTC)", "first hearing", "exhibits", "review from", "closed"),
        [
            (c.urn, c.title, c.officer, c.clock, _minute(c.clock_ends), _minute(c.first_hearing), c.exhibits,
             _minute(c.review_from), _minute(c.closed_at))
            for c in found
        ],
    )  # fmt: skip


def _minute(at: object) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""


@case.command()
@click.argument("urn")
@json_option
@click.pass_context
def show(context: click.Context, urn: str, as_json: bool) -> None:
    """All of a case: clock, defendants, exhibits, held clips, unused list, outcomes, and until when it is kept."""
    settings = settings_of(context)

    async def work() -> tuple[Case, list[KeptClip], list[HoldOfCase]]:
        async with database_of(settings) as database:
            found = await case_named(database, urn)
            async with database.connection() as connection:
                return found, await kept_clips(connection, found), await holds_of_case(connection, found)

    found, clips, holds = run(work())
    if as_json:
        show_json(telling(found, clips, holds))
    else:
        show_case(found, clips, holds)


@case.command("next-reference")
@click.argument("urn")
@click.argument("initials")
@json_option
@click.pass_context
def next_reference(context: click.Context, urn: str, initials: str, as_json: bool) -> None:
    """The next exhibit reference of INITIALS (such as JS) that the case never had."""
    settings = settings_of(context)

    async def work() -> Case:
        async with database_of(settings) as database:
            return await case_named(database, urn)

    found = run(work())
    free = next_free(found, initials)
    show_json({"urn": found.urn, "reference": free}) if as_json else click.echo(free)


for command in (*case_changes.COMMANDS, case_exhibits.exhibit):
    case.add_command(command)
