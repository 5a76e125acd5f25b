"""What a dock declares: the inventory of a camera, and a report of each recording, both signed.

The inventory lists what a camera holds, before anything was measured. Then each recording is read once for
its SHA-256. What the camera declares wins: a recording whose bytes do not match its own digest is reported
all the same, with both digests, and transfer puts it into quarantine where people see it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from workers.dock.camera import CLOCK, Camera, Found, Look
from workers.dock.measuring import measure
from workers.dock.notes import Docking, Measured, Measurements, Notes, NotesUnfit
from workers.dock.offers import address
from workers.dock.sidecars import SAFE_INTEGER
from workers.errors import BwvError
from workers.footage.canonical import sha256_hex
from workers.footage.recording import Inventory, InventoryItem, Recording, RefusedItem, Report
from workers.keys.signing import Signed, Signer, check_signature
from workers.keys.statements import PURPOSES, now_iso

_MEASURED = "bwv.measured.1"
"""Purpose of the dock's own note; nobody else reads it."""


class DockIdentity(Struct, frozen=True):
    """Who declares: the dock, its key, and where its server answers (`http://host:port`)."""

    dock: str
    signer: Signer
    base: str


def dock_camera(identity: DockIdentity, camera: Camera, look: Look, now: float, *, restarted: bool) -> Docking:
    """Begin a docking, or go on with the one under way if only the dock agent was restarted.

    The counter is one above the camera's own, and never below the time, so that a camera that was reset does
    not go backwards. It is written to the camera before anything is told.

    Args:
        now: seconds since 1970.
        restarted: the camera already stood there when the agent started.

    Raises:
        NotesUnfit: the camera's `.dock` cannot be used, or its counter is damaged.
    """
    notes = Notes(camera)
    last = notes.docking()
    if restarted and last is not None and _goes_on(identity, camera, last):
        return last
    counter = max(last.docking + 1 if last else 0, int(now))
    if not 0 < counter <= SAFE_INTEGER:
        raise NotesUnfit(f"camera {camera.name}: its docking counter {counter} is damaged; reset its .dock")
    docked_at = now_iso(datetime.fromtimestamp(now, UTC))
    offset, odd = clock_offset(look.clock, now)
    inventory = Inventory(
        dock=identity.dock,
        bay=camera.place.bay,
        camera=camera.name,
        docking=counter,
        docked_at=docked_at,
        previous_inventory=last.inventory if last else None,
        clock_offset=offset,
        recordings=tuple(
            InventoryItem(f.sidecar.recording, f.sidecar.sequence, f.sidecar.size, f.sidecar.kind)
            for f in sorted(look.recordings, key=lambda f: f.sidecar.sequence)
        ),
        refused=look.refused + odd,
    )
    signed = identity.signer.sign(PURPOSES[Inventory], inventory)
    docking = Docking(
        docking=counter,
        inventory=sha256_hex(signed.body.encode()),
        dock=identity.dock,
        bay=camera.place.bay,
        inode=camera.place.inode,
        base=identity.base,
        docked_at=docked_at,
        signed=signed,
    )
    notes.keep_docking(docking)
    return docking


def _goes_on(identity: DockIdentity, camera: Camera, last: Docking) -> bool:
    place = camera.place
    here = (identity.dock, place.bay, place.inode, identity.base)
    return (
        (last.dock, last.bay, last.inode, last.base) == here
        and last.signed is not None
        and sha256_hex(last.signed.body.encode()) == last.inventory
        and _ours(identity, PURPOSES[Inventory], last.signed)
    )


def _ours(identity: DockIdentity, purpose: str, signed: Signed) -> bool:
    try:
        check_signature(purpose, signed, identity.signer.enrolment())
    except BwvError:
        return False
    return True


def clock_offset(clock: str | None, now: float) -> tuple[float, tuple[RefusedItem, ...]]:
    """Seconds that the camera's clock is ahead of the dock's; 0 if it does not tell or tells nonsense."""
    if clock is None:
        return 0.0, ()
    try:
        told = datetime.fromisoformat(clock)
        told = told if told.tzinfo else told.replace(tzinfo=UTC)
        return round(told.timestamp() - now, 3), ()
    except (ValueError, OverflowError) as error:
        reason = f"the camera's clock {clock[:64]!r} is no time: {error}"
        return 0.0, (RefusedItem(CLOCK, reason, "set the camera's clock"),)


def declare(
    identity: DockIdentity,
    camera: Camera,
    docking: Docking,
    found: Found,
    *,
    progress: Callable[[int], None] = lambda done: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Signed:
    """Measure a recording and sign its report; the same docking of the same recording gives the same bytes.

    Raises: as `measure`, and NotesUnfit.
    """
    notes = Notes(camera)
    kept = notes.report(found.sidecar.recording)
    if kept is not None and _ours(identity, PURPOSES[Report], kept) and _is_about(kept, docking, found):
        return kept
    known = _measurements(identity, camera, notes)
    measured = known.get(found.sidecar.file)
    if measured is None or measured.stamp != str(found.stamp):
        sha256, _ = measure(camera, found.sidecar.file, found.stamp, progress=progress, stopped=stopped)
        measured = Measured(str(found.stamp), sha256)
        known[found.sidecar.file] = measured
        notes.keep_measured(identity.signer.sign(_MEASURED, Measurements(camera.name, known)))
    report = _report(identity, camera, docking, found, measured)
    signed = identity.signer.sign(PURPOSES[Report], report)
    notes.keep_report(found.sidecar.recording, signed)
    return signed


def _measurements(identity: DockIdentity, camera: Camera, notes: Notes) -> dict[str, Measured]:
    """Digests that this very dock measured; another dock's word on a camera is measured again."""
    signed = notes.measured()
    if signed is None or not _ours(identity, _MEASURED, signed):
        return {}
    body = msgspec.json.decode(signed.body, type=Measurements)
    return body.files if body.camera == camera.name else {}


def _is_about(kept: Signed, docking: Docking, found: Found) -> bool:
    report = msgspec.json.decode(kept.body, type=Report)
    recording = report.recording
    return (
        (report.docking, report.inventory) == (docking.docking, docking.inventory)
        and recording.recording == found.sidecar.recording
        and recording.measured_size == found.stamp.size
        and recording.sidecar_sha256 == found.sidecar_sha256
    )


def _report(identity: DockIdentity, camera: Camera, docking: Docking, found: Found, measured: Measured) -> Report:
    said = found.sidecar
    assert docking.signed is not None
    inventory = msgspec.json.decode(docking.signed.body, type=Inventory)
    recording = Recording(
        camera=camera.name,
        recording=said.recording,
        source_type=said.source_type,
        kind=said.kind,
        sequence=said.sequence,
        size=said.size,
        sha256=said.sha256 or measured.sha256,
        measured_size=found.stamp.size,
        measured_sha256=measured.sha256,
        media_type=said.media_type,
        recorded_at=said.started,
        ended_at=said.ended,
        trigger=said.trigger,
        owner=said.owner,
        clock_offset=inventory.clock_offset,
        preroll=said.preroll,
        incident=said.incident,
        urgent=said.urgent,
        incomplete=said.incomplete,
        sidecar_size=found.sidecar_size,
        sidecar_sha256=found.sidecar_sha256,
    )
    return Report(
        dock=identity.dock,
        bay=camera.place.bay,
        docking=docking.docking,
        docked_at=docking.docked_at,
        inventory=docking.inventory,
        location=identity.base + address(camera.name, docking.docking, said.recording),
        recording=recording,
    )
