"""What a dock offers for reading: a closed list of recordings, each found by an address we made ourselves.

The address of a recording is `/<camera>/<docking>/<token>`; the token is derived from the recording's id, so
no name from a camera ever stands in a path. Requests are looked up in this list and nowhere else.
"""

from __future__ import annotations

import os
import socket
import threading

from workers.dock.camera import Camera, Found
from workers.dock.folder import Changed, Stamp, open_plain, stamp_of
from workers.footage.canonical import sha256_hex

_TOMBSTONES = 10_000


def token_of(recording: str) -> str:
    """The part of an address that stands for a recording id."""
    return sha256_hex(recording.encode("utf-8", "surrogatepass"))[:32]


def address(camera: str, docking: int, recording: str) -> str:
    """Path at which a docked recording can be read."""
    return f"/{camera}/{docking}/{token_of(recording)}"


class Offer:
    """One recording that services may read, and how far they are.

    Attributes:
        size: bytes, as measured.
        position: how far the newest reader is, in bytes from the recording's start; for people.
        served: bytes of footage that ever left, repeats included; for people and tests.
        fetched: whether somebody has read to the end.
    """

    def __init__(self, camera: Camera, found: Found) -> None:
        self.camera = camera
        self.file, self.stamp = found.sidecar.file, found.stamp
        self.sidecar_file, self.sidecar_stamp = found.sidecar_file, found.sidecar_stamp
        self.size = found.stamp.size
        self.position = 0
        self.served = 0
        self.fetched = False
        self.reading = 0
        self._readers: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.withdrawn: tuple[int, str] | None = None

    def open(self, *, sidecar: bool = False) -> int:
        """Open the footage (or the sidecar) as it was measured; the caller closes it.

        Raises:
            DockGone: the camera left.
            Changed: it is not the file that was measured.
        """
        name, expected = (self.sidecar_file, self.sidecar_stamp) if sidecar else (self.file, self.stamp)
        with self.camera.opened() as at:
            try:
                fd, status = open_plain(name, at)
            except FileNotFoundError as error:
                raise Changed(f"{name!r} is no longer on camera {self.camera.name}") from error
        if stamp_of(status) != expected:
            os.close(fd)
            raise Changed(f"{name!r} on camera {self.camera.name} changed since it was measured")
        return fd

    def unchanged(self, fd: int, expected: Stamp) -> bool:
        """Whether the open file is still as measured and the offer stands."""
        return self.withdrawn is None and stamp_of(os.fstat(fd)) == expected

    def withdraw(self, status: int, reason: str) -> None:
        """Stop serving, now: readers in the middle of the body are cut off, as when a camera is pulled out.

        Args:
            status: what later requests are answered: 409 changed, 410 gone.
        """
        with self._lock:
            self.withdrawn = self.withdrawn or (status, reason)
            for reader in self._readers:
                try:
                    reader.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # it has hung up already

    def begin(self, reader: socket.socket, position: int) -> None:
        """A body begins."""
        with self._lock:
            self._readers.add(reader)
            self.reading += 1
            self.position = position

    def advance(self, position: int, sent: int) -> None:
        """`sent` more bytes left."""
        with self._lock:
            self.position = position
            self.served += sent
            self.fetched = self.fetched or position >= self.size

    def end(self, reader: socket.socket) -> None:
        """The body ended, well or not."""
        with self._lock:
            self._readers.discard(reader)
            self.reading -= 1


class Offers:
    """The closed list. Safe to use from every thread."""

    def __init__(self) -> None:
        self._offers: dict[str, Offer] = {}
        self._gone: dict[str, tuple[int, str]] = {}
        self._lock = threading.Lock()

    def add(self, path: str, offer: Offer) -> None:
        """Offer a recording at an address."""
        with self._lock:
            self._gone.pop(path, None)
            self._offers[path] = offer

    def withdraw(self, offer: Offer, status: int, reason: str) -> None:
        """Take an offer back under every address it has."""
        offer.withdraw(status, reason)
        with self._lock:
            for path in [p for p, o in self._offers.items() if o is offer]:
                del self._offers[path]
                self._gone[path] = (status, reason)
            while len(self._gone) > _TOMBSTONES:
                del self._gone[next(iter(self._gone))]

    def find(self, path: str) -> Offer | tuple[int, str]:
        """The offer at this address, or the HTTP status and reason why there is none."""
        with self._lock:
            offer = self._offers.get(path)
            if offer is None:
                return self._gone.get(path, (404, "no recording is offered at this address"))
        return offer if offer.withdrawn is None else offer.withdrawn
