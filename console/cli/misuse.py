"""`bwv misuse`: histories that may be misuse of footage, or of the power not to record; for professional standards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table
from console.cli.complaint_access import standards_only
from console.cli.hold_scope import a_time
from workers.scrutiny.histories import findings
from workers.scrutiny.misuse import NEAR, Finding, What

DAYS = 31
"""How far back is listed unless a day is named."""


@click.group()
def misuse() -> None:
    """What may be misuse: looks without a case, stops near the use of force, deletions that recorders ask for."""


@misuse.command("list")
@click.option("--from", "since", metavar="TIME", help=f"Such as 2026-11-22 [default: {DAYS} days ago].")
@click.option("--to", "until", metavar="TIME", help="The same, the end [default: now].")
@click.option("--what", type=click.Choice([what.value for what in What]), help="This kind alone.")
@click.option("--person", help="Of this person alone.")
@click.option(
    "--near",
    default=NEAR.total_seconds(),
    show_default=True,
    help="Seconds around a use of force in which a stop shows.",
)
@json_option
@click.pass_context
def list_command(
    context: click.Context,
    /,
    *,
    since: str | None,
    until: str | None,
    what: str | None,
    person: str | None,
    near: float,
    as_json: bool,
) -> None:
    """What the rules see, oldest first. A finding is a question, not a verdict. For professional standards alone."""
    settings = settings_of(context)
    standards_only(settings)
    now = datetime.now(UTC)
    begins = datetime.fromisoformat(a_time("--from", since) or (now - timedelta(days=DAYS)).isoformat())
    ends = datetime.fromisoformat(a_time("--to", until) or now.isoformat())

    async def work() -> list[Finding]:
        async with database_of(settings) as database, database.connection() as connection:
            return await findings(connection, begins, ends, timedelta(seconds=near))

    found = [one for one in run(work()) if what in (None, one.what.value) and person in (None, one.person)]
    if as_json:
        show_json(found)
        return
    rows = [(f"{f.at:%Y-%m-%d %H:%M:%S}", f.what.value, f.person, f.says, f.clip_id) for f in found]
    show_table(f"To look into: {len(rows)}", ("at (UTC)", "what", "person", "", "clip"), rows)
