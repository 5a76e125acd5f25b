"""The dock's HTTP server: recordings by range, for services that sign their requests.

    GET|HEAD /<camera>/<docking>/<token>            the footage; Range: bytes=a-b, one range
    GET|HEAD /<camera>/<docking>/<token>/sidecar    the sidecar as the camera wrote it

    200, 206    the bytes; X-Bwv-Size: length of the whole recording
    401         no or wrong `Authorization: BWV <base64 of a signed Fetch>` (this path, within five minutes)
    404, 410    never offered; no longer offered (the camera left, the recording was erased)
    409         the file is not the one that was measured
    416         not one satisfiable range
    503         as many bodies leave as may; Retry-After says when to come back

A body that ends early means: the camera left or the file changed. Errors are JSON: {"error", "reason"}.
Sidecars are small and take no slot, so that whoever holds a slot can always read the sidecar.
"""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from http.server import ThreadingHTTPServer
from typing import Any

from workers.dock.offers import Offers
from workers.dock.requests import Handler
from workers.keys.signing import EnrolledKey

_CONNECTIONS = 64


class DockServer(ThreadingHTTPServer):
    """Serves what is in `offers`.

    Args:
        service_keys: public keys whose holders may read.
        serves: footage bodies at once.
        tls: context for (mutual) TLS; None for plain HTTP on loopback.
        now: seconds since 1970, for the age of signatures.

    Attributes:
        base: `http://host:port`, what addresses begin with.
        answers: how often each status was answered, for metrics.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    allow_reuse_address = True

    def __init__(
        self,
        host: str,
        port: int,
        service_keys: Iterable[EnrolledKey],
        *,
        serves: int = 4,
        tls: ssl.SSLContext | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.offers = Offers()
        self.keys = {key.id: key for key in service_keys}
        self.slots = threading.BoundedSemaphore(serves)
        self.answers: Counter[int] = Counter()
        self.now = now
        self._tls = tls
        self._connections = threading.BoundedSemaphore(_CONNECTIONS)
        self._thread: threading.Thread | None = None
        super().__init__((host, port), Handler)
        self.base = f"{'https' if tls else 'http'}://{host}:{self.server_address[1]}"

    def server_bind(self) -> None:
        """Bind without asking a name server for our own name, as the parent would."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def start(self) -> None:
        """Serve from a thread of its own."""
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), name="dock-server", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; bodies under way end with the process or their readers."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
        self.server_close()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept; a TLS handshake waits for the connection's own thread."""
        connection, peer = super().get_request()
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, peer

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection its thread, or close it if there are too many."""
        if self._connections.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Run one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that hung up is no event; what a reader may not do was answered already."""
        self.answers[0] += 1
