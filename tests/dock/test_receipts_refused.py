"""Wipe receipts that permit nothing: the recording stays, the bay and the topic say why, a good one still works."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest

from streams.messages import ClipReleased
from tests.dock.conftest import Bench, put_recording
from workers.footage.receipt import Receipt
from workers.footage.recording import Report
from workers.keys.signing import Role, Signer

CAMERA = "BWC-0417"
RECORDING = "20261122-0001"


def _by_nobody(bench: Bench, report: Report) -> ClipReleased:
    return bench.receipt(report, signer=Signer.new(Role.SERVICE, "release"))


def _by_the_dock(bench: Bench, report: Report) -> ClipReleased:
    return bench.receipt(report, signer=bench.signer)


def _by_transfer(bench: Bench, report: Report) -> ClipReleased:
    return bench.receipt(report, signer=bench.transfer)


def _edited(bench: Bench, report: Report) -> ClipReleased:
    good = bench.receipt(report, recording="another")
    body = good.receipt.body.replace("another", report.recording.recording)
    return msgspec.structs.replace(good, receipt=msgspec.structs.replace(good.receipt, body=body))


def _for_another_purpose(bench: Bench, report: Report) -> ClipReleased:
    good = bench.receipt(report)
    signed = bench.release.sign("bwv.report.1", msgspec.json.decode(good.receipt.body, type=Receipt))
    return msgspec.structs.replace(good, receipt=signed)


REFUSED: dict[str, Any] = {
    "signed by an unknown key": (_by_nobody, "not enrolled"),
    "signed by the dock itself": (_by_the_dock, "not enrolled"),
    "signed by another service": (_by_transfer, "not enrolled"),
    "edited after signing": (_edited, "is wrong"),
    "signed for another purpose": (_for_another_purpose, "is wrong"),
    "for another recording": (lambda b, r: b.receipt(r, recording="20261122-0002"), "not for"),
    "for another camera": (lambda b, r: b.receipt(r, camera="BWC-9999"), "not for"),
    "for another size": (lambda b, r: b.receipt(r, size=1), "no person decided"),
    "for other bytes": (lambda b, r: b.receipt(r, sha256="0" * 64), "no person decided"),
    "for other bytes, with a decision": (lambda b, r: b.receipt(r, sha256="0" * 64, decision="D"), "never proved"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_receipt_that_permits_nothing_leaves_the_recording_and_is_seen(bench: Bench, case: str) -> None:
    make, reason = REFUSED[case]
    path, _ = put_recording(bench.folder / "BAY-01" / CAMERA, 1)
    footage = path.read_bytes()
    await bench.start()
    report = await bench.reported(RECORDING)
    forged = make(bench, report)
    bench.answer(msgspec.structs.replace(forged, camera=CAMERA, recording=RECORDING))
    [told] = await bench.until(lambda: bench.of("uploads.rejected"), "the refusal to be published")
    assert (told["code"], told["recording"]) == ("receipt_refused", RECORDING)
    assert reason in told["reason"]
    await bench.until(lambda: bench.recording(RECORDING)["state"] == "refused", "the refusal at the bay")
    assert reason in bench.recording(RECORDING)["reason"]
    assert bench.bay("BAY-01")["code"] == "failed"
    assert path.read_bytes() == footage
    assert not bench.of("clips.wiped")

    bench.answer(bench.receipt(report))
    await bench.until(lambda: bench.of("clips.wiped"), "the good receipt to work all the same")
    assert not path.exists()


async def test_bytes_that_changed_since_they_were_declared_stay_although_the_receipt_is_good(bench: Bench) -> None:
    path, _ = put_recording(bench.folder / "BAY-01" / CAMERA, 1)
    await bench.start()
    report = await bench.reported(RECORDING)
    stamp = path.stat()
    path.write_bytes(b"y" * stamp.st_size)
    bench.answer(bench.receipt(report))
    again = await bench.reported(RECORDING, times=2)
    bench.answer(bench.receipt(again))
    await bench.until(lambda: "never proved stored" in bench.recording(RECORDING)["reason"], "the refusal")
    assert path.read_bytes() == b"y" * stamp.st_size
    assert not bench.of("clips.wiped")


async def test_other_bytes_are_erased_when_a_person_accepted_exactly_these(bench: Bench) -> None:
    path, declared = put_recording(bench.folder / "BAY-01" / CAMERA, 1, sha256="ab" * 32)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    await bench.start()
    report = await bench.reported(RECORDING)
    assert (report.recording.sha256, report.recording.measured_sha256) == (declared["sha256"], found)
    bench.answer(bench.receipt(report, sha256=found, decision="DEC-1", clip_id="clip-accepted"))
    [wiped] = await bench.until(lambda: bench.of("clips.wiped"), "ClipWiped")
    assert wiped["clip_id"] == "clip-accepted"
    assert not path.exists()


async def test_a_receipt_for_declared_bytes_that_are_not_there_is_refused(bench: Bench) -> None:
    """The camera declared one digest and holds other bytes: a receipt for the declaration erases nothing."""
    path, _ = put_recording(bench.folder / "BAY-01" / CAMERA, 1, sha256="ab" * 32)
    await bench.start()
    report = await bench.reported(RECORDING)
    bench.answer(bench.receipt(report))
    await bench.until(lambda: bench.of("uploads.rejected"), "the refusal")
    assert path.exists()


async def test_the_same_forged_receipt_sent_often_is_told_once(bench: Bench) -> None:
    path, _ = put_recording(bench.folder / "BAY-01" / CAMERA, 1)
    await bench.start()
    report = await bench.reported(RECORDING)
    forged = _by_nobody(bench, report)
    for _ in range(20):
        bench.answer(forged)
    bench.answer(bench.receipt(report))
    await bench.until(lambda: bench.of("clips.wiped"), "ClipWiped")
    assert len(bench.of("uploads.rejected")) == 1
    assert not path.exists()
