"""The board as a browser gets it: everything on one page, every number a link that leads to its list, and changes."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest

from console.web import sessions
from console.web.app import Board
from console.web.csrf import Cookies
from console.web.pages.board_drawing import PARTS
from console.web.pages.board_watch import Slow
from console.web.people import PEOPLE, People, Role
from console.web.visit import Parts
from streams.settings import load
from tests.operations.board_rows import everything
from tests.operations.test_board import BROKEN, DOCKS, bay
from workers.database.engine import Database
from workers.errors import BrokerAway
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

    async def signed_in(self, role: Role) -> httpx.AsyncClient:
        person = self.people.add(f"WARRANT-{role.name}", "Somebody", [role])
        async with self.database.transaction() as connection:
            value = await sessions.begin(connection, person, datetime.now(UTC))
        base = f"http://127.0.0.1:{self.server.port}"
        return httpx.AsyncClient(base_url=base, cookies={self.parts.cookies.session: value}, trust_env=False)

    def shows(self, dock: Dock) -> None:
        """What the program of a dock does."""
        draft = self.home / "draft"
        draft.write_bytes(msgspec.json.encode(dock))
        os.replace(draft, self.home / "dock-state" / f"{dock.dock}.json")


@pytest.fixture
async def desk(tmp_path: Path, database: Database) -> AsyncIterator[Desk]:
    made = Desk(tmp_path / "home", database)
    await made.server.start()
    yield made
    await made.server.stop()
    await made.parts.board.stop()


async def test_every_link_of_the_board_leads_somewhere_and_every_list_to_its_clips(desk: Desk) -> None:
    await everything(desk.database)
    for dock in DOCKS:
        desk.shows(dock)
    async with await desk.signed_in(Role.OPERATOR) as operator:
        page = await operator.get("/board")
        assert page.status_code == 200 and "script-src 'self'" in page.headers["content-security-policy"]
        assert not re.search(r"<script>|<style|style=|\son\w+=", page.text), "nothing that the policy forbids"
        for text in ("CAM-BAY-03", "needs a person", "may be taken", "DOCK-01", "20 s", "Do first", "in quarantine"):
            assert text in page.text, text
        links = {
            link.replace("&amp;", "&").partition("#")[0] for link in re.findall(r'href="(/board[^"]*)"', page.text)
        }
        assert len(links) > 20
        clips: set[str] = set()
        for link in sorted(links):
            there = await operator.get(link)
            assert there.status_code == 200, link
            clips.update(re.findall(r'href="/clips/([^"]+)"', there.text))
        rows = await desk.database.fetch("SELECT clip_id FROM clip_fate")
        assert len(clips) > 10 and clips <= {row["clip_id"] for row in rows}
        told = (await operator.get("/api/board")).json()
        assert told["counts"]["quarantine"] == 1 and told["summary"]["codes"]["failed"] == 1
        lines = (await operator.get("/api/board/lists/quarantine")).json()["lines"]
        assert [line["says"] for line in lines] == ["the digest differs"]
        assert (await operator.get("/board/lists/nothing")).status_code == 404
        assert (await operator.get("/board/lists/bin?sort=soon&id=x")).status_code == 400
        assert (await operator.get("/board/bays?code=nothing")).status_code == 404


async def test_whoever_is_not_on_duty_for_it_sees_no_board(desk: Desk) -> None:
    for role in (Role.OFFICER, Role.PANEL):
        async with await desk.signed_in(role) as other:
            for path in ("/board", "/board/stream", "/board/lists/bin", "/api/board"):
                assert (await other.get(path)).status_code == 403, (role, path)


async def test_names_from_outside_are_text_and_never_markup(desk: Desk) -> None:
    odd = "<img src=x onerror=alert(1)>"
    desk.shows(Dock("DOCK-01", (msgspec.structs.replace(bay("BAY-01", BROKEN), camera=odd, sign=odd),)))
    async with await desk.signed_in(Role.SUPERVISOR) as supervisor:
        for path in ("/board", "/board/bays"):
            page = await supervisor.get(path)
            assert "<img" not in page.text and "&lt;img" in page.text, path


async def test_a_change_in_a_dock_reaches_the_browser_within_two_seconds(desk: Desk) -> None:
    desk.shows(DOCKS[0])
    async with await desk.signed_in(Role.OPERATOR) as operator, operator.stream("GET", "/board/stream") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        told = _parts(stream)
        first = {(await anext(told))[0] for _ in PARTS}
        assert first == set(PARTS)
        began = asyncio.get_running_loop().time()
        desk.shows(Dock("DOCK-02", (bay("BAY-01", BROKEN),)))
        async with asyncio.timeout(10):
            async for part, html in told:
                if part == "docks" and "needs a person" in html:
                    break
        assert asyncio.get_running_loop().time() - began < 2
        assert "may be taken" not in html


async def test_a_part_that_is_away_takes_only_its_own_figures_along(desk: Desk) -> None:
    async with await desk.signed_in(Role.ADMINISTRATOR) as administrator:
        watch = desk.parts.board.watch(desk.parts.settings, desk.database)
        for slow in (watch.letters, watch.lags, watch.totals):
            await slow.settled()
        told = (await administrator.get("/api/board")).json()
        assert told["letters"] is None and any("Kafka" in why for why in told["away"])
        assert told["totals"]["clips"] == 0 and told["counts"]["unverified"] == 0
        page = await administrator.get("/board")
        assert "Not answering just now" in page.text


async def _parts(stream: httpx.Response) -> AsyncIterator[tuple[str, str]]:
    async for line in stream.aiter_lines():
        if line.startswith("data: "):
            part = msgspec.json.decode(line.removeprefix("data: "))
            yield part["id"], part["html"]


async def test_what_fails_in_the_background_is_said_and_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    answers = iter([7, RuntimeError("odd"), BrokerAway("Kafka does not answer"), 8])

    async def ask() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    slow = Slow("lag", ask, every=0.0)
    seen = [(await slow.settled(), slow.away) for _ in range(4)]
    assert seen == [(7, ""), (7, "The lag cannot be read: RuntimeError"), (7, "Kafka does not answer"), (8, "")]
    assert "cannot read the lag" in caplog.text
