"""The vault: what the system needs of an object store with Object Lock.

Two classes keep this contract: `S3Vault` (s3.py) and `FakeVault` (fake.py). One suite,
tests/contracts/test_vault.py, runs on both. All calls block; call them in threads.

Every method may raise
    StoreAway             the store does not answer in time, or cannot serve now; retries are spent
    ConfigurationInvalid  these credentials may not do that (the message names role and action)
and what it lists itself. Nothing of the client library gets out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from workers.vault.values import (
    MAXIMUM_PARTS,
    MINIMUM_PART,
    ChunkProtection,
    Lock,
    ObjectHead,
    Part,
    Upload,
    Version,
)

__all__ = [
    "MAXIMUM_PARTS",
    "MINIMUM_PART",
    "ChunkProtection",
    "Lock",
    "ObjectHead",
    "Part",
    "Reader",
    "Upload",
    "Vault",
    "Version",
]


class Reader(Protocol):
    """The bytes of one version, or of a range of it, read in strides. Use as a context manager."""

    @property
    def size(self) -> int:
        """Bytes that the store announced for this read."""

    def readinto(self, buffer: memoryview) -> int:
        """Fills as much of `buffer` as it can without a copy and returns how much; 0 is the end.

        Strides of 256 KiB to 1 MiB are the fastest.

        Raises:
            StoreAway: the connection broke, or ended before `size` bytes, or a stride took too long.
        """

    def close(self) -> None:
        """Gives the connection back; one that was not read to its end is closed."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Vault(Protocol):
    """An S3 bucket with versions and Object Lock, seen with one role's credentials."""

    def put_new(
        self,
        key: str,
        data: bytes | memoryview,
        *,
        lock_until: datetime | None,
        content_type: str = "application/octet-stream",
        crc64nvme: int | None = None,
    ) -> Version:
        """Writes a key that must not exist yet, in one request, locked from its first moment.

        Args:
            lock_until: end of the COMPLIANCE lock, rounded up to a second; None writes no lock header.
            crc64nvme: checksum of `data` where the caller has it; computed otherwise.

        Raises:
            AlreadyThere: the key is taken: read and compare. Also after a write of our own whose answer
                was lost.
            BytesRefused: the store received other bytes.
        """

    def create_upload(
        self, key: str, *, lock_until: datetime | None, content_type: str = "application/octet-stream"
    ) -> Upload:
        """Starts a multipart upload whose object will carry this lock.

        Ceph drops the lock on the way: call `ensure_locked` after `complete`.
        """

    def put_part(self, upload: Upload, number: int, data: bytes | memoryview, crc64nvme: int) -> Part:
        """Stores one part; the last one stored under a number counts.

        Args:
            number: 1 to 10,000.
            crc64nvme: checksum of `data`, which the store compares where it can.

        Raises:
            UploadGone: no such upload.
            BytesRefused: the store received other bytes.
        """

    def list_parts(self, upload: Upload) -> list[Part]:
        """Parts that the store has, by number.

        Raises:
            UploadGone: no such upload.
        """

    def list_uploads(self, prefix: str) -> Iterator[Upload]:
        """Unfinished uploads under a prefix. MinIO answers for an exact key only: keep your own record."""

    def complete(self, upload: Upload, parts: Sequence[Part], *, if_absent: bool = True) -> Version:
        """Makes the object of the listed parts.

        Where every part has its CRC64NVME the store also compares the whole object's. It may be repeated: if
        the key holds an object of these very parts (size and CRC64NVME, else MD5 of the MD5s), that version
        is the answer, whoever completed it.

        Args:
            parts: in order of their numbers.
            if_absent: refuse when the key is taken.

        Raises:
            AlreadyThere: the key is taken by other bytes.
            UploadGone: no such upload and no such object.
            BytesRefused: a part or the whole has another checksum.
        """

    def abort(self, upload: Upload) -> None:
        """Drops an unfinished upload and its parts; one that is gone already is fine."""

    def head(self, key: str, version_id: str | None = None) -> ObjectHead | None:
        """What the store says about a version (or the current one); None if it is gone or a delete marker."""

    def get(self, key: str, version_id: str, *, offset: int = 0, length: int | None = None) -> Reader:
        """Opens the bytes of exactly this version.

        Args:
            offset: first byte.
            length: bytes, at least 1; None reads to the end.

        Raises:
            NotThere: no such version.
            NotAsWritten: the version is shorter than `offset`.
        """

    def get_small(self, key: str, version_id: str | None = None, *, limit: int = 1 << 20) -> bytes:
        """A whole small object.

        Args:
            limit: bytes; a bigger object is refused instead of filling the memory.

        Raises:
            NotThere: no such object.
            RuleBroken: bigger than `limit`.
        """

    def extend_lock(self, version: Version, until: datetime) -> None:
        """Sets COMPLIANCE retention to a later date; the same date is fine.

        Raises:
            StillLocked: the version is locked for longer already, and a lock cannot be shortened.
            NotThere: no such version.
        """

    def set_legal_hold(self, version: Version, on: bool) -> None:
        """Puts the legal hold on a version or takes it off. Look at it afterwards with `head`.

        Raises:
            NotThere: no such version.
        """

    def list_versions(self, prefix: str) -> Iterator[Version]:
        """Every version and delete marker under a prefix, page by page, each once."""

    def delete_version(self, key: str, version_id: str) -> None:
        """Deletes one version for good; one that is gone already is fine.

        Some stores answer 204 although a hold won: prove it with `head`.

        Raises:
            StillLocked: a lock or a legal hold is in force.
        """

    def assert_locked(self, version: Version, size: int, until: datetime) -> ObjectHead:
        """Reads the version's head and demands size, COMPLIANCE and a date no earlier than `until`.

        Args:
            size: bytes.
            until: to the second, as it was asked for.

        Raises:
            NotAsWritten: anything differs; the message says what was expected and what was found.
        """

    def ensure_locked(self, version: Version, size: int, until: datetime) -> ObjectHead:
        """As `assert_locked`, but a missing or shorter lock is set first (Ceph drops it on Create).

        Raises:
            NotAsWritten: it still differs.
        """
