"""What the invariants look at: the docks' folders, the vault and PostgreSQL at one moment, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from workers.fate.row import Fate
from workers.footage.manifest import Manifest
from workers.footage.recording import Inventory
from workers.keys.signing import EnrolledKey, Signed
from workers.vault.values import Lock


class Stored(Struct, frozen=True):
    """One version in the vault.

    Attributes:
        sha256: of the bytes that came back, where they were read.
        lock: as a HEAD showed it, where one was sent.
    """

    key: str
    version_id: str
    size: int
    delete_marker: bool = False
    sha256: str | None = None
    lock: Lock | None = None


class SignedInventory(Struct, frozen=True):
    """One docking as the dock signed it."""

    signed: Signed
    inventory: Inventory


class Rejection(Struct, frozen=True):
    """A report that intake or release refused."""

    camera: str
    recording: str
    reason: str


class Told(Struct, frozen=True):
    """An event that waits in the outbox, was relayed, or is on record.

    Attributes:
        topic: without namespace and lane.
        recorded: it must come to the custody log.
        sent: the relay has published it, as far as the outbox knows.
    """

    event_id: str
    topic: str
    clip_id: str | None
    time: datetime
    body: bytes
    recorded: bool = True
    sent: bool = True


class Leaf(Struct, frozen=True):
    """One line of the custody log as it stands in the table."""

    index: int
    event_id: str
    type: str
    clip_id: str | None
    entry: str
    leaf: bytes
    payload: bytes | None
    salt: bytes
    conflicts_with: int | None = None


class OpenUpload(Struct, frozen=True):
    """An unfinished multipart upload; `known_to` says who knows it."""

    key: str
    known_to: str


class Gap(Struct, frozen=True):
    """Running numbers of a camera that no inventory ever listed."""

    camera: str
    first: int
    last: int


class World(Struct, frozen=True):
    """Everything that the invariants speak of.

    Attributes:
        cameras: those that stand in a dock now.
        on_camera: (camera, recording) → bytes that lie there.
        manifests: by key; unreadable: keys of those that are none.
        keys: enrolled keys, revoked ones too, and those of the services, by id.
        custody_size: what the head says.
        custody_whole: `custody` is the whole log, not only the entries of some clips.
        gaps: missing running numbers.
    """

    namespace: str
    inventories: tuple[SignedInventory, ...] = ()
    fates: tuple[Fate, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    uploads: tuple[OpenUpload, ...] = ()
    events: tuple[Told, ...] = ()
    custody: tuple[Leaf, ...] = ()
    custody_size: int = 0
    objects: tuple[Stored, ...] = ()
    manifests: Mapping[str, Manifest] = {}
    cameras: frozenset[str] = frozenset()
    on_camera: Mapping[tuple[str, str], int] = {}
    keys: Mapping[str, EnrolledKey] = {}
    custody_whole: bool = True
    gaps: tuple[Gap, ...] = ()
    unreadable: tuple[str, ...] = ()


def lane_free(topic: str) -> str:
    """The topic's name without the urgent lane."""
    return topic.removesuffix(".urgent")
