"""The board: every page from one table, each behind its guard.

303   nobody is signed in: to /signin
401   the same, where something else than a page was asked for
403   another role's page, a clip that is not for these eyes, or a form that is not ours
404   no such page or clip
416   not one satisfiable range
429   too many requests, or tries to sign in
503   database, Kafka or store away: nothing is shown that is not on record
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from console.web import sessions
from console.web.armour import armoured
from console.web.guard import Page
from console.web.pages import board, clip, officer, search, signin
from console.web.people import Person
from console.web.rendering import STATIC
from console.web.sessions import Session
from console.web.visit import Parts, Visit
from workers.errors import ConfigurationInvalid, PassingFault
from workers.vault.faults import NotThere

log = logging.getLogger(__name__)

STALE = "Load the page again and repeat what you did. The page needs cookies."
NOT_YOURS = "None of your roles may use this page. Ask your administrator if it should be one of yours."
NOT_HERE = "There is no such page or clip."
NOT_THIS_WAY = "What was sent cannot be used. Go back, and try again."
AWAY = "A part of the system does not answer. Nothing is lost; please try again in a minute."
BROKEN = "The fault is ours and is in the log. Please try again later."


async def static(visit: Visit) -> Response:
    """A style sheet or script of ours."""
    found = STATIC.get(visit.request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    return Response(found[0], media_type=found[1])


PAGES: tuple[Page, ...] = (
    Page("/static/{name}", static, public=True),
    *signin.PAGES,
    *officer.PAGES,
    *search.PAGES,
    *clip.PAGES,
    *board.PAGES,
)
"""Every page there is. Who may use which is told here, and tests enumerate it from here."""


class Board:
    """The application.

    Args:
        pages: what is served.
    """

    def __init__(self, parts: Parts, pages: Iterable[Page] = PAGES) -> None:
        self.parts = parts
        self.app = Starlette(
            routes=[self._route(page) for page in pages],
            exception_handlers={
                HTTPException: self._refuse,
                PassingFault: self._away,
                NotThere: self._gone,
                Exception: self._broken,
            },
        )
        self.app.router.redirect_slashes = False  # it would believe the Host header

    def armoured(self) -> ASGIApp:
        """The application as it is served."""
        return armoured(self.app, secure=self.parts.settings.board_url.startswith("https:"))

    def _route(self, page: Page) -> Route:
        async def guarded(request: Request) -> Response:
            person, session = await self._who(request)
            if page.open_to(person):
                return await page.answer(Visit(request, self.parts, person, session))
            if person is None:
                return _to_sign_in(request)
            return Visit(request, self.parts, person, session).plain("Not your page", NOT_YOURS, 403)

        if not (page.public or page.roles):
            raise ConfigurationInvalid(f"{page.path}: a page that nobody may use; name its roles")
        return Route(page.path, guarded, methods=list(page.methods))

    async def _who(self, request: Request) -> tuple[Person, Session] | tuple[None, None]:
        """Who is signed in: somebody who has not left, with the password that opened the session."""
        value = self.parts.cookies.value(request)
        if value is None:
            return None, None
        visit_now = Visit(request, self.parts, None, None).now
        session = await sessions.find(self.parts.database, value, visit_now)
        person = self.parts.people.find(session.person) if session is not None else None
        if session is None or person is None or person.stamp != session.stamp:
            return None, None
        return person, session

    # -- what went wrong -----------------------------------------------------------------------------------

    async def _refuse(self, request: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, HTTPException)
        visit = Visit(request, self.parts, None, None)
        if refusal.status_code == 404:
            return visit.plain("Nothing here", NOT_HERE, 404)
        if refusal.status_code == 403:
            return visit.plain("This page has expired", STALE, 403)
        response = visit.plain("That cannot be done", NOT_THIS_WAY, refusal.status_code)
        response.headers.update(refusal.headers or {})
        return response

    async def _gone(self, request: Request, fault: Exception) -> Response:
        log.warning("footage is gone: %s", fault)
        return Visit(request, self.parts, None, None).plain("Nothing here", NOT_HERE, 404)

    async def _away(self, request: Request, fault: Exception) -> Response:
        assert isinstance(fault, PassingFault)
        log.warning("a page waits for the %s: %s", fault.part, fault)
        response = Visit(request, self.parts, None, None).plain("Not available just now", AWAY, 503)
        response.headers["Retry-After"] = "30"
        return response

    async def _broken(self, request: Request, defect: Exception) -> Response:
        return Visit(request, self.parts, None, None).plain("Something went wrong", BROKEN, 500)


def _to_sign_in(request: Request) -> Response:
    """To the sign-in page, and back afterwards; whatever is no page is only told."""
    if request.method not in ("GET", "HEAD") or "text/html" not in request.headers.get("accept", "text/html"):
        return PlainTextResponse("Sign in first.\n", 401)
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return Response(None, 303, {"Location": f"/signin?next={quote(asked, safe='')}"})
