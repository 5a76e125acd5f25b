"""The certificate of a disposal: what is left of a clip, and what it tells a dock that reports the recording again."""

from __future__ import annotations

from msgspec import Struct

from workers.keys.signing import Signed


class Certificate(Struct, frozen=True):
    """Lies at `certificates/<clip_id>` once a clip was disposed of; written by disposal alone.

    Readers ignore what they do not know. `receipt` is the wipe receipt that had been earned before; without
    one the clip went before it was verified, and a person decides what becomes of the camera's copy.

    Attributes:
        statement: a `Disposed` signed by disposal: what was deleted, when, and under which rule.
    """

    clip_id: str
    receipt: Signed | None = None
    statement: Signed | None = None
