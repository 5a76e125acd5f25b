"""`bwv rebuild`: the database again, from the vault, Kafka's tail and what the store holds."""

from __future__ import annotations

import time

import click

from console.cli.common import json_option, run, settings_of, show_json
from console.cli.counting import LINE_EVERY
from streams.rebuilding import Rebuilt, Told, rebuild


@click.command("rebuild")
@json_option
@click.pass_context
def rebuild_command(context: click.Context, as_json: bool) -> None:
    """Make every table again and put them in the place of the present ones, which are kept beside them.

    After the loss or an older restore of the database. Stages that run meanwhile wait; docks go on reporting.
    Fate is made failing long: any sign of a hold is a hold. Nothing is disposed of until bwv reconcile is green.
    """
    settings = settings_of(context)
    made = run(rebuild(settings, told=quiet_or_lines(as_json)))
    if as_json:
        show_json(made)
        return
    _show(made)


def _show(made: Rebuilt) -> None:
    click.echo(
        f"custody log: {made.size} entries, {made.sealed} of them from the vault, {made.size - made.sealed} from "
        f"Kafka; {made.erased} without payload, which went with its clip\n"
        f"{made.clips} clips, {made.dockings} dockings, {made.keys} statements about keys and urgency\n"
        f"{made.policies} policies; {made.unproved} holds of which only a sign is left, which two people can lift\n"
        f"{made.cases} cases with their exhibits, {made.submissions} submissions and {made.links} links; "
        f"{made.encounters} versions of encounters\n"
        f"{made.again} events told again so that unfinished clips go on"
    )
    for sentence in made.passed_over:
        click.echo(f"passed over: {sentence}")
    for rule, rows in made.by_vault.items():
        click.echo(f"{rows} clips {rule}, by what lies in the vault")
    click.echo(f"the tables that were there before are kept in schema {made.kept}" if made.kept else "there were none")
    click.echo("next: bwv custody verify, then bwv reconcile")


def quiet_or_lines(quiet: bool) -> Told:
    """Says nothing, or a line on standard error now and then."""
    return _quiet if quiet else _lines()


def _quiet(what: str, done: int) -> None:
    del what, done


def _lines() -> Told:
    last: dict[str, float] = {}

    def tell(what: str, done: int) -> None:
        now = time.monotonic()
        if now - last.setdefault(what, now - LINE_EVERY) >= LINE_EVERY:
            last[what] = now
            click.echo(f"{done:,} {what}", err=True)

    return tell
