"""One small picture of an exhibit, made from the very file that goes: whoever sees no master sees none in small either.

A courtesy for people: nothing is proved by it, and where it cannot be made the page says why.
"""

from __future__ import annotations

from pathlib import Path

import ffmpeg
from msgspec import Struct

from workers.footage.probe import DEMUXERS
from workers.footage.sandbox import Cell, Limits, command, run, sandbox_works

WIDTH = 320
LIMITS = Limits(memory=2_000_000_000, processor=20, written=0, wall=30.0)


class Picture(Struct, frozen=True):
    """A JPEG, or why there is none."""

    data: bytes | None
    why: str = ""


async def picture(program: str, media: Path, media_type: str, second: float) -> Picture:
    """The picture at a moment of a video.

    Args:
        program: ffmpeg; empty: there is none.
        second: into the file.
    """
    demuxer = DEMUXERS.get(media_type.partition(";")[0].strip().lower())
    if not program:
        return Picture(None, "no ffmpeg is set up")
    if demuxer is None:
        return Picture(None, f"no picture is made of {media_type}")
    cell = Cell(media, None, await sandbox_works())
    stream = (
        ffmpeg.input(f"file:{cell.media_inside}", ss=f"{second:.3f}", f=demuxer, protocol_whitelist="file")
        .filter("scale", f"min({WIDTH},iw)", -2)
        .output("pipe:1", vframes=1, f="mjpeg", map_metadata=-1, loglevel="error")
    )
    argv = [*ffmpeg.compile(stream, cmd=program), "-nostdin"]
    ended = await run(command(argv, cell, LIMITS), wall=LIMITS.wall)
    if ended.code != 0 or not ended.out:
        return Picture(None, "ffmpeg made no picture of it")
    return Picture(ended.out)
