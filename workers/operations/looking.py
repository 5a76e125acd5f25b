"""One slice of the system as a World: rows and events in one snapshot, then what the vault has of their clips.

The database is read first. Whatever moves between the two looks has then moved on in the vault, which is what
the order of every effect permits (safety.md §2.3); the rest is looked at again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, Database, Row, execute, fetch
from workers.fate.moves import FINAL, CameraCopy, Standing
from workers.fate.row import FATE_COLUMNS, Fate
from workers.keys.signing import EnrolledKey
from workers.operations.collecting import Sight, events_of
from workers.operations.scope import Name, Slice
from workers.operations.shelves import Shelf, Wanted, manifests, with_locks
from workers.operations.world import Leaf, OpenUpload, Rejection, Stored, World
from workers.vault.keys import clip_id_in
from workers.vault.vault import Vault

KEPT_WITHOUT_PROOFS = ("clips.wiped", "clips.readback-failed", "clips.damaged")
"""Events that say where a recording is or that an attempt had failed; the others only prove it."""

NAMED = (
    "JOIN unnest(%(cameras)s::text[], %(recordings)s::text[]) AS named (camera, recording) USING (camera, recording)"
)


class Means(Struct, frozen=True, kw_only=True):
    """With what a reconciliation looks.

    Attributes:
        sight: the vault with the eyes of several roles.
        locks: a role that may see locks; None: no HEAD is sent and no manifest is read.
        keys: enrolled keys and those of the services, by id.
        unrecorded: topics whose events do not come to the custody log.
        begun: keys of unfinished uploads that the store told of; asked for again before a second look.
        proofs: look at receipts, events and custody entries too.
    """

    database: Database
    namespace: str
    sight: Sight
    locks: Vault | None
    keys: Mapping[str, EnrolledKey]
    unrecorded: Collection[str]
    begun: Sequence[str]
    proofs: bool = True


async def look(means: Means, part: Slice, shelf: Shelf) -> World:
    """The World of these recordings alone."""
    named = {"cameras": [camera for camera, _ in part.names], "recordings": [name for _, name in part.names]}
    async with means.database.transaction() as connection:
        await execute(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        columns = ", ".join(f"f.{column}" for column in FATE_COLUMNS.split(", "))
        rows = await fetch(connection, f"SELECT {columns} FROM clip_fate f {NAMED} ORDER BY clip_id", named)
        declared = await fetch(connection, f"SELECT clip_id, camera, recording FROM declared {NAMED}", named)
        rejections = await fetch(connection, f"SELECT camera, recording, reason FROM rejections {NAMED}", named)
        clips = sorted({row["clip_id"] for row in (*rows, *declared)})
        uploads = await fetch(connection, "SELECT key FROM open_uploads WHERE clip_id = ANY(%s)", (clips,))
        outbox, custody = await _told(connection, clips, means.proofs)
    fates = tuple(msgspec.convert(row, Fate) for row in rows)
    wanted = _wanted(fates, clips)
    objects = await shelf.objects(wanted)
    read, unreadable = await asyncio.to_thread(manifests, means.sight.reading, objects) if means.locks else ({}, ())
    if means.locks is not None:
        objects = await asyncio.to_thread(with_locks, means.locks, objects)
    events = events_of(outbox, custody, means.unrecorded)
    names = {row["clip_id"]: (row["camera"], row["recording"]) for row in (*declared, *rows)}
    erased = {names[e.clip_id] for e in events if e.topic == "clips.wiped" and e.clip_id in names}
    return World(
        namespace=means.namespace,
        inventories=part.inventories,
        fates=fates,
        rejections=tuple(msgspec.convert(row, Rejection) for row in rejections),
        uploads=_uploads(means, uploads, set(clips)),
        events=events,
        custody=tuple(Leaf(**{name: row[name] for name in Leaf.__struct_fields__}) for row in custody),
        custody_whole=False,
        objects=tuple(objects),
        manifests=read,
        unreadable=unreadable,
        cameras=frozenset(part.newest),
        on_camera=_last_seen(part, fates, erased),
        keys=means.keys,
        gaps=part.gaps,
    )


def strays(means: Means, objects: Iterable[Stored]) -> World:
    """The World of objects that no row knows of, and of uploads to such keys."""
    return World(namespace=means.namespace, objects=tuple(objects), custody_whole=False)


async def _told(connection: Connection, clips: list[str], proofs: bool) -> tuple[list[Row], list[Row]]:
    kinds: list[str] | None = None if proofs else list(KEPT_WITHOUT_PROOFS)
    asked: dict[str, Any] = {"clips": clips, "kinds": kinds}
    outbox = await fetch(
        connection,
        "SELECT event_id, topic, key, time, body, sent_at FROM outbox WHERE key = ANY(%(clips)s)"
        " AND (%(kinds)s::text[] IS NULL OR topic = ANY(%(kinds)s)) ORDER BY id",
        asked,
    )
    custody = await fetch(
        connection,
        "SELECT index, event_id, type, clip_id, entry, leaf, payload, salt, conflicts_with, time FROM custody"
        " WHERE clip_id = ANY(%(clips)s) AND (%(kinds)s::text[] IS NULL OR type = ANY(%(kinds)s)) ORDER BY index",
        asked,
    )
    return outbox, custody


def _wanted(fates: Sequence[Fate], clips: Sequence[str]) -> list[Wanted]:
    rows = {row.clip_id: row for row in fates}
    made = []
    for clip in clips:
        row = rows.get(clip)
        apart = row is None or row.standing == Standing.QUARANTINED or row.quarantine is not None
        gone = row is None or row.disposal in FINAL
        made.append(Wanted(clip, apart, gone))
    return made


def _uploads(means: Means, recorded: Iterable[Row], clips: set[str]) -> tuple[OpenUpload, ...]:
    ours = [OpenUpload(row["key"], "the database") for row in recorded]
    return tuple(ours + [OpenUpload(key, "the store") for key in means.begun if clip_id_in(key) in clips])


def _last_seen(part: Slice, fates: Sequence[Fate], erased: set[Name]) -> dict[Name, int]:
    """What each camera held when it was last docked, less what is known to be erased since.

    Where a row is, the row says whether its recording was erased: another one may have the same name.
    """
    rows = {(row.camera, row.recording) for row in fates if row.camera_copy != CameraCopy.WIPED}
    listed = {(docking.inventory.camera, item.recording): item.size
              for docking in part.inventories for item in docking.inventory.recordings}  # fmt: skip
    held: dict[Name, int] = {}
    for camera, inventory in part.newest.items():
        held.update({(camera, item.recording): item.size for item in inventory.recordings})
        refused = {(camera, item.name) for item in inventory.refused}
        held.update({name: listed[name] for name in refused & listed.keys()})
    return {name: size for name, size in held.items() if name in rows or name not in erased}
