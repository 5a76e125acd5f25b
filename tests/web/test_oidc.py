"""Signing in by the force's directory: the whole way, and for as long as it and the file of people say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from console.web.oidc import KEYS_AGAIN
from console.web.oidc_settings import read_roles, wanted_of
from console.web.pages.directory import BACK
from console.web.people import Role
from streams.settings import load
from tests.browser.chromium import chromium, complaints_of, looked_at
from tests.web.both import Both
from tests.web.provider import CLIENT, Provider
from tests.web.site import Site
from workers.errors import ConfigurationInvalid

ROLES = {"BWV": (Role.OFFICER,), "BWV PSD": (Role.STANDARDS,)}


async def test_somebody_signs_in_by_the_directory_for_an_hour_at_most(both: Both) -> None:
    browser = both.browser()
    page = await browser.get("/signin?next=/search")
    assert 'href="/signin/directory?next=/search"' in page.text and "password" not in page.text.lower()
    back = await both.sign_in(browser, "/search")
    assert back.status_code == 200 and 'content="0; url=/search"' in back.text
    assert (await browser.get("/search")).status_code == 200
    account = (await browser.get("/account")).text
    assert "A Smith" in account and "PC-100" in account and "officer" in account
    [session] = await both.sessions()
    assert session["via"] == "directory" and (session["ends_at"] - session["opened_at"]).total_seconds() == 3600
    await both.site.database.execute("UPDATE web_sessions SET ends_at = now() - interval '1 second'")
    assert (await browser.get("/mine")).status_code == 303


async def test_nobody_is_led_from_the_directory_to_another_site(both: Both) -> None:
    for going in ("//evil.example/", "https://evil.example/", "/x%0d%0aSet-Cookie:%20a=b"):
        back = await both.sign_in(both.browser(), going)
        assert 'content="0; url=/mine"' in back.text and "evil" not in back.text


async def test_an_answer_opens_one_session_in_the_browser_that_asked(both: Both) -> None:
    browser, other = both.browser(), both.browser()
    back = await both.away(browser)
    cookie = dict(browser.http.cookies)
    assert (await other.get(back)).status_code == 403, "a browser that asked nothing"
    assert (await both.sign_in(other)).status_code == 200
    assert (await other.get(back)).status_code == 403, "a browser that asked something else"
    assert (await browser.get(back)).status_code == 200
    assert (await browser.get(back)).status_code == 403, "the cookie of the question is gone"
    browser.http.cookies.update(cookie)
    again = await browser.get(back)
    assert again.status_code == 403 and "invalid_grant" in again.text, "the code is used up"
    assert len(await both.sessions()) == 2


async def test_a_code_that_the_directory_takes_twice_opens_one_session_all_the_same(both: Both) -> None:
    both.provider.codes = 2
    browser = both.browser()
    back = await both.away(browser)
    cookie = dict(browser.http.cookies)
    assert (await browser.get(back)).status_code == 200
    browser.http.cookies.update(cookie)
    again = await browser.get(back)
    assert again.status_code == 403 and "opened a session before" in again.text
    assert len(await both.sessions()) == 1


async def test_new_keys_of_the_directory_are_fetched_and_invented_ones_not_for_ever(both: Both) -> None:
    assert (await both.sign_in(both.browser())).status_code == 200
    assert both.provider.asked.count("keys") == 1
    both.provider.keys.append(Provider.new_key("second"))
    both.clock += KEYS_AGAIN
    assert (await both.sign_in(both.browser())).status_code == 200
    assert both.provider.asked.count("keys") == 2
    both.provider.header["kid"] = "invented"
    for _ in range(5):
        assert (await both.sign_in(both.browser())).status_code == 403
    assert both.provider.asked.count("keys") == 2, "so soon after the last time they are not asked for again"
    assert both.provider.asked.count("description") == 1


async def test_a_group_that_is_not_in_the_token_is_asked_for(both: Both) -> None:
    both.provider.more = {"groups": both.provider.person.pop("groups")}
    assert (await both.sign_in(both.browser())).status_code == 200
    assert "people" in both.provider.asked
    both.provider.more["sub"] = "somebody else"
    assert "two people" in (await both.sign_in(both.browser())).text


async def test_a_leaver_is_out_with_the_next_request_whatever_the_directory_says(both: Both) -> None:
    browser = both.browser()
    await both.sign_in(browser)
    assert (await browser.get("/mine")).status_code == 200
    both.site.people.bar("PC-100", "2026-11-22T12:00:00.000Z")
    assert (await browser.get("/mine")).status_code == 303
    refused = await both.sign_in(browser)
    assert refused.status_code == 403 and "left" in refused.text
    both.site.people.restore("PC-100")
    assert (await both.sign_in(browser)).status_code == 200


async def test_without_groups_the_file_of_people_says_who_may_what(both: Both) -> None:
    both.without_groups()
    browser = both.browser()
    assert "not in the file" in (await both.sign_in(browser)).text
    both.site.people.add("PC-100", "A Smith", [Role.OFFICER])
    assert (await both.sign_in(browser)).status_code == 200
    assert [(await browser.get(path)).status_code for path in ("/mine", "/reasons")] == [200, 403]
    both.site.people.move("PC-100", roles=[Role.STANDARDS])
    assert [(await browser.get(path)).status_code for path in ("/mine", "/reasons")] == [403, 200]
    both.site.people.leave("PC-100", "2026-11-22T12:00:00.000Z")
    assert (await browser.get("/reasons")).status_code == 303


async def test_who_signs_in_after_somebody_at_the_same_machine_is_asked_anew(both: Both) -> None:
    browser = both.browser()
    await both.sign_in(browser)
    assert (await browser.send("/signout", "/mine")).status_code == 303
    await both.sign_in(browser)
    await both.sign_in(browser)
    assert both.provider.prompts == [None, "login", None]


async def test_a_real_browser_is_signed_in_though_it_comes_back_from_another_site(both: Both) -> None:
    both.provider.host, both.provider.asks = "localhost", True
    both.directory.wanted = replace(both.directory.wanted, issuer=both.provider.issuer)
    base = f"http://127.0.0.1:{both.site.server.port}"
    async with chromium() as browser:
        page = await browser.new_page()
        complaints = complaints_of(page)
        await page.goto(f"{base}/search")
        wrong, _ = await looked_at(page)
        assert not wrong
        await page.get_by_role("link", name="Sign in with your force account").click()
        await page.get_by_role("link", name="It is me").click()
        await page.wait_for_url(f"{base}/search")
        cookies = {cookie["name"]: cookie for cookie in await page.context.cookies()}
        assert cookies[both.site.parts.cookies.session]["sameSite"] == "Strict"
        assert both.site.parts.cookies.asked not in cookies
        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url(f"{base}/signin")
        await page.get_by_role("link", name="Sign in with your force account").click()
        await page.get_by_role("link", name="It is me").click()
        await page.wait_for_url(f"{base}/mine")
    assert both.provider.prompts == [None, "login"] and not complaints


async def test_a_directory_that_is_away_or_another_one_is_told_and_opens_nothing(both: Both) -> None:
    both.provider.calls_itself = "https://elsewhere.example"
    assert (await both.browser().get("/signin/directory")).status_code == 503
    both.provider.calls_itself = ""
    browser = both.browser()
    back = await both.away(browser)
    await both.provider.server.stop()
    assert (await browser.get(back)).status_code == 503
    assert await both.sessions() == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"board_oidc_issuer": "http://directory.example"}, "https"),
        ({"board_oidc_client": ""}, "board_oidc_client"),
        ({"board_oidc_secret": "missing"}, "cannot be read"),
        ({"board_oidc_secret": "open"}, "chmod 600"),
        ({"board_oidc_roles": "odd.toml"}, "'BWV'"),
        ({"board_oidc_roles": "empty.toml"}, "no group"),
        ({"board_oidc_lives": 7200}, "within the hour"),
    ],
)
def test_settings_that_cannot_be_right_are_told(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    (tmp_path / "open").write_text("secret\n")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "odd.toml").write_text('BWV = ["king"]\n')
    (tmp_path / "empty.toml").write_text("")
    given = {"board_oidc_issuer": "https://directory.example", "board_oidc_client": CLIENT, **changes}
    with pytest.raises(ConfigurationInvalid, match=why):
        wanted_of(load(tmp_path, **given))


def test_groups_have_the_roles_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "roles.toml").write_text('BWV = ["officer"]\n"BWV PSD" = ["professional-standards"]\n')
    assert read_roles(tmp_path / "roles.toml") == ROLES


async def test_a_board_without_a_directory_has_no_way_to_it(site: Site) -> None:
    assert (await site.browser().get("/signin/directory")).status_code == 404
    assert (await site.browser().get(f"{BACK}?code=x&state=y")).status_code == 404
    assert "/signin/directory" not in (await site.browser().get("/signin")).text
