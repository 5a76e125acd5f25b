"""The store fails in passing, or lies: what fails is waited for, and every lie is caught before a camera may wipe."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from streams.vaults import open_vault
from tests.faults import store_faults as faults
from tests.faults.broker import dead_letters
from tests.faults.faulty import CHUNK, FaultySystem
from tests.faults.proxy import Asked, Fault, FaultProxy

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

SEED = int(os.environ.get("BWV_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
LIES = 4
Proxies = dict[str, FaultProxy]


@pytest.fixture(autouse=True)
def _honest_again(proxies: Proxies) -> Iterator[None]:
    yield
    for proxy in proxies.values():
        proxy.honest()


async def attempts(system: FaultySystem, keys: list[str]) -> list[int]:
    """The attempt that each clip whose key this is has come to."""
    clips = [key.split("/")[2] for key in keys]
    rows = await system.sql("SELECT attempt FROM clip_fate WHERE clip_id = ANY(%s)", clips)
    return [row["attempt"] for row in rows]


async def told(system: FaultySystem, topic: str, keys: list[str]) -> int:
    """How many of these clips an event of this topic is about."""
    clips = [key.split("/")[2] for key in keys]
    rows = await system.sql(
        "SELECT count(DISTINCT key) AS n FROM outbox WHERE topic = %s AND key = ANY(%s)", topic, clips
    )
    return int(rows[0]["n"])


async def test_a_store_that_fails_in_passing_is_waited_for(system: FaultySystem, proxies: Proxies) -> None:
    before = await dead_letters(system.settings)
    injectors = {stage: faults.Passing(SEED, share=0.3, most=40) for stage in proxies}
    for stage, proxy in proxies.items():
        proxy.fault = injectors[stage]
    camera = await system.dock_fresh(small=16, large=[3 * CHUNK + 1, 2 * CHUNK])
    found = await system.settled(camera, patience=180)
    print(f"\nseed {SEED}: injected { ({stage: i.injected for stage, i in injectors.items()}) }, {len(found)} wiped")
    for stage, injector in injectors.items():
        assert sum(injector.injected.values()) > 0, f"nothing was injected before {stage}"
    assert set(found.values()) == {"wiped"}
    rows = await system.sql("SELECT DISTINCT attempt FROM clip_fate WHERE camera = %s", camera.name)
    assert [row["attempt"] for row in rows] == [1], "a passing fault was taken for other bytes"
    assert await dead_letters(system.settings) == before


@pytest.mark.parametrize(
    ("name", "lie"),
    [("flipped", faults.sends(faults.flipped)), ("short", faults.sends(faults.short)), ("missing", faults.denies)],
)
async def test_every_lie_told_to_the_read_back_is_caught(
    system: FaultySystem, proxies: Proxies, name: str, lie: Fault
) -> None:
    lies = faults.Lies(lie, faults.reads_footage, LIES)
    proxies["verification"].fault = lies
    camera = await system.dock_fresh(small=LIES + 2, large=[2 * CHUNK])
    found = await system.settled(camera)
    caught = await told(system, "clips.readback-failed", lies.told)
    print(f"\n{name} on GET: injected {len(lies.told)}, caught {caught}")
    assert len(lies.told) == caught == LIES
    assert set(await attempts(system, lies.told)) == {2}
    assert set(found.values()) == {"wiped"}


@pytest.mark.parametrize(("name", "change"), [("flipped", faults.flipped), ("short", faults.short)])
async def test_every_object_that_was_not_kept_as_sent_is_caught(
    system: FaultySystem, proxies: Proxies, name: str, change: object
) -> None:
    honest = open_vault(system.settings, "transfer")
    lies = faults.Lies(faults.keeps(change, lambda: honest), faults.puts_footage, LIES)  # type: ignore[arg-type]
    proxies["transfer"].fault = lies
    camera = await system.dock_fresh(small=LIES + 2)
    found = await system.settled(camera)
    read_back = await told(system, "clips.readback-failed", lies.told)
    caught = sum(attempt == 2 for attempt in await attempts(system, lies.told))
    print(f"\n{name} on PUT: injected {len(lies.told)}, caught {caught}, {read_back} of them by the read-back")
    assert len(lies.told) == caught == LIES
    assert name != "flipped" or read_back == LIES, "only reading back can find a flipped bit"
    assert set(found.values()) == {"wiped"}


async def test_an_object_that_was_acknowledged_and_not_kept_is_sent_again(
    system: FaultySystem, proxies: Proxies
) -> None:
    lies = faults.Lies(faults.forgets, faults.puts_footage, LIES)
    again: list[str] = []

    def fault(asked: Asked) -> Fault | None:
        if faults.puts_footage(asked) and asked.key in lies.told:
            again.append(asked.key)
        return lies(asked)

    proxies["transfer"].fault = fault
    camera = await system.dock_fresh(small=LIES + 2)
    found = await system.settled(camera)
    print(f"\nmissing on PUT: injected {len(lies.told)}, caught {len(set(again))}")
    assert len(lies.told) == len(set(again)) == LIES
    assert set(found.values()) == {"wiped"}
