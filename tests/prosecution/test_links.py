"""Codes, sessions and what a link shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.prosecution.linked import ADDRESS, MASKED, URN, Linked
from workers.errors import ConfigurationInvalid, Refused
from workers.mail import post_of
from workers.prosecution.identity import link_id
from workers.prosecution.links import rows
from workers.prosecution.links.address import checked
from workers.prosecution.links.codes import MOST_CODES, MOST_TRIES
from workers.prosecution.links.secret import Secret

FOOTAGE = bytes(range(256)) * 40


async def test_a_link_opens_with_a_code_and_shows_what_was_submitted(linked: Linked) -> None:
    link = await linked.link(
        await linked.item(1, FOOTAGE), await linked.item(2, b"picture", "image/jpeg", kind="still")
    )
    stranger = linked.browser()
    page = await stranger.get(link)
    assert page.status_code == 200 and MASKED in page.text
    for secret in (URN, "R v Doe", "JS/1", ADDRESS, "smith", "cps."):
        assert secret not in page.text

    browser = await linked.opened(link)
    page = await browser.get(link)
    assert all(text in page.text for text in (URN, "R v Doe", "JS/1", "JS/2", ADDRESS, "<video", "<img"))
    assert (await browser.media(link)).content == FOOTAGE
    assert (await browser.media(link, 2, "file")).content == b"picture"
    seen = [(opened.what, opened.reference, opened.holder) for opened in linked.told]
    assert seen == [("list", None, ADDRESS), ("play", "JS/1", ADDRESS), ("fetch", "JS/2", ADDRESS)]
    assert URN not in (await stranger.get(link)).text


async def test_a_link_without_an_address_is_opened_by_its_holder(linked: Linked) -> None:
    link = await linked.link(await linked.item(1, FOOTAGE), address=None)
    browser = linked.browser()
    assert (await browser.media(link)).content == FOOTAGE
    assert "holder of the link" in (await browser.get(link)).text
    assert [(opened.what, opened.holder) for opened in linked.told] == [
        ("play", "holder of the link"),
        ("list", "holder of the link"),
    ]
    assert not linked.mails()


async def test_a_code_opens_once_and_only_the_newest_does(linked: Linked) -> None:
    link = await linked.link(await linked.item(1, FOOTAGE))
    first, second = linked.browser(), linked.browser()
    old = await linked.code(first, link)
    new = await linked.code(first, link)
    assert (await first.send(link, "session", code=old)).status_code == 403
    assert (await first.send(link, "session", code=new)).status_code == 303
    assert (await second.send(link, "session", code=new)).status_code == 403
    assert URN not in (await second.get(link)).text


async def test_a_code_dies_of_age_and_of_wrong_tries(linked: Linked) -> None:
    link = await linked.link(await linked.item(1, FOOTAGE))
    browser = linked.browser()
    code = await linked.code(browser, link)
    lives = linked.settings.code_lives
    await linked.sql("UPDATE link_codes SET sent_at = sent_at - make_interval(secs => %s)", lives)
    assert (await browser.send(link, "session", code=code)).status_code == 403

    code = await linked.code(browser, link)
    wrong = f"{(int(code.replace(' ', '')) + 1) % 10**8:08}"
    for _ in range(MOST_TRIES):
        assert (await browser.send(link, "session", code=wrong)).status_code == 403
    assert (await browser.send(link, "session", code=code)).status_code == 403
    assert linked.told == []


async def test_a_link_sends_so_many_codes_an_hour_and_no_more(linked: Linked) -> None:
    link = await linked.link(await linked.item(1, FOOTAGE))
    browser = linked.browser()
    for _ in range(MOST_CODES):
        await linked.code(browser, link)
    refused = await linked.browser().send(link, "code")
    assert refused.status_code == 429 and "in an hour" in refused.text
    assert len(linked.mails()) == MOST_CODES
    await linked.sql("UPDATE link_codes SET sent_at = sent_at - interval '1 hour'")
    await linked.code(browser, link)


async def test_a_code_that_could_not_be_sent_does_not_count(linked: Linked) -> None:
    link = await linked.link(await linked.item(1, FOOTAGE))
    post, linked.stage.post = linked.stage.post, post_of("", linked.settings.home)
    browser = linked.browser()
    for _ in range(MOST_CODES + 1):
        assert (await browser.send(link, "code")).status_code == 503
    linked.stage.post = post
    await linked.code(browser, link)


async def test_a_session_ends_by_itself_by_leaving_and_with_its_link(linked: Linked) -> None:
    link = await linked.link(await linked.item(1, FOOTAGE))
    browser = await linked.opened(link)
    assert URN in (await browser.get(link)).text
    assert (await browser.send(link, "leave")).status_code == 200
    assert URN not in (await browser.get(link)).text

    browser = await linked.opened(link)
    await linked.sql("UPDATE link_sessions SET ends_at = now()")
    assert URN not in (await browser.get(link)).text

    browser = await linked.opened(link)
    short = (await browser.get(f"{link}/items/1/media")).headers["location"]
    assert (await browser.get(short)).status_code == 200
    assert (await linked.change(link)).verdict == "done"
    assert {(await browser.get(path)).status_code for path in (link, f"{link}/items/1/media", short)} == {404}


async def test_another_address_ends_what_the_first_had_open(linked: Linked) -> None:
    link = await linked.link(await linked.item(1, FOOTAGE))
    browser, other = await linked.opened(link), linked.browser()
    code = await linked.code(other, link)
    link_of = await linked.id_of(link)
    await linked.change(link)
    again = await linked.ask(linked.wanted(link_of, address="a.jones@cps.example"))
    assert again.verdict == "done" and "valid again" in again.says
    assert URN not in (await browser.get(link)).text
    assert (await other.send(link, "session", code=code)).status_code == 403
    await linked.opened(link)
    assert b"a.jones@cps.example" in b"".join(linked.mails())
    topics = await linked.database.fetch("SELECT topic FROM outbox")
    assert [row["topic"] for row in topics] == ["links.changed"] * 2


async def test_what_may_not_be_done_to_a_link_is_refused(linked: Linked) -> None:
    link = await linked.link(await linked.item(1, FOOTAGE))
    link_of = await linked.id_of(link)
    nobody = await linked.ask(linked.wanted(link_id("submission-of-nobody")))
    header = await linked.ask(linked.wanted(link_of, address="a@b.example\nBcc: c@d.example"))
    await linked.change(link)
    twice = await linked.ask(linked.wanted(link_of))
    await linked.close_case()
    closed = await linked.ask(linked.wanted(link_of, address=ADDRESS))
    for answer, why in ((nobody, "no link"), (header, "not one mail address"), (twice, "already"), (closed, "closed")):
        assert answer.verdict == "refused" and why in answer.says


async def test_made_again_a_link_is_the_same_and_stays_revoked(linked: Linked) -> None:
    link = await linked.link(await linked.item(1, FOOTAGE))
    link_of = await linked.id_of(link)
    await linked.change(link)
    async with linked.database.transaction() as connection:
        found = await rows.find(connection, link_of)
        assert found is not None and found.revoked_by == "ADMIN"
        again = await rows.make(
            connection, linked.secret, "", submission_id=found.submission_id, case_id=found.case_id, address=None
        )
        assert again == link
        assert await rows.find(connection, link_of) == found
        assert await rows.find_open(connection, link.rpartition("/")[2]) is None
        stored = await linked.database.fetch("SELECT * FROM links")
    assert link.rpartition("/")[2] not in str(stored)


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example\r\nBcc: c@d.example", "a@b.example\n", "a@b.example, c@d.example", "a@b.example;c@d.example",
        "A <a@b.example>", '"a b"@b.example', "a@b", "a@", "@b.example", "a@b..example", "a@-b.example", ".a@b.example",
        "a@b.example\x00", "ä@b.example", "a@b.exämple", "a b@b.example", "a" * 65 + "@b.example", "",
        "a@" + "b" * 64 + ".example", "a@" + ".".join(["b" * 60] * 5),
    ],
)  # fmt: skip
def test_an_address_that_is_more_than_one_address_is_refused(address: str) -> None:
    with pytest.raises(Refused, match="not one mail address"):
        checked(address)
    assert checked("j.smith+x@cps.gov.example") == "j.smith+x@cps.gov.example"


def test_a_secret_that_is_none_is_refused(tmp_path: Path) -> None:
    folder = tmp_path
    with pytest.raises(ConfigurationInvalid, match="no secret for links"):
        Secret.read(folder)
    (folder / "links.secret").write_text("short")
    (folder / "links.secret").chmod(0o644)
    with pytest.raises(ConfigurationInvalid, match="others can read"):
        Secret.read(folder)
    (folder / "links.secret").chmod(0o600)
    with pytest.raises(ConfigurationInvalid, match="5 bytes"):
        Secret.read(folder)
