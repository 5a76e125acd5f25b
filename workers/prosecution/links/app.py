"""The links' pages.

    GET|HEAD  /l/<token>                        what was submitted; with an address: first a code, sent there
    POST      /l/<token>/code                   sends a code
    POST      /l/<token>/session                gives the code
    POST      /l/<token>/leave                  closes the link in this browser
    GET|HEAD  /l/<token>/items/<n>/media        302 to an address that lives a minute: to look at in place
    GET|HEAD  /l/<token>/items/<n>/file         the same, to take away
    GET|HEAD  /m/<ticket>                       the bytes; Range: bytes=a-b, one range

    403   a form that is not ours, or a code that does not open the link
    404   unknown, revoked, closed, another browser's: one page for all of them
    416   not one satisfiable range
    429   too many requests, or codes
    503   store, database, Kafka or mail relay away: nothing leaves that is not on record

Each access is told, and confirmed, before its first byte leaves (access.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from workers.errors import PassingFault
from workers.prosecution.links import pages
from workers.prosecution.links.access import Access, Told
from workers.prosecution.links.cookies import Cookies
from workers.prosecution.links.door import Door
from workers.prosecution.links.media import Media
from workers.prosecution.links.rows import PATH, Link
from workers.prosecution.links.sessions import Session
from workers.prosecution.links.tickets import Way
from workers.vault.faults import NotThere

log = logging.getLogger(__name__)

FORM_MOST = 2 << 10
"""Bytes of a form."""
FORM_WITHIN = 10.0
"""Seconds for them to arrive."""

WRONG = "That code does not open the link. Each code works once, for a short while, and only the newest one."
ENOUGH = "No more codes can be sent for this link just now. Please try again in an hour."

Send = Callable[[str, str, datetime], Awaitable[None]]
"""Sends a code to an address; raises MailAway."""


class Pages:
    """What each address answers.

    Args:
        code_minutes, session_seconds: that a code, and an open link, live.
    """

    def __init__(
        self,
        door: Door,
        cookies: Cookies,
        media: Media,
        told: Told,
        send: Send,
        *,
        code_minutes: int,
        session_seconds: float,
    ) -> None:
        self._door = door
        self._cookies = cookies
        self._media = media
        self._told = told
        self._send = send
        self._minutes = code_minutes
        self._seconds = session_seconds

    def routes(self) -> list[Route]:
        """Every address there is."""
        return [
            Route("/l/{token}", self.look),
            Route("/l/{token}/code", self.ask_for_code, methods=["POST"]),
            Route("/l/{token}/session", self.give_code, methods=["POST"]),
            Route("/l/{token}/leave", self.leave, methods=["POST"]),
            Route("/l/{token}/items/{n}/media", self.media),
            Route("/l/{token}/items/{n}/file", self.file),
            Route("/m/{ticket}", self._media.serve),
        ]

    # -- what is behind a link -----------------------------------------------------------------------------

    async def look(self, request: Request) -> Response:
        """The items, or the way to a code."""
        link = await self._door.link(request)

        async def items(session: Session) -> Response:
            manifest = await self._door.manifest(link)
            await self._told.tell(Access(link, session, "list", self._door.now()))
            value, field = self._cookies.form(request, link.link_id)
            page = pages.items_page(manifest, request.path_params["token"], field, session)
            self._cookies.keep_form(page, link.link_id, value)
            return page

        return await self._opened(request, link, items)

    async def media(self, request: Request) -> Response:
        """An item, to be looked at in place."""
        return await self._item(request, "media")

    async def file(self, request: Request) -> Response:
        """An item, to be taken away."""
        return await self._item(request, "file")

    async def _item(self, request: Request, way: Way) -> Response:
        link = await self._door.link(request)
        number = request.path_params["n"]

        async def lead(session: Session) -> Response:
            return await self._media.lead(link, session, number, way)

        return await self._opened(request, link, lead, shut=403)

    async def _opened(
        self, request: Request, link: Link, answer: Callable[[Session], Awaitable[Response]], shut: int = 200
    ) -> Response:
        """Answer whoever has the link open; a link without an address is opened by being there."""
        session = await self._door.session(request, link)
        if session is not None:
            return await answer(session)
        if link.address is not None:
            return await self._code_page(request, link, status=shut)
        value, session = await self._door.begin(link)
        response = await answer(session)
        self._cookies.keep_session(response, link.link_id, value, self._seconds)
        return response

    # -- codes ---------------------------------------------------------------------------------------------

    async def ask_for_code(self, request: Request) -> Response:
        """Send a code to the link's address."""
        link, _ = await self._form(request)
        if link.address is None:
            raise HTTPException(404)
        at = self._door.now()
        code = await self._door.new_code(link, at)
        if code is None:
            return await self._code_page(request, link, ENOUGH, 429)
        try:
            await self._send(link.address, code, at)
        except PassingFault:
            await self._door.forget_code(link, at)
            raise
        return _back(request)

    async def give_code(self, request: Request) -> Response:
        """Open the link with a code."""
        link, form = await self._form(request)
        if link.address is None:
            raise HTTPException(404)
        if not await self._door.is_code(link, form.get("code", "")):
            return await self._code_page(request, link, WRONG, 403)
        value, _ = await self._door.begin(link)
        response = _back(request)
        self._cookies.keep_session(response, link.link_id, value, self._seconds)
        return response

    async def leave(self, request: Request) -> Response:
        """Close the link in this browser."""
        link, _ = await self._form(request)
        session = await self._door.session(request, link)
        if session is not None:
            await self._door.end(session)
        response = pages.plain(pages.CLOSED, 200)
        self._cookies.drop_session(response, link.link_id)
        return response

    async def _code_page(self, request: Request, link: Link, problem: str = "", status: int = 200) -> Response:
        value, field = self._cookies.form(request, link.link_id)
        sent = await self._door.waits_for_code(link)
        page = pages.code_page(
            link, request.path_params["token"], field, sent=sent, minutes=self._minutes, problem=problem, status=status
        )
        self._cookies.keep_form(page, link.link_id, value)
        return page

    async def _form(self, request: Request) -> tuple[Link, dict[str, str]]:
        """The link and the fields of a form that came from our page; HTTPException 403 for any other."""
        link = await self._door.link(request)
        body = b""
        try:
            async with asyncio.timeout(FORM_WITHIN):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > FORM_MOST:
                        raise HTTPException(413)
            fields = {name: values[0] for name, values in parse_qs(body.decode("ascii"), max_num_fields=8).items()}
        except TimeoutError as late:
            raise HTTPException(408) from late
        except ValueError as odd:
            raise HTTPException(400) from odd
        if not self._cookies.is_ours(request, link.link_id, fields.get("form", "")):
            raise HTTPException(403)
        return link, fields


def _back(request: Request) -> RedirectResponse:
    return RedirectResponse(PATH + request.path_params["token"], 303)


def starlette(routes: list[Route]) -> Starlette:
    """The application, without its armour: what it does not know is a neutral page."""
    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _refuse, PassingFault: _away, NotThere: _gone, Exception: _broken},
    )
    app.router.redirect_slashes = False  # it would believe the Host header
    return app


async def _refuse(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, HTTPException)
    if refusal.status_code == 404:
        return pages.plain(pages.NOT_HERE, 404)
    says = pages.STALE if refusal.status_code == 403 else pages.NOT_THIS_WAY
    return pages.plain(says, refusal.status_code, refusal.headers)


async def _gone(request: Request, fault: Exception) -> Response:
    log.warning("an item is gone: %s", fault)
    return pages.plain(pages.NOT_HERE, 404)


async def _away(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, PassingFault)
    log.warning("a page waits for the %s: %s", fault.part, fault)
    return pages.plain(pages.TRY_AGAIN, 503, {"Retry-After": "30"})


async def _broken(request: Request, defect: Exception) -> Response:
    return pages.plain(pages.BROKEN, 500)
