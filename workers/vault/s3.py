"""The vault on an S3 store, through minio-py.

Configuration comes as arguments: one role's access, how chunks are protected (what `check_store` found) and
the limits of time and retries. A vault owns one pool of connections; threads may share it, processes may not.

A write whose answer is lost is the one hard case. `put_new` and `complete` carry If-None-Match: *, so a retry
finds the key taken (412) or the upload gone; both then look whether what is there is what was sent, and
answer as if the first try had been heard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime

from workers.errors import AlreadyThere, RuleBroken, StoreAway
from workers.vault import checksums, wire
from workers.vault.client import Access, Client
from workers.vault.deadline import Watchdog
from workers.vault.faults import NotAsWritten, NotThere, StillLocked
from workers.vault.locking import Locking
from workers.vault.reader import S3Reader
from workers.vault.refusals import Refused
from workers.vault.retry import Limits
from workers.vault.uploads import Uploads
from workers.vault.values import ChunkProtection, ObjectHead, Part, Upload, Version


class S3Vault(Locking):
    """`workers.vault.vault.Vault` has the contract of each method.

    Args:
        access: endpoint, bucket and the credentials of one role.
        protection: how chunks are protected on this store; from `check_store`.
        limits: deadlines and retries.
        watchdog: shared with another vault, to save its thread.
    """

    def __init__(
        self,
        access: Access,
        *,
        protection: ChunkProtection = ChunkProtection.CRC64NVME,
        limits: Limits | None = None,
        watchdog: Watchdog | None = None,
    ) -> None:
        self.protection = protection
        self._client = Client(access, limits or Limits(), watchdog)
        self._uploads = Uploads(self._client, protection, self.head)

    def fresh(self) -> S3Vault:
        """The same role on connections of its own, for a read-back (safety.md I2). Close it afterwards."""
        client = self._client
        return S3Vault(client.access, protection=self.protection, limits=client.limits, watchdog=client.watchdog)

    def close(self) -> None:
        """Closes the idle connections."""
        self._client.close()

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
        headers = {
            "If-None-Match": "*",
            "Content-Type": content_type,
            **checksums.protecting(self.protection, data, crc64nvme),
            **wire.lock_headers(lock_until),
        }
        if lock_until is not None and self.protection is ChunkProtection.SIGNED:
            headers["Content-MD5"] = checksums.content_md5(data)  # AWS demands it with a lock
        size = memoryview(data).nbytes
        try:
            answer = self._client.call("PUT", key, headers=headers, body=data)
        except Refused as refusal:
            if refusal.status != 412:
                raise self._client.error(refusal, "PutObject", key) from refusal
            head = self.head(key) if refusal.tries > 1 else None
            if head is None or (head.size, head.etag) != (size, _md5(data)):
                raise AlreadyThere(f"{key} exists and was not overwritten: read it and compare") from refusal
            return head.version
        return self._written(key, size, answer.headers.get("x-amz-version-id"), answer.headers.get("etag"))

    def create_upload(
        self, key: str, *, lock_until: datetime | None, content_type: str = "application/octet-stream"
    ) -> Upload:
        """CreateMultipartUpload."""
        return self._uploads.create(key, lock_until, content_type)

    def put_part(self, upload: Upload, number: int, data: bytes | memoryview, crc64nvme: int) -> Part:
        """UploadPart."""
        return self._uploads.put_part(upload, number, data, crc64nvme)

    def list_parts(self, upload: Upload) -> list[Part]:
        """ListParts."""
        return self._uploads.parts(upload)

    def list_uploads(self, prefix: str) -> Iterator[Upload]:
        """ListMultipartUploads."""
        return self._uploads.unfinished(prefix)

    def complete(self, upload: Upload, parts: Sequence[Part], *, if_absent: bool = True) -> Version:
        """CompleteMultipartUpload."""
        outcome = self._uploads.complete(upload, parts, if_absent=if_absent)
        if isinstance(outcome, ObjectHead):
            return outcome.version
        return self._written(upload.key, sum(part.size for part in parts), *outcome)

    def abort(self, upload: Upload) -> None:
        """AbortMultipartUpload."""
        self._uploads.abort(upload)

    def head(self, key: str, version_id: str | None = None) -> ObjectHead | None:
        """HeadObject."""
        query = {"versionId": version_id} if version_id else {}
        try:
            answer = self._client.call("HEAD", key, query=query, headers={"x-amz-checksum-mode": "ENABLED"})
        except Refused as refusal:
            if refusal.missing:
                return None
            raise self._client.error(refusal, "HeadObject", key) from refusal
        return wire.head_of(key, answer.headers)

    def get(self, key: str, version_id: str, *, offset: int = 0, length: int | None = None) -> S3Reader:
        """GetObject, by range unless it is the whole."""
        whole = offset == 0 and length is None
        last = "" if length is None else str(offset + length - 1)
        headers = {} if whole else {"Range": f"bytes={offset}-{last}"}
        try:
            response, guard = self._client.open(key, query={"versionId": version_id}, headers=headers)
        except Refused as refusal:
            if refusal.status == 416:
                raise NotAsWritten(f"{key} version {version_id} ends before byte {offset}") from refusal
            raise self._client.error(refusal, "GetObject", key) from refusal
        size = int(response.headers.get("content-length", "-1"))
        shown = response.headers.get("x-amz-version-id", version_id)
        if size < 0 or response.status != (200 if whole else 206) or shown != version_id:
            response.close()
            raise StoreAway(
                f"GET {key} version {version_id} was answered with status {response.status}, "
                f"{size} bytes, version {shown}: something between us and the store changes requests"
            )
        return S3Reader(
            response,
            name=f"{key} version {version_id}",
            size=size,
            guard=guard,
            watchdog=self._client.watchdog,
            stride=self._client.limits.stride,
        )

    def get_small(self, key: str, version_id: str | None = None, *, limit: int = 1 << 20) -> bytes:
        """HeadObject, then GetObject of that version."""
        head = self.head(key, version_id)
        if head is None:
            raise NotThere(f"{key}{f' version {version_id}' if version_id else ''} is not in the vault")
        if head.size > limit:
            raise RuleBroken(f"{key} has {head.size} bytes, more than the {limit} that are read at once")
        view, done = memoryview(bytearray(head.size)), 0
        with self.get(key, head.version_id) as reader:
            while count := reader.readinto(view[done:]):
                done += count
        if done != head.size or (head.checksum is not None and checksums.crc64nvme(view) != head.checksum):
            raise StoreAway(f"{key}: {done} bytes came that differ from what the store says it has")
        return bytes(view)

    def extend_lock(self, version: Version, until: datetime) -> None:
        """PutObjectRetention."""
        try:
            self._put_about(version, "retention", wire.retention_body(until))
        except Refused as refusal:
            self._raise_if_locked(version.key, version.version_id, refusal)
            raise self._client.error(refusal, "PutObjectRetention", version.key) from refusal

    def set_legal_hold(self, version: Version, on: bool) -> None:
        """PutObjectLegalHold."""
        try:
            self._put_about(version, "legal-hold", wire.legal_hold_body(on))
        except Refused as refusal:
            raise self._client.error(refusal, "PutObjectLegalHold", version.key) from refusal

    def list_versions(self, prefix: str) -> Iterator[Version]:
        """ListObjectVersions."""
        # versitygw repeats a version where one page ends and the next begins.
        key, seen = "", set[str]()
        try:
            for version in self._client.versions(prefix):
                if version.key != key:
                    key, seen = version.key, set()
                if version.version_id not in seen:
                    seen.add(version.version_id)
                    yield version
        except Refused as refusal:
            raise self._client.error(refusal, "ListBucketVersions", prefix) from refusal

    def delete_version(self, key: str, version_id: str) -> None:
        """DeleteObject by version id."""
        for last in (False, True):
            try:
                self._client.call("DELETE", key, query={"versionId": version_id})
                return
            except Refused as refusal:
                if refusal.missing and refusal.status == 404:
                    return
                self._raise_if_locked(key, version_id, refusal)
                # Not locked now: its lock may have ended between the refusal and this look, so it is asked once more.
                if last or refusal.status != 403:
                    raise self._client.error(refusal, "DeleteObjectVersion", key) from refusal

    def _put_about(self, version: Version, what: str, body: bytes) -> None:
        query = {what: "", "versionId": version.version_id}
        headers = {"Content-MD5": checksums.content_md5(body)}
        self._client.call("PUT", version.key, query=query, headers=headers, body=body)

    def _raise_if_locked(self, key: str, version_id: str, refusal: Refused) -> None:
        """A 403 may mean the lock or the role: the state of the lock tells them apart."""
        head = self.head(key, version_id) if refusal.status in (400, 403, 405, 409) else None
        if head is not None and head.lock.in_force(head.store_time):
            held = " and under legal hold" if head.lock.legal_hold else ""
            raise StillLocked(
                f"{key} version {version_id} is locked until {head.lock.until}{held}: the store refuses"
            ) from refusal

    def _written(self, key: str, size: int, version_id: str | None, etag: str | None) -> Version:
        """The version just written. Ceph leaves version id and ETag out of the answer to Complete."""
        if version_id and etag:
            return Version(key, version_id, size, etag.strip('"'))
        head = self.head(key)
        if head is None:
            raise StoreAway(f"{key} was acknowledged and is not there")
        return head.version


def _md5(data: bytes | memoryview) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
