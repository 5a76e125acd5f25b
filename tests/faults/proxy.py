"""A store that lies or fails, made of an honest one: a small HTTP proxy on the loopback interface.

Each request is passed on with its Host header unchanged, as the signature wants it, on a connection of its own
that ends with the answer. A `Fault` is asked about each request and may answer in the store's stead.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Asked:
    """One request, read whole."""

    method: str
    target: str
    headers: dict[str, str]
    head: bytes
    body: bytes

    @property
    def key(self) -> str:
        """The object's key; empty for the bucket itself."""
        return unquote(urlsplit(self.target).path).partition("/")[2].partition("/")[2]

    @property
    def query(self) -> dict[str, str]:
        found = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[0] for name, values in found.items()}


@dataclass
class Answer:
    """The store's answer, whole."""

    head: bytes
    body: bytes

    @property
    def ok(self) -> bool:
        return self.head.split(b" ", 2)[1][:1] == b"2"

    def with_body(self, body: bytes) -> Answer:
        """The same with other bytes, whose length it announces."""
        lines = [line for line in self.head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
        return Answer(b"\r\n".join([*lines[:-2], b"Content-Length: %d" % len(body), b"", b""]), body)

    def sent(self) -> bytes:
        return self.head + self.body


Fault = Callable[["Exchange"], bytes | None]
"""What goes back to the client, or None: nothing, the connection ends."""


@dataclass
class Exchange:
    """One request on its way, as a fault sees it."""

    asked: Asked
    proxy: FaultProxy
    notes: dict[str, object] = field(default_factory=dict)

    def forward(self, upto: int | None = None) -> Answer:
        """Ask the store; `upto` cuts the request's body."""
        return self.proxy.forward(self.asked, upto)


class FaultProxy:
    """Listens on a free port of 127.0.0.1.

    Attributes:
        store: gives the real store's address.
        fault: asked about each request; None: honest.
        requests: how many came.
    """

    def __init__(self) -> None:
        self.store: Callable[[], str] = lambda: ""
        self.fault: Callable[[Asked], Fault | None] = lambda _: None
        self.requests = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True, name="fault proxy")
        self._thread.start()

    def honest(self) -> None:
        """Stop all faults."""
        self.fault = lambda _: None

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def forward(self, asked: Asked, upto: int | None = None) -> Answer:
        """Ask the real store on a new connection."""
        address = urlsplit(self.store())
        with socket.create_connection((address.hostname, address.port), timeout=30) as store:
            store.sendall(asked.head)
            store.sendall(asked.body if upto is None else asked.body[:upto])
            if upto is not None:
                return Answer(b"", b"")
            whole = bytearray()
            while piece := store.recv(1 << 20):
                whole += piece
        head, _, body = bytes(whole).partition(b"\r\n\r\n")
        return Answer(head + b"\r\n\r\n", body)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(60)
            asked = _read(client)
            if asked is None:
                return
            self.requests += 1
            exchange = Exchange(asked, self)
            fault = self.fault(asked)
            if fault is None:
                answer: bytes | None = exchange.forward().sent()
            else:
                answer = fault(exchange)
            if answer:
                client.sendall(answer)


def _read(client: socket.socket) -> Asked | None:
    data = bytearray()
    while b"\r\n\r\n" not in data:
        piece = client.recv(1 << 16)
        if not piece:
            return None
        data += piece
    head, _, rest = bytes(data).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    method, target, _ = lines[0].decode().split(" ", 2)
    fields = [line.decode("latin-1").split(":", 1) for line in lines[1:]]
    headers = {name.strip().lower(): value.strip() for name, value in fields}
    body = bytearray(rest)
    if headers.get("expect", "").lower() == "100-continue":
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    while len(body) < int(headers.get("content-length", "0")):
        piece = client.recv(1 << 20)
        if not piece:
            return None
        body += piece
    lines = [line for line in lines if not line.lower().startswith((b"connection:", b"expect:"))]
    return Asked(method, target, headers, b"\r\n".join([*lines, b"Connection: close", b"", b""]), bytes(body))
