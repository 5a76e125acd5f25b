"""Encounters on the board: officers say why, supervisors see those of their unit, and nobody sees others'."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import msgspec
import pytest

from console.web import sessions
from console.web.api import ROOT
from console.web.pages.api import DOCUMENT
from console.web.pages.encounter_words import may_explain, reader_of
from console.web.people import Person, Role
from console.web.sessions import Session, Via
from streams.messages import EncounterReasonRequested, HoldRequested, decode
from streams.settings import load
from tests.encounters.force import an_encounter
from tests.web.site import Browser, Site
from tests.web.station import Station
from tests.web.stops import AT, FILMED, on_record, unmatched
from workers.database.engine import Database
from workers.encounters.lines import Reader, Sight
from workers.encounters.statements import EncounterReason
from workers.retention.facts import HoldReason
from workers.retention.statements import HoldRequest

WHY = "it fell off in a struggle"
_FIELD = re.compile(r'<form method="post" action="([^"]+)" class="why">(.*?)</form>', re.DOTALL)
_HIDDEN = re.compile(r'type="hidden" name="(about|gap|officer)" value="([^"]*)"')


@pytest.fixture
async def station(
    emptied: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dsn: str
) -> AsyncIterator[Station]:
    """A board with its stages; two officers and a supervisor have keys."""
    made = Station(load(tmp_path, namespace=emptied.schema, database=dsn), emptied, monkeypatch)
    try:
        await made.open()
        for person in ("PC-100", "PC-200", "PS-900"):
            await made.enrolled(person)
        yield made
    finally:
        await made.close()


async def officer(site: Site, person: str = "PC-100") -> Browser:
    return await site.signed_in(person, Role.OFFICER)


async def supervisor(site: Site, unit: str, person: str = "PS-900") -> Browser:
    site.person(person, Role.SUPERVISOR)
    site.people.move(person, unit=unit)
    return await site.signed_in(person, Role.SUPERVISOR)


def forms(text: str) -> list[tuple[str, dict[str, str]]]:
    """The questions of a page: where each answer goes, and of which gap it is."""
    return [(action.replace("&amp;", "&"), dict(_HIDDEN.findall(body))) for action, body in _FIELD.findall(text)]


async def test_an_officer_says_why_and_it_is_signed(station: Station) -> None:
    clip = await station.stored("PC-200", **FILMED)
    about = await on_record(station, "SS/1", "PC-100", "PC-200")
    browser = await officer(station)
    assert "1 encounter of yours has no footage" in (await browser.get("/mine")).text
    page = (await browser.get("/encounters")).text
    [(action, gap)] = forms(page)
    assert gap == {"about": about, "gap": "none", "officer": "PC-100"} and "Why was it not filmed?" in page
    assert re.search(r"open for \d+ days", page) and clip not in page, "a colleague's clip is not theirs"

    for typed, status, words in ((" ", 400, "Say why"), ("x" * 501, 400, "Say why")):
        answer = await browser.send(action, "/encounters", **gap, reason=typed)
        assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert not [one for one in station.told if one.source == "person"], "nothing was asked"
    given = await browser.send(action, "/encounters?month=2026-03", **gap, reason=f" {WHY}  <b> ")
    assert given.status_code == 200 and "The reason is on record, given by PC-100" in given.text
    assert f"<q>{WHY} &lt;b&gt;</q>" in given.text and "no footage" not in (await browser.get("/mine")).text
    [asked] = [decode(one.body, EncounterReasonRequested) for one in station.told if one.source == "person"]
    body = msgspec.json.decode(asked.reason.body, type=EncounterReason)
    assert (body.by, body.officer, body.encounter_id) == ("PC-100", "PC-100", about)
    assert asked.reason.key.startswith("person:PC-100")

    path = f"/encounters/{about}"
    again = await browser.send(path, path, **gap, reason="seen again: not switched on")
    assert again.status_code == 200 and again.text.count("seen again: not switched on") == 3
    assert WHY in again.text, "every version stays"
    assert (await browser.get("/encounters?show=open")).text.count('class="gap') == 0

    keyless = await officer(station, "PC-300")
    other = await on_record(station, "SS/2", "PC-300")
    refused = await keyless.send("/encounters", "/encounters", about=other, gap="none", officer="PC-300", reason=WHY)
    assert refused.status_code == 403 and "bwv keys new person PC-300" in refused.text
    assert f'value="{WHY}"' in refused.text, "what was typed stays"
    forged = await browser.http.post("/encounters", data=gap | {"reason": WHY, "form": "x"})
    assert forged.status_code == 403


async def test_a_supervisor_sees_their_unit_and_answers_for_it_and_an_officer_only_their_own(station: Station) -> None:
    about = await on_record(station, "SS/1", "PC-100", "PC-200")
    clip = await station.stored("PC-100", **FILMED)
    await unmatched(station, clip, "PC-100", AT + timedelta(days=1))
    theirs = await supervisor(station, " newham ")
    other = await supervisor(station, "Hackney", "PS-901")
    nobody = await supervisor(station, "", "PS-902")
    stranger = await officer(station, "PC-300")
    path, secret = f"/encounters/{about}", ("SS/1", "three cars", "PC-100", clip)
    for one in (other, nobody, stranger):
        for page in ("/encounters", "/encounters?officer=PC-100&show=open", f"{ROOT}/encounters/gaps"):
            text = (await one.get(page)).text
            assert not any(word in text.replace('value="PC-100"', "") for word in secret), page
        for page in (path, f"{path}/copy"):
            assert (await one.get(page)).status_code == 404
        assert (await one.send(f"{path}/asked", "/encounters")).status_code == 404
        for gap in ({"about": about, "gap": "none"}, {"about": clip, "gap": "unmatched"}):
            answer = await one.send("/encounters", "/encounters", **gap, officer="PC-100", reason=WHY)
            assert answer.status_code == 404, "nor whether there is one"
    assert "bwv people unit" in (await nobody.get("/encounters")).text
    assert not [one for one in station.told if one.source == "person"]

    page = (await theirs.get("/encounters")).text
    assert [gap["officer"] for _, gap in forms(page)] == ["PC-100", "PC-200", "PC-100"], "the oldest first"
    assert "Whose word is missing" in page and "officer=PC-100&amp;show=open" in page
    assert [gap["officer"] for _, gap in forms((await theirs.get("/encounters?officer=pc-200")).text)] == ["PC-200"]
    for action, gap in forms(page)[1:]:
        given = await theirs.send(action, "/encounters", **gap, reason=f"{WHY}, {gap['officer']}")
        assert given.status_code == 200 and "given by PS-900" in given.text
    [first, _] = [msgspec.json.decode(decode(one.body, EncounterReasonRequested).reason.body, type=EncounterReason)
                  for one in station.told if one.source == "person"]  # fmt: skip
    assert (first.by, first.officer) == ("PS-900", "PC-200"), "signed by whoever gave it"

    own = await officer(station)
    page = (await own.get(path)).text
    assert [gap["officer"] for _, gap in forms(page)] == ["PC-100"] and "the reason given is" in page
    answer = await own.send(path, path, about=about, gap="none", officer="PC-200", reason=WHY)
    assert answer.status_code == 403 and "for themselves" in answer.text
    for page in ("/encounters", f"{ROOT}/encounters/gaps"):
        text = (await own.get(page)).text
        assert f"{WHY}, PC-100" in text and f"{WHY}, PC-200" not in text, "a colleague's gap is not theirs"


async def test_what_the_cameras_log_explains_nobody_is_asked(site: Site) -> None:
    about = await on_record(site, "SS/1", "PC-100")
    await site.database.execute("UPDATE encounter_gaps SET explained_by = 'battery_flat'")
    browser = await officer(site)
    for path in ("/encounters", f"/encounters/{about}"):
        text = (await browser.get(path)).text
        assert "explained: the camera&#39;s own log shows that its battery was flat" in text and not forms(text)
    assert "no footage" not in (await browser.get("/mine")).text
    assert "SS/1" not in (await browser.get("/encounters?show=open")).text
    assert "SS/1" in (await browser.get("/encounters?show=gaps&gap=none&kind=stop_search&month=2026-03")).text
    for odd in (
        "month=2026-13",
        "kind=arrest",
        "officer=%00",
        "gap=x",
        "show=x",
        "behind=open&at=never",
        "behind=x&at=2026-03-01",
    ):
        assert (await browser.get(f"/encounters?{odd}")).status_code == 400, odd
    for path in ("encounter-1", f"encounter-{'a' * 32}", "%00"):
        assert (await browser.get(f"/encounters/{path}")).status_code == 404


async def test_each_line_is_on_one_page_what_is_open_first(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.web.pages.encounters.LISTED", 2)
    for number in range(7):
        await on_record(site, f"SS/{number}", "PC-100", at=f"2026-03-0{1 + number // 2}T14:00:00Z", until=None)
    explained = "UPDATE encounter_gaps g SET explained_by = 'battery_flat' FROM encounters e WHERE"
    await site.database.execute(
        f"{explained} e.encounter_id = g.encounter_id AND reference IN ('SS/1', 'SS/3', 'SS/6')"
    )
    for number, said in enumerate((None, "a demonstration")):
        clip = await site.clip("PC-100")
        await unmatched(site, clip, "PC-100", datetime(2026, 3, 2 + number, 14, tzinfo=UTC))
        await site.database.execute("UPDATE encounter_unmatched SET reason = %s WHERE clip_id = %s", (said, clip))
    browser, seen, path = await officer(site), list[str](), "/encounters"
    named = re.compile(r'<h3><a href="/(?:encounters|clips)/([^"]+)"')
    while path:
        text = (await browser.get(path)).text
        assert len(named.findall(text)) <= 2
        seen += named.findall(text)
        further = re.search(r'href="(/encounters\?behind=[^"]+)"', text)
        path = further.group(1).replace("&amp;", "&") if further else ""
    assert len(seen) == len(set(seen)) == 9
    monkeypatch.setattr("console.web.pages.encounters.LISTED", 50)
    text = (await browser.get("/encounters")).text
    assert named.findall(text) == seen, "pages are one list"
    waits, rest = text.split("Nothing open")
    at = re.compile(r'<p class="quiet">(\d+) March')
    assert [int(day) for day in at.findall(waits)] == [1, 2, 2, 3, 3]
    assert [int(day) for day in at.findall(rest)] == [4, 3, 2, 1]


async def test_clips_for_named_people_are_counted_and_no_more(site: Site) -> None:
    hidden = await site.clip("PC-100", **FILMED)
    open_ = await site.clip("PC-100", **FILMED)
    await site.viewing(hidden, "named", "PC-400")
    about = await on_record(site, "SS/1", "PC-100")
    secret = await site.clip("PC-100")
    await site.viewing(secret, "named", "PC-400")
    await unmatched(site, secret, "PC-100")
    theirs = await supervisor(site, "Newham")
    text = (await theirs.get("/encounters")).text
    assert open_ in text and hidden not in text and "1 for named people only" in text
    assert secret not in text and "1 more on this page is not shown" in text
    page = (await theirs.get(f"/encounters/{about}")).text
    assert open_ in page and hidden not in page and "1 more is not shown" in page
    told = (await theirs.get(f"{ROOT}/encounters/gaps?show=all")).text
    assert open_ in told and hidden not in told and secret not in told
    own = (await (await officer(site)).get("/encounters")).text
    assert hidden in own and open_ in own and secret in own, "their own"


async def test_nobody_reads_of_a_restricted_complaint_or_of_who_asked(station: Station) -> None:
    await station.enrolled("PSD-1")
    await station.enrolled("DP-1")
    await station.adopt()
    clip = await station.stored("PC-100", **FILMED)
    about = await on_record(station, "SS/1", "PC-100", incident="INC-1")
    standards = await station.signed_in("PSD-1", Role.STANDARDS)
    scope = {"reference": "CO/7/26", "reason": "conduct", "restricted": "yes", "clip": clip}
    assert (await standards.send("/complaints", "/complaints", **scope)).status_code == 200
    protection = await station.signed_in("DP-1", Role.PROTECTION)
    path = f"/encounters/{about}"
    asked = await protection.send(f"{path}/asked", path)
    assert asked.status_code == 200 and "they asked DP-1" in asked.text
    one, two = await officer(station), await supervisor(station, "NE")
    for browser in (one, two, protection):
        for page in ("/encounters", path, f"{path}/copy", f"{ROOT}/encounters/gaps?show=all"):
            answer = await browser.get(page)
            assert answer.status_code == 200, page
            text = answer.text.partition("</header>")[2] or answer.text
            assert not any(word in text for word in ("CO/7/26", "conduct", "PSD-1", "complaint-")), page
    for browser in (one, two):
        for page in (path, f"{path}/copy"):
            text = (await browser.get(page)).text
            assert "subject-access" not in text and "DP-1" not in text and "You asked for it" not in text
    assert "You asked for it" in (await protection.get(f"{path}/copy")).text


async def test_asking_for_the_footage_holds_it_again_where_it_was_lifted(station: Station) -> None:
    clip = await station.stored("PC-100", **FILMED)
    about = await on_record(station, "SS/1", "PC-100", "PC-200")
    browser, path = await officer(station), f"/encounters/{about}"
    copy = await browser.get(f"{path}/copy")
    assert "Record of a stop and search" in copy.text and "unsafe" not in copy.headers["content-security-policy"]
    assert "Not filmed by this officer" in copy.text and "three cars" in copy.text
    for _ in range(2):
        answer = await browser.send(f"{path}/asked", path)
        assert answer.status_code == 200 and "they asked PC-100" in answer.text and "is kept from now on" in answer.text
    [held] = await station.database.fetch("SELECT * FROM holds")
    body = msgspec.json.decode(held["request"]["body"], type=HoldRequest)
    assert (body.reason, body.by, body.officers) == (HoldReason.SUBJECT_ACCESS, "PC-100", ("PC-100", "PC-200"))
    [row] = await station.database.fetch("SELECT held FROM clip_fate WHERE clip_id = %s", (clip,))
    assert row["held"] and "You asked for it" in (await browser.get(f"{path}/copy")).text
    await station.database.execute("UPDATE holds SET lifted_at = now(), lifted_by = '{DP-1,DP-2}'")
    await station.database.execute("UPDATE hold_clips SET state = 'lifted'")
    answer = await browser.send(f"{path}/asked", path)
    assert "they asked PC-100" in answer.text
    asked = [decode(one.body, HoldRequested).hold_id for one in station.told if one.topic == "holds.requested"]
    assert len(set(asked)) == 2 and len(await station.database.fetch("SELECT 1 FROM holds")) == 2
    auditor = await station.signed_in("AU-1", Role.AUDITOR)
    assert (await auditor.get(path)).status_code == 200 and (await auditor.get(f"{path}/copy")).status_code == 403


async def test_the_list_over_the_api_is_as_its_document_says(site: Site) -> None:
    await on_record(site, "SS/1", "PC-100")
    await site.clip("PC-100", recorded_at="2026-03-03T13:58:00.000Z", ended_at="2026-03-03T14:20:00.000Z")
    await on_record(site, "SS/2", "PC-100", at="2026-03-03T14:00:00Z", until="2026-03-03T14:05:00Z")
    browser = await officer(site)
    answer = await browser.get(f"{ROOT}/encounters/gaps")
    schema = {"$ref": "#/components/schemas/Encounters", "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer.json())
    [line] = answer.json()["lines"]
    assert (line["reference"], line["open"], line["missing"][0]["gap"]) == ("SS/1", True, "none")
    every = (await browser.get(f"{ROOT}/encounters/gaps?show=all")).json()["lines"]
    assert [line["reference"] for line in every] == ["SS/1", "SS/2"] and len(every[1]["clips"]) == 1
    assert (await browser.get(f"{ROOT}/encounters/gaps?month=x")).status_code == 400


def test_who_sees_an_encounter_and_who_answers_for_it() -> None:
    encounter = an_encounter(officers=("PC-1",), borough="Newham", bcu="NE")
    for reader, sight in (
        (Reader("PC-1"), Sight.OWN),
        (Reader("PC-2"), Sight.NONE),
        (Reader("PC-2", "ne"), Sight.ALL),
        (Reader("PC-2", "Hackney"), Sight.NONE),
        (Reader("PC-1", "Hackney"), Sight.OWN),
        (Reader("PC-2", every=True), Sight.ALL),
    ):
        assert reader.sight(encounter) is sight, reader
    assert Reader("PC-2", "").sight(an_encounter(officers=("PC-1",))) is Sight.NONE, "no unit is not every unit"
    for roles, unit, officer, may in (
        ((Role.OFFICER,), "Newham", "PC-1", True),
        ((Role.OFFICER,), "Newham", "PC-2", False),
        ((Role.SUPERVISOR,), "Newham", "PC-2", True),
        ((Role.SUPERVISOR,), "Newham", None, False),
        ((Role.SUPERVISOR,), "Hackney", "PC-2", False),
        ((Role.SUPERVISOR, Role.RECORDS), "Hackney", "PC-2", False),
        ((Role.RECORDS,), "Newham", "PC-1", False),
    ):
        person = Person("PC-1", "N", roles, unit=unit)
        assert may_explain(person, officer, "Newham", "NE") is may, (roles, unit, officer)
    assert reader_of(Person("PC-1", "N", (Role.OFFICER,), unit="Newham")) == Reader("PC-1"), "an officer's unit is none"


def test_whoever_came_by_the_directory_is_of_the_unit_that_the_file_says() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    session = Session("s", "PS-900", "", now, now, now, via=Via.DIRECTORY, name="N", roles=(Role.SUPERVISOR,))
    kept = Person("PS-900", "N", (), unit="Newham")
    told = sessions.person_of(session, kept, now)
    assert told is not None and (told.unit, told.roles) == ("Newham", (Role.SUPERVISOR,))
    without = sessions.person_of(session, None, now)
    assert without is not None and without.unit == ""
