"""`bwv lag`: how far behind each stage is, whether it lives, and when the backlog is over."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack

import click
import msgspec
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from console.cli.common import console, database_of, json_option, run, settings_of, show_json
from streams.lagging import Watching
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import PartUnreachable
from workers.operations.lag.figures import StageLag
from workers.operations.lag.verdict import Verdict

SECOND_LOOK = 5.0
"""Seconds between the two looks of a command that runs once while something waits: one look shows no movement."""

COLOURS = {Verdict.OK: "green", Verdict.SLOW: "yellow"}


@click.command()
@click.option("--watch", is_flag=True, help="Look again and again until Ctrl-C.")
@click.option("--every", type=click.FloatRange(1, 60), default=5.0, show_default=True, help="Seconds between looks.")
@json_option
@click.pass_context
def lag(context: click.Context, watch: bool, every: float, as_json: bool) -> None:
    """How far behind each stage is: in messages, clips, bytes and seconds, and when that is over.

    OK: nothing waits, or it is worked off. SLOW: it falls behind. STALLED: it is there, and nothing moves. STOPPED:
    nobody is there. REWOUND: its position went back. A stage is called STALLED after 40 s without movement, so a
    command that runs once knows it only if the board or a `bwv lag` before it has looked. Exit 1 when a stage is not
    OK. With --watch and --json: one document a line.
    """
    if watch:
        run(_watch(settings_of(context), every, as_json))
        return
    lags, away = run(_once(settings_of(context)))
    if as_json:
        show_json({"stages": lags, "database_away": away})
    else:
        show(lags, away)
    context.exit(1 if away or any(one.wants_a_person for one in lags) else 0)


async def _once(settings: Settings) -> tuple[tuple[StageLag, ...], str | None]:
    async with AsyncExitStack() as stack:
        watching, away = await _open(settings, stack)
        lags = await watching.now()
        if any(one.messages for one in lags):
            await asyncio.sleep(SECOND_LOOK)
            lags = await watching.now()
        return lags, away or watching.database_away


async def _watch(settings: Settings, every: float, as_json: bool) -> None:
    async with AsyncExitStack() as stack:
        watching, away = await _open(settings, stack)
        live = None
        if sys.stdout.isatty() and not as_json:
            live = stack.enter_context(Live(console=console(), auto_refresh=False))
        while True:
            lags = await watching.now()
            missing = away or watching.database_away
            if as_json:
                click.echo(msgspec.json.encode({"stages": lags, "database_away": missing}).decode())
            elif live is not None:
                live.update(Group(table(lags), *map(Text, notes(lags, missing))), refresh=True)
            else:
                show(lags, missing)
            await asyncio.sleep(every)


async def _open(settings: Settings, stack: AsyncExitStack) -> tuple[Watching, str | None]:
    """Kafka must be there; without the database clips and bytes are missing, and why is said."""
    database: Database | None = None
    away = None
    try:
        database = await stack.enter_async_context(database_of(settings))
    except PartUnreachable as error:
        away = str(error)
    return await stack.enter_async_context(Watching(settings, database)), away


def show(lags: Sequence[StageLag], away: str | None) -> None:
    """Print it for people, below one another."""
    console().print(table(lags))
    for line in notes(lags, away):
        click.echo(line)


def table(lags: Iterable[StageLag]) -> Table:
    """One line a stage, in the order given."""
    made = Table(title="Lag", title_justify="left", title_style="bold", box=None, pad_edge=False)
    made.add_column("stage")
    made.add_column("verdict")
    for column in ("messages", "clips", "bytes", "oldest waits", "over in"):
        made.add_column(column, justify="right")
    for one in lags:
        colour = COLOURS.get(one.verdict, "red")
        made.add_row(
            one.stage,
            f"[{colour}]{one.verdict}[/]",
            f"{one.messages:,}",
            "" if one.clips is None else f"{one.clips:,}",
            "" if one.bytes is None else f"{one.bytes:,}",
            period(one.seconds) if one.messages else "",
            _end(one),
        )
    return made


def notes(lags: Iterable[StageLag], away: str | None) -> list[str]:
    """Why something is not OK, a line each."""
    lines = [f"{one.stage}: {reason}" for one in lags for reason in one.reasons]
    return lines + ([f"clips and bytes are missing: {away}"] if away else [])


def _end(one: StageLag) -> str:
    if not one.messages:
        return ""
    return "no end in sight" if one.over_in is None else period(one.over_in)


def period(seconds: float) -> str:
    """A length of time in the two units that matter: `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    whole = round(seconds)
    for unit, name, part, part_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit:
            rest = whole % unit // part
            return f"{whole // unit} {name}" + (f" {rest} {part_name}" if rest else "")
    return f"{whole} s"
