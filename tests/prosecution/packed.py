"""Real clips in a real store, their custody sealed, and the packages of them that each recipient gets."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from local.ffmpeg import find_ffmpeg
from streams import messages as m
from streams import submission_events
from streams.derivation import Derivation
from streams.settings import Settings, load
from streams.stage import Envelope, Parts
from streams.topics import BY_NAME
from streams.vaults import open_vault
from tests.custody.logs import Sealed, grow
from tests.footage.footage_stages import Scene
from tests.prosecution.office import Office
from tests.retention.gone import service
from workers.custody.bwv_verify import Key, read_keys
from workers.custody.entry import Recorded, content_of
from workers.custody.keys import load_signers, new_key
from workers.custody.note import Signer as NoteSigner
from workers.database.engine import Database
from workers.database.schema import upgrade
from workers.fate.outbox import Event
from workers.fate.row import register
from workers.footage.canonical import derived_id, sha256_hex
from workers.footage.clip import clip_id
from workers.footage.receipt import Receipt, StoredCopy
from workers.footage.recording import PreRoll, Report, Sidecar, SourceType
from workers.keys.keyring import save_public
from workers.keys.signing import Signed, Signer
from workers.keys.statements import PURPOSES, Categorisation, now_iso
from workers.prosecution import statements as s
from workers.prosecution.derivatives.needed import needed
from workers.prosecution.package.bag import BagWriter
from workers.prosecution.package.bag import Sealed as SealedBag
from workers.prosecution.package.build import Builder, Progress
from workers.prosecution.package.contents import Contents
from workers.prosecution.submission import rows
from workers.prosecution.submission.check import exhibits_of, id_of, item_of
from workers.prosecution.submission.preparing import manifest_for
from workers.retention.statements import HoldRequest
from workers.vault.keys import attempt_keys
from workers.vault.s3 import S3Vault

CANARY = "14 Acacia Avenue"
"""What is spoken and seen in one recording, and noted in its redaction file."""

REDACTION = f"""\
# hides {CANARY}
[[blur]]
from = 0.0
to = 2.0
x = 32
y = 48
width = 96
height = 64

[[mute]]
from = 0.5
to = 1.0
"""
HIDDEN = (32, 48, 96, 64)
"""x, y, width, height of what is covered."""

RECORDED = datetime(2026, 10, 22, 13, 2, 11, tzinfo=UTC)
PROSECUTION, SUBJECT, TRAINING = "01AB0012326", "SAR-2026-17", "COURSE-7"
_NUMBERS = itertools.count(1)


def filmed(folder: Path, name: str, *, title: str = "") -> bytes:
    """Two seconds of video with sound, as a camera writes them."""
    path = folder / name
    programs = find_ffmpeg()
    made = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=2", "-f", "lavfi", "-i",
            "sine=frequency=440:sample_rate=48000:duration=2", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt",
            "yuv420p", "-c:a", "aac", "-metadata", f"title={title}", "-shortest"]  # fmt: skip
    subprocess.run([programs.ffmpeg, "-nostdin", "-v", "error", *made, str(path)], check=True, timeout=60)
    return path.read_bytes()


class Packer:
    """One namespace in which packages are made."""

    def __init__(self, settings: Settings, database: Database, office: Office, folder: Path) -> None:
        self.settings = settings
        self.database = database
        self.office = office
        self.folder = folder
        self.offsets: dict[str, int] = {}
        self.sent = 0
        signer: NoteSigner = load_signers(settings.keys / "custody", settings.origin)[0]
        self.log = Sealed(database, key=signer)
        self.log.sealer.origin = settings.origin

    # -- the log -------------------------------------------------------------------------------------------------

    async def record(self, topic: str, message: m.Message) -> None:
        """As the record enters what a stage has published."""
        await self._enter(topic, m.encode(message), f"evt-{topic}-{next(_NUMBERS)}", "intake")

    async def record_outbox(self) -> None:
        """As the relay publishes and the record enters what was decided since."""
        found = await self.database.fetch(
            "SELECT id, topic, body, event_id, source FROM outbox WHERE id > %s ORDER BY id", (self.sent,)
        )
        for row in found:
            self.sent = row["id"]
            if BY_NAME[row["topic"]].recorded:
                await self._enter(row["topic"], bytes(row["body"]), row["event_id"], row["source"])

    async def _enter(self, topic: str, body: bytes, event_id: str, source: str) -> None:
        content, unreadable = content_of(body)
        offset = self.offsets[topic] = self.offsets.get(topic, -1) + 1
        recorded = Recorded(
            topic=topic, partition=0, offset=offset, event_id=event_id, type=topic, time=now_iso(),
            source=f"/bwv/{self.settings.namespace}/{source}", subject=str(content.get("clip_id", "")),
            verb=BY_NAME[topic].verb, body=body, content=content, unreadable=unreadable,
        )  # fmt: skip
        await grow(self.database, [recorded])

    async def seal(self) -> None:
        await self.record_outbox()
        await self.log.seal()

    # -- clips ---------------------------------------------------------------------------------------------------

    async def clip(self, data: bytes, *, incident: str = "I-1", after: timedelta = timedelta()) -> str:
        """A recording that was docked, stored, read back, released and wiped."""
        name = f"R{next(_NUMBERS)}"
        began = RECORDED + after
        sidecar = msgspec.json.encode(Sidecar(name, f"{name}.mp4", SourceType.BODY_WORN, 1, began.isoformat(),
                                              len(data), sha256_hex(data), note=CANARY))  # fmt: skip
        report = self.office.scene.report(
            data, recording=name, recorded_at=began.isoformat(), ended_at=(began + timedelta(seconds=2)).isoformat(),
            clock_offset=-3.0, preroll=PreRoll(0.5), incident=incident, owner="PC-100", sidecar_size=len(sidecar),
            sidecar_sha256=sha256_hex(sidecar),
        )  # fmt: skip
        declared = msgspec.json.decode(report.body, type=Report)
        recording = declared.recording
        clip = clip_id(self.settings.namespace, recording.camera, name, recording.size, recording.sha256)
        async with self.database.transaction() as connection:
            await register(connection, clip_id=clip, report=report, declared=declared, urgent=False, events=[])
        await self.office.store(clip, data, sidecar)
        await self._tell(clip, report, declared)
        return clip

    async def _tell(self, clip: str, report: Signed, declared: Report) -> None:
        recording, at = declared.recording, declared.docked_at
        fate = await self.office.fate(clip)
        key, version = attempt_keys(self.settings.namespace, clip, 1).footage, fate.verified_version or ""
        copy = StoredCopy("local", key, version)
        receipt = Receipt(clip, recording.camera, recording.recording, recording.size, recording.sha256, (copy,), at)
        signed = service(self.settings, "release").sign(PURPOSES[Receipt], receipt)
        size, sha256 = recording.size, recording.sha256
        told: list[tuple[str, m.Message]] = [
            ("clips.registered", m.ClipRegistered(clip, 1, report)),
            ("clips.secured", m.ClipSecured(clip, 1, report, key, version, f"{key}/m", "v", size, sha256, at)),
            ("clips.verified", m.ClipVerified(clip, 1, report, key, version, size, sha256, 0.1, at)),
            ("clips.released", m.ClipReleased(clip, 1, report, recording.camera, recording.recording, signed)),
            *self._kept_quiet(clip),
        ]
        for topic, message in told:
            await self.record(topic, message)

    def _kept_quiet(self, clip: str) -> list[tuple[str, m.Message]]:
        """What no package may tell of."""
        at = now_iso()
        hold = HoldRequest("hold-x", "clip", "complaint", "ADMIN", at, clip_id=clip, restricted=True)
        kept = Categorisation(clip, "complaint", f"a complaint about {CANARY}", "ADMIN", at)
        other = m.ClipSubmitted(
            clip, "submission-other", "case-other", "99ZZ9999999", "XX/9", "cps", "0" * 64, "0" * 64
        )
        sign = self.office.sign
        return [
            ("holds.accepted", m.HoldAccepted(clip, "hold-x", "complaint", sign("ADMIN", hold))),
            ("clips.categorised", m.ClipCategorised(clip, "complaint", "complaint", 1, sign("ADMIN", kept))),
            ("clips.submitted", other),
        ]

    # -- cases and submissions -----------------------------------------------------------------------------------

    async def change(self, change: s.Change, urn: str, by: str = "ADMIN") -> None:
        answer = await self.office.change(change, by, urn)
        assert answer.verdict == "done", answer

    async def case_with(self, clip: str) -> None:
        """A prosecution with this clip as its exhibit JS/1."""
        await self.office.opened(PROSECUTION, "I-1", title="R v Doe")
        exhibit = s.ExhibitAdded("JS/1", clip, "PC 100 SMITH", "the arrest, from the door", None, None, "2026-10-23")
        await self.change(exhibit, PROSECUTION)

    async def _progress(self, event: Event) -> None:
        assert event.topic == "transfers.progressed", f"{event.topic} did not go through the outbox"

    async def derive(self, order: s.DerivativeOrder) -> None:
        """As the derivation stage makes it."""
        stage = Derivation(Parts(self.settings, self.database, self._progress))
        await stage.start()
        try:
            body = m.DerivativeRequested(order.derivative_id, order.clip_id, self.office.sign("ADMIN", order))
            topic = "derivatives.requested"
            headers = {"ce_id": derived_id("evt", next(_NUMBERS))}
            await stage.receive(body, Envelope(topic, 0, 0, order.clip_id, 0.0, headers, m.encode(body)))
        finally:
            await stage.stop()

    async def submit(self, urn: str, purpose: s.Purpose, recipient: s.Recipient, *references: str, **more: Any) -> str:
        """Order, and prepare once everything is made; returns the submission's id."""
        case = await self.office.known(urn)
        exhibits = exhibits_of(case, references)
        order = s.SubmissionOrder(
            submission_id="", case_id=case.case_id, urn=case.urn, purpose=purpose, recipient=recipient, by="ADMIN",
            at=now_iso(), items=tuple(item_of(exhibit, case) for exhibit in exhibits), **more,
        )  # fmt: skip
        order = msgspec.structs.replace(order, submission_id=id_of(self.settings.namespace, order))
        link = f"https://evidence.force.example/l/{derived_id('t', order.submission_id)}"
        async with self.database.transaction() as connection:
            await rows.enter(connection, order, self.office.sign("ADMIN", order))
            manifest = await manifest_for(connection, self.settings.namespace, case, order, link=link)
            seen = await rows.find_on(connection, order.submission_id)
            assert seen is not None
            await rows.prepare(
                connection, seen, manifest, submission_events.prepared(manifest, seen.ordered), waits_for=None
            )
        return order.submission_id

    async def pack(self, submission: str, folder: Path) -> tuple[Contents, SealedBag]:
        """Build a package as `bwv package build` does, but without telling of it."""
        vault = self.vault()
        progress = Progress(lambda left: None, lambda size: None, lambda count: None)
        try:
            with BagWriter(folder) as bag:
                builder = Builder(
                    self.database, vault, self.settings.namespace, ffmpeg=self.settings.ffmpeg
                )  # fmt: skip
                found, custody = await builder.prepare(submission, 0.0, progress)
                sealed = await builder.write(bag, found, custody, progress)
                bag.move()
            return found, sealed
        finally:
            vault.close()

    def vault(self) -> S3Vault:
        """As the command sees it."""
        return open_vault(self.settings, "prosecution")

    @property
    def key(self) -> str:
        """The log's public key."""
        return str(self.log.key.verifier)


@asynccontextmanager
async def packer(home: Path, store: str, bucket: str, dsn: str, folder: Path) -> AsyncIterator[Packer]:
    """A namespace with people, keys and nothing else."""
    programs = find_ffmpeg()
    settings = load(home, namespace=f"packed{next(_NUMBERS)}", store=store, bucket=bucket, database=dsn,
                    ffmpeg=programs.ffmpeg, ffprobe=programs.ffprobe)  # fmt: skip
    upgrade(settings.database, settings.namespace)
    if not (settings.keys / "custody" / f"{settings.namespace}.pem").exists():
        for old in (settings.keys / "custody").glob("*"):
            old.unlink()
        (settings.keys / "custody").mkdir(parents=True, exist_ok=True)
        new_key(settings.keys / "custody", settings.namespace, settings.origin)
    async with Database(settings.database, settings.namespace) as database:
        scene = Scene(settings, database)
        await scene.prepare()
        derivation: Signer = service(settings, "derivation")
        save_public(derivation.enrolment(), settings.keys / "service" / "derivation.pub")
        office = Office(settings, database, scene)
        await office.enrol("BAKER")
        yield Packer(settings, database, office, folder)
        await office.cases.stop()
        await office.stage.stop()


async def submissions(packed: Packer) -> tuple[dict[s.Recipient, str], tuple[str, str]]:
    """Three cases over two clips, a submission to each recipient, and the clips: the plain one and the secret one."""
    office = packed.office
    plain = await packed.clip(filmed(packed.folder, "plain.mp4"))
    secret = await packed.clip(filmed(packed.folder, "secret.mp4", title=CANARY), after=timedelta(minutes=4))
    spare = await packed.clip(b"unused", after=timedelta(minutes=9))
    await packed.case_with(plain)
    added = [
        s.ExhibitAdded("JS/2", plain, "PC 100 SMITH", "the caution", 0.5, 1.5),
        s.ExhibitAdded("AB/1", secret, "PC 101 BROWN", "the caller's account", redaction=REDACTION),
        s.UnusedMarked(spare, s.Relevance.SENSITIVE, f"a neighbour at {CANARY}"),
    ]
    for change in added:
        await packed.change(change, PROSECUTION)
    for kind, urn, title in (
        (s.CaseKind.SUBJECT_ACCESS, SUBJECT, "Request of J. Roe"),
        (s.CaseKind.TRAINING, TRAINING, "De-escalation"),
    ):
        await office.opened(urn, kind=kind, title=title, subject="J. Roe", officer="DPO-1")
        await packed.change(
            s.ExhibitAdded("SA/1", secret, "PC 101 BROWN", "the caller's account", redaction=REDACTION), urn
        )
    until = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    await packed.change(s.Approved(until), TRAINING, by="BAKER")
    for exhibit in (await office.known(PROSECUTION)).standing():
        order = needed(exhibit, by="ADMIN", at=now_iso(), reason=f"because of {CANARY}")
        if order is not None:
            await packed.derive(order)
    made = {
        s.Recipient.CPS: await packed.submit(PROSECUTION, s.Purpose.CHARGING, s.Recipient.CPS),
        s.Recipient.DEFENCE: await packed.submit(PROSECUTION, s.Purpose.DISCLOSURE, s.Recipient.DEFENCE),
        s.Recipient.DATA_SUBJECT: await packed.submit(SUBJECT, s.Purpose.SUBJECT_ACCESS, s.Recipient.DATA_SUBJECT),
        s.Recipient.TRAINING: await packed.submit(TRAINING, s.Purpose.TRAINING, s.Recipient.TRAINING),
    }
    await packed.seal()
    return made, (plain, secret)


class Packs(Struct):
    """A package for each recipient, as they would receive it."""

    key: str
    clips: tuple[str, str]
    seals: dict[s.Recipient, str]
    folders: dict[s.Recipient, Path]

    def folder(self, recipient: s.Recipient) -> Path:
        """Of this recipient's package."""
        return self.folders[recipient]

    @property
    def keys(self) -> list[Key]:
        """The log's public key, as the verifier takes it."""
        return read_keys([self.key])


async def packs(home: Path, store: str, bucket: str, dsn: str, folder: Path) -> Packs:
    """Make a package for each recipient."""
    async with packer(home, store, bucket, dsn, folder) as packed:
        ordered, clips = await submissions(packed)
        made = Packs(packed.key, clips, {}, {})
        for recipient, submission in ordered.items():
            made.folders[recipient] = folder / "out" / recipient.value
            _, sealed = await packed.pack(submission, made.folders[recipient])
            made.seals[recipient] = sealed.seal
        return made
