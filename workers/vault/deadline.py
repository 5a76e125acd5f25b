"""Deadlines that hold even when a peer sends one byte a second.

urllib3's timeouts bound the silence between two bytes, not the request. Here every request runs under a
guard; one thread per vault looks at the guards and shuts the socket of a request that is over its time, which
ends the call in the thread that waits with a broken connection.

Also mended here: urllib3 sends the body under the *connect* timeout (connectionpool._make_request sets the
read timeout only after the body is out), so that a 16 MiB part over a slow line would fail after 5 s.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

_TICK = 0.25
_current = threading.local()


class Guard:
    """One request or one reader, with the moment (monotonic) at which it is cut."""

    __slots__ = ("connection", "cut", "silence", "until")

    def __init__(self, seconds: float, silence: float) -> None:
        self.until = time.monotonic() + seconds
        self.silence = silence
        self.connection: HTTPConnection | None = None
        self.cut = False

    def renew(self, seconds: float) -> None:
        """The next stride begins."""
        self.until = time.monotonic() + seconds

    def pause(self) -> None:
        """Nothing is asked of the peer until the next stride."""
        self.until = float("inf")

    def shut(self) -> None:
        """Ends whatever waits on the connection."""
        self.cut = True
        sock = getattr(self.connection, "sock", None)
        if sock is not None:
            with contextlib.suppress(OSError):
                # Not SSLSocket.shutdown, which takes the TLS state from under the thread that reads.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


class Watchdog:
    """Cuts guarded requests that are over their time. One thread, started with the first guard."""

    def __init__(self) -> None:
        self._guards: set[Guard] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, guard: Guard) -> None:
        """Watches from now on."""
        with self._changed:
            self._guards.add(guard)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="vault-deadlines", daemon=True)
                self._thread.start()
            elif len(self._guards) == 1:
                self._changed.notify()

    def remove(self, guard: Guard) -> None:
        """Watches no more."""
        with self._changed:
            self._guards.discard(guard)

    @contextlib.contextmanager
    def guarding(self, guard: Guard) -> Iterator[None]:
        """Requests of this thread inside the block are under the guard."""
        self.add(guard)
        _current.guard = guard
        try:
            yield
        finally:
            _current.guard = None
            self.remove(guard)

    def _watch(self) -> None:
        while True:
            with self._changed:
                while not self._guards:
                    self._changed.wait()
                now = time.monotonic()
                late = [guard for guard in self._guards if guard.until < now and not guard.cut]
            for guard in late:
                guard.shut()
            time.sleep(_TICK)


class _Guarded:
    """Mixed into urllib3's connections: tells the guard which socket to shut, and mends the send timeout."""

    sock: Any

    def send(self, data: Any) -> None:
        guard: Guard | None = getattr(_current, "guard", None)
        if guard is not None:
            guard.connection = self  # type: ignore[assignment]
            if self.sock is None:
                self.connect()  # type: ignore[attr-defined]
            self.sock.settimeout(guard.silence)
        super().send(data)  # type: ignore[misc]


class _GuardedHTTP(_Guarded, HTTPConnection):
    pass


class _GuardedHTTPS(_Guarded, HTTPSConnection):
    pass


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _GuardedHTTP


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _GuardedHTTPS


def guarded_pool(*, connect: float, silence: float, connections: int, ca_file: str | None) -> urllib3.PoolManager:
    """A pool whose connections obey guards and which never retries by itself.

    Args:
        connect: seconds until the connection stands.
        silence: seconds between two bytes.
        connections: kept open at most.
        ca_file: certificates to trust for https; None takes the system's.
    """
    pool = urllib3.PoolManager(
        num_pools=2,
        maxsize=connections,
        retries=False,
        timeout=urllib3.Timeout(connect=connect, read=silence),
        ca_certs=ca_file,
    )
    pool.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
    return pool
