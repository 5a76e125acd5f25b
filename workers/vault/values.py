"""What a vault answers: frozen values, in the words of S3."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime

MINIMUM_PART = 5 << 20
"""Bytes. S3 refuses a smaller part unless it is the last."""
MAXIMUM_PARTS = 10_000
"""S3 refuses a part number above this."""


class ChunkProtection(enum.Enum):
    """How the bytes of a request are protected on their way; store_check.py finds what a store checks."""

    CRC64NVME = "crc64nvme"
    """Preferred: next to free beside the SHA-256 of the recording."""
    CONTENT_MD5 = "content-md5"
    """Every store checks it; costs as much CPU as the SHA-256."""
    SIGNED = "signed"
    """SHA-256 of each body in the signature; SeaweedFS 4.48 does not check it."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one key.

    Args:
        size: bytes; 0 for a delete marker.
        etag: without quotes. Of a multipart object it proves nothing.
        modified: by the store's clock; None where the answer did not carry it.
    """

    key: str
    version_id: str
    size: int
    etag: str
    delete_marker: bool = False
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lock:
    """Retention and legal hold of one version.

    Args:
        mode: COMPLIANCE, GOVERNANCE or None.
        until: end of the retention, aware; None without one.
    """

    mode: str | None = None
    until: datetime | None = None
    legal_hold: bool = False

    def in_force(self, now: datetime) -> bool:
        """Does this lock forbid deletion at `now`?"""
        return self.legal_hold or (self.until is not None and self.until > now)


@dataclass(frozen=True, slots=True)
class ObjectHead:
    """What the store says about a version without sending its bytes.

    Args:
        size: bytes.
        checksum: CRC64NVME of the whole object where the store keeps one.
        store_time: the store's clock when it answered; what locks are measured by.
    """

    key: str
    version_id: str
    size: int
    etag: str
    lock: Lock
    store_time: datetime
    metadata: dict[str, str] = field(default_factory=dict)
    checksum: int | None = None

    @property
    def version(self) -> Version:
        """The version that this is the head of."""
        return Version(self.key, self.version_id, self.size, self.etag)


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload that is neither completed nor aborted.

    Args:
        initiated: by the store's clock; None when it was just created.
    """

    key: str
    upload_id: str
    initiated: datetime | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an upload, as the store has it.

    Args:
        number: from 1.
        size: bytes.
        etag: without quotes; the MD5 of the part on SeaweedFS, versitygw, MinIO and Ceph.
        crc64nvme: None where ListParts does not tell (SeaweedFS keeps the MD5 only).
    """

    number: int
    size: int
    etag: str
    crc64nvme: int | None = None
