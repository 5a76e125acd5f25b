"""Sessions: signing in and out, leaving, forged forms, and what is around every page."""

from __future__ import annotations

from console.web.people import Role
from console.web.sessions import MOST_TRIES
from tests.web.site import CHEAP, Site


async def test_somebody_signs_in_goes_on_and_signs_out(site: Site) -> None:
    site.person("PC-100", Role.OFFICER)
    browser = site.browser()
    led = await browser.get("/search?officer=PC-100")
    assert (led.status_code, led.headers["location"]) == (303, "/signin?next=%2Fsearch%3Fofficer%3DPC-100")
    signed = await browser.sign_in("pc-100", next="/search?officer=PC-100")
    assert (signed.status_code, signed.headers["location"]) == (303, "/search?officer=PC-100")
    assert (await browser.get("/mine")).status_code == 200
    before = dict(browser.http.cookies)
    assert (await browser.send("/signout", "/mine")).headers["location"] == "/signin"
    browser.http.cookies.update(before)
    assert (await browser.get("/mine")).status_code == 303


async def test_nobody_is_led_away_from_the_board(site: Site) -> None:
    site.person("PC-100", Role.OFFICER)
    for place in ("https://evil.example/", "//evil.example/", "/\\evil.example", "/x\r\nSet-Cookie: a=b"):
        signed = await site.browser().sign_in("PC-100", next=place)
        assert signed.headers["location"] == "/mine"


async def test_a_password_is_tried_so_often_and_no_more(site: Site) -> None:
    site.person("PC-100", Role.OFFICER)
    browser = site.browser()
    for _ in range(MOST_TRIES):
        assert (await browser.sign_in("PC-100", "not the password")).status_code == 403
    assert (await browser.sign_in("PC-100")).status_code == 429
    await site.database.execute("UPDATE web_tries SET at = at - interval '15 minutes'")
    assert (await browser.sign_in("PC-100")).status_code == 303


async def test_a_leaver_and_an_old_password_are_out_with_the_next_request(site: Site) -> None:
    first, second = await site.signed_in("PC-100", Role.OFFICER), await site.signed_in("PC-200", Role.OFFICER)
    assert (await first.get("/mine")).status_code == (await second.get("/mine")).status_code == 200
    site.people.leave("PC-100", "2026-11-22T12:00:00.000Z")
    site.people.move("PC-200", password=CHEAP[:-4] + "AAA=")
    assert (await first.get("/mine")).status_code == (await second.get("/mine")).status_code == 303
    assert (await site.browser().sign_in("PC-100")).status_code == 403


async def test_a_mover_has_the_new_roles_with_the_next_request(site: Site) -> None:
    browser = await site.signed_in("PC-100", Role.OFFICER)
    assert (await browser.get("/reasons")).status_code == 403
    site.people.move("PC-100", roles=[Role.SUPERVISOR])
    assert (await browser.get("/reasons")).status_code == 200


async def test_a_session_ends_by_rest_and_by_age(site: Site) -> None:
    for column, age in (("seen_at", "31 minutes"), ("opened_at", "13 hours")):
        browser = await site.signed_in("PC-100", Role.OFFICER)
        await site.database.execute(f"UPDATE web_sessions SET {column} = {column} - interval '{age}'")
        assert (await browser.get("/mine")).status_code == 303


async def test_a_form_that_is_not_ours_is_refused(site: Site) -> None:
    browser = await site.signed_in("PC-100", Role.OFFICER)
    other = await site.signed_in("PC-200", Role.OFFICER)
    form = (await other.get("/account")).text.partition('name="form" value="')[2].partition('"')[0]
    for data in ({}, {"form": ""}, {"form": form}, {"form": "é"}):
        assert (await browser.http.post("/signout", data=data)).status_code in (400, 403)
    ours = (await browser.get("/account")).text.partition('name="form" value="')[2].partition('"')[0]
    crossed = await browser.http.post("/signout", data={"form": ours}, headers={"sec-fetch-site": "cross-site"})
    assert crossed.status_code == 403
    assert (await browser.get("/mine")).status_code == 200
    assert (await site.browser().http.post("/signin", data={"person": "PC-100"})).status_code == 403


async def test_every_answer_forbids_what_a_page_does_not_need(site: Site) -> None:
    browser = await site.signed_in("PC-100", Role.OFFICER)
    for path in ("/signin", "/mine", "/nowhere", "/reasons", "/static/base.css", "/static/../app.py"):
        answer = await browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert (
            "default-src 'none'" in policy and "unsafe" not in policy and answer.headers["cache-control"] == "no-store"
        )
        assert "<script>" not in answer.text and "style=" not in answer.text
    assert (await browser.get("/static/base.css")).headers["content-type"].startswith("text/css")


async def test_the_session_is_a_cookie_that_scripts_and_other_sites_do_not_see(site: Site) -> None:
    site.person("PC-100", Role.OFFICER)
    cookie = (await site.browser().sign_in("PC-100")).headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie
    rows = await site.database.fetch("SELECT * FROM web_sessions")
    assert cookie.partition("=")[2].partition(";")[0] not in str(rows).lower()
