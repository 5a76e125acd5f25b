"""Docks and what stands in them: from the picture that a dock's program writes, else from what is on record.

A dock on this machine writes the live state of its bays into `<home>/dock-state/<DOCK>.json`, with rates and
reasons. Of a dock elsewhere the database knows which camera was docked last in each bay, and how far its clips are:
that is shown as such, without a rate, and never says that a camera may be taken, since only its dock knows that.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from workers.database.engine import Database, Row
from workers.dock.bay import State

LATELY = 24 * 3600.0
"""Seconds since a docking for which a bay without a picture is still told of."""

TOLD = "told"
"""Code of a bay that is known from the record alone."""


class Item(Struct, frozen=True):
    """One recording in a bay, as its dock shows it; sizes in bytes, rate in bytes a second, eta in seconds."""

    recording: str
    state: str
    total: int = 0
    bytes: int = 0
    rate: float = 0.0
    eta: float | None = None
    reason: str = ""
    clip_id: str | None = None
    urgent: bool = False


class Bay(Struct, frozen=True):
    """One bay.

    Attributes:
        camera: None while it is vacant.
        code: vacant, leave_in, may_be_taken, empty, failed (workers/dock/bay.py); `told` without a picture.
        sign: what the bay itself shows.
        remaining: recordings that still lie on the camera.
        rate: bytes a second; eta: seconds until the camera may be taken; None: not known.
        missing: recordings of this camera that no inventory ever listed.
    """

    bay: str
    camera: str | None
    code: str
    sign: str
    remaining: int = 0
    rate: float = 0.0
    eta: float | None = None
    recordings: tuple[Item, ...] = ()
    missing: int = 0

    @property
    def moving(self) -> tuple[Item, ...]:
        """Recordings whose bytes are on their way now."""
        return tuple(item for item in self.recordings if item.state == State.TRANSFERRING)

    @property
    def share(self) -> float:
        """How much of the bytes on this camera is out, from 0 to 1."""
        total = sum(item.total for item in self.recordings)
        done = sum(item.total if item.state in _OUT else item.bytes for item in self.recordings)
        return min(1.0, done / total) if total else 0.0


_OUT = frozenset({State.FETCHED, State.RELEASED, State.WIPED})


class Problem(Struct, frozen=True):
    """Something in a dock that is no bay and no camera, and what to do."""

    name: str
    reason: str
    action: str = ""


class Dock(Struct, frozen=True):
    """One dock.

    Attributes:
        live: there is a picture of its own; otherwise it is told from the record.
        silent: why its picture may be old; empty if it is not.
    """

    dock: str
    bays: tuple[Bay, ...]
    problems: tuple[Problem, ...] = ()
    live: bool = True
    silent: str = ""


class Pictures:
    """The pictures in a folder; one that has not changed since is not read again.

    Args:
        folder: `<home>/dock-state`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[tuple[int, int, int], Dock]] = {}

    def read(self) -> tuple[Dock, ...]:
        """Every dock's picture, by name. One that cannot be read is shown as a dock with that problem."""
        known = self._known
        self._known = {}
        for file in sorted(self._folder.glob("*.json")):
            try:
                seen = file.stat()
                version = seen.st_ino, seen.st_mtime_ns, seen.st_size
                before = known.get(file.stem)
                dock = before[1] if before and before[0] == version else picture(file.stem, file.read_bytes())
            except FileNotFoundError:
                continue  # gone since it was listed
            except OSError as error:
                version = (0, 0, 0)
                dock = _unreadable(file.stem, f"cannot be read: {error.strerror}")
            self._known[file.stem] = version, dock
        return tuple(dock for _, dock in self._known.values())


def picture(name: str, content: bytes) -> Dock:
    """A dock from the bytes of its file; what cannot be understood becomes a problem of that dock."""
    try:
        return msgspec.json.decode(content, type=Dock)
    except msgspec.DecodeError as error:
        return _unreadable(name, f"is not a picture of a dock: {error}")


def _unreadable(name: str, reason: str) -> Dock:
    action = "restart the dock's program; it writes the file again"
    return Dock(name, (), (Problem(f"dock-state/{name}.json", reason, action),), silent=reason)


ON_RECORD = (
    "SELECT DISTINCT ON (c.dock, c.bay) c.dock, c.bay, c.camera, extract(epoch FROM now() - c.docked_at)::float AS age,"
    " COALESCE(w.clips, 0) AS clips, COALESCE(w.interrupted, 0) AS interrupted"
    " FROM cameras c LEFT JOIN (SELECT camera, count(*) AS clips, count(*) FILTER (WHERE interrupted) AS interrupted"
    "  FROM clip_fate WHERE standing IN ('registered', 'secured', 'verified')"
    "  AND (disposal IS NULL OR disposal = 'intended') GROUP BY camera) w USING (camera)"
    " WHERE c.docked_at > now() - make_interval(secs => %(lately)s) AND c.dock <> ALL(%(pictured)s)"
    " ORDER BY c.dock, c.bay, c.docked_at DESC"
)
"""The newest docking of each bay whose dock has no picture here."""


async def on_record(database: Database, pictured: Iterable[str], lately: float = LATELY) -> tuple[Dock, ...]:
    """Docks that have no picture on this machine, as the record knows them.

    Args:
        pictured: docks that need not be told of.
        lately: seconds; what was docked longer ago is not there any more, for all we know.
    """
    rows = await database.fetch(ON_RECORD, {"lately": lately, "pictured": list(pictured)})
    docks: dict[str, list[Bay]] = {}
    for row in rows:
        docks.setdefault(row["dock"], []).append(_told(row))
    return tuple(Dock(name, tuple(bays), live=False) for name, bays in docks.items())


def _told(row: Row) -> Bay:
    ago = f"docked {row['age'] / 3600:.1f} h ago"
    if row["interrupted"]:
        says = f"{ago}; {row['interrupted']} of {row['clips']} clips wait for this camera to be docked again"
    elif row["clips"]:
        says = f"{ago}; {row['clips']} clips on their way"
    else:
        says = f"{ago}; nothing on its way; its dock shows whether it may be taken"
    return Bay(row["bay"], row["camera"], TOLD, says, row["clips"])


async def missing(database: Database) -> dict[str, int]:
    """Recordings that no inventory ever listed, by camera."""
    rows = await database.fetch("SELECT camera, sum(last - first + 1)::bigint AS n FROM gaps GROUP BY camera")
    return {row["camera"]: row["n"] for row in rows}


def with_missing(docks: Iterable[Dock], gaps: dict[str, int]) -> tuple[Dock, ...]:
    """The same docks, each camera with the number of its missing recordings."""
    return tuple(
        msgspec.structs.replace(
            dock,
            bays=tuple(
                msgspec.structs.replace(bay, missing=gaps[bay.camera]) if bay.camera in gaps else bay
                for bay in dock.bays
            ),
        )
        if any(bay.camera in gaps for bay in dock.bays)
        else dock
        for dock in docks
    )
