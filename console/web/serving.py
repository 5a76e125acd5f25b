"""The board as a process serves it: database, broker and store, and the port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.responses import PlainTextResponse, Response

from console.web.app import PAGES, Board
from console.web.csrf import Cookies
from console.web.guard import Page
from console.web.people import PEOPLE, People
from console.web.visit import Parts, Visit
from streams.engine.byte_threads import ByteThreads, Work
from streams.engine.publishing import Publisher
from streams.settings import Settings
from streams.vaults import open_vault
from workers.database.engine import Database
from workers.fate.outbox import Event
from workers.prosecution.links.bodies import Stored, read_window
from workers.prosecution.links.server import LinksServer
from workers.vault.retry import Limits

READS = Limits(connect=3.0, silence=5.0, request=15.0, tries=2)
"""Of one window from the store: somebody waits at a screen."""
CONNECTIONS = 8
"""To the database at most."""


async def _ready(visit: Visit) -> Response:
    """For the supervisor, or a front: this process answers."""
    return PlainTextResponse("ready\n")


READY = Page("/ready", _ready, public=True)


@asynccontextmanager
async def parts_of(settings: Settings) -> AsyncIterator[Parts]:
    """What the pages work with, from the settings. Kafka and the store are asked when somebody needs them."""
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
                people=People(settings.home / PEOPLE),
                cookies=Cookies(secure=settings.board_url.startswith("https:")),
                publish=publish,
                read=read,
            )
    finally:
        await publisher.stop()
        threads.close()
        vault.close()


async def serve(settings: Settings, stopping: asyncio.Event, opened: Callable[[str], None]) -> None:
    """Serve the board until it is told to stop.

    Args:
        opened: is told the address once it answers.

    Raises:
        ConfigurationInvalid: the port is taken, or the address is not ours.
        DatabaseAway: PostgreSQL does not answer.
    """
    async with parts_of(settings) as parts:
        parts.people.known()  # a file that is none is told now, not to whoever signs in first
        server = LinksServer(Board(parts, (READY, *PAGES)).armoured(), settings.board_host, settings.board_port)
        await server.start()
        try:
            opened(settings.board_url or f"http://{settings.board_host}:{server.port}")
            await stopping.wait()
        finally:
            await server.stop()
            await parts.board.stop()
