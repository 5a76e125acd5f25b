"""What identifies a clip, and which names we accept.

A clip is one recording inside our system. Its id is derived from what the dock declared, so that the same
recording reported twice is the same clip, and other bytes under the same name are another one
(life-of-a-clip: identity).
"""

from __future__ import annotations

import re

from workers.errors import NameInvalid
from workers.footage.canonical import derived_id

ENROLLED_ID = re.compile(r"[A-Z0-9][A-Z0-9-]{2,31}")
CLIP_ID = re.compile(r"clip-[a-z2-7]{32}")
NAMESPACE = re.compile(r"[a-z][a-z0-9_]{0,30}")
SHA256_HEX = re.compile(r"[0-9a-f]{64}")
RECORDING_ID_BYTES = 255


def clip_id(namespace: str, camera: str, recording: str, size: int, sha256: str) -> str:
    """Derive the id of the clip that a declaration is about.

    Args:
        namespace: the force or the test that this system serves.
        camera: enrolled camera id.
        recording: the camera's own name for it; data, never a path.
        size: declared length in bytes.
        sha256: declared digest, lower-case hex.
    """
    return derived_id("clip", "bwv-clip-1", namespace, camera, recording, size, sha256)


def accepted_clip_id(namespace: str, camera: str, recording: str, size: int, sha256: str) -> str:
    """Derive the id of the clip that a person made by accepting quarantined bytes.

    Another id than the quarantined clip's, whose own declaration stays on record: acceptance is a second
    declaration, keyed by camera, recording and the digest that the person signed.
    """
    return derived_id("clip", "bwv-accepted-1", namespace, camera, recording, size, sha256)


def check_namespace(value: str) -> str:
    """Return `value` if it may prefix topics, groups and store keys and name a database schema."""
    if not NAMESPACE.fullmatch(value):
        raise NameInvalid(
            f"namespace {value[:64]!r}: expected a lower-case letter, then at most 30 lower-case letters, digits and _"
        )
    return value


def check_enrolled_id(what: str, value: str) -> str:
    """Return `value` if it is fit to be the id of a dock, bay, camera or person; these are given by us."""
    if not ENROLLED_ID.fullmatch(value):
        raise NameInvalid(
            f"{what} {value[:64]!r}: expected 3 to 32 capital letters, digits and hyphens, "
            "beginning with a letter or digit; rename it"
        )
    return value


def check_recording_id(value: str) -> str:
    """Return `value` if it is fit to be a recording's id: any text of 1 to 255 bytes without control characters.

    It is data. Nothing in the system opens a file or writes a key by it.
    """
    size = len(value.encode("utf-8", "surrogatepass"))
    if not 0 < size <= RECORDING_ID_BYTES:
        raise NameInvalid(f"recording id of {size} bytes: expected 1 to {RECORDING_ID_BYTES}")
    if any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF for c in value):
        raise NameInvalid(f"recording id {value!r}: contains control characters; the camera must rename it")
    return value


def check_sha256(value: str) -> str:
    """Return `value` if it is a SHA-256 digest in lower-case hex."""
    if not SHA256_HEX.fullmatch(value):
        raise NameInvalid(f"digest {value[:80]!r}: expected 64 lower-case hex digits of SHA-256")
    return value
