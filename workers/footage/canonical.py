"""Canonical JSON (RFC 8785) of our values: what is signed, hashed and derived from."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec
import rfc8785


def canonical(value: Any) -> bytes:
    """Return the RFC 8785 form of a msgspec Struct or of plain JSON data.

    Two programs that agree on the value agree on these bytes, so digests and signatures can be checked
    by anyone, in any language.
    """
    return rfc8785.dumps(msgspec.to_builtins(value))


def sha256_hex(data: bytes) -> str:
    """SHA-256 in lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def derived_id(prefix: str, *parts: object) -> str:
    """Derive an id from its cause, so that a repeat of the cause has the same id.

    Args:
        prefix: says what the id names ("clip", "evt").
        parts: strings and whole numbers; their order counts.
    """
    digest = hashlib.sha256(rfc8785.dumps(list(parts))).digest()  # type: ignore[arg-type]
    return f"{prefix}-{base64.b32encode(digest).decode().lower()[:32]}"
