"""Wipe receipts: checking that one permits the erasure of these very bytes, and erasing them.

The order of an erasure, so that every crash leaves a state that says what it is:

    1  the receipt is checked, the recording hashed again; both must agree
    2  `.dock/wiped/<token>.json` is written: receipt, digest, time
    3  the footage is removed            dock.before_erase stands before this step
    4  the sidecar is removed            dock.after_erase stands after it
    5  ClipWiped is published and confirmed
    6  the note of step 2 is removed

Found at step 2 with its footage there, the recording is checked and hashed once more as if the receipt had
just come. Found with the footage gone, it was erased with good reason and that is told again. The sidecar
goes last, so that a recording never lies there without a word about it.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from workers.dock.camera import Camera, Found
from workers.dock.folder import Stamp, check_file_name, oddity, read_small, stamp_of, unlink_quietly
from workers.dock.measuring import measure
from workers.dock.notes import Erasure, Notes
from workers.dock.sidecars import SIDECAR_BYTES
from workers.errors import BwvError, RuleBroken
from workers.failpoints import reach
from workers.footage.receipt import Receipt
from workers.footage.recording import Recording, Report, decode_sidecar
from workers.keys.signing import EnrolledKey, Role, Signed, Signer, opened
from workers.keys.statements import PURPOSES, Wiped

FindKey = Callable[[str], EnrolledKey | None]


class ReceiptRefused(RuleBroken):
    """The receipt does not permit the erasure of what lies on the camera. The recording stays."""


def check_receipt(signed: Signed, declared: Recording, find: FindKey) -> Receipt:
    """Return the receipt if it is the release service's and names this very recording.

    Raises:
        ReceiptRefused: forged, unreadable, for another recording, or for other bytes without a decision.
    """
    try:
        receipt = opened(PURPOSES[Receipt], signed, Receipt, role=Role.SERVICE, find=find)
    except BwvError as error:
        raise ReceiptRefused(f"the wipe receipt is not one of the release service: {error}") from error
    _check_named(receipt, declared.camera, declared.recording)
    if receipt.decision is None and (receipt.size, receipt.sha256) != (declared.size, declared.sha256):
        raise ReceiptRefused(
            f"the wipe receipt is for {receipt.size} bytes with SHA-256 {receipt.sha256[:16]}…, this recording "
            f"declares {declared.size} bytes with {declared.sha256[:16]}…, and no person decided to accept others"
        )
    return receipt


def _check_named(receipt: Receipt, camera: str, recording: str) -> None:
    if (receipt.camera, receipt.recording) != (camera, recording):
        raise ReceiptRefused(
            f"the wipe receipt is for {receipt.camera}/{receipt.recording}, not for {camera}/{recording}"
        )


def erase(
    camera: Camera,
    found: Found,
    report: Signed,
    signed: Signed,
    *,
    find: FindKey,
    now: Callable[[], str],
    stopped: Callable[[], bool] = lambda: False,
) -> Erasure:
    """Erase a recording that a receipt permits to erase; returns what is to be told. Blocks while it hashes.

    Args:
        report: our own signed report, whose declaration the receipt must match.
        signed: the receipt.
        now: time as it stands in statements.

    Raises:
        ReceiptRefused: nothing was touched.
        Changed, DockGone, Stopped, NotesUnfit: nothing was touched; the receipt comes again.
    """
    declared = msgspec.json.decode(report.body, type=Report).recording
    receipt = check_receipt(signed, declared, find)
    sha256, size = _hashed(camera, found.sidecar.file, found.stamp, receipt, stopped)
    erasure = Erasure(
        receipt=signed,
        recording=declared.recording,
        file=found.sidecar.file,
        sidecar_file=found.sidecar_file,
        size=size,
        sha256=sha256,
        at=now(),
    )
    Notes(camera).keep_erasure(erasure)
    reach("dock.before_erase")
    _remove(camera, erasure, found.stamp)
    reach("dock.after_erase")
    return erasure


def finish(camera: Camera, erasure: Erasure, there: Found | None, *, find: FindKey) -> None:
    """Finish an erasure that a crash interrupted; when it returns, the recording is gone and that may be told.

    Nothing in the note is believed: its receipt is checked, footage that is still there is hashed again, and
    only a sidecar of this very recording is removed.

    Args:
        there: what lies on the camera now under this recording id.

    Raises:
        ReceiptRefused: the note's receipt permits nothing, or other bytes lie there; the note is removed.
    """
    notes = Notes(camera)
    try:
        receipt = opened(PURPOSES[Receipt], erasure.receipt, Receipt, role=Role.SERVICE, find=find)
        _check_named(receipt, camera.name, erasure.recording)
        if (receipt.size, receipt.sha256) != (erasure.size, erasure.sha256):
            raise ReceiptRefused(f"{erasure.recording!r}: what the note says was erased is not what its receipt names")
        if there is not None and there.sidecar.file != erasure.file:
            raise ReceiptRefused(f"{erasure.recording!r} was noted as erased and lies there as {there.sidecar.file!r}")
        stamp = _stamp(camera, check_file_name(erasure.file))
        if stamp is not None:
            _hashed(camera, erasure.file, stamp, receipt, lambda: False)
    except RuleBroken:
        notes.forget_erasure(erasure.recording)
        raise
    _remove(camera, erasure, stamp)
    reach("dock.after_erase")


def statement(erasure: Erasure, camera: Camera, dock: str, signer: Signer) -> tuple[str, Signed]:
    """The clip id, and the dock's signed word that its camera copy is gone; the same bytes each time."""
    receipt = msgspec.json.decode(erasure.receipt.body, type=Receipt)
    wiped = Wiped(
        clip_id=receipt.clip_id,
        camera=camera.name,
        recording=erasure.recording,
        size=erasure.size,
        sha256=erasure.sha256,
        dock=dock,
        bay=camera.place.bay,
        at=erasure.at,
    )
    return receipt.clip_id, signer.sign(PURPOSES[Wiped], wiped)


def _hashed(camera: Camera, file: str, stamp: Stamp, receipt: Receipt, stopped: Callable[[], bool]) -> tuple[str, int]:
    sha256, size = measure(camera, file, stamp, stopped=stopped)
    if (size, sha256) != (receipt.size, receipt.sha256):
        raise ReceiptRefused(
            f"{file!r} holds {size} bytes with SHA-256 {sha256[:16]}… now, its wipe receipt is for "
            f"{receipt.size} bytes with {receipt.sha256[:16]}…; these bytes were never proved stored"
        )
    return sha256, size


def _stamp(camera: Camera, file: str) -> Stamp | None:
    with camera.opened() as at:
        try:
            status = os.stat(file, dir_fd=at, follow_symlinks=False)
        except FileNotFoundError:
            return None
    if odd := oddity(status):
        raise ReceiptRefused(f"{file!r} is {odd} now; it is not what was to be erased")
    return stamp_of(status)


def _remove(camera: Camera, erasure: Erasure, stamp: Stamp | None) -> None:
    with camera.opened() as at:
        if stamp is not None:
            status = os.stat(erasure.file, dir_fd=at, follow_symlinks=False)
            if stamp_of(status) != stamp:
                Notes(camera).forget_erasure(erasure.recording)
                raise ReceiptRefused(f"{erasure.file!r} changed after it was hashed for its erasure; it stays")
            os.unlink(erasure.file, dir_fd=at)
            os.fsync(at)
        if _is_sidecar_of(erasure, at):
            unlink_quietly(erasure.sidecar_file, at)
            os.fsync(at)


def _is_sidecar_of(erasure: Erasure, at: int) -> bool:
    try:
        name = check_file_name(erasure.sidecar_file)
        sidecar = decode_sidecar(read_small(name, at, SIDECAR_BYTES)[0])
    except (OSError, BwvError, msgspec.DecodeError, UnicodeDecodeError):
        return False  # it is gone already, or it is something else, which is not ours to remove
    return (sidecar.recording, sidecar.file) == (erasure.recording, erasure.file)
