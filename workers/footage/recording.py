"""What a camera says about a recording (the sidecar), and what a dock declares of it (the report)."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec import Struct


class SourceType(StrEnum):
    """What kind of device made the recording."""

    BODY_WORN = "body_worn"
    TASER = "taser"
    VEHICLE = "vehicle"


class Kind(StrEnum):
    """Footage, or the camera's own event log (power, record, stop, mute, battery, clock set)."""

    FOOTAGE = "footage"
    EVENT_LOG = "event_log"


class PreRoll(Struct, frozen=True, forbid_unknown_fields=True):
    """The rolling buffer kept from before *record* was pressed.

    It lies at the front of the recording and is commonly silent, which is data, not tampering.
    """

    seconds: float
    sound: bool = False


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    """A position of the GPS track. Stays in the sidecar, never in a message.

    Attributes:
        at: when it was there: ISO 8601, by the camera's clock as `started` is; UTC where it has no zone.
    """

    latitude: float
    longitude: float
    at: str | None = None


class Sidecar(Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON file that a camera writes beside a recording; docs/reference/sidecar.schema.json.

    `sha256` must be present; `null` says that this camera cannot compute a digest, and the dock's own
    measurement becomes the declaration.
    """

    recording: str
    file: str
    source_type: SourceType
    sequence: int
    started: str
    size: int
    sha256: str | None
    ended: str | None = None
    kind: Kind = Kind.FOOTAGE
    trigger: str = "button"
    owner: str | None = None
    media_type: str = "video/mp4"
    preroll: PreRoll | None = None
    incident: str | None = None
    urgent: bool = False
    incomplete: bool = False
    note: str | None = None
    track: tuple[Place, ...] = ()
    camera_signature: str | None = None


class Recording(Struct, frozen=True):
    """One recording as a dock declares it. No GPS and no free text: those stay in the sidecar.

    Attributes:
        sequence: the camera's own running number; a gap means a recording is missing.
        size, sha256: the declaration that everything later is compared with: the camera's own digest where
            it computes one, else the dock's measurement.
        measured_sha256, measured_size: what the dock found on the camera when it docked.
        clock_offset: seconds that the camera's clock was ahead of the dock's at docking.
        recorded_at: start by the camera's clock, ISO 8601; never changes.
    """

    camera: str
    recording: str
    source_type: SourceType
    kind: Kind
    sequence: int
    size: int
    sha256: str
    measured_size: int
    measured_sha256: str
    media_type: str
    recorded_at: str
    ended_at: str | None
    trigger: str
    owner: str | None
    clock_offset: float
    preroll: PreRoll | None
    incident: str | None
    urgent: bool
    incomplete: bool
    sidecar_size: int
    sidecar_sha256: str


class Report(Struct, frozen=True):
    """A dock's declaration of one recording: the body that it signs.

    The same docking of the same recording gives the same bytes, so a repeat is recognised.

    Attributes:
        docking: monotonic per camera, one higher at each docking.
        inventory: SHA-256 of the inventory of this docking; previous_inventory: of the one before.
        location: where the recording can be read by range until it is wiped (http URL).
    """

    dock: str
    bay: str
    docking: int
    docked_at: str
    inventory: str
    location: str
    recording: Recording


class InventoryItem(Struct, frozen=True):
    """A recording that the camera holds, before anything was measured."""

    recording: str
    sequence: int
    size: int
    kind: Kind = Kind.FOOTAGE


class RefusedItem(Struct, frozen=True):
    """Something on the camera that the dock cannot report, and what a person should do."""

    name: str
    reason: str
    action: str


class Inventory(Struct, frozen=True):
    """All that a camera held when it was docked: the body that the dock signs first.

    Conservation is checked against this list: each recording in it must end stored, quarantined or still on
    the camera.
    """

    dock: str
    bay: str
    camera: str
    docking: int
    docked_at: str
    previous_inventory: str | None
    clock_offset: float
    recordings: tuple[InventoryItem, ...]
    refused: tuple[RefusedItem, ...] = ()


def decode_sidecar(data: bytes) -> Sidecar:
    """Decode and check a sidecar; raises msgspec.ValidationError with the field's path."""
    return msgspec.json.decode(data, type=Sidecar)
