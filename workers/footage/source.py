"""Where a recording's bytes come from: a dock (workers/dock/client.py), a file, or the vault itself."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Protocol

from workers.errors import DockGone, NameInvalid
from workers.vault.vault import Vault, Version

SIDECAR_LIMIT = 16 << 20
"""Bytes. A day of GPS positions at one a second is about 8 MB."""


class SourceReader(Protocol):
    """Bytes of a source, in order."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill `buffer` as far as bytes come and return how many; 0 is the end.

        Raises:
            DockGone: the source left in the middle.
        """

    def close(self) -> None:
        """Give back whatever is open."""


class Source(Protocol):
    """A recording that can be read more than once.

    Every method may raise DockGone (the source left), DockBusy (come back later) or StoreAway.
    """

    @property
    def size(self) -> int:
        """Bytes that the source says it has now."""

    def open(self, offset: int = 0, length: int | None = None) -> SourceReader:
        """Read from `offset`; `length` bytes or to the end."""

    def sidecar(self) -> bytes:
        """The sidecar, verbatim."""


class FileSource:
    """A recording in a local file. Only regular files are opened, and links are not followed."""

    def __init__(self, path: Path, sidecar: Path | None = None) -> None:
        self._path = path
        self._sidecar = sidecar

    @property
    def size(self) -> int:
        """Length of the file now."""
        try:
            return self._path.stat(follow_symlinks=False).st_size
        except OSError as error:
            raise DockGone(f"{self._path}: {error.strerror}") from error

    def open(self, offset: int = 0, length: int | None = None) -> _FileReader:
        """Open the file; mmap would die by SIGBUS if it were cut off meanwhile, so it is read."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise DockGone(f"{self._path}: {error.strerror}") from error
        # A pipe or a device would be waited for without end.
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise NameInvalid(f"{self._path}: not a regular file")
        return _FileReader(descriptor, offset, length)

    def sidecar(self) -> bytes:
        """The file beside it; nothing where none was named."""
        return self._sidecar.read_bytes() if self._sidecar else b""


class _FileReader:
    def __init__(self, descriptor: int, offset: int, length: int | None) -> None:
        self._descriptor = descriptor
        self._at = offset
        self._end = None if length is None else offset + length

    def readinto(self, buffer: memoryview, /) -> int:
        wanted = buffer if self._end is None else buffer[: self._end - self._at]
        try:
            count = os.preadv(self._descriptor, [wanted], self._at) if wanted.nbytes else 0
        except OSError as error:
            raise DockGone(f"reading stopped at byte {self._at}: {error.strerror}") from error
        self._at += count
        return count

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class VaultSource:
    """Bytes that already lie in the vault: quarantined footage which a person has accepted.

    Args:
        sidecar: key of the sidecar beside it.
    """

    def __init__(self, vault: Vault, footage: Version, sidecar: str) -> None:
        self._vault = vault
        self._footage = footage
        self._sidecar = sidecar

    @property
    def size(self) -> int:
        """As the store told it."""
        return self._footage.size

    def open(self, offset: int = 0, length: int | None = None) -> SourceReader:
        """GET of exactly this version."""
        return self._vault.get(self._footage.key, self._footage.version_id, offset=offset, length=length)

    def sidecar(self) -> bytes:
        """The quarantined sidecar."""
        return self._vault.get_small(self._sidecar, limit=SIDECAR_LIMIT)
