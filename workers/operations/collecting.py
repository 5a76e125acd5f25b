"""Looks at the whole system once: docks, vault and database become a World.

For a system at rest. What moves meanwhile may show as a violation; then it is looked at again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from msgspec import Struct

from workers.database.engine import Database, Row, execute, fetch
from workers.dock.bays import find_cameras
from workers.dock.camera import Camera
from workers.errors import DockGone
from workers.fate.row import FATE_COLUMNS, Fate
from workers.footage.manifest import Manifest
from workers.footage.recording import Inventory
from workers.keys.signing import EnrolledKey, Signed
from workers.operations.world import (
    Leaf,
    OpenUpload,
    Rejection,
    SignedInventory,
    Stored,
    Told,
    World,
    lane_free,
)
from workers.vault.keys import MANIFEST
from workers.vault.vault import Vault, Version

STRIDE = 1 << 20
READERS = 4
"""Objects that are read at a time: each waits for the store more than it hashes."""
MANIFEST_LIMIT = 16 << 20


class Sight(Struct, frozen=True):
    """With whose eyes the vault is seen: no role may both list and read everything.

    Attributes:
        versions: may list versions; uploads: may list unfinished uploads; reading: may get by version id.
    """

    versions: Vault
    uploads: Vault
    reading: Vault


def unfinished(sight: Sight, prefixes: Iterable[str]) -> list[str]:
    """Keys of the uploads under these prefixes that the store says are unfinished."""
    return [upload.key for prefix in prefixes for upload in sight.uploads.list_uploads(prefix)]


async def collect(
    database: Database,
    sight: Sight,
    docks: Iterable[Path],
    *,
    namespace: str,
    services: Iterable[EnrolledKey],
    unrecorded: Collection[str],
    read_back: bool,
) -> World:
    """Look at everything once: cameras first, then the vault, then the database.

    Args:
        docks: folders whose subfolders are bays.
        services: public keys of the services and of the trust root.
        unrecorded: topics whose events do not come to the custody log.
        read_back: read and hash every byte in the vault.
    """
    cameras, on_camera = await asyncio.to_thread(_cameras, list(docks))
    objects, manifests = await asyncio.to_thread(_objects, sight, namespace, read_back)
    begun = await asyncio.to_thread(unfinished, sight, [f"{namespace}/"])
    async with database.transaction() as connection:
        await execute(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        dockings = await fetch(connection, "SELECT inventory, key, signature FROM dockings ORDER BY camera, docking")
        fates = await fetch(connection, f"SELECT {FATE_COLUMNS} FROM clip_fate ORDER BY clip_id")
        rejections = await fetch(connection, "SELECT camera, recording, reason FROM rejections")
        recorded_uploads = await fetch(connection, "SELECT key FROM open_uploads")
        outbox = await fetch(connection, "SELECT event_id, topic, key, time, body, sent_at FROM outbox ORDER BY id")
        custody = await fetch(
            connection,
            "SELECT index, event_id, type, clip_id, entry, leaf, payload, salt, conflicts_with, time"
            " FROM custody ORDER BY index",
        )
        head = await fetch(connection, "SELECT size FROM custody_head")
        keys = await fetch(
            connection, "SELECT id, role, owner, public, revoked_at IS NOT NULL AS revoked FROM enrolled_keys"
        )
    return World(
        namespace=namespace,
        inventories=tuple(inventory_of(row) for row in dockings),
        fates=tuple(msgspec.convert(row, Fate) for row in fates),
        rejections=tuple(msgspec.convert(row, Rejection) for row in rejections),
        uploads=tuple(
            [OpenUpload(row["key"], "the database") for row in recorded_uploads]
            + [OpenUpload(key, "the store") for key in begun]
        ),
        events=events_of(outbox, custody, unrecorded),
        custody=tuple(Leaf(**{name: row[name] for name in Leaf.__struct_fields__}) for row in custody),
        custody_size=head[0]["size"] if head else 0,
        objects=objects,
        manifests=manifests,
        cameras=cameras,
        on_camera=on_camera,
        keys={key.id: key for key in (*services, *(msgspec.convert(row, EnrolledKey) for row in keys))},
    )


def inventory_of(row: Row) -> SignedInventory:
    """A row of `dockings` as the dock signed it."""
    signed = Signed(row["inventory"], row["key"], row["signature"])
    return SignedInventory(signed, msgspec.json.decode(signed.body, type=Inventory))


def events_of(outbox: list[Row], custody: list[Row], unrecorded: Collection[str]) -> tuple[Told, ...]:
    """Every event once, as it is on record and as it stands in the outbox."""
    events: dict[str, Told] = {}
    for row in custody:
        if row["conflicts_with"] is None:
            told = Told(
                row["event_id"], lane_free(row["type"]), row["clip_id"], row["time"], bytes(row["payload"] or b"")
            )
            events[told.event_id] = told
    for row in outbox:
        topic = lane_free(row["topic"])
        clip = row["key"] if topic.startswith("clips.") else None
        told = Told(row["event_id"], topic, clip, row["time"], bytes(row["body"]), topic not in unrecorded,
                    row["sent_at"] is not None)  # fmt: skip
        events[told.event_id] = told
    return tuple(events.values())


def _cameras(docks: list[Path]) -> tuple[frozenset[str], dict[tuple[str, str], int]]:
    standing: set[str] = set()
    lying: dict[tuple[str, str], int] = {}
    for dock in docks:
        for place in find_cameras(dock)[0]:
            try:
                look = Camera(dock, place).look()
            except DockGone:
                continue
            standing.add(place.camera)
            for found in look.recordings:
                lying[place.camera, found.sidecar.recording] = found.stamp.size
    return frozenset(standing), lying


def _objects(sight: Sight, namespace: str, read_back: bool) -> tuple[tuple[Stored, ...], dict[str, Manifest]]:
    """Everything that lies in the vault, and what the manifests say; each is read once, several at a time."""
    manifests: dict[str, Manifest] = {}

    def looked_at(version: Version) -> Stored:
        digest = None
        reads = read_back and not version.delete_marker and version.key.split("/")[1] in ("clips", "quarantine")
        if not version.delete_marker and version.key.endswith(f"/{MANIFEST}"):
            body = sight.reading.get_small(version.key, version.version_id, limit=MANIFEST_LIMIT)
            manifests[version.key] = msgspec.json.decode(body, type=Manifest)
            digest = hashlib.sha256(body).hexdigest() if reads else None
        elif reads:
            digest = _digest(sight.reading, version)
        return Stored(version.key, version.version_id, version.size, version.delete_marker, digest)

    with ThreadPoolExecutor(READERS, "looks") as readers:
        found = list(readers.map(looked_at, sight.versions.list_versions(f"{namespace}/")))
    return tuple(sorted(found, key=lambda o: (o.key, o.version_id))), manifests


def _digest(vault: Vault, version: Version) -> str:
    digest, buffer = hashlib.sha256(), memoryview(bytearray(min(STRIDE, version.size) or 1))
    with vault.get(version.key, version.version_id) as reader:
        while count := reader.readinto(buffer):
            digest.update(buffer[:count])
    return digest.hexdigest()
