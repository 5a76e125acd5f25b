"""SIGKILL at every step of every stage, while many clips are in flight: nothing is lost, torn or wiped unproved."""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.faults.broker import dead_letters, sent_twice
from tests.faults.faulty import CHUNK, PATIENCE, ROUNDS, FaultySystem
from workers.failpoints import FAILPOINTS
from workers.operations.accounts import accounts, tallies
from workers.operations.invariants import check_whole_clips
from workers.operations.proofs import check_release

pytestmark = pytest.mark.stack

SEED = int(os.environ.get("BWV_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
ELSEWHERE = ("scrub.", "sweep.", "disposal.", "lease.", "derivation.", "prosecution.")
STEPS = tuple(name for name in FAILPOINTS if not name.startswith(ELSEWHERE))
"""Those that ingest passes. The scrub's need damage, and fire in tests/pipeline/test_scrub.py; those of what moves by
the clock fire in tests/retention, derivation's in tests/prosecution, prosecution's in test_submissions.py."""
WAVES = 3
"""Cameras a round; each failpoint fires during one of them, which one is random."""
SMALL, LARGE, MISMATCHED = 30, 4 * CHUNK + 4321, 2
IN_FLIGHT = 10
ASKED_AGAIN = ("cameras.docked", "uploads.reported", "uploads.rejected", "clips.released")
"""Topics that docks repeat by themselves, and the answers; everything else is sent again only after a crash."""


@pytest.mark.timeout(600 + 300 * ROUNDS)
async def test_killed_at_every_step_nothing_is_lost_torn_or_wiped_unproved(system: FaultySystem) -> None:
    rng, began = random.Random(SEED), time.monotonic()
    kills: dict[str, int] = dict.fromkeys(STEPS, 0)
    least = dict.fromkeys(STEPS, 1 << 30)
    cameras = 0
    for number in range(ROUNDS):
        names = list(STEPS)
        rng.shuffle(names)
        for wave in range(WAVES):
            chosen = names[wave::WAVES]
            killed, docked = await _wave(system, chosen)
            cameras += docked
            for name, in_flight in killed.items():
                kills[name] += 1
                least[name] = min(least[name], in_flight)
            await system.all_settled()
        print(
            f"\nround {number + 1} of {ROUNDS}: {sum(kills.values())} kills, {time.monotonic() - began:.0f} s", end=""
        )
    system.disarm()
    counts = await system.all_settled()
    world = await system.look(last=True)
    made = accounts(world)
    lost = sum(account.standing is None for account in made)
    torn, unverified = len(check_whole_clips(world)), len(check_release(world))
    again = await sent_twice(system.settings)
    for topic in ASKED_AGAIN:
        del again[topic]
    print(
        f"\nkills {sum(kills.values())} at {len(kills)} failpoints, in flight at each ≥ {min(least.values())}, "
        f"seed {SEED}; recordings {len(made)} {counts}; told again under the same id {again.total()}, "
        f"lost {lost}, torn {torn}, wiped unverified {unverified}; {len(world.objects)} objects, "
        f"{sum(o.size for o in world.objects)} bytes read back; {time.monotonic() - began:.0f} s\n{tallies(made)}"
    )
    assert sum(kills.values()) == ROUNDS * len(STEPS) > 0
    assert {name: count for name, count in kills.items() if count != ROUNDS} == {}
    assert {name: count for name, count in least.items() if count < IN_FLIGHT} == {}
    assert lost == torn == unverified == 0
    assert counts.get("wiped", 0) == cameras * (SMALL + 1)
    assert counts.get("quarantined", 0) == cameras * MISMATCHED
    assert await dead_letters(system.settings) == 0


async def _wave(system: FaultySystem, chosen: list[str]) -> tuple[dict[str, int], int]:
    """Dock a camera and let each of these failpoints fire.

    Returns:
        How many recordings were in flight at each kill, and how many cameras it took: a step that a kill elsewhere
        in the same process skipped (a chunk that was stored and not yet told of) comes again with the next camera.
    """
    waiting, killed, cameras = set(chosen), dict[str, int](), 0

    async def dock() -> None:
        nonlocal cameras
        await system.dock_fresh(small=SMALL, large=[LARGE], mismatched=MISMATCHED)
        cameras += 1

    async def all_fired() -> bool:
        in_flight = await system.in_flight()
        fired = {name for name in waiting if system.fired(name)}
        waiting.difference_update(fired)
        killed.update(dict.fromkeys(fired, in_flight))
        if waiting and in_flight < 2 * IN_FLIGHT:
            await dock()
        return not waiting

    await dock()
    # Only now: what the wave before left to be sealed must not fire them with nothing in flight.
    system.arm(chosen)
    try:
        await system.until(all_fired, "every failpoint to fire", PATIENCE)
    except AssertionError as late:
        raise AssertionError(f"{late}; never reached: {sorted(waiting)}") from late
    return killed, cameras
