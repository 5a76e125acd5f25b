"""Conservation (I1): where each recording of each signed inventory is, to the file and to the byte.

A recording's standing is the furthest that holds *now*: a row that says "verified" counts only if the version
lies in the vault, "quarantined" only with a reason and its bytes, "disposed" only with its certificate.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from workers.fate.moves import CameraCopy, Disposal, Standing
from workers.fate.row import Fate
from workers.operations.world import Rejection, Stored, World
from workers.vault.keys import attempt_keys, certificate_key


class Account(Struct, frozen=True):
    """One declared recording.

    Attributes:
        dock, day: of the first docking whose inventory lists it.
        declared: bytes by its signed declaration.
        standing: stored, quarantined, disposed, rejected, on_camera; None: nobody can say where it is.
        found: bytes that lie there.
        why: what was looked for in vain, for people.
    """

    dock: str
    day: str
    camera: str
    recording: str
    declared: int
    standing: str | None
    found: int
    why: str = ""


class Tally(Struct, frozen=True):
    """Files and bytes of one dock on one day; `standings` has both for each standing."""

    dock: str
    day: str
    declared: tuple[int, int]
    standings: dict[str, tuple[int, int]]


def accounts(world: World) -> list[Account]:
    """One account for each recording that any inventory lists."""
    objects = {(o.key, o.version_id): o for o in world.objects if not o.delete_marker}
    fates: dict[tuple[str, str], list[Fate]] = {}
    for fate in world.fates:
        fates.setdefault((fate.camera, fate.recording), []).append(fate)
    rejections = {(r.camera, r.recording): r for r in world.rejections}
    made: dict[tuple[str, str], Account] = {}
    for docking in sorted(world.inventories, key=lambda d: d.inventory.docking):
        inventory = docking.inventory
        for item in inventory.recordings:
            name = inventory.camera, item.recording
            if name in made:
                continue
            rows = fates.get(name, [])
            size = rows[0].declared().recording.size if rows else item.size
            standing, found, why = _standing(world, name, rows, size, rejections.get(name), objects)
            made[name] = Account(inventory.dock, inventory.docked_at[:10], *name, size, standing, found, why)
    return list(made.values())


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


def _standing(
    world: World,
    name: tuple[str, str],
    rows: list[Fate],
    size: int,
    rejection: Rejection | None,
    objects: dict[tuple[str, str], Stored],
) -> tuple[str | None, int, str]:
    why: list[str] = []
    for look in (_disposed, _stored, _quarantined):
        for row in rows:
            account = look(world, row, objects, why)
            if account is not None:
                # Bytes that differ from their declaration are kept apart; they stand for those declared.
                return account[0], account[1] or size, ""
    if name in world.on_camera:
        # Nobody has measured what was rejected; its declaration is all that there is.
        return ("rejected", size, "") if rejection and not rows else ("on_camera", world.on_camera[name], "")
    if name[0] not in world.cameras and not any(row.camera_copy == CameraCopy.WIPED for row in rows):
        return "on_camera", size, ""  # it is out with its officer
    why.append("it is not on its camera")
    return None, 0, "; ".join(why)


Where = dict[tuple[str, str], Stored]
Placed = tuple[str, int | None]


def _disposed(world: World, row: Fate, objects: Where, why: list[str]) -> Placed | None:
    if row.disposal not in (Disposal.COMMITTED, Disposal.DONE):
        return None
    certificate = certificate_key(world.namespace, row.clip_id)
    if any(key == certificate for key, _ in objects):
        return "disposed", None
    why.append(f"{row.clip_id} is disposed of without a certificate")
    return None


def _stored(world: World, row: Fate, objects: Where, why: list[str]) -> Placed | None:
    if row.standing not in (Standing.VERIFIED, Standing.RELEASED) or row.verified_version is None:
        return None
    key = attempt_keys(world.namespace, row.clip_id, row.attempt).footage
    stored = objects.get((key, row.verified_version))
    if stored is not None:
        return "stored", stored.size
    why.append(f"{row.clip_id} is {row.standing}, and {key} version {row.verified_version} is not in the vault")
    return None


def _quarantined(world: World, row: Fate, objects: Where, why: list[str]) -> Placed | None:
    if row.standing != Standing.QUARANTINED:
        return None
    facts = row.quarantine or {}
    stored = objects.get((facts.get("key", ""), facts.get("version_id", "")))
    if facts.get("reason") and stored is not None and stored.size == facts.get("found_size"):
        return "quarantined", None
    why.append(f"{row.clip_id} is quarantined, without a reason or without its bytes: {facts}")
    return None
