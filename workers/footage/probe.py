"""What a clip's media looks like, by ffprobe; a courtesy for people, on which nothing depends.

Every file is hostile (docs: ffmpeg). A file named .mp4 may hold a playlist that names other files, so the demuxer
is forced by the declared media type, only the `file` protocol is allowed and nothing is decoded. ffprobe runs in
the sandbox of workers/footage/sandbox.py.

A clip that is larger than `BOUND` is fetched by its two ends into a sparse file of its true size: MP4 cameras
write the index ("moov") at the end, and what lies between is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from workers.footage.passage import STRIDE, Stopped
from workers.footage.sandbox import OUTPUT, Cell, Limits, run
from workers.footage.sandbox import command as confined
from workers.vault.vault import Vault

DEMUXERS = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "audio/mp4": "mov",
    "video/x-matroska": "matroska",
    "video/webm": "matroska",
    "video/mp2t": "mpegts",
    "video/x-msvideo": "avi",
}
"""The only formats that are probed, by declared media type."""

BOUND = 32 << 20
"""Bytes fetched of a longer clip."""
HEAD = 8 << 20
"""Bytes of those from the front."""

WALL = 30.0
"""Seconds until ffprobe is killed."""
LIMITS = Limits(memory=2_000_000_000, processor=20, written=0, wall=WALL)


class Found(Struct, frozen=True):
    """What ffprobe found, or why it found nothing."""

    readable: bool
    reason: str | None = None
    duration: float | None = None
    container: str | None = None
    video: dict[str, Any] | None = None
    audio: dict[str, Any] | None = None
    creation_time: str | None = None


def fetch(vault: Vault, key: str, version_id: str, size: int, to: Path, *, stop: Callable[[], bool]) -> None:
    """Fetch a clip, or the two ends of a long one, into a file of its size.

    Raises:
        NotThere, StoreAway: of the vault.
        Stopped: `stop` said so.
    """
    ends = [(0, size)] if size <= BOUND else [(0, HEAD), (size - (BOUND - HEAD), BOUND - HEAD)]
    buffer = memoryview(bytearray(STRIDE))
    with to.open("wb") as file:
        file.truncate(size)
        for offset, length in ends:
            file.seek(offset)
            with vault.get(key, version_id, offset=offset, length=length or None) as reader:
                while count := reader.readinto(buffer):
                    if stop():
                        raise Stopped("the probe was given up")
                    file.write(buffer[:count])


def command(ffprobe: str, file: Path, demuxer: str, *, sandbox: bool) -> list[str]:
    """The whole command; nothing that a camera named is part of it.

    Args:
        file: absolute; its name is ours.
        sandbox: wrap it in bwrap, see `sandbox_works`.
    """
    cell = Cell(file, None, sandbox)
    ask = [str(Path(ffprobe).resolve()), "-v", "error", "-protocol_whitelist", "file", "-f", demuxer]
    ask += ["-probesize", "50M", "-analyzeduration", "10M", "-show_format", "-show_streams", "-of", "json"]
    return confined([*ask, f"file:{cell.media_inside}"], cell, LIMITS)


ADDRESS = re.compile(r" ?@ 0x[0-9a-f]+")


async def probe(ffprobe: str, file: Path, media_type: str, *, sandbox: bool) -> Found:
    """Ask ffprobe about a fetched file. Never raises for what the file or the program does."""
    demuxer = DEMUXERS.get(media_type.partition(";")[0].strip().lower())
    if demuxer is None:
        return Found(False, f"not probed: {media_type[:80]} is not a format that is probed")
    ended = await run(command(ffprobe, file, demuxer, sandbox=sandbox), wall=WALL)
    if ended.code is None:
        return Found(False, f"ffprobe was killed after {WALL:g} s, or answered more than {OUTPUT} bytes")
    if ended.code != 0:
        # An address in memory differs each time, and the same finding must be the same event.
        said = ADDRESS.sub("", ended.complaint.decode("utf-8", "replace").replace(str(file), "")).strip()[-300:]
        return Found(False, f"ffprobe ended with {ended.code}: {said}")
    try:
        return _understood(msgspec.json.decode(ended.out, type=dict[str, Any]))
    except (msgspec.DecodeError, UnicodeError, ValueError, TypeError, AttributeError) as error:
        return Found(False, f"ffprobe's answer is not understood: {error}")


def _understood(answer: dict[str, Any]) -> Found:
    form = answer.get("format") or {}
    streams = answer.get("streams") or []
    video = next((s for s in streams if s.get("codec_type") == "video"), None)
    audio = next((s for s in streams if s.get("codec_type") == "audio"), None)
    if not streams:
        return Found(False, "ffprobe found no stream")
    duration = form.get("duration")
    return Found(
        True,
        duration=float(duration) if duration is not None else None,
        container=str(form.get("format_name", ""))[:80] or None,
        video=_only(video, "codec_name", "profile", "width", "height", "avg_frame_rate", "bit_rate"),
        audio=_only(audio, "codec_name", "sample_rate", "channels", "bit_rate"),
        creation_time=str((form.get("tags") or {}).get("creation_time", ""))[:40] or None,
    )


def _only(stream: dict[str, Any] | None, *names: str) -> dict[str, Any] | None:
    if stream is None:
        return None
    return {n: v if isinstance(v, int) else str(v)[:80] for n in names if (v := stream.get(n)) is not None}
