"""Whose clip it is: who held the camera when it recorded, nobody if nobody is known, and a person's correction."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from local.sample import Camera
from tests.pipeline.pipeline import Pipeline, opened

pytestmark = pytest.mark.stack


def record_now(camera: Camera) -> str:
    """A recording that begins now; its id."""
    draft = camera.folder.with_name(f"{camera.name}.mp4")
    draft.write_bytes(f"{camera.name} {camera.sequence}".encode() * 100)
    now = datetime.now(UTC).isoformat()
    return camera.record(draft, started=now, ended=now).recording


async def test_a_clip_is_the_officers_who_held_the_camera_when_it_recorded(system: Pipeline) -> None:
    camera = system.camera("OFF-0001")
    await system.enrol("OFF-0001")
    before = record_now(camera)
    await system.done("cameras", "issue", "OFF-0001", "PC-4711")
    during = record_now(camera)
    await system.done("cameras", "return", "OFF-0001", "PC-4711")
    after = record_now(camera)
    await system.done("cameras", "issue", "OFF-0001", "PC-2203")
    system.dock(camera, "BAY-OFF-1")
    assert set((await system.settled(camera)).values()) == {"wiped"}

    async def officers() -> dict[str, str | None] | None:
        rows = await system.sql(
            "SELECT recording, officer FROM clips JOIN clip_officers USING (clip_id) WHERE camera = 'OFF-0001'"
        )
        known = await system.sql("SELECT 1 FROM camera_holders WHERE camera = 'OFF-0001'")
        return {r["recording"]: r["officer"] for r in rows} if len(rows) == len(known) == 3 else None

    found = await system.until(officers, "the catalogue to know three clips and three hand-overs")
    assert found == {before: None, during: "PC-4711", after: None}
    assert "officer unknown" in (await system.done("trace", f"OFF-0001/{after}")).out
    [listed] = [c for c in (await system.done("cameras", "list", "--json")).json if c["camera"] == "OFF-0001"]
    assert listed["officer"] == "PC-2203", "who holds it now"


async def test_a_person_corrects_whose_clip_it_is_and_the_past_stays(system: Pipeline) -> None:
    camera = system.camera("OFF-0002")
    await system.enrol("OFF-0002")
    await system.done("cameras", "issue", "OFF-0002", "PC-1001")
    recording = record_now(camera)
    system.dock(camera, "BAY-OFF-2")
    await system.settled(camera)
    clip = f"OFF-0002/{recording}"

    async def facts() -> dict[str, object] | None:
        told = (await system.done("trace", clip, "--json")).json["clip"]
        return told if told["officer"] and told["probe"] else None

    first = await system.until(facts, "the catalogue to know the officer, and what the clip holds")
    assert first["officer"] == "PC-1001"

    await system.done("attribute", clip, "PC-1002", "--reason", "they swapped cameras")
    await system.done("attribute", clip, "PC-1003", "--reason", "no, with the third")

    told = (await system.done("trace", clip, "--json")).json
    assert told["clip"] | {"officer": None} == first | {"officer": None}, "what the camera recorded stays"
    assert told["clip"]["officer"] == "PC-1003", "the newest correction counts"
    said = [m for m in told["timeline"] if m["type"] == "clips.attributed"]
    assert [(m["who"], m["verb"]) for m in said] == [("ADMIN", "alteration")] * 2
    assert "they swapped cameras" in said[0]["what"]
    [signed] = [opened(x["attribution"]) for x in await system.told("clips.attributed", "clip_id", first["clip_id"])][
        :1
    ]
    assert (signed["officer"], signed["by"]) == ("PC-1002", "ADMIN")
    [issue] = await system.sql("SELECT officer FROM camera_holders WHERE camera = 'OFF-0002'")
    assert issue["officer"] == "PC-1001"
