"""The player in a real browser: keys and buttons, the time of what is shown, and one look on record for all of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from playwright.async_api import expect

from console.web.people import Role
from local.ffmpeg import find_ffmpeg
from tests.browser.chromium import chromium, complaints_of
from tests.web.site import PASSWORD, Site
from workers.footage.recording import PreRoll

READY = "() => document.querySelector('video').readyState >= 1"
AT = "document.querySelector('video').currentTime"
CUES = """() => new Promise(tell => {
  const track = document.querySelector('track');
  track.addEventListener('load', () => tell([...track.track.cues].map(cue => cue.text)));
  track.track.mode = 'showing';
})"""


@pytest.fixture
def film(tmp_path: Path) -> bytes:
    """Forty seconds of a test picture, in a form that every build of Chromium plays."""
    path = tmp_path / "film.webm"
    picture = ["-f", "lavfi", "-i", "testsrc=size=96x54:rate=5:duration=40", "-c:v", "libvpx", "-g", "5", "-b:v", "60k"]
    subprocess.run([find_ffmpeg().ffmpeg, "-v", "error", *picture, path], check=True, timeout=60)
    return path.read_bytes()


async def test_keys_and_buttons_wind_the_film_and_it_is_one_look(
    site: Site, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.web.site.FOOTAGE", film)
    clip = await site.clip(
        "PC-100", media_type="video/webm", preroll=PreRoll(30.0), recorded_at="2026-07-01T12:00:00.000Z",
        ended_at="2026-07-01T12:00:40.000Z",
    )  # fmt: skip
    site.person("PC-100", Role.OFFICER)
    base = f"http://127.0.0.1:{site.server.port}"
    async with chromium() as browser:
        page = await browser.new_page()
        complaints = complaints_of(page)
        await page.goto(f"{base}/signin?next=/clips/{clip}")
        await page.get_by_label("Warrant number").fill("PC-100")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        shown = page.locator(".controls output")
        await page.get_by_role("button", name="On 10 s").click()
        await page.wait_for_function(READY)
        await page.locator("video").focus()
        for key in ("l", "l", "j", "."):
            await page.keyboard.press(key)
        await expect(shown).to_contain_text("1 Jul 2026, 13:00:")
        assert await page.evaluate(AT) >= 10, "it was wound"
        fast = page.get_by_role("button", name="Double speed")
        await fast.click()
        await expect(fast).to_have_attribute("aria-pressed", "true")
        assert await page.evaluate("document.querySelector('video').playbackRate") == 2
        cues = await page.evaluate(CUES)
        assert "1 July 2026, 13:00:10 BST" in cues and any("no sound" in cue for cue in cues)
        assert not complaints
    assert [what for what, _, _ in site.looks()] == ["look", "play"]
