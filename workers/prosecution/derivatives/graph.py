"""ffmpeg's arguments for a recipe; pure.

Cuts are frame exact: everything is decoded and encoded again, and a cut lies halfway between two pictures, where no
rounding of times can move it. One thread, no dates and no names of programs in the file: the same build makes the
same bytes from the same clip.

What is redacted is *gone* from the derivative, not made hard to see. A rectangle is filled with one grey, because a
mosaic or a blur is a function of what lies below it: text and faces have been computed back from both, the more so
from many pictures of one scene. Sound is multiplied by nought. Nothing else of the master comes along: no other
stream (subtitles, GPS, timecode), no chapter, no picture on the cover, no caption inside the pictures, no metadata.
"""

from __future__ import annotations

from typing import Any

import ffmpeg

from workers.prosecution.derivatives.recipe import Recipe
from workers.prosecution.derivatives.redaction import Span
from workers.prosecution.statements import DerivativeKind

GREY = "0x808080"
MARGIN = 2
"""Pixels more on each side of a rectangle: colour is stored for each second pixel."""
HUSH = 0.01
"""Seconds more on each side of a silence: sound is silenced in pieces of 64 samples."""
PIECE = 64
SEEK_MARGIN = 1.0
"""Seconds before the picture from which decoding begins."""
WHOLE = {"preset": "veryfast", "crf": "17"}
SMALL = {"preset": "veryfast", "crf": "24"}
TICKS = "1:90000"
"""Times of pictures are kept to 1/90,000 s, also where they do not come at a steady rate."""
SCALER = "bicubic+accurate_rnd+full_chroma_int+bitexact"
"""The same numbers on every processor."""


def argv_of(recipe: Recipe, media: str, out: str) -> list[str]:
    """ffmpeg's arguments, its name first.

    Args:
        media: path of the clip.
        out: folder of what is made.
    """
    seek = max(0.0, recipe.media.key_before(recipe.begin) - SEEK_MARGIN)
    stop = recipe.media.before(recipe.end) + SEEK_MARGIN
    source = ffmpeg.input(
        f"file:{media}",
        f=recipe.media.demuxer,
        protocol_whitelist="file",
        threads=1,
        **({"ss": _s(seek)} if seek else {}),
        t=_s(stop - seek),
    )
    streams = [_picture(recipe, source[str(recipe.media.video)], seek)]
    options: dict[str, Any] = {"map_metadata": -1, "map_chapters": -1, "dn": None, "sn": None, "fflags": "+bitexact"}
    options |= {"flags:v": "+bitexact", "threads": 1, "fps_mode": "passthrough"}
    if recipe.order.kind is DerivativeKind.STILL:
        options |= {"vcodec": "png", "frames:v": 1, "f": "image2", "update": 1}
    else:
        streams += [_sound(recipe, source[str(number)], seek) for number in recipe.media.sound]
        options |= {"vcodec": "libx264", "pix_fmt": "yuv420p", "g": 60, "a53cc": 0, "enc_time_base": TICKS}
        options |= SMALL if recipe.order.kind is DerivativeKind.PLAYBACK else WHOLE
        options |= {"movflags": "+faststart", "f": "mp4"}
        if recipe.media.sound:
            options |= {"acodec": "aac", "audio_bitrate": 128000, "flags:a": "+bitexact"}
    made = ffmpeg.output(*streams, f"file:{out}/{recipe.name}", **options).global_args(
        "-nostdin", "-v", "error", "-filter_complex_threads", "1", "-progress", "pipe:1", "-stats_period", "1"
    )
    return [str(word) for word in ffmpeg.compile(made, cmd="ffmpeg", overwrite_output=True)]


def _picture(recipe: Recipe, stream: Any, seek: float) -> Any:
    media, still = recipe.media, recipe.order.kind is DerivativeKind.STILL
    # Side data of pictures: captions, positions, whatever a camera puts there.
    stream = stream.filter("sidedata", mode="delete")
    if recipe.redaction.blurs or not still:
        stream = stream.filter("scale", flags=SCALER).filter("format", "yuv420p")
    for blur in recipe.redaction.blurs:
        x, y = max(0, blur.x - MARGIN), max(0, blur.y - MARGIN)
        right, lower = min(media.width, blur.x + blur.width + MARGIN), min(media.height, blur.y + blur.height + MARGIN)
        since = media.before(media.shown_at(blur.span.start)) - seek
        until = media.before(media.shown_at(blur.span.end) + 1) - seek
        stream = stream.filter(
            "drawbox",
            x=x,
            y=y,
            w=right - x,
            h=lower - y,
            color=GREY,
            t="fill",
            enable=f"between(t,{_s(since)},{_s(until)})",
        )
    since, until = media.before(recipe.begin) - seek, media.before(recipe.end) - seek
    stream = stream.filter("trim", start=_s(since), end=_s(until)).filter("setpts", "PTS-STARTPTS")
    if still:
        return stream.filter("scale", flags=SCALER).filter("format", "rgb24")
    if recipe.order.kind is DerivativeKind.PLAYBACK:
        width, height = recipe.small
        return stream.filter("scale", w=width, h=height, flags=SCALER).filter("setsar", 1)
    if media.width % 2 or media.height % 2:
        # H.264 has colour for each second pixel: one column or row is added, none is taken away.
        return stream.filter("pad", w="ceil(iw/2)*2", h="ceil(ih/2)*2")
    return stream


def _sound(recipe: Recipe, stream: Any, seek: float) -> Any:
    # Where a track begins late or has a gap, it is silence: sound stays with its pictures.
    stream = stream.filter("aresample", **{"async": 1, "first_pts": 0})
    if recipe.redaction.mutes:
        stream = stream.filter("aformat", sample_fmts="s32").filter("asetnsamples", n=PIECE, p=0)
        for mute in recipe.redaction.mutes:
            stream = stream.filter("volume", 0, precision="fixed", enable=_during(mute.span, seek))
    since = recipe.first - seek
    return stream.filter("atrim", start=_s(since), end=_s(since + recipe.length)).filter("asetpts", "PTS-STARTPTS")


def _during(span: Span, seek: float) -> str:
    return f"between(t,{_s(span.start - seek - HUSH)},{_s(span.end - seek + HUSH)})"


def _s(second: float) -> str:
    return f"{second:.6f}"
