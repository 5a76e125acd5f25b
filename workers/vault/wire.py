"""S3's headers and XML on one side, the values of vault.py on the other."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from minio.datatypes import Object
from minio.time import from_http_header

from workers.errors import StoreAway
from workers.vault.checksums import CRC_HEADER, decoded, encoded
from workers.vault.values import Lock, ObjectHead, Part, Upload, Version

_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_FRACTION = re.compile(r"\.\d+")
_META = "x-amz-meta-"


def lock_headers(until: datetime | None) -> dict[str, str]:
    """Headers that lock an object in COMPLIANCE mode from its first moment."""
    if until is None:
        return {}
    return {"x-amz-object-lock-mode": "COMPLIANCE", "x-amz-object-lock-retain-until-date": stamp(until)}


def stamp(moment: datetime) -> str:
    """As S3 writes dates, rounded up to a second so that no lock ends before it was asked to.

    Raises:
        ValueError: `moment` has no time zone.
    """
    return whole_second(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def whole_second(moment: datetime) -> datetime:
    """The first whole second at or after an aware moment, in UTC."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=0) + timedelta(seconds=1 if moment.microsecond else 0)


def moment_of(text: str | None) -> datetime | None:
    """An ISO date; a fraction is dropped (Ceph sends nanoseconds, at which minio-py stumbles)."""
    return datetime.fromisoformat(_FRACTION.sub("", text)).astimezone(UTC) if text else None


def head_of(key: str, headers: Mapping[str, str]) -> ObjectHead:
    """The head of a version from the answer to HEAD.

    Raises:
        StoreAway: the answer lacks what S3 always sends: something other than the store answered.
    """
    found = {name.lower(): value for name, value in headers.items()}
    try:
        return ObjectHead(
            key=key,
            version_id=found.get("x-amz-version-id", "null"),
            size=int(found["content-length"]),
            etag=found.get("etag", "").strip('"'),
            lock=Lock(
                mode=found.get("x-amz-object-lock-mode"),
                until=moment_of(found.get("x-amz-object-lock-retain-until-date")),
                legal_hold=found.get("x-amz-object-lock-legal-hold", "").upper() == "ON",
            ),
            store_time=from_http_header(found["date"]),
            metadata={name[len(_META) :]: text for name, text in found.items() if name.startswith(_META)},
            checksum=decoded(found.get(CRC_HEADER)),
        )
    except (LookupError, ValueError) as error:
        raise StoreAway(f"the answer to HEAD {key} is not an S3 store's ({error!r})") from error


def version_of(found: Object) -> Version:
    """A version or delete marker from a listing."""
    return Version(
        found.object_name or "",
        found.version_id or "null",
        found.size or 0,
        (found.etag or "").strip('"'),
        delete_marker=bool(found.is_delete_marker),
        modified=found.last_modified,
    )


def complete_body(parts: Sequence[Part]) -> bytes:
    """Body of CompleteMultipartUpload, with each part's checksum where known (versitygw demands them)."""
    listed = "".join(
        f"<Part><PartNumber>{part.number}</PartNumber><ETag>&quot;{part.etag}&quot;</ETag>{_crc(part)}</Part>"
        for part in parts
    )
    return f"<CompleteMultipartUpload {_NAMESPACE}>{listed}</CompleteMultipartUpload>".encode()


def _crc(part: Part) -> str:
    if part.crc64nvme is None:
        return ""
    return f"<ChecksumCRC64NVME>{encoded(part.crc64nvme)}</ChecksumCRC64NVME>"


def retention_body(until: datetime, mode: str = "COMPLIANCE") -> bytes:
    """Body of PutObjectRetention."""
    inside = f"<Mode>{mode}</Mode><RetainUntilDate>{stamp(until)}</RetainUntilDate>"
    return f"<Retention {_NAMESPACE}>{inside}</Retention>".encode()


def legal_hold_body(on: bool) -> bytes:
    """Body of PutObjectLegalHold."""
    return f"<LegalHold {_NAMESPACE}><Status>{'ON' if on else 'OFF'}</Status></LegalHold>".encode()


def composite_etag(parts: Sequence[Part]) -> str | None:
    """ETag that stores give an object of these parts; None where a part's ETag is not an MD5."""
    try:
        digests = b"".join(bytes.fromhex(part.etag) for part in parts)
    except ValueError:
        return None
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"


class Answer:
    """An XML answer, read without regard to namespaces (stores differ in what they send).

    Raises:
        StoreAway: it is not XML.
    """

    def __init__(self, data: bytes) -> None:
        try:
            self._root = ElementTree.fromstring(data)
        except ElementTree.ParseError as error:
            raise StoreAway(f"an answer that is not XML: {data[:80]!r}") from error

    def text(self, name: str) -> str:
        """Text of a child of the root, or nothing."""
        return _text(self._root, name)

    @property
    def truncated(self) -> bool:
        """Is there another page?"""
        return self.text("IsTruncated").lower() == "true"

    def parts(self) -> Iterator[Part]:
        """Of ListParts."""
        for element in _children(self._root, "Part"):
            yield Part(
                number=int(_text(element, "PartNumber")),
                size=int(_text(element, "Size")),
                etag=_text(element, "ETag").strip('"'),
                crc64nvme=decoded(_text(element, "ChecksumCRC64NVME")),
            )

    def uploads(self) -> Iterator[Upload]:
        """Of ListMultipartUploads."""
        url = self.text("EncodingType") == "url"
        for element in _children(self._root, "Upload"):
            key = _text(element, "Key")
            initiated = moment_of(_text(element, "Initiated"))
            yield Upload(unquote_plus(key) if url else key, _text(element, "UploadId"), initiated)


def _children(element: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (child for child in element if child.tag.rpartition("}")[2] == name)


def _text(element: ElementTree.Element, name: str) -> str:
    return next((child.text or "" for child in _children(element, name)), "")
