"""People against disposal at the same moment, by separate processes on the real store and the real database.

Every clip ends wholly there or wholly gone, whoever was first, and whoever asked was told which. BWV_TEST_RACES says
how many clips are raced for; `make races` asks for 10,000.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.credentials import store_roles
from local.stack import BUCKET, POLICIES
from local.store import Store
from streams.settings import Settings, load
from tests.races.force import ALONE, Force, Race, Trial
from tests.races.judge import Judge, Outcome, outcome_of, wrongs
from tests.races.runner import Ask, Part
from tests.races.second_store import PROGRAM, Gateway
from tests.races.tally import Tally
from tests.races.team import Team
from tests.retention.gone import service
from workers.database.engine import Database
from workers.database.schema import upgrade
from workers.keys.keyring import save_public

TRIALS = int(os.environ.get("BWV_TEST_RACES", "300"))
SEED = int(os.environ.get("BWV_TEST_SEED", "0")) or random.randrange(1 << 32)

MIXED, SINGLE = 60, 16
"""Clips of a round in which several races are run, and of one that concerns all clips alike."""

SLICES = 3
"""Rows that are decided in one transaction."""

ENOUGH = 100
"""Trials of a race after which each side must have been first at least once."""

FAULTS = (("", ""), ("kill", "sweep"), ("stop", "disposal"), ("kill", "people"), ("stop", "sweep"),
          ("kill", "disposal"), ("stop", "people"))  # fmt: skip
"""What befalls whom; a round each, and again."""


STORES = (
    "seaweedfs",
    pytest.param("versitygw", marks=pytest.mark.skipif(PROGRAM is None, reason="versitygw is not on the PATH")),
)


@pytest.fixture(scope="module", params=STORES)
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, dsn: str) -> Iterator[Settings]:
    """A force on a store of its own."""
    home = tmp_path_factory.mktemp(f"races-{request.param}")
    store: Store | Gateway
    if request.param == "seaweedfs":
        store = Store(home / "store", store_roles(home / "credentials", POLICIES), bucket=BUCKET)
    else:
        store = Gateway(home / "store", home / "credentials")
    store.start()
    made = load(
        home, namespace=f"races{request.param}", store=store.endpoint, bucket=BUCKET, database=dsn, custody_lock=60.0
    )
    upgrade(made.database, made.namespace)
    service(made, "disposal")
    yield made
    store.stop()


@pytest.mark.timeout(3600)
async def test_whoever_is_first_every_clip_is_wholly_kept_or_wholly_gone(settings: Settings, tmp_path: Path) -> None:
    random.seed(SEED)
    tally, began = Tally(), time.monotonic()
    with ThreadPoolExecutor(8) as threads, Team(settings, tmp_path, slices=SLICES) as team:
        async with Database(settings.database, settings.namespace, size=8) as database:
            force, judge = Force(settings, database, threads), Judge(settings, database, threads)
            save_public(force.person.enrolment(), settings.trust_root)
            await force.prepare()
            for number in itertools.count():
                if tally.trials >= TRIALS:
                    break
                await one_round(number, force, judge, team, tally)
    seconds = time.monotonic() - began
    print(f"\n{settings.namespace}, seed {SEED}: {tally.trials} trials in {tally.rounds} rounds, {seconds:.0f} s")
    print(tally.table())
    print(f"{team.kills} processes killed, {team.stops} stopped and woken; {len(tally.wrong)} wrong")
    assert not tally.wrong, "\n".join(tally.wrong)
    assert team.kills > 0
    assert team.stops > 0
    for outcome in Outcome:
        assert sum(counts[outcome] for counts in tally.outcomes.values()) > 0, f"nothing was {outcome}"
    for race, counts in tally.outcomes.items():
        shared = all(counts[outcome] > 0 for outcome in Outcome)
        assert shared or counts.total() < ENOUGH, f"{race}: one side never was first: {counts}"


async def one_round(number: int, force: Force, judge: Judge, team: Team, tally: Tally) -> None:
    """Clips are made, everybody goes at once, and what is left is looked at."""
    alone = ALONE[number // 2 % len(ALONE)] if number % 2 else None
    mixed = [race for race in Race if race not in ALONE]
    races = [alone] * SINGLE if alone else [mixed[place % len(mixed)] for place in range(MIXED)]
    spread = tally.spread(len(races))
    trials, asks = await force.trials(races, spread)
    if alone is Race.STANDING:
        asks = [force.standing_hold(random.random() * spread)]
    elif alone is Race.POLICY:
        asks = [await force.adoption(random.random() * spread)]
    half = len(asks) // 2
    parts = [part("people", asks[:half]), part("people", asks[half:]), part("sweep", intends=alone is None)]
    parts += [part("disposal"), part("lease", after=random.random() * spread)]
    began = time.monotonic()
    await asyncio.to_thread(team.round, parts, spread, *FAULTS[number % len(FAULTS)])
    tally.seconds[len(races)] = time.monotonic() - began
    found = await judge.look(trials)
    for trial, left in zip(trials, found, strict=True):
        tally.outcomes[trial.race][outcome_of(left)] += 1
        tally.wrong += [f"{trial.race}, {trial.clip}: {wrong}" for wrong in wrongs(trial, left)]
    tally.wrong += [f"round {number}: {wrong}" for wrong in await late(force, trials, asks, alone)]
    tally.rounds += 1
    await force.leave()


def part(role: str, asks: list[Ask] | None = None, *, intends: bool = False, after: float = 0.0) -> Part:
    return Part(role, tuple(asks or ()), intends, {}, after)


async def late(force: Force, trials: list[Trial], asks: list[Ask], alone: Race | None) -> list[str]:
    """Commits after a standing hold or a policy was in force: each transaction saw the other, or waited for it."""
    if alone is None:
        return []
    before = await force.committed_before(asks[0].key)
    rows = await force.database.fetch(
        "SELECT clip_id FROM clip_fate WHERE clip_id = ANY(%s) AND disposal IN ('committed', 'done')",
        ([trial.clip for trial in trials],),
    )
    after = {row["clip_id"] for row in rows} - before
    return [f"{clip} was committed after: {alone}" for clip in after]
