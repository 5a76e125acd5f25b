"""Where a master lies while something is made from it: a folder for one piece of work, gone with it.

A process that was killed cannot remove its folder, and what lies there is footage outside of the vault. So each has
a lock file beside it that dies with its process, and whoever begins removes the folders whose lock nobody holds.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from workers.errors import Refused

PREFIX = "bwv-derive-"
LOCK = ".lock"
SPARE = 1 << 30
"""Bytes that stay free."""
AS_MUCH = 2
"""How many times a master's size is needed: for itself, and for what is made from it."""


@contextmanager
def workspace(parent: Path) -> Iterator[Path]:
    """A folder for one piece of work, readable by us alone; whatever happens, it is gone afterwards."""
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    name, descriptor = _locked(parent)
    folder = parent / name
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        _remove(folder)
        os.close(descriptor)


@asynccontextmanager
async def room(parent: Path) -> AsyncIterator[Path]:
    """The same for a coroutine: removing a large file may take a while."""
    place = workspace(parent)
    folder = await asyncio.to_thread(place.__enter__)
    try:
        yield folder
    finally:
        await asyncio.to_thread(place.__exit__, None, None, None)


def sweep(parent: Path) -> int:
    """Remove what killed processes left behind; returns how many folders."""
    count = 0
    for lock in parent.glob(f"{PREFIX}*{LOCK}"):
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(lock.with_name(lock.name.removesuffix(LOCK)))
            count += 1
        except BlockingIOError:
            pass  # somebody works there
        finally:
            os.close(descriptor)
    return count


def folder_of(setting: str) -> Path:
    """The setting `derive_folder`, or the system's folder for temporary files."""
    return Path(setting or tempfile.gettempdir()).absolute()


def demand_space(folder: Path, size: int) -> None:
    """Demand space for a master of `size` bytes and what is made from it.

    Raises:
        Refused: there is less.
    """
    free, wanted = shutil.disk_usage(folder).free, AS_MUCH * size + SPARE
    if free < wanted:
        raise Refused(
            f"{folder} has {free / 1e9:.1f} GB free, and a clip of {size / 1e9:.1f} GB needs {wanted / 1e9:.1f} GB",
            "free some, or set derive_folder to a larger disk; then ask again",
        )


def _locked(parent: Path) -> tuple[str, int]:
    while True:
        name = PREFIX + secrets.token_hex(8)
        path = parent / f"{name}{LOCK}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)  # a sweep that just began was faster, and removes it
            continue
        if path.exists():
            return name, descriptor
        os.close(descriptor)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.with_name(folder.name + LOCK).unlink(missing_ok=True)
