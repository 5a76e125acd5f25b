"""The stages transfer, verification and probe on a real store and a real database, with a dock in memory."""

from __future__ import annotations

from typing import Any

import msgspec

from streams.messages import ClipRegistered, Message, decode
from streams.settings import Settings
from streams.stage import Envelope, Parts
from streams.topics import BY_NAME
from workers.database.engine import Database
from workers.fate.outbox import Event
from workers.fate.row import Fate, find, register
from workers.footage.canonical import sha256_hex
from workers.footage.clip import accepted_clip_id, clip_id
from workers.footage.fake import FakeSource
from workers.footage.recording import Kind, Recording, Report, SourceType
from workers.keys.keyring import save_public
from workers.keys.signing import Role, Signed, Signer
from workers.keys.statements import PURPOSES, Decision

SIDECAR = b'{"recording":"R1"}'


class Docked(FakeSource):
    """What a dock in memory serves at one location; `abort` is what DockSource has beside a source's methods."""

    def abort(self) -> None:
        self.gone_after = 0


class Scene:
    """One namespace: keys, clips, and the stages' published events."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.published: list[Event] = []
        self.docks: dict[str, Docked] = {}
        self.dock = Signer.new(Role.DOCK, "DOCK-1")
        self.person = Signer.new(Role.PERSON, "ADMIN")

    async def prepare(self) -> None:
        save_public(self.person.enrolment(), self.settings.trust_root)
        for service in ("transfer", "release"):
            path = self.settings.keys / "service" / f"{service}.pem"
            if not path.exists():
                Signer.new(Role.SERVICE, service).save(path)
        for signer in (self.dock, self.person):
            key = signer.enrolment()
            await self.database.execute(
                "INSERT INTO enrolled_keys (id, role, owner, public, enrolled_at, enrolled_by)"
                " VALUES (%s, %s, %s, %s, now(), 'test')",
                (key.id, key.role.value, key.owner, key.public),
            )

    def parts(self) -> Parts:
        return Parts(self.settings, self.database, self._publish)

    async def _publish(self, event: Event) -> None:
        self.published.append(event)

    def source(self, location: str, _: Signer) -> Docked:
        """Stands in for DockSource."""
        if location not in self.docks:
            return Docked(b"", gone_after=0)
        return self.docks[location]

    def report(self, data: bytes, *, docking: int = 1, recording: str = "R1", **changes: Any) -> Signed:
        digest = sha256_hex(data)
        declared = Recording(
            camera="CAM-1",
            recording=recording,
            source_type=SourceType.BODY_WORN,
            kind=Kind.FOOTAGE,
            sequence=1,
            size=len(data),
            sha256=digest,
            measured_size=len(data),
            measured_sha256=digest,
            media_type="video/mp4",
            recorded_at="2026-11-22T10:00:00.000Z",
            ended_at=None,
            trigger="button",
            owner=None,
            clock_offset=0.0,
            preroll=None,
            incident=None,
            urgent=False,
            incomplete=False,
            sidecar_size=len(SIDECAR),
            sidecar_sha256=sha256_hex(SIDECAR),
        )
        declared = msgspec.structs.replace(declared, **changes)
        report = Report(
            "DOCK-1", "BAY-1", docking, "2026-11-22T10:00:00.000Z", "0" * 64, self.location(docking), declared
        )
        return self.dock.sign(PURPOSES[Report], report)

    def location(self, docking: int) -> str:
        return f"http://127.0.0.1:1/CAM-1/{docking}/{'0' * 32}"

    async def registered(
        self,
        data: bytes,
        *,
        docking: int = 1,
        recording: str = "R1",
        serve: Docked | None = None,
        conflict_with: str | None = None,
        **changes: Any,
    ) -> ClipRegistered:
        """A clip as intake leaves it, served at its dock."""
        report = self.report(data, docking=docking, recording=recording, **changes)
        declared = msgspec.json.decode(report.body, type=Report)
        clip = clip_id(self.settings.namespace, "CAM-1", recording, declared.recording.size, declared.recording.sha256)
        self.docks[self.location(docking)] = serve or Docked(data, sidecar=SIDECAR)
        async with self.database.transaction() as connection:
            await register(
                connection,
                clip_id=clip,
                report=report,
                declared=declared,
                urgent=False,
                events=[],
                conflict_with=conflict_with,
            )
        return ClipRegistered(clip, 1, report, conflict_with=conflict_with)

    async def accepted(self, quarantined: ClipRegistered, data: bytes) -> ClipRegistered:
        """A person accepts what lies in quarantine, as intake registers it."""
        decision = Decision(
            quarantined.clip_id,
            "CAM-1",
            "R1",
            True,
            len(data),
            sha256_hex(data),
            "seen",
            "ADMIN",
            "2026-11-22T11:00:00Z",
        )
        signed = self.person.sign(PURPOSES[Decision], decision)
        clip = accepted_clip_id(self.settings.namespace, "CAM-1", "R1", len(data), sha256_hex(data))
        async with self.database.transaction() as connection:
            await register(
                connection,
                clip_id=clip,
                report=quarantined.report,
                declared=msgspec.json.decode(quarantined.report.body, type=Report),
                urgent=False,
                events=[],
                declaration=signed,
            )
        return ClipRegistered(clip, 1, quarantined.report, declaration=signed)

    async def fate(self, clip: str) -> Fate:
        found = await find(self.database, clip)
        assert found is not None
        return found

    async def events(self, clip: str) -> list[tuple[str, Message]]:
        """What the outbox holds of a clip, in order."""
        rows = await self.database.fetch("SELECT topic, body FROM outbox WHERE key = %s ORDER BY id", (clip,))
        return [(row["topic"], decode(bytes(row["body"]), BY_NAME[row["topic"]].carries)) for row in rows]

    async def last(self, clip: str) -> tuple[str, Any]:
        return (await self.events(clip))[-1]

    async def told(self, clip: str, topic: str) -> list[Any]:
        """Every message of one topic about a clip, in order."""
        return [message for found, message in await self.events(clip) if found == topic]


def envelope(topic: str, message: Message, cause: str = "evt-1") -> Envelope:
    return Envelope(topic, 0, 0, getattr(message, "clip_id", ""), 0.0, {"ce_id": cause}, b"")
