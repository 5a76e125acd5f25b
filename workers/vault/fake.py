"""A vault in memory that keeps the same rules, under the same contract suite as the real one.

It is honest about what matters to the rules (versions, locks against an injected clock, legal holds,
put-if-absent, checksums, parts) and knows nothing of networks. For faults, wrap it.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from workers.errors import AlreadyThere, ConfigurationInvalid, RuleBroken
from workers.vault import checksums, wire
from workers.vault.faults import BytesRefused, NotAsWritten, NotThere, StillLocked, UploadGone
from workers.vault.locking import Locking
from workers.vault.values import MAXIMUM_PARTS, MINIMUM_PART, Lock, ObjectHead, Part, Upload, Version


@dataclass(slots=True)
class _Stored:
    version: Version
    data: bytes
    checksum: int
    lock: Lock


@dataclass(slots=True)
class _Begun:
    upload: Upload
    lock: Lock
    parts: dict[int, tuple[Part, bytes]] = field(default_factory=dict)


class FakeReader:
    """Reads bytes that are in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0

    @property
    def size(self) -> int:
        """Bytes of this read."""
        return len(self._data)

    def readinto(self, buffer: memoryview) -> int:
        """Copies as much as fits."""
        count = min(len(buffer), len(self._data) - self._at)
        buffer[:count] = self._data[self._at : self._at + count]
        self._at += count
        return count

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FakeVault(Locking):
    """`workers.vault.vault.Vault` has the contract of each method.

    Args:
        now: the store's clock; locks are measured by it.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._stored: dict[str, list[_Stored]] = {}
        self._begun: dict[str, _Begun] = {}
        self._count = 0
        self._mutex = threading.RLock()

    def put_new(
        self,
        key: str,
        data: bytes | memoryview,
        *,
        lock_until: datetime | None,
        content_type: str = "application/octet-stream",
        crc64nvme: int | None = None,
    ) -> Version:
        """PutObject with If-None-Match: *."""
        data = bytes(data)
        with self._mutex:
            if crc64nvme not in (None, checksums.crc64nvme(data)):
                raise BytesRefused(f"{key}: the bytes have another CRC64NVME than announced")
            if self._current(key):
                raise AlreadyThere(f"{key} exists and was not overwritten: read it and compare")
            return self._store(key, data, _md5(data), self._locked(lock_until))

    def create_upload(
        self, key: str, *, lock_until: datetime | None, content_type: str = "application/octet-stream"
    ) -> Upload:
        """CreateMultipartUpload."""
        with self._mutex:
            upload = Upload(key, f"upload-{self._next()}")
            begun = replace(upload, initiated=self._now())
            self._begun[upload.upload_id] = _Begun(begun, self._locked(lock_until))
            return upload

    def put_part(self, upload: Upload, number: int, data: bytes | memoryview, crc64nvme: int) -> Part:
        """UploadPart."""
        if not 1 <= number <= MAXIMUM_PARTS:
            raise RuleBroken(f"part {number} of {upload.key}: S3 takes 1 to {MAXIMUM_PARTS}, use bigger chunks")
        data = bytes(data)
        with self._mutex:
            begun = self._upload(upload)
            if checksums.crc64nvme(data) != crc64nvme:
                raise BytesRefused(f"part {number} of {upload.key} has another CRC64NVME than announced")
            part = Part(number, len(data), _md5(data), crc64nvme)
            begun.parts[number] = (part, data)
            return part

    def list_parts(self, upload: Upload) -> list[Part]:
        """ListParts; without checksums, as SeaweedFS, so that nobody relies on them."""
        with self._mutex:
            parts = self._upload(upload).parts
            return [replace(parts[number][0], crc64nvme=None) for number in sorted(parts)]

    def list_uploads(self, prefix: str) -> Iterator[Upload]:
        """ListMultipartUploads."""
        with self._mutex:
            found = [begun.upload for begun in self._begun.values() if begun.upload.key.startswith(prefix)]
        yield from sorted(found, key=lambda upload: (upload.key, upload.upload_id))

    def complete(self, upload: Upload, parts: Sequence[Part], *, if_absent: bool = True) -> Version:
        """CompleteMultipartUpload."""
        key, etag = upload.key, wire.composite_etag(parts) or ""
        with self._mutex:
            current = self._current(key)
            begun = self._begun.get(upload.upload_id)
            if current and (if_absent or begun is None):
                if current.version.etag != etag:
                    raise AlreadyThere(f"{key} exists and was not overwritten: read it and compare")
                self.abort(upload)
                return current.version
            if begun is None:
                raise UploadGone(f"upload {upload.upload_id} of {key} is gone and left no object: start another")
            data = b"".join(self._part(begun, part) for part in parts)
            if not parts or any(part.size < MINIMUM_PART for part in parts[:-1]):
                raise ConfigurationInvalid(f"{key}: parts but the last have at least {MINIMUM_PART} bytes")
            del self._begun[upload.upload_id]
            return self._store(key, data, etag, begun.lock)

    def abort(self, upload: Upload) -> None:
        """AbortMultipartUpload."""
        with self._mutex:
            self._begun.pop(upload.upload_id, None)

    def head(self, key: str, version_id: str | None = None) -> ObjectHead | None:
        """HeadObject."""
        with self._mutex:
            stored = self._version(key, version_id) if version_id else self._current(key)
            if stored is None or stored.version.delete_marker:
                return None
            version = stored.version
            return ObjectHead(
                key,
                version.version_id,
                version.size,
                version.etag,
                stored.lock,
                store_time=self._now().replace(microsecond=0),
                checksum=stored.checksum,
            )

    def get(self, key: str, version_id: str, *, offset: int = 0, length: int | None = None) -> FakeReader:
        """GetObject."""
        with self._mutex:
            data = self._there(key, version_id).data
        if offset and offset >= len(data):
            raise NotAsWritten(f"{key} version {version_id} ends before byte {offset}")
        return FakeReader(data[offset : len(data) if length is None else offset + length])

    def get_small(self, key: str, version_id: str | None = None, *, limit: int = 1 << 20) -> bytes:
        """GetObject of a small one."""
        head = self.head(key, version_id)
        if head is None:
            raise NotThere(f"{key}{f' version {version_id}' if version_id else ''} is not in the vault")
        if head.size > limit:
            raise RuleBroken(f"{key} has {head.size} bytes, more than the {limit} that are read at once")
        return self._there(key, head.version_id).data

    def extend_lock(self, version: Version, until: datetime) -> None:
        """PutObjectRetention."""
        asked = wire.whole_second(until)
        with self._mutex:
            stored = self._there(version.key, version.version_id)
            held = stored.lock.until
            if held is not None and held > self._now() and asked < held:
                raise StillLocked(f"{version.key} is locked until {held}: the store refuses")
            stored.lock = replace(self._locked(until), legal_hold=stored.lock.legal_hold)

    def set_legal_hold(self, version: Version, on: bool) -> None:
        """PutObjectLegalHold."""
        with self._mutex:
            stored = self._there(version.key, version.version_id)
            stored.lock = replace(stored.lock, legal_hold=on)

    def list_versions(self, prefix: str) -> Iterator[Version]:
        """ListObjectVersions: by key, the newest first."""
        with self._mutex:
            found = [
                stored.version
                for key in sorted(self._stored)
                if key.startswith(prefix)
                for stored in reversed(self._stored[key])
            ]
        yield from found

    def delete_version(self, key: str, version_id: str) -> None:
        """DeleteObject by version id."""
        with self._mutex:
            stored = self._version(key, version_id)
            if stored is None:
                return
            if stored.lock.in_force(self._now()):
                raise StillLocked(f"{key} version {version_id} is locked: the store refuses")
            self._stored[key].remove(stored)
            if not self._stored[key]:
                del self._stored[key]

    def add_delete_marker(self, key: str) -> Version:
        """What a DELETE without a version id does at a real store. No method of a Vault does it."""
        with self._mutex:
            marker = _Stored(Version(key, f"v{self._next():08d}", 0, "", delete_marker=True), b"", 0, Lock())
            self._stored.setdefault(key, []).append(marker)
            return marker.version

    def _store(self, key: str, data: bytes, etag: str, lock: Lock) -> Version:
        version = Version(key, f"v{self._next():08d}", len(data), etag, modified=self._now())
        self._stored.setdefault(key, []).append(_Stored(version, data, checksums.crc64nvme(data), lock))
        return replace(version, modified=None)

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _locked(self, until: datetime | None) -> Lock:
        if until is None:
            return Lock()
        if until <= self._now():
            raise ConfigurationInvalid(f"a lock until {until} would end in the past: the store refuses")
        return Lock("COMPLIANCE", wire.whole_second(until))

    def _upload(self, upload: Upload) -> _Begun:
        begun = self._begun.get(upload.upload_id)
        if begun is None:
            raise UploadGone(f"the upload to {upload.key} does not exist any more")
        return begun

    def _part(self, begun: _Begun, part: Part) -> bytes:
        kept, data = begun.parts.get(part.number, (None, b""))
        if kept is None or kept.etag != part.etag:
            raise ConfigurationInvalid(f"part {part.number} of {begun.upload.key} was never stored like that")
        if part.crc64nvme not in (None, kept.crc64nvme):
            raise BytesRefused(f"part {part.number} of {begun.upload.key} has another CRC64NVME")
        return data

    def _current(self, key: str) -> _Stored | None:
        versions = self._stored.get(key)
        return versions[-1] if versions and not versions[-1].version.delete_marker else None

    def _version(self, key: str, version_id: str) -> _Stored | None:
        return next((s for s in self._stored.get(key, []) if s.version.version_id == version_id), None)

    def _there(self, key: str, version_id: str) -> _Stored:
        stored = self._version(key, version_id)
        if stored is None or stored.version.delete_marker:
            raise NotThere(f"{key} version {version_id} is not in the vault")
        return stored


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
