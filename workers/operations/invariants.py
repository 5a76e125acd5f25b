"""What must hold, whatever happened: each invariant is a pure function of a World.

    I1 conservation   each declared recording is somewhere, and nothing lies in the vault that nobody declared
    I2 release        a receipt only after a full read-back of the very bytes that the dock signed
    I3 immutability   one version a key, no delete marker, the bytes that the manifest names
    I5 locks          locked for as long as manifest and custody log say (where a HEAD was sent)
    I6 disposal       of a clip that is gone nothing is left but its certificate, which names the decision (I5)
    I7 whole clips    a manifest if and only if footage and sidecar; no upload left of a settled clip
    I8 idempotence    `fingerprint`, to be compared before and after a replay
    I9 custody        an append-only log without gaps that tells every state change once

I4 and the rest of I5 are about holds and the commit of a disposal, I10 about submission. The fault suite runs all
of them after every fault, `bwv reconcile` in production.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from workers.fate.moves import FINAL, Standing
from workers.footage.recording import Inventory
from workers.keys.signing import Role
from workers.operations.accounts import accounts, tallies
from workers.operations.disposed import check_disposed
from workers.operations.locks import check_locks
from workers.operations.proofs import check_release, failed_manifests
from workers.operations.records import check_custody
from workers.operations.violation import Kind, Violation, signed_by
from workers.operations.world import Stored, World
from workers.vault.keys import FOOTAGE, MANIFEST, SIDECAR, attempt_keys, clip_id_in, quarantine_keys

STORE_CHECK = "store-check"


def check_all(world: World) -> list[Violation]:
    """All of them."""
    return [violation for check in CHECKS for violation in check(world)]


def check_conservation(world: World) -> list[Violation]:
    """I1: every recording of every signed inventory is accounted for, to the byte; nothing undeclared is stored."""
    found = []
    for docking in world.inventories:
        subject = f"{docking.inventory.camera} docking {docking.inventory.docking}"
        found += signed_by("I1", subject, world, docking.signed, Inventory, Role.DOCK)
    made = accounts(world)
    for account in made:
        subject = f"{account.camera}/{account.recording}"
        if account.standing is None:
            found.append(Violation("I1", subject, f"{account.declared} bytes are lost: {account.why}", Kind.LOST))
    for tally in tallies(a for a in made if a.standing is not None):
        sums = tuple(sum(column) for column in zip(*tally.standings.values(), strict=True))
        if sums != tally.declared:
            found.append(
                Violation(
                    "I1",
                    f"{tally.dock} {tally.day}",
                    f"declared {tally.declared[0]} files, {tally.declared[1]} bytes; found {tally.standings}",
                    Kind.SUM,
                )
            )
    for gap in world.gaps:
        reason = f"no inventory ever listed its numbers {gap.first} to {gap.last}"
        found.append(Violation("I1", gap.camera, reason, Kind.GAP))
    return [*found, *_undeclared(world, {(a.camera, a.recording) for a in made})]


def _undeclared(world: World, listed: set[tuple[str, str]]) -> Iterable[Violation]:
    known = {row.clip_id for row in world.fates}
    for row in world.fates:
        if (row.camera, row.recording) not in listed:
            reason = f"no inventory of {row.camera} lists {row.recording!r}"
            yield Violation("I1", row.clip_id, reason, Kind.UNDECLARED)
    for stored in world.objects:
        clip = clip_id_in(stored.key)
        if clip is None and _folder(stored) not in ("custody", STORE_CHECK):
            yield Violation("I1", stored.key, "lies in the vault and belongs to nothing", Kind.STRAY)
        elif clip is not None and clip not in known:
            yield Violation("I1", stored.key, "lies in the vault and nobody declared it", Kind.STRAY)


def check_immutability(world: World) -> list[Violation]:
    """I3: one version of each key, no delete marker, and the bytes that the manifest names."""
    found = []
    kept = [o for o in world.objects if clip_id_in(o.key)]
    for key, count in Counter(o.key for o in kept).items():
        if count > 1:
            found.append(Violation("I3", key, f"has {count} versions", Kind.VERSIONS))
    found += [Violation("I3", o.key, "has a delete marker", Kind.MARKER) for o in kept if o.delete_marker]
    by_key = {o.key: o for o in kept}
    failed = failed_manifests(world)
    for key, manifest in world.manifests.items():
        if key in failed:
            continue  # verification has found that already, and said so
        stored = by_key.get(manifest.footage_key)
        if manifest.footage_key != key.removesuffix(MANIFEST) + FOOTAGE:
            found.append(Violation("I3", key, f"names footage elsewhere: {manifest.footage_key}", Kind.MANIFEST))
        elif stored is not None and stored.size != manifest.size:
            reason = f"has {stored.size} bytes; its manifest says {manifest.size}"
            found.append(Violation("I3", stored.key, reason, Kind.MANIFEST))
        elif stored is not None and stored.sha256 not in (None, manifest.sha256):
            reason = f"reads as {stored.sha256}; its manifest says {manifest.sha256}"
            found.append(Violation("I3", stored.key, reason, Kind.BYTES))
    return found


def check_whole_clips(world: World) -> list[Violation]:
    """I7: a manifest if and only if the footage and the sidecar that it names; no upload of a settled clip."""
    found = []
    objects = {o.key: o for o in world.objects if not o.delete_marker}
    damaged = {row.clip_id for row in world.fates if row.standing == Standing.DAMAGED}
    leaving = {row.clip_id for row in world.fates if row.disposal in FINAL}
    for key, manifest in world.manifests.items():
        if manifest.clip_id in damaged | leaving:
            continue  # the scrub has found what is missing, and told it; or its disposal is committed
        prefix = key.removesuffix(MANIFEST)
        named = {prefix + FOOTAGE: manifest.footage_version, prefix + SIDECAR: manifest.sidecar_version}
        for part, version in named.items():
            if part not in objects or objects[part].version_id != version:
                reason = f"names {part} version {version}, which is not there"
                found.append(Violation("I7", key, reason, Kind.MANIFEST))
    found += [Violation("I7", key, "cannot be read as a manifest", Kind.MANIFEST) for key in world.unreadable]
    settled = set()
    for row in world.fates:
        if row.disposal in FINAL or row.standing == Standing.REGISTERED:
            continue
        settled.add(row.clip_id)
        if row.clip_id in damaged:
            continue
        apart = row.standing == Standing.QUARANTINED
        whole = (
            quarantine_keys(world.namespace, row.clip_id)
            if apart
            else attempt_keys(world.namespace, row.clip_id, row.attempt)
        )
        for part in (whole.footage, whole.sidecar, whole.manifest):
            if part not in objects:
                found.append(Violation("I7", row.clip_id, f"is {row.standing}, and {part} is missing", Kind.MISSING))
    return [*found, *_open_uploads(world, settled)]


def _open_uploads(world: World, settled: set[str]) -> Iterable[Violation]:
    known = {row.clip_id for row in world.fates}
    for upload in world.uploads:
        clip = clip_id_in(upload.key)
        if clip not in known:
            reason = f"nobody declared it, and an upload of it is open at {upload.known_to}"
            yield Violation("I7", upload.key, reason, Kind.UPLOAD)
        elif clip in settled:
            reason = f"settled, and an upload of it is still open at {upload.known_to}"
            yield Violation("I7", upload.key, reason, Kind.UPLOAD)


def fingerprint(world: World) -> list[tuple[str, str, int, str]]:
    """I8: what must not differ after a replay: key, version, size and digest of everything that was put there.

    Transfer checks the store at each of its starts; what that leaves is not evidence.
    """
    return sorted((o.key, o.version_id, o.size, o.sha256 or "") for o in world.objects if _folder(o) != STORE_CHECK)


def _folder(stored: Stored) -> str:
    return stored.key.split("/")[1]


CHECKS: tuple[Callable[[World], list[Violation]], ...] = (
    check_conservation,
    check_release,
    check_immutability,
    check_locks,
    check_whole_clips,
    check_disposed,
    check_custody,
)
