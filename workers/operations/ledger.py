"""The ledger: every recording that a camera ever declared, and where it stands (invariant I1).

declared = wiped + quarantined (reason) + left on the camera (reason). A recording in none of these is
unexplained, and that is an alarm, to the file and to the byte.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from workers.database.engine import Database
from workers.fate.moves import FINAL, MOST_ATTEMPTS, CameraCopy, Standing
from workers.footage.recording import Inventory, Report
from workers.keys.statements import Decision


class Line(Struct, frozen=True):
    """One recording of one camera. Other bytes under the same name are a recording, and a line, of their own.

    Attributes:
        standing: wiped, damaged, released, verified, secured, registered, quarantined, disposed, rejected, refused
            or unexplained: the furthest that any clip of it has come.
        on_camera: whether the camera still holds it.
        settled: nothing more happens by itself.
        reason: why it is where it is, for whatever is not simply wiped.
    """

    camera: str
    recording: str
    size: int
    standing: str
    on_camera: bool
    settled: bool
    reason: str = ""
    clip_id: str | None = None


class Ledger(Struct, frozen=True):
    """All lines, and whether they add up."""

    lines: tuple[Line, ...]

    @property
    def declared(self) -> int:
        """Recordings that any signed inventory lists."""
        return len(self.lines)

    @property
    def unsettled(self) -> tuple[Line, ...]:
        """Recordings that are still on their way."""
        return tuple(line for line in self.lines if not line.settled)

    @property
    def adds_up(self) -> bool:
        """Whether each recording is wiped, quarantined with a reason, or left on the camera with a reason."""
        return all(line.settled and line.standing != "unexplained" for line in self.lines)

    def counts(self) -> dict[str, int]:
        """How many recordings stand where."""
        result: dict[str, int] = {}
        for line in self.lines:
            result[line.standing] = result.get(line.standing, 0) + 1
        return result


async def read_ledger(database: Database, cameras: Iterable[str] | None = None) -> Ledger:
    """Read the ledger of all cameras, or of those named."""
    chosen = list(cameras) if cameras is not None else None
    where = " WHERE %(cameras)s::text[] IS NULL OR camera = ANY(%(cameras)s)"
    names = {"cameras": chosen}
    dockings = await database.fetch(f"SELECT inventory FROM dockings{where} ORDER BY camera, docking", names)
    fates = await database.fetch(
        "SELECT clip_id, camera, recording, standing, attempt, interrupted, camera_copy, disposal, quarantine,"
        " conflict_with, declaration, report, (SELECT damage->>'reason' FROM clips c WHERE c.clip_id = f.clip_id) AS"
        f" damage FROM clip_fate f{where} ORDER BY registered_at",
        names,
    )
    rejections = await database.fetch(
        f"SELECT camera, recording, code, reason, action FROM rejections{where} ORDER BY time", names
    )
    return make_ledger([msgspec.json.decode(row["inventory"], type=Inventory) for row in dockings], fates, rejections)


def make_ledger(
    inventories: Iterable[Inventory], fates: Iterable[dict[str, Any]], rejections: Iterable[dict[str, Any]]
) -> Ledger:
    """Set what was declared against what became of it; pure."""
    declared: dict[tuple[str, str], int] = {}
    refused: dict[str, dict[str, str]] = {}
    for inventory in inventories:
        for item in inventory.recordings:
            declared[inventory.camera, item.recording] = item.size
        # Only the newest inventory says what still cannot be reported.
        refused[inventory.camera] = {thing.name: f"{thing.reason}; {thing.action}" for thing in inventory.refused}
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for fate in fates:
        rows.setdefault((fate["camera"], fate["recording"]), []).append(fate)
    told = {(r["camera"], r["recording"]): r for r in rejections}
    lines = []
    for (camera, recording), size in declared.items():
        first, *others = _by_bytes(rows.get((camera, recording), []))
        lines.append(_line(camera, recording, size, first, told.get((camera, recording))))
        lines += [_line(camera, recording, size, group, None) for group in others]
    lines += [
        Line(camera, name, 0, "refused", on_camera=True, settled=True, reason=reason)
        for camera, things in refused.items()
        for name, reason in things.items()
    ]
    return Ledger(tuple(sorted(lines, key=lambda line: (line.camera, line.recording))))


def _by_bytes(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The clips of one name: those of its first bytes, then those of each later bytes under the same name.

    A clip that a person made by accepting quarantined bytes is about the same bytes as the quarantined one.
    """
    conflicting = {row["clip_id"] for row in rows if row["conflict_with"]}
    groups: dict[str, list[dict[str, Any]]] = {"": []}
    for row in rows:
        clip = row["clip_id"]
        if row["declaration"]:
            clip = msgspec.json.decode(row["declaration"]["body"], type=Decision).clip_id
        groups.setdefault(clip if clip in conflicting else "", []).append(row)
    return list(groups.values())


def _line(camera: str, recording: str, size: int, rows: list[dict[str, Any]], rejection: dict[str, Any] | None) -> Line:
    if not rows:
        if rejection is None:
            return Line(camera, recording, size, "unexplained", True, False, "declared and never reported")
        reason = f"{rejection['reason']}; {rejection['action']}"
        return Line(camera, recording, size, "rejected", True, True, reason)
    row = max(rows, key=_furthest)
    size = msgspec.json.decode(row["report"]["body"], type=Report).recording.size
    standing, reason, settled = row["standing"], "", False
    on_camera = all(r["camera_copy"] != CameraCopy.WIPED for r in rows)
    if standing == Standing.DAMAGED and row["disposal"] not in FINAL:
        settled, reason = True, row.get("damage") or "the vault's copy is damaged"
    elif not on_camera:
        standing, settled = "wiped", True
    elif row["disposal"] in FINAL:
        standing = "disposed"
        if rejection is not None and rejection["code"] == "disposed_unverified":
            settled, reason = True, f"{rejection['reason']}; {rejection['action']}"
    elif standing == Standing.QUARANTINED:
        settled, reason = True, (row["quarantine"] or {}).get("reason", "")
    elif row["attempt"] > MOST_ATTEMPTS:
        settled, reason = True, f"{MOST_ATTEMPTS} attempts failed when they were read back"
    elif row["interrupted"]:
        reason = "the dock left in mid-transfer; it resumes when the camera is docked again"
    return Line(camera, recording, size, str(standing), on_camera, settled, reason, row["clip_id"])


def _furthest(row: dict[str, Any]) -> tuple[int, int]:
    order = list(Standing)
    quarantined = row["standing"] == Standing.QUARANTINED
    return (int(row["camera_copy"] == CameraCopy.WIPED), -1 if quarantined else order.index(row["standing"]))
