"""Writes a BagIt folder (RFC 8493, version 1.0): each file once, hashed in passing, so that 18 GB take no memory."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from io import BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct

from workers.custody.bwv_verify import BAG_DECLARATION, BAG_INFO, BAGIT, PAYLOAD_LIST, TAG_LIST
from workers.errors import NameInvalid
from workers.footage.passage import Stopped
from workers.vault.vault import Reader

STRIDE = 1 << 20


class Written(Struct, frozen=True):
    """One file: bytes and SHA-256 (hex)."""

    size: int
    sha256: str


class Sealed(Struct, frozen=True):
    """A whole package.

    Attributes:
        seal: SHA-256 of `tagmanifest-sha256.txt`: it stands for every byte.
        size: bytes of all files.
    """

    seal: str
    files: int
    size: int


class BagWriter:
    """A bag that is being written under a temporary name beside its own; `with` removes what was not moved.

    Args:
        folder: the package's; it must not exist.

    Raises:
        NameInvalid: it exists, or cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.at = folder.with_name(f".{folder.name}.unfinished")
        self.written: dict[str, Written] = {}
        self._over = False
        if folder.exists() or folder.is_symlink():
            raise NameInvalid(f"{folder}: is there already; a package needs a new folder of its own")
        if self.at.exists():
            raise NameInvalid(f"{self.at}: left by a build that was cut off, or another is at work; remove it")
        try:
            self.at.mkdir(parents=True)
        except OSError as error:
            raise NameInvalid(f"{folder}: cannot be made there ({error.strerror})") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        if self.at.exists():
            shutil.rmtree(self.at)

    def path(self, name: str) -> Path:
        """Where a file lies while the bag is being written."""
        return self.at.joinpath(*name.split("/"))

    def write(self, name: str, data: bytes) -> Written:
        """Write a small file."""
        with self._new(name) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self.written[name] = Written(len(data), hashlib.sha256(data).hexdigest())
        return self.written[name]

    def copy(self, name: str, reader: Reader, tell: Callable[[int], None]) -> Written:
        """Write what the vault sends, stride by stride; `tell` gets the bytes of each.

        Raises:
            Stopped: the build was given up meanwhile; this runs in a thread, which nobody else ends.
        """
        digest, size, buffer = hashlib.sha256(), 0, memoryview(bytearray(STRIDE))
        with self._new(name) as file:
            while count := reader.readinto(buffer):
                digest.update(buffer[:count])
                file.write(buffer[:count])
                size += count
                self._demand_wanted()
                tell(count)
            file.flush()
            os.fsync(file.fileno())
        self.written[name] = Written(size, digest.hexdigest())
        return self.written[name]

    def seal(self, info: Mapping[str, str]) -> Sealed:
        """Write the bag's own lists; nothing is added after this.

        Args:
            info: of bag-info.txt; a value is one line.
        """
        payload = {name: each for name, each in self.written.items() if name.startswith("data/")}
        oxum = f"{sum(each.size for each in payload.values())}.{len(payload)}"
        lines = [f"{name}: {' '.join(value.split())}\n" for name, value in (*info.items(), ("Payload-Oxum", oxum))]
        self.write(BAG_DECLARATION, BAGIT)
        self.write(BAG_INFO, "".join(lines).encode())
        self.write(PAYLOAD_LIST, _listed(payload))
        tags = {name: each for name, each in self.written.items() if not name.startswith("data/")}
        seal = self.write(TAG_LIST, _listed(tags)).sha256
        return Sealed(seal, len(self.written), sum(each.size for each in self.written.values()))

    def move(self) -> None:
        """Give the whole package its own name."""
        try:
            self.at.rename(self.folder)
        except OSError as error:
            raise NameInvalid(f"{self.folder}: the package cannot be moved there ({error.strerror})") from error

    def _demand_wanted(self) -> None:
        if self._over:
            raise Stopped("the build of the package was given up")

    def _new(self, name: str) -> BufferedWriter:
        self._demand_wanted()
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb")


def _listed(files: Mapping[str, Written]) -> bytes:
    return "".join(f"{files[name].sha256}  {name}\n" for name in sorted(files)).encode()
