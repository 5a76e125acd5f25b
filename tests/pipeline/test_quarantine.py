"""Bytes that are not the declared ones: kept apart and visible, until a person decides."""

from __future__ import annotations

import hashlib
import os

import pytest

from local.sample import sha256_of
from tests.pipeline.pipeline import Pipeline, opened

pytestmark = pytest.mark.stack

WRONG = hashlib.sha256(b"what the camera says that it recorded").hexdigest()


async def quarantined(system: Pipeline, name: str, bay: str) -> tuple[dict[str, object], str]:
    """Dock a camera whose only recording is not what it declares: the clip's row, the digest of its bytes."""
    camera = system.filled(name, [200_000], sha256=WRONG)
    [footage] = camera.folder.glob("*.mp4")
    real = sha256_of(footage)
    await system.enrol(name)
    system.dock(camera, bay)
    [row] = await system.has_clips(name, 1, standing="quarantined")
    return row, real


async def test_a_recording_that_is_not_what_it_declares_is_shown_with_both_digests(system: Pipeline) -> None:
    row, real = await quarantined(system, "QUA-0001", "BAY-QUA-1")
    clip = str(row["clip_id"])

    shown = (await system.done("quarantine", "show", clip)).out
    assert WRONG in shown and real in shown
    assert f"bwv quarantine decide {clip}" in shown
    details = (await system.done("quarantine", "show", clip, "--json")).json["quarantine"]
    assert (details["expected_sha256"], details["found_sha256"]) == (WRONG, real)
    listed = (await system.done("quarantine", "list", "--json")).json
    assert clip in {item["clip_id"] for item in listed}

    await system.shows("QUA-0001", str(row["recording"]), "quarantined", "a person")
    [line] = await system.lines("QUA-0001")
    assert (line.standing, line.on_camera, line.settled) == ("quarantined", True, True)
    assert "not the declared" in line.reason


async def test_bytes_that_are_kept_apart_stay_on_the_camera_and_the_decision_stands(system: Pipeline) -> None:
    row, _ = await quarantined(system, "QUA-0002", "BAY-QUA-2")
    clip = str(row["clip_id"])

    await system.done("quarantine", "decide", clip, "keep", "--reason", "the camera is to be examined")

    await system.shows("QUA-0002", str(row["recording"]), "quarantined", "decided to keep them apart")
    assert list(system.place("BAY-QUA-2", "QUA-0002").glob("*.mp4"))
    [row] = await system.clips("QUA-0002")
    assert (row["standing"], row["receipt"]) == ("quarantined", None)
    assert opened(row["decision"])["accept"] is False
    again = await system.bwv("quarantine", "decide", clip, "accept", "--reason", "changed my mind")
    assert again.code == 2 and "kept apart by ADMIN" in again.err


async def test_accepted_bytes_are_verified_against_the_digest_that_the_person_signed(system: Pipeline) -> None:
    row, real = await quarantined(system, "QUA-0003", "BAY-QUA-3")

    await system.done("quarantine", "decide", str(row["clip_id"]), "accept", "--reason", "the sidecar is wrong")

    await is_wiped_by_decision(system, "QUA-0003", str(row["clip_id"]), real)
    [line] = await system.lines("QUA-0003")
    assert (line.standing, line.on_camera) == ("wiped", False)


async def test_the_same_recording_with_other_bytes_is_a_conflict_that_a_person_may_accept(system: Pipeline) -> None:
    camera = system.filled("QUA-0004", [100_000])
    await system.enrol("QUA-0004")
    system.dock(camera, "BAY-QUA-4")
    [(recording, standing)] = (await system.settled(camera)).items()
    assert standing == "wiped"
    await system.undock(camera)
    camera.sequence = 0  # the camera counts from the beginning again
    draft = camera.folder.with_name("other.mp4")
    draft.write_bytes(os.urandom(120_000))
    other = camera.record(draft)
    assert other.recording == recording

    system.dock(camera, "BAY-QUA-4")
    [first, second] = await system.has_clips("QUA-0004", 2)
    [second] = await system.has_clips("QUA-0004", 1, standing="quarantined")
    assert second["conflict_with"] == first["clip_id"]
    await system.shows("QUA-0004", recording, "quarantined")
    assert sorted((x.standing, x.on_camera) for x in await system.lines("QUA-0004")) == [
        ("quarantined", True),
        ("wiped", False),
    ]
    assert (await system.done("ledger", "QUA-0004", "--json")).json["adds_up"]

    await system.done("quarantine", "decide", second["clip_id"], "accept", "--reason", "two patrols, one name")

    await is_wiped_by_decision(system, "QUA-0004", second["clip_id"], str(other.sha256))
    assert [(x.standing, x.on_camera) for x in await system.lines("QUA-0004")] == [("wiped", False)] * 2
    assert not list(camera.folder.glob("*.mp4"))


async def is_wiped_by_decision(system: Pipeline, camera: str, quarantined_clip: str, sha256: str) -> None:
    """Wait until the accepted bytes are wiped; their proof and their receipt must name the person's decision."""

    async def wiped() -> dict[str, object] | None:
        rows = [r for r in await system.clips(camera) if r["declaration"] and r["camera_copy"] == "wiped"]
        return rows[0] if rows else None

    row = await system.until(wiped, f"the accepted bytes of {camera} to be wiped")
    assert row["clip_id"] != quarantined_clip
    decision = opened(row["declaration"])
    assert (decision["clip_id"], decision["sha256"], decision["by"]) == (quarantined_clip, sha256, "ADMIN")
    receipt = opened(row["receipt"])
    assert receipt["sha256"] == sha256
    assert receipt["decision"] == hashlib.sha256(row["declaration"]["body"].encode()).hexdigest()

    async def proved() -> list[dict[str, object]]:
        return await system.told("clips.verified", "clip_id", str(row["clip_id"]))

    [verified] = await system.some(proved, "the record of the proof")
    assert verified["sha256"] == sha256
    moments = (await system.done("trace", str(row["clip_id"]), "--json")).json["timeline"]
    assert any("declared a second time by a person" in moment["what"] for moment in moments)
