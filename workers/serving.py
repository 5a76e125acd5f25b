"""HTTP from inside a process that does something else: uvicorn on a port that its owner opens and closes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

CLOSED_WITHIN = 2.0
"""Seconds that answers under way get once the port is to be closed."""


def listen(host: str, port: int, *, send_buffer: int | None = None) -> socket.socket:
    """A socket that listens.

    Args:
        port: 0 takes a free one.
        send_buffer: bytes that the kernel keeps for each connection; its own default if not given.

    Raises:
        OSError: the port is taken, or the address is not ours.
    """
    # asyncio turns Nagle's algorithm off for what it knows to be TCP; otherwise a small page waits 40 ms for an ACK.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if send_buffer is not None:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)  # connections inherit it
    try:
        listening.bind((host, port))
        listening.listen()  # already: whoever is told the address before it is served waits and is not refused
    except OSError:
        listening.close()
        raise
    return listening


class Server(uvicorn.Server):
    """Uvicorn without its signal handlers: whoever runs it decides when it stops."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._up = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    async def open(self, listening: socket.socket, name: str) -> asyncio.Task[None]:
        """Serve; returns when it answers, with the task that serves until `close`."""
        self._serving = asyncio.create_task(self.serve(sockets=[listening]), name=name)
        up = asyncio.create_task(self._up.wait())
        await asyncio.wait({up, self._serving}, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        return self._serving

    async def close(self) -> None:
        """Close the port; answers under way end. What ended the serving before is raised."""
        if self._serving is not None:
            self.should_exit = self.force_exit = True
            done, _ = await asyncio.wait({self._serving}, timeout=CLOSED_WITHIN)
            for serving in done:
                if not serving.cancelled():
                    serving.result()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, and tell whoever waits in `open`."""
        await super().startup(sockets)
        self._up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
