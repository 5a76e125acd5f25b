"""The last module: it stops the shared system in the middle of its work, and starts it again."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest

from local.background import status
from streams.settings import load
from tests.pipeline.pipeline import Pipeline, opened
from workers.vault.keys import attempt_keys

pytestmark = pytest.mark.stack


def lasting(row: dict[str, Any]) -> dict[str, Any]:
    """A clip's row without what the lease renews as time goes by."""
    return {name: value for name, value in row.items() if name not in ("lease_end", "lease_confirmed", "moved_at")}


async def test_down_and_up_keep_everything_and_what_was_under_way_goes_on(system: Pipeline) -> None:
    finished = system.filled("UPD-0001", [10_000])
    await system.enrol("UPD-0001", "UPD-0002")
    system.dock(finished, "BAY-UPD-1")
    assert set((await system.settled(finished)).values()) == {"wiped"}
    busy = system.filled("UPD-0002", [10_000_000] * 6)
    system.dock(busy, "BAY-UPD-2")
    await system.has_clips("UPD-0002", 1)
    before = await system.clips("UPD-0001")
    entries = await system.sql("SELECT index, leaf FROM custody ORDER BY index")

    assert "stopped" in (await system.done("down")).out
    assert status(system.home) is None
    for words in ("status", "ledger", "dead-letters list", "store-check", "topics apply", "urgent ABC-1 --reason x"):
        said = await system.bwv(*words.split())
        assert said.code == 3, f"{words}: {said}"
        assert "bwv up" in said.err and said.err.count("\n") == 1, f"{words}: {said.err}"
    assert "nothing was running" in (await system.done("down")).out
    assert "ready under" in (await system.done("up")).out
    system.settings = load(system.home)  # a port that another program took meanwhile is another one now

    assert set((await system.settled(busy)).values()) == {"wiped"}
    assert [lasting(row) for row in await system.clips("UPD-0001")] == [lasting(row) for row in before]
    again = await system.sql("SELECT index, leaf FROM custody ORDER BY index")
    assert again[: len(entries)] == entries and len(again) > len(entries)
    assert await system.sql("SELECT index FROM custody WHERE conflicts_with IS NOT NULL") == []
    [line] = await system.lines("UPD-0001")
    assert (line.standing, line.on_camera) == ("wiped", False)
    [row] = before
    footage = attempt_keys(system.settings.namespace, row["clip_id"], 1).footage
    kept = await asyncio.to_thread(system.vault("verification").get_small, footage, row["verified_version"])
    assert hashlib.sha256(kept).hexdigest() == opened(row["report"])["recording"]["sha256"]
    second = await system.bwv("up")
    assert second.code == 2 and "already" in second.err
