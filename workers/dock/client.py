"""Reading a recording from a dock: the transfer stage's side of server.py's protocol.

This is the hot path: the body goes from the socket straight into the caller's buffer, one system call a
stride where the kernel allows it. Every wait has a deadline: connecting, the answer, and each stride, so that
a peer that sends one byte a second ends like one that is silent.

What the dock says becomes:
    connection refused, reset, 404, 409, 410, a body that ends early, a deadline    DockGone
    503                                                                             DockBusy
    401 and other refusals                                                          DockRefused, a DockGone
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import re
import socket
import ssl
import threading
import time
from urllib.parse import SplitResult, urlsplit

import msgspec

from workers.dock.reader import DockReader, hang_up
from workers.dock.sidecars import SIDECAR_BYTES
from workers.errors import BwvError, DockBusy, DockGone, NameInvalid
from workers.keys.signing import Signer
from workers.keys.statements import PURPOSES, Fetch, now_iso

STRIDE = 1 << 20
"""A good size for the caller's buffers: large enough for few system calls, small enough for the cache."""

_PATH = re.compile(r"/[A-Z0-9][A-Z0-9-]{2,31}/\d{1,16}/[0-9a-f]{32}")
_HEAD_BYTES = 1 << 16
_RETRY_AFTER = 1.0
_LONGEST_RETRY = 300.0


class DockRefused(DockGone):
    """The dock does not accept our signature or our request: keys or clocks are wrong.

    A DockGone, since the answer is the same: this transfer ends with the reason, and the dock reports again.
    """


class DockSource:
    """One recording at a dock.

    Args:
        location: from the dock's signed report.
        signer: a service key that the dock was given.
        connect: seconds until the connection stands.
        patience: seconds for the answer, and for each stride after it.
        tls: context for https locations.

    Every call uses a connection of its own; calls from several threads do not meet.
    """

    def __init__(
        self,
        location: str,
        signer: Signer,
        *,
        connect: float = 5.0,
        patience: float = 20.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._url = _checked(location)
        self._signer, self._connect, self._patience, self._tls = signer, connect, patience, tls
        self._size: int | None = None
        self._links: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._aborted = False

    @property
    def size(self) -> int:
        """Length of the whole recording in bytes, as it lies on the camera now; asks once."""
        if self._size is None:
            link, _, _ = self._ask("HEAD", self._url.path)
            link.close()
        if self._size is None:
            raise DockGone(f"{self._url.path}: the dock did not tell the size")
        return self._size

    def open(self, offset: int = 0, length: int | None = None) -> DockReader:
        """Begin to read `length` bytes from `offset`, or everything from there.

        Raises:
            DockGone: the camera or the dock is not there, or no longer has these bytes.
            DockBusy: come back later.
        """
        last = "" if length is None else str(offset + length - 1)
        wanted = f"Range: bytes={offset}-{last}\r\n" if offset or length is not None else ""
        link, head, answer = self._ask("GET", self._url.path, wanted)
        found = answer.length
        if found is None or (length is not None and found != length):
            link.close()
            raise DockGone(f"{self._url.path}: asked for {length} bytes from {offset}, offered {found}")
        with self._lock:
            self._links = {known for known in self._links if known.fileno() >= 0} | {link}
            if self._aborted:
                hang_up(link)
        return DockReader(self._url.path, link, head, found, self._patience)

    def sidecar(self) -> bytes:
        """The sidecar as the camera wrote it."""
        path = f"{self._url.path}/sidecar"
        link, head, answer = self._ask("GET", path)
        if answer.length is None or answer.length > SIDECAR_BYTES:
            link.close()
            raise DockGone(f"{path}: offered {answer.length} bytes, expected at most {SIDECAR_BYTES}")
        content = bytearray(answer.length)
        with DockReader(path, link, head, answer.length, self._patience) as reader:
            reader.readinto(content)
        return bytes(content)

    def abort(self) -> None:
        """End all open readers from another thread."""
        with self._lock:
            self._aborted = True
            for link in self._links:
                hang_up(link)

    def _ask(self, method: str, path: str, headers: str = "") -> tuple[socket.socket, bytes, http.client.HTTPResponse]:
        link = self._dial()
        try:
            until = time.monotonic() + self._patience
            link.settimeout(self._patience)
            signed = self._signer.sign(PURPOSES[Fetch], Fetch(path, now_iso()))
            token = base64.b64encode(msgspec.json.encode(signed)).decode()
            link.sendall(
                f"{method} {path} HTTP/1.1\r\nHost: {self._url.netloc}\r\nAuthorization: BWV {token}\r\n"
                f"{headers}Connection: close\r\n\r\n".encode()
            )
            head, rest = _read_head(link, until)
            answer = http.client.HTTPResponse(_Buffered(head), method=method)  # type: ignore[arg-type]
            answer.begin()
            if answer.status not in (200, 206):
                raise _refusal(path, answer, rest + _read_rest(link, answer.length or 0, len(rest), until))
        except (OSError, http.client.HTTPException, ValueError) as error:
            link.close()
            raise DockGone(f"{path}: no answer from the dock ({error})") from error
        except BwvError:
            link.close()
            raise
        size = answer.getheader("X-Bwv-Size")
        if size is not None and size.isdecimal() and path == self._url.path:
            self._size = int(size)
        return link, rest, answer

    def _dial(self) -> socket.socket:
        host, port = self._url.hostname or "", self._url.port or (443 if self._tls else 80)
        try:
            link = socket.create_connection((host, port), timeout=self._connect)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._url.scheme == "https":
                context = self._tls or ssl.create_default_context()
                return context.wrap_socket(link, server_hostname=host)
        except OSError as error:
            raise DockGone(f"the dock at {host}:{port} does not answer ({error})") from error
        return link


def _checked(location: str) -> SplitResult:
    """A location comes from outside, if signed: it may only have the form that docks give it."""
    try:
        url = urlsplit(location)
        port = url.port
    except ValueError as error:
        raise NameInvalid(f"location {location[:200]!r}: {error}") from error
    plain = url.scheme in ("http", "https") and url.hostname and port != 0 and url.username is None
    if not plain or url.query or url.fragment or not _PATH.fullmatch(url.path):
        raise NameInvalid(f"location {location[:200]!r}: expected http://host:port/camera/docking/token")
    return url


class _Buffered:
    """Lets http.client parse a header that was read under our own deadline."""

    def __init__(self, head: bytes) -> None:
        self._head = head

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._head)


def _read_head(link: socket.socket, until: float) -> tuple[bytes, bytes]:
    """Read up to the blank line; returns header and whatever of the body came with it."""
    seen = bytearray()
    while (end := seen.find(b"\r\n\r\n")) < 0:
        if len(seen) > _HEAD_BYTES:
            raise ValueError("its header has no end")
        link.settimeout(max(0.001, until - time.monotonic()))
        piece = link.recv(_HEAD_BYTES)
        if not piece:
            raise ConnectionError("it hung up before answering")
        seen += piece
    return bytes(seen[: end + 4]), bytes(seen[end + 4 :])


def _read_rest(link: socket.socket, length: int, have: int, until: float) -> bytes:
    """The body of a refusal: short, and of no use if it does not come."""
    content = bytearray()
    with contextlib.suppress(OSError):
        while have + len(content) < min(length, _HEAD_BYTES):
            link.settimeout(max(0.001, until - time.monotonic()))
            piece = link.recv(_HEAD_BYTES)
            if not piece:
                break
            content += piece
    return bytes(content)


def _refusal(path: str, answer: http.client.HTTPResponse, content: bytes) -> BwvError:
    try:
        reason = str(msgspec.json.decode(content, type=dict[str, object]).get("reason"))[:500]
    except (msgspec.DecodeError, UnicodeDecodeError):
        reason = answer.reason
    words = f"{path}: the dock answered {answer.status}: {reason}"
    if answer.status == 503:
        asked = answer.getheader("Retry-After", "")
        return DockBusy(words, min(float(asked), _LONGEST_RETRY) if asked.isdecimal() else _RETRY_AFTER)
    return DockGone(words) if answer.status in (404, 409, 410) else DockRefused(words)
