"""A force with cameras, officers and records of stops: the stage, the record and the join over a real database."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from streams import messages as m
from streams.encounters import Encounters
from streams.settings import Settings
from streams.stage import Envelope, Parts
from tests.retention.rebuilt import record
from workers.database.engine import Database, Row
from workers.encounters.statements import Encounter, EncounterReason, EncounterRecord, OfficerThere, encounter_id
from workers.encounters.words import GapKind, Kind, Role
from workers.fate.outbox import Event
from workers.fate.row import register
from workers.footage.camera_log import CameraEvent
from workers.footage.canonical import sha256_hex
from workers.footage.clip import clip_id
from workers.footage.recording import Kind as RecordingKind
from workers.footage.recording import Place, Recording, Report, Sidecar, SourceType
from workers.keys.keyring import save_public
from workers.keys.signing import Role as KeyRole
from workers.keys.signing import Signed, Signer
from workers.keys.statements import PURPOSES, Attribution, Issue, now_iso
from workers.retention.answers import Answer, answer_to
from workers.vault.fake import FakeVault
from workers.vault.keys import attempt_keys

PEOPLE = ("ADMIN", "PC-4711")

_NUMBERS = itertools.count(1)


class Force:
    """One namespace. What is told waits until `recorded` writes it into the custody log, as the record does."""

    def __init__(self, database: Database, home: Path) -> None:
        self.database = database
        self.people = {name: Signer.new(KeyRole.PERSON, name) for name in PEOPLE}
        root = home / "trust-root.pub"
        save_public(self.people["ADMIN"].enrolment(), root)
        self.settings = Settings(home=home, namespace=database.schema, trust_root=root, retry_first=0.01)
        self.stage = Encounters(Parts(self.settings, database, self._never))
        self.vault = self.stage.places.vault = FakeVault()
        self.told: list[Event] = []
        self._declared: dict[str, tuple[Report, Signed, bytes]] = {}
        self._upto = 0

    @staticmethod
    async def _never(event: Event) -> None:
        raise AssertionError(f"{event.topic} did not go through the outbox")

    async def open(self) -> Force:
        for signer in self.people.values():
            key = signer.enrolment()
            await self.database.execute(
                "INSERT INTO enrolled_keys (id, role, owner, public, enrolled_at, enrolled_by)"
                " VALUES (%s, %s, %s, %s, now(), 'ADMIN')",
                (key.id, key.role, key.owner, key.public),
            )
        return self

    def sign(self, body: Any, by: str = "ADMIN") -> Signed:
        return self.people[by].sign(PURPOSES[type(body)], body)

    # -- what happens ------------------------------------------------------------------------------------------

    def tell(self, topic: str, message: m.Message, about: str) -> None:
        cause = (about, next(_NUMBERS))
        self.told.append(m.event(topic, message, key=about, subject=about, source="test", cause=cause))

    def issue(self, camera: str, officer: str, at: datetime) -> None:
        """Into an officer's hands; an empty name gives it back."""
        body = Issue(camera, officer, "ADMIN", now_iso(at))
        signed = self.sign(body)
        if officer:
            self.tell("cameras.issued", m.CameraIssued(camera, officer, signed), camera)
        else:
            self.tell("cameras.returned", m.CameraReturned(camera, officer, signed), camera)

    def clip(
        self,
        name: str,
        camera: str,
        began: datetime,
        ended: datetime | None,
        *,
        source: SourceType = SourceType.BODY_WORN,
        offset: float = 0.0,
        owner: str | None = None,
        incident: str | None = None,
        trigger: str = "button",
        kind: RecordingKind = RecordingKind.FOOTAGE,
        track: Sequence[Place] = (),
    ) -> str:
        """A recording became a clip; its times are the camera's. Returns the clip's id."""
        digest = sha256_hex(name.encode())
        sidecar = msgspec.json.encode(
            Sidecar(name, f"{name}.mp4", source, 1, now_iso(began), 1000, None, track=tuple(track))
        )
        recording = Recording(
            camera=camera, recording=name, source_type=source, kind=kind, sequence=1, size=1000, sha256=digest,
            measured_size=1000, measured_sha256=digest, media_type="video/mp4", recorded_at=now_iso(began),
            ended_at=None if ended is None else now_iso(ended), trigger=trigger, owner=owner, clock_offset=offset,
            preroll=None, incident=incident, urgent=False, incomplete=ended is None, sidecar_size=len(sidecar),
            sidecar_sha256=sha256_hex(sidecar),
        )  # fmt: skip
        report = Report("DOCK-01", "BAY-01", 1, now_iso(), "i" * 64, "http://127.0.0.1:1/x", recording)
        clip = clip_id(self.settings.namespace, camera, name, 1000, digest)
        signed = self.people["ADMIN"].sign(PURPOSES[Report], report)
        self.tell("clips.registered", m.ClipRegistered(clip, 1, signed), clip)
        self._declared[clip] = report, signed, sidecar
        return clip

    async def registered(self, clip: str) -> None:
        """The clip's row, as intake makes it."""
        report, signed, _ = self._declared[clip]
        async with self.database.transaction() as connection:
            await register(connection, clip_id=clip, report=signed, declared=report, urgent=False, events=[])

    async def stored(self, clip: str) -> None:
        """The clip's row and its sidecar, once it is verified."""
        await self.registered(clip)
        sidecar = attempt_keys(self.settings.namespace, clip, 1).sidecar
        version = self.vault.put_new(
            sidecar, self._declared[clip][2], lock_until=datetime.now(UTC) + timedelta(seconds=1)
        )
        await self.database.execute(
            "UPDATE clip_fate SET standing = 'released', verified_version = %s WHERE clip_id = %s",
            (version.version_id, clip),
        )

    def probed(self, clip: str, camera: str, *, sound: bool = True, log: Sequence[tuple[datetime, str]] = ()) -> None:
        audio = {"codec": "aac"} if sound else None
        events = tuple(CameraEvent(at.isoformat(), event) for at, event in log)
        told = m.ClipProbed(clip, camera, "v1", "ffprobe", True, video={"codec": "h264"}, audio=audio, events=events)
        self.tell("clips.probed", told, clip)

    def log_of(self, camera: str, lines: Iterable[tuple[datetime, str]], *, offset: float = 0.0) -> None:
        """The camera's own event log, docked as a recording of its own."""
        said = list(lines)
        name = f"log-{next(_NUMBERS)}"
        clip = self.clip(name, camera, said[0][0], said[-1][0], offset=offset, kind=RecordingKind.EVENT_LOG)
        self.probed(clip, camera, log=said)

    def attribute(self, clip: str, officer: str) -> None:
        body = Attribution(clip, officer, "the issue log is wrong", "ADMIN", now_iso())
        self.tell("clips.attributed", m.ClipAttributed(clip, self.sign(body)), clip)

    async def docked(self, camera: str, at: datetime) -> None:
        await self.database.execute(
            "INSERT INTO cameras (camera, docking, dock, bay, docked_at) VALUES (%s, 1, 'DOCK-01', 'BAY-01', %s)"
            " ON CONFLICT (camera) DO UPDATE SET docked_at = EXCLUDED.docked_at",
            (camera, at),
        )

    # -- what people ask ---------------------------------------------------------------------------------------

    async def give(self, topic: str, message: m.Message, about: str) -> Answer:
        given = f"evt-asked-{next(_NUMBERS)}"
        headers = {"ce_id": given, "ce_type": f"bwv.{topic}"}
        await self.stage.receive(message, Envelope(topic, 0, 0, about, 0.0, headers, m.encode(message)))
        answer = await answer_to(self.database, given)
        assert answer is not None
        return answer

    async def put_on_record(self, encounter: Encounter, by: str = "ADMIN", *, signed: Signed | None = None) -> Answer:
        about = encounter_id(self.settings.namespace, encounter.reference)
        signed = signed or self.sign(EncounterRecord(about, encounter, by, now_iso()), by)
        return await self.give("encounters.requested", m.EncounterRequested(about, signed), about)

    async def reason(self, about: str, officer: str, gap: GapKind, text: str, by: str = "PC-4711", **at: str) -> Answer:
        unmatched = gap is GapKind.UNMATCHED
        body = EncounterReason(
            officer,
            gap,
            text,
            by,
            at.get("at") or now_iso(),
            None if unmatched else about,
            about if unmatched else None,
        )
        message = m.EncounterReasonRequested(about, self.sign(body, by))
        return await self.give("encounters.reason-requested", message, about)

    # -- what the record and the clock do ------------------------------------------------------------------------

    async def recorded(self) -> None:
        """Everything that was told, and what waits in the outbox, becomes entries and catalogue."""
        rows = await self.database.fetch(
            "SELECT id, topic, key, event_id, subject, source, body FROM outbox WHERE id > %s ORDER BY id",
            (self._upto,),
        )
        self._upto = max([self._upto, *(row["id"] for row in rows)])
        told = [
            Event(row["topic"], row["key"], row["event_id"], row["subject"], row["source"], bytes(row["body"]))
            for row in rows
        ]
        batch, self.told = [*self.told, *told], []
        await record(self.database, batch)

    async def looked(self) -> None:
        """The record has written, and the stage has looked."""
        await self.recorded()
        await self.stage.join_what_is_new()

    async def rows(self, table: str) -> list[Row]:
        return await self.database.fetch(f"SELECT * FROM {table}")


def an_encounter(reference: str = "SS-1", at: str = "2026-03-02T14:00:00Z", **values: Any) -> Encounter:
    """A use of force: the kind that needs least; everything else by name."""
    officers = values.pop("officers", ("PC-4711",))
    there = tuple(
        one if isinstance(one, OfficerThere) else OfficerThere(one, Role.PRESENT if place else Role.LEAD)
        for place, one in enumerate(officers)
    )
    said: dict[str, Any] = {"kind": Kind.STOP_ACCOUNT, "place": "High Street"}
    return Encounter(reference=reference, at=at, officers=there, **(said | values))
