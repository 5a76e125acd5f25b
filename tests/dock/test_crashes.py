"""SIGKILL at the dock's failpoints: what lies on the camera says what happened, and the next start finishes it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.dock.conftest import Bench, put_recording

CAMERA = "BWC-0417"
ROOT = Path(__file__).resolve().parents[2]


async def crash(home: Path, failpoint: str) -> list[dict[str, Any]]:
    """Run a dock until it kills itself; returns what it had published."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.dock.crashing_dock", str(home), failpoint, cwd=ROOT
    )
    try:
        await asyncio.wait_for(process.wait(), 55)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == -signal.SIGKILL
    assert (home / "fired").exists()
    lines = (home / "published.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


async def test_killed_before_erasing_nothing_is_gone_and_the_erasure_is_finished_later(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    camera = bench.folder / "BAY-01" / CAMERA
    path, declared = put_recording(camera, 1)
    footage = path.read_bytes()
    published = await crash(tmp_path, "dock.before_erase")
    assert path.read_bytes() == footage
    assert path.with_suffix(".json").exists()
    assert [p["topic"] for p in published] == ["cameras.docked", "uploads.reported"]

    await bench.start()
    [wiped] = await bench.until(lambda: bench.of("clips.wiped"), "ClipWiped")
    await bench.stop()
    assert json.loads(wiped["wiped"]["body"])["sha256"] == declared["sha256"]
    assert not path.exists()


async def test_killed_before_erasing_a_recording_that_changed_since_then_stays(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    camera = bench.folder / "BAY-01" / CAMERA
    path, _ = put_recording(camera, 1)
    await crash(tmp_path, "dock.before_erase")
    path.write_bytes(b"other bytes that nobody ever proved stored")
    await bench.start()
    await bench.reported("20261122-0001")
    await bench.stop()
    assert path.read_bytes().startswith(b"other bytes")
    assert not bench.of("clips.wiped")


async def test_killed_after_erasing_it_is_told_and_told_with_the_same_bytes_until_confirmed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    camera = bench.folder / "BAY-01" / CAMERA
    path, declared = put_recording(camera, 1)
    published = await crash(tmp_path, "dock.after_erase")
    assert not path.exists()
    assert "clips.wiped" not in [p["topic"] for p in published]
    [note] = (camera / ".dock/wiped").iterdir()

    kept = note.read_bytes()
    for _ in range(2):
        await bench.start()
        await bench.until(lambda: bench.of("clips.wiped"), "ClipWiped")
        await bench.until(lambda: not note.exists(), "the note to go once it is told")
        await bench.stop()
        note.write_bytes(kept)  # as if it had crashed between the confirmation and the note's removal
    told = [(e.id, e.body) for e in bench.events if e.topic == "clips.wiped"]
    assert len(told) == 2
    assert len(set(told)) == 1
    assert json.loads(bench.of("clips.wiped")[0]["wiped"]["body"])["sha256"] == declared["sha256"]


async def test_an_erasure_that_another_dock_began_is_finished_here(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    camera = bench.folder / "BAY-01" / CAMERA
    path, _ = put_recording(camera, 1)
    await crash(tmp_path, "dock.after_erase")
    other = Bench(tmp_path, dock="DOCK-02", folder="other")
    camera.rename(other.folder / "BAY-02" / CAMERA)
    await other.start()
    [wiped] = await other.until(lambda: other.of("clips.wiped"), "ClipWiped")
    await other.stop()
    told = json.loads(wiped["wiped"]["body"])
    assert (told["dock"], told["bay"]) == ("DOCK-02", "BAY-02")
    assert not path.exists()


async def test_killed_after_reporting_the_same_report_comes_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    put_recording(bench.folder / "BAY-01" / CAMERA, 1)
    published = await crash(tmp_path, "dock.after_report")
    await bench.start()
    await bench.reported("20261122-0001")
    await bench.stop()
    before = {(p["topic"], p["id"], p["body"]) for p in published}
    after = {(e.topic, e.id, e.body.decode()) for e in bench.events}
    assert before == after


@pytest.mark.parametrize("lie", ["another name", "another sidecar", "no receipt", "present under another name"])
async def test_a_made_up_note_of_an_erasure_erases_nothing_and_tells_nothing(tmp_path: Path, lie: str) -> None:
    bench = Bench(tmp_path)
    camera = bench.folder / "BAY-01" / CAMERA
    path, _ = put_recording(camera, 1)
    other, _ = put_recording(camera, 2)
    await crash(tmp_path, "dock.before_erase")
    for note in (camera / ".dock/wiped").iterdir():
        said = json.loads(note.read_bytes())
        victim = other if said["recording"] == "20261122-0001" else path
        if lie == "another name":
            said["file"] = victim.name
        elif lie == "another sidecar":
            said["file"], said["sidecar_file"] = "gone.mp4", victim.name
        elif lie == "no receipt":
            said["receipt"]["signature"] = "AAAA"
        else:
            said["file"] = "gone.mp4"
        note.write_text(json.dumps(said))
    await bench.start()
    await bench.reported("20261122-0001")
    await bench.reported("20261122-0002")
    await bench.stop()
    assert path.exists()
    assert other.exists()
    assert not bench.of("clips.wiped")


@pytest.mark.parametrize("victim_is", ["footage", "sidecar"])
async def test_finishing_an_erasure_removes_no_sidecar_but_the_recordings_own(tmp_path: Path, victim_is: str) -> None:
    bench = Bench(tmp_path)
    camera = bench.folder / "BAY-01" / CAMERA
    put_recording(camera, 1)
    await crash(tmp_path, "dock.after_erase")
    other, _ = put_recording(camera, 2)
    victim = other if victim_is == "footage" else other.with_suffix(".json")
    [note] = (camera / ".dock/wiped").iterdir()
    note.write_text(json.dumps({**json.loads(note.read_bytes()), "sidecar_file": victim.name}))
    await bench.start()
    await bench.until(lambda: bench.of("clips.wiped"), "ClipWiped")
    await bench.reported("20261122-0002")
    await bench.stop()
    assert other.exists()
    assert other.with_suffix(".json").exists()
