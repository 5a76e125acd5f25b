"""A board and its directory, as browsers meet the two."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from console.web.oidc import Directory
from console.web.oidc_settings import Wanted, wanted_of
from console.web.pages.directory import BACK
from streams.settings import load
from tests.web.provider import CLIENT, SECRET, Provider
from tests.web.site import Browser, Site
from workers.database.engine import Database


class Both:
    """A board and its directory."""

    def __init__(self, site: Site, provider: Provider, directory: Directory) -> None:
        self.site = site
        self.provider = provider
        self.directory = directory
        self.clock = 0.0

    def browser(self) -> Browser:
        return self.site.browser()

    async def away(self, browser: Browser, going: str = "") -> str:
        """Off to the directory and to the address that it leads back to."""
        asked = await browser.get(f"/signin/directory?next={going}")
        assert asked.status_code == 303, asked.text
        async with httpx.AsyncClient(trust_env=False) as there:
            answer = await there.get(asked.headers["location"])
        back = urlsplit(answer.headers["location"])
        assert back.path == BACK
        return f"{back.path}?{back.query}"

    async def sign_in(self, browser: Browser, going: str = "") -> httpx.Response:
        return await browser.get(await self.away(browser, going))

    async def sessions(self) -> list[dict[str, Any]]:
        return await self.site.database.fetch("SELECT * FROM web_sessions")

    def without_groups(self) -> None:
        """The file of people says who may what."""
        self.directory.wanted = Wanted(
            issuer=self.provider.issuer, client=CLIENT, secret=SECRET, person="warrant_number", groups="groups",
            lives=3600, roles=None,
        )  # fmt: skip


@asynccontextmanager
async def both_of(database: Database, home: Path) -> AsyncIterator[Both]:
    """A board whose directory is ours, as the settings name it."""
    provider = Provider()
    await provider.server.start()
    (home / "secret").write_text(SECRET + "\n")
    (home / "secret").chmod(0o600)
    (home / "roles.toml").write_text('BWV = ["officer"]\n"BWV PSD" = ["professional-standards"]\n')
    settings = load(
        home, namespace=database.schema, database=database.dsn, board_oidc_issuer=provider.issuer,
        board_oidc_client=CLIENT, board_oidc_secret="secret", board_oidc_roles="roles.toml",
    )  # fmt: skip
    wanted = wanted_of(settings)
    assert wanted is not None and SECRET not in repr(wanted)
    directory = Directory(wanted, clock=lambda: made.clock)
    made = Both(Site(settings, database, directory=directory), provider, directory)
    await made.site.server.start()
    directory.back = f"http://127.0.0.1:{made.site.server.port}{BACK}"
    yield made
    await made.site.close()
    await directory.close()
    await provider.server.stop()
