"""The published figures as anybody opens them: no script, no network, WCAG 2.2 AA, readable on a telephone."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.statistics.sample import a_year, october
from workers.statistics.areas import Areas
from workers.statistics.publishing import publish

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

SMALL_TEXT = """() => [...document.querySelectorAll('.plot text')].filter(
  (text) => parseFloat(getComputedStyle(text).fontSize) < 13).length"""

CROSSING = """() => [...document.querySelectorAll('.plot')].flatMap((plot) => {
  const texts = [...plot.querySelectorAll('text')].map((text) => text.getBoundingClientRect());
  return texts.filter((one, n) => texts.some((other, m) => m > n && one.right > other.left && one.left < other.right
    && one.bottom > other.top + 2 && one.top < other.bottom - 2));
}).length"""


UNSEEN = "all => all.filter((one) => !one.checkVisibility()).length"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's Chromium. Without one: skipped here, failed in CI."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium on the PATH; .ci/run installs it")
        pytest.skip("no Chromium on the PATH")
    with sync_playwright() as playwright:
        # As root Chromium has no sandbox of its own; what it opens here is ours.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("figures") / "october"
    # One month that nobody published, so that a gap is drawn too.
    publish(october(), Areas(), made, [one for one in a_year() if one.month != "2026-05"])
    return made


def opened(browser: Browser, folder: Path, *, dark: bool = False, width: int = 1100, script: bool = True) -> Page:
    context = browser.new_context(
        offline=True, color_scheme="dark" if dark else "light", java_script_enabled=script,
        viewport={"width": width, "height": 900}, reduced_motion="reduce",
    )  # fmt: skip
    page = context.new_page()
    page.goto((folder / "index.html").as_uri())
    return page


@pytest.mark.parametrize(("dark", "width"), [(True, 1100), (False, 320)])
def test_it_meets_wcag_22_aa_and_fits(browser: Browser, folder: Path, dark: bool, width: int) -> None:
    page = opened(browser, folder, dark=dark, width=width)
    assert page.locator("details:not([open])").count() > 10
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    found = Axe().run(page, options=RULES).response["violations"]
    assert not found, [(one["id"], one["nodes"][0]["html"][:200]) for one in found]
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "WCAG 1.4.10: it is scrolled sideways"
    assert page.evaluate(SMALL_TEXT) == 0
    assert page.evaluate(CROSSING) == 0, "words of a plot stand on one another"
    page.context.close()


def test_what_is_asked_first_stands_first_and_every_table_is_printed(browser: Browser, folder: Path) -> None:
    page = opened(browser, folder, script=False, width=360)
    for figure, told in (("filmed", r"^9\d\.\d%$"), ("kept", r"^3\d\.\d%$")):
        card = page.locator(f".first div:has(a[href='#{figure}'])")
        assert re.match(told, card.locator(".told").inner_text())
        assert page.locator(".first").bounding_box()["y"] < page.locator("main").bounding_box()["y"]  # type: ignore[index]
    assert "33%" in page.locator(".first").inner_text(), "what the press was told stands beside it"
    folded = page.locator("table").evaluate_all(UNSEEN)
    page.emulate_media(media="print")
    missing = page.locator("table").evaluate_all(UNSEEN)
    page.context.close()
    assert folded > 10 and missing == 0, "what is folded on the screen stands on paper"


def test_it_is_whole_without_script_and_asks_nobody(browser: Browser, folder: Path) -> None:
    page = opened(browser, folder, script=False)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    assert asked == [(folder / "index.html").as_uri()]
    assert page.locator("main table").count() >= page.locator(".plot").count() > 10
    for name in ("kept", "filmed", "gaps"):
        box = page.locator(f"#{name} rect.strong, #{name} rect.bar").first.bounding_box()
        assert box is not None and box["width"] > 5
    page.context.close()
