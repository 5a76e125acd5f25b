"""The board: every page from one table, each behind its guard.

303   nobody is signed in: to /signin
401   the same, where something else than a page was asked for; a token that opens nothing
403   another role's page, a page to a token, a clip that is not for these eyes, or a form that is not ours
404   no such page or clip
416   not one satisfiable range
429   too many requests, or tries to sign in
503   database, Kafka or store away: nothing is shown that is not on record
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from console.web.armour import armoured
from console.web.entrance import Asker, Entrance
from console.web.guard import Page
from console.web.pages import (
    alarms,
    api,
    board,
    casework,
    clip,
    complaints,
    directory,
    encounters,
    officer,
    search,
    signin,
)
from console.web.refusals import (
    AWAY,
    BROKEN,
    NOT_HERE,
    NOT_THIS_WAY,
    NOT_YOURS,
    STALE,
    NoEntry,
    is_api,
    problem,
    to_sign_in,
)
from console.web.rendering import STATIC
from console.web.visit import Parts, Visit
from workers.errors import ConfigurationInvalid, PassingFault
from workers.vault.faults import NotThere

log = logging.getLogger(__name__)


async def static(visit: Visit) -> Response:
    """A style sheet or script of ours."""
    found = STATIC.get(visit.request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    return Response(found[0], media_type=found[1])


PAGES: tuple[Page, ...] = (
    Page("/static/{name}", static, public=True, asks=False),
    *signin.PAGES,
    *directory.PAGES,
    *officer.PAGES,
    *encounters.PAGES,
    *search.PAGES,
    *clip.PAGES,
    *board.PAGES,
    *alarms.PAGES,
    *casework.PAGES,
    *complaints.PAGES,
    *api.PAGES,
)
"""Every page there is. Who may use which is told here, and tests enumerate it from here."""


class Board:
    """The application.

    Args:
        pages: what is served.
        clock: seconds that only go forward.
    """

    def __init__(
        self, parts: Parts, pages: Iterable[Page] = PAGES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.parts = parts
        self.entrance = Entrance(parts, clock)
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
        return armoured(
            self.app,
            secure=self.parts.settings.board_url.startswith("https:"),
            fronts=self.parts.settings.board_fronts,
        )

    def _route(self, page: Page) -> Route:
        async def guarded(request: Request) -> Response:
            asker = await self.entrance.who(request) if page.asks else Asker()
            visit = Visit(request, self.parts, asker.person, asker.session)
            if page.open_to(asker.person):
                visit.still = self.entrance.still(request, page)
                return await page.answer(visit)
            return to_sign_in(visit) if asker.person is None else _say(visit, "Not your page", NOT_YOURS, 403)

        if not (page.public or page.roles):
            raise ConfigurationInvalid(f"{page.path}: a page that nobody may use; name its roles")
        return Route(page.path, guarded, methods=list(page.methods))

    # -- what went wrong -----------------------------------------------------------------------------------

    async def _refuse(self, request: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, HTTPException)
        visit = Visit(request, self.parts, None, None)
        if isinstance(refusal, NoEntry):
            response = problem("This token does not open it", refusal.detail, refusal.status_code)
        elif is_api(request) and refusal.status_code != 403:
            response = problem("That cannot be done", refusal.detail, refusal.status_code)
        elif refusal.status_code == 404:
            response = _say(visit, "Nothing here", NOT_HERE, 404)
        elif refusal.status_code == 403:
            response = _say(visit, "This page has expired", STALE, 403)
        else:
            response = _say(visit, "That cannot be done", NOT_THIS_WAY, refusal.status_code)
        response.headers.update(refusal.headers or {})
        return response

    async def _gone(self, request: Request, fault: Exception) -> Response:
        log.warning("footage is gone: %s", fault)
        return _say(Visit(request, self.parts, None, None), "Nothing here", NOT_HERE, 404)

    async def _away(self, request: Request, fault: Exception) -> Response:
        assert isinstance(fault, PassingFault)
        log.warning("a page waits for the %s: %s", fault.part, fault)
        response = _say(Visit(request, self.parts, None, None), "Not available just now", AWAY, 503)
        response.headers["Retry-After"] = "30"
        return response

    async def _broken(self, request: Request, defect: Exception) -> Response:
        return _say(Visit(request, self.parts, None, None), "Something went wrong", BROKEN, 500)


def _say(visit: Visit, title: str, sentence: str, status: int) -> Response:
    """One sentence: on a page, or to a program."""
    return problem(title, sentence, status) if is_api(visit.request) else visit.plain(title, sentence, status)
