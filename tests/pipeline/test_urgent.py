"""The urgent lane: what cannot wait does not stand behind a shift's backlog."""

from __future__ import annotations

import pytest

from tests.pipeline.pipeline import Pipeline

pytestmark = pytest.mark.stack

BACKLOG = 16


async def test_a_camera_that_is_put_urgent_overtakes_a_backlog(system: Pipeline) -> None:
    backlog = system.filled("URG-0001", [400_000] * BACKLOG)
    late = system.filled("URG-0002", [400_000])
    later = system.filled("URG-0003", [400_000])
    await system.enrol("URG-0001", "URG-0002", "URG-0003")
    with system.frozen("transfer"):
        system.dock(backlog, "BAY-URG-1")
        await system.has_clips("URG-0001", BACKLOG)
        system.dock(late, "BAY-URG-2")
        await system.has_clips("URG-0002", 1, urgent=False)
        # One that waits already, named by its bay; one that is docked afterwards, named by itself.
        asked = await system.done("urgent", "DOCK-01/BAY-URG-2", "--reason", "a person is missing")
        assert "URG-0002" in asked.out
        await system.done("urgent", "URG-0003", "--reason", "a person is missing")
        await system.has_clips("URG-0002", 1, urgent=True)
        system.dock(later, "BAY-URG-3")
        await system.has_clips("URG-0003", 1, urgent=True)

    for camera in (backlog, late, later):
        assert set((await system.settled(camera)).values()) == {"wiped"}

    async def order() -> list[str] | None:
        rows = await system.sql(
            "SELECT camera FROM clips WHERE camera LIKE 'URG-%%' AND verified_at IS NOT NULL ORDER BY secured_at"
        )
        return [row["camera"] for row in rows] if len(rows) == BACKLOG + 2 else None

    cameras = await system.until(order, "the catalogue to know all clips")
    assert {"URG-0002", "URG-0003"} <= set(cameras[: BACKLOG // 2]), cameras
