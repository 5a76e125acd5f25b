"""The sandbox around ffprobe: what runs inside sees no files of ours and no network."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from local.ffmpeg import find_ffmpeg
from local.sample import encode
from workers.footage.probe import command, probe
from workers.footage.recording import SourceType
from workers.footage.sandbox import sandbox_works


@pytest.fixture(scope="module")
def bwrap() -> None:
    if shutil.which("bwrap") is None or not asyncio.run(sandbox_works()):
        reason = "bubblewrap is not installed, or this machine lets nobody make namespaces"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; .ci/run installs it")
        pytest.skip(reason)


def inside(folder: Path, *program: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program of /usr/bin where ffprobe would run."""
    media = folder / "media"
    media.write_bytes(b"footage")
    argv = command("/usr/bin/python3", media, "mov", sandbox=True)
    return subprocess.run([*argv[: argv.index("--") + 1], *program], capture_output=True, timeout=20, check=False)


def test_the_footage_is_all_that_can_be_read(bwrap: None, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    assert inside(tmp_path, "/usr/bin/cat", "/media").stdout == b"footage"
    for hidden in ("/etc/passwd", str(tmp_path / "secret")):
        assert inside(tmp_path, "/usr/bin/cat", hidden).returncode != 0


def test_nothing_can_be_written_beside_it(bwrap: None, tmp_path: Path) -> None:
    assert inside(tmp_path, "/usr/bin/sh", "-c", "echo edited > /media").returncode != 0
    assert (tmp_path / "media").read_bytes() == b"footage"


def test_there_is_no_network_inside(bwrap: None, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        ask = f"echo > /dev/tcp/127.0.0.1/{port}"
        outside = subprocess.run(["/usr/bin/bash", "-c", ask], capture_output=True, timeout=20, check=False)
        assert outside.returncode == 0
        assert inside(tmp_path, "/usr/bin/bash", "-c", ask).returncode != 0


async def test_ffprobe_reads_a_recording_from_inside(bwrap: None, tmp_path: Path) -> None:
    tools = find_ffmpeg()
    clip = tmp_path / "clip.mp4"
    encode(tools.ffmpeg, clip, SourceType.BODY_WORN, seconds=1, bits_per_second=1_000_000)
    found = await probe(tools.ffprobe, clip, "video/mp4", sandbox=True)
    assert found.readable, found.reason
    assert found.video is not None and found.video["codec_name"] == "h264"
    assert found.audio is not None
