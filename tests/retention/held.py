"""Clips in a real store and rows in a real database, people who sign, and the holds stage as its engine calls it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from streams.holds import Holds
from streams.holds.events import asked_as
from streams.messages import ClipRegistered, ClipVerified, HoldLiftRequested, HoldRequested, Message, decode, encode
from streams.settings import Settings
from streams.stage import Envelope, Parts
from streams.topics import BY_NAME
from streams.vaults import open_vault
from tests.footage.footage_stages import Scene
from workers.catalogue.projection import project
from workers.custody.entry import Recorded, content_of
from workers.database.engine import Database
from workers.errors import TryLater
from workers.fate.outbox import Event
from workers.fate.row import Fate, find, register
from workers.footage.canonical import derived_id, sha256_hex
from workers.footage.clip import clip_id
from workers.footage.recording import Place, Report, Sidecar, SourceType
from workers.keys.signing import Role, Signed, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.retention.answers import Answer, answer_to
from workers.retention.schedule import reschedule
from workers.retention.scopes import HoldRow, find_hold
from workers.retention.statements import HoldLift, HoldRequest
from workers.vault.keys import attempt_keys, clip_prefix, quarantine_keys
from workers.vault.vault import Version

TEN = datetime(2026, 11, 22, 10, tzinfo=UTC)
HERE = Place(51.5007, -0.1246)
"""Where the holds of these tests are."""

_NUMBERS = itertools.count(1)


def near(metres: float) -> Place:
    """So far north of here."""
    return Place(HERE.latitude + metres / 111_320.0, HERE.longitude)


class Held:
    """One namespace. What the stage tells waits until `settle` gives it to whoever listens: the stage itself."""

    def __init__(self, settings: Settings, database: Database, scene: Scene) -> None:
        self.settings = settings
        self.database = database
        self.scene = scene
        self.people = {"ADMIN": scene.person}
        self.waiting: list[Event] = []
        self.told: list[Event] = []
        self.sidecars: dict[str, tuple[bytes, bytes]] = {}
        self.stage = Holds(Parts(settings, database, self._publish))

    async def _publish(self, event: Event) -> None:
        self.waiting.append(event)

    async def enrol(self, name: str) -> None:
        key = Signer.new(Role.PERSON, name)
        enrolled = key.enrolment()
        await self.database.execute(
            "INSERT INTO enrolled_keys (id, role, owner, public, enrolled_at, enrolled_by) VALUES (%s, %s, %s, %s,"
            " now(), 'test')",
            (enrolled.id, enrolled.role.value, enrolled.owner, enrolled.public),
        )
        self.people[name] = key

    # -- clips -------------------------------------------------------------------------------------------------

    async def clip(
        self,
        *,
        began: datetime | None = TEN,
        minutes: float | None = 5,
        track: Sequence[Place] = (),
        stored: bool = True,
        catalogued: bool = True,
        **changes: Any,
    ) -> str:
        """A clip, released; `changes` are of its recording. Not stored: as intake leaves it.

        Intake admits no clip without a time; one that came from elsewhere is not in the catalogue.
        """
        name = f"R{next(_NUMBERS)}"
        started = began.isoformat() if began else "no time at all"
        ended = (began + timedelta(minutes=minutes)).isoformat() if began and minutes is not None else None
        sidecar = msgspec.json.encode(
            Sidecar(name, f"{name}.mp4", SourceType.BODY_WORN, 1, started, len(name), None, track=tuple(track))
        )
        changes = {"recorded_at": started, "ended_at": ended, "sidecar_sha256": sha256_hex(sidecar)} | changes
        report = self.scene.report(name.encode(), recording=name, **changes)
        declared = msgspec.json.decode(report.body, type=Report)
        recording = declared.recording
        clip = clip_id(self.settings.namespace, recording.camera, name, recording.size, recording.sha256)
        registered = ClipRegistered(clip, 1, report)
        async with self.database.transaction() as connection:
            await register(connection, clip_id=clip, report=report, declared=declared, urgent=False, events=[])
        if catalogued and began:
            await self.catalogue(registered)
        if stored:
            await self.store(clip, name.encode(), sidecar)
        self.sidecars[clip] = (name.encode(), sidecar)
        return clip

    async def catalogue(self, message: ClipRegistered) -> None:
        """As the record projects it."""
        body = encode(message)
        seen = Recorded("clips.registered", 0, 0, "evt", "clips.registered", now_iso(), "intake", "", "collection",
                        body, content_of(body)[0])  # fmt: skip
        async with self.database.transaction() as connection:
            await project(connection, seen)
            await reschedule(connection, [message.clip_id], None)

    async def stored(self, clip: str) -> None:
        """The bytes of a clip come to the vault, and verification says so."""
        await self.store(clip, *self.sidecars[clip])
        fate = await self.fate(clip)
        verified = ClipVerified(clip, 1, fate.report, "key", fate.verified_version or "", 1, "sha", 0.1, "now")
        await self.give("clips.verified", verified, "evt-verified", clip)
        await self.settle()

    async def store(self, clip: str, footage: bytes, sidecar: bytes, *, standing: str = "released") -> None:
        """Put the clip's objects into the vault, as transfer does, and let its row say so."""
        apart = standing == "quarantined"
        keys = (
            quarantine_keys(self.settings.namespace, clip) if apart else attempt_keys(self.settings.namespace, clip, 1)
        )
        vault, until = open_vault(self.settings, "transfer"), datetime.now(UTC) + timedelta(seconds=2)
        version = vault.put_new(keys.footage, footage, lock_until=until)
        vault.put_new(keys.sidecar, sidecar, lock_until=until)
        vault.put_new(keys.manifest, b"{}", lock_until=until)
        vault.close()
        await self.database.execute(
            "UPDATE clip_fate SET standing = %s, stored_version = %s, verified_version = %s WHERE clip_id = %s",
            (standing, version.version_id, None if apart else version.version_id, clip),
        )

    async def fate(self, clip: str) -> Fate:
        found = await find(self.database, clip)
        assert found is not None
        return found

    async def disposal(self, clip: str, disposal: str | None) -> None:
        """As the sweep and disposal leave a row."""
        await self.database.execute(
            "UPDATE clip_fate SET disposal = %s, intended_at = now(), dispose_from = now() WHERE clip_id = %s",
            (disposal, clip),
        )

    def versions(self, clip: str) -> list[Version]:
        vault = open_vault(self.settings, "disposal")
        try:
            prefixes = clip_prefix(self.settings.namespace, clip), quarantine_keys(self.settings.namespace, clip).prefix
            return [version for prefix in prefixes for version in vault.list_versions(prefix)]
        finally:
            vault.close()

    def holds_at_store(self, clip: str) -> list[bool]:
        """Of every version of the clip: whether its legal hold reads ON."""
        vault = open_vault(self.settings, "disposal")
        try:
            heads = [vault.head(version.key, version.version_id) for version in self.versions(clip)]
            return [head.lock.legal_hold for head in heads if head is not None]
        finally:
            vault.close()

    # -- people --------------------------------------------------------------------------------------------------

    def request(self, by: str = "ADMIN", **fields: Any) -> HoldRequest:
        fields = {"scope": "clip", "reason": "complaint", "at": now_iso()} | fields
        for name in ("since", "until", "earliest_end"):
            if isinstance(fields.get(name), datetime):
                fields[name] = fields[name].isoformat()
        return msgspec.convert({"hold_id": derived_id("hold", next(_NUMBERS)), "by": by} | fields, HoldRequest)

    async def ask(self, by: str = "ADMIN", *, settle: bool = True, **fields: Any) -> tuple[str, Answer]:
        """Ask for a hold: its id, and what was answered."""
        asked = self.request(by, **fields)
        signed = self.people[by].sign(PURPOSES[HoldRequest], asked)
        answer = await self.request_of(asked.hold_id, signed)
        if settle:
            await self.settle()
            answer = await self.answered(asked_as(asked.hold_id))
        return asked.hold_id, answer

    async def request_of(self, hold_id: str, signed: Signed) -> Answer:
        """Give the stage a signed request."""
        request = asked_as(hold_id)
        await self.give("holds.requested", HoldRequested(hold_id, signed), request, hold_id)
        return await self.answered(request)

    async def lift(self, hold_id: str, by: str = "ADMIN", **fields: Any) -> Answer:
        lift = HoldLift(hold_id, "no longer needed", by, now_iso(), **fields)
        signed = self.people[by].sign(PURPOSES[HoldLift], lift)
        request = derived_id("evt", hold_id, by, next(_NUMBERS))
        await self.give("holds.lift-requested", HoldLiftRequested(hold_id, signed), request, hold_id)
        await self.settle()
        return await self.answered(request)

    async def answered(self, request: str) -> Answer:
        found = await answer_to(self.database, request)
        assert found is not None, "nobody answered"
        return found

    # -- messages ------------------------------------------------------------------------------------------------

    async def give(self, topic: str, message: Message, event_id: str, key: str) -> None:
        """Give the stage one message."""
        body = encode(message)
        await self.stage.receive(message, Envelope(topic, 0, 0, key, 0.0, {"ce_id": event_id}, body))

    async def settle(self) -> list[str]:
        """Deliver everything that was told until nothing is left; returns clips that wait for the store."""
        busy: list[str] = []
        while True:
            rows = await self.database.fetch(
                "UPDATE outbox SET sent_at = now() WHERE sent_at IS NULL"
                " RETURNING id, topic, key, event_id AS id_, subject, source, body"
            )
            rows.sort(key=lambda row: row["id"])
            self.waiting += [Event(r["topic"], r["key"], r["id_"], r["subject"], r["source"], r["body"]) for r in rows]
            if not self.waiting:
                return busy
            event = self.waiting.pop(0)
            self.told.append(event)
            if event.topic in self.stage.listens:
                try:
                    await self.give(event.topic, decode(event.body, BY_NAME[event.topic].carries), event.id, event.key)
                except TryLater:
                    busy.append(event.key)

    def topics(self, clip: str) -> list[str]:
        """Topics of what was told of a clip, in order."""
        return [event.topic for event in self.told if event.key == clip]

    async def hold(self, hold_id: str) -> HoldRow:
        async with self.database.connection() as connection:
            found = await find_hold(connection, hold_id)
        assert found is not None
        return found

    async def states(self, hold_id: str) -> dict[str, str]:
        rows = await self.database.fetch("SELECT clip_id, state FROM hold_clips WHERE hold_id = %s", (hold_id,))
        return {row["clip_id"]: row["state"] for row in rows}
