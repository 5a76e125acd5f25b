"""One request to the gateway: bounded, repeated where that can help, and its answer or the error that it means.

    connection, timeout, 408, 425, 429, 5xx    tried again with full jitter while the budget lasts, then GatewayAway
    401, 403                                   GatewayAway: a person mends the token, and nothing is lost meanwhile
    404, 409 and 422 with a Problem            given back: only the caller knows what they mean
    3xx, an answer that is not the contract's  GatewayAway: something else answers at this address
    any other 4xx                              GatewayRefused

Every request of the contract may be repeated, so all are.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import TypeVar

import httpx
import msgspec
from msgspec import Struct

from workers.errors import GatewayAway, GatewayRefused
from workers.prosecution.gateway.contract import Problem
from workers.vault.retry import Limits, RetryBudget, wait_before

T = TypeVar("T")

ANSWER_BYTES = 16 << 20
"""An answer that is longer is not read."""

SLOWEST = 1 << 20
"""Bytes a second below which a file that is sent counts as stuck; its deadline grows with its size."""

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
FOR_THE_CALLER = frozenset({404, 409, 422})

Body = Callable[[], AsyncGenerator[bytes, None]]
"""Makes the body anew for each try."""


class Answer(Struct, frozen=True):
    """What came back: a status of 2xx, or one that only the caller can judge."""

    status: int
    body: bytes

    def problem(self) -> Problem:
        """Why it was refused; a body that is not a Problem is shown as it is."""
        try:
            return msgspec.json.decode(self.body, type=Problem)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Problem(str(self.status), self.body[:300].decode("utf-8", "replace"))


class Wire:
    """A connection pool to one gateway.

    Args:
        url: of the gateway, without a slash at its end.
        token: bearer token, if it wants one.
        limits: deadlines and retries; `stride` is of no use here.
    """

    def __init__(self, url: str, *, token: str | None = None, limits: Limits | None = None) -> None:
        self.url = url.rstrip("/")
        self._limits = limits or Limits()
        self._budget = RetryBudget()
        known, silence = self._limits.connections, self._limits.silence
        # trust_env: the environment is read by the settings alone.
        self._client = httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"} if token else None,
            timeout=httpx.Timeout(silence, connect=self._limits.connect),
            limits=httpx.Limits(max_connections=known, max_keepalive_connections=known),
            verify=ssl.create_default_context() if self.url.startswith("https") else False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | Body = b"",
        size: int = 0,
    ) -> Answer:
        """Send a request, again where that may help.

        Args:
            size: bytes of the body where it is streamed; its deadline grows with it.

        Raises:
            GatewayAway: it cannot be answered now.
            GatewayRefused: it never will.
        """
        retry, what = 0, f"{method} {self.url}{path}"
        while True:
            try:
                async with asyncio.timeout(self._limits.request + size / SLOWEST):
                    answer = await self._once(method, path, query, headers, content)
            except (httpx.TransportError, TimeoutError) as error:
                reason = f"{what}: no answer ({str(error) or type(error).__name__})"
            else:
                if answer.status not in PASSING:
                    self._budget.earn()
                    return _judged(what, answer)
                reason = f"{what}: answered {answer.status}: {answer.problem().reason}"
            retry += 1
            if retry >= self._limits.tries or not self._budget.spend():
                raise GatewayAway(f"the prosecutor's gateway: {reason}")
            await asyncio.sleep(wait_before(retry, self._limits))

    async def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        content: bytes | Body,
    ) -> Answer:
        if not isinstance(content, bytes):
            async with aclosing(content()) as pieces:
                return await self._exchange(method, path, query, headers, pieces)
        return await self._exchange(method, path, query, headers, content)

    async def _exchange(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        content: bytes | AsyncGenerator[bytes, None],
    ) -> Answer:
        async with self._client.stream(method, path, params=query, headers=headers, content=content) as response:
            read = bytearray()
            async for piece in response.aiter_bytes():
                read += piece
                if len(read) > ANSWER_BYTES:
                    raise GatewayAway(f"{method} {self.url}{path}: an answer of more than {ANSWER_BYTES} bytes")
            return Answer(response.status_code, bytes(read))


def understood(what: str, answer: Answer, kind: type[T]) -> T:
    """Decode an answer; raises GatewayAway where something else than a gateway answers."""
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise GatewayAway(
            f"{what}: expected a {kind.__name__} (docs/gateway.md), found {answer.body[:100]!r}: {error}"
        ) from error


def _judged(what: str, answer: Answer) -> Answer:
    if 200 <= answer.status < 300 or answer.status in FOR_THE_CALLER:
        return answer
    said = f"{what}: answered {answer.status}: {answer.problem().reason}"
    if answer.status in (401, 403):
        raise GatewayAway(f"{said}; put the right `token` into gateway.json of the credentials folder")
    if answer.status < 400:
        raise GatewayAway(f"{said}; is the setting `gateway` the address of a gateway?")
    raise GatewayRefused(said)
