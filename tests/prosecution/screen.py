"""Recordings whose pictures say their own number, and what can be seen and heard in what was made from them."""

from __future__ import annotations

import subprocess
from array import array
from pathlib import Path
from typing import Any

import ffmpeg

from local.ffmpeg import find_ffmpeg

TOOLS = find_ffmpeg()
WIDTH, HEIGHT, RATE = 320, 240, 25
DARKEST, STEP = 20, 4
CANARY = "17-Acacia-Avenue"
SUBTITLE = f"1\n00:00:00,100 --> 00:00:01,900\n{CANARY}\n"
CHAPTER = f";FFMETADATA1\ntitle={CANARY}\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1500\ntitle={CANARY}\n"


def run(made: Any) -> bytes:
    argv = ffmpeg.compile(made.global_args("-nostdin", "-v", "error"), cmd=TOOLS.ffmpeg, overwrite_output=True)
    return subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).stdout


def numbered(path: Path, *, pictures: int = 50, size: str = f"{WIDTH}x{HEIGHT}", only: str = "1",
             scale: tuple[int, int] | None = None, **options: Any) -> Path:  # fmt: skip
    """A recording of grey pictures, each a step brighter than the one before it, with a tone.

    Args:
        only: expression of the numbers that are kept; the others leave gaps in time.
    """
    seconds = pictures / RATE
    picture = ffmpeg.input(f"color=c=black:size={size}:rate={RATE}", f="lavfi", t=seconds)
    picture = picture.filter("geq", lum=f"{DARKEST}+{STEP}*N", cb=128, cr=128).filter("select", only)
    if scale is not None:
        picture = picture.filter("format", "yuv444p").filter("scale", *scale)
    streams = [picture, ffmpeg.input("sine=frequency=1000:sample_rate=48000", f="lavfi", t=seconds)]
    given = {"vcodec": "libx264", "preset": "ultrafast", "bf": 2, "g": 10, "pix_fmt": "yuv420p", "crf": 10,
             "fps_mode": "passthrough"}  # fmt: skip
    run(ffmpeg.output(*streams, f"file:{path}", **(given | options)))
    return path


def with_canary(folder: Path) -> Path:
    """Two seconds with a picture full of detail and a tone, and an address everywhere that an address can be."""
    subtitle, chapters = folder / "subtitle.srt", folder / "chapters.txt"
    subtitle.write_text(SUBTITLE)
    chapters.write_text(CHAPTER)
    picture = ffmpeg.input(f"testsrc2=size={WIDTH}x{HEIGHT}:rate={RATE}", f="lavfi", t=2)
    sound = ffmpeg.input("sine=frequency=1000:sample_rate=48000", f="lavfi", t=2)
    path = folder / "canary.mp4"
    run(
        ffmpeg.output(picture, sound, ffmpeg.input(f"file:{subtitle}"), f"file:{path}", vcodec="libx264",
                      preset="ultrafast", pix_fmt="yuv420p", scodec="mov_text", movflags="use_metadata_tags",
                      **{"bsf:v": f"h264_metadata=sei_user_data=086f3693b7b34f2c965321492feee5b8+{CANARY}",
                         "metadata": f"location={CANARY}", "metadata:s:v": f"handler_name={CANARY}",
                         "metadata:s:a": f"title={CANARY}"})
    )  # fmt: skip
    marked = folder / "marked.mp4"
    argv = [TOOLS.ffmpeg, "-nostdin", "-v", "error", "-y", "-i", f"file:{path}", "-i", f"file:{chapters}", "-map", "0",
            "-map_metadata", "1", "-map_chapters", "1", "-c", "copy", f"file:{marked}"]  # fmt: skip
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    return marked


def greys(path: Path) -> list[bytes]:
    """The pictures as they are, each pixel its brightness; as many as there are."""
    raw = run(ffmpeg.input(f"file:{path}").output("pipe:", f="rawvideo", pix_fmt="gray", fps_mode="passthrough"))
    width, height = shape(path)
    return [raw[at : at + width * height] for at in range(0, len(raw), width * height)]


def shape(path: Path) -> tuple[int, int]:
    """Width and height."""
    argv = [TOOLS.ffprobe, "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height", "-of",
            "csv=p=0", str(path)]  # fmt: skip
    width, height = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout.split(",")[:2]
    return int(width), int(height)


def numbers(path: Path) -> list[int]:
    """Which pictures of a `numbered` recording these are."""
    width, height = shape(path)
    middle = (height // 2) * width + width // 2
    return [round((limited(picture[middle]) - DARKEST) / STEP) for picture in greys(path)]


def limited(grey: int) -> float:
    """Full-range brightness as the recording has it: gray is converted from 16–235."""
    return grey * 219 / 255 + 16


def loudness(path: Path, since: float, until: float) -> int:
    """The loudest sample of a span; 0 is digital silence."""
    raw = run(ffmpeg.input(f"file:{path}").output("pipe:", f="s16le", ac=1, ar=48000))
    samples = array("h", raw)[int(since * 48000) : int(until * 48000)]
    assert len(samples) > 0, f"no sound between {since} and {until} s"
    return max(abs(sample) for sample in samples)


def region(picture: bytes, width: int, x: int, y: int, w: int, h: int) -> bytes:
    """The pixels of a rectangle."""
    return b"".join(picture[row * width + x : row * width + x + w] for row in range(y, y + h))
