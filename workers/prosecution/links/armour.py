"""What is around every page: headers that forbid, and a bound on how much one client may ask."""

from __future__ import annotations

import base64
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

A_SECOND = 100.0
"""Requests a second that one client may make for long: about what one process answers."""
AT_ONCE = 1000.0
"""Requests that it may make before that: a list with some hundred stills is a burst."""
MOST_CLIENTS = 10_000
"""Clients that are counted; the one that was quiet longest is forgotten first."""


class Pace:
    """A token bucket for each client's address. Behind a front all come from one address, and the front counts.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(
        self, a_second: float = A_SECOND, at_once: float = AT_ONCE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._a_second = a_second
        self._at_once = at_once
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def may(self, client: str) -> bool:
        """Whether this client may make one more request now."""
        now = self._clock()
        left, at = self._left.pop(client, (self._at_once, now))
        left = min(self._at_once, left + (now - at) * self._a_second)
        self._left[client] = max(0.0, left - 1), now
        if len(self._left) > MOST_CLIENTS:
            self._left.popitem(last=False)
        return left >= 1


def policy(style: str) -> str:
    """The Content-Security-Policy of a page whose only style is this one: no script, no frame, nothing of others."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; media-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )


class Armour:
    """Puts the headers on every answer, errors and refusals too.

    Args:
        secure: whether recipients come by https: then browsers are told to insist on it.
        policy: Content-Security-Policy of every response that does not name its own.
    """

    def __init__(self, app: ASGIApp, *, secure: bool, pace: Pace, policy: str) -> None:
        self._app = app
        self._pace = pace
        self._headers = dict(_headers(secure, policy))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def armoured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                own = headers.get("Content-Security-Policy")
                headers.update(self._headers)
                if own is not None:
                    headers["Content-Security-Policy"] = own
            await send(message)

        client = scope["client"][0] if scope.get("client") else ""
        if not self._pace.may(client):
            busy = PlainTextResponse("Too many requests.\n", 429, {"Retry-After": "5"})
            await busy(scope, receive, armoured)
            return
        await self._app(scope, receive, armoured)


def _headers(secure: bool, policy: str) -> Iterable[tuple[str, str]]:
    yield "Content-Security-Policy", policy
    yield "Referrer-Policy", "no-referrer"  # the address is a secret
    yield "Cache-Control", "no-store"
    yield "X-Content-Type-Options", "nosniff"
    yield "X-Frame-Options", "DENY"
    yield "X-Robots-Tag", "noindex, nofollow"
    yield "Cross-Origin-Resource-Policy", "same-origin"
    yield "Cross-Origin-Opener-Policy", "same-origin"
    yield "Permissions-Policy", "camera=(), microphone=(), geolocation=()"
    if secure:
        yield "Strict-Transport-Security", "max-age=31536000"
