"""What a reconciliation is about, in slices small enough for memory: recordings by the docking that first listed them.

A recording belongs to the dock and the day of the first docking whose signed inventory lists it, so the days of
a dock never share a recording and a day's sum stays the same when the camera is docked again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec
from msgspec import Struct

from workers.database.engine import Database
from workers.footage.recording import Inventory
from workers.operations.collecting import inventory_of
from workers.operations.world import Gap, SignedInventory

Name = tuple[str, str]
"""Camera and recording."""

SLICE = 250
"""Recordings that are looked at together: a few megabytes with their events."""

CAMERAS = 8
"""Cameras whose inventories are read together: of a whole year, 3,000 inventories."""


class Scope(Struct, frozen=True):
    """Which recordings.

    Attributes:
        day: of docking, UTC, as the dock signed it; None: every day.
        dock: None: every dock.
    """

    day: date | None = None
    dock: str | None = None

    @property
    def whole(self) -> bool:
        """Everything that was ever declared."""
        return self.day is None and self.dock is None

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.day or 'every day'}, {self.dock or 'every dock'}"

    def covers(self, inventory: Inventory) -> bool:
        """Whether what this docking listed first is meant."""
        return self.dock in (None, inventory.dock) and (
            self.day is None or inventory.docked_at[:10] == self.day.isoformat()
        )

    def bounds(self) -> tuple[datetime, datetime]:
        """Begin and end of the day."""
        day = self.day or date.min
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return begin, begin + timedelta(days=1)


class Slice(Struct, frozen=True):
    """Some recordings with the inventories that list them.

    Attributes:
        names: declared in the scope, and those of rows that no inventory lists.
        inventories: as signed; of each, `inventory` has the recordings of this slice alone.
        newest: camera → its newest inventory: what it held when it was last seen.
    """

    names: tuple[Name, ...]
    inventories: tuple[SignedInventory, ...]
    newest: Mapping[str, Inventory]
    gaps: tuple[Gap, ...] = ()


class _Camera(Struct, frozen=True):
    """One camera's inventories, ascending, and what each listed first."""

    camera: str
    dockings: list[SignedInventory]
    first: dict[str, int]
    undeclared: list[str]
    gaps: list[Gap]


async def slices(database: Database, scope: Scope, *, size: int = SLICE) -> AsyncIterator[tuple[int, int, Slice]]:
    """Everything in the scope, camera by camera: (cameras done before, cameras in all, slice)."""
    cameras = await _cameras(database, scope)
    for begin in range(0, len(cameras), CAMERAS):
        names: list[Name] = []
        parts: list[Slice] = []
        for held in await _held(database, scope, cameras[begin : begin + CAMERAS]):
            for part in _pieces(scope, held, size):
                if names and len(names) + len(part.names) > size:
                    yield begin, len(cameras), _joined(parts)
                    names, parts = [], []
                names += part.names
                parts.append(part)
        if parts:
            yield begin, len(cameras), _joined(parts)


async def _cameras(database: Database, scope: Scope) -> list[str]:
    begin, end = scope.bounds()
    statement = "SELECT DISTINCT camera FROM dockings WHERE (%(dock)s::text IS NULL OR dock = %(dock)s)"
    if scope.day is not None:
        statement += " AND docked_at >= %(begin)s AND docked_at < %(end)s"
    if scope.whole:
        statement += " UNION SELECT camera FROM clip_fate"
    rows = await database.fetch(f"{statement} ORDER BY camera", {"dock": scope.dock, "begin": begin, "end": end})
    return [row["camera"] for row in rows]


EVERY_DOCKING = "SELECT camera, docking, inventory, key, signature FROM dockings WHERE camera = ANY(%(cameras)s)"

DOCKINGS_OF_A_DAY = """
SELECT d.* FROM unnest(%(cameras)s::text[]) AS c (name) CROSS JOIN LATERAL (
    SELECT camera, docking, inventory, key, signature FROM dockings
    WHERE camera = c.name AND docked_at >= %(begin)s AND docked_at < %(end)s
    UNION ALL
    (SELECT camera, docking, inventory, key, signature FROM dockings
     WHERE camera = c.name AND docked_at < %(begin)s ORDER BY docking DESC LIMIT 1)
    UNION ALL
    (SELECT camera, docking, inventory, key, signature FROM dockings
     WHERE camera = c.name AND docked_at >= %(end)s ORDER BY docking DESC LIMIT 1)
) AS d"""
"""With the docking before, whose list says what is new, and the newest one."""


async def _held(database: Database, scope: Scope, cameras: Sequence[str]) -> list[_Camera]:
    begin, end = scope.bounds()
    asked = {"cameras": list(cameras), "begin": begin, "end": end}
    rows = await database.fetch(DOCKINGS_OF_A_DAY if scope.day else EVERY_DOCKING, asked)
    dockings: dict[str, dict[int, SignedInventory]] = {camera: {} for camera in cameras}
    for row in rows:
        dockings[row["camera"]][row["docking"]] = inventory_of(row)
    undeclared: dict[str, list[str]] = {camera: [] for camera in cameras}
    made = {
        camera: _Camera(camera, [found[n] for n in sorted(found)], _first(found), undeclared[camera], [])
        for camera, found in dockings.items()
    }
    if scope.whole:
        statement = "SELECT DISTINCT camera, recording FROM clip_fate WHERE camera = ANY(%(cameras)s)"
        for row in await database.fetch(statement, asked):
            if row["recording"] not in made[row["camera"]].first:
                undeclared[row["camera"]].append(row["recording"])
    for gap in await _gaps(database, cameras):
        made[gap.camera].gaps.append(gap)
    return list(made.values())


def _first(dockings: Mapping[int, SignedInventory]) -> dict[str, int]:
    """Recording → the docking that listed it first."""
    first: dict[str, int] = {}
    for number in sorted(dockings):
        for item in dockings[number].inventory.recordings:
            first.setdefault(item.recording, number)
    return first


async def _gaps(database: Database, cameras: Sequence[str]) -> list[Gap]:
    rows = await database.fetch(
        "SELECT camera, lower(gap) AS first, upper(gap) - 1 AS last FROM cameras,"
        " unnest(range_merge(sequences)::int8multirange - sequences) AS gap"
        " WHERE camera = ANY(%s) AND NOT isempty(sequences) ORDER BY camera, gap",
        (list(cameras),),
    )
    return [msgspec.convert(row, Gap) for row in rows]


def _pieces(scope: Scope, held: _Camera, size: int) -> Iterator[Slice]:
    """One camera's part of the scope, in pieces of at most `size` names."""
    covered = [docking for docking in held.dockings if scope.covers(docking.inventory)]
    names = [
        item.recording
        for docking in covered
        for item in docking.inventory.recordings
        if held.first[item.recording] == docking.inventory.docking
    ]
    names = list(dict.fromkeys(names)) + held.undeclared
    if not covered and not names:
        return
    newest = {held.camera: held.dockings[-1].inventory} if held.dockings else {}
    for begin in range(0, max(len(names), 1), size):
        chosen = names[begin : begin + size]
        lists = [_trimmed(docking, held.first, frozenset(chosen)) for docking in covered]
        # Every signature is looked at once, also that of an inventory that lists nothing new.
        lists = [docking for docking in lists if begin == 0 or docking.inventory.recordings]
        gaps = _told_here(scope, held, covered) if begin == 0 else ()
        yield Slice(tuple((held.camera, name) for name in chosen), tuple(lists), newest, gaps)


def _trimmed(docking: SignedInventory, first: Mapping[str, int], chosen: frozenset[str]) -> SignedInventory:
    inventory = docking.inventory
    kept = tuple(
        item for item in inventory.recordings if item.recording in chosen and first[item.recording] == inventory.docking
    )
    return SignedInventory(docking.signed, msgspec.structs.replace(inventory, recordings=kept))


def _told_here(scope: Scope, held: _Camera, covered: Sequence[SignedInventory]) -> tuple[Gap, ...]:
    """Gaps that show in these inventories: the number after the gap is new here."""
    if scope.whole:
        return tuple(held.gaps)
    new = {
        item.sequence
        for docking in covered
        for item in docking.inventory.recordings
        if held.first[item.recording] == docking.inventory.docking
    }
    return tuple(gap for gap in held.gaps if gap.last + 1 in new)


def _joined(parts: Sequence[Slice]) -> Slice:
    return Slice(
        tuple(name for part in parts for name in part.names),
        tuple(docking for part in parts for docking in part.inventories),
        {camera: inventory for part in parts for camera, inventory in part.newest.items()},
        tuple(gap for part in parts for gap in part.gaps),
    )
