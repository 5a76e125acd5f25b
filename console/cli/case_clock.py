"""Where a suspect stands, as options of the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click

from console.cli.hold_scope import a_time
from workers.prosecution.statements import Clock, ClockSet

Command = TypeVar("Command", bound=Callable[..., Any])

PACE_HOURS = ("24", "36", "96")
"""Detention without charge from the relevant time: at first, as a superintendent extends it, as magistrates' warrants
may (PACE 1984 ss.41–44)."""

CLOCKS = {clock.value.replace("_", "-"): clock for clock in Clock}

OPTIONS = (
    click.option("--clock", type=click.Choice(list(CLOCKS)), default="under-investigation", show_default=True,
                 help="Where the suspect stands; it orders the work."),
    click.option("--relevant-time", metavar="TIME", help="Of a detention (PACE s.41), with --hours."),
    click.option("--hours", type=click.Choice(PACE_HOURS), help="That the detention may last."),
    click.option("--since", metavar="TIME", help="Of another clock, such as 2026-11-22T10:00 (local time)."),
    click.option("--until", metavar="TIME", help="By when it demands a decision, such as the end of bail."),
)  # fmt: skip


def clock_options(command: Command) -> Command:
    """The options that say where a suspect stands."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def clock_of(given: Mapping[str, str | None]) -> ClockSet:
    """The clock that the options say; `since` is empty where it was not given."""
    clock = CLOCKS[given["clock"] or ""]
    relevant, hours = a_time("--relevant-time", given["relevant_time"]), given["hours"]
    since, until = a_time("--since", given["since"]), a_time("--until", given["until"])
    if clock is Clock.DETAINED:
        if relevant is None or hours is None or since or until:
            raise click.UsageError("detained: expected --relevant-time and --hours, and nothing else of the clock")
        ends = datetime.fromisoformat(relevant) + timedelta(hours=int(hours))
        return ClockSet(clock, relevant, ends.isoformat())
    if relevant or hours:
        raise click.UsageError("--relevant-time and --hours are of a detention: --clock detained")
    return ClockSet(clock, since or "", until)
