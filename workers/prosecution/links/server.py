"""Serves the links' pages from inside a stage: uvicorn on a port of its own, with bounds on what a client may hold.

TLS is the front's (docs/links.md). Nothing here looks at Host or at forwarded headers, and no address is logged.
"""

from __future__ import annotations

import asyncio
import socket
import struct

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from workers.errors import ConfigurationInvalid
from workers.serving import Server, listen

CONNECTIONS = 128
"""At once; more are answered with 503. Each holds two windows of footage at most."""

HEADERS_MOST = 16 << 10
"""Bytes of a request before its body."""

SEND_BUFFER = 512 << 10
"""Bytes that the kernel keeps for a client: what it holds is memory, and hides whether the client reads."""

PATIENCE = 60.0
"""Seconds that a client may take to ask, or to take what was sent; within twice that it is cut off."""


class Connection(H11Protocol):
    """A connection that is cut off when its client neither asks nor reads."""

    patience = PATIENCE

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Watch it from the start."""
        super().connection_made(transport)
        self._before: object = None
        self._watch = self.loop.call_later(self.patience, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to watch any more."""
        self._watch.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Cut off what stands as it stood a patience ago: an unfinished request, or bytes that nobody takes."""
        unread = self.transport.get_write_buffer_size()
        asking = self.cycle is None or self.cycle.response_complete
        now = (id(self.cycle), unread) if asking or unread else None
        if now is not None and now == self._before:
            # A reset: what the kernel still holds for a client that does not read is not kept for it.
            connection = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
            return
        self._before = now
        self._watch = self.loop.call_later(self.patience, self._look)


class LinksServer:
    """The server.

    Args:
        port: 0 picks a free one.
        connections: at once; more are answered with 503.
        what: is served, for people.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        *,
        patience: float = PATIENCE,
        connections: int = CONNECTIONS,
        what: str = "links",
    ) -> None:
        self.app = app
        self._host = host
        self.port = port
        self._patience = patience
        self._connections = connections
        self._what = what
        self._server: Server | None = None

    async def start(self) -> None:
        """Open the port; returns when it answers. Started before, it goes on.

        Raises:
            ConfigurationInvalid: the port is taken, or the address is not ours.
        """
        if self._server is not None:
            return
        try:
            listening = listen(self._host, self.port, send_buffer=SEND_BUFFER)
        except OSError as error:
            raise ConfigurationInvalid(
                f"{self._what}: cannot be served at {self._host}:{self.port}: {error}"
            ) from error
        self.port = listening.getsockname()[1]
        self._server = Server(self._configuration())
        await self._server.open(listening, self._what)

    def _configuration(self) -> uvicorn.Config:
        return uvicorn.Config(
            self.app,
            http=type("Patient", (Connection,), {"patience": self._patience}),
            ws="none",
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=self._connections,
            h11_max_incomplete_event_size=HEADERS_MOST,
        )

    async def stop(self) -> None:
        """Close the port; bodies that are leaving end."""
        if self._server is not None:
            await self._server.close()
