"""A small world in which all is well: one dock, one camera, a clip that was wiped, one in quarantine, one rejected."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from workers.custody.entry import Recorded, entry_for, leaf
from workers.fate.row import Fate
from workers.footage.canonical import canonical, sha256_hex
from workers.footage.clip import clip_id
from workers.footage.manifest import Manifest
from workers.footage.receipt import Receipt, StoredCopy
from workers.footage.recording import Inventory, InventoryItem, Kind, Recording, Report, SourceType
from workers.keys.signing import Role, Signed, Signer
from workers.keys.statements import PURPOSES
from workers.operations.world import Leaf, Rejection, SignedInventory, Stored, Told, World
from workers.vault.keys import attempt_keys, quarantine_keys

SPACE = "t"
CAMERA = "BWC-0001"
DOCK = Signer.new(Role.DOCK, "DOCK-01")
RELEASE = Signer.new(Role.SERVICE, "release")
START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
BYTES = {"R1": b"first recording", "R2": b"what lies there", "R3": b"refused"}
DIGESTS = {name: sha256_hex(data) for name, data in BYTES.items()}
DECLARED = DIGESTS | {"R2": sha256_hex(b"what was declared")}


def item(name: str) -> tuple[Signed, Report]:
    size = len(BYTES[name])
    recording = Recording(
        camera=CAMERA, recording=name, source_type=SourceType.BODY_WORN, kind=Kind.FOOTAGE, sequence=1, size=size,
        sha256=DECLARED[name], measured_size=size, measured_sha256=DIGESTS[name], media_type="video/mp4",
        recorded_at=START.isoformat(), ended_at=None, trigger="button", owner=None, clock_offset=0.0, preroll=None,
        incident=None, urgent=False, incomplete=False, sidecar_size=2, sidecar_sha256=sha256_hex(b"{}"),
    )  # fmt: skip
    report = Report("DOCK-01", "BAY-01", 7, START.isoformat(), "0" * 64, "http://127.0.0.1:1/x", recording)
    return DOCK.sign(PURPOSES[Report], report), report


CLIPS = {name: clip_id(SPACE, CAMERA, name, len(BYTES[name]), DECLARED[name]) for name in BYTES}
KEYS = {"R1": attempt_keys(SPACE, CLIPS["R1"], 1), "R2": quarantine_keys(SPACE, CLIPS["R2"])}


def receipt_for(**changes: Any) -> Signed:
    copy = StoredCopy("local", KEYS["R1"].footage, "v-footage")
    receipt = Receipt(CLIPS["R1"], CAMERA, "R1", len(BYTES["R1"]), DIGESTS["R1"], (copy,), START.isoformat())
    return RELEASE.sign(PURPOSES[Receipt], msgspec.structs.replace(receipt, **changes))


def fate(name: str, **columns: Any) -> Fate:
    return Fate(
        clip_id=CLIPS[name], camera=CAMERA, recording=name, attempt=1, interrupted=False, urgent=False, docking=7,
        report=item(name)[0], registered_at=START, moved_at=START, **columns,
    )  # fmt: skip


def told(topic: str, name: str, minute: int, **content: Any) -> Told:
    body = msgspec.json.encode({"clip_id": CLIPS[name], "attempt": 1, **content})
    return Told(f"evt-{topic}-{name}", topic, CLIPS[name], START + timedelta(minutes=minute), body)


def verified(**changes: Any) -> Told:
    proof = {"key": KEYS["R1"].footage, "version_id": "v-footage", "size": len(BYTES["R1"]), "sha256": DIGESTS["R1"]}
    return told("clips.verified", "R1", 3, **proof | changes)


def on_record(events: list[Told]) -> tuple[Leaf, ...]:
    lines = []
    for index, event in enumerate(events):
        content = msgspec.json.decode(event.body)
        recorded = Recorded(
            event.topic, 0, index, event.event_id, event.topic, event.time.isoformat(), "test", "", "collection",
            event.body, content,
        )  # fmt: skip
        salt = index.to_bytes(16, "big")
        entry = entry_for(recorded, index, salt)
        text, digest = leaf(entry)
        lines.append(Leaf(index, event.event_id, event.topic, event.clip_id, text, digest, event.body, salt))
    return tuple(lines)


def stored(name: str) -> list[Stored]:
    keys, data = KEYS[name], BYTES[name]
    return [
        Stored(keys.footage, "v-footage", len(data), False, sha256_hex(data)),
        Stored(keys.sidecar, "v-sidecar", 2, False, sha256_hex(b"{}")),
        Stored(keys.manifest, "v-manifest", 99, False, "0" * 64),
    ]


def manifest(name: str) -> Manifest:
    return Manifest(
        CLIPS[name], 1, item(name)[0], len(BYTES[name]), DIGESTS[name], (), KEYS[name].footage, "v-footage",
        "v-sidecar", START.isoformat(), START.isoformat(), {},
    )  # fmt: skip


def healthy() -> World:
    items = tuple(InventoryItem(name, number, len(BYTES[name])) for number, name in enumerate(BYTES))
    inventory = Inventory("DOCK-01", "BAY-01", CAMERA, 7, START.isoformat(), None, 0.0, items)
    events = [
        told("clips.registered", "R1", 1),
        told("clips.secured", "R1", 2),
        verified(),
        told("clips.released", "R1", 4),
        told("clips.wiped", "R1", 5),
        told("clips.registered", "R2", 1),
        told("clips.quarantined", "R2", 2),
    ]
    apart = {
        "reason": "other bytes",
        "key": KEYS["R2"].footage,
        "version_id": "v-footage",
        "found_size": len(BYTES["R2"]),
    }
    return World(
        namespace=SPACE,
        inventories=(SignedInventory(DOCK.sign(PURPOSES[Inventory], inventory), inventory),),
        fates=(
            fate("R1", standing="released", camera_copy="wiped", receipt=receipt_for(), stored_version="v-footage",
                 verified_version="v-footage"),
            fate("R2", standing="quarantined", camera_copy="present", quarantine=apart),
        ),
        rejections=(Rejection(CAMERA, "R3", "size"),),
        events=tuple(events),
        custody=on_record(events),
        custody_size=len(events),
        objects=(*stored("R1"), *stored("R2")),
        manifests={KEYS[name].manifest: manifest(name) for name in KEYS},
        cameras=frozenset({CAMERA}),
        on_camera={(CAMERA, name): len(BYTES[name]) for name in ("R2", "R3")},
        keys={key.id: key for key in (DOCK.enrolment(), RELEASE.enrolment())},
    )  # fmt: skip


def hashed_again(line: Leaf, **header: Any) -> Leaf:
    """The line with another header and the leaf that belongs to it: a forger who knows how."""
    text = canonical(msgspec.json.decode(line.entry) | header)
    return msgspec.structs.replace(line, entry=text.decode(), leaf=hashlib.sha256(b"\x00" + text).digest())
