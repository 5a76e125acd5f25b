"""Serves the reference server on a port of its own, until it is told to stop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import uvicorn
from starlette.requests import Request
from uvicorn.protocols.http.h11_impl import H11Protocol

from workers.errors import ConfigurationInvalid
from workers.prosecution.gateway.stub.app import application
from workers.prosecution.gateway.stub.reception import Reception
from workers.prosecution.gateway.stub.shelf import Shelf
from workers.serving import Server, listen


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
        try:
            self._listening = listen(host, port)
        except OSError as error:
            raise ConfigurationInvalid(
                f"{host}:{port}: cannot listen there ({error}); choose another --port"
            ) from error
        self.url = f"http://{host}:{self._listening.getsockname()[1]}"
        app = application(self.reception, token=token, hang_up=_hang_up)
        self._config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", ws="none", loop="none", http=_Protocol
        )

    async def serve(self, stopping: asyncio.Event) -> None:
        """Serve until `stopping` is set."""
        server = Server(self._config)
        serving = await server.open(self._listening, "gateway-stub")
        stopped = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            await server.close()
            self._shelf.close()


class _Protocol(H11Protocol):
    """Lets the application end a connection: `request.state.transport`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state: dict[str, Any] = {**self.app_state, "transport": transport}


async def _hang_up(request: Request) -> None:
    """End the connection; returns when it is ended, so that no answer can leave any more."""
    request.state.transport.abort()
    while (await request.receive())["type"] != "http.disconnect":
        pass
