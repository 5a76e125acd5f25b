"""A recording that comes back after its clip was disposed of: the old receipt, or a person, and never new bytes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from local.sample import Camera
from tests.pipeline.pipeline import Pipeline
from workers.footage.certificate import Certificate
from workers.footage.clip import clip_id
from workers.footage.receipt import Receipt, StoredCopy
from workers.keys.signing import Role, Signer
from workers.keys.statements import PURPOSES
from workers.vault.keys import certificate_key

pytestmark = pytest.mark.stack


async def disposed(system: Pipeline, name: str, *, verified: bool) -> tuple[Camera, str]:
    """A camera whose recording's clip was disposed of, as its certificate says; the clip's id."""
    camera = system.camera(name)
    draft = camera.folder.with_name(f"{name}.mp4")
    draft.write_bytes(name.encode() * 1000)
    said = camera.record(draft)
    clip = clip_id(system.settings.namespace, name, said.recording, said.size, said.sha256 or "")
    release = Signer.load(Role.SERVICE, "release", system.settings.keys / "service" / "release.pem")
    copy = StoredCopy("local", f"clips/{clip}/1/footage", "gone")
    receipt = Receipt(clip, name, said.recording, said.size, said.sha256 or "", (copy,), "2026-01-02T03:04:05Z")
    certificate = Certificate(clip, release.sign(PURPOSES[Receipt], receipt) if verified else None)
    body = msgspec.json.encode(certificate)
    key = certificate_key(system.settings.namespace, clip)
    until = datetime.now(UTC) + timedelta(seconds=60)
    await asyncio.to_thread(system.vault("disposal").put_new, key, body, lock_until=until)
    await system.enrol(name)
    return camera, clip


async def test_a_disposed_clip_that_was_verified_gets_its_old_receipt_again(system: Pipeline) -> None:
    camera, clip = await disposed(system, "DIS-0001", verified=True)
    system.dock(camera, "BAY-DIS-1")

    await system.has_clips("DIS-0001", 1, disposal="done", camera_copy="wiped")

    assert not list(camera.folder.glob("*.mp4"))
    assert await system.versions(f"clips/{clip}/") == [], "nothing was stored again"
    assert await system.told("clips.verified", "clip_id", clip) == []
    [line] = await system.lines("DIS-0001")
    assert (line.on_camera, line.settled) == (False, True)


async def test_a_disposed_clip_that_was_never_verified_gets_no_receipt(system: Pipeline) -> None:
    camera, clip = await disposed(system, "DIS-0002", verified=False)
    system.dock(camera, "BAY-DIS-2")

    [row] = await system.has_clips("DIS-0002", 1, disposal="done")
    await system.shows("DIS-0002", row["recording"], "rejected", "before it was ever verified", "a person decides")

    async def told() -> list[dict[str, str]]:
        return await system.sql("SELECT * FROM rejections WHERE camera = 'DIS-0002'")

    rows = await system.some(told, "the rejection's record")
    assert {row["code"] for row in rows} == {"disposed_unverified"}
    assert await system.told("clips.released", "clip_id", clip) == []
    assert list(camera.folder.glob("*.mp4"))
    [line] = await system.lines("DIS-0002")
    assert (line.standing, line.on_camera) == ("disposed", True)
    assert "a person decides" in line.reason
