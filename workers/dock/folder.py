"""Touching a camera's folder safely: plain files only, opened relative to the folder, links never followed.

Everything on a camera is hostile until proved otherwise. A name is looked up in one open folder and nowhere
else; what is not a plain file with one name is refused before a byte of it is read.
"""

from __future__ import annotations

import os
import stat

from msgspec import Struct

from workers.errors import BwvError, NameInvalid, RuleBroken
from workers.footage.clip import RECORDING_ID_BYTES

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # NONBLOCK: a FIFO must not hold us
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NotPlain(RuleBroken):
    """Something among the recordings is not a plain file with exactly one name."""


class Changed(BwvError):
    """A file grew, shrank, changed or was replaced while it was read; it is read again once it is still."""


class Stamp(Struct, frozen=True):
    """What tells a file that was touched: size in bytes, modification time, inode."""

    size: int
    mtime_ns: int
    ino: int

    def __str__(self) -> str:
        return f"{self.size}:{self.mtime_ns}:{self.ino}"


def stamp_of(status: os.stat_result) -> Stamp:
    """The stamp of what `stat` found."""
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino)


def oddity(status: os.stat_result) -> str | None:
    """Say what keeps this from being a plain file with one name, or None."""
    mode = status.st_mode
    kinds = (
        (stat.S_ISLNK, "a symbolic link"),
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a FIFO"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISBLK, "a block device"),
        (stat.S_ISCHR, "a character device"),
    )
    for is_kind, words in kinds:
        if is_kind(mode):
            return words
    if status.st_nlink != 1:
        return f"a file with {status.st_nlink} names (hard links)"
    return None


def check_file_name(name: str) -> str:
    """Return `name` if it can only mean a visible file of the folder itself; raises NameInvalid."""
    size = len(name.encode("utf-8", "surrogatepass"))
    if not 0 < size <= RECORDING_ID_BYTES:
        raise NameInvalid(f"a file name of {size} bytes: expected 1 to {RECORDING_ID_BYTES}")
    if any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF for c in name):
        raise NameInvalid(f"file name {name!r}: contains control characters or is not UTF-8")
    if "/" in name or name.startswith("."):
        raise NameInvalid(f"file name {name!r}: leaves the camera's folder or is hidden")
    return name


def open_folder(name: str | os.PathLike[str], at: int | None = None) -> int:
    """Open a folder without following links; the caller closes it."""
    return os.open(name, _FOLDER, dir_fd=at)


def open_plain(name: str, at: int) -> tuple[int, os.stat_result]:
    """Open a plain file of the folder `at` for reading; the caller closes it.

    Raises:
        NotPlain: a link, FIFO, device, folder, or a file with several names.
        OSError: not there, not readable.
    """
    look = os.stat(name, dir_fd=at, follow_symlinks=False)
    if odd := oddity(look):  # before opening: opening a device can already do something
        raise NotPlain(f"{name!r} is {odd}; expected a plain file")
    fd = os.open(name, _READ, dir_fd=at)
    status = os.fstat(fd)
    if odd := oddity(status):
        os.close(fd)
        raise NotPlain(f"{name!r} is {odd}; expected a plain file")
    return fd, status


def read_small(name: str, at: int, most: int) -> tuple[bytes, Stamp]:
    """Read a whole small file.

    Args:
        most: bytes; a larger file is refused with NotPlain, since it cannot be what it should be.

    Raises:
        Changed: it was written to meanwhile.
    """
    fd, before = open_plain(name, at)
    with os.fdopen(fd, "rb", buffering=0) as file:
        if before.st_size > most:
            raise NotPlain(f"{name!r} holds {before.st_size} bytes; expected at most {most}")
        pieces = []
        left = most + 1
        while left > 0 and (piece := file.read(min(left, 1 << 20))):
            pieces.append(piece)
            left -= len(piece)
        data = b"".join(pieces)
        if stamp_of(os.fstat(fd)) != stamp_of(before) or len(data) != before.st_size:
            raise Changed(f"{name!r} changed while it was read")
    return data, stamp_of(before)


def write_whole(name: str, data: bytes, at: int) -> None:
    """Put a file into the folder `at` so that a crash leaves the old one or the new one, never half of it."""
    draft = f".{name}.{os.getpid()}.draft"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(draft, flags, 0o644, dir_fd=at)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        os.rename(draft, name, src_dir_fd=at, dst_dir_fd=at)
    except OSError:
        unlink_quietly(draft, at)
        raise
    os.fsync(at)


def unlink_quietly(name: str, at: int) -> None:
    """Remove a file of the folder `at`; one that is gone already is as good."""
    try:
        os.unlink(name, dir_fd=at)
    except FileNotFoundError:
        return


def printable(name: str) -> str:
    """A name as it can be shown and signed: whatever is not printable is escaped, and it is cut short."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)
    return shown if len(shown) <= 200 else f"{shown[:200]}…"
