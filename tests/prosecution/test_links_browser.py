"""A link as its recipient opens it, in a browser that holds the page to its own policy."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright

from local.ffmpeg import find_ffmpeg
from tests.prosecution.linked import Linked
from workers.prosecution.links import tickets

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

PLAYS = """async ([video, second]) => {
  if (second !== null) video.currentTime = second;
  await video.play();
  await new Promise((plays, fails) => {
    video.ontimeupdate = () => video.currentTime > (second ?? 0) && plays();
    video.onerror = () => fails(new Error(video.error.message));
  });
}"""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page that fails the test for any complaint of the browser."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium on the PATH; .ci/run installs it")
        pytest.skip("no Chromium on the PATH")
    async with async_playwright() as playwright:
        # As root Chromium has no sandbox of its own; what it opens here is ours.
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page, complaints = await browser.new_page(), []
        page.on("console", lambda said: complaints.append(said.text) if "Security" in said.text else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        await browser.close()
    assert not complaints, complaints


def footage(folder: Path) -> tuple[bytes, bytes]:
    """A minute of a test picture, more than a browser reads ahead; and a still of it."""
    ffmpeg, video, still = find_ffmpeg().ffmpeg, folder / "v.mp4", folder / "s.jpg"
    source = ["-f", "lavfi", "-i", "testsrc=size=320x180:rate=5:duration=60"]
    quiet = [ffmpeg, "-nostdin", "-v", "error"]
    subprocess.run([*quiet, *source, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
                    "-movflags", "+faststart", "-b:v", "8M", "-minrate", "8M", "-x264-params", "nal-hrd=cbr:filler=1",
                    "-maxrate", "8M", "-bufsize", "8M", str(video)], check=True)  # fmt: skip
    subprocess.run([*quiet, "-i", str(video), "-frames:v", "1", str(still)], check=True)
    return video.read_bytes(), still.read_bytes()


async def test_a_recipient_gives_the_code_plays_and_seeks_after_the_address_has_died(
    linked: Linked, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, still = await asyncio.to_thread(footage, tmp_path)
    link = await linked.link(await linked.item(1, video), await linked.item(2, still, "image/jpeg", kind="still"))
    await page.goto(linked.base + link)
    await page.click("button:has-text('Send me a code')")
    [mail] = linked.mails()
    found = re.search(rb"\d{4} \d{4}", mail)
    assert found is not None
    await page.fill("#code", found.group().decode())
    await page.click("button:has-text('Open the link')")

    player = await page.wait_for_selector("video")
    await page.evaluate(PLAYS, [player, None])
    picture = await page.query_selector("img")
    assert picture is not None
    await picture.scroll_into_view_if_needed()
    assert await picture.evaluate("async picture => { await picture.decode(); return picture.naturalWidth }") == 320

    # The minute of every address so far is over; what is issued from now on is not touched.
    over = int((datetime.now(UTC) + tickets.LIVES).timestamp())
    monkeypatch.setattr(tickets.Ticket, "late", lambda ticket, now: ticket.until <= over)
    monkeypatch.setattr(tickets, "LIVES", 2 * tickets.LIVES)
    led: list[str] = []
    page.on("response", lambda answer: led.append(answer.url) if answer.status == 302 else None)
    await page.evaluate(PLAYS, [player, 50])
    assert [url.removeprefix(linked.base)[:3] for url in led] == ["/m/", "/l/"]  # the dead one, then the stable one
    assert {opened.what for opened in linked.told} == {"list", "play", "still"}
