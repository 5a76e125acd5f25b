"""A board that is served over a real socket and database, without Kafka, and people who are signed in at it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec

from console.web import sessions
from console.web.app import Board
from console.web.csrf import Cookies
from console.web.people import PEOPLE, People, Role
from console.web.visit import Parts
from streams.settings import load
from workers.database.engine import Database
from workers.operations.board.docks import Dock
from workers.prosecution.links.server import LinksServer


class Desk:
    """A board that is served, and people who are signed in at it."""

    def __init__(self, home: Path, database: Database) -> None:
        self.home = home
        self.database = database
        (home / "dock-state").mkdir(parents=True)
        # Nobody answers there: what Kafka alone knows is shown as missing.
        settings = load(home, kafka="127.0.0.1:1", namespace=database.schema)

        async def nothing(*_: object) -> bytearray:
            raise AssertionError("the board neither publishes nor reads footage")

        self.people = People(home / PEOPLE)
        self.parts = Parts(settings=settings, database=database, people=self.people, cookies=Cookies(secure=False),
                           publish=nothing, read=nothing)  # type: ignore[arg-type]  # fmt: skip
        self.server = LinksServer(Board(self.parts).armoured(), "127.0.0.1", 0)

    async def signed_in(self, *roles: Role, person: str = "") -> httpx.AsyncClient:
        """A client with the cookie of somebody new who has these roles."""
        number = person or f"WARRANT-{roles[0].name}"
        made = self.people.add(number, "Somebody", roles)
        async with self.database.transaction() as connection:
            value = await sessions.begin(connection, made, datetime.now(UTC))
        base = f"http://127.0.0.1:{self.server.port}"
        return httpx.AsyncClient(base_url=base, cookies={self.parts.cookies.session: value}, trust_env=False)

    def shows(self, dock: Dock) -> None:
        """What the program of a dock does."""
        draft = self.home / "draft"
        draft.write_bytes(msgspec.json.encode(dock))
        os.replace(draft, self.home / "dock-state" / f"{dock.dock}.json")
