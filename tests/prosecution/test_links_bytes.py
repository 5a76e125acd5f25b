"""How the bytes leave: in ranges, on record before the first of them, and cheaply whatever the reader does."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import tracemalloc
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import msgspec
import pytest

import streams.links
from tests.prosecution.linked import Browser, Linked
from workers.errors import BrokerAway
from workers.fate.outbox import Event
from workers.prosecution.links import bodies, tickets

FOOTAGE = os.urandom(2 * bodies.WINDOW + 12345)
SIZE = len(FOOTAGE)

RANGES = {
    "bytes=0-": (206, 0, SIZE - 1),
    "bytes=0-0": (206, 0, 0),
    "bytes=5-8": (206, 5, 8),
    "bytes=-1": (206, SIZE - 1, SIZE - 1),
    f"bytes=-{SIZE + 5}": (206, 0, SIZE - 1),
    f"bytes={SIZE - 1}-": (206, SIZE - 1, SIZE - 1),
    f"bytes={bodies.WINDOW - 1}-{bodies.WINDOW + 1}": (206, bodies.WINDOW - 1, bodies.WINDOW + 1),
    "bytes=7-99999999999999999": (206, 7, SIZE - 1),
    "bytes=5-2": (416, 0, 0),
    "bytes=-0": (416, 0, 0),
    "bytes=-": (416, 0, 0),
    f"bytes={SIZE}-": (416, 0, 0),
    "bytes=9999999999999999999999-": (416, 0, 0),
    "bytes=0-1,3-4": (416, 0, 0),
    "bytes=a-b": (416, 0, 0),
    "bytes=0x0-0x1": (416, 0, 0),
    "bytes=--1": (416, 0, 0),
    "chapters=1-2": (416, 0, 0),
    "bytes=١-٢": (416, 0, 0),
}
"""Range → status, first and last byte."""


async def opened(linked: Linked, data: bytes = FOOTAGE, media_type: str = "video/mp4") -> tuple[str, Browser]:
    link = await linked.link(await linked.item(1, data, media_type), address=None)
    return link, await linked.opened(link)


async def test_ranges_are_those_that_were_asked_for(linked: Linked) -> None:
    link, browser = await opened(linked)
    short = (await browser.get(f"{link}/items/1/media")).headers["location"]
    for asked, (status, first, last) in RANGES.items():
        answer = await browser.http.get(short, headers={"Range": asked.encode()})
        assert (asked, answer.status_code) == (asked, status)
        if status == 206:
            assert answer.content == FOOTAGE[first : last + 1], asked
            assert answer.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
        else:
            assert answer.headers["content-range"] == f"bytes */{SIZE}" and FOOTAGE[:20] not in answer.content

    whole = await browser.get(short)
    assert whole.status_code == 200 and whole.content == FOOTAGE
    tag = whole.headers["etag"]
    assert (await browser.get(short, Range="bytes=3-4", If_Range=tag)).content == FOOTAGE[3:5]
    for other in ('"other"', f"W/{tag}", "Sun, 22 Nov 2026 10:00:00 GMT"):
        assert (await browser.get(short, Range="bytes=3-4", If_Range=other)).status_code == 200
    head = await browser.http.head(short, headers={"Range": "bytes=3-4"})
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(SIZE), b"")
    assert head.headers["accept-ranges"] == "bytes"


async def test_a_short_address_is_worth_a_minute_to_one_browser(linked: Linked) -> None:
    link, browser = await opened(linked)
    short = (await browser.get(f"{link}/items/1/media")).headers["location"]
    assert link.removeprefix("/l/") not in short
    assert (await linked.browser().get(short)).status_code == 404
    holder = linked.browser()
    await holder.get(link)  # another session of the same link
    assert (await holder.get(short)).status_code == 404
    for at in (3, 40, -3):
        forged = short[:at] + ("B" if short[at] != "B" else "C") + short[at + 1 :]
        assert (await browser.get(forged)).status_code == 404

    ticket = tickets.redeem(linked.secret, short.removeprefix(tickets.PATH))
    assert ticket is not None
    then = datetime.now(UTC) - tickets.LIVES - timedelta(seconds=1)
    late = tickets.issue(linked.secret, ticket.link_id, 1, "media", ticket.session, then)
    led = await browser.get(late)
    assert (led.status_code, led.headers["location"]) == (302, f"{link}/items/1/media")
    assert (await linked.browser().get(late)).status_code == 404


async def test_nothing_leaves_that_is_not_on_record(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    link, browser = await opened(linked)
    short = (await browser.get(f"{link}/items/1/file")).headers["location"]

    async def away(event: Event) -> None:
        raise BrokerAway("Kafka does not answer")

    linked.publish = away
    for path in (link, short):
        answer = await browser.get(path)
        assert answer.status_code == 503 and FOOTAGE[:50] not in answer.content and "R v Doe" not in answer.text

    asked, confirmed = asyncio.Event(), asyncio.Event()

    async def slow(event: Event) -> None:
        asked.set()
        await confirmed.wait()
        await linked._keep(event)

    linked.publish = slow
    reader, writer = await asyncio.open_connection("127.0.0.1", linked.stage.server.port)
    cookie = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
    writer.write(f"GET {short} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
    await asked.wait()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await reader.read(1)
    before = len(linked.told)
    confirmed.set()
    assert (await reader.readline()).startswith(b"HTTP/1.1 200") and len(linked.told) == before + 1
    writer.close()

    confirmed.clear()
    monkeypatch.setattr(streams.links, "PROVED_WITHIN", 0.1)
    assert (await browser.get(short)).status_code == 503


async def test_each_access_is_told_with_who_what_and_which_bytes(linked: Linked) -> None:
    link, browser = await opened(linked)
    short = (await browser.get(f"{link}/items/1/media")).headers["location"]
    linked.told.clear()
    await asyncio.gather(*(browser.get(short, Range=f"bytes={n}-{n + 9}") for n in range(12)))
    minutes = {opened.at[:16] for opened in linked.told}
    assert len(linked.told) == len(minutes)  # one for each minute, and the minute may have turned
    [first, *_] = linked.told
    assert (first.what, first.reference, first.holder) == ("play", "JS/1", "holder of the link")
    low, high = (int(end) for end in str(first.part).split("-"))
    assert high - low == 9

    linked.told.clear()
    take = (await browser.get(f"{link}/items/1/file")).headers["location"]
    for _ in range(2):
        await browser.get(take, Range="bytes=0-9")
    assert [(opened.what, opened.part) for opened in linked.told] == [("fetch", "0-9")] * 2
    assert {opened.clip_id for opened in linked.told} == {first.clip_id} and first.clip_id


async def test_what_a_camera_calls_a_page_is_no_page(linked: Linked) -> None:
    link, browser = await opened(linked, b"<script>alert(1)</script>", "text/html")
    answer = await browser.media(link)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    svg = await linked.item(2, b"<svg/>", "image/svg+xml", reference='JS/2"; x="\r\ny: z')
    other = await linked.link(svg, address=None, urn="02CD0012326")
    answer = await (await linked.opened(other)).media(other, 2)
    assert answer.headers["content-disposition"] == 'attachment; filename="002-JS-2-x-y-z.bin"'


async def test_an_item_that_the_store_has_lost_is_not_half_an_answer(linked: Linked) -> None:
    item = await linked.item(1, b"0123")
    gone = msgspec.structs.replace(item, version_id="0" * 32)
    link = await linked.link(gone, address=None)
    browser = await linked.opened(link)
    assert (await browser.media(link)).status_code == 404


async def test_a_body_ends_when_its_link_is_revoked(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "ASK_EVERY", 0.0)
    data = os.urandom(24 * bodies.WINDOW)
    link, browser = await opened(linked, data)
    connection = await stalled(linked.base, link, browser)
    await linked.change(link)
    got = await asyncio.to_thread(rest, connection)
    assert 0 < len(got) < len(data)


async def test_a_reader_that_stops_costs_one_window_and_is_cut_off(linked: Linked) -> None:
    data = os.urandom(24 * bodies.WINDOW)
    link, browser = await opened(linked, data)
    tracemalloc.start()
    async with linked.served(patience=0.5) as base:
        idle = [await asyncio.to_thread(connected, base) for _ in range(3)]
        stopped = [await stalled(base, link, browser) for _ in range(8)]
        assert (await linked.browser(base).media(link, Range="bytes=0-99")).content == data[:100]
        _, peak = tracemalloc.get_traced_memory()
        assert peak < 8 * 4 * bodies.WINDOW < 8 * len(data) / 4
        for each in (*idle, *stopped):
            assert await asyncio.to_thread(cut_off, each), "nobody cut this connection off"
    tracemalloc.stop()


def connected(base: str) -> socket.socket:
    address = urlsplit(base)
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
    made.settimeout(20)
    made.connect((address.hostname, address.port))
    return made


async def stalled(base: str, link: str, browser: Browser) -> socket.socket:
    """A connection that asked for all of an item, has read its first bytes, and reads no more."""
    short = (await browser.get(f"{link}/items/1/file")).headers["location"]
    cookie = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
    made = await asyncio.to_thread(connected, base)
    made.sendall(f"GET {short} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
    first = await asyncio.to_thread(made.recv, 64)
    assert first.startswith(b"HTTP/1.1 200")
    return made


def cut_off(connection: socket.socket) -> bool:
    """Wait, without reading, until the other side resets the connection."""
    poll = select.poll()
    poll.register(connection, 0)  # errors alone
    ended = bool(poll.poll(20_000))
    connection.close()
    return ended


def rest(connection: socket.socket) -> bytes:
    """Everything that still comes until the other side ends it."""
    got = bytearray()
    try:
        while some := connection.recv(1 << 20):
            got += some
    except ConnectionResetError:
        pass
    finally:
        connection.close()
    return bytes(got)
