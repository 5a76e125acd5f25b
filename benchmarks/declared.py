"""Rows of a force's past for benchmarks and tests: signed inventories and reports, clips, their custody entries.

What is written is what a real system leaves: each signature holds, each leaf is the hash of its entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from workers.custody.entry import Recorded, entry_for, leaf
from workers.database.engine import Connection, Database
from workers.footage.canonical import sha256_hex
from workers.footage.clip import clip_id
from workers.footage.receipt import Receipt, StoredCopy
from workers.footage.recording import Inventory, InventoryItem, Kind, Recording, Report, SourceType
from workers.keys.signing import EnrolledKey, Role, Signed, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.vault.keys import attempt_keys

TOLD = ("clips.registered", "clips.secured", "clips.verified", "clips.released", "clips.wiped", "clips.probed")


@dataclass
class Force:
    """A force with one dock. Each camera is docked once a day.

    Args:
        per_docking: new recordings on a camera at each docking.
        proofs: sign reports and receipts, and write custody entries; without, only rows and inventories.
        size: bytes of a recording.
    """

    namespace: str
    per_docking: int = 10
    proofs: bool = True
    size: int = 100_000_000
    dock: Signer = field(default_factory=lambda: Signer.new(Role.DOCK, "DOCK-01"))
    release: Signer = field(default_factory=lambda: Signer.new(Role.SERVICE, "release"))
    entries: int = 0

    @property
    def keys(self) -> dict[str, EnrolledKey]:
        return {key.id: key for key in (self.dock.enrolment(), self.release.enrolment())}

    def digest(self, camera: str, recording: str) -> str:
        return sha256_hex(f"{camera}/{recording}".encode())

    def clip(self, camera: str, recording: str) -> str:
        return clip_id(self.namespace, camera, recording, self.size, self.digest(camera, recording))

    def names(self, day: int) -> list[str]:
        return [f"{day:03}-{number:03}" for number in range(self.per_docking)]

    async def live(self, database: Database, day: int, at: datetime, cameras: Iterable[int], *, kept: int = 0) -> int:
        """One day of these cameras, from inventory to wiped; returns how many clips.

        Args:
            day: counts up; numbers dockings and recordings.
            kept: how many of the day before are still listed, as when a dock was slow to wipe.
        """
        tables: dict[str, list[tuple[Any, ...]]] = {"dockings": [], "declared": [], "clip_fate": [], "custody": []}
        for number in cameras:
            self._camera(tables, f"BWC-{number:05}", day, at + timedelta(seconds=number % 3600), kept)
        async with database.transaction() as connection:
            for table, rows in tables.items():
                await _copy(connection, table, rows)
            await connection.execute("UPDATE custody_head SET size = %s", (self.entries,))
        return len(tables["clip_fate"])

    def _camera(self, tables: dict[str, list[tuple[Any, ...]]], camera: str, day: int, at: datetime, kept: int) -> None:
        old = self.names(day - 1)[:kept] if day > 1 else []
        items = tuple(
            InventoryItem(name, position, self.size)
            for position, name in enumerate([*old, *self.names(day)], day * self.per_docking - len(old))
        )
        inventory = Inventory("DOCK-01", "BAY-01", camera, day, now_iso(at), None, 0.0, items)
        signed = self.dock.sign(PURPOSES[Inventory], inventory)
        digest = sha256_hex(signed.body.encode())
        tables["dockings"].append(
            (camera, day, "DOCK-01", "BAY-01", at, digest, None, signed.body, signed.key, signed.signature)
        )
        for name in self.names(day):
            clip, sha256 = self.clip(camera, name), self.digest(camera, name)
            report = self._report(camera, name, day, at, digest)
            receipt = self._receipt(clip, camera, name, sha256) if self.proofs else None
            tables["declared"].append((camera, name, sha256, self.size, clip))
            tables["clip_fate"].append(
                (clip, camera, name, "released", day, _json(report), "v-footage", "v-footage",
                 _json(receipt) if receipt else None, "wiped", at, at)
            )  # fmt: skip
            if self.proofs:
                tables["custody"] += self._entries(clip, camera, name, report, at)

    def _report(self, camera: str, name: str, day: int, at: datetime, inventory: str) -> Signed:
        sha256 = self.digest(camera, name)
        recording = Recording(
            camera=camera, recording=name, source_type=SourceType.BODY_WORN, kind=Kind.FOOTAGE, sequence=day,
            size=self.size, sha256=sha256, measured_size=self.size, measured_sha256=sha256, media_type="video/mp4",
            recorded_at=now_iso(at), ended_at=None, trigger="button", owner=None, clock_offset=0.0, preroll=None,
            incident=None, urgent=False, incomplete=False, sidecar_size=2, sidecar_sha256=sha256_hex(b"{}"),
        )  # fmt: skip
        report = Report("DOCK-01", "BAY-01", day, now_iso(at), inventory, "http://127.0.0.1:1/x", recording)
        return self.dock.sign(PURPOSES[Report], report) if self.proofs else Signed(_json(report), self.dock.key, "")

    def _receipt(self, clip: str, camera: str, name: str, sha256: str) -> Signed:
        copy = StoredCopy("local", attempt_keys(self.namespace, clip, 1).footage, "v-footage")
        receipt = Receipt(clip, camera, name, self.size, sha256, (copy,), now_iso())
        return self.release.sign(PURPOSES[Receipt], receipt)

    def _entries(self, clip: str, camera: str, name: str, report: Signed, at: datetime) -> Iterator[tuple[Any, ...]]:
        proof = {"key": attempt_keys(self.namespace, clip, 1).footage, "version_id": "v-footage", "size": self.size,
                 "sha256": self.digest(camera, name)}  # fmt: skip
        for minute, kind in enumerate(TOLD, 1):
            content = {"clip_id": clip, "camera": camera, "attempt": 1, "report": msgspec.to_builtins(report), **proof}
            body, time = msgspec.json.encode(content), at + timedelta(seconds=minute)
            recorded = Recorded(kind, 0, self.entries, f"{kind}/{clip}", kind, time.isoformat(), "bench", clip,
                                "collection", body, content)  # fmt: skip
            salt = hashlib.md5(recorded.event_id.encode(), usedforsecurity=False).digest()
            text, digest = leaf(entry_for(recorded, self.entries, salt))
            yield (self.entries, recorded.event_id, kind, clip, camera, "collection", None, time, text, digest, body,
                   salt, kind, 0, self.entries, None)  # fmt: skip
            self.entries += 1


COLUMNS = {
    "dockings": "camera, docking, dock, bay, docked_at, sha256, previous, inventory, key, signature",
    "declared": "camera, recording, sha256, size, clip_id",
    "clip_fate": "clip_id, camera, recording, standing, docking, report, stored_version, verified_version, receipt,"
    " camera_copy, registered_at, moved_at",
    "custody": "index, event_id, type, clip_id, camera, verb, person, time, entry, leaf, payload, salt, topic,"
    ' partition, "offset", conflicts_with',
}


async def _copy(connection: Connection, table: str, rows: list[tuple[Any, ...]]) -> None:
    statement = f"COPY {table} ({COLUMNS[table]}) FROM STDIN".encode()
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            await copy.write_row(row)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


DAY_ONE = datetime(2026, 1, 1, 6, 0, tzinfo=UTC)
