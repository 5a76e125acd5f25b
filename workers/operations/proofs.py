"""I2: a receipt rests on a verification of what the dock signed; a wiped recording is whole in the vault now."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from workers.errors import NameInvalid
from workers.fate.moves import FINAL, CameraCopy, Standing
from workers.fate.row import Fate
from workers.footage.receipt import Receipt
from workers.footage.recording import Report
from workers.keys.signing import Role, Signed
from workers.keys.statements import Decision
from workers.operations.violation import Kind, Violation, signed_by
from workers.operations.world import Stored, Told, World
from workers.vault.keys import attempt_keys


class _Proved(Struct, frozen=True):
    """What a clips.verified event says, as far as it is compared."""

    clip_id: str
    key: str
    version_id: str
    size: int
    sha256: str


class _Failed(Struct, frozen=True):
    """What a clips.readback-failed or clips.damaged event is about."""

    clip_id: str
    attempt: int


def check_release(world: World) -> list[Violation]:
    """I2: a receipt rests on a verification of what the dock signed; a wiped recording is whole in the vault now."""
    found = []
    objects = {(o.key, o.version_id): o for o in world.objects if not o.delete_marker}
    told: dict[tuple[str, str | None], list[Told]] = {}
    for event in world.events:
        told.setdefault((event.topic, event.clip_id), []).append(event)
    rows = {row.clip_id: row for row in world.fates}
    for event in world.events:
        if event.topic in ("clips.released", "clips.wiped"):
            row = rows.get(event.clip_id or "")
            if row is None or row.receipt is None:
                found.append(
                    Violation("I2", str(event.clip_id), f"{event.topic} was told and there is no receipt", Kind.RECEIPT)
                )
    for row in world.fates:
        if row.receipt is not None:
            proofs = told.get(("clips.verified", row.clip_id), [])
            releases = told.get(("clips.released", row.clip_id), [])
            found += _receipt(world, row, row.receipt, proofs, releases, objects)
        elif row.standing == Standing.RELEASED or row.camera_copy == CameraCopy.WIPED:
            found.append(
                Violation("I2", row.clip_id, f"is {row.standing}, {row.camera_copy}, without a receipt", Kind.RECEIPT)
            )
    return found


def _receipt(
    world: World,
    row: Fate,
    signed: Signed,
    proofs: list[Told],
    releases: list[Told],
    objects: dict[tuple[str, str], Stored],
) -> Iterable[Violation]:
    clip = row.clip_id
    yield from signed_by("I2", clip, world, signed, Receipt, Role.SERVICE)
    yield from signed_by("I2", clip, world, row.report, Report, Role.DOCK)
    recording = row.declared().recording
    declared = recording.size, recording.sha256
    if row.declaration is not None:
        yield from signed_by("I2", clip, world, row.declaration, Decision, Role.PERSON)
        decision = msgspec.json.decode(row.declaration.body, type=Decision)
        declared = decision.size, decision.sha256
    receipt = msgspec.json.decode(signed.body, type=Receipt)
    says = receipt.clip_id, receipt.camera, receipt.recording, receipt.size, receipt.sha256
    if says != (clip, row.camera, row.recording, *declared):
        yield Violation("I2", clip, f"the receipt is about {says}; signed for are {declared}", Kind.RECEIPT)
    key, version = attempt_keys(world.namespace, clip, row.attempt).footage, row.verified_version
    if version is None or (key, version) not in {(c.key, c.version_id) for c in receipt.copies}:
        yield Violation(
            "I2", clip, f"the receipt names {receipt.copies}, verified was {key} version {version}", Kind.RECEIPT
        )
    gone = row.disposal in FINAL
    good = [proof.time for proof in proofs if _proves(proof.body, key, version, declared, erased=gone)]
    if not good:
        yield Violation(
            "I2", clip, f"a receipt without a verification of {declared} as version {version}", Kind.RECEIPT
        )
    elif releases and min(good) > min(release.time for release in releases):
        yield Violation("I2", clip, "the receipt was told before the verification", Kind.RECEIPT)
    if gone or row.standing == Standing.DAMAGED:
        return  # found damaged since, and said so: I1 asks for the reason
    stored = objects.get((key, version or ""))
    if stored is None or stored.size != declared[0]:
        yield Violation("I2", clip, f"released, and the vault has {stored}; declared are {declared}", Kind.RECEIPT)
    elif stored.sha256 is not None and stored.sha256 != declared[1]:
        yield Violation("I2", clip, f"released, and what lies in the vault reads as {stored.sha256}", Kind.RECEIPT)


def _proves(body: bytes, key: str, version: str | None, declared: tuple[int, str], *, erased: bool) -> bool:
    """Whether a verification was of this; of a disposed clip the payload may be `erased`, and its leaf remains."""
    if not body:
        return erased
    try:
        proof = msgspec.json.decode(body, type=_Proved)
    except msgspec.DecodeError:
        return False
    return (proof.key, proof.version_id, proof.size, proof.sha256) == (key, version, *declared)


def failed_manifests(world: World) -> set[str]:
    """Manifests of attempts that verification or the scrub has found to be wrong; they stay visible as they are."""
    failed = set()
    for event in world.events:
        if event.topic in ("clips.readback-failed", "clips.damaged"):
            try:
                about = msgspec.json.decode(event.body, type=_Failed)
                failed.add(attempt_keys(world.namespace, about.clip_id, about.attempt).manifest)
            except (msgspec.DecodeError, NameInvalid):
                continue  # erased with its clip, or nothing that verification ever said
    return failed
