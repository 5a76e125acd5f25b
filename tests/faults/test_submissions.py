"""F18: whatever happens between us and the prosecutor, each submission is there once and whole (I10)."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tests.faults.broker import dead_letters
from tests.faults.faulty import ROUNDS, FaultySystem
from tests.faults.gateway import GatewayProcess
from tests.faults.unit import Unit
from workers.failpoints import FAILPOINTS
from workers.prosecution.gateway.stub.script import At, Do, Rule

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300 + 120 * ROUNDS)]

STEPS = tuple(name for name in FAILPOINTS if name.startswith("prosecution."))


@pytest.fixture
async def unit(system: FaultySystem, gateway: GatewayProcess) -> AsyncIterator[Unit]:
    gateway.start()
    gateway.follow()
    made = Unit(system, gateway)
    await made.settle_in()
    letters = await dead_letters(system.settings)
    yield made
    assert await dead_letters(system.settings) == letters


async def test_killed_at_every_step_each_submission_is_there_once_and_whole(unit: Unit) -> None:
    system, began = unit.system, time.monotonic()
    submitted, kills, lost = list[str](), 0, 0
    for _ in range(ROUNDS):
        unit.gateway.follow(
            Rule(Do.LOSE_ANSWER, at=At.MANIFEST),
            Rule(Do.LOSE_ANSWER, at=At.ITEM, times=2),
            Rule(Do.LOSE_ANSWER, at=At.COMPLETE, times=2),
        )
        before = unit.gateway.standing().done.get("lose_answer", 0)
        system.arm(STEPS)
        found = await unit.submit(2 * len(STEPS))
        await unit.all_acknowledged(found)
        fired = [step for step in STEPS if system.fired(step)]
        assert fired == list(STEPS)
        kills, submitted = kills + len(fired), submitted + found
        lost += unit.gateway.standing().done.get("lose_answer", 0) - before
    told = await unit.whole(submitted)
    print(
        f"\nkills {kills} at {len(STEPS)} steps, answers lost {lost}: {told}; {time.monotonic() - began:.0f} s",
    )
    assert kills == ROUNDS * len(STEPS) > 0
    assert lost == 5 * ROUNDS
    assert told["received again"] == 0 and told["items sent again"] == 0


async def test_a_gateway_that_rejects_forgets_and_contradicts_has_each_in_the_end_once(unit: Unit) -> None:
    lies = (
        Rule(Do.REJECT, reason="the wrong unit"),
        Rule(Do.DROP_ITEM, n=2),
        Rule(Do.WRONG_DIGEST, n=1),
        Rule(Do.FORGET),
        Rule(Do.DUPLICATE),
    )
    unit.gateway.follow(*lies, Rule(Do.LOSE_ANSWER, at=At.COMPLETE), Rule(Do.AWAY, at=At.RECEIPT, times=3))
    before = Counter(unit.gateway.standing().done)
    submitting = asyncio.create_task(unit.submit(8))
    await unit.system.until(unit.some_sent, "the first submission to be sent")
    unit.gateway.kill()
    await unit.system.kill("receipts")
    unit.gateway.start()
    submitted = await submitting
    answered = await unit.all_answered(submitted)
    done = Counter(unit.gateway.standing().done) - before
    assert {rule.do for rule in lies} <= set(done), done
    assert (answered["rejected"], answered["partial"], answered["contradicted"]) == (1, 1, 1)
    for submission in await unit.not_taken(submitted):
        await unit.bwv("submissions", "retry", submission, "--reason", "looked at and mended")
    await unit.all_acknowledged(submitted)
    told = await unit.whole(submitted)
    print(
        f"\ninjected {dict(done)}, the gateway killed {unit.gateway.kills} times; first {dict(answered)}, then {told}"
    )
    # What was forgotten, and what a person had sent again: nothing else came a second time.
    assert told["received again"] == 4
    assert told["returned"] == 1


async def test_a_gateway_that_is_away_for_an_hour_is_waited_for(unit: Unit) -> None:
    unit.gateway.follow(Rule(Do.ACCEPT, times=3, seconds=6))
    sent = await unit.submit(3)
    await unit.all_in("sent", sent)
    unit.gateway.kill()
    waiting = await unit.submit(3)
    await unit.system.until(lambda: unit.all_wait_for_the_gateway(waiting), "three to wait for the gateway")
    await unit.an_hour_passes(sent)
    await unit.system.until(lambda: unit.all_overdue(sent), "what is late to be told")
    listed = json.dumps(await unit.bwv("submissions", "list", "--overdue"))
    assert {submission for submission in (*sent, *waiting) if submission in listed} == set(sent)
    unit.gateway.start()
    await unit.all_acknowledged([*sent, *waiting])
    told = await unit.whole([*sent, *waiting])
    print(f"\naway for an hour with {len(sent)} sent and {len(waiting)} waiting: {told}")
    assert told["received again"] == 0 and told["overdue told"] == len(sent)
