"""transfer, verification and probe as stages: what they make of the row, and what they tell."""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from local.ffmpeg import find_ffmpeg
from streams.engine import byte_threads
from streams.messages import ClipProbed, ClipRegistered, TransferProgressed, decode
from streams.probe import Probe
from streams.transfer import Transfer
from streams.vaults import open_vault
from streams.verification import Verification
from tests.footage.footage_stages import SIDECAR, Docked, Scene, envelope
from workers.errors import RuleBroken, SignatureInvalid, StoreAway
from workers.fate import moves
from workers.fate.row import make
from workers.footage.recording import Kind, Report
from workers.keys.signing import Role, Signer
from workers.keys.statements import PURPOSES
from workers.vault.fake import FakeReader
from workers.vault.keys import attempt_keys, certificate_key, clip_prefix

pytestmark = pytest.mark.stack

CHUNK = 5 << 20
SHORT = random.Random(1).randbytes(70_000)
LONG = random.Random(2).randbytes(2 * CHUNK + 999)
OTHER = random.Random(3).randbytes(len(LONG))


async def receive(stage: Transfer | Verification | Probe, message, cause: str = "evt-1") -> None:
    await stage.receive(message, envelope(stage.listens[0], message, cause))


@pytest.mark.parametrize("data", [SHORT, LONG], ids=["one chunk", "several chunks"])
async def test_a_registered_clip_is_secured_and_verified(
    scene: Scene, transfer: Transfer, verification: Verification, data: bytes
) -> None:
    message = await scene.registered(data)
    await receive(transfer, message)
    topic, secured = await scene.last(message.clip_id)
    assert (topic, (await scene.fate(message.clip_id)).standing) == ("clips.secured", "secured")
    assert (secured.report, secured.size) == (message.report, len(data))
    await receive(verification, secured)
    topic, verified = await scene.last(message.clip_id)
    assert (topic, (await scene.fate(message.clip_id)).verified_version) == ("clips.verified", secured.version_id)
    assert verified.sha256 == secured.sha256
    before = await scene.events(message.clip_id)
    await receive(transfer, message)
    await receive(verification, secured)
    assert await scene.events(message.clip_id) == before
    assert await scene.database.fetch("SELECT * FROM open_uploads") == []
    listed = list(
        open_vault(scene.settings, "transfer").list_uploads(clip_prefix(scene.settings.namespace, message.clip_id))
    )
    assert listed == []


async def test_a_recording_cut_off_by_power_loss_is_an_ordinary_clip(
    scene: Scene, transfer: Transfer, verification: Verification
) -> None:
    message = await scene.registered(SHORT, incomplete=True)
    await receive(transfer, message)
    await receive(verification, (await scene.last(message.clip_id))[1])
    topic, verified = await scene.last(message.clip_id)
    assert topic == "clips.verified"
    assert msgspec.json.decode(verified.report.body, type=Report).recording.incomplete


async def test_a_dock_that_leaves_interrupts_and_the_next_docking_resumes(scene: Scene, transfer: Transfer) -> None:
    message = await scene.registered(LONG, serve=Docked(LONG, sidecar=SIDECAR, gone_after=CHUNK + 1))
    await receive(transfer, message)
    assert (await scene.last(message.clip_id))[0] == "clips.transfer-interrupted"
    fate = await scene.fate(message.clip_id)
    assert (fate.interrupted, fate.standing) == (True, "registered")
    assert len(await scene.database.fetch("SELECT * FROM open_uploads")) == 1
    # The same message again, before intake has restarted it, tells nothing twice.
    await receive(transfer, message)
    assert len(await scene.events(message.clip_id)) == 1
    scene.docks[scene.location(1)].gone_after = None
    await receive(transfer, message, "evt-2")
    assert (await scene.last(message.clip_id))[0] == "clips.secured"


async def test_a_camera_that_already_stands_elsewhere_is_followed_at_once(scene: Scene, transfer: Transfer) -> None:
    message = await scene.registered(SHORT)
    here, loop = scene.docks[scene.location(1)], asyncio.get_running_loop()
    there = scene.report(SHORT, docking=2)
    scene.docks[scene.location(2)] = Docked(SHORT, sidecar=SIDECAR)

    async def move() -> None:
        fate = await scene.fate(message.clip_id)
        await make(scene.database, moves.RELOCATE, fate, given={"docking": 2, "report": there})

    def at_stride(_: int) -> None:
        asyncio.run_coroutine_threadsafe(move(), loop).result(10)
        here.gone_after = 0

    here.at_stride = at_stride
    await receive(transfer, message)
    assert [topic for topic, _ in await scene.events(message.clip_id)] == ["clips.secured"]
    assert here.readings == scene.docks[scene.location(2)].readings == 1


async def test_other_bytes_under_the_key_open_the_next_attempt(
    scene: Scene, transfer: Transfer, verification: Verification
) -> None:
    message = await scene.registered(SHORT)
    keys = attempt_keys(scene.settings.namespace, message.clip_id, 1)
    open_vault(scene.settings, "transfer").put_new(keys.footage, b"other", lock_until=None)
    await receive(transfer, message)
    topic, following = await scene.last(message.clip_id)
    assert (topic, following.attempt, (await scene.fate(message.clip_id)).attempt) == ("clips.registered", 2, 2)
    await receive(transfer, following)
    await receive(verification, (await scene.last(message.clip_id))[1])
    assert (await scene.fate(message.clip_id)).standing == "verified"


async def test_after_the_last_attempt_a_person_must_look(scene: Scene, transfer: Transfer) -> None:
    message = await scene.registered(SHORT)
    await scene.database.execute("UPDATE clip_fate SET attempt = 5 WHERE clip_id = %s", (message.clip_id,))
    keys = attempt_keys(scene.settings.namespace, message.clip_id, 5)
    open_vault(scene.settings, "transfer").put_new(keys.footage, b"other", lock_until=None)
    with pytest.raises(RuleBroken, match="look at the store"):
        await receive(transfer, msgspec.structs.replace(message, attempt=5))


async def test_quarantined_bytes_become_a_clip_when_a_person_accepts_them(
    scene: Scene, transfer: Transfer, verification: Verification
) -> None:
    message = await scene.registered(LONG, serve=Docked(OTHER, sidecar=SIDECAR))
    await receive(transfer, message)
    topic, told = await scene.last(message.clip_id)
    fate = await scene.fate(message.clip_id)
    assert (topic, fate.standing) == ("clips.quarantined", "quarantined")
    assert fate.quarantine is not None
    assert (fate.quarantine["found_sha256"], fate.quarantine["found_size"]) == (told.found_sha256, len(OTHER))
    assert await scene.database.fetch("SELECT * FROM open_uploads") == []
    accepted = await scene.accepted(message, OTHER)
    await receive(transfer, accepted)
    topic, secured = await scene.last(accepted.clip_id)
    assert (topic, secured.sha256) == ("clips.secured", told.found_sha256)
    await receive(verification, secured)
    topic, verified = await scene.last(accepted.clip_id)
    assert (topic, verified.declaration) == ("clips.verified", accepted.declaration)


async def test_a_taken_name_is_quarantined(scene: Scene, transfer: Transfer) -> None:
    first = "clip-" + "a" * 32
    message = await scene.registered(SHORT, conflict_with=first)
    await receive(transfer, message)
    topic, told = await scene.last(message.clip_id)
    assert (topic, told.conflict_with) == ("clips.quarantined", first)


async def test_what_was_disposed_of_is_not_stored_again(scene: Scene, transfer: Transfer) -> None:
    message = await scene.registered(SHORT)
    open_vault(scene.settings, "disposal").put_new(
        certificate_key(scene.settings.namespace, message.clip_id), b"{}", lock_until=None
    )
    await receive(transfer, message)
    fate = await scene.fate(message.clip_id)
    assert ((await scene.last(message.clip_id))[0], fate.disposal) == ("receipts.requested", "done")
    vault = open_vault(scene.settings, "transfer")
    assert vault.head(attempt_keys(scene.settings.namespace, message.clip_id, 1).footage) is None


async def test_a_report_that_nobody_enrolled_signed_is_not_believed(scene: Scene, transfer: Transfer) -> None:
    message = await scene.registered(SHORT)
    report = msgspec.json.decode(message.report.body, type=Report)
    forged = Signer.new(Role.DOCK, "DOCK-1").sign(PURPOSES[Report], report)
    await scene.database.execute(
        "UPDATE clip_fate SET report = %s WHERE clip_id = %s", (msgspec.json.encode(forged).decode(), message.clip_id)
    )
    with pytest.raises(SignatureInvalid):
        await receive(transfer, message)


async def test_a_declaration_of_another_clip_is_not_believed(
    scene: Scene, transfer: Transfer, verification: Verification
) -> None:
    message = await scene.registered(SHORT)
    await receive(transfer, message)
    _, secured = await scene.last(message.clip_id)
    swapped = msgspec.structs.replace(secured, report=scene.report(LONG))
    with pytest.raises(RuleBroken, match="is about"):
        await receive(verification, swapped)


class Lying:
    """A store that gives other bytes than it took."""

    def __init__(self, gives: bytes | Exception) -> None:
        self._gives = gives

    def fresh(self) -> Lying:
        return self

    def get(self, *_: object, **__: object) -> FakeReader:
        if isinstance(self._gives, Exception):
            raise self._gives
        return FakeReader(self._gives)

    def close(self) -> None:
        pass


async def test_a_failed_read_back_opens_the_next_attempt_until_the_last(
    scene: Scene, transfer: Transfer, verification: Verification
) -> None:
    message: ClipRegistered = await scene.registered(SHORT)
    honest, liar = verification.vault, Lying(SHORT[:-1])
    verification.vault = liar  # type: ignore[assignment]
    try:
        for attempt in range(1, 6):
            await receive(transfer, message)
            secured = (await scene.told(message.clip_id, "clips.secured"))[-1]
            await receive(verification, secured)
            fate = await scene.fate(message.clip_id)
            assert (fate.standing, fate.attempt, fate.stored_version) == ("registered", attempt + 1, None)
            failed = await scene.told(message.clip_id, "clips.readback-failed")
            assert [one.attempt for one in failed] == list(range(1, attempt + 1))
            assert failed[-1].exhausted == (attempt == 5)
            following = await scene.told(message.clip_id, "clips.registered")
            assert [one.attempt for one in following] == list(range(2, min(attempt + 1, 5) + 1))
            message = following[-1]
    finally:
        verification.vault = honest


async def test_a_store_that_does_not_answer_is_waited_for(
    scene: Scene, transfer: Transfer, verification: Verification
) -> None:
    message = await scene.registered(SHORT)
    await receive(transfer, message)
    _, secured = await scene.last(message.clip_id)
    honest, verification.vault = verification.vault, Lying(StoreAway("503"))  # type: ignore[assignment]
    with pytest.raises(StoreAway):
        await receive(verification, secured)
    verification.vault = honest
    await receive(verification, secured)
    assert (await scene.last(message.clip_id))[0] == "clips.verified"


async def test_a_cancelled_transfer_stops_at_once_and_goes_on_later(scene: Scene, transfer: Transfer) -> None:
    strides: list[float] = []
    loop, well_under_way = asyncio.get_running_loop(), asyncio.Event()

    def slowly(_: int) -> None:
        strides.append(time.monotonic())
        if len(strides) == 12:
            loop.call_soon_threadsafe(well_under_way.set)
        time.sleep(0.05)

    slow = Docked(LONG, sidecar=SIDECAR, at_stride=slowly)
    message = await scene.registered(LONG, serve=slow)
    task = asyncio.create_task(receive(transfer, message))
    await well_under_way.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    count = len(strides)
    await asyncio.sleep(0.4)
    assert len(strides) <= count + 2
    slow.gone_after, slow.at_stride = None, lambda _: None
    await receive(transfer, message)
    assert (await scene.last(message.clip_id))[0] == "clips.secured"


async def test_progress_is_told_while_bytes_move(
    scene: Scene, transfer: Transfer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(byte_threads, "TELL_EVERY", 0.05)
    message = await scene.registered(LONG, serve=Docked(LONG, sidecar=SIDECAR, at_stride=lambda _: time.sleep(0.02)))
    await receive(transfer, message)
    told = [decode(event.body, TransferProgressed) for event in scene.published]
    assert told
    assert all(0 <= one.bytes_done <= one.bytes_total == len(LONG) for one in told)


async def test_uploads_that_nobody_will_finish_are_aborted_at_the_next_start(scene: Scene, transfer: Transfer) -> None:
    message = await scene.registered(LONG, serve=Docked(LONG, sidecar=SIDECAR, gone_after=CHUNK + 1))
    await receive(transfer, message)
    await scene.database.execute("UPDATE clip_fate SET attempt = 2 WHERE clip_id = %s", (message.clip_id,))
    again = Transfer(scene.parts())
    await again.start()
    await again.stop()
    assert await scene.database.fetch("SELECT * FROM open_uploads") == []
    assert list(again.vault.list_uploads(clip_prefix(scene.settings.namespace, message.clip_id))) == []


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path: Path = tmp_path_factory.mktemp("video") / "v.mp4"
    make_it = [find_ffmpeg().ffmpeg, "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc=s=320x240:r=10:d=2"]
    subprocess.run([*make_it, "-pix_fmt", "yuv420p", str(path)], check=True, timeout=60)
    return path.read_bytes()


async def probed(scene: Scene, probe: Probe, transfer: Transfer, verification: Verification, data: bytes, **changes):
    message = await scene.registered(data, **changes)
    await receive(transfer, message)
    await receive(verification, (await scene.last(message.clip_id))[1])
    await receive(probe, (await scene.last(message.clip_id))[1])
    return decode(scene.published[-1].body, ClipProbed)


async def test_a_video_is_described(
    scene: Scene, probe: Probe, transfer: Transfer, verification: Verification, video: bytes
) -> None:
    found = await probed(scene, probe, transfer, verification, video)
    assert found.readable, found.reason
    assert found.video is not None
    assert (found.video["width"], found.video["height"]) == (320, 240)
    assert found.duration == pytest.approx(2, abs=0.2)
    assert found.tool.startswith("ffprobe ")


@pytest.mark.parametrize(
    "data", [SHORT, b"#EXTM3U\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile '/etc/passwd'\n"]
)
async def test_what_is_no_video_is_unreadable_and_harms_nothing(
    scene: Scene, probe: Probe, transfer: Transfer, verification: Verification, data: bytes
) -> None:
    found = await probed(scene, probe, transfer, verification, data)
    assert not found.readable
    assert found.reason is not None
    assert "root:" not in found.reason


async def test_what_is_not_media_is_marked_not_probed(
    scene: Scene, probe: Probe, transfer: Transfer, verification: Verification
) -> None:
    found = await probed(scene, probe, transfer, verification, SHORT, media_type="text/csv")
    assert (found.readable, (found.reason or "").startswith("not probed")) == (False, True)


async def test_a_cameras_event_log_is_read_and_told(
    scene: Scene, probe: Probe, transfer: Transfer, verification: Verification
) -> None:
    on = b'{"at": "2026-11-22T09:00:00Z", "event": "power on"}\n'
    log = on + b'{"at": "2026-11-22T09:50:00Z", "event": "battery flat"}\n'
    of_a_log = {"kind": Kind.EVENT_LOG, "media_type": "application/jsonl"}
    found = await probed(scene, probe, transfer, verification, log, **of_a_log)
    assert [(line.at, line.event) for line in found.events] == [
        ("2026-11-22T09:00:00+00:00", "power_on"),
        ("2026-11-22T09:50:00+00:00", "battery_flat"),
    ]
