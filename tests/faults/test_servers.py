"""Servers and stages are killed, stopped, put to sleep and made to do everything again, while footage comes in."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from local.processes import Child, spawn, tethered
from local.system import DOCK, INGEST, STAGES
from streams.intake import Intake
from streams.probe import Probe
from streams.release import Release
from streams.topics import TOPICS
from streams.transfer import Transfer
from streams.verification import Verification
from tests.faults.broker import Group, dead_letters, group_of, sent_twice
from tests.faults.faulty import CHUNK, PATIENCE, ROUNDS, FaultySystem
from workers.database.engine import Database, execute
from workers.errors import DatabaseAway
from workers.operations.invariants import fingerprint
from workers.operations.world import World

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

PARTS = (*STAGES, DOCK)
TURNS = [*((part,) for part in (*INGEST, DOCK)), tuple(part for part in STAGES if part not in INGEST)]
"""In which the parts die: each that clips pass by itself, and what people or the clock ask all in one moment."""
GROUPS = (Intake, Transfer, Verification, Release, Probe)
LARGE = [4 * CHUNK, 3 * CHUNK + 77]
SMALL = 12
LEAST = 5


async def keep_busy(system: FaultySystem) -> int:
    """See to it that recordings are on their way, and say how many."""

    async def busy() -> int | None:
        in_flight = await system.in_flight()
        if in_flight < LEAST:
            await system.dock_fresh(small=SMALL, large=LARGE)
        clips = await system.sql("SELECT count(*) AS n FROM clip_fate WHERE standing IN ('registered', 'secured')")
        return in_flight if clips[0]["n"] and in_flight >= LEAST else None

    return await system.until(busy, "clips to be on their way")


async def wiped(system: FaultySystem) -> int:
    counts = await system.all_settled()
    assert set(counts) <= {"wiped", "quarantined"}, counts
    return counts.get("wiped", 0)


@pytest.mark.parametrize("server", ["kafka", "store", "postgres"])
async def test_a_server_is_killed_during_ingest(system: FaultySystem, server: str) -> None:
    before = await dead_letters(system.settings)
    in_flight = await keep_busy(system)
    await system.kill(server)
    counts = await wiped(system)
    print(f"\n{server} killed with {in_flight} in flight: {counts} wiped, lost 0")
    assert in_flight > 0
    assert await dead_letters(system.settings) == before


async def test_every_stage_is_killed_during_ingest(system: FaultySystem) -> None:
    before, killed = await dead_letters(system.settings), dict[str, int]()
    for parts in TURNS:
        killed |= dict.fromkeys(parts, await keep_busy(system))
        await system.kill(*parts, patience=PATIENCE)
    print(f"\nkilled, with so many in flight: {killed}; {await wiped(system)} wiped, lost 0")
    assert len(killed) == len(PARTS) and all(killed.values())
    assert await dead_letters(system.settings) == before


async def test_every_stage_is_stopped_in_order_and_nothing_is_done_twice(system: FaultySystem) -> None:
    await wiped(system)
    before, again = await dead_letters(system.settings), await sent_twice(system.settings)
    stopped: dict[str, int] = {}
    for parts in TURNS:
        stopped |= dict.fromkeys(parts, await keep_busy(system))
        await system.kill(*parts, number=signal.SIGTERM, patience=PATIENCE)
    print(f"\nstopped in order, with so many in flight: {stopped}; {await wiped(system)} wiped, lost 0")
    again = await sent_twice(system.settings) - again
    print(f"sent again: {dict(again)}")
    assert len(stopped) == len(PARTS) and all(stopped.values())
    # Docks repeat their reports and are answered again; what a stage decided is told once.
    assert not {"clips.registered", "clips.secured", "clips.verified", "clips.probed", "clips.wiped"} & set(again)
    assert await dead_letters(system.settings) == before


@contextmanager
def second(system: FaultySystem, stage: str) -> Iterator[Child]:
    """A second process of a stage beside the supervised one; ended in order."""
    log = system.home / "logs" / f"{stage}-second.log"
    command = (sys.executable, "-m", "console.cli.main", "--home", str(system.home), "stage", stage)
    child = spawn(tethered(command), log=log, cwd=Path.cwd(), env=dict(os.environ))
    try:
        yield child
    finally:
        child.end(30)


async def test_a_stage_that_slept_and_woke_finds_others_in_its_place(system: FaultySystem) -> None:
    before = await dead_letters(system.settings)
    in_flight = await keep_busy(system)
    slept = {kind.name: system.pid(kind.name) for kind in GROUPS}
    for pid in slept.values():
        assert pid
        os.kill(pid, signal.SIGSTOP)
    try:
        with (
            second(system, "intake"),
            second(system, "transfer"),
            second(system, "verification"),
            second(system, "release"),
            second(system, "probe"),
        ):
            # Longer than the session: what the sleepers had in hand is done by those who have taken over.
            done = await wiped(system)
            for pid in slept.values():
                os.kill(pid, signal.SIGCONT)  # type: ignore[arg-type]
            camera = await system.dock_fresh(small=SMALL, large=LARGE)
            assert set((await system.settled(camera, patience=PATIENCE)).values()) == {"wiped"}
    finally:
        for name, pid in slept.items():
            if pid and system.pid(name) == pid:
                os.kill(pid, signal.SIGCONT)
    print(f"\nslept and woken: {len(slept)} stages with {in_flight} in flight; {done} wiped by others, lost 0")
    assert in_flight > 0
    await keep_busy(system)
    await wiped(system)
    assert await dead_letters(system.settings) == before


async def test_a_process_that_sleeps_in_a_transaction_holds_up_nobody(system: FaultySystem) -> None:
    settings = system.settings
    async with Database(settings.database, settings.namespace, size=1, wait=20) as sleeper:
        with pytest.raises(DatabaseAway):
            async with sleeper.transaction() as connection:
                await execute(connection, "LOCK TABLE cameras IN SHARE ROW EXCLUSIVE MODE")
                camera = await system.dock_fresh()
                assert set((await system.settled(camera, patience=PATIENCE)).values()) == {"wiped"}


@pytest.mark.timeout(600 + 300 * ROUNDS)
async def test_everything_is_replayed_from_the_beginning_and_nothing_changes(system: FaultySystem) -> None:
    await system.dock_fresh(small=5, large=LARGE, mismatched=2)
    await wiped(system)
    # A dock repeats what lies in quarantine seldom, and is then told so, once; the replay must not be first. One that
    # has just started reports it at once.
    await system.kill(DOCK)
    await system.until(lambda: quarantines_answered(system), "docks to be told of every quarantine", PATIENCE)
    await system.until(lambda: all_sealed(system), "everything to be on record and sealed", PATIENCE)
    before, letters = await system.look(), await dead_letters(system.settings)
    replayed = await replay(system, {kind.name: kind.listens for kind in GROUPS})
    await system.kill("record")
    after = await system.look(last=True)
    print(f"\nreplayed {replayed}; {len(after.objects)} objects and {len(after.custody)} entries unchanged")
    assert all(replayed.values())
    assert fingerprint(after) == fingerprint(before)
    new = Counter(line.type for line in after.custody[len(before.custody) :])
    assert not new, f"a replay told {dict(new)}, the last: {after.custody[-1]}"
    assert lines(after) == lines(before)
    assert rows(after) == rows(before)
    assert await dead_letters(system.settings) == letters


async def all_sealed(system: FaultySystem) -> bool:
    waiting = await system.sql("SELECT count(*) AS n FROM outbox WHERE sent_at IS NULL")
    if waiting[0]["n"]:
        return False
    async with group_of(system.settings, "record", [topic.name for topic in TOPICS if topic.recorded]) as group:
        if await group.lag():
            return False
    open_ends = await system.sql(
        "SELECT size - COALESCE((SELECT max(size) FROM custody_seals WHERE sealed_at IS NOT NULL), 0) AS n"
        " FROM custody_head"
    )
    return not open_ends[0]["n"]


async def quarantines_answered(system: FaultySystem) -> bool:
    open_questions = await system.sql(
        "SELECT count(*) AS n FROM clip_fate f WHERE standing = 'quarantined' AND NOT EXISTS (SELECT FROM rejections r"
        " WHERE (r.camera, r.recording, r.code) = (f.camera, f.recording, 'quarantined'))"
    )
    return not open_questions[0]["n"]


async def replay(system: FaultySystem, stages: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Put stages to sleep until their groups are idle, set the groups back to 0, and let them do everything again.

    Args:
        stages: name → topics that it listens to.

    Returns:
        Name → messages that came again.
    """
    settings, pids = system.settings, {stage: system.pid(stage) for stage in stages}
    restarts = {stage: system.restarts(stage) for stage in stages}
    assert all(pids.values())
    counts: dict[str, int] = {}
    for pid in pids.values():
        os.kill(pid, signal.SIGSTOP)  # type: ignore[arg-type]
    try:
        for stage, topics in stages.items():
            async with group_of(settings, stage, topics) as group:
                counts[stage] = await system.until(group.set_back, f"{stage}'s group to be idle")
    finally:
        for pid in pids.values():
            os.kill(pid, signal.SIGKILL)  # type: ignore[arg-type]
    for stage, topics in stages.items():
        await system.back(stage, restarts[stage], PATIENCE)
        # After twenty rounds of kills there are tens of thousands; a stage does some hundred a second.
        patience = PATIENCE + sum(counts.values()) / 50
        async with group_of(settings, stage, topics) as group:
            await system.until(partial(_caught_up, group), f"{stage} to have done all of it again", patience)
    return counts


async def _caught_up(group: Group) -> bool:
    return await group.lag() == 0


def lines(world: World) -> list[tuple[int, bytes]]:
    return [(line.index, line.leaf) for line in world.custody]


def rows(world: World) -> list[tuple[str, str, int, str | None, str]]:
    return [(f.clip_id, f.standing, f.attempt, f.verified_version, f.camera_copy) for f in world.fates]
