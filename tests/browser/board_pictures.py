"""Takes the pictures of docs/board.md: `python -m tests.browser.board_pictures docs/pictures`.

A whole system runs for it, cameras are docked, and what can be seen is what really is: transfers are slow because the
transfer stage gets a sixtieth of the time, one camera declares what it has not, one lost recordings.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from playwright.async_api import Browser

from console.web.people import PEOPLE, Cost, People, Role, hashed
from local.ffmpeg import find_ffmpeg
from local.ports import kept_ports
from local.system import BOARD, PORTS
from tests.browser.chromium import chromium
from tests.pipeline.pipeline import Pipeline, put_into
from workers.retention.shipped import shipped

PERSON, PASSWORD = "OPS-0042", "three random words"
MB = 1_000_000
PERSON_NAME = "Olu Perry"
BAYS = 8
SETTINGS = """\
dock_repeat = 1.0
dock_settle = 0.3
seal_after = 2.0
at_once = 2
"""

SHOTS: dict[str, tuple[str, dict[str, int], str, bool]] = {
    "board-desk": ("/board", {"width": 1440, "height": 900}, "light", True),
    "board-dark": ("/board", {"width": 1440, "height": 900}, "dark", True),
    "board-wall": ("/board?view=wall", {"width": 1920, "height": 1080}, "light", False),
    "board-telephone": ("/board", {"width": 360, "height": 1500}, "light", False),
}
"""Name of the file → page, screen, colours, and whether all of the page is taken or what the screen shows."""


async def shift(system: Pipeline, held: AsyncExitStack) -> None:
    """A shift that comes in: what is seen on the pictures."""
    policy = system.home / "policy.toml"
    policy.write_text(shipped("met"))
    await system.bwv("retention", "dry-run", str(policy))
    await system.done("retention", "adopt", str(policy), "--reason", "for the pictures")
    second = await held.enter_async_context(system.another_dock("DOCK-02"))
    await system.done("keys", "enrol", "dock", "DOCK-02")
    first = system.settings.dock_folder
    for folder in (first, second):
        for number in range(1, BAYS + 1):
            (folder / f"BAY-{number:02}").mkdir(parents=True, exist_ok=True)

    async def dock(name: str, folder: Path, number: int, sizes: list[int], **sidecar: object) -> None:
        camera = system.filled(name, sizes, **sidecar)
        await system.enrol(name)
        put_into(folder, f"BAY-{number:02}", camera)

    for number, name in enumerate(("BWC-0417", "BWC-0422", "BWC-0903"), 1):
        await dock(name, first, number, [2 * MB, 3 * MB])
    await dock("BWC-0118", second, 1, [4 * MB])
    await dock("BWC-0731", first, 7, [MB, MB], sha256="0" * 64)
    await dock("BWC-0655", second, 5, [3 * MB])
    for name in ("BWC-0417", "BWC-0422", "BWC-0903", "BWC-0118", "BWC-0655"):
        await system.until(partial(_says, system, name, "empty"), f"{name} to be empty", 120)
    await system.bwv("reconcile")
    await loses(system, second)
    await dock("BWC-0288", first, 4, [600 * MB, 20 * MB])
    await dock("BWC-0340", second, 2, [500 * MB])
    await system.until(lambda: _moves(system, "BWC-0288", "BWC-0340"), "two transfers at once", 120)
    await held.enter_async_context(system.slowed("transfer", 0.015))
    await dock("BWC-0512", first, 5, [30 * MB, 10 * MB, 5 * MB])
    await dock("BWC-0560", second, 3, [20 * MB])
    await system.until(lambda: _says(system, "BWC-0560", "may_be_taken"), "one that waits for its turn", 180)
    await system.until(lambda: _any(system, "leave_in"), "a transfer that goes on", 60)


async def loses(system: Pipeline, folder: Path) -> None:
    """A camera comes back, and three of its recordings do not."""
    camera = system.camera("BWC-0655")
    camera.sequence = 1
    os.replace(folder / "BAY-05" / camera.name, camera.folder)
    await system.until(lambda: _gone(system, camera.name), "its dock to miss it")
    camera.sequence += 3
    draft = camera.folder.with_name("draft.mp4")
    draft.write_bytes(os.urandom(3 * MB))
    camera.record(draft)
    put_into(folder, "BAY-06", camera)
    await system.until(lambda: _says(system, camera.name, "empty"), "it to be empty again", 120)


async def _gone(system: Pipeline, camera: str) -> bool:
    return all(bay["camera"] != camera for bay in system.bays())


async def _moves(system: Pipeline, *cameras: str) -> bool:
    """Whether each of them gives bytes now."""
    moving = {bay["camera"] for bay in system.bays() for item in bay["recordings"] if item["state"] == "transferring"}
    return moving >= set(cameras)


async def _any(system: Pipeline, code: str) -> bool:
    return any(bay["code"] == code for bay in system.bays())


async def _says(system: Pipeline, camera: str, code: str) -> bool:
    return any(bay["camera"] == camera and bay["code"] == code for bay in system.bays())


async def take(browser: Browser, base: str, folder: Path, ffmpeg: str) -> None:
    """One picture each of SHOTS, in 80 colours."""
    page = await browser.new_page()
    await page.goto(f"{base}/signin")
    await page.get_by_label("Warrant number").fill(PERSON)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(lambda url: "/signin" not in url)
    for name, (path, screen, colours, whole) in SHOTS.items():
        await page.set_viewport_size(screen)  # type: ignore[arg-type]
        await page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
        await page.goto(base + path)
        draft = folder / f"{name}.draft.png"
        await page.screenshot(path=draft, full_page=whole)
        smaller = "split[a][b];[a]palettegen=max_colors=80:stats_mode=full[p];[b][p]paletteuse=dither=none"
        words = [ffmpeg, "-nostdin", "-v", "error", "-y", "-i", str(draft), "-vf", smaller, str(folder / f"{name}.png")]
        await asyncio.to_thread(subprocess.run, words, check=True)
        draft.unlink()
        print(f"{name}.png {(folder / f'{name}.png').stat().st_size:,} bytes")


async def main(folder: Path) -> None:
    """The system, the shift, the pictures."""
    home = Path(tempfile.mkdtemp(prefix="board-"))
    system = Pipeline(home / "home")
    try:
        await asyncio.to_thread(system.start, SETTINGS)
        People(system.home / PEOPLE).add(PERSON, PERSON_NAME, [Role.OPERATOR], hashed(PASSWORD, Cost(4, 8, 1)))
        async with AsyncExitStack() as held, chromium() as browser:
            await shift(system, held)
            base = f"http://127.0.0.1:{kept_ports(system.home / PORTS)[BOARD]}"
            await take(browser, base, folder, find_ffmpeg().ffmpeg)
    finally:
        await asyncio.to_thread(system.stop)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
