"""A link that is lost in mid-transfer: the camera is docked again anywhere, and goes on from what the vault has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from minio import Minio
from minio.error import S3Error

from local.system import DOCK
from streams.vaults import access_of
from tests.pipeline.pipeline import Pipeline, opened, put_into

pytestmark = pytest.mark.stack

CHUNK = 5 << 20
CHUNKS = 30
LARGE = CHUNKS * CHUNK - 12345
IN_FLIGHT = 3
"""Parts that may have been on their way when the link was lost: two in the transfer's hands, one at the store."""

Parts = dict[int, object]
"""Number of a part → when the store wrote it."""


class Upload:
    """What the store has of the only unfinished upload of a clip."""

    def __init__(self, system: Pipeline, camera: str) -> None:
        access = access_of(system.settings, "transfer")
        host = access.endpoint.removeprefix("http://")
        self._store = Minio(host, access.access_key, access.secret_key, secure=False, region="us-east-1")
        self._system, self._camera, self._bucket = system, camera, access.bucket

    async def parts(self) -> Parts | None:
        """The parts now; None if there is no upload."""
        rows = await self._system.sql(
            "SELECT key, upload_id FROM open_uploads JOIN clip_fate USING (clip_id) WHERE camera = %s", self._camera
        )
        return await asyncio.to_thread(self._parts, rows[0]["key"], rows[0]["upload_id"]) if rows else None

    def _parts(self, key: str, upload: str) -> Parts | None:
        with suppress(S3Error):
            found = self._store._list_parts(self._bucket, key, upload).parts
            return {part.part_number: part.last_modified for part in found}
        return None


async def half_way(system: Pipeline, camera: str, lose: Callable[[], Awaitable[None]]) -> Parts:
    """Wait until some parts are stored, then lose the link while the transfer stands still; what was stored."""
    upload = Upload(system, camera)

    async def interrupted() -> Parts | None:
        with system.frozen("transfer"):
            stored = await upload.parts()
            if not stored or len(stored) < 3:
                return None
            assert len(stored) < CHUNKS - 2 * IN_FLIGHT, "it was too fast to be interrupted"
            await lose()
            return stored

    return await system.until(interrupted, f"the transfer of {camera} to be half way")


async def goes_on(system: Pipeline, camera: str, stored: Parts) -> None:
    """The recording is wiped in the end, and no part that was stored is sent again."""
    upload = Upload(system, camera)
    beyond = max(stored) + IN_FLIGHT

    async def far_beyond() -> Parts | None:
        now = await upload.parts()
        return now if now and max(now) > beyond else None

    # The source is read from its first byte, so whoever is that far has passed every part that was there.
    now = await system.until(far_beyond, f"the transfer of {camera} to go on")
    again = [number for number, written in stored.items() if now.get(number) != written]
    assert again == [], f"{len(again) * CHUNK} bytes of {len(stored) * CHUNK} that were stored are sent again"
    [row] = await system.has_clips(camera, 1, camera_copy="wiped")
    versions = await system.versions(f"clips/{row['clip_id']}/")
    assert len(versions) == 3, "one version a key"
    clip = row["clip_id"]
    await system.some(lambda: system.told("clips.transfer-interrupted", "clip_id", clip), "the record of the loss")
    left = await system.sql("SELECT 1 FROM open_uploads WHERE clip_id = %s", row["clip_id"])
    assert left == []


async def test_a_camera_pulled_out_in_mid_transfer_goes_on_in_another_bay(system: Pipeline) -> None:
    camera = system.filled("INT-0001", [LARGE])
    await system.enrol("INT-0001")
    system.dock(camera, "BAY-INT-1")

    stored = await half_way(system, "INT-0001", lambda: system.undock(camera))
    [row] = await system.has_clips("INT-0001", 1, interrupted=True)
    [line] = await system.lines("INT-0001")
    assert (line.standing, line.on_camera, line.settled) == ("registered", True, False)
    assert "resumes when the camera is docked again" in line.reason
    system.dock(camera, "BAY-INT-2")

    await goes_on(system, "INT-0001", stored)
    [again] = await system.clips("INT-0001")
    assert again["docking"] > row["docking"] and again["attempt"] == 1


async def test_a_dock_that_is_killed_in_mid_transfer_goes_on_by_itself(system: Pipeline) -> None:
    camera = system.filled("INT-0003", [LARGE])
    await system.enrol("INT-0003")
    system.dock(camera, "BAY-INT-3")

    stored = await half_way(system, "INT-0003", lambda: system.kill(DOCK))

    await goes_on(system, "INT-0003", stored)
    [row] = await system.clips("INT-0003")
    assert len(await system.sql("SELECT 1 FROM dockings WHERE camera = 'INT-0003'")) == 1, "the same docking"
    assert row["attempt"] == 1


async def test_a_camera_pulled_out_in_mid_transfer_goes_on_at_another_dock(system: Pipeline) -> None:
    camera = system.filled("INT-0004", [LARGE])
    await system.enrol("INT-0004")
    async with system.another_dock("DOCK-02") as folder:
        await system.done("keys", "enrol", "dock", "DOCK-02")
        system.dock(camera, "BAY-INT-4")

        stored = await half_way(system, "INT-0004", lambda: system.undock(camera))
        put_into(folder, "BAY-02", camera)

        await goes_on(system, "INT-0004", stored)
    docks = await system.sql("SELECT dock FROM dockings WHERE camera = 'INT-0004' ORDER BY docking")
    assert [row["dock"] for row in docks] == ["DOCK-01", "DOCK-02"]
    [wiped] = await system.some(lambda: system.told("clips.wiped", "camera", "INT-0004"), "the record of the wiping")
    assert opened(wiped["wiped"])["dock"] == "DOCK-02"
    assert not list(camera.folder.glob("*.mp4"))
