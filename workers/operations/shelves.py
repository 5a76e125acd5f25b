"""What lies in the vault of some clips: asked clip by clip, or looked up in a listing of everything.

A day's clips are few among millions of keys, so their prefixes are listed, many at a time. For everything at
once the vault is listed from end to end, once, into a temporary table: memory stays flat, and what no row knows
of is one question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Protocol

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, execute, fetch
from workers.errors import StoreAway
from workers.footage.manifest import Manifest
from workers.operations.collecting import MANIFEST_LIMIT
from workers.operations.world import Stored
from workers.vault.faults import NotThere
from workers.vault.keys import MANIFEST, certificate_key, clip_id_in, clip_prefix, places_of, quarantine_keys
from workers.vault.vault import Vault, Version

THREADS = 16
"""Requests at once; a vault keeps as many connections."""

PAGE = 5000
"""Versions that are written to the temporary table together."""

LOCKED_FOLDERS = ("clips", "quarantine")


class Wanted(Struct, frozen=True):
    """A clip whose objects are asked for.

    Attributes:
        apart: it may lie in quarantine.
        gone: its disposal is committed, so there may be a certificate.
    """

    clip_id: str
    apart: bool
    gone: bool


class Shelf(Protocol):
    """Finds the objects of some clips."""

    async def objects(self, wanted: Iterable[Wanted]) -> list[Stored]:
        """Every version and delete marker of these clips, by key."""


class Prefixes:
    """Lists the prefixes of each clip now.

    Args:
        versions: a role that may list versions.
    """

    def __init__(self, versions: Vault, namespace: str) -> None:
        self._versions = versions
        self._namespace = namespace

    async def objects(self, wanted: Iterable[Wanted]) -> list[Stored]:
        """See Shelf."""
        return await asyncio.to_thread(self._listed, list(wanted))

    def _listed(self, wanted: list[Wanted]) -> list[Stored]:
        prefixes = []
        for clip in wanted:
            if clip.gone:
                prefixes += [*places_of(self._namespace, clip.clip_id), certificate_key(self._namespace, clip.clip_id)]
                continue
            prefixes.append(clip_prefix(self._namespace, clip.clip_id))
            if clip.apart:
                prefixes.append(quarantine_keys(self._namespace, clip.clip_id).prefix)
        with ThreadPoolExecutor(THREADS) as pool:
            found = pool.map(lambda prefix: list(self._versions.list_versions(prefix)), prefixes)
            return sorted((_stored(v) for versions in found for v in versions), key=lambda o: (o.key, o.version_id))


class Recorded:
    """A listing of everything, in a temporary table of `connection`, which must stay open as long."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def record(self, versions: Iterable[Version]) -> int:
        """Write a listing down; returns how many versions and markers it has."""
        await execute(
            self._connection,
            "CREATE TEMPORARY TABLE listing (clip_id text, key text NOT NULL, version_id text NOT NULL,"
            " size bigint NOT NULL, delete_marker boolean NOT NULL)",
        )
        listing, count = iter(versions), 0
        async with self._connection.cursor() as cursor, cursor.copy(b"COPY listing FROM STDIN") as copy:
            while page := await asyncio.to_thread(_page, listing):
                count += len(page)
                for row in page:
                    await copy.write_row(row)
        await execute(self._connection, "CREATE INDEX ON listing (clip_id)")
        await execute(self._connection, "ANALYZE listing")
        return count

    async def objects(self, wanted: Iterable[Wanted]) -> list[Stored]:
        """See Shelf."""
        rows = await fetch(
            self._connection,
            "SELECT key, version_id, size, delete_marker FROM listing WHERE clip_id = ANY(%s) ORDER BY key, version_id",
            ([clip.clip_id for clip in wanted],),
        )
        return [msgspec.convert(row, Stored) for row in rows]

    async def strays(self) -> list[Stored]:
        """What lies there of clips that have no row, and of nothing at all."""
        rows = await fetch(
            self._connection,
            "SELECT key, version_id, size, delete_marker FROM listing LEFT JOIN clip_fate f USING (clip_id)"
            " WHERE f.clip_id IS NULL AND (clip_id IS NOT NULL OR split_part(key, '/', 2) NOT IN"
            " ('custody', 'store-check')) ORDER BY key, version_id",
        )
        return [msgspec.convert(row, Stored) for row in rows]


def _page(listing: Iterator[Version]) -> list[tuple[str | None, str, str, int, bool]]:
    return [
        (clip_id_in(version.key), version.key, version.version_id, version.size, version.delete_marker)
        for version in islice(listing, PAGE)
    ]


def _stored(version: Version) -> Stored:
    return Stored(version.key, version.version_id, version.size, version.delete_marker)


def with_locks(vault: Vault, objects: Iterable[Stored]) -> list[Stored]:
    """Each object as a HEAD shows it, with its lock; what a HEAD does not find is left out.

    Args:
        vault: a role that may see locks.
    """

    def asked(stored: Stored) -> Stored | None:
        if stored.delete_marker or stored.key.split("/")[1] not in LOCKED_FOLDERS:
            return stored
        head = vault.head(stored.key, stored.version_id)
        return None if head is None else msgspec.structs.replace(stored, size=head.size, lock=head.lock)

    with ThreadPoolExecutor(THREADS) as pool:
        return [stored for stored in pool.map(asked, objects) if stored is not None]


def manifests(vault: Vault, objects: Iterable[Stored]) -> tuple[dict[str, Manifest], tuple[str, ...]]:
    """The manifests among these objects by key, and the keys of those that are none.

    Args:
        vault: a role that may read by version id.
    """

    def read(stored: Stored) -> tuple[str, Manifest | None] | None:
        try:
            return stored.key, msgspec.json.decode(_body(vault, stored), type=Manifest)
        except msgspec.DecodeError:
            return stored.key, None
        except NotThere:
            return None

    named = [o for o in objects if o.key.endswith(f"/{MANIFEST}") and not o.delete_marker]
    with ThreadPoolExecutor(THREADS) as pool:
        found = [pair for pair in pool.map(read, named) if pair is not None]
    good = {key: manifest for key, manifest in found if manifest is not None}
    return good, tuple(key for key, manifest in found if manifest is None)


def _body(vault: Vault, stored: Stored) -> bytes:
    if stored.size > MANIFEST_LIMIT:
        return b""
    view, done = memoryview(bytearray(stored.size)), 0
    with vault.get(stored.key, stored.version_id) as reader:
        while count := reader.readinto(view[done:]):
            done += count
    if done != stored.size:
        raise StoreAway(f"{stored.key}: {done} bytes came, {stored.size} are listed")
    return bytes(view)
