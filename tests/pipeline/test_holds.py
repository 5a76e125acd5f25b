"""Holds on the whole system, by their commands: what stands covers what is docked later, whatever the store does."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.pipeline.pipeline import Pipeline
from workers.vault.keys import clip_prefix

pytestmark = pytest.mark.stack

SECONDS = 10.0
"""Within which a person is answered while the store is away."""


async def docked(system: Pipeline, name: str, bay: str, **sidecar: Any) -> str:
    """Dock a camera with one recording and wait until it is erased there: the clip's id."""
    camera = system.filled(name, [150_000], **sidecar)
    await system.enrol(name)
    system.dock(camera, bay)
    [row] = await system.has_clips(name, 1, camera_copy="wiped")
    return str(row["clip_id"])


async def legal_holds(system: Pipeline, clip: str) -> list[bool]:
    """Of every version of the clip: whether its legal hold reads ON."""
    vault = system.vault("disposal")

    def look() -> list[bool]:
        found = vault.list_versions(clip_prefix(system.settings.namespace, clip))
        heads = [vault.head(version.key, version.version_id) for version in found]
        return [head.lock.legal_hold for head in heads if head is not None]

    return await asyncio.to_thread(look)


async def test_a_standing_hold_covers_a_camera_that_is_docked_later_and_two_people_lift_it(system: Pipeline) -> None:
    first = await docked(system, "HLD-0001", "BAY-HLD-1", incident="INC-HOLD-1")
    other = await docked(system, "HLD-0002", "BAY-HLD-2", incident="INC-OTHER")

    said = await system.done("hold", "place", "--reason", "conduct", "--incident", "INC-HOLD-1", "--json")
    hold = said.json["hold"]
    assert (said.json["state"], said.json["clips"]["active"]) == ("active", 1)

    later = await docked(system, "HLD-0003", "BAY-HLD-3", incident="INC-HOLD-1")

    async def both() -> bool:
        shown = (await system.done("hold", "show", hold, "--json")).json
        return {c["clip_id"]: c["state"] for c in shown["clips"]} == {first: "active", later: "active"}

    await system.until(both, "the later clip to be held")
    assert all(await legal_holds(system, later)) and await legal_holds(system, first) == [True] * 3
    assert not any(await legal_holds(system, other))
    told = await system.some(lambda: system.told("holds.placed", "clip_id", later), "the record of the hold")
    assert told[0]["hold_id"] == hold

    await system.done("keys", "new", "person", "SECOND")
    await system.done("keys", "enrol", "person", "SECOND")
    asked = await system.done("hold", "lift", hold, "--reason", "the complaint is closed")
    assert "until another person asks too" in asked.out
    refused = await system.bwv("hold", "lift", hold, "--reason", "again")
    assert refused.code == 1 and "lifted by two people" in refused.err
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("BWV_PERSON", "SECOND")
        await system.done("hold", "lift", hold, "--reason", "I looked at it too")

    async def free() -> bool:
        rows = await system.sql("SELECT held FROM clip_fate WHERE clip_id = ANY(%s)", [first, later])
        return [row["held"] for row in rows] == [False, False]

    await system.until(free, "the clips to be free")
    assert await legal_holds(system, first) == [True] * 3, "the store's hold comes off in disposal alone"


async def test_while_the_store_is_away_a_hold_is_pending_within_seconds_and_active_once_it_is_back(
    system: Pipeline,
) -> None:
    clips = [await docked(system, f"HLD-001{n}", f"BAY-HLD-{n}", incident="INC-HOLD-2") for n in range(3)]

    with system.frozen("store"):
        mass = await system.done("hold", "place", "--reason", "inquest", "--incident", "INC-HOLD-2", "--wait", "2")
        began = time.monotonic()
        said = await system.done("hold", "place", "--reason", "foi", "--clip", clips[0], "--wait", "1", "--json")
        took = time.monotonic() - began
        rows = await system.sql("SELECT held FROM clip_fate WHERE clip_id = %s", clips[0])
    print(f"answered in {took:.1f} s with the store frozen")
    assert mass.out.startswith("PENDING") and "3 pending" in mass.out
    assert said.json["state"] == "pending" and took < SECONDS
    assert [row["held"] for row in rows] == [True], "the row protects"

    async def active() -> bool:
        rows = await system.sql("SELECT state FROM hold_clips WHERE clip_id = ANY(%s)", clips)
        return [row["state"] for row in rows] == ["active"] * 4

    await system.until(active, "the store's legal holds", 90.0)
    assert await legal_holds(system, clips[0]) == [True] * 3


async def test_a_hold_that_is_not_whole_is_refused_before_anything_is_sent(system: Pipeline) -> None:
    for words, reason in (
        (("--officer", "PC-100"), "names a period"),
        (("--place", "51.5,west", "--from", "2026-11-22T10:00", "--to", "2026-11-22T11:00"), "LAT,LON,METRES"),
        (("--clip", "NOBODY/1"), "no clip 'NOBODY/1'"),
        (("--incident", "I", "--clip", "C"), "expected one of"),
        (("--incident", "I", "--from", "yesterday"), "--from 'yesterday'"),
    ):
        said = await system.bwv("hold", "place", "--reason", "complaint", *words)
        assert said.code == 2 and reason in said.err, said
