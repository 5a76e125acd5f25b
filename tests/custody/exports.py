"""A custody log of some hundred entries of several clips, its exports, and a verifier that has nothing of ours."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from streams import messages as m
from streams.topics import BY_NAME
from workers.custody import bwv_verify
from workers.custody.checkpoint import Checkpoint, sign_checkpoint
from workers.custody.entry import Recorded, content_of, entry_for, leaf
from workers.custody.export import Row, Timestamp, build_export
from workers.custody.merkle import root
from workers.custody.note import Signer as NoteSigner
from workers.custody.tiles import Edge, Place, hashes_from
from workers.footage.clip import accepted_clip_id, clip_id
from workers.footage.receipt import Receipt, StoredCopy
from workers.footage.recording import Kind, Recording, Report, SourceType
from workers.keys.signing import Role, Signed, Signer
from workers.keys.statements import PURPOSES, Decision, Wiped

SPACE = "force_a"
ORIGIN = "custody.force-a.example"
START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
DOCK = Signer.new(Role.DOCK, "DOCK-01")
RELEASE = Signer.new(Role.SERVICE, "release")
PERSON = Signer.new(Role.PERSON, "SGT-4711")


def note_signer(name: str = ORIGIN) -> NoteSigner:
    return NoteSigner(name, Ed25519PrivateKey.generate())


KEY = note_signer()


def verifier_keys(*signers: NoteSigner) -> list[bwv_verify.Key]:
    return bwv_verify.read_keys([str(signer.verifier) for signer in signers or (KEY,)])


class Clip:
    """One recording with its footage; each event about it is a real message.

    Args:
        accepted: its bytes differed from the declaration, and a person accepted them.
    """

    def __init__(self, number: int, *, accepted: bool = False) -> None:
        self.camera = f"BWC-{number:04}"
        self.recording = f"R{number:04}"
        self.footage = f"footage of {self.recording}".encode() * (number + 1)
        self.size, self.sha256 = len(self.footage), hashlib.sha256(self.footage).hexdigest()
        said = "0" * 64 if accepted else self.sha256
        item = Recording(
            camera=self.camera, recording=self.recording, source_type=SourceType.BODY_WORN, kind=Kind.FOOTAGE,
            sequence=number, size=self.size, sha256=said, measured_size=self.size, measured_sha256=self.sha256,
            media_type="video/mp4", recorded_at=START.isoformat(), ended_at=None, trigger="button", owner="PC-0042",
            clock_offset=0.25, preroll=None, incident=None, urgent=False, incomplete=False, sidecar_size=2,
            sidecar_sha256=hashlib.sha256(b"{}").hexdigest(),
        )  # fmt: skip
        report = Report("DOCK-01", "BAY-01", 7, START.isoformat(), "1" * 64, f"http://dock/{number}", item)
        self.report = DOCK.sign(PURPOSES[Report], report)
        self.declaration: Signed | None = None
        self.id = clip_id(SPACE, self.camera, self.recording, self.size, said)
        if accepted:
            decision = Decision(
                self.id, self.camera, self.recording, True, self.size, self.sha256, "seen by me", "SGT-4711",
                START.isoformat(),
            )  # fmt: skip
            self.declaration = PERSON.sign(PURPOSES[Decision], decision)
            self.id = accepted_clip_id(SPACE, self.camera, self.recording, self.size, self.sha256)

    def events(self) -> list[tuple[str, m.Message]]:
        key, until = f"clips/{self.id}/1/footage", (START + timedelta(days=7)).isoformat()
        copy = StoredCopy("local", key, "v1")
        receipt = Receipt(self.id, self.camera, self.recording, self.size, self.sha256, (copy,), START.isoformat())
        wiped = Wiped(
            self.id, self.camera, self.recording, self.size, self.sha256, "DOCK-01", "BAY-01", START.isoformat()
        )
        return [
            ("clips.registered", m.ClipRegistered(self.id, 1, self.report, declaration=self.declaration)),
            ("clips.secured", m.ClipSecured(self.id, 1, self.report, key, "v1", f"{key}/m", "v2", self.size,
                                            self.sha256, until, declaration=self.declaration)),
            ("clips.verified", m.ClipVerified(self.id, 1, self.report, key, "v1", self.size, self.sha256, 0.125,
                                              START.isoformat(), declaration=self.declaration)),
            ("clips.probed", m.ClipProbed(self.id, self.camera, "v1", "ffprobe 7", True, duration=61.5)),
            ("clips.released", m.ClipReleased(self.id, 1, self.report, self.camera, self.recording,
                                              RELEASE.sign(PURPOSES[Receipt], receipt))),
            ("clips.wiped", m.ClipWiped(self.id, self.camera, self.recording, DOCK.sign(PURPOSES[Wiped], wiped))),
        ]  # fmt: skip


class Log:
    """A custody log in memory: its rows, and its tree as tiles."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.clips: list[str | None] = []
        self.edge = Edge(0, {})
        self.tiles: dict[Place, bytes] = {}

    @property
    def size(self) -> int:
        return len(self.rows)

    def add(self, topic: str, body: bytes, content: dict[str, Any] | None = None) -> None:
        """Record one message as `record` would; `content` is what it took the body to say, if not what it says."""
        index, salt = self.size, hashlib.sha256(str(self.size).encode()).digest()[:16]
        content, unreadable = content_of(body) if content is None else (content, None)
        recorded = Recorded(
            topic=topic, partition=0, offset=index, event_id=m.event_id(topic, index), type=topic,
            time=(START + timedelta(seconds=index)).isoformat(), source=f"/bwv/{SPACE}/intake",
            subject=str(content.get("clip_id", "")), verb=BY_NAME[topic].verb, body=body, content=content,
            unreadable=unreadable,
        )  # fmt: skip
        entry = entry_for(recorded, index, salt)
        text, digest = leaf(entry)
        self.rows.append(Row(entry.index, text, body, salt))
        self.clips.append(entry.clip_id)
        self.tiles.update(self.edge.append([digest]))

    def of(self, clip: str) -> list[Row]:
        return [row for row, about in zip(self.rows, self.clips, strict=True) if about == clip]

    def checkpoint(self, size: int | None = None, signers: Sequence[NoteSigner] = (KEY,), origin: str = ORIGIN) -> str:
        size = self.size if size is None else size
        return sign_checkpoint(Checkpoint(origin, size, root(size, hashes_from(self.tiles))), signers)

    def export(
        self,
        clip: Clip,
        *,
        rows: Sequence[Row] | None = None,
        size: int | None = None,
        timestamp: Timestamp | None = None,
        signers: Sequence[NoteSigner] = (KEY,),
    ) -> dict[str, bytes]:
        return build_export(
            SPACE, clip.id, self.of(clip.id) if rows is None else rows, size or self.size, hashes_from(self.tiles),
            self.checkpoint(size, signers), timestamp,
        )  # fmt: skip


def grown(clips: Sequence[Clip], events: int = 6) -> Log:
    """A log in which the clips' events stand between one another's and between those of cameras."""
    log = Log()
    told = [clip.events()[:events] for clip in clips]
    for step in range(events):
        for number, clip in enumerate(clips):
            topic, message = told[number][step]
            log.add(topic, m.encode(message))
            if step == 0:
                log.add("uploads.reported", m.encode(m.UploadReported(clip.camera, clip.recording, clip.report)))
    return log


def erased(rows: Sequence[Row]) -> list[Row]:
    """The rows as they are after the clip's disposal."""
    return [msgspec.structs.replace(row, payload=None, salt=None) for row in rows]


# -- an expert's machine ---------------------------------------------------------------------------------------

ISOLATED = """\
import runpy, sys
sys.path.append(sys.argv.pop(1))
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Expert:
    """A machine with Python and `cryptography` alone, and a copy of the verifier."""

    def __init__(self, folder: Path) -> None:
        self.site = folder / "site"
        self.site.mkdir(parents=True)
        installed = Path(sysconfig.get_paths()["platlib"])
        for path in (*installed.glob("cryptography"), *installed.glob("cffi"), *installed.glob("_cffi_backend*")):
            (self.site / path.name).symlink_to(path)
        self.verifier = shutil.copy(bwv_verify.__file__, folder / "verify.py")
        self.folder = folder

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return self.python(ISOLATED, self.site, self.verifier, *arguments)

    def python(self, code: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-S", "-c", code, *map(str, arguments)]
        return subprocess.run(command, cwd=self.folder, env={}, capture_output=True, text=True, timeout=60, check=False)


def laid_out(files: Mapping[str, bytes], folder: Path) -> Path:
    """The files of an export in a folder, whatever they are."""
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder
