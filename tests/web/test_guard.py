"""Every route for every role, from the table of pages itself; and every relation to a clip."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import msgspec
import pytest
from starlette.responses import PlainTextResponse, Response

from console.web.app import PAGES, Board
from console.web.guard import ASK, ONLY_NAMED, About, Page, Relation, may_look, may_play
from console.web.people import Person, Role
from console.web.serving import HEALTH
from console.web.tokens import TOKENS, Tokens
from console.web.visit import LINKS, Visit
from tests.web.site import Site
from workers.errors import ConfigurationInvalid

ANYBODY, EVERYBODY = frozenset({"anybody"}), frozenset(Role)
SEE = EVERYBODY - {Role.PANEL, Role.AUDITOR, Role.ADMINISTRATOR, Role.OPERATOR}
RECORD = SEE | {Role.OPERATOR, Role.AUDITOR}
ENCOUNTERS = SEE - {Role.PROSECUTION, Role.DISCLOSURE} | {Role.AUDITOR}
WATCH = EVERYBODY - {Role.OFFICER, Role.PANEL}

MATRIX = {
    "GET /static/{name}": ANYBODY,
    "GET /signin": ANYBODY,
    "POST /signin": ANYBODY,
    "GET /signin/directory": ANYBODY,
    "GET /signin/directory/back": ANYBODY,
    "POST /signout": EVERYBODY,
    "GET /": EVERYBODY,
    "GET /account": EVERYBODY,
    "GET /mine": {Role.OFFICER, Role.SUPERVISOR},
    "POST /mine/mark": {Role.OFFICER, Role.SUPERVISOR},
    "GET /encounters": ENCOUNTERS,
    "POST /encounters": {Role.OFFICER, Role.SUPERVISOR},
    "GET /encounters/{encounter}": ENCOUNTERS,
    "POST /encounters/{encounter}": {Role.OFFICER, Role.SUPERVISOR},
    "GET /encounters/{encounter}/copy": {Role.OFFICER, Role.SUPERVISOR, Role.RECORDS, Role.PROTECTION},
    "POST /encounters/{encounter}/asked": {Role.OFFICER, Role.SUPERVISOR, Role.RECORDS, Role.PROTECTION},
    "GET /search": RECORD,
    "GET /reasons": {Role.SUPERVISOR, Role.STANDARDS, Role.AUDITOR},
    "GET /clips/{clip}": RECORD,
    "POST /clips/{clip}/reason": RECORD,
    "GET /clips/{clip}/media": SEE,
    "GET /clips/{clip}/track": SEE,
    "POST /clips/{clip}/playback": SEE,
    "GET /clips/{clip}/derivatives/{derivative}": SEE,
    "POST /clips/{clip}/holds": SEE - {Role.OFFICER},
    "POST /clips/{clip}/holds/{hold}": SEE - {Role.OFFICER},
    "GET /clips/{clip}/proof": SEE - {Role.OFFICER, Role.SUPERVISOR} | {Role.AUDITOR},
    "GET /board": WATCH,
    "GET /alarms": WATCH,
    "POST /alarms/acknowledge": {
        Role.OPERATOR,
        Role.SUPERVISOR,
        Role.RECORDS,
        Role.STANDARDS,
        Role.PROTECTION,
        Role.ADMINISTRATOR,
    },
    "GET /board/stream": WATCH,
    "GET /board/bays": WATCH,
    "GET /board/transferring": WATCH,
    "GET /board/lists/{name}": WATCH,
    "GET /board/letters": WATCH,
    "GET /board/deadlines": WATCH,
    "GET /board/stages/{stage}": WATCH,
    "GET /cases": RECORD,
    "GET /cases/{case}": RECORD,
    "GET /submissions": RECORD,
    "GET /submissions/{submission}": RECORD,
    "GET /complaints": {Role.STANDARDS},
    "POST /complaints": {Role.STANDARDS},
    "GET /complaints/{complaint}": {Role.STANDARDS},
    "POST /complaints/{complaint}": {Role.STANDARDS},
    "GET /complaints/{complaint}/receipt": {Role.STANDARDS},
    "GET /api/v1/openapi.json": EVERYBODY,
    "GET /api/v1/board": WATCH,
    "GET /api/v1/lag": WATCH,
    "GET /api/v1/alarms": WATCH,
    "GET /api/v1/lists": WATCH,
    "GET /api/v1/lists/{name}": WATCH,
    "GET /api/v1/clips/{clip}": RECORD,
    "GET /api/v1/cases": RECORD,
    "GET /api/v1/cases/{case}": RECORD,
    "GET /api/v1/submissions": RECORD,
    "GET /api/v1/submissions/{submission}": RECORD,
    "GET /api/v1/encounters/gaps": ENCOUNTERS,
}
"""Who may use what, written down a second time: a page that is added, or opened to others, fails until it is meant."""


async def reached(visit: Visit) -> Response:
    return PlainTextResponse("reached")


@pytest.fixture
async def guarded(site: Site) -> AsyncIterator[Site]:
    """The table of pages with its own guards; behind them a page says that it was reached."""
    every = (*HEALTH, *PAGES)
    pages = [page if page.path == "/signin" else msgspec.structs.replace(page, answer=reached) for page in every]
    made = Site(site.settings, site.database, pages)
    await made.server.start()
    yield made
    await made.close()


def name_of(page: Page) -> str:
    return f"{page.methods[0]} {page.path}"


def address(page: Page) -> str:
    """A path that this page has."""
    return re.sub(r"{\w+(:\w+)?}", "x", page.path.replace("{clip}", f"clip-{'a' * 32}"))


def inside(site: Site) -> httpx.AsyncClient:
    """The same application without a socket: hundreds of requests cost what their guards cost."""
    transport = httpx.ASGITransport(site.server.app)
    return httpx.AsyncClient(transport=transport, base_url="http://board", headers={"accept": "text/html"})


def test_every_page_is_in_the_matrix() -> None:
    assert sorted(MATRIX) == sorted(name_of(page) for page in PAGES)
    assert all(len(page.methods) == 1 for page in PAGES)


async def test_each_page_is_reached_by_its_roles_alone(guarded: Site) -> None:
    cookie = guarded.parts.cookies.session
    signed_in = {role: await guarded.signed_in(f"PC-{place:03}", role) for place, role in enumerate(Role)}
    roles = {role: {"cookie": f"{cookie}={browser.http.cookies[cookie]}"} for role, browser in signed_in.items()}
    http = inside(guarded)
    for page in PAGES:
        if page.path == "/signin":
            continue
        path, method, who = address(page), page.methods[0], MATRIX[name_of(page)]
        for role, sent in roles.items():
            answer = await http.request(method, path, headers=sent)
            may = who is ANYBODY or role in who
            found = answer.status_code, answer.text == "reached"
            assert found == ((200, True) if may else (403, False)), (page, role)
        http.cookies.clear()
        answer = await http.request(method, path)
        closed = 401 if method != "GET" or path.startswith("/api/") else 303
        assert answer.status_code == (200 if who is ANYBODY else closed), page
        assert (closed == 401) == ("www-authenticate" in answer.headers) or who is ANYBODY, page
        if method == "GET":
            head = await http.head(path)
            assert head.status_code == answer.status_code, f"HEAD is guarded as GET is: {page}"
        other = "DELETE" if method == "POST" else "PUT"
        assert (await http.request(other, path)).status_code == 405, page


async def test_a_token_opens_the_api_to_its_roles_and_nothing_else(guarded: Site) -> None:
    now = datetime.now(UTC)
    tokens = Tokens(guarded.settings.home / TOKENS)
    bearers = {}
    for place, role in enumerate(Role):
        owner = guarded.person(f"SVC-{place:03}", role)
        _, secret = tokens.new(owner, [role], "a test", by="ADMIN", now=now, days=1)
        bearers[role] = {"authorization": f"Bearer {secret}"}
    everything = guarded.person("SVC-ALL", *Role)
    _, secret = tokens.new(everything, list(Role), "a test", by="ADMIN", now=now, days=1)
    strongest = {"authorization": f"Bearer {secret}"}
    http, reached_by = inside(guarded), 0
    for page in PAGES:
        path, method, who = address(page), page.methods[0], MATRIX[name_of(page)]
        if not path.startswith("/api/"):
            if page.asks:
                assert (await http.request(method, path, headers=strongest)).status_code == 403, page
            continue
        for role, bearer in bearers.items():
            answer = await http.request(method, path, headers=bearer)
            may = role in who
            reached_by += may
            assert (answer.status_code, answer.text == "reached") == ((200, True) if may else (403, False)), (
                page,
                role,
            )
    assert reached_by, "there is an API"


@pytest.mark.parametrize("page", HEALTH)
async def test_health_is_anybodys_and_says_nothing_of_people(site: Site, page: Page) -> None:
    made = Site(site.settings, site.database, HEALTH)
    await made.server.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{made.server.port}") as probe:
        answer = await probe.get(page.path)
    await made.close()
    assert (answer.status_code, answer.text) == (200, f"{page.path[1:]}\n")


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
