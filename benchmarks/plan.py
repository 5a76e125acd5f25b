"""What one run of a Python contender does; a JSON file (0600: it holds credentials) hands it over."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from msgspec import Struct


class Recording(Struct, frozen=True):
    """A file and its declared digest."""

    path: str
    sha256: str
    clip_id: str


class Plan(Struct, frozen=True):
    """All recordings at once.

    Attributes:
        whole: the whole of ingest, or the store leg alone.
        buffers: chunk buffers of the process; for ours.
    """

    endpoint: str
    bucket: str
    writer: tuple[str, str]
    reader: tuple[str, str]
    recordings: tuple[Recording, ...]
    whole: bool = True
    chunk: int = 16 << 20
    buffers: int = 4


def planned() -> Plan:
    """The plan that the command line names."""
    return msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan)


def at_once(work: Callable[[Recording], None], recordings: tuple[Recording, ...]) -> None:
    """One thread a recording; the first failure is raised."""
    with ThreadPoolExecutor(len(recordings)) as pool:
        for done in [pool.submit(work, recording) for recording in recordings]:
            done.result()
