"""Whatever lies on a camera: each bad thing is visible with its reason and stays; the good recordings go through."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from local.sample import Camera
from tests.pipeline.pipeline import Pipeline
from workers.footage.recording import SourceType

pytestmark = pytest.mark.stack


def sidecar(camera: Camera, stem: str, **says: object) -> None:
    """A recording whose sidecar says something wrong; a value of ... leaves the field out."""
    footage = stem.encode() * 500
    (camera.folder / f"{stem}.mp4").write_bytes(footage)
    draft = camera.folder.with_name(f"{stem}.draft")
    draft.write_bytes(footage)
    made = Camera(camera.folder.with_name(f"{camera.name}-{stem}"), SourceType.BODY_WORN)
    told = msgspec.to_builtins(made.record(draft)) | {"recording": stem, "file": f"{stem}.mp4", "sequence": 900}
    content = {name: value for name, value in (told | says).items() if value is not ...}
    (camera.folder / f"{stem}.json").write_text(json.dumps(content))


def unreadable(camera: Camera) -> None:
    (camera.folder / "unreadable.mp4").write_bytes(b"footage")
    (camera.folder / "unreadable.json").write_bytes(b'{"recording": \xff\xfe')


def zero_bytes(camera: Camera) -> None:
    sidecar(camera, "zero")
    (camera.folder / "zero.mp4").write_bytes(b"")


def symlink(camera: Camera) -> None:
    outside = camera.folder.with_name("secret")
    outside.write_bytes(b"not on the camera")
    (camera.folder / "linked.mp4").symlink_to(outside)


BAD: dict[str, tuple[Callable[[Camera], None], str, str]] = {
    # name as it is shown: what makes it, words of the reason, words of what to do
    "unreadable.json": (unreadable, "not JSON", "copy the sidecar from the camera again"),
    "undigested.json": (
        lambda c: sidecar(c, "undigested", sha256=...),
        "gives no sha256",
        "have the camera write sha256",
    ),
    "drone.json": (lambda c: sidecar(c, "drone", source_type="drone"), "unknown source type", "correct source_type"),
    "zero.json": (zero_bytes, "holds 0 bytes", "look at the camera"),
    "climber.json": (lambda c: sidecar(c, "climber", recording="../../etc/passwd"), "../", "rename the recording"),
    "filer.json": (lambda c: sidecar(c, "filer", file="../filer.mp4"), "leaves the camera's folder", "rename"),
    "control.json": (lambda c: sidecar(c, "control", recording="a\x07b\n"), "control characters", "rename"),
    "longname.json": (lambda c: sidecar(c, "longname", recording="x" * 300), "300 bytes", "rename the recording"),
    "linked.mp4": (symlink, "a symbolic link", "remove it from the camera by hand"),
    "pipe.mp4": (lambda c: os.mkfifo(c.folder / "pipe.mp4"), "a FIFO", "remove it from the camera by hand"),
    "alone.mp4": (lambda c: (c.folder / "alone.mp4").write_bytes(b"x") and None, "no sidecar", "let the camera write"),
}


async def test_bad_things_on_a_camera_are_told_and_stay_while_good_recordings_are_wiped(system: Pipeline) -> None:
    camera = system.filled("HOS-0001", [3000, 4000])
    for make, _, _ in BAD.values():
        make(camera)
    before = kept(camera.folder)
    await system.enrol("HOS-0001")
    system.dock(camera, "BAY-HOS-1")

    await system.has_clips("HOS-0001", 2, camera_copy="wiped")

    lines = {line.recording: line for line in await system.lines("HOS-0001")}
    assert {name for name, line in lines.items() if line.standing == "refused"} == set(BAD)
    for name, (_, reason, action) in BAD.items():
        assert reason in lines[name].reason, name
        assert action in lines[name].reason, name
        shown = await system.shows("HOS-0001", name, "refused", reason, action)
        assert shown["file"] == name
    assert (await system.ledger("HOS-0001")).adds_up
    assert kept(camera.folder) == {name: what for name, what in before.items() if not name.startswith("20")}

    async def sign() -> bool:
        [bay] = [bay for bay in system.bays() if bay["camera"] == "HOS-0001"]
        return bay["code"] == "failed" and f"{len(BAD)} on this camera need a person" in bay["sign"]

    await system.until(sign, "the bay's sign")


def kept(folder: Path) -> dict[str, bytes | str]:
    """Everything on a camera and what is in it."""
    found = {}
    for path in folder.iterdir():
        if path.name != ".dock":
            found[path.name] = path.read_bytes() if path.is_file() and not path.is_symlink() else "odd"
    return found


async def test_a_recording_that_is_still_written_waits_and_then_goes_through(system: Pipeline) -> None:
    camera = system.filled("HOS-0002", [3000, 400_000])
    whole = camera.folder / f"{camera.began:%Y%m%d}-0002.mp4"
    footage = whole.read_bytes()
    whole.write_bytes(footage[:1000])
    await system.enrol("HOS-0002")
    system.dock(camera, "BAY-HOS-2")
    growing = camera.folder / whole.name

    written = 1000
    while not await wiped(system, "HOS-0002", "0001"):
        with growing.open("ab") as file:  # the camera still writes, for as long as the other one takes
            file.write(footage[written : written + 500])
        written += 500
        assert written < len(footage), "the good recording must not wait for it"
        await asyncio.sleep(0.05)
    item = system.shown("HOS-0002", whole.stem)
    assert item is not None and item["state"] in ("settling", "measuring", "refused"), item
    assert not [row for row in await system.clips("HOS-0002") if row["recording"].endswith("0002")]
    with growing.open("ab") as file:
        file.write(footage[written:])

    assert set((await system.settled(camera)).values()) == {"wiped"}


async def wiped(system: Pipeline, camera: str, number: str) -> bool:
    rows = await system.clips(camera)
    return any(row["recording"].endswith(number) and row["camera_copy"] == "wiped" for row in rows)
