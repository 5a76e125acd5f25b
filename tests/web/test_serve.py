"""`bwv serve`: ready when people can sign in, ended in order, and an exit code that says why it would not start."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from console.cli.main import exit_code_of
from console.web.people import PEOPLE, People, Role
from console.web.serving import HEALTH, serve
from streams.settings import load
from tests.web.site import CHEAP, Browser, Site
from workers.database.engine import Database
from workers.errors import BwvError

STARTS_WITHIN, STOPS_WITHIN = 60.0, 10.0


@pytest.fixture
def home(dsn: str, emptied: Database, tmp_path: Path) -> Path:
    """A home as `bwv up` leaves it: a database, and a Kafka and a store that are away."""
    (tmp_path / "credentials").mkdir(mode=0o700)
    keys = tmp_path / "credentials" / "prosecution.json"
    keys.write_text('{"access_key": "prosecution", "secret_key": "a secret of the store"}')
    keys.chmod(0o600)
    (tmp_path / "stack.toml").write_text(
        f"database = {json.dumps(dsn)}\nnamespace = '{emptied.schema}'\nkafka = '127.0.0.1:1'\n"
        "store = 'http://127.0.0.1:1'\n"
    )
    (tmp_path / "dock-state").mkdir()
    return tmp_path


@pytest.fixture
async def process(home: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program, as a service runs it."""
    everybody = "warrant,name,roles\nPC-100,A Smith,operator officer\nPC-200,B Jones,officer\n"
    (home / "everybody.csv").write_text(everybody)
    (home / "settings.toml").write_text("people_file = 'everybody.csv'\n")
    People(home / PEOPLE).add("PC-100", "A Smith", [Role.OPERATOR], CHEAP)
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "console.cli.main", "--home", str(home), "serve", "--port", "0", "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    yield made
    if made.returncode is None:
        made.kill()
        await made.wait()


async def test_it_serves_reads_who_joins_and_ends_in_order_while_somebody_watches(
    home: Path, process: asyncio.subprocess.Process
) -> None:
    assert process.stdout is not None and process.stderr is not None
    async with asyncio.timeout(STARTS_WITHIN):
        said = (await process.stdout.readuntil(b"}\n")).decode()
    browser = Browser(json.loads(said)["url"])
    for page in HEALTH:
        answer = await browser.get(page.path)
        assert (answer.status_code, answer.text) == (200, f"{page.path[1:]}\n")
    assert (await browser.sign_in("PC-100")).status_code == 303
    async with browser.http.stream("GET", "/board/stream") as watching:
        assert watching.status_code == 200
        await anext(watching.aiter_bytes())
        joined = People(home / PEOPLE).find("PC-200")
        assert joined is not None and joined.name == "B Jones", "the file was read before anybody was served a board"
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOPS_WITHIN):
            log = (await process.stderr.read()).decode()
            assert await process.wait() == 0
    await browser.http.aclose()
    lines = [json.loads(line) for line in log.splitlines()]
    assert any("1 joined, 1 moved, 0 left" in line["event"] for line in lines), log
    assert all(line["stage"] == "board" for line in lines) and "a secret of the store" not in log


async def code(home: Path, **changes: Any) -> tuple[int, str]:
    """The exit code with which it refuses to start, and what it says."""
    with pytest.raises(BwvError) as refused:
        async with asyncio.timeout(30):
            await serve(load(home, **changes), asyncio.Event(), lambda url: pytest.fail(f"it serves at {url}"))
    return exit_code_of(refused.value), str(refused.value)


async def test_its_exit_code_says_why_it_does_not_start(home: Path) -> None:
    async def expect(number: int, says: str, **changes: Any) -> None:
        found, said = await code(home, **changes)
        assert (found, says in said) == (number, True), said

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        await expect(2, "cannot be served", board_port=taken.getsockname()[1])
    await expect(3, "PostgreSQL", database="host=127.0.0.1 port=1 connect_timeout=2")
    await expect(2, "board_fronts", board_fronts="front.example")
    await expect(2, "https", board_oidc_issuer="http://directory.example", board_oidc_client="board")
    await expect(2, "people_file", people_file="missing.csv")
    await expect(2, "no credentials", credentials=home / "nowhere")
    People(home / PEOPLE).add("PC-100", "A Smith", [Role.OFFICER])
    (home / PEOPLE).chmod(0o644)
    await expect(2, "chmod 600")


async def test_it_is_not_ready_while_the_database_is_away_and_lives_all_the_same(site: Site) -> None:
    made = Site(site.settings, site.database, HEALTH)
    await made.server.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{made.server.port}") as probe:
        await site.database.execute("ALTER TABLE web_sessions RENAME TO web_sessions_away")
        try:
            found = [(await probe.get(page.path)).status_code for page in HEALTH]
        finally:
            await site.database.execute("ALTER TABLE web_sessions_away RENAME TO web_sessions")
    await made.close()
    assert found == [200, 503]
