"""What the verbs share: settings, a database for one command, output for people or for scripts."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from streams.messages import Message, event
from streams.settings import Settings, load
from workers.database.engine import Database, Parameters, Row
from workers.decoding import know_types
from workers.errors import BrokerAway, ConfigurationInvalid, DatabaseAway, PartUnreachable
from workers.keys.signing import Role, Signed, Signer
from workers.keys.statements import PURPOSES

T = TypeVar("T")

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document for scripts.")

WIDE = 220
"""Columns of a table that is not read on a terminal: nothing is folded in a log."""

PATIENCE = 20.0
"""Seconds that a command waits for a stage to act on what it published."""


def settings_of(context: click.Context, **overrides: Any) -> Settings:
    """The settings that this command works with."""
    home = context.obj.get("home") if context.obj else None
    return load(Path(home) if home else None, **overrides)


def console() -> Console:
    """Where people read: colours and width of the terminal, plain text in a pipe."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def show_json(value: Any) -> None:
    """Print one JSON document."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=1).decode())


def show_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    console().print(table)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine."""
    know_types()
    return asyncio.run(work)


@asynccontextmanager
async def database_of(settings: Settings) -> AsyncIterator[Database]:
    """A database for one command; says how to start it when it does not answer."""
    if not settings.database:
        raise PartUnreachable(f"no system is set up under {settings.home}; start it with: bwv up")
    try:
        async with Database(settings.database, settings.namespace, size=1) as database:
            yield database
    except DatabaseAway as error:
        raise PartUnreachable(f"{error}; is it running? (bwv status, bwv up)") from error


def ask(settings: Settings, statement: str, parameters: Parameters = ()) -> list[Row]:
    """Ask the database one question."""

    async def work() -> list[Row]:
        async with database_of(settings) as database:
            return await database.fetch(statement, parameters)

    return run(work())


def person(settings: Settings) -> Signer:
    """The key of the person who gives this command."""
    path = settings.keys / "person" / f"{settings.person}.pem"
    if not path.exists():
        raise ConfigurationInvalid(
            f"every decision names a person, and {settings.person} has no key at {path}; make one with: "
            f"bwv keys new person {settings.person}, or set BWV_PERSON"
        )
    return Signer.load(Role.PERSON, settings.person, path)


def signed_by_person(settings: Settings, body: Struct) -> Signed:
    """Sign a statement with the key of the person who gives this command."""
    return person(settings).sign(PURPOSES[type(body)], body)


async def announce(settings: Settings, topic: str, message: Message, *, key: str, cause: tuple[object, ...]) -> None:
    """Publish one message, confirmed by the broker."""
    from streams.engine.publishing import Publisher  # noqa: PLC0415 - Kafka's client; most commands only ask

    publisher = Publisher(settings.kafka, settings.namespace, f"bwv.person.{settings.person}")
    try:
        await publisher.start()
        await publisher.publish(event(topic, message, key=key, subject=key, source="person", cause=cause))
    except BrokerAway as error:
        raise PartUnreachable(f"{error}; is it running? (bwv status, bwv up)") from error
    finally:
        await publisher.stop()


async def until(condition: Callable[[], Awaitable[T | None]], what: str, patience: float = PATIENCE) -> T:
    """Ask until the answer is there; raise PartUnreachable that names what was waited for."""
    end = time.monotonic() + patience
    while True:
        answer = await condition()
        if answer is not None:
            return answer
        if time.monotonic() > end:
            raise PartUnreachable(f"{what} within {patience:g} s; it will once the stage runs again (bwv status)")
        await asyncio.sleep(0.1)
