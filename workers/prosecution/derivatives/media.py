"""What must be known of a clip's media before anything is made from it: its streams, and when each picture is shown.

ffprobe tells it, inside the sandbox; nothing is decoded. Seconds count from the beginning of the file, as a player
shows them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from workers.errors import Refused
from workers.footage.sandbox import Cell, Ended, Limits, command, run

MOST_PICTURES = 10_000_000
"""Two days at 60 a second."""

HALF_MILLISECOND = 0.0005
"""Seconds; what people write has three digits."""

UNREADABLE = "look at what the camera recorded (bwv trace); the clip itself can be submitted as it is"


class Media(Struct, frozen=True):
    """A clip's media.

    Attributes:
        demuxer: ffmpeg's name of the container.
        video: number of the picture's stream; sound: those of the sound.
        width, height: pixels of the picture as a player shows it, upright.
        seconds: length.
        pictures: when each picture is shown, in seconds, ascending.
        keys: those among them that can be decoded by themselves.
    """

    demuxer: str
    video: int
    sound: tuple[int, ...]
    width: int
    height: int
    seconds: float
    pictures: array[float]
    keys: array[float]

    def shown_at(self, second: float) -> int:
        """Number of the picture that is shown at this moment."""
        return max(0, bisect_right(self.pictures, second + HALF_MILLISECOND) - 1)

    def first_from(self, second: float) -> int:
        """Number of the first picture that is shown at this moment or later."""
        return bisect_left(self.pictures, second - HALF_MILLISECOND)

    def before(self, number: int) -> float:
        """A moment between this picture and the one before it, so that no rounding can confuse the two."""
        if number == 0:
            return self.pictures[0] - 1.0
        if number == len(self.pictures):
            return max(self.seconds, self.pictures[-1]) + 1.0
        return (self.pictures[number - 1] + self.pictures[number]) / 2

    def key_before(self, number: int) -> float:
        """When the last picture up to this one is shown that can be decoded by itself."""
        found = bisect_right(self.keys, self.pictures[number]) - 1
        return self.keys[found] if found >= 0 else 0.0


class Prober(Struct, frozen=True):
    """Asks ffprobe.

    Attributes:
        ffprobe: absolute path.
        memory: bytes that it may use; wall: seconds.
    """

    ffprobe: str
    memory: int
    wall: float

    async def media(self, cell: Cell, demuxer: str) -> Media:
        """What a clip's media is.

        Raises:
            Refused: ffprobe cannot read it, or it has no picture.
        """
        answer = await self._described(cell, demuxer, f"file:{cell.media_inside}")
        streams = [stream for stream in answer.get("streams") or () if isinstance(stream.get("index"), int)]
        video = next((stream for stream in streams if _is_picture(stream)), None)
        if video is None:
            raise Refused("its media has no picture", UNREADABLE)
        begin = _number((answer.get("format") or {}).get("start_time")) or 0.0
        times, keys = await self._times(cell, demuxer, video, begin)
        length = _number((answer.get("format") or {}).get("duration")) or 0.0
        width, height = _upright(video)
        return Media(
            demuxer=demuxer,
            video=video["index"],
            sound=tuple(stream["index"] for stream in streams if stream.get("codec_type") == "audio"),
            width=width,
            height=height,
            seconds=max(length, times[-1]),
            pictures=times,
            keys=keys,
        )

    async def streams(self, file: Path, demuxer: str, *, walls: bool) -> list[str]:
        """Kinds of the streams of what was made ("video", "audio", …), in order."""
        cell = Cell(file, None, walls)
        answer = await self._described(cell, demuxer, f"file:{cell.media_inside}")
        return [str(stream.get("codec_type")) for stream in answer.get("streams") or ()]

    async def count(self, file: Path, demuxer: str, *, walls: bool) -> int:
        """How many pictures are in what was made."""
        times, _ = await self._times(Cell(file, None, walls), demuxer, {"index": 0, "time_base": "1/1"}, 0.0)
        return len(times)

    async def _described(self, cell: Cell, demuxer: str, name: str) -> dict[str, Any]:
        ended = await self._asked(cell, demuxer, "-show_format", "-show_streams", "-of", "json", name)
        try:
            return msgspec.json.decode(ended.out, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeError) as error:
            raise Refused(f"ffprobe's answer about its media is not understood: {error}", UNREADABLE) from error

    async def _times(
        self, cell: Cell, demuxer: str, video: dict[str, Any], begin: float
    ) -> tuple[array[float], array[float]]:
        table = _Table(_fraction(video.get("time_base")), begin)
        select = ("-select_streams", str(video["index"]), "-show_entries", "packet=pts,dts,flags", "-of", "csv=p=0")
        await self._asked(cell, demuxer, *select, f"file:{cell.media_inside}", table=table)
        if not table.times:
            raise Refused("its media has no picture that can be decoded", UNREADABLE)
        return array("d", sorted(table.times)), array("d", sorted(table.keys))

    async def _asked(self, cell: Cell, demuxer: str, *asked: str, table: _Table | None = None) -> Ended:
        argv = [self.ffprobe, "-v", "error", "-protocol_whitelist", "file", "-f", demuxer]
        limits = Limits(memory=self.memory, processor=int(self.wall) + 1, written=0, wall=self.wall)
        taken = table.take if table else None
        ended = await run(command([*argv, *asked], cell, limits), wall=self.wall, taken=taken)
        if ended.code is None:
            raise Refused(f"ffprobe did not come to an end with its media within {self.wall:g} s", UNREADABLE)
        if ended.code != 0:
            raise Refused(f"ffprobe cannot read its media: {said(ended, cell)}", UNREADABLE)
        return ended


def said(ended: Ended, cell: Cell) -> str:
    """The end of what a program complained of, without paths of this machine."""
    text = ended.complaint.decode("utf-8", "replace").replace(cell.media_inside, "media").replace(cell.out_inside, "")
    return " ".join(text.split())[-300:] or f"it ended with {ended.code}"


class _Table:
    """Takes ffprobe's lines `pts,dts,flags`, one a packet."""

    def __init__(self, unit: float, begin: float) -> None:
        self.times: array[float] = array("d")
        self.keys: array[float] = array("d")
        self._unit = unit
        self._begin = begin
        self._rest = b""

    async def take(self, piece: bytes) -> None:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._line(line.decode("ascii", "replace").split(","))
        if len(self.times) > MOST_PICTURES:
            raise Refused(f"its media has more than {MOST_PICTURES:,} pictures", UNREADABLE)

    def _line(self, fields: list[str]) -> None:
        if len(fields) < 3 or "D" in fields[2]:
            return  # an edit list says that it is not shown
        ticks = next((field for field in fields[:2] if field.lstrip("-").isdigit()), None)
        if ticks is None:
            return
        second = int(ticks) * self._unit - self._begin
        if "K" in fields[2]:
            self.keys.append(second)
        elif not self.keys or second < self.keys[0]:
            return  # cut off from what it builds upon: no decoder shows it
        self.times.append(second)


def _is_picture(stream: dict[str, Any]) -> bool:
    if stream.get("codec_type") != "video" or (stream.get("disposition") or {}).get("attached_pic"):
        return False
    return isinstance(stream.get("width"), int) and stream["width"] > 0 and stream.get("height", 0) > 0


def _upright(stream: dict[str, Any]) -> tuple[int, int]:
    width, height = stream["width"], stream["height"]
    turns = [_number(side.get("rotation")) for side in stream.get("side_data_list") or () if isinstance(side, dict)]
    turned = any(turn is not None and round(turn) % 180 == 90 for turn in turns)
    return (height, width) if turned else (width, height)


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, str | int | float) else None
    except ValueError:
        return None


def _fraction(value: object) -> float:
    above, _, below = str(value).partition("/")
    try:
        return int(above) / int(below)
    except (ValueError, ZeroDivisionError):
        raise Refused(f"ffprobe names {str(value)[:40]!r} as its media's unit of time", UNREADABLE) from None
