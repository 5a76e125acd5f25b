"""A camera from its bay to its last recording, with the real server and a publisher that only remembers."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import threading
import time
from pathlib import Path

import msgspec
import pytest

from streams.messages import ClipQuarantined, UploadRejected
from tests.dock.conftest import DEADLINE, Bench, put_recording
from workers.dock.bay import State
from workers.dock.camera import Look
from workers.dock.client import DockSource
from workers.errors import DockGone
from workers.footage.canonical import sha256_hex
from workers.footage.clip import clip_id
from workers.footage.recording import Inventory, Kind, Report
from workers.keys.signing import Role, Signed, check_signature, opened
from workers.keys.statements import PURPOSES, Wiped

CAMERA = "BWC-0417"


async def test_a_docked_camera_is_inventoried_declared_served_and_erased_after_its_receipt(bench: Bench) -> None:
    camera = bench.folder / "BAY-01" / CAMERA
    path, declared = put_recording(camera, 1, urgent=True)
    footage = path.read_bytes()
    await bench.start()

    report = await bench.reported("20261122-0001")
    [docked] = bench.of("cameras.docked")
    inventory = opened(
        PURPOSES[Inventory],
        msgspec.convert(docked["inventory"], Signed),
        Inventory,
        role=Role.DOCK,
        find=lambda _: bench.signer.enrolment(),
    )
    assert [item.recording for item in inventory.recordings] == ["20261122-0001"]
    assert report.inventory == sha256_hex(docked["inventory"]["body"].encode())
    assert bench.events[0].topic == "cameras.docked"  # before the reports that name it
    said = report.recording
    assert (said.sha256, said.measured_sha256, said.urgent) == (declared["sha256"], declared["sha256"], True)

    source = DockSource(report.location, bench.transfer)
    buffer = bytearray(len(footage))
    with await asyncio.to_thread(source.open) as reader:
        assert await asyncio.to_thread(reader.readinto, buffer) == len(footage)
    assert bytes(buffer) == footage
    assert sha256_hex(source.sidecar()) == said.sidecar_sha256

    bench.answer(bench.receipt(report))
    [wiped] = await bench.until(lambda: bench.of("clips.wiped"), "ClipWiped")
    told = msgspec.json.decode(wiped["wiped"]["body"], type=Wiped)
    check_signature(PURPOSES[Wiped], msgspec.convert(wiped["wiped"], Signed), bench.signer.enrolment())
    assert (told.clip_id, told.sha256, told.size, told.bay) == ("clip-test", said.sha256, said.size, "BAY-01")
    assert sorted(p.name for p in camera.iterdir()) == [".dock"]
    await bench.until(lambda: not list((camera / ".dock/wiped").iterdir()), "the note of the erasure to go")
    await bench.until(lambda: bench.bay("BAY-01")["sign"] == "empty, ready to issue", "the sign")
    with pytest.raises(DockGone, match="erased after its wipe receipt"):
        await asyncio.to_thread(source.open)


async def test_a_repeated_report_and_the_report_after_a_restart_have_the_same_bytes(tmp_path: Path) -> None:
    bench = Bench(tmp_path, dock_repeat=0.05)
    put_recording(bench.folder / "BAY-01" / CAMERA, 1, sha256=None)
    await bench.start()
    await bench.reported("20261122-0001", times=3)
    await bench.stop()
    sent = len(bench.events)
    await bench.start()
    await bench.until(lambda: any(e.topic == "uploads.reported" for e in bench.events[sent:]), "a report after restart")
    await bench.stop()
    for topic in ("cameras.docked", "uploads.reported"):
        assert len({(e.id, e.body) for e in bench.events if e.topic == topic}) == 1
    assert len(bench.of("cameras.docked")) == 2


async def test_a_restart_does_not_hash_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    put_recording(bench.folder / "BAY-01" / CAMERA, 1)
    await bench.start()
    await bench.reported("20261122-0001")
    await bench.stop()
    # Another docking, so that the stored report does not answer; the measurement must.
    (bench.folder / "BAY-01" / CAMERA / ".dock/docking.json").unlink()
    monkeypatch.setattr("workers.dock.inventory.measure", lambda *a, **k: pytest.fail("it was hashed again"))
    await bench.start()
    await bench.reported("20261122-0001", times=2)


async def test_measurements_that_the_camera_made_up_are_not_believed(bench: Bench) -> None:
    camera = bench.folder / "BAY-01" / CAMERA
    path, _ = put_recording(camera, 1, sha256=None)
    await bench.start()
    await bench.reported("20261122-0001")
    await bench.stop()
    notes = camera / ".dock/measured.json"
    forged = json.loads(notes.read_bytes())
    body = json.loads(forged["body"])
    body["files"][path.name]["sha256"] = "0" * 64
    forged["body"] = json.dumps(body)
    notes.write_text(json.dumps(forged))
    (camera / ".dock/docking.json").unlink()
    await bench.start()
    report = await bench.reported("20261122-0001", times=2)
    assert report.recording.measured_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


async def test_a_camera_that_moves_gets_a_higher_docking_and_names_the_inventory_before(bench: Bench) -> None:
    put_recording(bench.folder / "BAY-01" / CAMERA, 1)
    await bench.start()
    first = await bench.reported("20261122-0001")
    os.rename(bench.folder / "BAY-01" / CAMERA, bench.folder / "BAY-02" / CAMERA)
    second = await bench.reported("20261122-0001", times=2)
    assert second.docking > first.docking
    assert (first.bay, second.bay) == ("BAY-01", "BAY-02")
    assert second.location != first.location
    inventory = json.loads(bench.of("cameras.docked")[-1]["inventory"]["body"])
    assert inventory["previous_inventory"] == first.inventory
    await bench.until(lambda: bench.bay("BAY-01")["code"] == "vacant", "the old bay to be vacant")


async def test_a_camera_at_another_dock_keeps_counting_and_a_reset_one_never_goes_back(tmp_path: Path) -> None:
    here, there = Bench(tmp_path), Bench(tmp_path, dock="DOCK-02", folder="other")
    put_recording(here.folder / "BAY-01" / CAMERA, 1)
    notes = here.folder / "BAY-01" / CAMERA / ".dock"
    notes.mkdir()
    ahead = int(time.time()) + 1_000_000  # a dock whose clock was ahead docked it before
    (notes / "docking.json").write_text(json.dumps({"docking": ahead, "inventory": "0" * 64}))
    await here.start()
    first = await here.reported("20261122-0001")
    assert first.docking == ahead + 1
    await here.stop()
    os.rename(here.folder / "BAY-01" / CAMERA, there.folder / "BAY-01" / CAMERA)
    await there.start()
    assert (await there.reported("20261122-0001")).docking == ahead + 2
    await there.stop()
    shutil.rmtree(there.folder / "BAY-01" / CAMERA / ".dock")
    before = int(time.time())
    await there.start()
    reset = await there.reported("20261122-0001", times=2)
    await there.stop()
    assert reset.docking >= before


async def test_a_camera_taken_out_and_put_back_is_docked_anew(bench: Bench) -> None:
    camera = bench.folder / "BAY-01" / CAMERA
    put_recording(camera, 1)
    await bench.start()
    first = await bench.reported("20261122-0001")
    os.rename(camera, bench.home / "in-the-hand")
    await bench.until(lambda: bench.bay("BAY-01")["code"] == "vacant", "the bay to be vacant")
    os.rename(bench.home / "in-the-hand", camera)
    assert (await bench.reported("20261122-0001", times=2)).docking > first.docking


async def test_a_camera_pulled_out_in_the_middle_of_a_body_is_gone_for_the_reader(bench: Bench) -> None:
    camera = bench.folder / "BAY-01" / CAMERA
    size = 64 << 20  # more than the sockets between them can hold
    path, _ = put_recording(camera, 1, footage=b"")
    with path.open("wb") as file:
        file.truncate(size)
    sidecar = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**sidecar, "size": size, "sha256": None}))
    await bench.start()
    report = await bench.reported("20261122-0001")
    source = DockSource(report.location, bench.transfer)
    with await asyncio.to_thread(source.open) as reader:
        buffer = bytearray(1 << 20)
        assert await asyncio.to_thread(reader.readinto, buffer) == len(buffer)
        await bench.until(lambda: bench.recording("20261122-0001")["state"] == "transferring", "the bay to show it")
        assert bench.bay("BAY-01")["code"] == "leave_in"
        os.rename(camera, bench.home / "in-the-hand")
        await bench.until(lambda: bench.bay("BAY-01")["code"] == "vacant", "the dock to notice")

        def read_on() -> None:
            while reader.readinto(buffer):
                pass

        with pytest.raises(DockGone):
            await asyncio.to_thread(read_on)
    with pytest.raises(DockGone, match="taken out of BAY-01"):
        await asyncio.to_thread(source.open)


async def test_a_recording_that_changes_after_its_report_is_refused_then_declared_under_a_new_docking(
    bench: Bench,
) -> None:
    camera = bench.folder / "BAY-01" / CAMERA
    path, declared = put_recording(camera, 1)
    put_recording(camera, 2)
    await bench.start()
    first = await bench.reported("20261122-0001")
    await bench.reported("20261122-0002")
    source = DockSource(first.location, bench.transfer)
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(DockGone, match=r"changed (since|after) it was measured"):
        await asyncio.to_thread(source.open)
    second = await bench.reported("20261122-0001", times=2)
    assert second.docking > first.docking
    # What the camera itself declared stands: transfer will find the difference and put it into quarantine.
    assert second.recording.sha256 == declared["sha256"] != second.recording.measured_sha256


async def test_a_recording_that_appears_later_joins_under_a_new_docking(bench: Bench) -> None:
    camera = bench.folder / "BAY-01" / CAMERA
    put_recording(camera, 1)
    await bench.start()
    first = await bench.reported("20261122-0001")
    put_recording(camera, 2)
    late = await bench.reported("20261122-0002")
    assert late.docking > first.docking
    listed = json.loads(bench.of("cameras.docked")[-1]["inventory"]["body"])["recordings"]
    assert [item["sequence"] for item in listed] == [1, 2]


async def test_a_recording_still_being_copied_is_waited_for_and_harms_no_other(bench: Bench) -> None:
    camera = bench.folder / "BAY-01" / CAMERA
    growing, _ = put_recording(camera, 1, footage=b"a" * 100_000)
    whole = growing.read_bytes()
    growing.write_bytes(whole[:1000])
    put_recording(camera, 2)
    stop = asyncio.Event()

    async def grow() -> None:
        while not stop.is_set():
            with growing.open("ab") as file:
                file.write(b"a")
            await asyncio.sleep(0.02)

    writing = asyncio.create_task(grow())
    await bench.start()
    await bench.reported("20261122-0002")
    assert not bench.reports("20261122-0001")
    assert bench.recording("20261122-0001")["state"] in ("settling", "refused", None)
    stop.set()
    await writing
    growing.write_bytes(whole)
    report = await bench.reported("20261122-0001")
    assert report.recording.measured_sha256 == report.recording.sha256


async def test_an_event_log_is_a_recording_of_its_own_and_the_clock_offset_is_measured(bench: Bench) -> None:
    camera = bench.folder / "BAY-01" / CAMERA
    put_recording(camera, 1, kind="event_log", media_type="application/jsonl")
    ahead = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    (camera / "camera.json").write_text(json.dumps({"clock": ahead}))
    await bench.start()
    report = await bench.reported("20261122-0001")
    assert report.recording.kind is Kind.EVENT_LOG
    assert 3540 < report.recording.clock_offset < 3660


async def test_answers_show_at_the_bay_and_only_answers_to_this_report_count(bench: Bench) -> None:
    camera = bench.folder / "BAY-01" / CAMERA
    for number in (1, 2, 3):
        put_recording(camera, number)
    await bench.start()
    reports = [await bench.reported(f"20261122-000{n}") for n in (1, 2, 3)]
    [signed] = bench.reports("20261122-0001")
    rejected = UploadRejected(
        CAMERA, "20261122-0001", "DOCK-01", sha256_hex(signed.body.encode()), "replay", "seen before", "dock it again"
    )
    stale = msgspec.structs.replace(rejected, recording="20261122-0003", report_sha256="0" * 64)
    bench.answer(stale)
    bench.answer(rejected)
    said = reports[1].recording
    clip = clip_id("bwv", CAMERA, said.recording, said.size, said.sha256)
    bench.answer(
        ClipQuarantined(clip, 1, bench.reports("20261122-0002")[0], "digest differs", "a", 1, "b", 1, "k", "v")
    )
    await bench.until(lambda: bench.recording("20261122-0002")["state"] == "quarantined", "the quarantine")
    shown = bench.recording("20261122-0001")
    assert shown["state"] == "rejected"
    assert shown["reason"] == "seen before; dock it again"
    assert bench.recording("20261122-0003")["state"] == "reported"
    assert len(list(camera.glob("*.mp4"))) == 3


async def test_nothing_is_lost_while_the_broker_is_away(bench: Bench) -> None:
    put_recording(bench.folder / "BAY-01" / CAMERA, 1)
    bench.away = 5
    await bench.start()
    report = await bench.reported("20261122-0001")
    assert bench.away == 0
    assert bench.events[0].topic == "cameras.docked"
    bench.away = 3
    bench.answer(bench.receipt(report))
    assert await bench.until(lambda: bench.of("clips.wiped"), "ClipWiped")


async def test_a_camera_whose_notes_cannot_be_written_shows_it_and_harms_no_other(bench: Bench) -> None:
    put_recording(bench.folder / "BAY-01" / CAMERA, 1)
    (bench.folder / "BAY-01" / CAMERA / ".dock").symlink_to("/tmp")
    put_recording(bench.folder / "BAY-02" / "BWC-0500", 2)
    await bench.start()
    await bench.reported("20261122-0002")
    await bench.until(lambda: bench.bay("BAY-01")["code"] == "failed", "the failed sign")
    assert ".dock" in bench.bay("BAY-01")["sign"]
    assert not bench.reports("20261122-0001")


def test_reports_decode_without_this_program(tmp_path: Path) -> None:
    """The body of what is signed is plain JSON whose fields are the contract's."""
    assert set(Report.__struct_fields__) == {
        "dock", "bay", "docking", "docked_at", "inventory", "location", "recording",
    }  # fmt: skip


async def test_a_report_comes_again_verbatim_even_from_a_newer_program(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_recording(bench.folder / "BAY-01" / CAMERA, 1)
    await bench.start()
    await bench.reported("20261122-0001")
    await bench.stop()
    monkeypatch.setattr("workers.dock.inventory._report", lambda *a: pytest.fail("the report was made anew"))
    await bench.start()
    await bench.reported("20261122-0001", times=2)
    assert len({signed.body for signed in bench.reports()}) == 1


async def test_a_report_of_an_earlier_docking_that_lies_on_the_camera_is_not_repeated(bench: Bench) -> None:
    camera = bench.folder / "BAY-01" / CAMERA
    put_recording(camera, 1)
    await bench.start()
    first = await bench.reported("20261122-0001")
    [kept] = (camera / ".dock/reports").iterdir()
    old = kept.read_bytes()
    await bench.stop()
    (camera / ".dock/docking.json").write_text(json.dumps({"docking": first.docking, "inventory": first.inventory}))
    kept.write_bytes(old)
    await bench.start()
    assert (await bench.reported("20261122-0001", times=2)).docking == first.docking + 1


async def test_a_look_that_began_before_an_erasure_does_not_bring_the_recording_back(bench: Bench) -> None:
    camera = bench.folder / "BAY-01" / CAMERA
    path, _ = put_recording(camera, 1)
    await bench.start()
    report = await bench.reported("20261122-0001")
    assert bench.agent is not None
    [attendant] = bench.agent.attendants.values()
    item = attendant.docked.items["20261122-0001"]
    look, listed, stale = attendant.docked.camera.look, threading.Event(), threading.Event()

    def late() -> Look:
        seen = look()
        if path.name in {name for name, _ in seen.stamps}:
            listed.set()
            stale.wait(DEADLINE)
        return seen

    attendant.docked.camera.look = late  # type: ignore[method-assign]
    await bench.until(listed.is_set, "a look to list the recording")
    bench.answer(bench.receipt(report))
    await bench.until(lambda: item.state is State.WIPED, "the erasure")
    stale.set()
    await bench.until(lambda: bench.bay("BAY-01")["code"] == "empty", "the sign")
    assert attendant.docked.items["20261122-0001"] is item
    assert bench.bay("BAY-01")["remaining"] == 0
