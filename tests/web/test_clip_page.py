"""The page of a clip: what was made from it, its holds, why it was kept on a day of the past, and its proof."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from console.web.consulting import PAUSE, Looks
from console.web.pages.clip_page import past_day
from console.web.pages.clip_roles import PLACES, may_lift, reasons_for
from console.web.people import Person, Role
from console.web.playing import captions, unplayable
from streams import messages as m
from streams.topics import BY_NAME
from tests.custody.logs import Sealed, grow
from tests.prosecution.disclosed import case, exhibit
from tests.web.site import Browser, Site
from workers.custody import bwv_verify
from workers.custody.keys import load_signers, new_key
from workers.database.engine import Database
from workers.keys.statements import PURPOSES
from workers.prosecution.cases.rows import store
from workers.prosecution.statements import DerivativeOrder
from workers.retention.facts import HoldReason
from workers.retention.hold_queries import STATES, Listed
from workers.retention.statements import HoldLift, HoldRequest

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PICTURE = bytes(range(200))


async def made_from(site: Site, clip: str, kind: str = "playback") -> str:
    """A derivative that lies in the vault."""
    name, key = f"derivative-{clip[5:]}", f"derivatives/{clip}/media"
    version = site.vault.put_new(key, PICTURE, lock_until=None)
    await site.database.execute(
        "INSERT INTO derivatives (derivative_id, clip_id, kind, state, sha256, size, media_type, key, version_id,"
        " requested_by) VALUES (%s, %s, %s, 'made', %s, %s, 'video/mp4', %s, %s, 'PC-100')",
        (name, clip, kind, "ab" * 32, len(PICTURE), key, version.version_id),
    )
    return name


async def test_what_was_made_from_a_clip_is_seen_by_whoever_may_play_it(site: Site) -> None:
    clip, other = await site.clip("PC-100"), await site.clip("PC-200")
    name = await made_from(site, clip)
    browser, stranger = await site.signed_in("PC-100", Role.OFFICER), await site.signed_in("PC-300", Role.OFFICER)
    assert f"/clips/{clip}/derivatives/{name}" in (await browser.get(f"/clips/{clip}")).text
    part = await browser.get(f"/clips/{clip}/derivatives/{name}", range="bytes=10-19")
    assert (part.status_code, part.content) == (206, PICTURE[10:20])
    assert [(look.what, look.part) for look in site.consulted()] == [("look", None), ("play", name)]
    assert (await stranger.get(f"/clips/{clip}/derivatives/{name}")).status_code == 403
    assert (await browser.get(f"/clips/{other}/derivatives/{name}")).status_code == 403, "not by another clip's door"
    await site.viewing(clip, "lock")
    assert (await browser.get(f"/clips/{clip}/derivatives/{name}")).status_code == 403
    assert (await browser.get(f"/clips/{clip}/track")).status_code == 403


async def test_a_playback_copy_is_ordered_where_a_browser_may_not_play_it(site: Site) -> None:
    clip = await site.clip("PC-100", media_type="video/x-msvideo")
    browser = await site.signed_in("PC-100", Role.OFFICER)
    page = (await browser.get(f"/clips/{clip}")).text
    assert "browsers do not play video/x-msvideo" in page and "Order a playback copy" in page
    assert "bwv keys new person PC-100" in (await browser.send(f"/clips/{clip}/playback", f"/clips/{clip}")).text
    key = site.key("PC-100")
    site.answers = "is ordered"
    ordered = await browser.send(f"/clips/{clip}/playback", f"/clips/{clip}")
    assert ordered.status_code == 200 and f"{clip} is ordered" in ordered.text
    [asked] = [one for one in site.told if one.topic == "derivatives.requested"]
    signed = m.decode(asked.body, m.DerivativeRequested).order
    order = msgspec.json.decode(signed.body, type=DerivativeOrder)
    assert (order.clip_id, order.kind, order.by, order.start) == (clip, "playback", "PC-100", None)
    assert signed == key.sign(PURPOSES[DerivativeOrder], order)


async def test_a_hold_is_placed_with_ones_own_signature_for_the_reasons_of_ones_role(site: Site) -> None:
    clip = await site.clip("PC-100")
    records = await site.signed_in("RM-1", Role.RECORDS)
    site.key("RM-1")
    site.answers = "is protected"
    wanted = {"why": "complaint", "reference": "CO/1/26", "restricted": "yes"}
    placed = await records.send(f"/clips/{clip}/holds", f"/clips/{clip}", **wanted)
    assert placed.status_code == 200 and "is protected" in placed.text
    asked = [one for one in site.told if one.topic == "holds.requested"]
    [request] = [msgspec.json.decode(m.decode(one.body, m.HoldRequested).request.body, type=HoldRequest)
                 for one in asked]  # fmt: skip
    assert (request.scope, request.reason, request.by, request.clip_id) == ("clip", "complaint", "RM-1", clip)
    assert request.restricted and request.reference == "CO/1/26"
    for wrong in ({"why": "case"}, {"why": "restored"}, {"why": ""}):
        assert (await records.send(f"/clips/{clip}/holds", f"/clips/{clip}", **wrong)).status_code == 403
    supervisor = await site.signed_in("PS-900", Role.SUPERVISOR)
    clip = await site.clip("PS-900")
    assert (await supervisor.send(f"/clips/{clip}/holds", f"/clips/{clip}", why="foi")).status_code == 403
    assert len([one for one in site.told if one.topic == "holds.requested"]) == 1


async def held(site: Site, clip: str, reason: str, *, restricted: bool = False, by: str = "RM-9") -> str:
    """A hold of this clip, as the holds stage writes it."""
    hold = f"hold-{clip[5:]}"
    body = HoldRequest(hold, "clip", HoldReason(reason), by, "2026-11-22T12:00:00Z", clip, restricted=restricted)
    request = msgspec.json.encode(site.scene.person.sign(PURPOSES[HoldRequest], body)).decode()
    await site.database.execute(
        "INSERT INTO holds (hold_id, scope, reason, restricted, request, placed_by, placed_at, clip_id)"
        " VALUES (%s, 'clip', %s, %s, %s, %s, now(), %s)",
        (hold, reason, restricted, request, by, clip),
    )
    await site.database.execute("INSERT INTO hold_clips VALUES (%s, %s, 'active', 'there')", (hold, clip))
    return hold


async def test_a_lift_is_asked_for_by_who_may_and_a_restricted_hold_is_nobodys(site: Site) -> None:
    clip, kept = await site.clip("PS-900"), await site.clip("PS-900")
    hold, secret = await held(site, clip, "complaint"), await held(site, kept, "conduct", restricted=True)
    supervisor = await site.signed_in("PS-900", Role.SUPERVISOR)
    site.key("PS-900")
    site.answers = "waits for another person"
    page = (await supervisor.get(f"/clips/{kept}")).text
    assert "kept by the force" in page and "conduct" not in page
    refused = await supervisor.send(f"/clips/{kept}/holds/{secret}", f"/clips/{kept}", why="no longer needed")
    assert refused.status_code == 404 and not [one for one in site.told if one.source == "person"]
    assert (await supervisor.send(f"/clips/{clip}/holds/{hold}", f"/clips/{clip}", why="")).status_code == 400
    assert (await supervisor.send(f"/clips/{clip}/holds/{secret}", f"/clips/{clip}", why="why")).status_code == 404
    asked = await supervisor.send(f"/clips/{clip}/holds/{hold}", f"/clips/{clip}", why="its review is over")
    assert asked.status_code == 200 and "waits for another person" in asked.text
    [one] = [one for one in site.told if one.source == "person"]
    lift = msgspec.json.decode(m.decode(one.body, m.HoldLiftRequested).lift.body, type=HoldLift)
    assert (lift.hold_id, lift.by, lift.reason, lift.same_incident) == (hold, "PS-900", "its review is over", None)


async def test_the_question_of_the_same_incident_is_answered_yes_or_no(site: Site) -> None:
    clip = await site.clip("PS-900")
    hold = await held(site, clip, "same-incident")
    supervisor = await site.signed_in("PS-900", Role.SUPERVISOR)
    site.key("PS-900")
    site.answers = "falls under it"
    assert (await supervisor.send(f"/clips/{clip}/holds/{hold}", f"/clips/{clip}", why="seen")).status_code == 400
    await supervisor.send(f"/clips/{clip}/holds/{hold}", f"/clips/{clip}", why="seen", same="yes")
    [one] = [one for one in site.told if one.source == "person"]
    assert msgspec.json.decode(m.decode(one.body, m.HoldLiftRequested).lift.body, type=HoldLift).same_incident is True


def listed(reason: str, by: str = "RM-9", lifted: datetime | None = None) -> Listed:
    return Listed("hold-a", reason, reason, by, NOON, None, False, None, None, False, lifted, (),
                  dict.fromkeys(STATES, 0))  # fmt: skip


@pytest.mark.parametrize("role", list(Role))
def test_who_places_and_lifts_which_holds(role: Role) -> None:
    person = Person("PC-1", "N", (role,))
    assert set(reasons_for(person)) == PLACES.get(role, frozenset())
    assert not {HoldReason.CASE, HoldReason.SAME_INCIDENT, HoldReason.RESTORED} & set(reasons_for(person))
    assert not may_lift(person, listed("kept by the force")) and not may_lift(person, listed("case"))
    assert not may_lift(person, listed("complaint", lifted=NOON))
    assert may_lift(person, listed("complaint")) == (role in (Role.RECORDS, Role.STANDARDS, Role.SUPERVISOR))
    assert may_lift(person, listed("manual")) == (role is Role.RECORDS)
    assert may_lift(person, listed("manual", by="PC-1"))


# -- its record --------------------------------------------------------------------------------------------


@pytest.fixture
async def logged(site: Site) -> AsyncIterator[Site]:
    """A board whose events stand in the custody log too, sealed with the force's own key."""
    await emptied(site.database)
    yield site
    await emptied(site.database)


async def emptied(database: Database) -> None:
    for table in ("custody", "custody_tiles", "custody_seals", "record_offsets"):
        await database.execute(f"TRUNCATE {table}")
    await database.execute("UPDATE custody_head SET size = 0")


async def seal(site: Site) -> None:
    """Everything that was recorded so far, in the log and sealed."""
    folder = site.settings.keys / "custody"
    if not folder.exists():
        new_key(folder, "first", site.settings.origin)
    read = [msgspec.structs.replace(one, verb=BY_NAME[one.topic].verb, partition=number, offset=0,
                                     source=f"/bwv/{site.settings.namespace}/{one.source}")
            for number, one in enumerate(site.recorded)]  # fmt: skip
    await grow(site.database, read)
    [key] = load_signers(folder, site.settings.origin)
    sealed = Sealed(site.database, key=key)
    sealed.sealer.origin = site.settings.origin
    await sealed.seal()


async def proof_of(browser: Browser, clip: str) -> dict[str, bytes]:
    answer = await browser.get(f"/clips/{clip}/proof")
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


async def test_the_proof_is_taken_away_without_what_its_bearer_must_not_learn(logged: Site) -> None:
    site, clip = logged, await logged.clip("PC-200")
    standards, records = await site.signed_in("PSD-1", Role.STANDARDS), await site.signed_in("RM-1", Role.RECORDS)
    auditor, officer = await site.signed_in("AU-1", Role.AUDITOR), await site.signed_in("PC-200", Role.OFFICER)
    hold = HoldRequest("hold-a", "clip", HoldReason.CONDUCT, "PSD-2", "2026-11-22T12:00:00Z", clip, restricted=True)
    accepted = m.HoldAccepted(clip, "hold-a", "conduct", site.scene.person.sign(PURPOSES[HoldRequest], hold))
    await site.record(m.event("holds.accepted", accepted, key=clip, subject=clip, source="holds", cause=("a",)))
    await standards.get(f"/clips/{clip}")
    await records.get(f"/clips/{clip}")
    assert (await records.get(f"/clips/{clip}/proof")).status_code == 409, "nothing is sealed yet"
    await seal(site)
    assert (await officer.get(f"/clips/{clip}/proof")).status_code == 403

    for browser, names in ((standards, {"PSD-1", "conduct"}), (records, {"conduct"}), (auditor, set[str]())):
        files = await proof_of(browser, clip)
        keys = bwv_verify.read_keys(files["keys.txt"].decode().splitlines())
        export = {name[6:]: data for name, data in files.items() if name.startswith("proof/")}
        assert bwv_verify.check_export(export, keys).clip_id == clip
        entries = msgspec.json.decode(export[bwv_verify.PROOF])["entries"]
        told = " ".join(base64.b64decode(entry["payload"]).decode() for entry in entries)
        assert "RM-1" in told and {name for name in ("PSD-1", "conduct") if name in told} == names
        assert clip in files["README.txt"].decode() and b"def check_export" in files["bwv_verify.py"]
    assert ("fetch", "work", None) in site.looks()


async def test_the_record_names_the_verbs_and_hides_looks_of_professional_standards(logged: Site) -> None:
    site, clip = logged, await logged.clip("PC-200")
    standards, officer = await site.signed_in("PSD-1", Role.STANDARDS), await site.signed_in("PC-200", Role.OFFICER)
    await standards.get(f"/clips/{clip}")
    await officer.get(f"/clips/{clip}/media")
    began = datetime.now(UTC)
    await seal(site)
    shown, theirs = (await officer.get(f"/clips/{clip}")).text, (await standards.get(f"/clips/{clip}")).text
    assert "<td>collection</td>" in shown and "<td>consultation</td><td>PC-200 played it" in shown
    assert "PSD-1" not in shown.partition("</header>")[2] and "PSD-1 looked at its record" in theirs
    assert any(f"{at:%Y-%m-%d}" in shown for at in (began, datetime.now(UTC)))
    assert "2 of 2 entries are sealed" in shown and "3 of 3 entries are sealed" in theirs


async def test_it_is_explained_as_it_was_on_any_day_that_has_come(logged: Site) -> None:
    site, clip = logged, await logged.clip("PC-200")
    browser = await site.signed_in("PC-200", Role.OFFICER)
    await seal(site)
    assert "Why it is kept" in (await browser.get(f"/clips/{clip}")).text
    then = (await browser.get(f"/clips/{clip}?at=2020-02-29")).text
    assert "On 29 February 2020 it was not there yet" in then and "nobody had declared this clip" in then
    for odd in ("2999-01-01", "yesterday", "2026-02-30"):
        assert (await browser.get(f"/clips/{clip}?at={odd}")).status_code == 400


def test_a_past_day_ends_with_its_midnight_and_today_now() -> None:
    assert past_day("2026-07-01", NOON) == (datetime(2026, 7, 1, 22, 59, 59, 999999, UTC), "")
    assert past_day("2026-11-22", NOON) == (NOON, "")
    assert past_day("2026-11-23", NOON) == (None, "2026-11-23") and past_day("", NOON) == (None, "")


# -- its player --------------------------------------------------------------------------------------------


async def test_a_pause_ends_a_look_and_what_failed_is_told_again() -> None:
    looks, told = Looks(), list[datetime]()

    async def tell(at: datetime, *, fails: bool = False) -> None:
        async def telling() -> None:
            told.append(at)
            if fails:
                raise ConnectionError

        await looks.tell("key", at, telling)

    with pytest.raises(ConnectionError):
        await tell(NOON, fails=True)
    steps = [timedelta(), timedelta(minutes=9), timedelta(minutes=18), timedelta(minutes=18) + PAUSE]
    for step in steps:
        await tell(NOON + step)
    assert told == [NOON, NOON, NOON + steps[-1]]


@pytest.mark.parametrize(
    ("media_type", "probe", "says"),
    [
        ("video/mp4", None, None),
        ("video/mp4", {"readable": True, "video": {"codec_name": "h264"}, "audio": {"codec_name": "aac"}}, None),
        ("video/mp4", {"readable": True, "video": {"codec_name": "hevc"}}, "its picture is hevc"),
        ("audio/wav", {"readable": True, "audio": {"codec_name": "adpcm_ima_wav"}}, "its sound is adpcm"),
        ("video/mp4", {"readable": False, "reason": "moov atom not found"}, "moov atom not found"),
        ("video/mp2t", None, "browsers do not play video/mp2t"),
        (None, None, "unknown kind"),
    ],
)
def test_what_a_browser_does_not_play_is_told(
    media_type: str | None, probe: dict[str, object] | None, says: str | None
) -> None:
    found = unplayable(media_type, probe)
    assert found is None if says is None else says in str(found)


def test_captions_show_the_local_time_and_where_there_is_no_sound() -> None:
    summer = datetime(2026, 7, 1, 12, 0, 5, tzinfo=UTC)
    text = captions(summer, 25.0, {"seconds": 12.5, "sound": False}, incomplete=True)
    assert text.startswith("WEBVTT\n\n")
    cues = re.findall(r"(\S+) --> (\S+)\n(.+)\n", text)
    assert cues == [
        ("00:00:00.000", "00:00:10.000", "1 July 2026, 13:00:05 BST"),
        ("00:00:00.000", "00:00:12.500", "[no sound: kept by the camera from before record was pressed]"),
        ("00:00:10.000", "00:00:20.000", "1 July 2026, 13:00:15 BST"),
        ("00:00:20.000", "00:00:25.000", "1 July 2026, 13:00:25 BST"),
        ("00:00:22.000", "00:00:25.000", "[cut off here, as by a loss of power]"),
    ]
    assert captions(None, None, {"seconds": 30.0, "sound": True}) == "WEBVTT\n"


# -- its cases ---------------------------------------------------------------------------------------------


async def test_a_case_is_named_to_those_who_see_it_and_the_statement_to_the_clips_officer(site: Site) -> None:
    clip = await site.clip("PC-100")
    of = case(exhibits=(exhibit(clip=clip),))
    async with site.database.transaction() as connection:
        await store(connection, of)
    manifest = {"items": [{"clip_id": clip, "reference": "UNUSED/3"}]}
    await site.database.execute(
        "INSERT INTO submissions (submission_id, case_id, urn, purpose, recipient, state, ordered, items, manifest,"
        " urgent, requested_at) VALUES ('submission-1', %s, %s, 'charge', 'cps', 'sent', '{}', 1, %s, false, now())",
        (of.case_id, of.urn, msgspec.json.encode(manifest).decode()),
    )
    mg11, title, link, sent = "I produce body-worn video", of.title, f"/cases/{of.case_id}", "UNUSED/3, sent"
    for person, role, seen in (
        ("PC-100", Role.OFFICER, {mg11, title}), ("CPU-1", Role.PROSECUTION, {mg11, title, link, sent}),
        ("OPS-1", Role.OPERATOR, {link, sent}), ("PS-900", Role.SUPERVISOR, set[str]()),
    ):  # fmt: skip
        browser = await site.signed_in(person, role)
        if (await browser.get(f"/clips/{clip}")).status_code == 403:
            await browser.send(f"/clips/{clip}/reason", f"/clips/{clip}", reason="asked by the review officer")
        page = (await browser.get(f"/clips/{clip}")).text
        assert {words for words in (mg11, title, link, sent) if words in page} == seen, person
