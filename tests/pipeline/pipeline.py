"""What the tests of the whole pipeline add to a running system: commands, looks at bays and vault, accidents."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from console.cli.main import main
from local.sample import Camera
from streams.vaults import open_vault
from tests.running import LONG, RunningSystem
from workers.operations.ledger import Line
from workers.vault.s3 import S3Vault
from workers.vault.vault import Version

T = TypeVar("T")

BWV = (sys.executable, "-m", "console.cli.main")


class Said(Struct, frozen=True):
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.out)


class Pipeline(RunningSystem):
    """A running system that is asked as a person asks it, and disturbed as a shift disturbs it."""

    async def bwv(self, *words: str, home: Path | None = None) -> Said:
        """Give a command by its own entry point, without waiting for a process to start."""
        return await asyncio.to_thread(command, ["--home", str(home or self.home), *words])

    async def done(self, *words: str) -> Said:
        """Give a command that must succeed."""
        said = await self.bwv(*words)
        assert said.code == 0, f"bwv {' '.join(words)}: {said}"
        return said

    async def some(self, ask: Callable[[], Awaitable[list[T]]], what: str) -> list[T]:
        """Wait until an answer is not empty."""

        async def look() -> list[T] | None:
            return await ask() or None

        return await self.until(look, what)

    async def known(self, clip: str) -> Any:
        """What `bwv trace` says of a clip, once the record has come to the wiping of its camera's copy."""
        await self.some(lambda: self.told("clips.wiped", "clip_id", clip), f"the record of {clip}")
        return (await self.done("trace", clip, "--json")).json

    # -- cameras and bays ----------------------------------------------------------------------------------

    async def undock(self, camera: Camera) -> None:
        """Take a camera out of its bay, as one rename, and wait until its dock has noticed."""
        away = self.home / "outside" / camera.name
        os.replace(camera.folder, away)
        camera.folder = away
        await self.until(partial(self._stands_nowhere, camera.name), f"a dock to miss {camera.name}")

    async def _stands_nowhere(self, camera: str) -> bool:
        return all(bay["camera"] != camera for bay in self.bays())

    def shown(self, camera: str, recording: str) -> dict[str, Any] | None:
        """What a bay shows of a recording."""
        found = (item for bay in self.bays() if bay["camera"] == camera for item in bay["recordings"])
        return next((item for item in found if item["recording"] == recording), None)

    async def shows(self, camera: str, recording: str, state: str, *words: str) -> dict[str, Any]:
        """Wait until a bay shows a recording in this state with these words in its reason."""

        async def look() -> dict[str, Any] | None:
            item = self.shown(camera, recording)
            right = item is not None and item["state"] == state and all(word in item["reason"] for word in words)
            return item if right else None

        return await self.until(look, f"{camera}/{recording} to show {state} {words}: {self.shown(camera, recording)}")

    # -- clips ---------------------------------------------------------------------------------------------

    async def clips(self, camera: str) -> list[dict[str, Any]]:
        """The rows of a camera's clips, in the order of their registration."""
        return await self.sql("SELECT * FROM clip_fate WHERE camera = %s ORDER BY registered_at, recording", camera)

    async def has_clips(self, camera: str, count: int, **row: Any) -> list[dict[str, Any]]:
        """Wait until so many of a camera's clips have these values in their rows."""

        async def look() -> list[dict[str, Any]] | None:
            rows = [r for r in await self.clips(camera) if all(r[name] == value for name, value in row.items())]
            return rows if len(rows) >= count else None

        return await self.until(look, f"{count} clips of {camera} with {row}")

    async def lines(self, camera: str) -> list[Line]:
        """The ledger's lines of one camera."""
        return list((await self.ledger(camera)).lines)

    async def told(self, kind: str, column: str, value: str) -> list[dict[str, Any]]:
        """Payloads of the custody entries of one type, about one clip or camera, in the order of the log."""
        rows = await self.sql(
            f"SELECT payload FROM custody WHERE type = %s AND {column} = %s ORDER BY index", kind, value
        )
        return [msgspec.json.decode(row["payload"]) for row in rows]

    # -- the vault ---------------------------------------------------------------------------------------

    def vault(self, role: str) -> S3Vault:
        """The vault as one role sees it."""
        return open_vault(self.settings, role)

    async def versions(self, prefix: str) -> list[Version]:
        """Every version and delete marker under a prefix of the namespace."""
        vault = self.vault("disposal")
        return await asyncio.to_thread(lambda: list(vault.list_versions(f"{self.settings.namespace}/{prefix}")))

    # -- accidents -----------------------------------------------------------------------------------------

    @contextmanager
    def frozen(self, part: str) -> Iterator[None]:
        """Freeze a part; it goes on afterwards as if nothing had been."""
        pid = self.pid(part)
        assert pid, f"{part} does not run"
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @asynccontextmanager
    async def slowed(self, part: str, share: float) -> AsyncIterator[None]:
        """Let a part run for this share of the time only, as on a machine that has much else to do."""
        pid = self.pid(part)
        assert pid, f"{part} does not run"

        async def stop_and_go() -> None:
            while True:
                os.kill(pid, signal.SIGSTOP)
                await asyncio.sleep(0.3 * (1 - share))
                os.kill(pid, signal.SIGCONT)
                await asyncio.sleep(0.3 * share)

        task = asyncio.create_task(stop_and_go())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            os.kill(pid, signal.SIGCONT)

    @asynccontextmanager
    async def another_dock(self, name: str) -> AsyncIterator[Path]:
        """Run one more dock with a key of its own; gives its folder. Enrolling the key is up to the test."""
        folder = self.home / f"folder-{name.lower()}"
        await self.done("keys", "new", "dock", name)
        process = await asyncio.create_subprocess_exec(
            *BWV, "--home", str(self.home), "dock", "run", str(folder), "--dock", name,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            state = self.home / "dock-state" / f"{name}.json"
            await self.until(partial(asyncio.to_thread, state.exists), f"{name} to show its bays", LONG)
            yield folder
        finally:
            process.terminate()
            await process.wait()


def command(words: list[str]) -> Said:
    """Give a command in this process and keep what it says; only one at a time."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    return Said(code, out.getvalue(), err.getvalue())


def put_into(folder: Path, bay: str, camera: Camera) -> None:
    """Put a camera into a bay of any dock, as one rename."""
    place = folder / bay / camera.name
    place.parent.mkdir(parents=True, exist_ok=True)
    os.replace(camera.folder, place)
    camera.folder = place


def opened(signed: dict[str, Any]) -> Any:
    """What a signed thing says."""
    return msgspec.json.decode(signed["body"])
