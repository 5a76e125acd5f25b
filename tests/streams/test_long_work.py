"""Long work: nothing is lost, the commit never passes an unfinished head, and everybody gets a turn."""

from __future__ import annotations

import os
import signal

import msgspec
import pytest

from tests.streams.stream_world import Process, World, eventually

TOPIC = "clips.registered"
URGENT = "clips.registered.urgent"
TOPICS = (TOPIC, URGENT, "dead-letters.transfer")
pytestmark = pytest.mark.stack


def mixed(count: int) -> list[str]:
    return [("poison" if number % 50 == 7 else "ok") + f".DOCK{number % 5}.{number}" for number in range(count)]


async def test_an_interrupted_long_stage_loses_nothing(world: World) -> None:
    await world.topics(*TOPICS)
    clips = mixed(200)
    await world.send(TOPIC, clips)
    killed = 0
    for after in (40, 110):
        process = world.start("long")
        await eventually(lambda after=after: len(world.done()) >= after, f"{after} done")
        await process.kill()
        killed += 1
    last = world.start("long")
    await eventually(lambda: world.all_committed("transfer", TOPIC, 200), "everything committed", every=0.3)
    assert await last.terminate() == 0
    letters = await world.letters("transfer")
    good = {clip for clip in clips if clip.startswith("ok")}
    assert killed == 2
    assert world.done() == good
    assert sorted(letter.key or b"" for letter in letters) == sorted(c.encode() for c in set(clips) - good)


async def test_a_stop_in_order_loses_nothing_and_redoes_nothing(world: World) -> None:
    await world.topics(*TOPICS)
    await world.send(TOPIC, mixed(200))
    first = world.start("long")
    await eventually(lambda: len(world.done()) >= 60, "60 done")
    assert await first.terminate() == 0
    assert len(world.done()) < 196
    second = world.start("long")
    await eventually(lambda: world.all_committed("transfer", TOPIC, 200), "everything committed", every=0.3)
    assert await second.terminate() == 0
    assert world.repeats() == {}
    assert len(world.done()) + len(await world.letters("transfer")) == 200


async def test_a_slow_head_blocks_nobody_and_the_commit_never_passes_it(world: World) -> None:
    await world.topics(*TOPICS)
    world.change(window=8)
    behind = [f"ok.DOCK-B.{number}" for number in range(30)]
    await world.send_one(TOPIC, "slow.DOCK-A.0", partition=0)
    await world.send(TOPIC, behind, partition=0)
    process = world.start("long")
    await eventually(lambda: world.done() == set(behind), "everything behind the head")
    metrics = await world.health("transfer", "/metrics")
    assert metrics is not None and 'bwv_in_flight{stage="transfer"} 1.0' in metrics.text
    assert (await world.committed("transfer", TOPIC)).get(0, 0) in (-1, 0)
    world.touch("open")
    await eventually(lambda: world.all_committed("transfer", TOPIC, 31), "all committed", every=0.2)
    assert await process.terminate() == 0
    assert world.repeats() == {}


async def test_the_urgent_lane_overtakes(world: World) -> None:
    await world.topics(*TOPICS)
    world.change(at_once=2, urgent_slots=1, per_dock=2)
    slow = ["slow.DOCK-A.1", "slow.DOCK-B.2"]
    waiting = [f"ok.DOCK-C.{number}" for number in range(20)]
    await world.send(TOPIC, slow + waiting, partition=0)
    process = world.start("long")
    await eventually(lambda: set(slow) <= set(world.effects("start")), "both slots taken")
    await world.send(URGENT, ["ok.DOCK-A.urgent"])
    await eventually(lambda: "ok.DOCK-A.urgent" in world.done(), "the urgent one")
    assert not world.done() & set(waiting)
    world.touch("open")
    await eventually(lambda: len(world.done()) == 23, "all")
    assert await process.terminate() == 0


async def test_no_dock_takes_all_slots(world: World) -> None:
    await world.topics(*TOPICS)
    world.change(at_once=3, per_dock=2)
    await world.send(TOPIC, [f"slow.DOCK-A.{number}" for number in range(6)], partition=0)
    await world.send(TOPIC, [f"ok.DOCK-B.{number}" for number in range(6)], partition=0)
    process = world.start("long")
    await eventually(lambda: len(world.done()) == 6, "the other dock's")
    assert sorted(world.effects("start"))[-2:] == ["slow.DOCK-A.0", "slow.DOCK-A.1"]
    assert sum(clip.startswith("slow") for clip in world.effects("start")) == 2
    world.touch("open")
    await eventually(lambda: len(world.done()) == 12, "all")
    assert await process.terminate() == 0


async def test_a_busy_dock_gives_its_slot_back_and_is_tried_again(world: World) -> None:
    await world.topics(*TOPICS)
    world.change(at_once=1, per_dock=1)
    world.touch("busy")
    await world.send_one(TOPIC, "busy.DOCK-A.1", partition=0)
    await world.send(TOPIC, ["ok.DOCK-B.1", "ok.DOCK-B.2"], partition=0)
    process = world.start("long")
    await eventually(lambda: len(world.done()) == 2, "the other dock's")
    await eventually(lambda: world.effects("start").count("busy.DOCK-A.1") >= 3, "three tries")
    assert await world.letters("transfer") == []
    world.remove("busy")
    await eventually(lambda: world.all_committed("transfer", TOPIC, 3), "all committed", every=0.2)
    assert await process.terminate() == 0


async def test_an_outage_is_waited_for_by_one_try_at_a_time(world: World) -> None:
    await world.topics(*TOPICS)
    world.change(at_once=4, per_dock=4, retry_first=0.1, retry_most=0.3)
    world.touch("away")
    clips = [f"store.DOCK{number}.x" for number in range(20)]
    await world.send(TOPIC, clips)
    process = world.start("long")
    await eventually(lambda: len(world.effects("start")) >= 10, "ten tries")
    tries = len(world.effects("start"))
    live = await world.health("transfer", "/live")
    assert live is not None and live.status_code == 200 and "object store" in live.json()["waiting"]
    assert await world.letters("transfer") == []
    assert sum((await world.committed("transfer", TOPIC)).values()) <= 0
    world.remove("away")
    await eventually(lambda: world.all_committed("transfer", TOPIC, 20), "all committed", every=0.2)
    assert await process.terminate() == 0
    assert world.done() == set(clips)
    # The first fill of the slots meets the fault together; from then on one looks at a time.
    assert tries <= 20


async def test_a_rearrangement_cancels_what_is_at_work_and_loses_nothing(world: World) -> None:
    await world.topics(*TOPICS)
    world.change(at_once=4, per_dock=4)
    await world.send(TOPIC, ["slow.DOCK-A.0"], partition=0)
    await world.send(TOPIC, ["slow.DOCK-A.1"], partition=1)
    first = world.start("long")
    await eventually(lambda: len(world.effects("start")) == 2, "both at work")
    second = world.start("long")
    await eventually(lambda: len(world.effects("cancelled")) == 2, "both cancelled", within=20)
    await eventually(lambda: len(world.effects("start")) == 4, "both at work again")
    world.touch("open")
    await eventually(lambda: world.all_committed("transfer", TOPIC, 2), "both committed", every=0.2)
    assert world.repeats() == {}
    assert await first.terminate() == 0
    assert await second.terminate() == 0


async def test_a_second_process_with_the_same_member_id_ends_one_and_loses_nothing(world: World) -> None:
    await world.topics(*TOPICS)
    first = world.start("long")
    clips = [f"ok.DOCK{number % 5}.{number}" for number in range(400)]
    await world.send(TOPIC, clips[:50])
    await eventually(lambda: len(world.done()) >= 10, "the first works")
    elsewhere = world.home / "elsewhere"  # another lock folder: as if on a machine of the same name
    elsewhere.mkdir()
    os.symlink(world.home / "effects.log", elsewhere / "effects.log")
    second = Process(world.zygote, "long", msgspec.structs.replace(world.settings, home=elsewhere))
    world.processes.append(second)
    await eventually((elsewhere / "health" / "transfer.port").exists, "the second is up")
    await world.send(TOPIC, clips[50:])
    await eventually(lambda: world.done() == set(clips), "all done", within=60)
    await eventually(lambda: world.all_committed("transfer", TOPIC, 400), "all committed", within=60, every=0.5)
    for process in (first, second):
        if process.lives():
            process.signal(signal.SIGTERM)
    # While both live they take the partitions from one another; then one finds its commits refused and ends.
    assert {await first.ends(), await second.ends()} <= {0, 73}
