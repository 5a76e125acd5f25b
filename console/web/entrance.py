"""Who asks: by the cookie of a session, or a program by its token. Asked with each request: a leaver is out at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request

from console.web import sessions
from console.web.guard import Page
from console.web.people import Person
from console.web.refusals import REALM, NoEntry, is_api
from console.web.sessions import Session, Via, person_of
from console.web.tokens import TOKENS, Token, Tokens, note_use
from console.web.visit import Parts
from workers.prosecution.links.armour import Pace

TOKEN_A_SECOND, TOKEN_AT_ONCE = 10.0, 60.0
"""Requests of one token: for long, and before that."""
WRONG_A_SECOND, WRONG_AT_ONCE = 0.1, 20.0
"""Tokens from one address that open nothing."""
STILL_EVERY = 2.0
"""Seconds: whoever watches something for long is looked at again so often."""


class Asker(Struct, frozen=True):
    """Who asks; nobody where both are None."""

    person: Person | None = None
    session: Session | None = None


class Entrance:
    """Looks at each request.

    Args:
        clock: seconds that only go forward; how fast tokens come is measured by it.
    """

    def __init__(self, parts: Parts, clock: Callable[[], float] = time.monotonic) -> None:
        self._parts = parts
        self._tokens = Tokens(parts.settings.home / TOKENS)
        self._pace = Pace(TOKEN_A_SECOND, TOKEN_AT_ONCE, clock)
        self._wrong = Pace(WRONG_A_SECOND, WRONG_AT_ONCE, clock)

    async def who(self, request: Request) -> Asker:
        """Who asks. Where a token is sent, cookies do not count.

        Raises:
            NoEntry: the token opens nothing (401), or not this (403), or comes too often (429).
            DatabaseAway: PostgreSQL does not answer.
        """
        now = datetime.now(UTC)
        sent = request.headers.get("authorization")
        if sent is not None:
            return await self._by_token(request, sent, now)
        value = self._parts.cookies.value(request)
        session = await sessions.find(self._parts.database, value, now) if value is not None else None
        if session is None:
            return Asker()
        person = person_of(session, self._parts.people.known().get(session.person), now)
        return Asker() if person is None else Asker(person, session)

    def still(self, request: Request, page: Page) -> Still:
        """Asks again whether whoever has this page may go on having it."""
        return Still(self, request, page)

    async def _by_token(self, request: Request, sent: str, now: datetime) -> Asker:
        scheme, _, secret = sent.partition(" ")
        token = self._tokens.of(secret.strip(), now) if scheme.lower() == "bearer" else None
        owner = self._parts.people.find(token.person, now) if token is not None else None
        if token is None or owner is None:
            address = request.client.host if request.client else ""
            if not self._wrong.may(address):
                raise NoEntry(429, "Too many tokens that open nothing.", {"Retry-After": "60"})
            raise NoEntry(
                401, "This token opens nothing: see bwv people token list.",
                {"WWW-Authenticate": f'{REALM}, error="invalid_token"'},
            )  # fmt: skip
        if not self._pace.may(token.token):
            raise NoEntry(429, f"More than {TOKEN_A_SECOND:g} requests a second with this token.", {"Retry-After": "5"})
        if not is_api(request):
            raise NoEntry(
                403, "A token opens what begins with /api/, and nothing else.",
                {"WWW-Authenticate": f'{REALM}, error="insufficient_scope"'},
            )  # fmt: skip
        await note_use(self._parts.database, token.token, now)
        roles = tuple(role for role in token.roles if role in owner.roles)
        return Asker(replace(owner, roles=roles), _session_of(token, now))


def _session_of(token: Token, now: datetime) -> Session:
    name = f"token:{token.token}"
    return Session(name, token.person, "", token.made_at, now, token.ends_at, via=Via.TOKEN)


class Still:
    """Whether whoever was given a page may go on having it."""

    def __init__(self, entrance: Entrance, request: Request, page: Page) -> None:
        self._entrance = entrance
        self._request = request
        self._page = page
        self._asked = asyncio.get_running_loop().time()
        self._may = True

    async def __call__(self) -> bool:
        """Asked anew where the last answer is older than STILL_EVERY; once no, always no."""
        now = asyncio.get_running_loop().time()
        if self._may and now - self._asked >= STILL_EVERY:
            self._asked = now
            try:
                asker = await self._entrance.who(self._request)
            except NoEntry:
                asker = Asker()
            self._may = self._page.open_to(asker.person)
        return self._may
