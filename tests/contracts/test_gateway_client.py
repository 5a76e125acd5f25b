"""The gateway's client against peers that are away, slow, strange or hostile: it waits, says so, or refuses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.gateways import open_gateway
from streams.settings import Settings
from tests.contracts.gateways import contents, manifest_of, stub
from workers.errors import ConfigurationInvalid, FootageDiffers, GatewayAway, GatewayRefused
from workers.prosecution.gateway.client import Gateway
from workers.prosecution.gateway.contract import ItemState
from workers.prosecution.gateway.stub.script import At, Do, Rule, Script
from workers.vault.retry import Limits

QUICK = Limits(connect=0.5, silence=0.5, request=1.0, tries=3, longest_wait=0.02)
ID = manifest_of("x")["submission_id"]


@asynccontextmanager
async def peer(answers: list[bytes], asked: list[bytes] | None = None) -> AsyncIterator[str]:
    """Somebody who gives these answers one after the other, the last for ever, whatever is asked; b"": none at all."""
    given = iter(answers[:-1])
    open_until = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if asked is not None:
            asked.append(head)
        said = next(given, answers[-1])
        if not said:
            await open_until.wait()
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1")
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        open_until.set()


def says(status: int, body: bytes = b"{}", more: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n".encode() + body


@asynccontextmanager
async def client(url: str, limits: Limits = QUICK, token: str | None = None) -> AsyncIterator[Gateway]:
    made = Gateway(url, token=token, limits=limits)
    try:
        yield made
    finally:
        await made.close()


PEERS: dict[str, tuple[list[bytes], type[Exception], str]] = {
    "busy": ([says(503)], GatewayAway, "answered 503"),
    "broken": ([says(500, b"<html>oops</html>")], GatewayAway, "oops"),
    "silent": ([b""], GatewayAway, "no answer"),
    "hangs up": ([b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"], GatewayAway, "no answer"),
    "no HTTP": ([b"220 mail.example ESMTP\r\n\r\n"], GatewayAway, "no answer"),
    "another's page": ([says(200, b"<html>Welcome</html>")], GatewayAway, "expected a Receipt of the contract|Receipt"),
    "moved": ([says(302, more="Location: http://192.0.2.1/\r\n")], GatewayAway, "the address of a gateway"),
    "knows us not": ([says(401)], GatewayAway, "gateway.json"),
    "will never": ([says(400, b'{"error": "bad_request", "reason": "no such id"}')], GatewayRefused, "no such id"),
    "endless": ([says(200, b"x" * (17 << 20))], GatewayAway, "an answer of more than"),
}


@pytest.mark.parametrize("kind", PEERS)
async def test_what_a_peer_does_becomes_a_clear_error_in_bounded_time(kind: str) -> None:
    answers, error, words = PEERS[kind]
    began = time.monotonic()
    async with peer(answers) as url, client(url) as gateway:
        with pytest.raises(error, match=words):
            await gateway.receipt(ID)
    assert time.monotonic() - began < 10


async def test_a_passing_fault_is_tried_again_and_a_permanent_one_is_not() -> None:
    asked: list[bytes] = []
    async with peer([says(503), says(429), says(404)], asked) as url, client(url, token="the-secret") as gateway:
        assert await gateway.receipt(ID) is None
    assert len(asked) == 3 and all(b"Authorization: Bearer the-secret" in head for head in asked)
    asked.clear()
    async with peer([says(400)], asked) as url, client(url) as gateway:
        with pytest.raises(GatewayRefused):
            await gateway.receipt(ID)
    assert len(asked) == 1


async def test_an_outage_does_not_end_in_a_storm() -> None:
    asked: list[bytes] = []
    async with peer([says(503)], asked) as url, client(url, Limits(tries=4, longest_wait=0.0)) as gateway:
        for _ in range(50):
            with pytest.raises(GatewayAway):
                await gateway.receipt(ID)
    assert 50 < len(asked) <= 60, f"{len(asked) - 50} retries for 50 requests"


def opener(change: Callable[[bytes], bytes], calls: list[int]) -> Any:
    @asynccontextmanager
    async def open_item(item: Any) -> AsyncIterator[AsyncIterator[bytes]]:
        calls.append(item["n"])

        async def pieces() -> AsyncIterator[bytes]:
            yield change(item["reference"].encode() * 1000)

        yield pieces()

    return open_item


@pytest.mark.parametrize("change", [lambda b: b[:-1] + b"~", lambda b: b[:-1], lambda b: b + b"~"])
async def test_bytes_that_are_not_the_manifests_never_become_an_item(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    manifest, calls = manifest_of("rotten"), list[int]()
    assert contents(manifest)[1] != change(contents(manifest)[1])
    async with stub(tmp_path) as server, client(server.url) as gateway:
        with pytest.raises(FootageDiffers):
            await gateway.send(manifest, opener(change, calls))
        receipt = await gateway.receipt(manifest["submission_id"])
        assert receipt is not None and [item.state for item in receipt.items] == [ItemState.MISSING] * 2
        assert calls == [1]
        assert not list((tmp_path / "items" / manifest["submission_id"]).iterdir())


async def test_an_answer_that_is_lost_at_any_step_makes_no_second_one(tmp_path: Path) -> None:
    manifest, calls = manifest_of("lost"), list[int]()
    async with stub(tmp_path) as server, client(server.url) as gateway:
        server.reception.add(Script(tuple(Rule(Do.LOSE_ANSWER, at=at) for at in (At.MANIFEST, At.ITEM, At.COMPLETE))))
        taken = await gateway.send(manifest, opener(bytes, calls))
        standing = server.reception.standing()
    assert taken.final and standing.done == {"lose_answer": 3}
    assert standing.received == {manifest["submission_id"]: 1} and standing.items_received == 2
    assert calls == [1, 1, 2]


async def test_a_gateway_that_is_slow_is_cut_and_finished_later(tmp_path: Path) -> None:
    manifest = manifest_of("slow")
    async with stub(tmp_path) as server, client(server.url) as gateway:
        server.reception.add(Script((Rule(Do.SLOW, at=At.COMPLETE, times=3, seconds=30),)))
        with pytest.raises(GatewayAway, match="complete"):
            await gateway.send(manifest)
        assert (await gateway.send(manifest)).final
        assert server.reception.standing().received == {manifest["submission_id"]: 1}


async def test_a_submission_without_a_link_cannot_be_given_by_link(tmp_path: Path) -> None:
    async with stub(tmp_path) as server, client(server.url) as gateway:
        with pytest.raises(GatewayRefused, match="no link to give"):
            await gateway.send(manifest_of("linkless", link=None))


async def test_the_token_is_read_from_a_file_that_nobody_else_may_read(tmp_path: Path) -> None:
    file = tmp_path / "gateway.json"
    settings = Settings(credentials=tmp_path, gateway="http://127.0.0.1:9")
    assert open_gateway(Settings(credentials=tmp_path)) is None
    file.write_bytes(msgspec.json.encode({"token": "the-secret"}))
    file.chmod(0o644)
    with pytest.raises(ConfigurationInvalid, match="chmod 600"):
        open_gateway(settings)
    file.chmod(0o600)
    gateway = open_gateway(settings)
    assert gateway is not None
    await gateway.close()
    file.write_text("the-secret")
    with pytest.raises(ConfigurationInvalid, match="token as JSON"):
        open_gateway(settings)
