"""Every page in a real browser: nobody is kept out by colours, sizes, a keyboard or a small screen."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from playwright.async_api import Page, ViewportSize, expect

from console.web.app import PAGES
from console.web.people import Role
from streams.settings import load
from tests.browser.chromium import chromium, complaints_of, looked_at
from tests.operations.board_rows import CASES, SUBMISSIONS, everything
from tests.web.house import HOUSE, READY
from tests.web.site import PASSWORD, Site
from tests.web.stops import FILMED, on_record, unmatched
from workers.database.engine import Database
from workers.keys.statements import PURPOSES, now_iso
from workers.operations.board.docks import Dock
from workers.retention.facts import HoldReason
from workers.retention.holding import State, enter
from workers.retention.scopes import check, enter_hold
from workers.retention.shipped import shipped
from workers.retention.statements import HoldRequest
from workers.scrutiny.complaint import Complaint
from workers.scrutiny.holding import complaint_hold
from workers.scrutiny.rows import store_complaint
from workers.scrutiny.statements import ComplaintOpened, complaint_id

WALL, TELEPHONE = ViewportSize(width=1920, height=1080), ViewportSize(width=360, height=740)

SEEN = ("color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block")
"""Rules whose answer depends on the screen and its colours; the others are asked once a page."""

Screen = tuple[ViewportSize, Literal["light", "dark"]]
EACH: tuple[Screen, ...] = ((WALL, "dark"), (TELEPHONE, "light"), (TELEPHONE, "dark"))

WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

PLACES = re.compile(r"{(\w+)}")

NO_PAGES = ("/static/", "/api/", "/board/stream")
"""What the table has beside what people look at."""


class House:
    """The board with something of everything on it, and a browser before it."""

    def __init__(self, site: Site, page: Page) -> None:
        self.site = site
        self.page = page
        self.base = f"http://127.0.0.1:{site.server.port}"

    def shows(self, dock: Dock) -> None:
        """What the program of a dock does."""
        folder = self.site.settings.home / "dock-state"
        folder.mkdir(exist_ok=True)
        draft = self.site.settings.home / "draft"
        draft.write_bytes(msgspec.json.encode(dock))
        os.replace(draft, folder / f"{dock.dock}.json")

    async def sign_in(self, person: str, *roles: Role) -> None:
        """As a person does."""
        self.site.person(person, *roles)
        await self.page.context.clear_cookies()
        await self.page.goto(f"{self.base}/signin")
        await self.page.get_by_label("Warrant number").fill(person)
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.wait_for_url(lambda url: "/signin" not in url)

    async def wrong(self, path: str, screens: Sequence[Screen] = ((TELEPHONE, "dark"),)) -> list[str]:
        """Open a page in light on a wall, and let axe look at it; then, as it is seen, on these: what is wrong."""
        page = self.page
        await page.emulate_media(color_scheme="light", reduced_motion="reduce")
        await page.set_viewport_size(WALL)
        answer = await page.goto(self.base + path)
        assert answer is not None
        if answer.status >= 500:
            return [f"{path}: {answer.status}"]
        found, asked = await looked_at(page)
        # A receipt stands by itself: where nothing leads anywhere, there is nothing to skip.
        links = {"bypass"} if await page.locator("a[href]").count() else set()
        assert {"color-contrast", "document-title", "landmark-one-main"} | links <= asked, "axe looked at nothing"
        for screen, colours in screens:
            await page.emulate_media(color_scheme=colours)
            await page.set_viewport_size(screen)
            found += [f"{colours} {screen['width']}: {one}" for one in (await looked_at(page, SEEN))[0]]
            wider = await page.evaluate(WIDER)
            found += [f"{screen['width']}: {wider} px wider than the screen"] if wider > 0 else []
        return [f"{path}: {one}" for one in found]


@pytest.fixture
async def house(dsn: str, database: Database, tmp_path: Path) -> AsyncIterator[House]:
    await everything(database)
    await database.execute("UPDATE policies SET toml = %s", (shipped("met"),))
    # Nobody answers there: what Kafka alone knows is shown as missing.
    site = Site(load(tmp_path, kafka="127.0.0.1:1", namespace=database.schema, database=dsn), database)
    await site.server.start()
    async with chromium() as browser:
        page = await browser.new_page()
        complaints = complaints_of(page)
        made = House(site, page)
        for dock in HOUSE:
            made.shows(dock)
        yield made
        assert not complaints, complaints
    await site.parts.board.stop()
    await site.close()


async def addresses(house: House, examples: dict[str, str]) -> list[str]:
    """Every page of the table that somebody looks at; those with a place to fill in, filled in with an example."""
    found = []
    for page in PAGES:
        if "GET" not in page.methods or page.path.startswith(NO_PAGES):
            continue
        names = PLACES.findall(page.path)
        assert set(names) <= examples.keys(), f"{page.path}: give an example of it here"
        path = PLACES.sub(lambda place: examples[place.group(1)], page.path)
        if not names or (await house.page.request.get(house.base + path)).headers["content-type"].startswith(
            "text/html"
        ):
            found.append(path)
    return found


async def complained_of(site: Site, clip: str) -> str:
    """A complaint whose outcome was sent, with a hold and what it found."""
    about, at = complaint_id(site.settings.namespace, "CO/00123/26"), datetime(2026, 11, 22, 12, tzinfo=UTC)
    deed = ComplaintOpened("CO/00123/26", HoldReason.CONDUCT, restricted=True)
    hold = complaint_hold(about, deed, {"scope": "incident", "incident": "INC-1"}, by="PSD-1", at=now_iso(at))
    complaint = Complaint(about, deed.reference, deed.reason, deed.restricted, 2, "PSD-1", at, (hold.hold_id,),
                          sent=at.date())  # fmt: skip
    async with site.database.transaction() as connection:
        await store_complaint(connection, complaint)
        await enter_hold(connection, check(hold, site.scene.person.sign(PURPOSES[HoldRequest], hold)))
        await enter(connection, hold.hold_id, clip, State.ACTIVE, "there")
    return about


async def encountered(site: Site) -> str:
    """Two encounters and a clip without one: open, explained by a log, with a reason, filmed. Gives the first's id."""
    clip, wanting = await site.clip("PC-200", **FILMED), await site.clip("PC-100")
    about = await on_record(site, "SS/2026/118204", "PC-100", "PC-200", "PC-300", place="Station forecourt")
    later = await on_record(site, "UF/2026/90021", "PC-200", at="2026-03-03T14:00:00Z", until="2026-03-03T14:04:00Z")
    await unmatched(site, wanting, "PC-100")
    log = "UPDATE encounter_gaps SET explained_by = 'battery_flat' WHERE encounter_id = %s AND officer = %s"
    await site.database.execute(log, (about, "PC-300"))
    said = "UPDATE encounter_gaps SET reason = 'left on charge', reason_by = 'PC-200', reason_at = now()"
    await site.database.execute(f"{said} WHERE encounter_id = %s", (later,))
    await site.database.execute("UPDATE encounter_gaps SET note = 'BWC-3 has not been docked since' WHERE note IS NULL")
    assert clip
    return about


async def test_every_page_can_be_used_by_everybody_on_every_screen(house: House) -> None:
    own = await house.site.clip("PC-100", incident="INC-1")
    other = await house.site.clip("PC-200", standing="secured")
    wrong = await house.wrong("/signin") + await house.wrong("/nothing")
    await house.sign_in("PC-100", *(role for role in Role if role is not Role.PANEL))
    about = await complained_of(house.site, other)
    examples = {"clip": own, "name": "unverified", "stage": "transfer", "derivative": "none"}
    stop = await encountered(house.site)
    examples |= {"case": CASES[0], "submission": SUBMISSIONS[0], "complaint": about, "encounter": stop}
    most = ("/board", "/board?view=wall", "/mine", f"/clips/{own}", "/complaints", f"/complaints/{about}",
            "/encounters", f"/encounters/{stop}")  # fmt: skip
    more = (
        "/encounters?show=open&month=x",
        "/search?officer=PC-100",
        "/search?from=never",
        "/board?view=wall",
        "/complaints?find=x",
    )
    pages = (*await addresses(house, examples), *more)
    assert set(most) <= set(pages)
    for path in pages:
        wrong += await house.wrong(path, EACH if path in most else ((TELEPHONE, "dark"),))
    await house.sign_in("PC-300", Role.OFFICER)
    for path in ("/mine", f"/clips/{other}", "/board"):
        wrong += await house.wrong(path)
    assert not wrong, "\n".join(dict.fromkeys(wrong))


async def test_what_changes_leaves_focus_and_open_lists_alone_and_is_read_aloud(house: House) -> None:
    page = house.page
    await house.sign_in("PC-100", Role.OPERATOR)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()
    await page.get_by_text("Every stage").click()
    await page.get_by_role("link", name="CAM-GAP").focus()
    await page.evaluate("document.activeElement.same = true")
    house.shows(Dock("DOCK-02", (*HOUSE[1].bays, msgspec.structs.replace(READY, bay="BAY-00", camera="CAM-NEW"))))
    await expect(page.get_by_role("link", name="CAM-NEW")).to_contain_text("ready to issue")
    assert await page.evaluate("document.activeElement.same"), "the focus is where it was"
    await expect(page.get_by_role("region", name="Lag of each stage")).to_be_visible()
    await expect(page.get_by_role("status")).to_contain_text("3 ready to issue", timeout=20_000)
    house.site.people.leave("PC-100", "2026-11-22T12:00:00.000Z")
    await expect(page.get_by_text("Not connected")).to_be_visible(timeout=20_000)
