from __future__ import annotations

import asyncio
import random
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from workers.footage import probe as probing
from workers.footage import sandbox
from workers.footage.passage import Stopped
from workers.footage.probe import command, fetch, probe
from workers.vault.fake import FakeVault

DATA = random.Random(1).randbytes(300_000)


def stored(data: bytes) -> tuple[FakeVault, str]:
    vault = FakeVault()
    return vault, vault.put_new("t/k", data, lock_until=None).version_id


@pytest.mark.parametrize("size", [0, 1, 99_999, 100_000])
def test_a_short_clip_is_fetched_whole(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "BOUND", 100_000)
    vault, version = stored(DATA[:size])
    fetch(vault, "t/k", version, size, tmp_path / "m", stop=lambda: False)
    assert (tmp_path / "m").read_bytes() == DATA[:size]


def test_of_a_long_clip_the_two_ends_are_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "BOUND", 100_000)
    monkeypatch.setattr(probing, "HEAD", 20_000)
    vault, version = stored(DATA)
    fetch(vault, "t/k", version, len(DATA), tmp_path / "m", stop=lambda: False)
    expected = DATA[:20_000] + bytes(len(DATA) - 100_000) + DATA[-80_000:]
    assert (tmp_path / "m").read_bytes() == expected


def test_a_fetch_stops_when_told(tmp_path: Path) -> None:
    vault, version = stored(DATA)
    with pytest.raises(Stopped):
        fetch(vault, "t/k", version, len(DATA), tmp_path / "m", stop=lambda: True)


@pytest.mark.parametrize("sandbox", [False, True])
def test_the_demuxer_is_forced_and_no_name_can_become_an_option(tmp_path: Path, sandbox: bool) -> None:
    argv = command("/usr/bin/ffprobe", tmp_path / "-i", "mov", sandbox=sandbox)
    assert argv[argv.index("-f") + 1] == "mov"
    assert argv[argv.index("-protocol_whitelist") + 1] == "file"
    assert argv[-1].startswith("file:/")
    assert argv[:3] == ["nice", "-n", "19"]
    assert ("bwrap" in argv) == sandbox


def script(folder: Path, body: str) -> str:
    path = folder / "ffprobe"
    path.write_text(f"#!{sys.executable}\n{body}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("print('{}')", "no stream"),
        ("print('[1]')", "not understood"),
        ("print('not json')", "not understood"),
        ("import sys; sys.exit('moov atom not found')", "moov atom"),
        ("while True: print('x' * 65536)", "killed"),
        ("import time; time.sleep(60)", "killed"),
        ("import os; os.kill(os.getpid(), 11)", "ended with"),
        ("print('{\"streams\": 7}')", "not understood"),
    ],
)
async def test_whatever_ffprobe_does_is_an_answer(
    body: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "WALL", 3.0)
    began = time.monotonic()
    found = await probe(script(tmp_path, body), tmp_path / "m", "video/mp4", sandbox=False)
    assert not found.readable
    assert reason in (found.reason or "")
    assert time.monotonic() - began < 20


async def test_a_program_that_is_not_there_is_an_answer(tmp_path: Path) -> None:
    found = await probe(str(tmp_path / "nothing"), tmp_path / "m", "video/mp4", sandbox=False)
    assert not found.readable
    assert await sandbox.version_of(str(tmp_path / "nothing")) is None


async def test_an_unknown_format_is_not_even_tried(tmp_path: Path) -> None:
    found = await probe("/nowhere", tmp_path / "m", "application/vnd.apple.mpegurl", sandbox=False)
    assert (found.reason or "").startswith("not probed")


async def test_a_cancelled_probe_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started: asyncio.Queue[asyncio.subprocess.Process] = asyncio.Queue()
    start = asyncio.create_subprocess_exec

    async def noted(*argv: str, **options: Any) -> asyncio.subprocess.Process:
        process = await start(*argv, **options)
        started.put_nowait(process)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    task = asyncio.create_task(sandbox.run(["sleep", "60"], wall=60))
    process = await started.get()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert process.returncode == -9
