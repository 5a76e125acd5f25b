"""A package's page as a prosecutor opens it: a file in a browser that has no network."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright

from local.credentials import store_roles
from local.stack import BUCKET, POLICIES
from local.store import Store
from tests.prosecution.packed import Packs, packs
from workers.custody import bwv_verify
from workers.prosecution.statements import Recipient

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


PLAYS = """video => new Promise((plays, fails) => {
  if (video.currentTime > 0) plays();
  video.ontimeupdate = () => video.currentTime > 0 && plays();
  video.onerror = () => fails(new Error(video.error.message));
})"""


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
def made(browser: Browser, dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Packs:
    """A package for each recipient."""
    home = tmp_path_factory.mktemp("browser")
    store = Store(home / "store", store_roles(home / "credentials", POLICIES), bucket=BUCKET)
    store.start()

    def make() -> Packs:
        return asyncio.run(packs(home, store.endpoint, BUCKET, dsn, home))

    try:
        with ThreadPoolExecutor(1) as thread:  # Playwright's own loop runs in this one.
            return thread.submit(make).result()
    finally:
        store.stop()


@pytest.fixture
def copy(made: Packs, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.folder(Recipient.CPS), tmp_path / "package"))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without network that fails the test for any complaint of the browser."""
    context = browser.new_context(offline=True)
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("requestfailed", lambda asked: complaints.append(f"failed: {asked.url}"))
    yield page
    context.close()
    assert not complaints, complaints


def opened(page: Page, folder: Path) -> Page:
    page.goto((folder / bwv_verify.PAGE).as_uri())
    return page


def checked(page: Page, folder: Path) -> str:
    """What the page says of a chosen folder."""
    page.set_input_files("#folder", folder)
    page.wait_for_selector("#verdict:not([hidden])", timeout=60_000)
    return page.inner_text("#verdict")


def test_an_exhibit_plays_where_it_begins_and_nothing_is_fetched(page: Page, copy: Path) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    opened(page, copy)
    assert page.locator(".exhibits > li").count() == 3
    page.evaluate("Promise.all([...document.images].filter((i) => i.src).map((i) => i.decode()))")
    page.get_by_role("button", name="Play").nth(1).click()
    page.locator("video").evaluate(PLAYS)
    assert page.inner_text("#player h3") == "JS/2: the caution"
    assert page.evaluate("document.querySelector('video').src").endswith("data/exhibits/JS-2/JS-2.mp4")
    assert asked and all(url.startswith("file:///") for url in asked)
    words = page.inner_text("#proof")
    for said in ("unchanged since DOCK-1 computed its digest at", "Before that: CAM-1 stated the same digest"):
        assert said in words
    assert "MG6D" in page.inner_text("#drafts") and "I produce body-worn video JS/1" in page.inner_text("#statements")


def test_the_page_hashes_a_folder_itself_as_other_programs_do(page: Page, made: Packs, copy: Path) -> None:
    verdict = checked(opened(page, copy), copy)
    files = [path for path in copy.rglob("*") if path.is_file()]
    assert verdict == f"✓ All {len(files)} files are as they were packed, and nothing is missing or added."
    assert page.inner_text("#seal") == made.seals[Recipient.CPS]
    rows = {row.locator("th").inner_text(): row for row in page.locator("#results tr").all()}
    assert set(rows) == {path.relative_to(copy).as_posix() for path in files}
    for path in (copy / "data/exhibits/JS-1/JS-1.mp4", copy / "bagit.txt"):
        ran = subprocess.run(["sha256sum", str(path)], capture_output=True, text=True, check=True, timeout=30)
        assert rows[path.relative_to(copy).as_posix()].locator("td.digest").inner_text() == ran.stdout.split()[0]


def test_the_page_says_what_was_changed_added_or_is_missing(page: Page, copy: Path) -> None:
    media, listed = copy / "data/exhibits/JS-1/JS-1.mp4", copy / bwv_verify.PAYLOAD_LIST
    data = media.read_bytes()
    media.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    (copy / "data/extra.txt").write_text("more")
    (copy / "data/case.json").unlink()
    assert checked(opened(page, copy), copy).startswith("✗ 3 of ")
    said = {row.locator("th").inner_text(): row.locator("td").first.inner_text()
            for row in page.locator("#results tr:has(td.bad)").all()}  # fmt: skip
    assert said == {
        "data/exhibits/JS-1/JS-1.mp4": "✗ CHANGED",
        "data/extra.txt": "✗ NOT PART OF THE PACKAGE",
        "data/case.json": "✗ MISSING",
    }
    listed.unlink()
    assert "This folder is no package" in checked(opened(page, copy), copy)


def test_the_digest_is_right_for_every_length_around_a_block(page: Page, copy: Path, tmp_path: Path) -> None:
    """Paddings of SHA-256 differ by length; and a file of several strides."""
    lengths = [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 4 << 20, (4 << 20) + 1, (9 << 20) + 60]
    for length in lengths:
        (copy / f"n{length}").write_bytes(os.urandom(min(length, 1 << 20)).ljust(length, b"\7"))
    assert checked(opened(page, copy), copy).startswith(f"✗ {len(lengths)} of ")
    found = {row.locator("th").inner_text(): row.locator("td.digest").inner_text()
             for row in page.locator("#results tr").all()}  # fmt: skip
    for length in lengths:
        assert found[f"n{length}"] == bwv_verify.measure(str(copy / f"n{length}"))[1], length


def test_it_is_used_by_keyboard_alone_and_prints(page: Page, copy: Path) -> None:
    opened(page, copy)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the exhibits"
    names = [page.evaluate("document.activeElement.outerHTML.slice(0, 60)")]
    for _ in range(40):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.outerHTML.slice(0, 60)"))
    for wanted in ("<button", '<input id="folder"', '<a href="data/schedules/MG6C.html"'):
        assert any(name.startswith(wanted) for name in names), wanted
    assert page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((h) => +h.tagName[1])"
                         ".every((level, i, all) => i === 0 || level <= all[i - 1] + 1)")  # fmt: skip
    assert page.locator("img:not([alt]), button:empty, input:not([id])").count() == 0
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible() and page.locator("#statements pre").first.is_visible()
    with pytest.raises(Error):
        page.locator("button").first.click(timeout=200)
