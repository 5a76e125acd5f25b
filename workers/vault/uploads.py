"""Multipart uploads: the way of every recording that is longer than one chunk.

The checksum type is FULL_OBJECT where the store takes CRC64NVME: the store then compares every part and, at
Complete, the whole against the checksum combined from the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from workers.errors import AlreadyThere, RuleBroken, StoreAway
from workers.vault import wire
from workers.vault.checksums import CRC_HEADER, combined, encoded, protecting
from workers.vault.client import Client
from workers.vault.faults import UploadGone
from workers.vault.refusals import Refused
from workers.vault.values import MAXIMUM_PARTS, ChunkProtection, ObjectHead, Part, Upload


class Uploads:
    """The multipart half of S3Vault; `workers.vault.vault.Vault` has the contract of each method.

    Args:
        head: of the vault, to look after an answer was lost.
    """

    def __init__(self, client: Client, protection: ChunkProtection, head: Callable[[str], ObjectHead | None]) -> None:
        self._client = client
        self._protection = protection
        self._head = head

    def create(self, key: str, lock_until: datetime | None, content_type: str) -> Upload:
        """CreateMultipartUpload with the lock of the object to come."""
        headers = {"Content-Type": content_type, **wire.lock_headers(lock_until)}
        if self._protection is ChunkProtection.CRC64NVME:
            headers |= {"x-amz-checksum-algorithm": "CRC64NVME", "x-amz-checksum-type": "FULL_OBJECT"}
        answer = self._client.ask("CreateMultipartUpload", "POST", key, query={"uploads": ""}, headers=headers)
        upload_id = wire.Answer(answer.data).text("UploadId")
        if not upload_id:
            raise StoreAway(f"the answer to CreateMultipartUpload of {key} has no upload id")
        return Upload(key, upload_id)

    def put_part(self, upload: Upload, number: int, data: bytes | memoryview, crc64nvme: int) -> Part:
        """UploadPart."""
        if not 1 <= number <= MAXIMUM_PARTS:
            raise RuleBroken(f"part {number} of {upload.key}: S3 takes 1 to {MAXIMUM_PARTS}, use bigger chunks")
        answer = self._client.ask(
            "UploadPart",
            "PUT",
            upload.key,
            query={"partNumber": str(number), "uploadId": upload.upload_id},
            headers=protecting(self._protection, data, crc64nvme),
            body=data,
        )
        etag = (answer.headers.get("etag") or "").strip('"')
        if not etag:
            raise StoreAway(f"the answer to part {number} of {upload.key} has no ETag")
        return Part(number, memoryview(data).nbytes, etag, crc64nvme)

    def parts(self, upload: Upload) -> list[Part]:
        """ListParts, all pages."""
        parts: dict[int, Part] = {}
        query = {"uploadId": upload.upload_id, "max-parts": "1000"}
        while True:
            page = wire.Answer(self._client.ask("ListParts", "GET", upload.key, query=query).data)
            parts |= {part.number: part for part in page.parts()}
            marker = page.text("NextPartNumberMarker")
            if not page.truncated or marker in ("", query.get("part-number-marker")):
                return [parts[number] for number in sorted(parts)]
            query["part-number-marker"] = marker

    def unfinished(self, prefix: str) -> Iterator[Upload]:
        """ListMultipartUploads, all pages."""
        query = {"uploads": "", "prefix": prefix, "max-uploads": "1000"}
        while True:
            page = wire.Answer(self._client.ask("ListMultipartUploads", "GET", query=query).data)
            yield from page.uploads()
            marker = {
                "key-marker": page.text("NextKeyMarker"),
                "upload-id-marker": page.text("NextUploadIdMarker"),
            }
            if not page.truncated or not marker["key-marker"] or marker.items() <= query.items():
                return
            query |= marker

    def complete(
        self, upload: Upload, parts: Sequence[Part], *, if_absent: bool
    ) -> ObjectHead | tuple[str | None, str]:
        """CompleteMultipartUpload.

        Stores answer a second Complete differently: versitygw and Ceph 200, MinIO and AWS 404, SeaweedFS 412.
        Here it is one answer: the version, if it is made of these parts.

        Returns:
            Version id and ETag as answered, or the head of what an earlier, unheard success left.
        """
        checksum = combined(parts) if self._protection is ChunkProtection.CRC64NVME else None
        if self._protection is not ChunkProtection.CRC64NVME:
            # versitygw refuses checksums that the upload was not created for.
            parts = [replace(part, crc64nvme=None) for part in parts]
        headers = {"If-None-Match": "*"} if if_absent else {}
        if checksum is not None:
            headers |= {CRC_HEADER: encoded(checksum), "x-amz-checksum-type": "FULL_OBJECT"}
        key, query, body = upload.key, {"uploadId": upload.upload_id}, wire.complete_body(parts)
        try:
            answer = self._client.call("POST", key, query=query, headers=headers, body=body)
        except Refused as refusal:
            if refusal.code != "NoSuchUpload" and refusal.status != 412:
                raise self._client.error(refusal, "CompleteMultipartUpload", key) from refusal
            head = self._head(key)
            if head is not None and _made_of(head, parts, checksum):
                self.abort(upload)
                return head
            if head is None:
                raise UploadGone(
                    f"upload {upload.upload_id} of {key} is gone and left no object: start another"
                ) from refusal
            raise AlreadyThere(f"{key} exists and was not overwritten: read it and compare") from refusal
        return answer.headers.get("x-amz-version-id"), wire.Answer(answer.data).text("ETag")

    def abort(self, upload: Upload) -> None:
        """AbortMultipartUpload."""
        try:
            self._client.ask("AbortMultipartUpload", "DELETE", upload.key, query={"uploadId": upload.upload_id})
        except UploadGone:
            return


def _made_of(head: ObjectHead, parts: Sequence[Part], checksum: int | None) -> bool:
    if head.size != sum(part.size for part in parts):
        return False
    if head.checksum is not None and checksum is not None:
        return head.checksum == checksum
    return head.etag == wire.composite_etag(parts)
