"""From the bay to the receipt: each kind of device, event logs, and recordings that power loss cut off."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from local.ffmpeg import find_ffmpeg
from local.sample import Camera, encode
from tests.pipeline.pipeline import Pipeline
from workers.footage.recording import Sidecar, SourceType
from workers.vault.keys import attempt_keys

pytestmark = pytest.mark.stack


async def stored(system: Pipeline, row: dict[str, object]) -> bytes:
    """What lies in the vault for a clip, read with verification's credentials by version id."""
    key = attempt_keys(system.settings.namespace, str(row["clip_id"]), 1).footage

    def read() -> bytes:
        return system.vault("verification").get_small(key, str(row["verified_version"]), limit=64 << 20)

    return await asyncio.to_thread(read)


async def shoot(camera: Camera, seconds: float = 2) -> Sidecar:
    """Encode a real recording and let the camera take it."""
    draft = camera.folder.with_name(f"{camera.name}.mp4")
    await asyncio.to_thread(
        encode, find_ffmpeg().ffmpeg, draft, camera.source, seconds=seconds, bits_per_second=1_000_000
    )
    return camera.record(draft)


@pytest.mark.parametrize("source", list(SourceType))
async def test_a_real_recording_of_each_kind_of_device_is_stored_verified_and_wiped(
    system: Pipeline, source: SourceType
) -> None:
    name = f"ING-{source.name.replace('_', '-')}"
    camera = system.camera(name, source)
    said = await shoot(camera)
    await system.enrol(name)
    system.dock(camera, "BAY-ING-1")

    assert await system.settled(camera) == {said.recording: "wiped"}
    assert [path.name for path in camera.folder.iterdir()] == [".dock"]
    [row] = await system.clips(name)
    assert hashlib.sha256(await stored(system, row)).hexdigest() == said.sha256

    async def probed() -> dict[str, object] | None:
        clips = "SELECT * FROM clips WHERE clip_id = %s AND probe IS NOT NULL AND wiped_at IS NOT NULL"
        found = await system.sql(clips, row["clip_id"])
        return found[0] if found else None

    clip = await system.until(probed, "the catalogue to know the clip and what ffprobe found")
    assert (clip["source_type"], clip["kind"], clip["incomplete"]) == (source.value, "footage", False)
    assert clip["probe"]["readable"] and clip["probe"]["duration"] == pytest.approx(2, abs=0.2)  # type: ignore[index]


async def test_an_event_log_is_evidence_like_footage(system: Pipeline) -> None:
    camera = system.camera("ING-LOG")
    said = camera.log("power on", "record", "mute", "stop")
    await system.enrol("ING-LOG")
    system.dock(camera, "BAY-ING-2")

    assert await system.settled(camera) == {said.recording: "wiped"}
    [row] = await system.clips("ING-LOG")
    assert (await stored(system, row)).count(b'"event"') == 4
    facts = (await system.known(row["clip_id"]))["clip"]
    assert facts["kind"] == "event_log"


async def test_a_recording_cut_off_by_power_loss_is_stored_verified_wiped_and_marked_incomplete(
    system: Pipeline,
) -> None:
    camera = system.camera("ING-CUT")
    draft = camera.folder.with_name("whole.mp4")
    await asyncio.to_thread(encode, find_ffmpeg().ffmpeg, draft, camera.source, seconds=2, bits_per_second=1_000_000)
    footage = draft.read_bytes()
    footage = footage[: len(footage) * 3 // 5]
    draft.write_bytes(footage)
    # The camera never wrote an end time and had no time to compute a digest.
    said = camera.record(draft, incomplete=True, ended=None, sha256=None)
    await system.enrol("ING-CUT")
    system.dock(camera, "BAY-ING-3")

    assert await system.settled(camera) == {said.recording: "wiped"}
    [row] = await system.clips("ING-CUT")
    assert await stored(system, row) == footage
    told = await system.known(row["clip_id"])
    assert told["clip"]["incomplete"] is True
    assert any("cut off by power loss" in moment["what"] for moment in told["timeline"])
