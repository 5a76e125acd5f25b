"""What a store does wrong: it fails in passing (F6, F7), or it says 200 and keeps or sends something else (F8)."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from tests.faults.proxy import Asked, Exchange, Fault
from workers.vault.s3 import S3Vault

CODES = {429: "SlowDown", 500: "InternalError", 503: "ServiceUnavailable"}


def answers(status: int) -> Fault:
    body = f"<?xml version='1.0'?><Error><Code>{CODES[status]}</Code><Message>injected</Message></Error>".encode()
    head = f"HTTP/1.1 {status} Injected\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n"

    def fault(exchange: Exchange) -> bytes:
        whole = f"{head}Connection: close\r\n\r\n".encode()
        return whole if exchange.asked.method == "HEAD" else whole + body

    return fault


def cuts_the_request(exchange: Exchange) -> None:
    """The connection breaks when half of the body was sent; the store sees a body that ends early."""
    exchange.forward(upto=len(exchange.asked.body) // 2)


def cuts_the_answer(exchange: Exchange) -> bytes:
    """The connection breaks in the middle of the answer."""
    answer = exchange.forward()
    return answer.head + answer.body[: len(answer.body) // 2] if answer.body else answer.head[: len(answer.head) // 2]


def loses_the_answer(exchange: Exchange) -> None:
    """The store did what it was asked, and nobody hears of it."""
    exchange.forward()


PASSING: dict[str, Fault] = {
    "500": answers(500),
    "503": answers(503),
    "429": answers(429),
    "request cut": cuts_the_request,
    "answer cut": cuts_the_answer,
    "answer lost": loses_the_answer,
}


@dataclass
class Passing:
    """Lets every nth request or so fail in one of these ways, until as many were injected.

    Attributes:
        injected: how many of each.
    """

    seed: int
    share: float
    most: int
    injected: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)

    def __call__(self, asked: Asked) -> Fault | None:
        with self._lock:
            if sum(self.injected.values()) >= self.most or self._rng.random() > self.share:
                return None
            name = self._rng.choice(sorted(PASSING))
            self.injected[name] = self.injected.get(name, 0) + 1
            return PASSING[name]


def flipped(data: bytes) -> bytes:
    """One bit in the middle is another one."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def short(data: bytes) -> bytes:
    """The last byte is missing."""
    return data[:-1]


@dataclass
class Lies:
    """Lies once about the footage of each of the first `most` clips that it is asked about.

    Args:
        lie: gets an exchange about footage and answers in the store's stead.
        about: which requests may be lied about.

    Attributes:
        told: keys that were lied about.
    """

    lie: Fault
    about: Callable[[Asked], bool]
    most: int
    told: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, asked: Asked) -> Fault | None:
        with self._lock:
            due = self.about(asked) and asked.key not in self.told and len(self.told) < self.most
            if due:
                self.told.append(asked.key)
        return self.lie if due else None


def reads_footage(asked: Asked) -> bool:
    return asked.method == "GET" and asked.key.endswith("/1/footage") and "versionId" in asked.query


def puts_footage(asked: Asked) -> bool:
    return (
        asked.method == "PUT" and asked.key.endswith("/1/footage") and not {"retention", "partNumber"} & {*asked.query}
    )


def sends(change: Callable[[bytes], bytes]) -> Fault:
    """A read is answered with 200 and other bytes, whose length it announces."""

    def lie(exchange: Exchange) -> bytes:
        answer = exchange.forward()
        return answer.with_body(change(answer.body)).sent()

    return lie


def denies(exchange: Exchange) -> bytes:
    """What lies there is said to be missing."""
    body = b"<?xml version='1.0'?><Error><Code>NoSuchVersion</Code><Message>injected</Message></Error>"
    return b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body)


def keeps(change: Callable[[bytes], bytes], vault: Callable[[], S3Vault]) -> Fault:
    """A write is answered with 200, version and ETag, and other bytes are kept under the lock that was asked for."""

    def lie(exchange: Exchange) -> bytes:
        asked = exchange.asked
        until = datetime.fromisoformat(asked.headers["x-amz-object-lock-retain-until-date"])
        kept = vault().put_new(asked.key, change(asked.body), lock_until=until)
        return _written(kept.version_id, kept.etag)

    return lie


def forgets(exchange: Exchange) -> bytes:
    """A write is answered with 200, and nothing is kept."""
    return _written("0" * 32, "0" * 32)


def _written(version: str, etag: str) -> bytes:
    return (
        f'HTTP/1.1 200 OK\r\nETag: "{etag}"\r\nx-amz-version-id: {version}\r\n'
        "Content-Length: 0\r\nConnection: close\r\n\r\n"
    ).encode()
