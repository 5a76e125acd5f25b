"""The manifest: written last, put-if-absent. A clip is stored if and only if its manifest is."""

from __future__ import annotations

from msgspec import Struct

from workers.keys.signing import Signed


class Chunk(Struct, frozen=True):
    """A part of the footage.

    Attributes:
        number: from 1, as in S3.
        offset, size: bytes.
        crc64nvme: hex; the store checked it on arrival.
    """

    number: int
    offset: int
    size: int
    crc64nvme: str


class Manifest(Struct, frozen=True):
    """What one attempt at a clip put into the vault.

    Attributes:
        report: the dock's signed report, verbatim.
        size, sha256: measured on the bytes as they passed to the store.
        footage_version, sidecar_version: version ids.
        tools: name and version of what wrote it.
    """

    clip_id: str
    attempt: int
    report: Signed
    size: int
    sha256: str
    chunks: tuple[Chunk, ...]
    footage_key: str
    footage_version: str
    sidecar_version: str
    locked_until: str
    written_at: str
    tools: dict[str, str]
