"""Clips on a real store and in a real database whose disposal is committed, and the stage that disposes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from streams.disposal import Disposal
from streams.messages import ClipDisposed, DisposalCommitted, decode, encode
from streams.settings import Settings
from streams.stage import Envelope, Parts
from streams.vaults import open_vault
from tests.footage.footage_stages import SIDECAR, Scene
from workers.database.engine import Database
from workers.fate.moves import Standing
from workers.fate.outbox import Event
from workers.fate.row import Fate, find
from workers.footage.canonical import canonical
from workers.footage.certificate import Certificate
from workers.footage.receipt import Receipt, StoredCopy
from workers.keys.signing import EnrolledKey, Role, Signed, Signer, opened
from workers.keys.statements import PURPOSES, now_iso
from workers.retention.statements import Disposed
from workers.vault.keys import (
    attempt_keys,
    certificate_key,
    custody_payload_key,
    derivatives_prefix,
    places_of,
    quarantine_keys,
)
from workers.vault.s3 import S3Vault
from workers.vault.values import Version

COMMITTED = "disposals.committed"


def service(settings: Settings, name: str) -> Signer:
    """A service's key, made at the first time."""
    path: Path = settings.keys / "service" / f"{name}.pem"
    if not path.exists():
        Signer.new(Role.SERVICE, name).save(path)
    return Signer.load(Role.SERVICE, name, path)


class Gone:
    """One namespace with clips that are to go."""

    def __init__(self, settings: Settings, database: Database, scene: Scene) -> None:
        self.settings = settings
        self.database = database
        self.scene = scene
        self.vaults: dict[str, S3Vault] = {}

    def vault(self, role: str) -> S3Vault:
        """The vault with a role's credentials."""
        if role not in self.vaults:
            self.vaults[role] = open_vault(self.settings, role)
        return self.vaults[role]

    def stage(self) -> Disposal:
        """A disposal stage that has just started; its clock is turned by the test."""

        async def publish(event: Event) -> None:
            raise AssertionError(f"disposal publishes nothing itself: {event}")

        return Disposal(Parts(self.settings, self.database, publish))

    # -- what lies there -----------------------------------------------------------------------------------

    def put(self, role: str, key: str, data: bytes, lock: float = 0.0) -> Version:
        """An object as a role writes it, locked for so many seconds."""
        until = datetime.now(UTC) + timedelta(seconds=lock) if lock else None
        return self.vault(role).put_new(key, data, lock_until=until)

    async def stored(self, recording: str, *, lock: float = 0.0, attempts: int = 1, apart: bool = False) -> Fate:
        """A clip with everything that a clip can have in the vault, released unless it is set `apart`."""
        data = recording.encode() * 1000
        message = await self.scene.registered(data, recording=recording)
        clip, space = message.clip_id, self.settings.namespace
        keys = [attempt_keys(space, clip, number) for number in range(1, attempts + 1)]
        if apart:
            keys = [quarantine_keys(space, clip)]
        versions = []
        for one in keys:
            versions.append(self.put("transfer", one.footage, data, lock))
            self.put("transfer", one.sidecar, SIDECAR, lock)
            self.put("transfer", one.manifest, b"{}", lock)
        self.put("record", custody_payload_key(space, clip, 3), b"[]", lock)
        version = versions[-1].version_id
        copy = StoredCopy("local", keys[-1].footage, version)
        report = message.report
        said = msgspec.json.decode(report.body)["recording"]
        receipt = Receipt(clip, "CAM-1", recording, said["size"], said["sha256"], (copy,), now_iso())
        signed = service(self.settings, "release").sign(PURPOSES[Receipt], receipt)
        standing = Standing.QUARANTINED if apart else Standing.RELEASED
        await self.database.execute(
            "UPDATE clip_fate SET standing = %s, attempt = %s, stored_version = %s, verified_version = %s,"
            " receipt = %s, camera_copy = %s WHERE clip_id = %s",
            (standing, attempts, *((None,) * 3 if apart else (version, version, canonical(signed).decode())),
             "present" if apart else "wiped", clip),
        )  # fmt: skip
        return await self.fate(clip)

    async def fate(self, clip: str) -> Fate:
        found = await find(self.database, clip)
        assert found is not None
        return found

    async def committed(self, fate: Fate) -> DisposalCommitted:
        """Commit the disposal of a clip, as the sweep does."""
        await self.database.execute(
            "UPDATE clip_fate SET disposal = 'committed', intended_at = now(), moved_at = now() WHERE clip_id = %s",
            (fate.clip_id,),
        )
        reasons = ("31 days after the recording (force's schedule, no. 1)",)
        return DisposalCommitted(
            fate.clip_id, fate.camera, fate.recording, fate.report, 3, "uncategorised", "uncategorised", reasons,
            "2026-11-22T10:00:00.000Z", "2026-11-23T10:00:00.000Z", fate.receipt,
        )  # fmt: skip

    def versions(self, clip: str) -> list[Version]:
        """Everything that is left under the clip's prefixes."""
        return [v for prefix in places_of(self.settings.namespace, clip) for v in
                self.vault("disposal").list_versions(prefix)]  # fmt: skip

    def uploads(self, clip: str) -> list[str]:
        return [u.key for prefix in places_of(self.settings.namespace, clip) for u in
                self.vault("disposal").list_uploads(prefix)]  # fmt: skip

    # -- what is told ----------------------------------------------------------------------------------------

    def certificate(self, clip: str) -> Certificate | None:
        """The certificate of a clip; there is at most one version of it."""
        key = certificate_key(self.settings.namespace, clip)
        versions = list(self.vault("disposal").list_versions(key))
        assert len(versions) <= 1
        if not versions:
            return None
        return msgspec.json.decode(self.vault("release").get_small(key), type=Certificate)

    def states(self, signed: Signed | None) -> Disposed:
        """What disposal has signed."""
        key = service(self.settings, "disposal").enrolment()
        assert signed is not None

        def find_key(name: str) -> EnrolledKey | None:
            return key if name == key.id else None

        return opened(PURPOSES[Disposed], signed, Disposed, role=Role.SERVICE, find=find_key)

    async def told(self, clip: str) -> list[ClipDisposed]:
        """Every clips.disposed of a clip."""
        rows = await self.database.fetch(
            "SELECT body FROM outbox WHERE topic = 'clips.disposed' AND key = %s ORDER BY id", (clip,)
        )
        return [decode(bytes(row["body"]), ClipDisposed) for row in rows]

    async def noted(self, clip: str) -> dict[str, object] | None:
        """The row of a disposal under way."""
        return await self.database.fetch_one(
            "SELECT *, extract(epoch FROM due_at - now())::float AS due_in FROM disposals WHERE clip_id = %s", (clip,)
        )

    async def falls_due(self, clip: str) -> None:
        """Turn the clock to when a clip is looked at again."""
        await self.database.execute("UPDATE disposals SET due_at = now() WHERE clip_id = %s", (clip,))

    def derivative(self, clip: str) -> str:
        return f"{derivatives_prefix(self.settings.namespace, clip)}1/redacted.mp4"


def envelope(message: DisposalCommitted) -> Envelope:
    """A message as the engine hands it to the stage."""
    return Envelope(COMMITTED, 0, 0, message.clip_id, 0.0, {"ce_id": "evt-1"}, encode(message))
