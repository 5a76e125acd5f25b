"""Every route for every role, from the table of pages itself; and every relation to a clip."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
from starlette.responses import PlainTextResponse, Response

from console.web.app import PAGES, Board
from console.web.guard import ASK, ONLY_NAMED, About, Page, Relation, may_look, may_play
from console.web.people import Person, Role
from console.web.visit import LINKS, Visit
from tests.web.site import Site
from workers.errors import ConfigurationInvalid

ANYBODY, EVERYBODY = frozenset({"anybody"}), frozenset(Role)
SEE = EVERYBODY - {Role.PANEL, Role.AUDITOR, Role.ADMINISTRATOR, Role.OPERATOR}
RECORD = SEE | {Role.OPERATOR, Role.AUDITOR}
WATCH = EVERYBODY - {Role.OFFICER, Role.PANEL}

MATRIX = {
    "GET /static/{name}": ANYBODY,
    "GET /signin": ANYBODY,
    "POST /signin": ANYBODY,
    "POST /signout": EVERYBODY,
    "GET /": EVERYBODY,
    "GET /account": EVERYBODY,
    "GET /mine": {Role.OFFICER, Role.SUPERVISOR},
    "POST /mine/mark": {Role.OFFICER, Role.SUPERVISOR},
    "GET /search": RECORD,
    "GET /reasons": {Role.SUPERVISOR, Role.STANDARDS, Role.AUDITOR},
    "GET /clips/{clip}": RECORD,
    "POST /clips/{clip}/reason": RECORD,
    "GET /clips/{clip}/media": SEE,
    "GET /board": WATCH,
    "GET /board/stream": WATCH,
    "GET /board/bays": WATCH,
    "GET /board/transferring": WATCH,
    "GET /board/lists/{name}": WATCH,
    "GET /board/letters": WATCH,
    "GET /board/deadlines": WATCH,
    "GET /api/board": WATCH,
    "GET /api/board/lists/{name}": WATCH,
}
"""Who may use what, written down a second time: a page that is added, or opened to others, fails until it is meant."""


async def reached(visit: Visit) -> Response:
    return PlainTextResponse("reached")


@pytest.fixture
async def guarded(site: Site) -> AsyncIterator[Site]:
    """The table of pages with its own guards; behind them a page says that it was reached."""
    pages = [page if page.path == "/signin" else msgspec.structs.replace(page, answer=reached) for page in PAGES]
    made = Site(site.settings, site.database, pages)
    await made.server.start()
    yield made
    await made.close()


def name_of(page: Page) -> str:
    return f"{page.methods[0]} {page.path}"


def test_every_page_is_in_the_matrix() -> None:
    assert sorted(MATRIX) == sorted(name_of(page) for page in PAGES)
    assert all(len(page.methods) == 1 for page in PAGES)


async def test_each_page_is_reached_by_its_roles_alone(guarded: Site) -> None:
    browsers = {role: await guarded.signed_in(f"PC-{place:03}", role) for place, role in enumerate(Role)}
    stranger = guarded.browser()
    for page in PAGES:
        if page.path == "/signin":
            continue
        path, method = page.path.replace("{clip}", f"clip-{'a' * 32}").replace("{name}", "x"), page.methods[0]
        who = MATRIX[name_of(page)]
        for role, browser in browsers.items():
            answer = await browser.http.request(method, path)
            may = who is ANYBODY or role in who
            assert (answer.status_code, answer.text == "reached") == ((200, True) if may else (403, False)), (
                page,
                role,
            )
        answer = await stranger.http.request(method, path)
        assert answer.status_code == (200 if who is ANYBODY else 303 if method == "GET" else 401), page


def test_a_page_without_roles_is_refused(site: Site) -> None:
    with pytest.raises(ConfigurationInvalid, match="nobody may use"):
        Board(site.parts, [Page("/open", reached)])


def test_the_head_of_a_page_leads_only_where_one_may_go() -> None:
    table = {page.path: page.roles for page in PAGES if page.methods == ("GET",)}
    assert all(table[path] == roles for path, roles, _ in LINKS)


def person(*roles: Role) -> Person:
    return Person("PC-100", "N", roles)


OTHERS = About("PC-200")
REASON = "asked by the review officer"


@pytest.mark.parametrize(
    ("roles", "about", "reason", "look", "play"),
    [
        ([Role.OFFICER], About("PC-100"), None, "own", "own"),
        ([Role.OFFICER], OTHERS, None, ASK, ASK),
        ([Role.OFFICER], OTHERS, REASON, "reason", "reason"),
        ([Role.OFFICER], About(None), None, ASK, ASK),
        ([Role.OFFICER], About("PC-200", case=True), None, "case", "case"),
        ([Role.PROSECUTION], About("PC-200", incident=True), None, "incident", "incident"),
        ([Role.OPERATOR], OTHERS, None, "work", None),
        ([Role.OPERATOR], OTHERS, REASON, "work", None),
        ([Role.AUDITOR], About("PC-200", sensitive=True), None, "work", None),
        ([Role.RECORDS], OTHERS, None, "work", ASK),
        ([Role.STANDARDS], OTHERS, REASON, "work", "reason"),
        ([Role.PANEL], OTHERS, REASON, None, None),
        ([Role.ADMINISTRATOR], OTHERS, REASON, None, None),
        ([Role.PROTECTION], About("PC-200", sensitive=True), REASON, ONLY_NAMED, ONLY_NAMED),
        ([Role.STANDARDS], About("PC-200", sensitive=True), REASON, "work", ONLY_NAMED),
        ([Role.OFFICER], About("PC-100", sensitive=True), None, "own", ONLY_NAMED),
        ([Role.OFFICER], About("PC-200", case=True, named=frozenset({"PC-300"})), REASON, ONLY_NAMED, ONLY_NAMED),
        ([Role.OFFICER], About("PC-200", sensitive=True, named=frozenset({"PC-100"})), None, "named", "named"),
    ],
)
def test_who_may_see_a_clip(
    roles: list[Role], about: About, reason: str | None, look: str | None, play: str | None
) -> None:
    for decide, wanted in ((may_look, look), (may_play, play)):
        leave = decide(person(*roles), about, reason)
        if wanted in set(Relation):
            assert leave.relation == wanted
        else:
            assert leave.relation is None and leave.ask == (wanted == ASK)
            assert leave.says and (wanted is None or leave.says == wanted)


@pytest.mark.parametrize("role", list(Role))
def test_nobody_plays_what_is_locked(role: Role) -> None:
    about = About("PC-100", named=frozenset({"PC-100"}), locked="before the first account")
    leave = may_play(person(role), about, REASON)
    assert leave.relation is None and "before the first account" in leave.says and not leave.ask
