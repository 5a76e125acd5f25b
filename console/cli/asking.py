"""How a command asks a stage for a decision: one signed request, and the stage's answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click
from msgspec import Struct

from console.cli.common import database_of, run, until
from console.cli.counting import counted
from streams.messages import Message, event
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import BrokerAway, PartUnreachable
from workers.retention.answers import Answer, Verdict, answer_to

ANSWERED_WITHIN = 60.0
"""Seconds within which every request is answered (docs/life-of-a-clip.md §3)."""


class Request(Struct, frozen=True):
    """One request that a person makes.

    Attributes:
        cause: what makes it itself; the same cause is the same request.
    """

    topic: str
    message: Message
    key: str
    cause: tuple[object, ...]


async def request(settings: Settings, asked: Iterable[Request]) -> list[str]:
    """Publish requests, confirmed by the broker; returns their ids in order."""
    from streams.engine.publishing import Publisher  # noqa: PLC0415 - Kafka's client; most commands only ask

    publisher = Publisher(settings.kafka, settings.namespace, f"bwv.person.{settings.person}")
    ids = []
    try:
        await publisher.start()
        for one in asked:
            made = event(one.topic, one.message, key=one.key, subject=one.key, source="person", cause=one.cause)
            await publisher.publish(made)
            ids.append(made.id)
    except BrokerAway as error:
        raise PartUnreachable(f"{error}; is it running? (bwv status, bwv up)") from error
    finally:
        await publisher.stop()
    return ids


async def answered(database: Database, asked: str, stage: str, *, patience: float = ANSWERED_WITHIN) -> Answer:
    """The stage's answer to a request.

    Raises:
        PartUnreachable: none within `patience` seconds; the request waits for the stage.
    """
    return await until(lambda: answer_to(database, asked), f"{stage} has not answered", patience)


def settled(
    settings: Settings, stage: str, asked: Sequence[Request], *, what: str = "requests", hidden: bool = False
) -> list[Answer]:
    """Make requests and wait until each is answered, in order.

    Args:
        what: is counted while it goes on, in the plural.
        hidden: show no progress.
    """

    async def work() -> list[Answer]:
        async with database_of(settings) as database:
            ids = await request(settings, asked)
            answers: list[Answer] = []
            with counted(what, len(ids), hidden=hidden or len(ids) == 1) as tell:
                for one in ids:
                    answers.append(await answered(database, one, stage))
                    tell(len(answers))
            return answers

    return run(work())


def exit_code(answers: Iterable[Answer]) -> int:
    """0 if every request was done or is under way, 1 if one was refused."""
    return int(any(answer.verdict is Verdict.REFUSED for answer in answers))


def say(answer: Answer) -> None:
    """Tell a person what was answered."""
    click.echo(answer.says, err=answer.verdict is Verdict.REFUSED)
