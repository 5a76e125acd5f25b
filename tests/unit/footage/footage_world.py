"""One recording on its way into a vault in memory; the chunk is S3's smallest, so that sizes stay small."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from workers.footage.buffers import Buffers
from workers.footage.canonical import sha256_hex
from workers.footage.clip import clip_id
from workers.footage.deposit import Means
from workers.footage.fake import FakeSource, FakeUploads
from workers.footage.order import Order
from workers.footage.recording import Kind, Recording, Report, SourceType
from workers.footage.transfer import secure
from workers.keys.signing import Role, Signed, Signer
from workers.keys.statements import PURPOSES
from workers.vault.fake import FakeVault
from workers.vault.keys import attempt_keys, quarantine_keys
from workers.vault.vault import Part, Upload, Version

CHUNK = 5 << 20
SIDECAR = b'{"recording":"R1"}'


class CountingVault(FakeVault):
    """Notes what is written, in order, so that a test can say what was sent again."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.after: Callable[[str], None] = lambda _: None

    def put_new(self, key: str, *args: object, **kwargs: object) -> Version:
        version = super().put_new(key, *args, **kwargs)  # type: ignore[arg-type]
        self._noted(f"put {key.rpartition('/')[2]}")
        return version

    def put_part(self, upload: Upload, number: int, data: bytes | memoryview, crc64nvme: int) -> Part:
        part = super().put_part(upload, number, data, crc64nvme)
        self._noted(f"part {number}")
        return part

    def create_upload(self, key: str, **kwargs: object) -> Upload:
        upload = super().create_upload(key, **kwargs)  # type: ignore[arg-type]
        self._noted("create")
        return upload

    def complete(self, upload: Upload, parts: object, **kwargs: object) -> Version:
        version = super().complete(upload, parts, **kwargs)  # type: ignore[arg-type]
        self._noted("complete")
        return version

    def _noted(self, call: str) -> None:
        self.calls.append(call)
        self.after(call)


@dataclass
class World:
    """A vault, a record of uploads, and one clip's order."""

    data: bytes
    vault: CountingVault = field(default_factory=CountingVault)
    uploads: FakeUploads = field(default_factory=FakeUploads)
    buffer_count: int = 2
    sidecar: bytes = SIDECAR

    def __post_init__(self) -> None:
        self.buffers = Buffers(CHUNK, self.buffer_count)
        self.means = Means(vault=self.vault, uploads=self.uploads, buffers=self.buffers, lock_for=60)
        self.order = order_for(self.data)

    def source(self, *data: bytes, **options: object) -> FakeSource:
        return FakeSource(*(data or (self.data,)), sidecar=self.sidecar, **options)  # type: ignore[arg-type]

    def secure(self, source: FakeSource | None = None, **changes: object):
        means = replace(self.means, **{k: v for k, v in changes.items() if k in ("stop", "told", "lock_for")})
        return secure(self.order, source or self.source(), means)

    def stored(self, key: str) -> bytes:
        return self.vault.get_small(key, limit=1 << 30)

    def versions(self) -> dict[str, int]:
        """How many versions each key has, keys without their prefix."""
        count: dict[str, int] = {}
        for version in self.vault.list_versions("t/"):
            short = version.key.removeprefix("t/").replace(self.order.clip_id, "*")
            count[short] = count.get(short, 0) + 1
        return count

    def unfinished(self) -> list[Upload]:
        return list(self.vault.list_uploads("t/"))


def signed_report(data: bytes, **changes: object) -> tuple[Signed, Report]:
    recording = Recording(
        camera="CAM-1",
        recording="R1",
        source_type=SourceType.BODY_WORN,
        kind=Kind.FOOTAGE,
        sequence=1,
        size=len(data),
        sha256=sha256_hex(data),
        measured_size=len(data),
        measured_sha256=sha256_hex(data),
        media_type="video/mp4",
        recorded_at="2026-11-22T10:00:00Z",
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
    recording = Recording(**{name: changes.get(name, getattr(recording, name)) for name in recording.__struct_fields__})
    report = Report("DOCK-1", "BAY-1", 1, "2026-11-22T10:00:00Z", "0" * 64, "http://127.0.0.1:1/x", recording)
    return Signer.new(Role.DOCK, "DOCK-1").sign(PURPOSES[Report], report), report


def order_for(data: bytes, *, conflict_with: str | None = None) -> Order:
    signed, report = signed_report(data)
    clip = clip_id("t", "CAM-1", "R1", len(data), report.recording.sha256)
    return Order(
        clip_id=clip,
        attempt=1,
        report=signed,
        size=len(data),
        sha256=report.recording.sha256,
        sidecar_sha256=sha256_hex(SIDECAR),
        media_type="video/mp4",
        keys=attempt_keys("t", clip, 1),
        apart=quarantine_keys("t", clip),
        conflict_with=conflict_with,
    )


def footage(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


SHORT = footage(70_000)
LONG = footage(3 * CHUNK + 12_345)


@pytest.fixture
def world() -> World:
    return World(LONG)


@pytest.fixture(params=[SHORT, LONG], ids=["one chunk", "several chunks"])
def any_world(request: pytest.FixtureRequest) -> World:
    return World(request.param)
