"""Every route in every state of a link: who may not know is told nothing. The routes come from the router itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import httpx
from starlette.routing import Route

from tests.prosecution.linked import ADDRESS, URN, Browser, Linked
from workers.prosecution.links import tickets
from workers.prosecution.links.armour import Armour, Pace
from workers.prosecution.links.cookies import Cookies
from workers.prosecution.links.pages import NOT_HERE
from workers.prosecution.links.secret import text

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


class Visit(NamedTuple):
    """A browser in front of a link, and the ticket that it would show."""

    link: str
    link_id: str
    browser: Browser
    ticket: str


async def nothing(linked: Linked, urn: str) -> Visit:
    return Visit("/l/" + text(b"x" * 32), "", linked.browser(), tickets.PATH + "AAAA.AAAA")


async def nobody_came(linked: Linked, urn: str) -> Visit:
    visit = await came(linked, urn)
    return visit._replace(browser=linked.browser())  # somebody else opened it


async def came(linked: Linked, urn: str, address: str | None = ADDRESS) -> Visit:
    link = await linked.link(await linked.item(1, urn.encode()), urn=urn, address=address)
    browser = await linked.opened(link)
    short = (await browser.get(f"{link}/items/1/media")).headers["location"]
    return Visit(link, await linked.id_of(link), browser, short)


async def held(linked: Linked, urn: str) -> Visit:
    return await came(linked, urn, None)


async def ended(linked: Linked, urn: str) -> Visit:
    visit = await came(linked, urn)
    await linked.sql("UPDATE link_sessions SET ends_at = now()")
    return visit


async def of_another_link(linked: Linked, urn: str) -> Visit:
    """A session that is good for another link, under the cookie of this one."""
    visit, other = await nobody_came(linked, urn), await came(linked, "02CD0012326")
    theirs, ours = (Cookies.name(each.link_id, "open", secure=False) for each in (other, visit))
    visit.browser.http.cookies.set(ours, other.browser.http.cookies[theirs])
    return visit


async def revoked(linked: Linked, urn: str) -> Visit:
    visit = await came(linked, urn)
    await linked.change(visit.link)
    return visit


async def closed(linked: Linked, urn: str) -> Visit:
    visit = await held(linked, urn)
    await linked.close_case(urn)
    return visit


async def of_no_case(linked: Linked, urn: str) -> Visit:
    visit = await came(linked, urn)
    await linked.sql("DELETE FROM cases WHERE urn = %s", urn)
    return visit


STATES: tuple[Callable[[Linked, str], Awaitable[Visit]], ...] = (
    nothing, revoked, closed, of_no_case, nobody_came, ended, of_another_link, came, held,
)  # fmt: skip

COLUMNS = {
    nothing: 0,
    revoked: 0,
    closed: 0,
    of_no_case: 0,
    nobody_came: 1,
    ended: 1,
    of_another_link: 1,
    came: 2,
    held: 3,
}
"""State → column of what is expected."""

EXPECTED: dict[tuple[str, str], tuple[int, int, int, int]] = {
    # of a link that is shut, that asks for a code, that is open, that is its holder's
    ("/l/{token}", "GET"): (404, 200, 200, 200),
    ("/l/{token}", "HEAD"): (404, 200, 200, 200),
    ("/l/{token}/code", "POST"): (404, 303, 303, 404),
    ("/l/{token}/session", "POST"): (404, 403, 403, 404),
    ("/l/{token}/leave", "POST"): (404, 200, 200, 200),
    ("/l/{token}/items/{n}/media", "GET"): (404, 403, 302, 302),
    ("/l/{token}/items/{n}/media", "HEAD"): (404, 403, 302, 302),
    ("/l/{token}/items/{n}/file", "GET"): (404, 403, 302, 302),
    ("/l/{token}/items/{n}/file", "HEAD"): (404, 403, 302, 302),
    ("/m/{ticket}", "GET"): (404, 404, 200, 200),
    ("/m/{ticket}", "HEAD"): (404, 404, 200, 200),
}
"""What a route answers. A route that is not here has no right to be there: the test fails."""


LEAVE = ("/l/{token}/leave", "POST")


def routes(linked: Linked) -> list[tuple[str, str]]:
    """Every route and method of the router, leaving last."""
    found = []
    for route in linked.stage.app.routes:
        assert isinstance(route, Route)
        found += [(route.path, method) for method in sorted(route.methods or ())]
    return sorted(found, key=lambda each: each == LEAVE)


async def ask(linked: Linked, visit: Visit, path: str, method: str) -> httpx.Response:
    where = path.format(token=visit.link.removeprefix("/l/"), n=1, ticket=visit.ticket.removeprefix("/m/"))
    fields = {}
    if method == "POST":
        name = Cookies.name(visit.link_id, "form", secure=False)
        visit.browser.http.cookies.delete(name)
        visit.browser.http.cookies.set(name, "value")
        proof = Cookies(linked.secret, secure=False).proof(visit.link_id, "value")
        fields = {"form": proof, "code": "00000000"}
    return await visit.browser.http.request(method, where, data=fields or None)


async def test_every_route_in_every_state(linked: Linked) -> None:
    assert set(routes(linked)) == set(EXPECTED)
    for number, state in enumerate(STATES):
        urn = f"01AB00{number:02}326"
        visit = await state(linked, urn)
        for path, method in routes(linked):
            told = len(linked.told)
            answer = await ask(linked, visit, path, method)
            here = (state.__name__, path, method)
            assert (here, answer.status_code) == (here, EXPECTED[path, method][COLUMNS[state]])
            if COLUMNS[state] < 2:
                assert not any(secret in answer.text for secret in (urn, "R v Doe", "JS/1", ADDRESS)), here
                assert len(linked.told) == told
            if answer.status_code == 404 and method != "HEAD":
                assert NOT_HERE[1] in answer.text


async def test_who_may_not_know_sees_the_same_page_to_the_byte(linked: Linked) -> None:
    pages = set()
    for state in (nothing, revoked):
        visit = await state(linked, URN)
        answer = await visit.browser.get(visit.link)
        headers = {name: value for name, value in answer.headers.items() if name != "date"}
        pages.add((answer.status_code, answer.content, tuple(sorted(headers.items()))))
    assert len(pages) == 1


async def test_a_method_that_a_route_does_not_have_is_refused(linked: Linked) -> None:
    visit, there, tried = await came(linked, URN), routes(linked), 0
    for path in {path for path, _ in there}:
        for method in set(METHODS) - {method for known, method in there if known == path}:
            answer = await ask(linked, visit, path, method)
            assert (path, method, answer.status_code) == (path, method, 405)
            assert URN not in answer.text
            tried += 1
    assert tried == 7 * len(METHODS) - len(there) and linked.told == []


async def test_every_answer_wears_its_armour_and_believes_no_host(linked: Linked) -> None:
    visit = await came(linked, URN)
    form = {"form": "wrong"}
    answers = [
        await visit.browser.get(path, host="evil.example", x_forwarded_host="evil.example", x_forwarded_proto="https")
        for path in (visit.link, f"{visit.link}/items/1/media", visit.ticket, f"{visit.link}/", "/", "/l/x", "/m/x")
    ] + [
        await visit.browser.http.post(f"{visit.link}/code", data=form),
        await visit.browser.http.post(f"{visit.link}/leave", data={"form": "x" * 4000}),
        await visit.browser.get(visit.ticket, Range="bytes=999999-"),
    ]
    assert sorted({answer.status_code for answer in answers}) == [200, 302, 403, 404, 413, 416]
    for answer in answers:
        assert "evil" not in str(answer.headers) + answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        for name, value in (("referrer-policy", "no-referrer"), ("cache-control", "no-store"),
                            ("x-content-type-options", "nosniff"), ("x-frame-options", "DENY")):  # fmt: skip
            assert answer.headers.get_list(name) == [value]
        assert "server" not in answer.headers


async def test_a_form_that_is_not_ours_does_nothing(linked: Linked) -> None:
    link = await linked.link(await linked.item(1, b"0123"))
    browser = linked.browser()
    await browser.get(link)
    for body in (b"form=", b"\xff\xfe", b"&".join([b"a=b"] * 20), b"form=%00&code=%0a"):
        for to in ("code", "session", "leave"):
            answer = await browser.http.post(f"{link}/{to}", content=body)
            assert answer.status_code in (400, 403)
    assert linked.mails() == [] and await linked.database.fetch("SELECT 1 FROM link_codes") == []


async def test_cookies_are_for_this_host_this_site_and_no_script(linked: Linked) -> None:
    link = await linked.link(await linked.item(1, b"0123"), address=None)
    given = (await linked.browser().get(link)).headers.get_list("set-cookie")
    assert len(given) == 2
    for cookie in given:
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; ")) and "Domain" not in cookie


async def test_over_https_cookies_are_bound_to_it(linked: Linked) -> None:
    async with linked.served(links_url="https://evidence.force.example") as base:
        link = await linked.link(await linked.item(1, b"0123"), address=None)
        answer = await linked.browser(base).get(link)
    for cookie in answer.headers.get_list("set-cookie"):
        assert cookie.startswith("__Host-bwv-") and "Secure" in cookie.split("; ")
    assert "max-age=" in answer.headers["strict-transport-security"]


async def test_who_asks_too_much_is_sent_away_for_a_while(linked: Linked) -> None:
    clock = [0.0]
    pace = Pace(1.0, 3.0, lambda: clock[0])
    app = Armour(linked.stage.app, secure=False, pace=pace, policy="default-src 'none'")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://links.example") as client:

        async def asked() -> int:
            return (await client.get("/nowhere")).status_code

        assert [await asked() for _ in range(4)] == [404, 404, 404, 429]
        clock[0] = 1.0
        assert [await asked() for _ in range(2)] == [404, 429]
    assert pace.may("another client")
