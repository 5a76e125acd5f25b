"""A clip on the board: who sees it, what is on record of that, its footage by ranges, and an officer's own."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from console.web.people import Role
from streams import messages as m
from tests.web.site import FOOTAGE, Site
from workers.footage.canonical import sha256_hex
from workers.retention.statements import Categorisation

WHY = "asked by the review officer"


async def test_an_officer_sees_and_plays_their_own_clip_and_it_is_on_record(site: Site) -> None:
    clip = await site.clip("PC-100", standing="secured")
    browser = await site.signed_in("PC-100", Role.OFFICER)
    page = await browser.get(f"/clips/{clip}")
    assert page.status_code == 200 and "Not yet verified" in page.text and f"/clips/{clip}/media" in page.text
    whole = await browser.get(f"/clips/{clip}/media")
    assert whole.content == FOOTAGE and whole.headers["content-type"] == "video/mp4"
    part = await browser.get(f"/clips/{clip}/media", range="bytes=100-299")
    assert (part.status_code, part.content) == (206, FOOTAGE[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(FOOTAGE)}"
    assert (await browser.get(f"/clips/{clip}/media", range=f"bytes={len(FOOTAGE)}-")).status_code == 416
    assert site.looks()[:2] == [("look", "own", None), ("play", "own", None)]
    assert len(await site.database.fetch("SELECT * FROM consultations")) == len(site.told)


async def test_nothing_is_shown_that_is_not_on_record(site: Site) -> None:
    clip = await site.clip("PC-100")
    browser = await site.signed_in("PC-100", Role.OFFICER)
    site.kafka = False
    for path in (f"/clips/{clip}", f"/clips/{clip}/media"):
        answer = await browser.get(path)
        assert answer.status_code == 503 and clip not in answer.text and FOOTAGE[:64] not in answer.content
    site.kafka = True
    assert (await browser.get(f"/clips/{clip}/media")).content == FOOTAGE


async def test_a_clip_of_others_needs_a_reason_that_supervisors_read(site: Site) -> None:
    clip = await site.clip("PC-200")
    browser = await site.signed_in("PC-100", Role.OFFICER)
    closed = await browser.get(f"/clips/{clip}")
    assert closed.status_code == 403 and "Why do you look" in closed.text and "R1" not in closed.text
    assert (await browser.get(f"/clips/{clip}/media")).status_code == 403
    for short in ("", "because", " " * 40, "x" * 501):
        assert (await browser.send(f"/clips/{clip}/reason", f"/clips/{clip}", reason=short)).status_code == 400
    assert site.looks() == []
    given = await browser.send(f"/clips/{clip}/reason", f"/clips/{clip}", reason=WHY)
    assert given.status_code == 303
    assert (await browser.get(f"/clips/{clip}")).status_code == 200
    assert (await browser.get(f"/clips/{clip}/media")).content == FOOTAGE
    assert site.looks() == [("reason", "reason", WHY), ("look", "reason", WHY), ("play", "reason", WHY)]
    supervisor = await site.signed_in("PS-900", Role.SUPERVISOR)
    assert WHY in (await supervisor.get("/reasons")).text
    again = await site.signed_in("PC-100", Role.OFFICER)
    assert (await again.get(f"/clips/{clip}")).status_code == 403, "a reason holds for its session"


async def test_case_and_incident_open_a_clip(site: Site) -> None:
    mine, theirs = await site.clip("PC-100", incident="INC-1"), await site.clip("PC-200", incident="INC-1")
    other = await site.clip("PC-200", incident="INC-2")
    browser = await site.signed_in("PC-100", Role.OFFICER)
    answers = [(await browser.get(f"/clips/{clip}")).status_code for clip in (mine, theirs, other)]
    assert answers == [200, 200, 403]
    await site.database.execute(
        "INSERT INTO cases (case_id, urn, kind, version, officer, clock, incidents, opened_at, body)"
        " VALUES ('case-1', 'U', 'prosecution', 1, 'PC-100', 'charged', '{INC-2}', now(), '{}')"
    )
    assert (await browser.get(f"/clips/{other}")).status_code == 200
    await site.database.execute("UPDATE cases SET closed_at = now()")
    assert (await browser.get(f"/clips/{other}")).status_code == 403
    assert [relation for _, relation, _ in site.looks()] == ["own", "incident", "case"]


async def test_named_people_alone_and_a_lock(site: Site) -> None:
    clip = await site.clip("PC-200")
    browser = await site.signed_in("PC-100", Role.OFFICER)
    owner = await site.signed_in("PC-200", Role.OFFICER)
    await site.viewing(clip, "named", "PC-100")
    assert (await browser.get(f"/clips/{clip}/media")).content == FOOTAGE
    assert (await owner.get(f"/clips/{clip}/media")).status_code == 403
    refused = await owner.send(f"/clips/{clip}/reason", f"/clips/{clip}", reason=WHY)
    assert refused.status_code == 403
    await site.viewing(clip, "open", at="2026-11-22T12:00:01.000Z")
    assert (await owner.get(f"/clips/{clip}/media")).content == FOOTAGE
    await site.viewing(clip, "lock", at="2026-11-22T12:00:02.000Z")
    locked = await owner.get(f"/clips/{clip}/media")
    assert locked.status_code == 403 and "before the first account" in locked.text
    assert "before the first account" in (await owner.get(f"/clips/{clip}")).text
    await site.viewing(clip, "unlock", at="2026-11-22T12:00:03.000Z")
    assert (await owner.get(f"/clips/{clip}/media")).content == FOOTAGE


async def test_what_is_not_stored_or_not_there_is_not_played(site: Site) -> None:
    clip = await site.clip("PC-100", standing="registered")
    browser = await site.signed_in("PC-100", Role.OFFICER)
    assert "nothing to play" in (await browser.get(f"/clips/{clip}")).text
    assert (await browser.get(f"/clips/{clip}/media")).status_code == 404
    for odd in (f"clip-{'a' * 32}", "clip-1", "..%2F..%2Fetc"):
        assert (await browser.get(f"/clips/{odd}")).status_code == 404


async def test_the_search_finds_by_each_of_its_fields(site: Site) -> None:
    first, second = await site.clip("PC-100", incident="INC-1"), await site.clip("PC-200")
    await site.database.execute(
        "INSERT INTO schedule (clip_id, source_type, docked_at, size, policy, verdict, category, rule, held)"
        " VALUES (%s, 'body_worn', now(), 1, 1, 'expire', 'child', 'child', false)",
        (second,),
    )
    records, officer = await site.signed_in("RM-1", Role.RECORDS), await site.signed_in("PC-100", Role.OFFICER)
    for query, found in (
        ("officer=PC-100", {first}), ("officer=PC-200", {second}), ("incident=INC-1", {first}),
        ("camera=CAM-1", {first, second}), ("category=child", {second}), ("camera=CAM-9", set()),
        ("from=2026-11-22&to=2026-11-22", {first, second}), ("from=2026-11-23", set()), ("to=2026-11-21", set()),
        ("officer=PC-100&from=2026-11-22", {first}), ("officer=PC-200&category=none", set()),
    ):  # fmt: skip
        page = (await records.get(f"/search?{query}")).text
        assert {clip for clip in (first, second) if clip in page} == found, query
    assert second not in (await officer.get("/search?camera=CAM-1")).text, "of a child's clip others learn nothing"
    assert "Only people who were named" in (await officer.get(f"/clips/{second}")).text
    assert (await records.get("/search?from=yesterday")).status_code == 400
    assert (await records.get(f"/search?clip={first}")).headers["location"] == f"/clips/{first}"
    hostile = await records.get("/search?officer=%3Cscript%3Ealert(1)%3C/script%3E&clip='%20OR%201=1")
    assert "<script>" not in hostile.text


POLICY = Path(__file__).parents[2] / "workers" / "retention" / "shipped" / "met.toml"


async def adopted(site: Site) -> None:
    toml = POLICY.read_text()
    await site.database.execute(
        "INSERT INTO policies VALUES (1, 'met', %s, %s, now(), 'ADMIN', '{}')", (toml, sha256_hex(toml.encode()))
    )


async def test_an_officer_marks_their_clips_for_an_incident_in_bulk(site: Site) -> None:
    await adopted(site)
    clips = sorted([await site.clip("PC-100"), await site.clip("PC-100", standing="registered")])
    browser = await site.signed_in("PC-100", Role.OFFICER)
    page = (await browser.get("/mine")).text
    assert all(clip in page for clip in clips)
    wanted = {"clip": clips, "incident": "INC-7", "category": "use-of-force"}
    assert (await browser.send("/mine/mark", "/mine", **wanted)).status_code == 403, "there is no key to sign with"
    site.key("PC-100")

    site.answers = "is use-of-force"
    marked = await browser.send("/mine/mark", "/mine", **wanted)
    assert marked.status_code == 200 and all(f"{clip} is use-of-force" in marked.text for clip in clips)
    for one in site.told:
        body = msgspec.json.decode(m.decode(one.body, m.CategoryRequested).categorisation.body, type=Categorisation)
        assert (body.by, body.category, body.reason) == ("PC-100", "use-of-force", "evidence for incident INC-7")


@pytest.mark.parametrize("wrong", [{"incident": "<b>"}, {"incident": ""}, {"category": "none"}, {"clip": []}])
async def test_a_mark_that_says_too_little_is_refused(site: Site, wrong: dict[str, object]) -> None:
    await adopted(site)
    site.key("PC-100")
    clip = await site.clip("PC-100")
    browser = await site.signed_in("PC-100", Role.OFFICER)
    given = {"clip": [clip], "incident": "INC-7", "category": "use-of-force"} | wrong
    assert (await browser.send("/mine/mark", "/mine", **given)).status_code == 400
    assert not site.told


async def test_nobody_marks_the_clips_of_others(site: Site) -> None:
    await adopted(site)
    site.key("PC-100")
    clips = [await site.clip("PC-100"), await site.clip("PC-200")]
    browser = await site.signed_in("PC-100", Role.OFFICER)
    page = (await browser.get("/mine")).text
    assert clips[0] in page and clips[1] not in page
    given = {"clip": clips, "incident": "INC-7", "category": "use-of-force"}
    assert (await browser.send("/mine/mark", "/mine", **given)).status_code == 403
    assert not site.told
