"""API tokens: what they open, until when, how fast, and that no cookie helps or hurts them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse, Response

from console.web.app import PAGES
from console.web.entrance import TOKEN_A_SECOND, TOKEN_AT_ONCE, WRONG_AT_ONCE
from console.web.guard import Page
from console.web.people import Role
from console.web.tokens import MOST_DAYS, TOKENS, Tokens
from console.web.visit import Visit
from streams.settings import load
from tests.web.site import Site
from workers.database.engine import Database
from workers.errors import Refused

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
API = "/api/who"


async def who(visit: Visit) -> Response:
    """Who asks, as which roles."""
    return PlainTextResponse(f"{visit.person.person} {' '.join(visit.person.roles)}")


async def sent(visit: Visit) -> Response:
    """What was sent."""
    return PlainTextResponse(str(await visit.fields()))


OURS = (
    Page(API, who, frozenset({Role.OPERATOR, Role.SUPERVISOR})),
    Page(API, sent, frozenset({Role.OPERATOR, Role.SUPERVISOR}), methods=("POST",)),
)


@pytest.fixture
def clock() -> list[float]:
    """Seconds, as the board counts how fast tokens come."""
    return [0.0]


@pytest.fixture
async def site(dsn: str, emptied: Database, tmp_path: Path, clock: list[float]) -> AsyncIterator[Site]:
    """A board with an API of our own beside its pages."""
    settings = load(tmp_path, namespace=emptied.schema, database=dsn)
    made = Site(settings, emptied, (*PAGES, *OURS), clock=lambda: clock[0])
    await made.server.start()
    yield made
    await made.close()


class Program:
    """A program with a token of SVC-1, an operator and auditor."""

    def __init__(self, site: Site, *, days: int = 1) -> None:
        self.site = site
        self.tokens = Tokens(site.settings.home / TOKENS)
        owner = site.people.find("SVC-1") or site.person("SVC-1", Role.OPERATOR, Role.AUDITOR)
        self.token, self.secret = self.tokens.new(
            owner, [Role.OPERATOR], "a test", by="ADMIN", now=datetime.now(UTC), days=days
        )
        self.http: httpx.AsyncClient = site.browser().http

    async def get(self, path: str, secret: str | None = None, scheme: str = "Bearer") -> httpx.Response:
        return await self.http.get(path, headers={"authorization": f"{scheme} {secret or self.secret}"})


async def test_a_token_opens_the_api_in_its_persons_name_and_the_use_is_noted(site: Site) -> None:
    program = Program(site)
    assert (await program.get(API)).text == "SVC-1 operator"
    assert (await program.get(API, scheme="bearer")).status_code == 200
    [used] = await site.database.fetch("SELECT * FROM web_token_uses")
    assert used["token"] == program.token.token
    assert program.secret not in str(await site.database.fetch("SELECT * FROM web_token_uses"))
    assert program.secret not in repr(program.token)


async def test_what_is_no_token_is_told_how_to_ask(site: Site) -> None:
    program = Program(site)
    wrong = (
        program.secret[:-1] + ("A" if program.secret[-1] != "A" else "B"),
        program.secret.partition("_")[2],
        "bwv__",
        "x",
        program.token.digest,
    )
    for secret in wrong:
        answer = await program.get(API, secret)
        assert answer.status_code == 401 and 'error="invalid_token"' in answer.headers["www-authenticate"], secret
        assert answer.headers["content-type"] == "application/problem+json" and secret not in answer.text
    assert (await program.get(API, scheme="Basic")).status_code == 401
    nobody = await site.browser().get(API)
    assert nobody.status_code == 401 and nobody.headers["www-authenticate"] == 'Bearer realm="bwv board"'


async def test_a_token_ends_by_its_day_by_revocation_and_with_its_person(site: Site) -> None:
    program = Program(site)
    assert program.tokens.of(program.secret, program.token.ends_at - timedelta(seconds=1)) is not None
    assert program.tokens.of(program.secret, program.token.ends_at) is None
    program.tokens.revoke(program.token.token, datetime.now(UTC))
    assert (await program.get(API)).status_code == 401
    program = Program(site)
    assert (await program.get(API)).status_code == 200
    site.people.move("SVC-1", roles=[Role.AUDITOR, Role.PANEL])
    assert (await program.get(API)).status_code == 403, "a role that the person has lost is lost to the token"
    site.people.leave("SVC-1", "2026-11-22T12:00:00.000Z")
    assert (await program.get(API)).status_code == 401


async def test_a_token_opens_no_page_and_cookies_do_not_help_it(site: Site) -> None:
    program = Program(site)
    browser = await site.signed_in("PS-900", Role.SUPERVISOR)
    program.http.cookies.update(browser.http.cookies)
    page = await program.get("/reasons")
    assert page.status_code == 403 and 'error="insufficient_scope"' in page.headers["www-authenticate"]
    assert (await program.get(API, "bwv_x_y")).status_code == 401, "who sends a token is asked for that alone"
    assert (await program.http.get("/reasons")).status_code == 200
    bearer = {"authorization": f"Bearer {program.secret}"}
    assert (await program.http.post(API, data={"a": "1"}, headers=bearer)).text == "{'a': ['1']}"
    forged = await program.http.post(API, data={"a": "1"})
    assert forged.status_code == 403, "what comes by a cookie needs the proof of a form, on the API too"


async def test_a_program_asks_no_faster_than_it_may_and_guesses_few_tokens(site: Site, clock: list[float]) -> None:
    program, other = Program(site), Program(site)
    asked = [(await program.get(API)).status_code for _ in range(int(TOKEN_AT_ONCE) + 3)]
    assert asked == [200] * int(TOKEN_AT_ONCE) + [429] * 3
    clock[0] += 1
    asked = [(await program.get(API)).status_code for _ in range(int(TOKEN_A_SECOND) + 3)]
    assert asked == [200] * int(TOKEN_A_SECOND) + [429] * 3
    assert (await other.get(API)).status_code == 200, "each token is counted for itself"
    guessed = [(await other.get(API, f"bwv_0_{n}")).status_code for n in range(int(WRONG_AT_ONCE) + 5)]
    assert guessed.count(401) == WRONG_AT_ONCE and guessed[-1] == 429
    assert (await other.get(API)).status_code == 200


def test_a_token_has_roles_of_its_person_and_an_end(site: Site) -> None:
    tokens = Tokens(site.settings.home / TOKENS)
    owner = site.person("PC-100", Role.OFFICER)
    with pytest.raises(Refused, match="is not auditor"):
        tokens.new(owner, [Role.AUDITOR], "a test", by="ADMIN", now=NOW, days=1)
    with pytest.raises(Refused, match="without a role"):
        tokens.new(owner, [], "a test", by="ADMIN", now=NOW, days=1)
    for days in (0, MOST_DAYS + 1):
        with pytest.raises(Refused, match="days"):
            tokens.new(owner, [Role.OFFICER], "a test", by="ADMIN", now=NOW, days=days)
    assert tokens.known() == {}
