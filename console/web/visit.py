"""One request as a page sees it: who asks, what they may, what they sent; and the parts that answer needs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console.web import csrf, rendering
from console.web.csrf import Cookies
from console.web.guard import ENCOUNTERS, FACTS, FOOTAGE, OVERSIGHT, STANDARDS, WATCHERS
from console.web.oidc import Directory
from console.web.pages.board_drawing import Drawing
from console.web.people import People, Person, Role
from console.web.people_file import PeopleFile
from console.web.sessions import Session, Via
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import BrokerAway
from workers.fate.outbox import Event
from workers.prosecution.links.bodies import Stored

FORM_MOST = 64 << 10
"""Bytes of a form: some hundred clips that are marked at once."""
FORM_WITHIN = 10.0
"""Seconds for them to arrive."""
MOST_FIELDS = 600

LINKS = (
    ("/board", WATCHERS, "Board"),
    ("/alarms", WATCHERS, "Alarms"),
    ("/mine", frozenset({Role.OFFICER, Role.SUPERVISOR}), "My clips"),
    ("/encounters", ENCOUNTERS, "Encounters"),
    ("/cases", FOOTAGE | FACTS, "Cases"),
    ("/submissions", FOOTAGE | FACTS, "Submissions"),
    ("/search", FOOTAGE | FACTS, "Search"),
    ("/reasons", OVERSIGHT, "Reasons"),
    ("/complaints", STANDARDS, "Complaints"),
)
"""What the head of each page leads to: path, who sees it, text. A test holds it to the table of pages."""

PROVED_WITHIN = 5.0
"""Seconds for the broker to confirm what was published; then nothing is shown."""


class Parts(Struct, frozen=True):
    """What the pages work with.

    Attributes:
        publish: returns when the broker has confirmed.
        read: so many bytes of something in the vault, from an offset on.
        board: draws the board, for all who look at it.
        directory: says who somebody is; None: passwords alone do.
        people_file: reads who joined, moved and left; None: nobody set one.
    """

    settings: Settings
    database: Database
    people: People
    cookies: Cookies
    publish: Callable[[Event], Awaitable[None]]
    read: Callable[[Stored, int, int], Awaitable[bytearray]]
    board: Drawing = msgspec.field(default_factory=Drawing)
    directory: Directory | None = None
    people_file: PeopleFile | None = None

    async def tell(self, event: Event) -> None:
        """Publish; raises BrokerAway when it is not confirmed in time, and then nothing may be shown."""
        try:
            async with asyncio.timeout(PROVED_WITHIN):
                await self.publish(event)
        except TimeoutError as late:
            raise BrokerAway(f"Kafka has not confirmed an event within {PROVED_WITHIN:g} s") from late


class Visit:
    """One request.

    Args:
        person, session: who is signed in; None on a public page.

    Attributes:
        still: whether they may still have this page, asked anew: for what is sent for longer than a moment.
    """

    still: Callable[[], Awaitable[bool]]

    def __init__(self, request: Request, parts: Parts, person: Person | None, session: Session | None) -> None:
        self.request = request
        self.parts = parts
        self.now = datetime.now(UTC)
        self._person = person
        self._session = session
        self._basis = parts.cookies.basis(request, signed_in=session is not None)

    @property
    def person(self) -> Person:
        """Who is signed in; a page that is not public always has somebody."""
        assert self._person is not None
        return self._person

    @property
    def session(self) -> Session:
        """Their session."""
        assert self._session is not None
        return self._session

    @property
    def signed_in(self) -> bool:
        """Whether anybody is."""
        return self._session is not None

    @property
    def address(self) -> str:
        """Where the request comes from, as far as is known."""
        return self.request.client.host if self.request.client else ""

    def query(self, name: str) -> str:
        """A field of the address, without blanks at its ends; empty where there is none."""
        return self.request.query_params.get(name, "").strip()

    async def fields(self) -> dict[str, list[str]]:
        """The fields of a form that came from our page; HTTPException 403 for any other."""
        body = b""
        try:
            async with asyncio.timeout(FORM_WITHIN):
                async for chunk in self.request.stream():
                    body += chunk
                    if len(body) > FORM_MOST:
                        raise HTTPException(413)
            fields = parse_qs(body.decode("ascii"), max_num_fields=MOST_FIELDS, errors="strict")
        except TimeoutError as late:
            raise HTTPException(408) from late
        except ValueError as odd:
            raise HTTPException(400) from odd
        if self._session is not None and self._session.via is Via.TOKEN:
            return fields  # a browser sends no token by itself, so nobody can forge this
        cookies = self.parts.cookies
        cookie = self.request.cookies.get(cookies.session if self.signed_in else cookies.before)
        if not csrf.is_ours(self.request, cookie, fields):
            raise HTTPException(403, "stale")
        return fields

    def show(self, template: str, values: dict[str, Any], status: int = 200) -> Response:
        """A page from its template, with what every page has: who is signed in, and what proves a form."""
        known = {
            "person": self._person,
            "form": csrf.proof(self._basis),
            "path": self.request.url.path,
            "links": LINKS,
        }
        response = rendering.rendered(template, known | values, status)
        if not self.signed_in:
            self.parts.cookies.keep(response, self.parts.cookies.before, self._basis)
        return response

    def plain(self, title: str, sentence: str, status: int) -> Response:
        """A page of one title and one sentence."""
        return self.show("plain.html", {"title": title, "sentence": sentence}, status)

    def go(self, path: str) -> Response:
        """Lead to another of our pages; only paths that we made."""
        return RedirectResponse(path, 303)
