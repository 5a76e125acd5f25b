"""Whose hands each camera was in, as the issue log has it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from workers.database.engine import Connection, fetch_plain
from workers.encounters.day import Held

_EVERY_CAMERA = """
    (SELECT camera FROM camera_holders ORDER BY camera LIMIT 1)
    UNION ALL
    SELECT (SELECT camera FROM camera_holders h WHERE h.camera > cameras.camera ORDER BY camera LIMIT 1) FROM cameras
    WHERE cameras.camera IS NOT NULL
"""
"""Each camera once, by steps through the index: holders are many times as many."""

_TAKEN = """
WITH RECURSIVE cameras (camera) AS ({cameras})
SELECT h.camera, h.time, h.event_id, h.officer FROM cameras CROSS JOIN LATERAL (
    (SELECT * FROM camera_holders h WHERE h.camera = cameras.camera AND h.time <= %(since)s
     ORDER BY time DESC, event_id DESC LIMIT 1)
    UNION ALL
    SELECT * FROM camera_holders h WHERE h.camera = cameras.camera AND h.time > %(since)s AND h.time <= %(until)s
) h ORDER BY h.camera, h.time, h.event_id
"""


class Hands:
    """Whose hands each camera was in, in a span: the rule of the view `clip_officers`, without a question a clip."""

    def __init__(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._times: dict[str, list[datetime]] = {}
        self._officers: dict[str, list[str | None]] = {}
        for camera, time, _, officer in rows:
            self._times.setdefault(camera, []).append(time)
            self._officers.setdefault(camera, []).append(officer)

    def officer(self, camera: str, at: datetime) -> str | None:
        """Who had it; None: nobody whom we know."""
        place = bisect_right(self._times.get(camera, ()), at)
        return self._officers[camera][place - 1] if place else None

    def cameras_of(self, officers: Collection[str]) -> list[str]:
        """Cameras that these officers had."""
        wanted = frozenset(officers)
        return sorted(camera for camera, had in self._officers.items() if not wanted.isdisjoint(had))

    def held(self, officers: Collection[str], docked: Mapping[str, datetime]) -> dict[str, list[Held]]:
        """Officer → cameras that they had.

        Args:
            officers: these.
            docked: camera → its newest docking.
        """
        wanted = frozenset(officers)
        found: dict[str, list[Held]] = {}
        for camera, times in self._times.items():
            ends = [*times[1:], None]
            for officer, since, until in zip(self._officers[camera], times, ends, strict=True):
                if officer in wanted:
                    found.setdefault(officer, []).append(Held(camera, since, until, docked.get(camera)))
        return found


async def hands(connection: Connection, since: datetime, until: datetime, officers: Sequence[str] | None) -> Hands:
    """Whose hands the cameras were in.

    Args:
        officers: the cameras that these ever had; None: all.
    """
    only = "SELECT DISTINCT camera FROM camera_holders WHERE officer = ANY(%(officers)s)"
    statement = _TAKEN.format(cameras=_EVERY_CAMERA if officers is None else only)
    given = {"since": since, "until": until, "officers": officers}
    return Hands(await fetch_plain(connection, statement, given))


async def hands_that_held(connection: Connection, since: datetime, until: datetime, cameras: Sequence[str]) -> Hands:
    """Whose hands these cameras were in."""
    statement = _TAKEN.format(cameras="SELECT unnest(%(cameras)s::text[])")
    given = {"since": since, "until": until, "cameras": list(cameras)}
    return Hands(await fetch_plain(connection, statement, given))


async def docked(connection: Connection, cameras: Sequence[str]) -> dict[str, datetime]:
    """Camera → its newest docking."""
    rows = await fetch_plain(
        connection, "SELECT camera, docked_at FROM cameras WHERE camera = ANY(%s)", (list(cameras),)
    )
    return dict(rows)
