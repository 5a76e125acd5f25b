"""Makes cameras to try the system with: real MP4 files and the sidecars that a camera would write."""

from __future__ import annotations

import hashlib
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ffmpeg
import msgspec

from workers.footage.recording import Kind, PreRoll, Sidecar, SourceType

TRIGGERS = {SourceType.BODY_WORN: "button", SourceType.TASER: "safety_off", SourceType.VEHICLE: "ignition"}

PICTURES = {
    SourceType.BODY_WORN: "testsrc2=size=1280x720:rate=30",
    SourceType.TASER: "smptehdbars=size=1280x720:rate=30",
    SourceType.VEHICLE: "testsrc=size=1280x720:rate=30",
}


def encode(program: str, path: Path, source: SourceType, *, seconds: float, bits_per_second: int) -> None:
    """Encode a recording: H.264 with sound, at a constant rate so that its size is known.

    Args:
        program: path of ffmpeg.
        seconds: length.
        bits_per_second: of the picture; the container adds about 2 %.
    """
    picture = ffmpeg.input(PICTURES[source], f="lavfi", t=seconds)
    sound = ffmpeg.input("sine=frequency=440:sample_rate=48000", f="lavfi", t=seconds)
    run = ffmpeg.output(
        picture,
        sound,
        f"file:{path}",
        vcodec="libx264",
        preset="ultrafast",
        pix_fmt="yuv420p",
        video_bitrate=bits_per_second,
        minrate=bits_per_second,
        maxrate=bits_per_second,
        bufsize=bits_per_second,
        acodec="aac",
        audio_bitrate=64000,
        **{"x264-params": "nal-hrd=cbr:force-cfr=1"},
    ).global_args("-nostdin", "-v", "error")
    _run(ffmpeg.compile(run, cmd=program, overwrite_output=True))


def lengthen(program: str, short: Path, path: Path, *, size: int) -> None:
    """Repeat a recording without encoding it again until it has about `size` bytes."""
    times = max(1, round(size / short.stat().st_size))
    looped = ffmpeg.input(f"file:{short}", stream_loop=times - 1).output(f"file:{path}", codec="copy")
    _run(ffmpeg.compile(looped.global_args("-nostdin", "-v", "error"), cmd=program, overwrite_output=True))


def _run(argv: list[str]) -> None:
    # With little weight: cameras are made while servers start, which everything else waits for.
    subprocess.run(["nice", *argv], check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)


class Camera:
    """A camera's folder while it is out of its dock.

    Args:
        folder: its name is the camera's enrolled id.
        began: when its first recording starts; each further one starts ten minutes later.
    """

    def __init__(self, folder: Path, source: SourceType, *, began: datetime | None = None) -> None:
        self.folder = folder
        self.source = source
        self.sequence = 0
        self.began = began or datetime.now(UTC) - timedelta(hours=2)
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def name(self) -> str:
        """The camera's id."""
        return self.folder.name

    def record(self, file: Path, *, owner: str | None = None, **sidecar: Any) -> Sidecar:
        """Take `file` as the camera's next recording, and write its sidecar.

        Args:
            sidecar: what this sidecar says differently from the truth, for cameras that are wrong.
        """
        self.sequence += 1
        suffix = file.suffix
        recording = f"{self.began:%Y%m%d}-{self.sequence:04}"
        path = self.folder / f"{recording}{suffix}"
        os.replace(file, path)
        started = self.began + timedelta(minutes=10 * self.sequence)
        written = Sidecar(
            **{
                "recording": recording,
                "file": path.name,
                "source_type": self.source,
                "sequence": self.sequence,
                "started": started.isoformat(),
                "ended": (started + timedelta(minutes=5)).isoformat(),
                "size": path.stat().st_size,
                "sha256": sha256_of(path),
                "trigger": TRIGGERS[self.source],
                "owner": owner,
                "preroll": PreRoll(30.0) if self.source is SourceType.BODY_WORN else None,
                **sidecar,
            }
        )
        path.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(written), indent=1))
        return written

    def log(self, *events: str) -> Sidecar:
        """Take the camera's own event log as a recording of kind event_log."""
        draft = self.folder.with_name(f"{self.name}.events.jsonl")
        lines = [
            msgspec.json.encode({"at": (self.began + timedelta(minutes=n)).isoformat(), "event": event})
            for n, event in enumerate(events)
        ]
        draft.write_bytes(b"\n".join(lines) + b"\n")
        return self.record(draft, kind=Kind.EVENT_LOG, media_type="application/jsonl", preroll=None)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
