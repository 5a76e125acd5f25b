"""Serves the reference server on a port of its own, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from starlette.requests import Request
from uvicorn.protocols.http.h11_impl import H11Protocol

from workers.errors import ConfigurationInvalid
from workers.prosecution.gateway.stub.app import application
from workers.prosecution.gateway.stub.reception import Reception
from workers.prosecution.gateway.stub.shelf import Shelf


class StubServer:
    """The reference server.

    Args:
        folder: where it keeps everything.
        host, port: port 0 takes a free one.
        token: bearer token that it asks for; None: none.

    Attributes:
        url: where it is, from the beginning.
        reception: what it does, for whoever runs it in his own process.
    """

    def __init__(self, folder: Path, *, host: str = "127.0.0.1", port: int = 0, token: str | None = None) -> None:
        self._shelf = Shelf(folder)
        self.reception = Reception(self._shelf)
        self._listening = _listening(host, port)
        self.url = f"http://{host}:{self._listening.getsockname()[1]}"
        app = application(self.reception, token=token, hang_up=_hang_up)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", ws="none", loop="none", http=_Protocol
        )
        self._server = _Server(config)

    async def serve(self, stopping: asyncio.Event) -> None:
        """Serve until `stopping` is set."""
        serving = asyncio.create_task(self._server.serve(sockets=[self._listening]), name="gateway-stub")
        stopped = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            self._server.should_exit = self._server.force_exit = True
            await serving
            self._shelf.close()


class _Protocol(H11Protocol):
    """Lets the application end a connection: `request.state.transport`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state: dict[str, Any] = {**self.app_state, "transport": transport}


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: whoever runs it decides when it stops."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _hang_up(request: Request) -> None:
    """End the connection; returns when it is ended, so that no answer can leave any more."""
    request.state.transport.abort()
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _listening(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ConfigurationInvalid(f"{host}:{port}: cannot listen there ({error}); choose another --port") from error
    return listening
