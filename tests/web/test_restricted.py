"""Who learns of a restricted complaint, on every page and from every list: professional standards and records alone."""

from __future__ import annotations

from datetime import UTC, datetime

from console.cli.timeline import moments
from console.web.api import ROOT
from console.web.people import Role
from streams import messages as m
from tests.web.complaining import REFERENCE, main, opened, standards
from tests.web.site import Site
from tests.web.station import Station
from workers.keys.statements import PURPOSES
from workers.retention.facts import HoldReason
from workers.retention.statements import HoldRequest
from workers.scrutiny.statements import complaint_id

SECRETS = (REFERENCE, "conduct", "complaint", "PSD-1", "51.5", "200 m")
"""What tells of a restricted complaint."""


async def test_whoever_it_concerns_and_their_supervisor_learn_nothing_of_a_restricted_complaint(
    station: Station,
) -> None:
    clip, near = await station.stored("PC-100"), await station.stored("PC-100")
    browser = await standards(station)
    answer = await opened(browser, reason="conduct", restricted="yes")
    assert answer.status_code == 200 and "restricted" in main(answer)
    await browser.get(f"/clips/{clip}")
    [hold] = await station.database.fetch("SELECT hold_id FROM holds WHERE restricted")
    cleared = "UPDATE hold_clips SET state = 'cleared' WHERE clip_id = %s"
    await station.database.execute(cleared, (near,))
    await station.database.execute("UPDATE clip_fate SET hold_reasons = '{}' WHERE clip_id = %s", (near,))

    officer = await station.signed_in("PC-100", Role.OFFICER)
    supervisor = await station.signed_in("PS-900", Role.SUPERVISOR)
    await supervisor.send(f"/clips/{clip}/reason", f"/clips/{clip}", reason="a welfare check on the shift")
    await supervisor.send(f"/clips/{near}/reason", f"/clips/{near}", reason="a welfare check on the shift")
    pages = ("/mine", f"/clips/{clip}", f"/clips/{near}", "/search?officer=PC-100", "/board/lists/holds")
    for one in (officer, supervisor):
        for path in (*pages, "/reasons", "/cases", "/alarms", f"{ROOT}/clips/{clip}", f"{ROOT}/clips/{near}"):
            answer = await one.get(path)
            if answer.status_code == 403:
                assert path in ("/reasons", "/alarms", "/board/lists/holds"), path
                continue
            text = answer.text.partition("</header>")[2] or answer.text
            for secret in (*SECRETS, hold["hold_id"]):
                told = text.replace("complaint, claim or request", "") if one is supervisor else text
                assert secret not in told.replace('value="complaint">complaint', ""), (path, secret)
        assert "/complaints" not in (await one.get("/account")).text
        for path in ("/complaints", f"/complaints/{complaint_id(station.settings.namespace, REFERENCE)}"):
            assert (await one.get(path)).status_code == 403
        holds = (await one.get(f"{ROOT}/clips/{clip}")).json()["holds"]
        assert [(told["reason"], told["placed_at"], told["hold_id"]) for told in holds] == [
            ("kept by the force", None, "")
        ]
        assert (await one.get(f"{ROOT}/clips/{near}")).json()["holds"] == [], "that it was looked at is not told either"
    found = (await browser.get(f"/clips/{clip}")).text
    assert REFERENCE in found and "conduct" in found


async def test_to_an_officer_every_hold_of_their_clip_reads_the_same(station: Station) -> None:
    plain, restricted = (
        await station.stored("PC-100", incident="INC-1"),
        await station.stored("PC-100", incident="INC-2"),
    )
    browser = await standards(station)
    for number, fields in (("1", {}), ("2", {"restricted": "yes"})):
        scope = {"place": "", "since": "", "until": "", "incident": f"INC-{number}"}
        assert (await opened(browser, f"CO/{number}/26", **scope, **fields)).status_code == 200
    officer = await station.signed_in("PC-100", Role.OFFICER)
    said = [(await officer.get(f"{ROOT}/clips/{clip}")).json() for clip in (plain, restricted)]
    assert said[0]["holds"] == said[1]["holds"] and said[0]["holds"][0]["reason"] == "kept by the force"
    assert said[0]["explained"]["holds"] == said[1]["explained"]["holds"]
    assert said[0]["explained"]["says"] == said[1]["explained"]["says"]
    supervisor = await station.signed_in("PS-900", Role.SUPERVISOR)
    await supervisor.send(f"/clips/{plain}/reason", f"/clips/{plain}", reason="a welfare check on the shift")
    assert "CO/1/26" in (await supervisor.get(f"/clips/{plain}")).text, "who lifts it reads what it is"


async def test_the_record_names_no_hold_to_whoever_reads_of_all_of_them_the_same(site: Site) -> None:
    body = HoldRequest("hold-a", "incident", HoldReason.COMPLAINT, "PSD-1", "2026-11-22T12:00:00Z", incident="INC-1")
    accepted = m.HoldAccepted("clip-a", "hold-a", "complaint", site.scene.person.sign(PURPOSES[HoldRequest], body))
    row = {"type": "holds.accepted", "payload": m.encode(accepted), "time": datetime(2026, 11, 22, tzinfo=UTC),
           "source": "/bwv/web/holds", "person": "PSD-1", "verb": "alteration", "category": None, "index": 1,
           "event_id": "evt-a"}  # fmt: skip
    [named], [same] = moments([row]), moments([row], holds={HoldReason.CASE})
    assert (named.who, "complaint (hold-a)" in named.what) == ("PSD-1", True)
    assert (same.who, same.what) == ("the force", "kept by the force: protected from now on")


def test_several_holds_that_are_not_named_read_as_one(site: Site) -> None:
    def row(kind: str, hold: str) -> dict[str, object]:
        body = HoldRequest(hold, "incident", HoldReason.CONDUCT, "PSD-1", "2026-11-22T12:00:00Z", incident="INC-1",
                           restricted=True)  # fmt: skip
        signed = site.scene.person.sign(PURPOSES[HoldRequest], body)
        told = {
            "holds.accepted": m.HoldAccepted("clip-a", hold, "conduct", signed),
            "holds.placed": m.HoldPlaced("clip-a", hold, "conduct", 3),
            "holds.cleared": m.HoldCleared("clip-a", hold, "conduct", "outside"),
            "holds.refused": m.HoldRefused("clip-a", hold, "conduct", "too late"),
            "holds.lifted": m.HoldLifted("clip-a", hold, "conduct", ()),
        }
        return {"type": kind, "payload": m.encode(told[kind]), "time": datetime(2026, 11, 22, tzinfo=UTC),
                "source": "/bwv/web/holds", "person": None, "verb": "alteration", "category": None, "index": 1,
                "event_id": "evt-a"}  # fmt: skip

    def read(*rows: dict[str, object]) -> list[str]:
        return [one.type.removeprefix("holds.") for one in moments(rows)]

    a = [row(f"holds.{kind}", "hold-a") for kind in ("accepted", "placed", "lifted")]
    b = [row(f"holds.{kind}", "hold-b") for kind in ("accepted", "placed", "lifted")]
    assert read(*a[:2]) == read(*a[:2], *b[:2]) == read(*a[:2], *b) == ["accepted", "placed"], "not how many"
    assert read(*a[:2], *b[:2], a[2], b[2]) == read(*a) == ["accepted", "placed", "lifted"], "nor which ended first"
    assert read(*a, *b[:2]) == ["accepted", "placed", "lifted", "accepted", "placed"]
    assert read(row("holds.cleared", "hold-c"), row("holds.refused", "hold-d")) == []
    for what, told in (("hold hold-e", []), ("early disposal", ["requests.refused"])):
        refused = m.RequestRefused("evt-1", what, "PSD-1", "not whole", "ask again", "clip-a")
        assert read(row("holds.placed", "hold-e") | {"type": "requests.refused", "payload": m.encode(refused)}) == told
    erased = [one | {"payload": None} for one in (*a, *b)]
    assert len(read(*erased)) == 6, "of a deleted clip each hold has its end"


async def test_ones_own_clip_tells_professional_standards_no_more_than_anybody(station: Station) -> None:
    clip = await station.stored("PSD-9")
    assert (await opened(await standards(station), restricted="yes")).status_code == 200
    theirs, colleague = await standards(station, "PSD-9"), await standards(station)
    page = (await theirs.get(f"/clips/{clip}")).text
    assert REFERENCE not in page and "kept by the force" in page
    # nor do the pages of professional standards: neither the complaint, nor who looks at the clip for it
    about = complaint_id(station.settings.namespace, REFERENCE)
    await colleague.send(f"/clips/{clip}/reason", f"/clips/{clip}", reason=f"allegation {REFERENCE}")
    await station.settle()
    for path, told in (("/complaints", 200), (f"/complaints/{about}", 200), ("/reasons", 200)):
        assert REFERENCE in (await colleague.get(path)).text, path
        answer = await theirs.get(path)
        assert REFERENCE not in answer.text and answer.status_code == (404 if about in path else told), path
    for path in (f"/complaints/{about}/receipt", f"/complaints?find={REFERENCE}"):
        assert (await theirs.get(path)).status_code == 404


async def test_a_supervisor_cannot_tell_a_restricted_hold_from_one_that_is_not_theirs(station: Station) -> None:
    clips = [await station.stored("PC-100", incident=f"INC-{number}") for number in (1, 2)]
    await station.enrolled("RM-1")
    records = await station.signed_in("RM-1", Role.RECORDS)
    answer = await records.send(f"/clips/{clips[0]}/holds", f"/clips/{clips[0]}", why="foi", reference="FOI/1/26")
    assert answer.status_code == 200, answer.text
    scope = {"place": "", "since": "", "until": "", "incident": "INC-2"}
    assert (await opened(await standards(station), restricted="yes", **scope)).status_code == 200
    for person, role in (("PS-900", Role.SUPERVISOR), ("AU-1", Role.AUDITOR), ("DF-1", Role.DISCLOSURE)):
        browser = await station.signed_in(person, role)
        said = []
        for clip in clips:
            await browser.send(f"/clips/{clip}/reason", f"/clips/{clip}", reason="a welfare check on the shift")
            told = (await browser.get(f"{ROOT}/clips/{clip}")).json()
            held = [line["what"] for line in told["timeline"] if line["type"].startswith("holds.")]
            said.append((told["holds"], told["explained"]["holds"], told["explained"]["says"], held))
        assert said[0] == said[1] and said[0][0][0]["reason"] == "kept by the force", role
    assert "FOI/1/26" in (await records.get(f"/clips/{clips[0]}")).text
