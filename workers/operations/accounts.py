"""Conservation (I1): where each recording of each signed inventory is, to the file and to the byte.

A recording's standing is the furthest that holds *now*: a row that says "verified" counts only if the version
lies in the vault, "quarantined" only with a reason and its bytes, "disposed" only with its certificate.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from workers.fate.moves import FINAL, CameraCopy, Standing
from workers.fate.row import Fate
from workers.footage.recording import Inventory
from workers.keys.statements import Decision
from workers.operations.world import Stored, World
from workers.vault.keys import attempt_keys, certificate_key


class Account(Struct, frozen=True):
    """One declared recording.

    Attributes:
        dock, day: of the first docking whose inventory lists it.
        declared: bytes by its signed declaration.
        standing: stored, quarantined, disposed, rejected, on_camera, damaged (a re-read has found it, and said so);
            None: nobody can say where it is.
        found: bytes that lie there.
        why: what was looked for in vain, for people.
        clips: those that were made of it.
    """

    dock: str
    day: str
    camera: str
    recording: str
    declared: int
    standing: str | None
    found: int
    why: str = ""
    clips: tuple[str, ...] = ()


class Tally(Struct, frozen=True):
    """Files and bytes of one dock on one day; `standings` has both for each standing."""

    dock: str
    day: str
    declared: tuple[int, int]
    standings: dict[str, tuple[int, int]]


def accounts(world: World) -> list[Account]:
    """One account for each recording that any inventory lists; two where a name was given to two recordings."""
    objects = {(o.key, o.version_id): o for o in world.objects if not o.delete_marker}
    fates: dict[tuple[str, str], list[Fate]] = {}
    for fate in world.fates:
        fates.setdefault((fate.camera, fate.recording), []).append(fate)
    rejected = {(r.camera, r.recording) for r in world.rejections}
    first: dict[tuple[str, str], tuple[Inventory, int]] = {}
    for docking in sorted(world.inventories, key=lambda d: d.inventory.docking):
        for item in docking.inventory.recordings:
            first.setdefault((docking.inventory.camera, item.recording), (docking.inventory, item.size))
    made = []
    for name, (inventory, size) in first.items():
        for rows in _recordings(fates.get(name, [])) or [[]]:
            declared, standing, found, why = _placed(world, name, rows, size, name in rejected, objects)
            clips = tuple(row.clip_id for row in rows)
            made.append(Account(inventory.dock, inventory.docked_at[:10], *name, declared, standing, found, why, clips))
    return made


def tallies(found: Iterable[Account]) -> list[Tally]:
    """The sums per dock and day."""
    days: dict[tuple[str, str], list[Account]] = {}
    for account in found:
        days.setdefault((account.dock, account.day), []).append(account)
    made = []
    for (dock, day), members in sorted(days.items()):
        standings: dict[str, tuple[int, int]] = {}
        for account in members:
            files, size = standings.get(account.standing or "lost", (0, 0))
            standings[account.standing or "lost"] = files + 1, size + account.found
        made.append(Tally(dock, day, (len(members), sum(a.declared for a in members)), standings))
    return made


class _Damage(Struct, frozen=True):
    """What a clips.damaged event says, as far as people need it here."""

    clip_id: str
    reason: str


def damages(world: World) -> dict[str, str]:
    """Clip → what the scrub has found wrong with it, and told."""
    found = [event for event in world.events if event.topic == "clips.damaged"]
    # A payload is erased with its clip; of a clip that is disposed of nobody asks for it.
    told = (msgspec.json.decode(event.body, type=_Damage) for event in found if event.body)
    return {damage.clip_id: damage.reason for damage in told}


Placed = tuple[int, str | None, int, str]
"""Declared bytes, standing, found bytes, and why not."""
Where = dict[tuple[str, str], Stored]


def _recordings(rows: list[Fate]) -> list[list[Fate]]:
    """The rows of each recording: its own, and that of the same bytes accepted by a person."""
    groups = {row.clip_id: [row] for row in rows if row.declaration is None}
    for row in rows:
        if row.declaration is not None:
            original = msgspec.json.decode(row.declaration.body, type=Decision).clip_id
            groups.setdefault(original, []).append(row)
    return list(groups.values())


def _placed(
    world: World, name: tuple[str, str], rows: list[Fate], listed: int, rejected: bool, objects: Where
) -> Placed:
    why: list[str] = []
    for look in (_disposed, _stored, _quarantined):
        for row in rows:
            placed = look(world, row, objects, why)
            if placed is not None:
                return placed
    size = _declared(rows[0]) if rows else listed
    wiped = any(row.camera_copy == CameraCopy.WIPED for row in rows)
    if not wiped and name in world.on_camera:
        # Nobody has measured what was rejected; its declaration is all that there is.
        return (size, "rejected", size, "") if rejected and not rows else (size, "on_camera", world.on_camera[name], "")
    if not wiped and name[0] not in world.cameras:
        return size, "on_camera", size, ""  # it is out with its officer
    damaged = damages(world)
    if told := [damaged[row.clip_id] for row in rows if row.standing == Standing.DAMAGED and row.clip_id in damaged]:
        # What is left of it stands for what was declared; what is wrong with it is visible.
        return size, "damaged", size, told[0]
    why.append("it is not on its camera")
    return size, None, 0, "; ".join(why)


def _declared(row: Fate) -> int:
    if row.declaration is not None:
        return msgspec.json.decode(row.declaration.body, type=Decision).size
    return row.declared().recording.size


def _disposed(world: World, row: Fate, objects: Where, why: list[str]) -> Placed | None:
    if row.disposal not in FINAL:
        return None
    certificate = certificate_key(world.namespace, row.clip_id)
    if any(key == certificate for key, _ in objects):
        return _declared(row), "disposed", _declared(row), ""
    why.append(f"{row.clip_id} is disposed of without a certificate")
    return None


def _stored(world: World, row: Fate, objects: Where, why: list[str]) -> Placed | None:
    if row.standing not in (Standing.VERIFIED, Standing.RELEASED) or row.verified_version is None:
        return None
    key = attempt_keys(world.namespace, row.clip_id, row.attempt).footage
    stored = objects.get((key, row.verified_version))
    if stored is not None:
        return _declared(row), "stored", stored.size, ""
    why.append(f"{row.clip_id} is {row.standing}, and {key} version {row.verified_version} is not in the vault")
    return None


def _quarantined(world: World, row: Fate, objects: Where, why: list[str]) -> Placed | None:
    if row.standing != Standing.QUARANTINED:
        return None
    facts = row.quarantine or {}
    stored = objects.get((facts.get("key", ""), facts.get("version_id", "")))
    if facts.get("reason") and stored is not None and stored.size == facts.get("found_size"):
        # Bytes that differ from their declaration are kept apart; they stand for those declared.
        return _declared(row), "quarantined", _declared(row), ""
    why.append(f"{row.clip_id} is quarantined, without a reason or without its bytes: {facts}")
    return None
