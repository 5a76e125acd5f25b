"""Locks in PostgreSQL by which of several processes of one stage a single one works; the server gives them back when
a process ends, however it ends."""

from __future__ import annotations

import zlib


def lock_of(schema: str, stage: str) -> int:
    """Number of the advisory lock that the working process of a stage holds, below 2^32.

    Args:
        schema: the namespace.
    """
    return zlib.crc32(f"{schema}.{stage}".encode())
