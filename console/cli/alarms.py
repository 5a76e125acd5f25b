"""`bwv alarms`: what wants a person now, what to do about it, and who has it in hand."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from console.cli.common import database_of, json_option, person, run, settings_of, show_json, show_table
from streams.settings import Settings
from workers.operations.alarms import rows
from workers.operations.alarms.conditions import minutes, stamp
from workers.operations.alarms.judge import Telling
from workers.operations.alarms.rows import Open, Rounds
from workers.operations.alarms.table import BY_NAME
from workers.operations.alarms.telling import runbook_of

TOLD = 50
"""Tellings that `--all` shows."""


@click.group(invoke_without_command=True)
@click.option("--all", "everything", is_flag=True, help="Also what is not told yet or held back, and what was told.")
@json_option
@click.pass_context
def alarms(context: click.Context, everything: bool, as_json: bool) -> None:
    """What wants a person, what to do about it, and who has it in hand.

    Exit 1 when an alarm stands, or when nobody has judged the alarms for two minutes: then nobody would be told.
    """
    if context.invoked_subcommand is not None:
        return
    settings = settings_of(context)

    async def work() -> tuple[tuple[Open, ...], Rounds, tuple[Telling, ...]]:
        async with database_of(settings) as database:
            found = await rows.read_open(database, told=not everything)
            return found, await rows.read_rounds(database), await rows.read_told(database, TOLD if everything else 0)

    found, rounds, told = run(work())
    if as_json:
        show_json({"rounds": rounds, "stale": rounds.stale, "alarms": found, "told": told})
    else:
        show(found, rounds, told, settings)
    context.exit(1 if rounds.stale or any(one.fired_at for one in found) else 0)


def show(found: tuple[Open, ...], rounds: Rounds, told: tuple[Telling, ...], settings: Settings) -> None:
    """Print them for people."""
    for one in found:
        state = _state(one)
        click.echo(f"{one.alarm} · {one.subject}{f' · {state}' if state else ''}")
        click.echo(f"    {one.title}: {one.says}")
        click.echo(f"    since {stamp(one.since)}")
        click.echo(f"    do: {one.do}")
        click.echo(f"    {runbook_of(settings.runbook, one.runbook)}\n")
    if told:
        show_table(
            f"Told, the newest first ({len(told)})",
            ("when", "what", "alarm", "of", "says"),
            [(stamp(one.at), one.kind, one.alarm, one.subject, one.says) for one in told],
        )
    click.echo(judged(rounds) if found else f"No alarm stands; {judged(rounds)}")


def _state(one: Open) -> str:
    if one.behind:
        return f"held back behind {one.behind}"
    if one.fired_at is None:
        return "has not lasted long enough to be told"
    if one.acknowledged_by:
        return f"{one.acknowledged_by} has it in hand: {one.acknowledged_reason}"
    return "not seen any more, over soon" if one.over else ""


def judged(rounds: Rounds) -> str:
    """When somebody last looked, in a sentence."""
    if rounds.ago is None:
        return "nobody has ever judged the alarms: start the stage alarms"
    words = f"the alarms were judged {minutes(rounds.ago)} ago"
    return f"{words}: nobody would be told of anything; start the stage alarms" if rounds.stale else words


@alarms.command()
@click.argument("name", type=click.Choice(sorted(BY_NAME)))
@click.option("--subject", help="One of it, as `bwv alarms` names it; otherwise all that nobody has in hand.")
@click.option("--reason", required=True, help="What you do about it; others are told.")
@click.pass_context
def acknowledge(context: click.Context, name: str, subject: str | None, reason: str) -> None:
    """Say that you have the alarm NAME in hand; it stands until its cause is gone all the same."""
    settings = settings_of(context)
    who = person(settings)  # a name that nobody enrolled is nobody's

    async def work() -> int:
        async with database_of(settings) as database:
            return await rows.acknowledge(database, name, who.owner, reason, datetime.now(UTC), subject=subject)

    count = run(work())
    if not count:
        raise click.UsageError(f"no {name} stands that was told and nobody has in hand; see: bwv alarms")
    click.echo(f"{name}: {who.owner} has {count} in hand")
