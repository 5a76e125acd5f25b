"""Makes one derivative from a clip's file: looks at the media, runs ffmpeg in the sandbox, looks at what it made."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from workers.errors import Refused
from workers.footage.passage import STRIDE
from workers.footage.sandbox import Cell, Limits, command, run, version_of
from workers.prosecution.derivatives.graph import argv_of
from workers.prosecution.derivatives.media import Prober, said
from workers.prosecution.derivatives.recipe import Recipe, recipe_of
from workers.prosecution.statements import DerivativeKind, DerivativeOrder

KILLED = (-9, -24, 128 + 9, 128 + 24)
"""What a program ends with that was killed, or had used up its processor time; inside bubblewrap the latter two."""
LARGER = 4
"""How many times its clip's size something may become, beside LEAST."""
LEAST = 1 << 30
"""Bytes."""

Told = Callable[[float], None]
"""Gets the share that is done, 0 to 1."""


class Tool(Struct, frozen=True):
    """ffmpeg, and what it may use.

    Attributes:
        ffmpeg, ffprobe: absolute paths of one build.
        version: "ffmpeg 6.0".
        walls: whether bubblewrap hides everything else from it.
        seconds, memory: after which it is ended.
    """

    ffmpeg: str
    ffprobe: str
    version: str
    walls: bool
    seconds: float
    memory: int


class Made(Struct, frozen=True):
    """What was made; it lies in a file.

    Attributes:
        argv: without paths of this machine.
    """

    recipe: Recipe
    file: Path
    sha256: str
    size: int
    argv: tuple[str, ...]


async def tool_of(ffmpeg: str, ffprobe: str, *, walls: bool, seconds: float, memory: int) -> Tool:
    """The tool, after it was asked for its version.

    Raises:
        Refused: none is set, it does not run, or it is too old.
    """
    if not ffmpeg or not ffprobe:
        raise Refused(
            "no ffmpeg is set, so nothing can be made from a clip",
            "have `ffmpeg` and `ffprobe` set in settings.toml, the derivation service started again, and ask again",
        )
    version = await version_of(ffmpeg)
    if version is None or await version_of(ffprobe) is None:
        raise Refused(
            f"{ffmpeg} or {ffprobe} does not run", "have it installed again, or another one set in settings.toml"
        )
    return Tool(ffmpeg, ffprobe, version, walls, seconds, memory)


async def make(
    tool: Tool, order: DerivativeOrder, clip: Path, demuxer: str, folder: Path, told: Told = lambda share: None
) -> Made:
    """Make what is ordered.

    Args:
        clip: the master's bytes, known to be what the dock signed; they are only read.
        demuxer: ffmpeg's name of its container, by its declared media type.
        folder: empty, for what is made.
        told: gets the share that is done, about once a second.

    Raises:
        Refused: it cannot be made, and why.
    """
    cell = Cell(clip, folder, tool.walls)
    prober = Prober(tool.ffprobe, tool.memory, tool.seconds)
    media = await prober.media(cell, demuxer)
    recipe = recipe_of(order, media)
    _, *arguments = argv_of(recipe, cell.media_inside, cell.out_inside)
    limits = Limits(
        memory=tool.memory,
        processor=int(tool.seconds) + 1,
        written=await asyncio.to_thread(_most, clip),
        wall=tool.seconds,
    )
    progress = _Progress(recipe.length, told)
    ended = await run(command([tool.ffmpeg, *arguments], cell, limits), wall=tool.seconds, taken=progress.take)
    if ended.code is None or ended.code in KILLED:
        raise Refused(
            f"ffmpeg did not come to an end within {tool.seconds:g} s and {tool.memory / 1e9:.1f} GB of memory",
            "order a shorter range, or raise derive_seconds or derive_memory",
        )
    if ended.code != 0:
        raise Refused(
            f"{tool.version} cannot make it: {said(ended, cell)}", "look at the clip; bwv derive needs 5.1 or later"
        )
    file = folder / recipe.name
    await _look(prober, recipe, file, walls=tool.walls)
    sha256, size = await asyncio.to_thread(_digest, file)
    return Made(recipe, file, sha256, size, tuple(argv_of(recipe, "/media", "/out")))


async def _look(prober: Prober, recipe: Recipe, file: Path, *, walls: bool) -> None:
    """Demand that what was made has the pictures that were ordered, and nothing beside picture and sound."""
    if recipe.order.kind is DerivativeKind.STILL:
        return
    expected = ["video", *("audio" for _ in recipe.media.sound)]
    streams = await prober.streams(file, recipe.demuxer, walls=walls)
    if streams != expected:
        raise Refused(f"what was made has the streams {streams}; expected {expected}", LOOK)
    found = await prober.count(file, recipe.demuxer, walls=walls)
    if found != recipe.pictures:
        raise Refused(f"{recipe.pictures} pictures were ordered and {found} were made: the clip is damaged", LOOK)


LOOK = "look at the clip: it can be submitted whole, or by a range that leaves out its damaged part"


def _most(clip: Path) -> int:
    return LEAST + LARGER * clip.stat().st_size


def _digest(file: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as made:
        while stride := made.read(STRIDE):
            digest.update(stride)
            size += len(stride)
    return digest.hexdigest(), size


class _Progress:
    """Reads `-progress`: lines `name=value`."""

    def __init__(self, length: float, told: Told) -> None:
        self._length = length
        self._told = told
        self._rest = b""

    async def take(self, piece: bytes) -> None:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            name, _, value = line.strip().partition(b"=")
            if name == b"out_time_us" and value.isdigit() and self._length:
                self._told(min(1.0, int(value) / 1e6 / self._length))
