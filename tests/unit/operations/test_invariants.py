"""Every violation that ingest could cause is planted in a healthy world, and found: planted = found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from tests.unit.operations.worlds import (
    BYTES,
    CAMERA,
    CLIPS,
    DIGESTS,
    DOCK,
    KEYS,
    RELEASE,
    SPACE,
    fate,
    hashed_again,
    healthy,
    on_record,
    receipt_for,
    told,
    verified,
)
from workers.footage.clip import clip_id
from workers.footage.recording import Inventory
from workers.keys.statements import PURPOSES
from workers.operations.accounts import accounts, tallies
from workers.operations.invariants import check_all, fingerprint
from workers.operations.world import OpenUpload, SignedInventory, Stored, World
from workers.vault.keys import attempt_keys, certificate_key

replace = msgspec.structs.replace


def row(world: World, name: str, **columns: Any) -> World:
    fates = tuple(replace(f, **columns) if f.recording == name else f for f in world.fates)
    return replace(world, fates=fates)


def lying(world: World, key: str, **changes: Any) -> World:
    return replace(world, objects=tuple(replace(o, **changes) if o.key == key else o for o in world.objects))


def without(world: World, key: str) -> World:
    return replace(world, objects=tuple(o for o in world.objects if o.key != key))


def beside(world: World, *objects: Stored) -> World:
    return replace(world, objects=(*world.objects, *objects))


def events(world: World, change: Callable[[list[Any]], list[Any]]) -> World:
    """Other events, all of them properly on record."""
    made = change(list(world.events))
    return replace(world, events=tuple(made), custody=on_record(made), custody_size=len(made))


def line(world: World, index: int, **changes: Any) -> World:
    lines = list(world.custody)
    lines[index] = replace(lines[index], **changes)
    return replace(world, custody=tuple(lines))


def resigned(world: World) -> World:
    inventory = world.inventories[0].inventory
    return replace(world, inventories=(SignedInventory(RELEASE.sign(PURPOSES[Inventory], inventory), inventory),))


def off_camera(world: World, name: str) -> World:
    return replace(world, on_camera={k: v for k, v in world.on_camera.items() if k[1] != name})


R1, R2 = KEYS["R1"], KEYS["R2"]
STRANGER = clip_id(SPACE, CAMERA, "R9", 1, "9" * 64)


@dataclass
class Planted:
    invariant: str
    what: str
    plant: Callable[[World], World]


PLANTED = [
    Planted("I1", "a rejected recording is gone from its camera", lambda w: off_camera(w, "R3")),
    Planted("I1", "a verified version is not in the vault", lambda w: without(w, R1.footage)),
    Planted("I1", "a quarantine without a reason, its recording gone", lambda w: off_camera(
        row(w, "R2", quarantine={"key": R2.footage, "version_id": "v-footage", "found_size": 15}), "R2")),
    Planted("I1", "a disposal without a certificate", lambda w: without(
        row(w, "R1", disposal="done"), R1.footage)),
    Planted("I1", "nobody declared an object", lambda w: beside(
        w, Stored(attempt_keys(SPACE, STRANGER, 1).footage, "v", 1))),
    Planted("I1", "an object outside every folder", lambda w: beside(w, Stored(f"{SPACE}/notes.txt", "v", 1))),
    Planted("I1", "a clip that no inventory lists", lambda w: row(w, "R2", recording="R8")),
    Planted("I1", "an inventory that a service signed", resigned),
    Planted("I1", "a byte is missing in the sum of a day", lambda w: lying(w, R1.footage, size=len(BYTES["R1"]) - 1)),
    Planted("I2", "a wiped recording without a receipt", lambda w: row(w, "R1", receipt=None)),
    Planted("I2", "a receipt without a verification", lambda w: events(w, lambda e: [*e[:2], *e[3:]])),
    Planted("I2", "a verification of another version", lambda w: events(
        w, lambda e: [*e[:2], verified(version_id="v-other"), *e[3:]])),
    Planted("I2", "a verification of another digest", lambda w: events(
        w, lambda e: [*e[:2], verified(sha256="1" * 64), *e[3:]])),
    Planted("I2", "a receipt before the verification", lambda w: events(
        w, lambda e: [*e[:3], told("clips.released", "R1", 2), *e[4:]])),
    Planted("I2", "a receipt for another digest", lambda w: row(w, "R1", receipt=receipt_for(sha256="1" * 64))),
    Planted("I2", "a receipt that names no copy", lambda w: row(w, "R1", receipt=receipt_for(copies=()))),
    Planted("I2", "a receipt that the dock signed itself", lambda w: row(
        w, "R1", receipt=DOCK.sign("bwv.receipt.1", msgspec.json.decode(receipt_for().body)))),
    Planted("I2", "a report whose signature does not hold", lambda w: row(
        w, "R1", report=replace(w.fates[0].report, signature=receipt_for().signature))),
    Planted("I2", "other bytes in the vault than released", lambda w: lying(w, R1.footage, sha256="1" * 64)),
    Planted("I2", "an erasure of a clip that has no row", lambda w: events(
        w, lambda e: [*e, told("clips.wiped", "R3", 6)])),
    Planted("I3", "a second version", lambda w: beside(w, Stored(R1.sidecar, "v-second", 2))),
    Planted("I3", "a delete marker", lambda w: beside(w, Stored(R2.footage, "v-marker", 0, delete_marker=True))),
    Planted("I3", "other bytes than the manifest names", lambda w: lying(w, R2.footage, sha256="1" * 64)),
    Planted("I3", "another size than the manifest names", lambda w: lying(w, R2.footage, size=3)),
    Planted("I7", "a manifest without its sidecar", lambda w: without(w, R2.sidecar)),
    Planted("I7", "a manifest that names another version", lambda w: lying(w, R2.sidecar, version_id="v-other")),
    Planted("I7", "a clip without its manifest", lambda w: replace(
        without(w, R1.manifest), manifests={R2.manifest: w.manifests[R2.manifest]})),
    Planted("I7", "an upload of a settled clip", lambda w: replace(
        w, uploads=(OpenUpload(R1.footage, "the store"),))),
    Planted("I9", "an entry is cut out", lambda w: replace(w, custody=(*w.custody[:2], *w.custody[3:]))),
    Planted("I9", "the end is cut off", lambda w: replace(w, custody=w.custody[:-1])),
    Planted("I9", "an entry was rewritten", lambda w: line(
        w, 3, entry=w.custody[3].entry.replace("clips.released", "clips.verified"))),
    Planted("I9", "an entry was rewritten with its leaf", lambda w: replace(
        w, custody=(hashed_again(w.custody[0], event_id="evt-0"), *w.custody[1:]))),
    Planted("I9", "a payload was exchanged", lambda w: line(w, 1, payload=b'{"attempt":1}')),
    Planted("I9", "an event is on record twice", lambda w: line(
        w, 1, event_id=w.custody[0].event_id, entry=w.custody[0].entry)),
    Planted("I9", "an event is not on record", lambda w: replace(
        w, events=(*w.events, told("clips.probed", "R1", 9)))),
    Planted("I9", "an attempt is not on record", lambda w: row(w, "R2", attempt=2)),
]  # fmt: skip


def test_a_healthy_world_has_no_violation() -> None:
    assert check_all(healthy()) == []


@pytest.mark.parametrize("planted", PLANTED, ids=[f"{p.invariant} {p.what}" for p in PLANTED])
def test_what_is_planted_is_found(planted: Planted) -> None:
    found = check_all(planted.plant(healthy()))
    assert planted.invariant in {violation.invariant for violation in found}, found


def test_planted_is_found_for_every_invariant() -> None:
    found = sum(
        planted.invariant in {violation.invariant for violation in check_all(planted.plant(healthy()))}
        for planted in PLANTED
    )
    print(f"\nplanted {len(PLANTED)}, found {found}")
    assert found == len(PLANTED) > 0
    assert {planted.invariant for planted in PLANTED} == {"I1", "I2", "I3", "I7", "I9"}


def test_a_failed_attempt_that_is_on_record_keeps_its_wrong_bytes() -> None:
    failed = replace(
        healthy(),
        manifests={**healthy().manifests, attempt_keys(SPACE, CLIPS["R1"], 2).manifest: _second_manifest()},
        objects=(*healthy().objects, *_second_objects()),
    )
    assert {v.invariant for v in check_all(failed)} == {"I3"}
    known = events(failed, lambda e: [*e, replace(told("clips.readback-failed", "R1", 3), body=_body(2))])
    assert check_all(known) == []


def _body(attempt: int) -> bytes:
    return msgspec.json.encode({"clip_id": CLIPS["R1"], "attempt": attempt})


def _second_manifest() -> Any:
    return replace(healthy().manifests[R1.manifest], attempt=2, footage_key=attempt_keys(SPACE, CLIPS["R1"], 2).footage)


def _second_objects() -> list[Stored]:
    keys = attempt_keys(SPACE, CLIPS["R1"], 2)
    return [
        Stored(keys.footage, "v-footage", len(BYTES["R1"]), False, "1" * 64),
        Stored(keys.sidecar, "v-sidecar", 2, False, "0" * 64),
        Stored(keys.manifest, "v-manifest", 99, False, "0" * 64),
    ]


def test_a_camera_that_is_out_with_its_officer_is_believed() -> None:
    away = replace(healthy(), cameras=frozenset(), on_camera={}, rejections=())
    assert {a.standing for a in accounts(away)} == {"stored", "quarantined", "on_camera"}
    assert check_all(away) == []


def test_a_second_recording_of_the_same_name_has_an_account_of_its_own() -> None:
    world = healthy()
    taken = replace(fate("R3", standing="registered", camera_copy="present"), recording="R1", conflict_with=CLIPS["R1"])
    two = replace(world, fates=(*world.fates, taken))
    assert [a.standing for a in accounts(two) if a.recording == "R1"] == ["stored", None]
    lying_there = replace(two, on_camera={**two.on_camera, (CAMERA, "R1"): len(BYTES["R3"])})
    assert [a.standing for a in accounts(lying_there) if a.recording == "R1"] == ["stored", "on_camera"]


def test_a_disposal_with_its_certificate_is_no_loss() -> None:
    gone = row(healthy(), "R1", disposal="done")
    gone = without(without(without(gone, R1.footage), R1.sidecar), R1.manifest)
    gone = replace(gone, manifests={R2.manifest: gone.manifests[R2.manifest]})
    assert {v.invariant for v in check_all(gone)} == {"I1", "I6"}
    assert check_all(beside(gone, Stored(certificate_key(SPACE, CLIPS["R1"]), "v", 9))) == []


def test_a_dock_s_day_adds_up_to_the_byte() -> None:
    (tally,) = tallies(accounts(healthy()))
    total = sum(len(data) for data in BYTES.values())
    assert (tally.dock, tally.day, tally.declared) == ("DOCK-01", "2026-11-22", (3, total))
    assert {standing: files for standing, (files, _) in tally.standings.items()} == {
        "stored": 1,
        "quarantined": 1,
        "rejected": 1,
    }


def test_the_fingerprint_tells_any_change_in_the_vault() -> None:
    before = fingerprint(healthy())
    assert fingerprint(healthy()) == before
    assert DIGESTS["R1"] in {digest for _, _, _, digest in before}
    for change in ({"sha256": "1" * 64}, {"size": 1}, {"version_id": "v-other"}):
        assert fingerprint(lying(healthy(), R1.footage, **change)) != before
    assert fingerprint(beside(healthy(), Stored(f"{SPACE}/custody/checkpoints/1", "v", 1))) != before
    assert fingerprint(beside(healthy(), Stored(f"{SPACE}/store-check/0a/x", "v", 1))) == before


def test_a_recording_that_is_still_on_its_way_is_no_violation() -> None:
    waiting = replace(healthy(), fates=(fate("R1", standing="registered", camera_copy="present"),))
    waiting = events(waiting, lambda e: e[:1])
    objects = tuple(o for o in waiting.objects if o.key == R1.footage)
    waiting = replace(
        waiting,
        objects=objects,
        manifests={},
        rejections=(),
        on_camera={(CAMERA, name): len(data) for name, data in BYTES.items()},
        uploads=(OpenUpload(R1.footage, "the store"),),
    )
    assert check_all(waiting) == []
