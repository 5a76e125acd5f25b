"""How a recording is cut into chunks, and how a chunk that the vault already has is recognised.

A chunk is a part of the one multipart object that an attempt becomes; a recording of one chunk is a single PUT.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from msgspec import Struct

from workers.errors import RuleBroken
from workers.vault.vault import MAXIMUM_PARTS, MINIMUM_PART, Part

MD5_HEX = re.compile(r"[0-9a-f]{32}")


class Span(Struct, frozen=True):
    """Where a chunk lies in its recording.

    Attributes:
        number: from 1, as in S3.
        offset, size: bytes.
    """

    number: int
    offset: int
    size: int


def spans(size: int, chunk_size: int) -> Iterator[Span]:
    """Cut `size` bytes into chunks of `chunk_size`, the last one shorter; nothing at all is one empty chunk.

    Raises:
        RuleBroken: more chunks than S3 takes.
    """
    if chunk_size < MINIMUM_PART:
        raise ValueError(f"chunks of {chunk_size} bytes: S3 takes {MINIMUM_PART} or more")
    if size > chunk_size * MAXIMUM_PARTS:
        raise RuleBroken(
            f"a recording of {size} bytes does not fit into {MAXIMUM_PARTS} chunks of {chunk_size}: "
            f"set chunk_size to {-(-size // MAXIMUM_PARTS)} or more"
        )
    for number, offset in enumerate(range(0, max(size, 1), chunk_size), start=1):
        yield Span(number, offset, min(chunk_size, size - offset))


def holds(part: Part | None, data: memoryview, crc64nvme: int) -> bool:
    """Whether the store already has exactly these bytes as `part`.

    Compared by CRC64NVME where the store tells it, else by MD5, which most stores give as a part's ETag. A part
    that can be compared by neither is sent again.
    """
    if part is None or part.size != data.nbytes:
        return False
    if part.crc64nvme is not None:
        return part.crc64nvme == crc64nvme
    return bool(MD5_HEX.fullmatch(part.etag)) and (hashlib.md5(data, usedforsecurity=False).hexdigest() == part.etag)
