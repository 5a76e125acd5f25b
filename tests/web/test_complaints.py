"""Professional standards' day on the board: one button keeps the footage; what follows, and who learns of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from console.web.rendering import LONDON
from streams import messages as m
from tests.web.complaining import PLACE, REFERENCE, opened, standards
from tests.web.site import Site
from tests.web.station import Station
from workers.retention.statements import HoldLift
from workers.scrutiny.statements import complaint_id


def today() -> str:
    return datetime.now(LONDON).date().isoformat()


async def ends_of(site: Site) -> list[datetime]:
    return [row["earliest_end"] for row in await site.database.fetch("SELECT earliest_end FROM holds")]


async def test_a_whole_day_of_professional_standards(station: Station) -> None:
    clips = [await station.stored("PC-100"), await station.stored("PC-200")]
    gone = await station.stored("PC-100")
    later = await station.stored("PC-100", recorded_at="2026-11-22T15:00:00.000Z", ended_at="2026-11-22T15:05:00.000Z")
    await station.database.execute("UPDATE clip_fate SET disposal = 'committed' WHERE clip_id = %s", (gone,))
    browser = await standards(station)
    about = complaint_id(station.settings.namespace, REFERENCE)
    assert 'href="/complaints"' in (await browser.get("/account")).text

    # one button
    answer = await opened(browser)
    assert answer.status_code == 200, answer.text
    assert "2 recordings kept; of 1 the deletion was committed before." in answer.text
    rows = await station.database.fetch("SELECT clip_id, held FROM clip_fate")
    assert {row["clip_id"] for row in rows if row["held"]} == set(clips) and later not in clips
    assert all(f"/clips/{clip}" in answer.text for clip in (*clips, gone))
    versions = [version for clip in clips for version in station.vault.list_versions(f"{station.settings.namespace}/")
                if clip in version.key]  # fmt: skip
    heads = [station.vault.head(version.key, version.version_id) for version in versions]
    assert versions and all(head is not None and head.lock.legal_hold for head in heads)
    again = await opened(browser, reference="co/ 00123 /26")
    assert again.status_code == 200 and "holds this already" in again.text
    other = await opened(browser, place="", since="", until="", incident="INC-7")
    assert "incident INC-7" in other.text and other.text.count('<th scope="row">') == 2
    assert (await browser.get(f"/complaints?find={REFERENCE}")).headers["location"] == f"/complaints/{about}"
    listed = (await browser.get("/complaints")).text
    assert REFERENCE in listed and "no outcome was sent yet" in listed and 'class="number">2<' in listed

    # the letter
    letter = await browser.get(f"/complaints/{about}/receipt")
    assert letter.status_code == 200 and letter.headers["content-type"].startswith("text/html")
    assert "Footage preserved" in letter.text and "no day is set for its end" in letter.text
    assert "<td>2</td><td>1</td>" in letter.text
    assert not any(name in letter.text for name in ("PC-100", "PC-200", "PSD-1", *clips))
    assert "unsafe" not in letter.headers["content-security-policy"]

    # a look that nobody else reads of
    await browser.get(f"/clips/{clips[0]}")
    assert [look.restricted for look in station.consulted()] == [True]

    # the outcome, a review, and no end before its time
    asked = await browser.send(f"/complaints/{about}", f"/complaints/{about}", step="decided", day=today())
    assert asked.status_code == 409 and "nobody has applied for a review" in asked.text
    sent = await browser.send(f"/complaints/{about}", f"/complaints/{about}", step="outcome", day=today())
    end = datetime.combine(datetime.now(LONDON).date() + timedelta(days=29), datetime.min.time(), LONDON)
    assert sent.status_code == 200 and "28 days from the day after" in sent.text
    assert await ends_of(station) == [end, end]
    await browser.send(f"/complaints/{about}", f"/complaints/{about}", step="applied", day=today())
    assert all(found.year == 9000 for found in await ends_of(station)), "not while a review is open"
    decided = await browser.send(f"/complaints/{about}", f"/complaints/{about}", step="decided", day=today())
    assert decided.status_code == 200 and await ends_of(station) == [end, end]
    assert "kept until at least" in (await browser.get(f"/complaints/{about}/receipt")).text
    [hold] = await station.database.fetch("SELECT hold_id FROM holds WHERE scope = 'place'")
    door = f"/clips/{clips[0]}/holds/{hold['hold_id']}"
    early = await browser.send(door, f"/clips/{clips[0]}", why="its time is over")
    assert early.status_code == 409 and "ends no sooner than" in early.text

    # then two people
    await station.database.execute("UPDATE holds SET earliest_end = now() - interval '1 second'")
    first = await browser.send(door, f"/clips/{clips[0]}", why="its time is over")
    assert "until another person asks too" in first.text
    assert "one person has asked" in (await browser.get(f"/complaints/{about}")).text
    await station.enrolled("PSD-2")
    second = await (await standards(station, "PSD-2")).send(door, f"/clips/{clips[0]}", why="its time is over")
    assert "is lifted" in second.text
    await station.settle()
    page = await browser.get(f"/complaints/{about}")
    assert "by PSD-1, PSD-2" in page.text and "no longer kept for it" in page.text
    lifts = [msgspec.json.decode(m.decode(one.body, m.HoldLiftRequested).lift.body, type=HoldLift)
             for one in station.told if one.topic == "holds.lift-requested"]  # fmt: skip
    assert [lift.by for lift in lifts] == ["PSD-1", "PSD-1", "PSD-2"]


async def test_what_is_not_whole_is_refused_before_anything_is_asked(station: Station) -> None:
    browser = await standards(station)
    for fields, status, words in (
        ({"reason": "manual"}, 400, "Choose what it is"),
        ({"place": ""}, 400, "Expected one of Recording, Incident, Officers, Place, Encounter"),
        ({"place": "here"}, 400, "expected LAT,LON,METRES"),
        ({"since": "yesterday"}, 400, "expected a time"),
        ({"since": ""}, 403, "a place hold names a period"),
        ({"since": "2026-11-22T11:00"}, 403, "before it begins"),
        ({"officers": "PC-100"}, 403, "does not take officers"),
        ({"place": "", "officers": "PC-100", "since": "", "until": ""}, 403, "an officer hold names a period"),
        ({"place": "", "since": "", "until": "", "clip": "CAM-9/R9"}, 400, "nine letters of it"),
        ({"reference": " "}, 403, "reference: expected 1 to 200"),
    ):  # fmt: skip
        answer = await opened(browser, **fields)
        assert (answer.status_code, words.lower() in answer.text.lower()) == (status, True), (fields, answer.text)
        assert 'value="2026-11-22T10:30"' in answer.text or fields.get("until") == "", "what was typed stays"
    about = complaint_id(station.settings.namespace, REFERENCE)
    assert not [one for one in station.told if one.source == "person"]
    for path in (about, f"{about}/receipt", "complaint-1", "%00"):
        assert (await browser.get(f"/complaints/{path}")).status_code == 404
    assert (await browser.get(f"/complaints?find={REFERENCE}")).status_code == 404
    await opened(browser)
    for fields, words in (({"step": "lost", "day": today()}, "Choose what happened"), ({"step": "outcome"}, "the day")):
        answer = await browser.send(f"/complaints/{about}", f"/complaints/{about}", **fields)
        assert answer.status_code == 400 and words in answer.text
    other = await opened(browser, restricted="yes", place="51.6,-0.1,50")
    assert other.status_code == 409 and "stays so" in other.text and "checked" in other.text
    keyless = await standards(station, "PSD-3")
    assert "bwv keys new person PSD-3" in (await opened(keyless)).text
    forged = await keyless.http.post("/complaints", data=PLACE | {"reference": "CO/2/26", "form": "x"})
    assert forged.status_code == 403


async def test_a_recording_that_was_committed_before_is_said_to_be_lost(station: Station) -> None:
    clip = await station.stored("PC-100")
    await station.database.execute("UPDATE clip_fate SET disposal = 'committed' WHERE clip_id = %s", (clip,))
    answer = await opened(await standards(station), place="", since="", until="", clip=clip)
    assert answer.status_code == 200 and "A hold of it does not stand" in answer.text
    assert "its disposal was committed" in answer.text
    about = complaint_id(station.settings.namespace, REFERENCE)
    letter = await (await standards(station)).get(f"/complaints/{about}/receipt")
    assert "No hold stands" in letter.text and "ended by two people" not in letter.text


async def test_what_no_stage_has_decided_yet_is_sent_and_shows_later(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.web.signing.ANSWERED_WITHIN", 0.2)
    station.away = True
    answer = await opened(await standards(station))
    assert answer.status_code == 200 and "signed and sent" in answer.text and "None." in answer.text


async def test_a_long_list_goes_on_upon_the_next_page(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.web.pages.complaints.LISTED", 2)
    for number in range(5):
        at = datetime(2026, 11, 1 + number // 2, tzinfo=UTC)  # two are opened at the same moment
        name = complaint_id("web", f"CO/{number}/26")
        body = {"complaint_id": name, "reference": f"CO/{number}/26", "reason": "complaint", "restricted": False,
                "version": 1, "opened_by": "PSD-1", "opened_at": at, "holds": []}  # fmt: skip
        await site.database.execute(
            "INSERT INTO complaints VALUES (%s, %s, 1, %s, NULL, %s)",
            (name, f"CO/{number}/26", at, msgspec.json.encode(body).decode()),
        )
    browser, seen, path = await standards(site), list[str](), "/complaints"
    while path:
        text = (await browser.get(path)).text
        seen += re.findall(r">(CO/\d/26)<", text)
        further = re.search(r'href="(/complaints\?at=[^"]+)"', text)
        path = further.group(1).replace("&amp;", "&") if further else ""
    assert sorted(seen) == [f"CO/{number}/26" for number in range(5)] and seen[0] == "CO/4/26"
    assert (await browser.get("/complaints?at=never&id=x")).status_code == 200
