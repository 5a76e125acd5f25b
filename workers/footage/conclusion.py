"""What makes stored bytes a clip: the lock looked at, the sidecar, and the manifest last.

Each step is put-if-absent. What is found in the way is read: our own from before a crash is taken over, so that
there is one version a key and the same manifest, however often a step is done again.
"""

from __future__ import annotations

import platform
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version

import msgspec
from msgspec import Struct

from workers.errors import AlreadyThere, StoreAway
from workers.failpoints import reach
from workers.footage.canonical import canonical
from workers.footage.deposit import Deposited, Means, lying
from workers.footage.manifest import Manifest
from workers.footage.order import Order
from workers.footage.source import SIDECAR_LIMIT
from workers.keys.statements import now_iso
from workers.vault.faults import NotAsWritten
from workers.vault.keys import ClipKeys
from workers.vault.vault import Vault, Version

MANIFEST_LIMIT = 16 << 20
"""Bytes; one of 10,000 chunks has about a million."""


class Secured(Struct, frozen=True):
    """The declared bytes lie in the vault under lock, with everything that belongs to them."""

    manifest: Manifest
    manifest_key: str
    manifest_version: str


def conclude(order: Order, stored: Deposited, sidecar: bytes, means: Means) -> Secured:
    """Make stored bytes a clip.

    Raises:
        AlreadyThere: another sidecar or manifest lies there, or the store kept other bytes than it said.
        StoreAway: the store does not keep the lock.
    """
    return _concluded(order, order.keys, stored, sidecar, means)


def concluded_earlier(order: Order, means: Means) -> Secured | None:
    """Finish what an earlier try of this attempt left in the vault, without the source; None if it is needed.

    Raises:
        AlreadyThere: other bytes than declared lie there.
    """
    keys, vault = order.keys, means.vault
    head = vault.head(keys.footage)
    if head is None:
        return None
    manifest = vault.head(keys.manifest)
    if manifest is not None:
        # It was written after the digest was compared; verification will read everything anyway.
        found = _read_manifest(vault, manifest.version)
        _demand_same(order, found, head.version_id, keys.manifest)
        locked(head.version, order.size, means)
        return Secured(found, keys.manifest, manifest.version_id)
    if vault.head(keys.sidecar) is None:
        return None
    stored = lying(keys.footage, means)
    if stored is None:
        return None
    demand_declared(order, stored)
    return conclude(order, stored, vault.get_small(keys.sidecar, limit=SIDECAR_LIMIT), means)


def demand_declared(order: Order, found: Deposited) -> None:
    """Raise AlreadyThere unless what lies in the vault is what was declared."""
    if (found.fixity.size, found.fixity.sha256) != (order.size, order.sha256):
        raise AlreadyThere(
            f"{found.version.key} has {found.fixity}; declared are {order.size} bytes, SHA-256 {order.sha256}"
        )


def conclude_apart(order: Order, stored: Deposited, sidecar: bytes, means: Means) -> None:
    """The same for quarantined bytes; a sidecar or manifest that lies there already stays as it is."""
    _concluded(order, order.apart, stored, sidecar, means, take_over=True)


def locked(stored: Version, size: int, means: Means) -> str:
    """Look at the lock, set it where it is missing or mostly used up, and return its end (ISO 8601).

    Raises:
        AlreadyThere: the store shows another size than it acknowledged.
        StoreAway: it shows no such version, or does not keep the lock.
    """
    vault, now = means.vault, means.now()
    try:
        try:
            head = vault.assert_locked(stored, size, now + timedelta(seconds=means.lock_for / 2))
        except NotAsWritten:
            # Ceph drops the lock of a multipart upload, and a long transfer uses most of it up.
            head = vault.ensure_locked(stored, size, means.lock_end())
    except NotAsWritten as error:
        shown = vault.head(stored.key, stored.version_id)
        if shown is not None and shown.size != size:
            raise AlreadyThere(str(error)) from error
        raise StoreAway(str(error)) from error
    return now_iso(head.lock.until)


def _concluded(
    order: Order, keys: ClipKeys, stored: Deposited, sidecar: bytes, means: Means, *, take_over: bool = False
) -> Secured:
    until = locked(stored.version, stored.fixity.size, means)
    reach("transfer.after_lock")
    beside = _sidecar(keys.sidecar, sidecar, means, take_over)
    reach("transfer.after_sidecar")
    manifest = Manifest(
        clip_id=order.clip_id,
        attempt=order.attempt,
        report=order.report,
        size=stored.fixity.size,
        sha256=stored.fixity.sha256,
        chunks=stored.fixity.chunks,
        footage_key=keys.footage,
        footage_version=stored.version.version_id,
        sidecar_version=beside,
        locked_until=until,
        written_at=now_iso(means.now()),
        tools=TOOLS,
    )
    try:
        version = means.vault.put_new(
            keys.manifest, canonical(manifest), lock_until=means.lock_end(), content_type="application/json"
        )
    except AlreadyThere:
        version = _current(means.vault, keys.manifest)
        manifest = _read_manifest(means.vault, version)
        if not take_over:
            _demand_same(order, manifest, stored.version.version_id, keys.manifest)
    reach("transfer.after_manifest")
    return Secured(manifest, keys.manifest, version.version_id)


def _sidecar(key: str, sidecar: bytes, means: Means, take_over: bool) -> str:
    try:
        return means.vault.put_new(
            key, sidecar, lock_until=means.lock_end(), content_type="application/json"
        ).version_id
    except AlreadyThere:
        version = _current(means.vault, key)
        if not take_over and means.vault.get_small(key, version.version_id, limit=SIDECAR_LIMIT) != sidecar:
            raise
        return version.version_id


def _demand_same(order: Order, found: Manifest, footage_version: str, key: str) -> None:
    expected = (order.clip_id, order.attempt, order.size, order.sha256, footage_version)
    says = (found.clip_id, found.attempt, found.size, found.sha256, found.footage_version)
    if says != expected:
        raise AlreadyThere(f"{key} says {says}; expected {expected}")


def _current(vault: Vault, key: str) -> Version:
    head = vault.head(key)
    if head is None:
        raise StoreAway(f"{key} was refused as taken, and nothing lies there")
    return head.version


def _read_manifest(vault: Vault, version: Version) -> Manifest:
    body = vault.get_small(version.key, version.version_id, limit=MANIFEST_LIMIT)
    try:
        return msgspec.json.decode(body, type=Manifest)
    except msgspec.DecodeError as error:
        raise AlreadyThere(f"{version.key} is taken by something that is no manifest ({error})") from error


def _tools() -> dict[str, str]:
    try:
        ours = version("bwv-ingest")
    except PackageNotFoundError:
        ours = "unpackaged"
    return {"bwv-ingest": ours, "python": platform.python_version()}


TOOLS = _tools()
"""Name and version of what writes manifests in this process."""
