"""What should lie in the vault for a clip, and the manifest that says so."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import Struct

from workers.errors import StoreAway
from workers.footage.canonical import canonical
from workers.footage.conclusion import MANIFEST_LIMIT
from workers.footage.manifest import Manifest
from workers.footage.passage import STRIDE, Told
from workers.footage.source import SIDECAR_LIMIT
from workers.vault.checksums import crc64nvme
from workers.vault.faults import NotThere
from workers.vault.keys import MANIFEST, ClipKeys
from workers.vault.vault import MAXIMUM_PARTS, ObjectHead, Vault

MD5_HEX = re.compile(r"[0-9a-f]{32}")
SMALL_LIMIT = max(MANIFEST_LIMIT, SIDECAR_LIMIT)


class Kind(StrEnum):
    """How an object is not as it should be."""

    DIFFERS = "differs"
    MISSING = "missing"
    UNREADABLE = "cannot be read"


class Trouble(Struct, frozen=True):
    """What is wrong with one of a clip's three objects."""

    part: str
    kind: Kind
    reason: str


class Deed(Struct, frozen=True):
    """What was verified, and what protects it.

    Attributes:
        version_id: of the footage, as verified.
        manifest_version: None where nobody remembers it; then the manifest is not looked at.
        size, sha256: of the footage, as signed.
        chunk_size: bytes; where the manifest does not say how the footage was cut.
        held: the row has a reason for a legal hold.
        lease_end: until when the row says that the lock was renewed.
    """

    clip_id: str
    attempt: int
    keys: ClipKeys
    version_id: str
    manifest_version: str | None
    size: int
    sha256: str
    chunk_size: int
    held: bool = False
    lease_end: datetime | None = None


def read_manifest(
    vault: Vault, deed: Deed, *, serves: Callable[[], bool], told: Told = lambda _: None
) -> tuple[Manifest | None, Trouble | None]:
    """The manifest, or what is wrong with it; neither where its version is not known.

    Its signed report is not looked at here: whoever has the keys does that.

    Args:
        serves: whether the store gives other objects now; asked when the manifest cannot be read.

    Raises:
        StoreAway: the store gives nothing now.
    """
    if deed.manifest_version is None:
        return None, None
    key = deed.keys.manifest
    body, trouble = read_small(vault, key, deed.manifest_version, MANIFEST, serves=serves, told=told)
    if body is None:
        return None, trouble
    try:
        manifest = msgspec.json.decode(body, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return None, Trouble(MANIFEST, Kind.DIFFERS, f"{key} is no manifest any more: {error}")
    wrong = trouble.reason if trouble else _wrong_about(manifest, deed, body)
    return (None, Trouble(MANIFEST, Kind.DIFFERS, f"{key}: {wrong}")) if wrong else (manifest, None)


def _wrong_about(manifest: Manifest, deed: Deed, body: bytes) -> str:
    says = (manifest.clip_id, manifest.attempt, manifest.size, manifest.sha256, manifest.footage_version)
    expected = (deed.clip_id, deed.attempt, deed.size, deed.sha256, deed.version_id)
    if says != expected:
        return f"says {says}; signed and verified are {expected}"
    at = 0
    for number, chunk in enumerate(manifest.chunks, start=1):
        if (chunk.number, chunk.offset) != (number, at):
            return f"its list of chunks is broken at chunk {number}"
        at += chunk.size
    if at != deed.size or not 0 < len(manifest.chunks) <= MAXIMUM_PARTS:
        return f"its chunks add up to {at} bytes"
    return "" if canonical(manifest) == body else "it is not in the form in which manifests are written"


def read_small(
    vault: Vault, key: str, version_id: str, part: str, *, serves: Callable[[], bool], told: Told
) -> tuple[bytes | None, Trouble | None]:
    """A whole small object, and what is wrong with it; compared with the store's own checksum where it keeps one.

    Raises:
        StoreAway: the store gives nothing now.
    """
    try:
        head = vault.head(key, version_id)
        if head is None:
            return None, Trouble(part, Kind.MISSING, f"missing: {key} version {version_id}")
        if head.size > SMALL_LIMIT:
            return None, Trouble(part, Kind.DIFFERS, f"{key} has {head.size} bytes, more than such an object ever has")
        body = _bytes(vault, key, version_id, told)
    except NotThere as error:
        return None, Trouble(part, Kind.MISSING, f"missing: {error}")
    except StoreAway as error:
        if not serves():
            raise
        return None, Trouble(part, Kind.UNREADABLE, f"cannot be read: {error}")
    same = _as_the_store_knows(head, body)
    return body, None if same else Trouble(part, Kind.DIFFERS, f"{key} is not what the store took in")


def _bytes(vault: Vault, key: str, version_id: str, told: Told) -> bytes:
    body, buffer = bytearray(), memoryview(bytearray(STRIDE))
    with vault.get(key, version_id) as reader:
        while count := reader.readinto(buffer):
            body += buffer[:count]
            told(count)
    return bytes(body)


def _as_the_store_knows(head: ObjectHead, body: bytes) -> bool:
    """By its CRC64NVME, else by the MD5 that most stores give as the ETag of what came in one request."""
    if head.checksum is not None:
        return crc64nvme(body) == head.checksum
    if MD5_HEX.fullmatch(head.etag):
        return hashlib.md5(body, usedforsecurity=False).hexdigest() == head.etag
    return head.size == len(body)
