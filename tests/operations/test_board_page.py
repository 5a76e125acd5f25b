"""The board as a browser gets it: everything on one page, every number a link that leads to its list, and changes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from console.web.pages.board_asking import Asking
from console.web.pages.board_drawing import PARTS
from console.web.people import Role
from tests.operations.board_desk import Desk
from tests.operations.board_rows import everything
from tests.operations.test_board import BROKEN, DOCKS, bay
from workers.database.engine import execute
from workers.errors import BrokerAway
from workers.operations.board.docks import Dock


async def test_every_link_of_the_board_leads_somewhere_and_every_list_to_its_clips(desk: Desk) -> None:
    await everything(desk.database)
    for dock in DOCKS:
        desk.shows(dock)
    async with await desk.signed_in(Role.OPERATOR) as operator:
        page = await operator.get("/board")
        assert page.status_code == 200 and "script-src 'self'" in page.headers["content-security-policy"]
        assert not re.search(r"<script>|<style|style=|\son\w+=", page.text), "nothing that the policy forbids"
        for text in ("CAM-BAY-03", "needs a person", "may be taken", "DOCK-01", "Do first", "in quarantine"):
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
        told = (await operator.get("/api/v1/board")).json()
        assert told["counts"]["quarantine"] == 1 and told["summary"]["codes"]["failed"] == 1
        lines = (await operator.get("/api/v1/lists/quarantine")).json()["lines"]
        assert [line["says"] for line in lines] == ["the digest differs"]
        assert (await operator.get("/board/lists/nothing")).status_code == 404
        assert (await operator.get("/board/lists/bin?sort=soon&id=x")).status_code == 400
        assert (await operator.get("/board/bays?code=nothing")).status_code == 404


async def test_whoever_is_not_on_duty_for_it_sees_no_board(desk: Desk) -> None:
    for role in (Role.OFFICER, Role.PANEL):
        async with await desk.signed_in(role) as other:
            for path in ("/board", "/board/stream", "/board/lists/bin", "/api/v1/board"):
                assert (await other.get(path)).status_code == 403, (role, path)


async def test_names_from_outside_are_text_and_never_markup(desk: Desk) -> None:
    odd = "<img src=x onerror=alert(1)>"
    desk.shows(Dock("DOCK-01", (msgspec.structs.replace(bay("BAY-01", BROKEN), camera=odd, sign=odd),)))
    async with await desk.signed_in(Role.SUPERVISOR) as supervisor:
        for path in ("/board", "/board/bays"):
            page = await supervisor.get(path)
            assert "<img src=x" not in page.text and "&lt;img src=x" in page.text, path


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


async def test_whoever_has_left_is_told_nothing_more_by_a_page_that_is_open(desk: Desk) -> None:
    desk.shows(DOCKS[0])
    async with await desk.signed_in(Role.OPERATOR) as operator, await desk.signed_in(Role.AUDITOR) as auditor:
        async with operator.stream("GET", "/board/stream") as theirs, auditor.stream("GET", "/board/stream") as others:
            told, still_told = _parts(theirs), _parts(others)
            for _ in PARTS:
                await anext(told)
                await anext(still_told)
            desk.people.leave("WARRANT-OPERATOR", "2026-11-22T12:00:00.000Z")
            async with asyncio.timeout(10):
                assert [part async for part, _ in told if part not in PARTS] == [], "it ends by itself"
            desk.shows(Dock("DOCK-02", (bay("BAY-01", BROKEN),)))
            async with asyncio.timeout(10):
                assert any(["DOCK-02" in html async for _, html in _until(still_told, "DOCK-02")])
        assert (await operator.get("/board/stream", headers={"accept": "text/event-stream"})).status_code == 401


async def _until(told: AsyncIterator[tuple[str, str]], words: str) -> AsyncIterator[tuple[str, str]]:
    async for part, html in told:
        yield part, html
        if words in html:
            return


async def test_a_part_that_is_away_takes_only_its_own_figures_along(desk: Desk) -> None:
    async with await desk.signed_in(Role.ADMINISTRATOR) as administrator:
        watch = desk.parts.board.watch(desk.parts.settings, desk.database)
        for group in (watch.sources.letters, watch.sources.lags, watch.sources.totals):
            await group.settled()
        told = (await administrator.get("/api/v1/board")).json()
        assert told["letters"] is None and any("Kafka" in why for why in told["away"])
        assert told["totals"]["clips"] == 0 and told["counts"]["unverified"] == 0
        page = await administrator.get("/board")
        assert "Not answering just now" in page.text


async def test_a_database_that_takes_its_time_holds_up_neither_a_page_nor_the_docks(desk: Desk) -> None:
    watch = desk.parts.board.watch(desk.parts.settings, desk.database)
    async with await desk.signed_in(Role.OPERATOR) as operator:
        first = seen = await watch.board()
        async with desk.database.transaction() as connection:
            await execute(connection, "LOCK TABLE gaps IN ACCESS EXCLUSIVE MODE")
            desk.shows(DOCKS[0])
            async with asyncio.timeout(8):
                while not seen.docks:
                    seen = await watch.newer(seen, 1.0)
                assert "CAM-BAY-01" in (await operator.get("/board")).text
            assert seen.at > first.at and seen.asked.rows and first.asked.rows
            assert seen.asked.rows < seen.at, "and the other figures say of when they are"
        freed = seen
        async with asyncio.timeout(8):
            while not seen.asked.rows or seen.asked.rows <= freed.at:
                seen = await watch.newer(seen, 1.0)


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

    group = Asking("lag", ask, every=0.0)
    seen = [(await group.settled(), group.away) for _ in range(4)]
    assert seen == [(7, ""), (7, "The lag cannot be read: RuntimeError"), (7, "Kafka does not answer"), (8, "")]
    assert "cannot read the lag" in caplog.text
