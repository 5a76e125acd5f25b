"""The board as a process serves it: database, broker and store, and the port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.responses import PlainTextResponse, Response

from console.web.app import PAGES, Board
from console.web.csrf import Cookies
from console.web.guard import Page
from console.web.oidc import Directory
from console.web.oidc_settings import wanted_of
from console.web.pages.directory import BACK
from console.web.people import PEOPLE, People
from console.web.people_file import PeopleFile
from console.web.visit import Parts, Visit
from streams.engine.byte_threads import ByteThreads, Work
from streams.engine.publishing import Publisher
from streams.settings import Settings
from streams.vaults import open_vault
from workers.database.engine import Database
from workers.errors import ConfigurationInvalid, DatabaseAway
from workers.fate.outbox import Event
from workers.prosecution.links.bodies import Stored, read_window
from workers.prosecution.links.server import LinksServer
from workers.vault.retry import Limits

READS = Limits(connect=3.0, silence=5.0, request=15.0, tries=2)
"""Of one window from the store: somebody waits at a screen."""
CONNECTIONS = 8
"""To the database at most."""
BROWSERS = 600
"""Connections of browsers at once: every live board there may be (STREAMS), and twice as many pages."""


READY_WITHIN = 2.0
"""Seconds for the database to answer, when somebody asks whether the board is ready."""


async def _live(visit: Visit) -> Response:
    """For the supervisor: this process answers."""
    return PlainTextResponse("live\n")


async def _ready(visit: Visit) -> Response:
    """For the supervisor, or a front: people can sign in. Kafka and the store are told of where they are needed."""
    try:
        async with asyncio.timeout(READY_WITHIN):
            await visit.parts.database.fetch_one("SELECT 1 FROM web_sessions LIMIT 1")
    except (DatabaseAway, TimeoutError):
        return PlainTextResponse("the database does not answer\n", 503)
    return PlainTextResponse("ready\n")


HEALTH = (Page("/live", _live, public=True, asks=False), Page("/ready", _ready, public=True, asks=False))
"""Beside the pages; nothing about people or clips."""


@asynccontextmanager
async def parts_of(settings: Settings) -> AsyncIterator[Parts]:
    """What the pages work with, from the settings. Kafka, the store and the directory are asked when they are needed.

    Raises:
        ConfigurationInvalid: a setting, or a file that one names, cannot be right.
        DatabaseAway: PostgreSQL does not answer.
    """
    wanted, people = wanted_of(settings), People(settings.home / PEOPLE)
    people.known()  # a file that is none is told now, not to whoever signs in first
    people_file = _people_file(settings, people)
    directory = None if wanted is None else Directory(wanted)
    vault = open_vault(settings, "prosecution", limits=READS)
    threads = ByteThreads(settings, "board")
    publisher = Publisher(settings.kafka, settings.namespace, "bwv.board")

    async def read(stored: Stored, offset: int, length: int) -> bytearray:
        return await threads.run(Work(), lambda: read_window(vault, stored, offset, length))

    async def publish(event: Event) -> None:
        await publisher.publish(event)

    try:
        async with Database(settings.database, settings.namespace, size=CONNECTIONS) as database:
            yield Parts(
                settings=settings,
                database=database,
                people=people,
                cookies=Cookies(secure=settings.board_url.startswith("https:")),
                publish=publish,
                read=read,
                directory=directory,
                people_file=people_file,
            )
    finally:
        await publisher.stop()
        if directory is not None:
            await directory.close()
        threads.close()
        vault.close()


def _people_file(settings: Settings, people: People) -> PeopleFile | None:
    if not settings.people_file:
        return None
    path = settings.home / settings.people_file
    if not path.is_file():
        raise ConfigurationInvalid(
            f"people_file: there is no file {path}; expected a CSV of everybody (bwv people sync)"
        )
    return PeopleFile(people, path, settings.people_every)


async def serve(settings: Settings, stopping: asyncio.Event, opened: Callable[[str], None]) -> None:
    """Serve the board until it is told to stop.

    Args:
        opened: is told the address once it answers.

    Raises:
        ConfigurationInvalid: the port is taken, the address is not ours, or a setting cannot be right.
        DatabaseAway: PostgreSQL does not answer.
    """
    async with parts_of(settings) as parts:
        if parts.people_file is not None:
            await asyncio.to_thread(parts.people_file.read)  # before anybody is let in by what it was yesterday
        server = LinksServer(
            Board(parts, (*HEALTH, *PAGES)).armoured(), settings.board_host, settings.board_port,
            connections=BROWSERS, what="the board",
        )  # fmt: skip
        await server.start()
        parts.board.watch(parts.settings, parts.database).start()  # whoever comes first is shown figures at once
        address = settings.board_url.rstrip("/") or f"http://{settings.board_host}:{server.port}"
        if parts.directory is not None:
            parts.directory.back = address + BACK
        work: list[asyncio.Task[Any]] = [asyncio.create_task(stopping.wait())]
        if parts.people_file is not None:
            work.append(asyncio.create_task(parts.people_file.keep_reading()))
        try:
            opened(address)
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            for ended in done:
                ended.result()  # a reading that broke ends the program, loudly
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            await server.stop()
            await parts.board.stop()
