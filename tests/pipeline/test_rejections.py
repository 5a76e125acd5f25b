"""Reports that nobody vouches for, and cameras that nobody enrolled: rejected with words, mended by a person."""

from __future__ import annotations

import msgspec
import pytest

from streams.messages import UploadReported, encode
from tests.pipeline.broker import caught_up, dead_letter
from tests.pipeline.pipeline import Pipeline, put_into
from workers.footage.recording import Report
from workers.keys.signing import Role, Signed, Signer
from workers.keys.statements import PURPOSES

pytestmark = pytest.mark.stack


async def rejections(system: Pipeline, camera: str, code: str) -> list[dict[str, str]]:
    return await system.sql("SELECT * FROM rejections WHERE camera = %s AND code = %s", camera, code)


async def report_of(system: Pipeline, name: str, bay: str) -> Signed:
    """A true report of a recording that is wiped by now."""
    camera = system.filled(name, [1000])
    await system.enrol(name)
    system.dock(camera, bay)
    await system.settled(camera)
    [row] = await system.clips(name)
    return Signed(**row["report"])


async def is_rejected(system: Pipeline, report: Signed, *words: str) -> None:
    """Publish a report; it must be rejected with these words and lie in the dead letters as it came."""
    body = msgspec.json.decode(report.body, type=Report).recording
    message = UploadReported(body.camera, body.recording, report)
    before = await system.clips(body.camera)
    await system.say("uploads.reported", message, key=body.camera, cause=(report.signature,))

    letter = await dead_letter(system, encode(message))
    assert letter.error == "SignatureInvalid"
    rows = await system.some(lambda: rejections(system, body.camera, "bad_signature"), "the rejection")
    assert any(all(word in row["reason"] for word in words) for row in rows), rows
    assert await system.clips(body.camera) == before


async def test_a_report_whose_words_were_changed_is_rejected(system: Pipeline) -> None:
    report = await report_of(system, "REJ-0001", "BAY-REJ-1")
    changed = Signed(report.body.replace('"sequence":1', '"sequence":2'), report.key, report.signature)
    assert changed.body != report.body
    await is_rejected(system, changed, "signature", "wrong")


async def test_a_report_by_a_key_that_nobody_enrolled_is_rejected(system: Pipeline) -> None:
    report = await report_of(system, "REJ-0002", "BAY-REJ-2")
    body = msgspec.json.decode(report.body, type=Report)
    await is_rejected(system, Signer.new(Role.DOCK, "DOCK-66").sign(PURPOSES[Report], body), "not enrolled")


async def test_a_report_by_a_revoked_key_is_rejected(system: Pipeline) -> None:
    report = await report_of(system, "REJ-0003", "BAY-REJ-3")
    body = msgspec.json.decode(report.body, type=Report)
    await system.done("keys", "new", "dock", "DOCK-67")
    await system.done("keys", "enrol", "dock", "DOCK-67")
    stolen = Signer.load(Role.DOCK, "DOCK-67", system.settings.keys / "dock" / "DOCK-67.pem")
    await system.done("keys", "revoke", stolen.key, "--reason", "the dock was stolen")
    await is_rejected(system, stolen.sign(PURPOSES[Report], body), "revoked")
    again = await system.bwv("keys", "enrol", "dock", "DOCK-67")
    assert again.code == 2 and "revoked" in again.err


async def test_a_dock_that_speaks_for_another_is_rejected(system: Pipeline) -> None:
    report = await report_of(system, "REJ-0004", "BAY-REJ-4")
    body = msgspec.json.decode(report.body, type=Report)  # says DOCK-01
    await system.done("keys", "new", "dock", "DOCK-68")
    await system.done("keys", "enrol", "dock", "DOCK-68")
    other = Signer.load(Role.DOCK, "DOCK-68", system.settings.keys / "dock" / "DOCK-68.pem")
    message = UploadReported("REJ-0004", body.recording.recording, other.sign(PURPOSES[Report], body))
    await system.say("uploads.reported", message, key="REJ-0004", cause=("another's word",))
    [row] = await system.some(lambda: rejections(system, "REJ-0004", "wrong_dock"), "the rejection")
    assert "DOCK-68" in row["reason"]


async def test_a_camera_that_is_enrolled_while_it_stands_in_the_bay_goes_through(system: Pipeline) -> None:
    camera = system.filled("REJ-0005", [1000, 2000])
    system.dock(camera, "BAY-REJ-5")
    recording = f"{camera.began:%Y%m%d}-0001"
    await system.shows("REJ-0005", recording, "rejected", "bwv keys enrol camera REJ-0005")
    rejected = await system.some(lambda: rejections(system, "REJ-0005", "unknown_camera"), "the rejection")
    assert rejected[0]["action"] == "enrol it with: bwv keys enrol camera REJ-0005"
    assert await system.clips("REJ-0005") == []
    assert {line.standing for line in await system.lines("REJ-0005")} <= {"rejected", "unexplained"}

    await system.done("keys", "enrol", "camera", "REJ-0005")

    rows = await system.has_clips("REJ-0005", 2, camera_copy="wiped")
    assert len({row["docking"] for row in rows}) == 1, "it was never docked again"


async def test_a_dock_that_is_enrolled_later_goes_through_once_its_inventory_is_redriven(system: Pipeline) -> None:
    camera = system.filled("REJ-0006", [1000])
    await system.enrol("REJ-0006")
    async with system.another_dock("DOCK-69") as folder:
        put_into(folder, "BAY-REJ-6", camera)
        recording = f"{camera.began:%Y%m%d}-0001"
        await system.shows("REJ-0006", recording, "rejected", "not enrolled")
        [inventory] = await system.some(
            lambda: system.told("cameras.docked", "camera", "REJ-0006"), "the inventory's record"
        )
        letters = (await system.bwv("dead-letters", "list", "--stage", "intake", "--json")).json

        await system.done("keys", "enrol", "dock", "DOCK-69")
        await system.has_clips("REJ-0006", 1, camera_copy="wiped")

    [mine] = [x for x in letters if "DOCK-69" in x["message"] and x["origin_topic"] == "cameras.docked"]
    redriven = await system.done("dead-letters", "redrive", mine["id"])
    assert "cameras.docked" in redriven.out
    await caught_up(system, "intake", "cameras.docked")
    [line] = await system.lines("REJ-0006")
    assert (line.standing, line.on_camera) == ("wiped", False)
    assert inventory["camera"] == "REJ-0006"
    listed = (await system.bwv("dead-letters", "list", "--json")).json
    assert mine["id"] not in {letter["id"] for letter in listed}, "a redriven letter is answered"
