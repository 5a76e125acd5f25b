"""Sessions: signing in and out, leaving, forged forms, and what is around every page."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from console.web.people import Role
from console.web.tries import MOST_TRIES
from streams.settings import load
from tests.web.site import CHEAP, PASSWORD, Site
from workers.database.engine import Database

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


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
    assert await site.database.fetch("SELECT * FROM web_tries") == []


async def test_behind_a_front_each_client_is_counted_for_itself(dsn: str, emptied: Database, tmp_path: Path) -> None:
    settings = load(tmp_path, namespace=emptied.schema, database=dsn, board_fronts="127.0.0.1")
    site = Site(settings, emptied)
    await site.server.start()
    site.person("PC-100", Role.OFFICER)
    browser = site.browser()
    browser.http.headers["x-forwarded-for"] = "1.2.3.4, 198.51.100.1"
    for _ in range(MOST_TRIES):
        assert (await browser.sign_in("PC-100", "not the password")).status_code == 403
    assert (await browser.sign_in("PC-100")).status_code == 429
    browser.http.headers["x-forwarded-for"] = "198.51.100.1, 198.51.100.2"
    assert (await browser.sign_in("PC-100")).status_code == 303
    await site.close()


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
    for column, age in (("seen_at", "31 minutes"), ("ends_at", "12 hours")):
        browser = await site.signed_in("PC-100", Role.OFFICER)
        assert (await browser.get("/mine")).status_code == 200
        await site.database.execute(f"UPDATE web_sessions SET {column} = {column} - interval '{age}'")
        assert (await browser.get("/mine")).status_code == 303


async def test_a_session_that_was_there_before_is_never_gone_on_with(site: Site) -> None:
    browser = await site.signed_in("PC-100", Role.OFFICER)
    name = site.parts.cookies.session
    planted = browser.http.cookies[name]
    form = (await browser.get("/account")).text.partition('name="form" value="')[2].partition('"')[0]
    site.person("PC-200", Role.OFFICER)
    signed = await browser.http.post("/signin", data={"form": form, "person": "PC-200", "password": PASSWORD})
    assert signed.status_code == 303 and browser.http.cookies[name] != planted
    assert "PC-200" in (await browser.get("/account")).text
    other = site.browser()
    other.http.cookies.set(name, planted)
    assert (await other.get("/mine")).status_code == 303
    assert len(await site.database.fetch("SELECT * FROM web_sessions")) == 1
    other.http.cookies.set(name, "chosen-by-somebody-else")
    chosen = await other.sign_in("PC-200")
    assert chosen.status_code == 303 and "chosen-by-somebody-else" not in chosen.headers["set-cookie"]


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


async def test_over_https_cookies_are_bound_to_this_host_and_browsers_insist_on_it(
    dsn: str, emptied: Database, tmp_path: Path
) -> None:
    settings = load(tmp_path, namespace=emptied.schema, database=dsn, board_url="https://board.example")
    site = Site(settings, emptied)
    await site.server.start()
    site.person("PC-100", Role.OFFICER)
    http = site.browser().http
    page = await http.get("/signin")
    before = page.headers["set-cookie"]
    form = page.text.partition('name="form" value="')[2].partition('"')[0]
    sent = {"cookie": before.partition(";")[0]}
    signed = await http.post("/signin", data={"form": form, "person": "PC-100", "password": PASSWORD}, headers=sent)
    assert signed.status_code == 303
    for cookie in (before, signed.headers["set-cookie"]):
        words = [word.strip().lower() for word in cookie.split(";")]
        assert words[0].startswith("__host-bwv-") and {"secure", "httponly", "path=/", "samesite=strict"} <= set(words)
        assert not any(word.startswith("domain") for word in words)
    for answer in (page, signed, await http.get("/nowhere"), await http.get("/static/base.css")):
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "camera=()" in answer.headers["permissions-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    await site.close()


async def test_a_style_sheet_is_there_while_the_database_is_away(site: Site) -> None:
    browser = await site.signed_in("PC-100", Role.OFFICER)
    await site.database.execute("ALTER TABLE web_sessions RENAME TO web_sessions_away")
    try:
        page, sheet = await browser.get("/mine"), await browser.get("/static/base.css")
    finally:
        await site.database.execute("ALTER TABLE web_sessions_away RENAME TO web_sessions")
    assert page.status_code == 503 and "retry-after" in page.headers and sheet.status_code == 200
