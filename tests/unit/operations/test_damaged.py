"""A clip that the scrub has found damaged is accounted for, visibly, and only where that was told."""

from __future__ import annotations

import msgspec
import pytest

from tests.unit.operations.worlds import (
    BYTES,
    CAMERA,
    CLIPS,
    fate,
    healthy,
    item,
    on_record,
    receipt_for,
    told,
)
from workers.fate.moves import CameraCopy, Standing
from workers.footage.recording import Report
from workers.intake.admission import Admission, Known, ReportRejected, admit
from workers.operations.accounts import accounts
from workers.operations.invariants import check_all
from workers.operations.ledger import make_ledger
from workers.operations.world import Stored, World

REASON = "cannot be read; chunks 2 (bytes 5 to 10)"


def damaged(*, lost: bool, said: bool = True) -> World:
    """The healthy world after its wiped clip has rotted, or has gone."""
    world = healthy()
    rotten = msgspec.structs.replace(world.fates[0], standing=Standing.DAMAGED)
    event = told("clips.damaged", "R1", 9, reason=REASON)
    events = (*world.events, event) if said else world.events
    objects = []
    for stored in world.objects:
        if "/clips/" not in stored.key or not stored.key.endswith("footage"):
            objects.append(stored)
        elif not lost:
            objects.append(Stored(stored.key, stored.version_id, stored.size, False, "0" * 64))
    return msgspec.structs.replace(
        world,
        fates=(rotten, world.fates[1]),
        events=events,
        custody=on_record(list(events)),
        custody_size=len(events),
        objects=tuple(objects),
    )


@pytest.mark.parametrize("lost", [False, True], ids=["rotten", "gone"])
def test_damage_that_was_told_is_accounted_for_with_its_reason(lost: bool) -> None:
    world = damaged(lost=lost)
    assert check_all(world) == []
    [account] = [a for a in accounts(world) if a.recording == "R1"]
    assert (account.standing, account.found, account.why) == ("damaged", len(BYTES["R1"]), REASON)


def test_damage_that_was_not_told_is_a_loss_and_a_gap_in_the_record() -> None:
    found = {violation.invariant for violation in check_all(damaged(lost=True, said=False))}
    assert found == {"I1", "I9"}


def test_a_damaged_clip_whose_recording_is_still_on_its_camera_is_there() -> None:
    world = damaged(lost=True)
    present = msgspec.structs.replace(world.fates[0], camera_copy=CameraCopy.PRESENT)
    there = {**world.on_camera, (CAMERA, "R1"): len(BYTES["R1"])}
    world = msgspec.structs.replace(world, fates=(present, world.fates[1]), on_camera=there)
    [account] = [a for a in accounts(world) if a.recording == "R1"]
    assert account.standing == "on_camera"


def line(**columns: object) -> object:
    row = {
        "clip_id": CLIPS["R1"], "camera": CAMERA, "recording": "R1", "standing": "damaged", "attempt": 1,
        "interrupted": False, "camera_copy": "wiped", "disposal": None, "quarantine": None, "conflict_with": None,
        "declaration": None, "report": msgspec.to_builtins(item("R1")[0]), "damage": REASON,
    } | columns  # fmt: skip
    ledger = make_ledger([d.inventory for d in healthy().inventories], [row], [])
    return next(line for line in ledger.lines if line.recording == "R1")


def test_the_ledger_shows_damage_and_not_that_the_camera_was_wiped() -> None:
    found = line()
    assert (found.standing, found.on_camera, found.settled, found.reason) == ("damaged", False, True, REASON)  # type: ignore[attr-defined]
    assert line(camera_copy="present").on_camera  # type: ignore[attr-defined]
    assert line(damage=None).reason  # type: ignore[attr-defined]
    assert line(disposal="done").standing == "wiped"  # type: ignore[attr-defined]


def known(**columns: object) -> tuple[Report, Known]:
    row = fate("R1", camera_copy="present", verified_version="v-footage", receipt=receipt_for(), **columns)
    return item("R1")[1], Known(enrolled=True, docking=7, fate=row, conflict=None, conflict_docking=0)


def test_a_report_of_a_damaged_clip_gets_no_receipt_but_the_reason_to_keep_the_camera() -> None:
    with pytest.raises(ReportRejected, match="is damaged now") as rejected:
        admit(*known(standing="damaged"))
    assert (rejected.value.code, rejected.value.clip_id) == ("damaged", CLIPS["R1"])
    assert "keep the camera" in rejected.value.action
    assert admit(*known(standing="damaged", disposal="done")) is Admission.ANSWER
    assert admit(*known(standing="released")) is Admission.ANSWER
