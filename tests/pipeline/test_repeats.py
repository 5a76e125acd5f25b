"""A repeat is answered and changes nothing."""

from __future__ import annotations

import pytest

from streams.messages import UploadReported
from tests.pipeline.broker import caught_up, dead_letter, everything, send
from tests.pipeline.pipeline import Pipeline, opened
from workers.keys.signing import Signed

pytestmark = pytest.mark.stack


async def receipts(system: Pipeline, clip_id: str) -> list[bytes | None]:
    """Every receipt that was ever published for a clip."""
    return [r.value for r in await everything(system, "clips.released") if r.key == clip_id.encode()]


async def test_a_recording_reported_five_times_is_one_clip_with_one_version_a_key(system: Pipeline) -> None:
    camera = system.filled("REP-0001", [300_000])
    await system.enrol("REP-0001")
    system.dock(camera, "BAY-REP-1")
    [row] = await system.has_clips("REP-0001", 1)
    report = Signed(**row["report"])
    message = UploadReported("REP-0001", row["recording"], report)

    for number in range(5):  # while it is on its way
        await system.say("uploads.reported", message, key="REP-0001", cause=("early", number))
    assert list((await system.settled(camera)).values()) == ["wiped"]

    for number in range(5):  # once the receipt is earned, each is answered
        await system.say("uploads.reported", message, key="REP-0001", cause=("late", number))
    await caught_up(system, "intake", "uploads.reported")
    await system.until(lambda: outbox_is_empty(system), "the outbox to be empty")
    await caught_up(system, "release", "receipts.requested")
    asked = [r for r in await everything(system, "receipts.requested") if r.key == row["clip_id"].encode()]
    given = await receipts(system, row["clip_id"])
    assert len(asked) >= 5
    assert len(given) == 1 + len(asked), "each request is answered once"
    assert len(set(given)) == 1, "the same receipt, byte for byte"

    assert len(await system.clips("REP-0001")) == 1
    versions = await system.versions(f"clips/{row['clip_id']}/")
    assert sorted(v.key.rsplit("/", 1)[1] for v in versions) == ["footage", "manifest.json", "sidecar.json"]
    assert not any(v.delete_marker for v in versions)
    told = [moment["type"] for moment in (await system.known(row["clip_id"]))["timeline"]]
    for kind in ("clips.registered", "clips.secured", "clips.verified", "clips.released", "clips.wiped"):
        assert told.count(kind) == 1, kind


async def test_a_repeated_inventory_changes_nothing(system: Pipeline) -> None:
    camera = system.filled("REP-0002", [1000, 2000])
    await system.enrol("REP-0002")
    system.dock(camera, "BAY-REP-2")
    await system.settled(camera)
    [inventory] = await inventories(system, "REP-0002")
    state = "SELECT docking, inventory, sequences::text FROM cameras WHERE camera = 'REP-0002'"
    before = await system.sql(state)

    await send(system, "cameras.docked", inventory, key="REP-0002")
    await caught_up(system, "intake", "cameras.docked")

    assert await system.sql(state) == before
    assert len(await system.sql("SELECT 1 FROM dockings WHERE camera = 'REP-0002'")) == 1
    assert (await system.ledger("REP-0002")).adds_up


async def test_an_inventory_of_an_earlier_docking_is_a_replay(system: Pipeline) -> None:
    camera = system.filled("REP-0004", [1000])
    await system.enrol("REP-0004")
    system.dock(camera, "BAY-REP-4")
    await system.settled(camera)
    [first] = await inventories(system, "REP-0004")
    await system.undock(camera)
    system.dock(camera, "BAY-REP-5")
    await system.until(lambda: has_inventories(system, "REP-0004", 2), "the second docking's inventory")

    await send(system, "cameras.docked", first, key="REP-0004", id="evt-replayed-inventory")

    letter = await dead_letter(system, first)
    assert letter.error == "RuleBroken"
    assert "replay" in letter.message
    [row] = await system.sql("SELECT bay FROM cameras WHERE camera = 'REP-0004'")
    assert row["bay"] == "BAY-REP-5"


async def test_a_report_of_an_earlier_docking_is_a_replay(system: Pipeline) -> None:
    camera = system.filled("REP-0006", [1000], sha256="0" * 64)  # stays on the camera: quarantined
    await system.enrol("REP-0006")
    system.dock(camera, "BAY-REP-6")
    [row] = await system.has_clips("REP-0006", 1, standing="quarantined")
    first = Signed(**row["report"])
    await system.undock(camera)
    system.dock(camera, "BAY-REP-7")
    docking = opened(row["report"])["docking"]

    async def docked_again() -> bool:
        return bool(await system.sql("SELECT 1 FROM cameras WHERE camera = 'REP-0006' AND docking > %s", docking))

    await system.until(docked_again, "the second docking")
    before = await system.sql("SELECT docking, bay FROM cameras WHERE camera = 'REP-0006'")
    message = UploadReported("REP-0006", row["recording"], first)
    await system.say("uploads.reported", message, key="REP-0006", cause=("replay",))

    async def rejected() -> bool:
        return bool(await system.sql("SELECT 1 FROM rejections WHERE camera = 'REP-0006' AND code = 'replay'"))

    await system.until(rejected, "the replay to be rejected")
    assert await system.sql("SELECT docking, bay FROM cameras WHERE camera = 'REP-0006'") == before


async def inventories(system: Pipeline, camera: str) -> list[bytes]:
    """The bodies of a camera's inventories as they were published."""
    await system.until(lambda: has_inventories(system, camera, 1), f"an inventory of {camera}")
    rows = await system.sql(
        "SELECT payload FROM custody WHERE type = 'cameras.docked' AND camera = %s ORDER BY index", camera
    )
    return [bytes(row["payload"]) for row in rows]


async def has_inventories(system: Pipeline, camera: str, count: int) -> bool:
    return len(await system.told("cameras.docked", "camera", camera)) >= count


async def outbox_is_empty(system: Pipeline) -> bool:
    return not await system.sql("SELECT 1 FROM outbox WHERE sent_at IS NULL")
