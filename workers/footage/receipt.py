"""The wipe receipt: the signed permission for a camera to erase one recording."""

from __future__ import annotations

from msgspec import Struct


class StoredCopy(Struct, frozen=True):
    """One verified copy: which store, which key, which version of it."""

    store: str
    key: str
    version_id: str


class Receipt(Struct, frozen=True):
    """What release signs once the footage was read back and proved (life-of-a-clip: verified → released).

    It is good only for a recording of this very camera, name, size and digest. `decision` names the
    person's decision where quarantined bytes were accepted.
    """

    clip_id: str
    camera: str
    recording: str
    size: int
    sha256: str
    copies: tuple[StoredCopy, ...]
    verified_at: str
    decision: str | None = None
