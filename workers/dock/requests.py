"""Answering one request to the dock's server; the protocol stands at the top of server.py."""

from __future__ import annotations

import base64
import binascii
import os
import socket
import ssl
import struct
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import msgspec

from workers.dock.folder import Changed, NotPlain
from workers.dock.offers import Offer
from workers.dock.ranges import RangeUnfit, single_range
from workers.errors import BwvError, DockGone, SignatureInvalid
from workers.keys.signing import Role, Signed, opened
from workers.keys.statements import PURPOSES, Fetch

if TYPE_CHECKING:
    from workers.dock.server import DockServer

STRIDE = 1 << 20
SKEW = 300.0
"""Seconds that a request's signature is good for, either way."""
SLOWEST = 100_000
"""Bytes per second below which a reader loses its slot."""
_IDLE = 10.0
_STALL = 30.0


class _Refused(BwvError):
    def __init__(self, status: int, error: str, reason: str, **headers: str) -> None:
        super().__init__(reason)
        self.status, self.error, self.headers = status, error, headers


class Handler(BaseHTTPRequestHandler):
    """One connection of one reader."""

    server: DockServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "bwv-dock", ""
    timeout = _IDLE
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Bound every wait for the reader."""
        super().setup()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", int(_STALL), 0))

    def do_GET(self) -> None:
        """A recording or its sidecar."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Its size."""
        self._answer(body=False)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: names and addresses of evidence do not belong in a server's log."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the parent refuses by itself: a malformed request, an unknown method."""
        self._refuse(_Refused(code, "bad_request", explain or message or "refused"))

    def _answer(self, *, body: bool) -> None:
        fd = -1
        try:
            self._check_signature()
            is_sidecar = self.path.endswith("/sidecar")
            offer = self.server.offers.find(self.path.removesuffix("/sidecar"))
            if isinstance(offer, tuple):
                raise _Refused(offer[0], {404: "unknown", 409: "changed"}.get(offer[0], "gone"), offer[1])
            fd = offer.open(sidecar=is_sidecar)
            self._send(offer, fd, is_sidecar=is_sidecar, body=body)
        except DockGone as error:
            self._refuse(_Refused(410, "gone", str(error)))
        except (Changed, NotPlain) as error:
            self._refuse(_Refused(409, "changed", str(error)))
        except SignatureInvalid as error:
            self._refuse(_Refused(401, "unsigned", str(error), **{"WWW-Authenticate": "BWV"}))
        except _Refused as error:
            self._refuse(error)
        except OSError:
            self.close_connection = True  # the reader hung up, or the camera's storage failed: the body ends
        finally:
            if fd >= 0:
                os.close(fd)

    def _refuse(self, refused: _Refused) -> None:
        content = msgspec.json.encode({"error": refused.error, "reason": str(refused)})
        self.close_connection = True
        self.server.answers[refused.status] += 1
        self.send_response(refused.status)
        for name, value in refused.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _check_signature(self) -> None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme != "BWV":
            raise SignatureInvalid("every request carries Authorization: BWV with a signed Fetch")
        try:
            signed = msgspec.json.decode(base64.b64decode(token, validate=True), type=Signed)
            fetch = opened(PURPOSES[Fetch], signed, Fetch, role=Role.SERVICE, find=self.server.keys.get)
            age = abs(self.server.now() - datetime.fromisoformat(fetch.at).timestamp())
        except SignatureInvalid:
            raise
        except (BwvError, binascii.Error, msgspec.DecodeError, ValueError, OverflowError) as error:
            raise SignatureInvalid("the Authorization is not a signed Fetch") from error
        if fetch.path != self.path:
            raise SignatureInvalid("the signature is for another path")
        if age > SKEW:
            raise SignatureInvalid(f"the signature is {age:.0f} s away from the dock's clock; set the clocks")

    def _send(self, offer: Offer, fd: int, *, is_sidecar: bool, body: bool) -> None:
        size = offer.sidecar_stamp.size if is_sidecar else offer.size
        try:
            first, length = single_range(self.headers.get("Range"), size)
        except RangeUnfit as error:
            raise _Refused(416, "range", str(error), **{"Content-Range": f"bytes */{size}"}) from error
        takes_slot = body and not is_sidecar
        if takes_slot and not self.server.slots.acquire(blocking=False):
            raise _Refused(503, "busy", "as many recordings leave as may", **{"Retry-After": "1"})
        try:
            self._head(size, first, length, json=is_sidecar)
            if body and is_sidecar:
                self.wfile.write(os.pread(fd, length, first))
            elif body:
                self._stream(offer, fd, first, length)
        finally:
            if takes_slot:
                self.server.slots.release()

    def _head(self, size: int, first: int, length: int, *, json: bool) -> None:
        status = 206 if self.headers.get("Range") else 200
        self.server.answers[status] += 1
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{first + length - 1}/{size}")
        self.send_header("Content-Type", "application/json" if json else "application/octet-stream")
        self.send_header("Content-Length", str(length))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("X-Bwv-Size", str(size))
        self.end_headers()

    def _stream(self, offer: Offer, fd: int, first: int, length: int) -> None:
        reader = self.connection
        offer.begin(reader, first)
        until = time.monotonic() + _STALL + length / SLOWEST
        copies = isinstance(reader, ssl.SSLSocket)
        buffer = memoryview(bytearray(STRIDE if copies else 0))
        # Blocking, with the kernel's own timeout: one system call sends a stride, no poll before each piece.
        reader.settimeout(_STALL if copies else None)
        position, end = first, first + length
        try:
            while position < end:
                if not offer.unchanged(fd, offer.stamp) or time.monotonic() > until:
                    self.close_connection = True  # the body ends short; the reader sees that the dock is gone
                    return
                count = min(STRIDE, end - position)
                if copies:
                    sent = os.preadv(fd, [buffer[:count]], position)
                    reader.sendall(buffer[:sent])
                else:
                    sent = os.sendfile(reader.fileno(), fd, position, count)
                if sent == 0:
                    self.close_connection = True
                    return
                position += sent
                offer.advance(position, sent)
        finally:
            offer.end(reader)
            reader.settimeout(_IDLE)
