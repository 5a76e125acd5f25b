"""What a browser can play, and what is shown beside the picture: the time, and where there is no sound. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from console.web.rendering import LONDON

SHOWN = re.compile(r"(?:video|audio)/[a-z0-9][a-z0-9.+-]*|image/(?:jpeg|png)")
"""Media types that a browser may show in place: a camera says what its recording is, and it shall be no page."""

CONTAINERS = frozenset({"video/mp4", "video/webm", "video/quicktime", "audio/mp4", "audio/mpeg", "audio/wav",
                        "audio/webm", "audio/ogg", "image/jpeg", "image/png"})  # fmt: skip
PICTURES = frozenset({"h264", "vp8", "vp9", "av1", "mjpeg", "png"})
SOUNDS = frozenset({"aac", "mp3", "opus", "vorbis", "flac", "pcm_s16le"})
"""Names as ffprobe gives them. What is not among these some browser plays and another does not."""

EVERY = 10
"""Seconds between two times of day beside the picture."""
LONGEST = 24 * 3600.0


def unplayable(media_type: str | None, probe: Mapping[str, Any] | None) -> str | None:
    """Why a browser cannot be expected to play this; None where it can.

    Args:
        probe: what ffprobe found, if it has been asked.
    """
    if media_type not in CONTAINERS:
        return f"browsers do not play {media_type or 'footage of an unknown kind'}"
    if probe is None:
        return None
    if probe.get("readable") is False:
        return f"ffprobe cannot read it ({probe.get('reason') or 'no reason given'})"
    for kind, known in (("video", PICTURES), ("audio", SOUNDS)):
        codec = (probe.get(kind) or {}).get("codec_name")
        if codec is not None and codec not in known:
            return f"its {'picture' if kind == 'video' else 'sound'} is {codec}, which not every browser plays"
    return None


def captions(
    began: datetime | None, seconds: float | None, preroll: Mapping[str, Any] | None, *, incomplete: bool = False
) -> str:
    """A WebVTT track: the local time as the camera's clock had it, and where the recording has no sound.

    Nothing in it was heard or seen by anybody: it says what the record says.

    Args:
        began: start of the recording; None: its time is not known.
        seconds: how long it is; None: not known, and then only the silence is told.
        preroll: what the camera kept from before record was pressed.
        incomplete: it was cut off, as by a loss of power.
    """
    cues: list[tuple[float, float, str]] = []
    if preroll is not None and not preroll.get("sound") and preroll.get("seconds"):
        silent = float(preroll["seconds"])
        cues.append((0.0, silent, "[no sound: kept by the camera from before record was pressed]"))
    length = min(seconds or 0.0, LONGEST)
    if began is not None:
        cues += [(at, min(at + EVERY, length), _clock(began, at)) for at in range(0, int(length), EVERY)]
    if incomplete and length:
        cues.append((max(0.0, length - 3), length, "[cut off here, as by a loss of power]"))
    lines = [f"{_at(start)} --> {_at(end)}\n{text}\n" for start, end, text in sorted(cues)]
    return "\n".join(("WEBVTT\n", *lines))


def _clock(began: datetime, seconds: float) -> str:
    return f"{(began + timedelta(seconds=seconds)).astimezone(LONDON):%-d %B %Y, %H:%M:%S %Z}"


def _at(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{round(1000 * (seconds - whole)):03}"
