"""A force whose clips fall due: rows in PostgreSQL, bytes in a vault, and a clock that a test sets."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from streams.settings import Settings
from streams.sweep import Told
from streams.vaults import open_vault
from tests.fate.rows import insert
from workers.database.engine import Database
from workers.fate.row import Fate, find
from workers.footage.clip import clip_id
from workers.footage.recording import Kind, Recording, Report, SourceType
from workers.keys.signing import EnrolledKey, Role, Signed, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.retention.policies import current
from workers.retention.schedule import reschedule
from workers.retention.shipped import shipped
from workers.retention.sweeping import Sweep, Swept
from workers.vault.keys import attempt_keys, clip_prefix, custody_payload_key
from workers.vault.vault import Vault, Version

DOCK = Signer.new(Role.DOCK, "DOCK-01")
MONTH = timedelta(days=31)
"""Of uncategorised footage, in the policy for demonstrations; 10 s before, it goes into the bin."""
BIN = timedelta(seconds=5)
DIGEST = "0" * 64

_RECORDINGS = itertools.count(1)


class Due:
    """One namespace with a policy in force.

    Attributes:
        later: how far the sweep's clock is ahead of the real one.
        ends: what Kafka would say of the recorded topics.
        reconciler: whose reconciliations count after a rebuild.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.writing = open_vault(settings, "transfer")
        self.vault: Vault = open_vault(settings, "lease")
        self.later = timedelta()
        self.ends: Mapping[tuple[str, int], int] = {}
        self.reconciler: EnrolledKey | None = None

    @property
    def namespace(self) -> str:
        return self.settings.namespace

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later

    async def adopt(self, toml: str | None = None, *changes: tuple[str, str]) -> int:
        """Put a policy in force, as its adoption leaves it; returns its version. Days have 24 hours in it."""
        text = toml or shipped("demo")
        for old, new in (*changes, ('timezone = "Europe/London"', 'timezone = "UTC"')):
            assert old in text
            text = text.replace(old, new)
        [row] = await self.database.fetch("SELECT COALESCE(max(version), 0) + 1 AS next FROM policies")
        await self.database.execute(
            "INSERT INTO policies (version, name, toml, sha256, adopted_at, adopted_by, adoption)"
            " VALUES (%s, 'demo', %s, '', now(), 'ADMIN', '{}')",
            (row["next"], text),
        )
        return int(row["next"])

    async def clip(
        self, age: timedelta = MONTH, *, stored: bool = True, scheduled: bool = True, lock: float = 1.0, **columns: Any
    ) -> str:
        """A clip that was recorded so long ago, released and wiped, unless told otherwise."""
        name, at = f"R{next(_RECORDINGS)}", self.now() - age
        made = clip_id(self.namespace, "CAM-1", name, 5, DIGEST)
        state = {"standing": "released", "camera_copy": "wiped", "verified_version": "v1", "stored_version": "v1"}
        async with self.database.transaction() as connection:
            await insert(connection, state | {"report": report(name, at), "recording": name} | columns, made)
            await connection.execute(
                "INSERT INTO clips (clip_id, source_type, recorded_at, docked_at, registered_at, clock_offset,"
                " incident) VALUES (%s, 'body_worn', %s, %s, %s, 0, 'INC-1')",
                (made, at, at, at),
            )
            if scheduled:
                await reschedule(connection, [made], await current(connection))
        if stored:
            self.store(made, lock)
        return made

    def store(self, clip: str, lock: float) -> None:
        """Put what a transfer leaves into the vault."""
        keys = attempt_keys(self.namespace, clip, 1)
        for key in (keys.footage, keys.sidecar, keys.manifest):
            self.put(key, lock)

    def put(self, key: str, lock: float) -> None:
        self.writing.put_new(key, b"bytes", lock_until=datetime.now(UTC) + timedelta(seconds=lock))

    def put_payload(self, clip: str, lock: float) -> str:
        """A payload of the clip's custody entries, with the record's credentials."""
        key = custody_payload_key(self.namespace, clip, next(_RECORDINGS))
        open_vault(self.settings, "record").put_new(
            key, b"payload", lock_until=datetime.now(UTC) + timedelta(seconds=lock)
        )
        return key

    def sweep(self, **changes: Any) -> Sweep:
        async def ends() -> Mapping[tuple[str, int], int]:
            return self.ends

        made: dict[str, Any] = {"namespace": self.namespace, "ends": ends, "reconciler": self.reconciler,
                                "now": self.now}  # fmt: skip
        return Sweep(self.database, self.vault, Told("test.example"), **(made | changes))

    async def round(self, **changes: Any) -> Swept:
        """One round, once everything that was decided before is published."""
        await self.relayed()
        return await self.sweep(**changes).round()

    async def relayed(self) -> None:
        await self.database.execute("UPDATE outbox SET sent_at = now() WHERE sent_at IS NULL")

    async def unlocked(self, *clips: str) -> None:
        """Wait until the locks of these clips are over, by the store's clock."""
        for clip in clips:
            for version in list(self.vault.list_versions(clip_prefix(self.namespace, clip))):
                await until(lambda version=version: self._free(version), f"the lock of {version.key}")

    async def _free(self, version: Version) -> bool:
        head = self.vault.head(version.key, version.version_id)
        assert head is not None
        return head.lock.until is None or head.lock.until <= head.store_time

    async def row(self, clip: str) -> Fate:
        found = await find(self.database, clip)
        assert found is not None
        return found

    async def disposals(self, *clips: str) -> list[str | None]:
        return [(await self.row(clip)).disposal for clip in clips]

    async def told(self, topic: str) -> list[dict[str, Any]]:
        """Bodies of the events of a topic, oldest first."""
        rows = await self.database.fetch("SELECT body FROM outbox WHERE topic = %s ORDER BY id", (topic,))
        return [msgspec.json.decode(row["body"]) for row in rows]

    async def sweeps(self) -> list[dict[str, Any]]:
        return await self.database.fetch("SELECT * FROM sweeps ORDER BY started_at, cause")

    async def standing_hold(self, hold_id: str = "hold-x", incident: str = "INC-1") -> None:
        """A hold on an incident, as its transaction leaves it, before any clip of it was looked at."""
        await self.database.execute(
            "INSERT INTO holds (hold_id, scope, reason, incident, restricted, request, placed_by, placed_at)"
            " VALUES (%s, 'incident', 'complaint', %s, false, '{}', 'ADMIN', now())",
            (hold_id, incident),
        )


async def until(condition: Callable[[], Awaitable[object]], what: str, patience: float = 30.0) -> None:
    """Wait for something to be true; fail with what was waited for."""
    end = time.monotonic() + patience
    while True:
        if await condition():
            return
        assert time.monotonic() < end, f"waited {patience:g} s for {what}"
        await asyncio.sleep(0.05)


def report(name: str, at: datetime) -> Signed:
    """A dock's report of a recording that began then, and was docked at once."""
    recording = Recording(
        camera="CAM-1", recording=name, source_type=SourceType.BODY_WORN, kind=Kind.FOOTAGE,
        sequence=1, size=5, sha256=DIGEST, measured_size=5, measured_sha256=DIGEST, media_type="video/mp4",
        recorded_at=now_iso(at), ended_at=None, trigger="button", owner="PC-1", clock_offset=0.0, preroll=None,
        incident="INC-1", urgent=False, incomplete=False, sidecar_size=2, sidecar_sha256=DIGEST,
    )  # fmt: skip
    body = Report("DOCK-01", "BAY-01", 1, now_iso(at), DIGEST, "http://127.0.0.1:1/x", recording)
    return DOCK.sign(PURPOSES[Report], body)
