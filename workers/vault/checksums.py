"""CRC64NVME and the headers by which a store is told what bytes to expect.

The checksum type is FULL_OBJECT: the checksum of the whole is combined from those of the parts, so nothing is
read twice. awscrt computes it at memory speed (26 GB/s on one core, against 1.3 for SHA-256).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence

from awscrt import checksums as awscrt

from workers.vault.values import ChunkProtection, Part

CRC_HEADER = "x-amz-checksum-crc64nvme"
UNSIGNED = "UNSIGNED-PAYLOAD"


def crc64nvme(data: bytes | memoryview, previous: int = 0) -> int:
    """CRC64NVME of `data`, continuing from `previous` (0 at the start)."""
    return int(awscrt.crc64nvme(data, previous))


def combined(parts: Sequence[Part]) -> int | None:
    """CRC64NVME of the parts laid end to end; None if one of them has no checksum."""
    whole = 0
    for part in parts:
        if part.crc64nvme is None:
            return None
        whole = int(awscrt.combine_crc64nvme(whole, part.crc64nvme, part.size))
    return whole


def encoded(crc: int) -> str:
    """As S3 writes it: eight bytes, big endian, base64."""
    return base64.b64encode(crc.to_bytes(8, "big")).decode()


def decoded(text: str | None) -> int | None:
    """What a store wrote; None for nothing or for what is no CRC64 (a composite ends in `-<parts>`)."""
    if not text:
        return None
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return int.from_bytes(raw, "big") if len(raw) == 8 else None


def content_md5(body: bytes | memoryview) -> str:
    """Value of the Content-MD5 header; a transport checksum that S3 fixed, not a proof."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def protecting(protection: ChunkProtection, body: bytes | memoryview, crc: int | None) -> dict[str, str]:
    """Headers that let the store compare what arrives with what was sent.

    Under CRC64NVME and Content-MD5 the signature leaves the body out, because hashing it again for the
    signature costs as much as the one SHA-256 that the recording needs. Under SIGNED the client hashes it.
    """
    if protection is ChunkProtection.CRC64NVME:
        return {
            CRC_HEADER: encoded(crc64nvme(body) if crc is None else crc),
            "x-amz-sdk-checksum-algorithm": "CRC64NVME",
            "x-amz-content-sha256": UNSIGNED,
        }
    if protection is ChunkProtection.CONTENT_MD5:
        return {"Content-MD5": content_md5(body), "x-amz-content-sha256": UNSIGNED}
    return {}
