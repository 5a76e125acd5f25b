"""The board as people at the docks use it: a whole system, a real browser, and faults that are really caused.

Four questions are answered from the page alone: which cameras may be taken out, what is stuck and why, how far behind
are we and when is it over, and what must be done first.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from console.web.people import PEOPLE, Cost, People, Role, hashed
from local.ports import kept_ports
from local.sample import Camera
from local.system import BOARD, PORTS
from tests.browser.chromium import chromium, complaints_of
from tests.pipeline.broker import dead_letter, send
from tests.pipeline.pipeline import Pipeline

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]

OPERATOR, PASSWORD = "OPS-0001", "three random words"
SOON = 20_000
"""Milliseconds for something to be seen."""
FOUND = 75_000
"""Milliseconds for a stage that does nothing to be called so: a minute, and what two cores need."""
LARGE = 40_000_000
BACKLOG = 60


class Screen:
    """The board, opened once, in the browser of an operator who has signed in."""

    def __init__(self, system: Pipeline, browser: Browser, page: Page) -> None:
        self.system = system
        self.browser = browser
        self.page = page
        self.base = f"http://127.0.0.1:{kept_ports(system.home / PORTS)[BOARD]}"

    async def open(self) -> None:
        """Sign in, as a person does, and look at the board; the page is marked, to see whether it was loaded again."""
        people = People(self.system.home / PEOPLE)
        people.add(OPERATOR, "Olu Perry", [Role.OPERATOR], hashed(PASSWORD, Cost(4, 8, 1)))
        await self.page.goto(f"{self.base}/board")
        await self.page.get_by_label("Warrant number").fill(OPERATOR)
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Sign in").click()
        await expect(self.page.get_by_role("heading", name="Docks and bays")).to_be_visible()
        await self.page.evaluate("window.opened = 'once'")

    def part(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name)

    def bay(self, camera: str) -> Locator:
        """The bay in which a camera stands."""
        return self.part("Docks and bays").get_by_role("link", name=re.compile(camera))

    async def says(self, camera: str, *words: str | re.Pattern[str]) -> None:
        """Wait until the bay of a camera says all of this."""
        for one in words:
            await expect(self.bay(camera)).to_contain_text(one, timeout=SOON)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def screen(system: Pipeline) -> AsyncIterator[Screen]:
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        complaints = complaints_of(page)
        made = Screen(system, browser, page)
        await made.open()
        yield made
        assert await page.evaluate("window.opened") == "once", "the page was loaded again"
        assert not complaints, complaints


async def docked(system: Pipeline, name: str, sizes: list[int], **sidecar: object) -> Camera:
    """A camera in a bay of its own, whose name has nothing of the camera's."""
    camera = system.filled(name, sizes, **sidecar)
    await system.enrol(name)
    system.dock(camera, f"BAY-IN-VIEW-{name[-1]}")
    return camera


async def test_the_open_page_says_which_cameras_may_be_taken_while_they_come_and_go(screen: Screen) -> None:
    system = screen.system
    small = await docked(system, "SEE-0001", [1000, 2000])
    await screen.says("SEE-0001", "ready to issue")
    async with system.slowed("transfer", 0.05):
        large = await docked(system, "SEE-0002", [LARGE])
        await screen.says("SEE-0002", "leave in", re.compile(r"free about \d\d:\d\d"), re.compile(r"[kM]B/s"))
        await screen.says("SEE-0001", "ready to issue")
        leave = screen.part("At a glance").get_by_role("link", name="leave in")
        await expect(leave).to_contain_text(re.compile(r"next free about \d\d:\d\d"))
    await screen.says("SEE-0002", "ready to issue")
    await system.undock(small)
    await expect(screen.bay("SEE-0001")).to_have_count(0, timeout=SOON)
    await screen.bay("SEE-0002").click()
    await expect(screen.page.get_by_role("heading", name=re.compile("SEE-0002"))).to_contain_text("ready to issue")
    assert list((await system.settled(large)).values()) == ["wiped"], "what was said was true"
    await screen.page.go_back()
    await screen.page.evaluate("window.opened = 'once'")


async def test_without_a_script_the_same_page_is_read_and_loaded_again(screen: Screen) -> None:
    cookies = await screen.page.context.cookies()
    context = await screen.browser.new_context(java_script_enabled=False)
    await context.add_cookies(cookies)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(f"{screen.base}/board")
    plain = Screen(screen.system, screen.browser, page)
    await expect(plain.bay("SEE-0002")).to_contain_text("ready to issue")
    await expect(plain.part("Pipeline")).to_contain_text("Verification")
    await docked(screen.system, "SEE-0003", [1000])
    await screen.says("SEE-0003", "ready to issue")
    await expect(plain.bay("SEE-0003")).to_have_count(0)
    await page.get_by_role("link", name="Load again").click()
    await expect(plain.bay("SEE-0003")).to_contain_text("ready to issue")
    await context.close()


@pytest.fixture(scope="module")
def standstill(system: Pipeline) -> Iterator[ExitStack]:
    """The read-back is frozen, as a process that hangs is; closing this lets it go on."""
    with ExitStack() as frozen:
        frozen.enter_context(system.frozen("verification"))
        yield frozen


async def test_what_wants_a_person_comes_first_with_what_to_do(screen: Screen, standstill: ExitStack) -> None:
    system, first = screen.system, screen.part("What must be done first")
    await docked(system, "SEE-0004", [1000] * BACKLOG)
    await docked(system, "SEE-0005", [1000], sha256="0" * 64)
    await send(system, "uploads.reported", b"this was never JSON", key="SEE-0006")
    await screen.says("SEE-0005", "needs a person")
    await expect(first.get_by_role("link", name=re.compile("quarantine", re.I)).first).to_be_visible(timeout=SOON)
    await dead_letter(system, b"this was never JSON")
    letters = first.get_by_role("link", name=re.compile("dead letter", re.I)).first
    await expect(letters).to_be_visible(timeout=2 * SOON)
    await screen.says("SEE-0004", "leave in", "being read back")


async def test_a_stage_that_hangs_is_named_and_so_is_when_its_backlog_is_over(
    screen: Screen, standstill: ExitStack
) -> None:
    system, pipeline = screen.system, screen.part("Pipeline")
    behind = screen.part("At a glance").get_by_role("link", name=re.compile("clips? behind"))
    wrong = re.compile(r"verification (STALLED|STOPPED): .*messages? wait")
    await expect(pipeline).to_contain_text(wrong, timeout=FOUND)
    await expect(screen.part("What must be done first")).to_contain_text(wrong)
    await expect(behind).to_contain_text(re.compile(rf"{BACKLOG}|no end in sight"))
    async with system.slowed("verification", 0.1):
        standstill.close()
        await expect(behind).to_contain_text(re.compile(r"over about \d\d:\d\d"), timeout=FOUND)
    await screen.says("SEE-0004", "ready to issue")
    await expect(behind).to_contain_text("nothing to catch up", timeout=SOON)
    await expect(pipeline).not_to_contain_text(wrong, timeout=FOUND)
