"""What people change about a case, but its exhibits."""

from __future__ import annotations

import click

from console.cli.case_asking import change_case, reason_needed, reason_option
from console.cli.case_clock import clock_of, clock_options
from console.cli.clips import one_clip
from console.cli.common import json_option
from console.cli.hold_scope import a_time
from workers.database.engine import Database
from workers.keys.statements import now_iso
from workers.prosecution import statements as s
from workers.prosecution.cases.case import Case

RELEVANCE = {relevance.value.replace("_", "-"): relevance for relevance in s.Relevance}
OUTCOMES = {outcome.value.replace("_", "-"): outcome for outcome in s.OutcomeKind}


@click.command()
@click.argument("urn")
@click.option("--title", help="Such as R v Doe.")
@click.option("--officer", help="In the case.")
@click.option("--first-hearing", metavar="TIME", help="Such as 2026-11-22T10:00 (local time).")
@click.option("--guilty-plea/--no-guilty-plea", "plea", default=None, help="Whether a guilty plea is anticipated.")
@reason_option
@json_option
@click.pass_context
def amend(
    context: click.Context,
    *,
    urn: str,
    title: str | None,
    officer: str | None,
    first_hearing: str | None,
    plea: bool | None,
    reason: str,
    as_json: bool,
) -> None:
    """Amend what is said of a case; what is given replaces what was. The record keeps both."""
    amended = s.Amended(title, officer, a_time("--first-hearing", first_hearing), plea)
    change_case(context, urn, amended, reason, as_json)


@click.command()
@click.argument("urn")
@clock_options
@reason_option
@json_option
@click.pass_context
def clock(context: click.Context, /, urn: str, reason: str, as_json: bool, **clock: str | None) -> None:
    """Say where the suspect stands: detained, on bail, under investigation or charged, and until when."""
    standing = clock_of(clock)
    change_case(context, urn, s.ClockSet(standing.clock, standing.since or now_iso(), standing.ends), reason, as_json)


@click.command()
@click.argument("urn")
@click.argument("incident")
@reason_option
@json_option
@click.pass_context
def incident(context: click.Context, urn: str, incident: str, reason: str, as_json: bool) -> None:
    """Add INCIDENT to a case: every clip of it is held from now on, docked before or later."""
    change_case(context, urn, s.IncidentAdded(incident.strip()), reason, as_json)


@click.command()
@click.argument("urn")
@click.argument("label")
@click.argument("name")
@click.option("--offence", multiple=True, metavar="LABEL:WORDING", help="Such as O1:common assault; may be repeated.")
@reason_option
@json_option
@click.pass_context
def defendant(
    context: click.Context, urn: str, label: str, name: str, offence: tuple[str, ...], reason: str, as_json: bool
) -> None:
    """Add a defendant under a short LABEL, such as D1, which stands where the name must not."""
    offences = []
    for given in offence:
        short, found, wording = given.partition(":")
        if not found:
            raise click.UsageError(f"--offence {given!r}: expected LABEL:WORDING, such as O1:common assault")
        offences.append(s.Offence(short, wording))
    change_case(context, urn, s.DefendantAdded(label, name, tuple(offences)), reason, as_json)


@click.command()
@click.argument("urn")
@click.argument("defendant")
@click.argument("label")
@click.argument("wording")
@click.option("--committed", metavar="DAY", help="Such as 2026-11-22.")
@reason_option
@json_option
@click.pass_context
def offence(
    context: click.Context,
    *,
    urn: str,
    defendant: str,
    label: str,
    wording: str,
    committed: str | None,
    reason: str,
    as_json: bool,
) -> None:
    """Add an offence of DEFENDANT under a short LABEL, such as O2."""
    change_case(context, urn, s.OffenceAdded(defendant, s.Offence(label, wording, committed)), reason, as_json)


@click.command()
@click.argument("urn")
@click.argument("clip")
@click.argument("relevance", type=click.Choice(list(RELEVANCE)))
@click.option("--description", required=True, help="Of its line on the schedule.")
@reason_option
@json_option
@click.pass_context
def unused(
    context: click.Context, urn: str, clip: str, relevance: str, description: str, reason: str, as_json: bool
) -> None:
    """Mark CLIP, which is of the incident and no exhibit, for the disclosure officer's schedule."""

    async def made(database: Database, case: Case) -> s.UnusedMarked:
        return s.UnusedMarked(await one_clip(database, clip), RELEVANCE[relevance], description)

    change_case(context, urn, made, reason, as_json)


@click.command()
@click.argument("urn")
@click.argument("defendant", metavar="DEFENDANT[/OFFENCE]")
@click.argument("outcome", type=click.Choice(list(OUTCOMES)))
@click.option("--on", required=True, metavar="DAY", help="On which it happened, such as 2026-11-22.")
@click.option("--custodial", is_flag=True, help="The sentence is one of custody: kept until the release.")
@click.option("--ends", metavar="DAY", help="On which custody or a hospital order is expected to end.")
@click.option("--says", default="", help="More of it, such as the length of the sentence.")
@click.option("--withdraw", is_flag=True, help="Take back what was recorded by mistake; the record keeps both.")
@reason_option
@json_option
@click.pass_context
def outcome(
    context: click.Context,
    *,
    urn: str,
    defendant: str,
    outcome: str,
    on: str,
    custodial: bool,
    ends: str | None,
    says: str,
    withdraw: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Record what became of DEFENDANT, or of one OFFENCE (D1/O1). It sets until when the case is kept (CPIA)."""
    label, _, of = defendant.partition("/")
    kind = OUTCOMES[outcome]
    if withdraw:
        if custodial or ends or says:
            raise click.UsageError("--withdraw takes back an outcome by its day; give --on alone with it")
        change_case(context, urn, s.OutcomeWithdrawn(label, kind, on, of or None), reason, as_json)
    recorded = s.OutcomeRecorded(label, kind, on, of or None, ends, custodial, says)
    change_case(context, urn, recorded, reason, as_json)


@click.command()
@click.argument("urn")
@click.option("--until", required=True, metavar="DAY", help="Last day of the approval.")
@reason_needed
@json_option
@click.pass_context
def approve(context: click.Context, urn: str, until: str, reason: str, as_json: bool) -> None:
    """Approve a training copy that another person opened."""
    change_case(context, urn, s.Approved(until), reason, as_json)


@click.command()
@click.argument("urn")
@click.argument("verdict", type=click.Choice(["keep", "close"]))
@click.option("--until", metavar="DAY", help="Of the next review, where it is kept.")
@reason_needed
@json_option
@click.pass_context
def review(context: click.Context, urn: str, verdict: str, until: str | None, reason: str, as_json: bool) -> None:
    """Review a case whose earliest end has come: keep it until a day, or close it and lift its holds.

    No timer ever closes a case. Its clips then go by their category's period. Exit 1 when it is too early.
    """
    if (verdict == "keep") != (until is not None):
        raise click.UsageError("expected: keep --until DAY, or close without it")
    change_case(context, urn, s.CaseReviewed(until), reason, as_json)


COMMANDS = (amend, clock, incident, defendant, offence, unused, outcome, approve, review)
