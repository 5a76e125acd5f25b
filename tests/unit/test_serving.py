"""The sockets that pages are served on."""

from __future__ import annotations

import asyncio
import socket

from workers.serving import listen


async def test_a_small_answer_does_not_wait_for_an_acknowledgement() -> None:
    delays = asyncio.get_running_loop().create_future()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        delays.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    listening = listen("127.0.0.1", 0)
    async with await asyncio.start_server(connected, sock=listening):
        _, writer = await asyncio.open_connection(*listening.getsockname())
        assert await delays == 1, "Nagle's algorithm is off"
        writer.close()


def test_who_comes_before_it_is_served_waits() -> None:
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname(), timeout=5) as early:
        accepted, address = listening.accept()
        accepted.close()
        assert address == early.getsockname()
