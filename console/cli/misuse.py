"""`bwv misuse`: histories that may be misuse of footage, or of the power not to record; for professional standards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from console.cli.common import announce, database_of, json_option, run, settings_of, show_json, show_table
from console.cli.complaint_access import standards_only
from console.cli.hold_scope import a_time
from streams.messages import MisuseConsulted
from workers.keys.statements import now_iso
from workers.scrutiny.histories import findings
from workers.scrutiny.misuse import NEAR, Finding, What

DAYS = 31
"""How far back is listed unless a day is named."""

LONGEST_REASON = 500
"""Characters."""


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
@click.option("--reason", required=True, help="Why you look; it is recorded before anything is shown.")
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
    reason: str,
    as_json: bool,
) -> None:
    """What the rules see, oldest first. A finding is a question, not a verdict. For professional standards alone.

    The look is on record first (misuse.consulted): who looked, at what, and why. What you did yourself, and looks at
    clips of your own, are for a colleague.
    """
    settings = settings_of(context)
    standards_only(settings)
    why = reason.strip()
    if not 0 < len(why) <= LONGEST_REASON or not why.isprintable():
        raise click.UsageError(f"--reason: expected 1 to {LONGEST_REASON} characters that say why you look")
    now = datetime.now(UTC)
    begins = datetime.fromisoformat(a_time("--from", since) or (now - timedelta(days=DAYS)).isoformat())
    ends = datetime.fromisoformat(a_time("--to", until) or now.isoformat())

    async def work() -> list[Finding]:
        at = now_iso(now)
        told = MisuseConsulted(settings.person, now_iso(begins), now_iso(ends), at, why, what, person)
        await announce(settings, "misuse.consulted", told, key=settings.person, cause=(settings.person, at))
        async with database_of(settings) as database, database.connection() as connection:
            return await findings(connection, begins, ends, timedelta(seconds=near), reader=settings.person)

    found = [one for one in run(work()) if what in (None, one.what.value) and person in (None, one.person)]
    if as_json:
        show_json(found)
        return
    rows = [(f"{f.at:%Y-%m-%d %H:%M:%S}", f.what.value, f.person, f.says, f.clip_id) for f in found]
    show_table(f"To look into: {len(rows)}", ("at (UTC)", "what", "person", "", "clip"), rows)
