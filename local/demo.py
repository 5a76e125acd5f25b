"""The demo's cameras: three of them, seven recordings and an event log, with the troubles of a real shift."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local.ffmpeg import Ffmpeg
from local.sample import Camera, encode, lengthen
from workers.footage.recording import SourceType

LARGE = 1_000_000_000
"""Bytes of the large recording: about 1 GiB."""

OFFICERS = {"BWC-0417": "PC-4711", "TSR-0093": "PC-4711", "VEH-0031": "PC-2203"}


def make_cameras(folder: Path, tools: Ffmpeg, *, large: int = LARGE, tell: Callable[[str], None]) -> list[Camera]:
    """Make the three cameras of the demo with real footage.

    Args:
        folder: where they are made, outside any dock.
        large: bytes of the large recording.
        tell: gets a line when a camera is ready.
    """
    drafts = folder / "drafts"
    drafts.mkdir(parents=True, exist_ok=True)

    def shoot(name: str, source: SourceType, seconds: float, megabits: float) -> Path:
        path = drafts / f"{name}.mp4"
        encode(tools.ffmpeg, path, source, seconds=seconds, bits_per_second=int(megabits * 1e6))
        return path

    with ThreadPoolExecutor(2) as pool:
        base = pool.submit(shoot, "base", SourceType.BODY_WORN, 5, 40)
        short = pool.submit(shoot, "short", SourceType.BODY_WORN, 6, 4)
        taser = pool.submit(shoot, "taser", SourceType.TASER, 4, 4)
        vehicle = pool.submit(shoot, "vehicle", SourceType.VEHICLE, 2, 4)
        long = drafts / "long.mp4"
        lengthen(tools.ffmpeg, base.result(), long, size=large)
        body_worn = _body_worn(folder, short.result(), long)
        tell("BWC-0417 (body-worn): three recordings, one of about 1 GiB, one cut off by power loss, its event log")
        taser_camera = _taser(folder, taser.result(), drafts)
        tell("TSR-0093 (Taser): two recordings, one whose bytes are not what it declared")
        van = _vehicle(folder, vehicle.result(), drafts)
        tell("VEH-0031 (vehicle): two recordings, one will be reported twice")
    return [body_worn, taser_camera, van]


def _copy(source: Path, path: Path, *, length: int | None = None, tail: bytes = b"") -> Path:
    path.write_bytes(source.read_bytes()[:length] + tail)
    return path


def _body_worn(folder: Path, short: Path, long: Path) -> Camera:
    camera = Camera(folder / "BWC-0417", SourceType.BODY_WORN)
    cut = _copy(short, short.with_name("cut.mp4"), length=short.stat().st_size * 3 // 5)
    camera.record(short, owner=OFFICERS[camera.name], incident="INC-2026-1182")
    camera.record(long, owner=OFFICERS[camera.name], incident="INC-2026-1182")
    # The camera lost power: it never wrote an end time, and could not compute a digest.
    camera.record(cut, owner=OFFICERS[camera.name], incomplete=True, ended=None, sha256=None)
    camera.log("power on", "record", "stop", "record", "stop", "record", "battery 2 %", "power lost", "power on")
    return camera


def _taser(folder: Path, clip: Path, drafts: Path) -> Camera:
    camera = Camera(folder / "TSR-0093", SourceType.TASER)
    other = _copy(clip, drafts / "taser-other.mp4", tail=os.urandom(64))
    taken = camera.record(clip, owner=OFFICERS[camera.name], incident="INC-2026-1182")
    # Somebody added 64 bytes after the camera had computed its digest.
    camera.record(other, owner=OFFICERS[camera.name], sha256=taken.sha256)
    return camera


def _vehicle(folder: Path, clip: Path, drafts: Path) -> Camera:
    camera = Camera(folder / "VEH-0031", SourceType.VEHICLE)
    other = _copy(clip, drafts / "vehicle-other.mp4", tail=os.urandom(64))
    camera.record(clip, owner="VAN-31")
    camera.record(other, owner="VAN-31", urgent=True)
    return camera
