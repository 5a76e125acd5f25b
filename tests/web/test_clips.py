"""A clip on the board: who sees it, what is on record of that, and its footage by ranges."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from console.web.people import Role
from tests.web.site import FOOTAGE, Site
from workers.catalogue.finding import Wanted, search
from workers.catalogue.viewing import seen_by
from workers.retention.facts import Categorised, Confirmed, IncidentGiven

WHY = "asked by the review officer"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


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
    assert site.looks() == [("look", "own", None), ("play", "own", None)], "of many ranges there is one look"
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


def given(incident: str, by: str) -> IncidentGiven:
    return IncidentGiven(incident, by, NOON)


async def test_an_incident_that_somebody_gave_opens_nothing_to_themselves(site: Site) -> None:
    theirs = await site.clip("PC-200", incident="INC-1")
    await site.clip("PC-100", facts=[given("INC-1", "PC-100")])
    browser = await site.signed_in("PC-100", Role.OFFICER)
    assert (await browser.get(f"/clips/{theirs}")).status_code == 403, "one's own word opens no clip of others"
    await site.clip("PC-100", facts=[given("INC-1", "PS-900")])
    page = await browser.get(f"/clips/{theirs}")
    assert page.status_code == 200 and "INC-1" in page.text
    said_by_themselves = await site.clip("PC-200", facts=[given("INC-1", "PC-100")])
    assert (await browser.get(f"/clips/{said_by_themselves}")).status_code == 403


async def test_a_category_for_named_people_hides_until_another_one_is_confirmed(site: Site) -> None:
    await site.adopt()
    child, other = Categorised("child", "PC-200", NOON), Categorised("use-of-force", "PC-200", NOON)
    hidden = await site.clip("PC-200", facts=[child, other])
    opened = await site.clip("PC-200", facts=[child, other, Confirmed("use-of-force", "PS-900", NOON)])
    named = await site.clip("PC-200", facts=[child])
    await site.viewing(named, "named", "PC-100")
    browser = await site.signed_in("PC-100", Role.OFFICER)
    said = [(await browser.send(f"/clips/{clip}/reason", f"/clips/{clip}", reason=WHY)).status_code
            for clip in (hidden, opened)]  # fmt: skip
    assert said == [403, 303]
    assert "Only people who were named" in (await browser.get(f"/clips/{hidden}")).text
    assert (await browser.get(f"/clips/{named}/media")).content == FOOTAGE
    owner = await site.signed_in("PC-200", Role.OFFICER)
    assert (await owner.get(f"/clips/{hidden}")).status_code == 200, "its record is theirs"
    assert (await owner.get(f"/clips/{hidden}/media")).status_code == 403


async def test_looks_of_professional_standards_are_for_their_own_eyes(site: Site) -> None:
    clip = await site.clip("PC-200")
    standards = await site.signed_in("PSD-1", Role.STANDARDS)
    await standards.send(f"/clips/{clip}/reason", f"/clips/{clip}", reason="a restricted enquiry")
    supervisor, auditor = await site.signed_in("PS-900", Role.SUPERVISOR), await site.signed_in("AU-1", Role.AUDITOR)
    assert "a restricted enquiry" in (await standards.get("/reasons")).text
    for other in (supervisor, auditor):
        page = (await other.get("/reasons")).text
        assert "a restricted enquiry" not in page and "PSD-1" not in page
    rows = await site.database.fetch("SELECT DISTINCT restricted FROM consultations WHERE person = 'PSD-1'")
    assert rows == [{"restricted": True}]


async def test_reasons_are_found_by_who_looked_whose_clip_it_is_and_by_clip(site: Site) -> None:
    clips = {officer: await site.clip(officer) for officer in ("PC-200", "PC-300")}
    for person in ("PC-100", "PC-101"):
        browser = await site.signed_in(person, Role.OFFICER)
        for officer, clip in clips.items():
            why = f"{person} about {officer}"
            await browser.send(f"/clips/{clip}/reason", f"/clips/{clip}", reason=why)
    supervisor = await site.signed_in("PS-900", Role.SUPERVISOR)
    for query, found in (
        ("", 4), ("person=PC-100", 2), ("officer=PC-300", 2), (f"clip={clips['PC-200']}", 2),
        ("person=PC-101&officer=PC-200", 1), ("person=PC-9", 0),
    ):  # fmt: skip
        page = (await supervisor.get(f"/reasons?{query}")).text
        assert page.count(" about PC-") == found, query


PERIOD = {"since": "2026-11-22T09:00:00Z", "until": "2026-11-22T11:00:00Z"}
LATE = "2026-11-22T11:06:00.000Z"


@pytest.mark.parametrize(
    ("officer", "declared", "lock", "locked"),
    [
        ("PC-100", {"incident": "INC-1"}, {"incident": "INC-1"}, True),
        ("PC-100", {"facts": [given("INC-1", "PS-900")]}, {"incident": "INC-1"}, True),
        ("PC-100", {"incident": "INC-2"}, {"incident": "INC-1"}, False),
        ("PC-100", {}, {"officers": ("PC-100",), **PERIOD}, True),
        ("PC-100", {"recorded_at": "2026-11-22T11:04:00.000Z"}, {"officers": ("PC-100",), **PERIOD}, True),
        ("PC-100", {"recorded_at": LATE}, {"officers": ("PC-100",), **PERIOD}, False),
        ("PC-100", {}, {"officers": ("PC-200",), **PERIOD}, False),
        ("PC-100", {}, {"officers": ("PC-100",), "people": ("PC-100",), **PERIOD}, False),
        (None, {}, {"officers": ("PC-200",), **PERIOD}, True),
    ],
)
async def test_a_lock_covers_incidents_and_officers_whatever_is_docked_later(
    site: Site, officer: str | None, declared: dict[str, Any], lock: dict[str, Any], *, locked: bool
) -> None:
    await site.lock(**lock)
    clip = await site.clip(officer, **declared)
    seen = await seen_by(site.database, clip, "PC-100")
    assert seen is not None and (seen.locked is not None) == locked
    results = await search(site.database, Wanted(camera="CAM-1"), person="PC-100")
    assert [found.locked for found in results.clips] == [seen.locked]
    await site.lock("unlock", at="2026-11-22T13:00:00.000Z")
    again = await seen_by(site.database, clip, "PC-100")
    assert again is not None and again.locked is None
