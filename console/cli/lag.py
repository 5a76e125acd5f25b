"""`bwv lag`: how far behind each stage is, whether it lives, and when the backlog is over."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from contextlib import AsyncExitStack

import click
import msgspec
from msgspec import Struct
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from console.cli.common import console, database_of, json_option, run, settings_of, show_json
from streams.lagging import Watching
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import BrokerAway, PartUnreachable
from workers.operations.lag.figures import StageLag
from workers.operations.lag.verdict import Verdict

SECOND_LOOK = 5.0
"""Seconds between the two looks of a command that runs once while something waits: one look shows no movement."""

COLOURS = {Verdict.OK: "green", Verdict.SLOW: "yellow"}


class Seen(Struct, frozen=True):
    """One look, and what it had to do without.

    Attributes:
        stages: the gravest first; empty while Kafka is away.
        database_away, kafka_away: why; None when it answered.
    """

    stages: tuple[StageLag, ...] = ()
    database_away: str | None = None
    kafka_away: str | None = None

    @property
    def wants_a_person(self) -> bool:
        """Whether somebody should look."""
        return bool(self.database_away or self.kafka_away) or any(one.wants_a_person for one in self.stages)

    def notes(self) -> list[str]:
        """Why something is not OK, a line each."""
        lines = [f"{one.stage}: {reason}" for one in self.stages for reason in one.reasons]
        if self.database_away:
            lines.append(f"clips and bytes are missing: {self.database_away}")
        if self.kafka_away:
            lines.append(f"lag is not known: {self.kafka_away}")
        return lines


@click.command()
@click.option("--watch", is_flag=True, help="Look again and again until Ctrl-C.")
@click.option("--every", type=click.FloatRange(0.2, 60), default=5.0, show_default=True, help="Seconds between looks.")
@json_option
@click.pass_context
def lag(context: click.Context, watch: bool, every: float, as_json: bool) -> None:
    """How far behind each stage is: in messages, clips, bytes and seconds, and when that is over.

    OK: nothing waits, or it is worked off. SLOW: it falls behind. STALLED: it is there, and nothing moves. STOPPED:
    nobody is there. REWOUND: its position went back. A stage is called STALLED after 40 s without movement, so a
    command that runs once knows it only if the board, the alarms or a `bwv lag` before it has looked. Exit 1 when a
    stage is not OK, 3 when Kafka does not answer; with --watch it is waited for. With --watch and --json: one document
    a line.
    """
    settings = settings_of(context)
    if watch:
        run(_watch(settings, every, as_json))
        return
    seen = run(look_once(settings))
    if as_json:
        show_json(seen)
    else:
        show(seen)
    context.exit(1 if seen.wants_a_person else 0)


async def look_once(settings: Settings) -> Seen:
    """One look, or two a few seconds apart where something waits and nobody has looked lately.

    Raises:
        BrokerAway: Kafka does not answer.
    """
    async with AsyncExitStack() as stack:
        database, away = await _database(settings, stack)
        watching = await stack.enter_async_context(Watching(settings, database))
        lags = await watching.now()
        if any(one.messages for one in lags) and not watching.sees_a_trend:
            await asyncio.sleep(SECOND_LOOK)
            lags = await watching.now()
        return Seen(lags, away or watching.database_away)


async def _watch(settings: Settings, every: float, as_json: bool) -> None:
    async with AsyncExitStack() as stack:
        watching = Watching(settings, None)
        stack.push_async_exit(watching.__aexit__)
        live = None
        if sys.stdout.isatty() and not as_json:
            live = stack.enter_context(Live(console=console(), auto_refresh=False))
        while True:
            seen = await _look(watching, stack)
            if as_json:
                click.echo(msgspec.json.encode(seen).decode())
            elif live is not None:
                live.update(Group(table(seen.stages), *map(Text, seen.notes())), refresh=True)
            else:
                show(seen)
            await asyncio.sleep(every)


async def _look(watching: Watching, stack: AsyncExitStack) -> Seen:
    """One look; what is away is said, and asked again at the next one."""
    away = None
    if watching.database is None:
        watching.database, away = await _database(watching.settings, stack)
    try:
        return Seen(await watching.now(), away or watching.database_away)
    except BrokerAway as kafka:
        return Seen((), away or watching.database_away, str(kafka))


async def _database(settings: Settings, stack: AsyncExitStack) -> tuple[Database | None, str | None]:
    """Without the database clips and bytes are missing, and why is said."""
    try:
        return await stack.enter_async_context(database_of(settings)), None
    except PartUnreachable as error:
        return None, str(error)


def show(seen: Seen) -> None:
    """Print it for people, below one another."""
    if seen.stages:
        console().print(table(seen.stages))
    for line in seen.notes():
        click.echo(line)


def table(lags: Iterable[StageLag]) -> Table:
    """One line a stage, in the order given."""
    made = Table(title="Lag", title_justify="left", title_style="bold", box=None, pad_edge=False)
    made.add_column("stage")
    made.add_column("verdict")
    for column in ("messages", "clips", "bytes", "oldest waits", "over in"):
        made.add_column(column, justify="right")
    for one in lags:
        made.add_row(
            one.stage,
            verdict_of(one),
            f"{one.messages:,}",
            "" if one.clips is None else f"{one.clips:,}",
            "" if one.bytes is None else f"{one.bytes:,}",
            period(one.seconds) if one.messages else "",
            _end(one),
        )
    return made


def verdict_of(one: StageLag) -> str:
    """The verdict in its colour, as rich marks it up."""
    return f"[{COLOURS.get(one.verdict, 'red')}]{one.verdict}[/]"


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
