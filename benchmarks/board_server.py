"""The board as one process serves it, for its benchmark: `python -m benchmarks.board_server HOME DSN SCHEMA`.

There is no Kafka: what is told is taken as confirmed at once, lag and dead letters are shown as away. It prints its
port and the cookie of an operator, and serves until its input ends.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from console.web import sessions
from console.web.app import Board
from console.web.csrf import Cookies
from console.web.people import PEOPLE, People, Role
from console.web.visit import Parts
from streams.settings import load
from workers.database.engine import Database
from workers.fate.outbox import Event
from workers.prosecution.links.bodies import Stored
from workers.prosecution.links.server import LinksServer

ROLES = (Role.OFFICER, Role.OPERATOR, Role.RECORDS)
"""So that one person may see every page that is measured."""

PERSON = "PC-77"


async def confirmed(event: Event) -> None:
    """Told, and nothing waits for it."""


async def nothing(stored: Stored, offset: int, length: int) -> bytearray:
    """No footage is played here."""
    raise AssertionError("the benchmark plays nothing")


async def serve(home: Path, dsn: str, schema: str) -> None:
    """Serve until the input ends."""
    async with Database(dsn, schema, size=8) as database:
        people = People(home / PEOPLE)
        parts = Parts(settings=load(home, kafka="127.0.0.1:1", namespace=schema), database=database, people=people,
                      cookies=Cookies(secure=False), publish=confirmed, read=nothing)  # fmt: skip
        async with database.transaction() as connection:
            value = await sessions.begin(connection, people.add(PERSON, "Operations", ROLES), datetime.now(UTC))
        server = LinksServer(Board(parts).armoured(), "127.0.0.1", 0)
        await server.start()
        try:
            print(server.port, parts.cookies.session, value, flush=True)
            await asyncio.to_thread(sys.stdin.read)
        finally:
            await server.stop()
            await parts.board.stop()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
