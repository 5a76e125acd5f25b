"""Short work: nothing is lost, whatever happens to the process; nothing is redone on a stop in order."""

from __future__ import annotations

import signal

import pytest

from tests.streams.stream_world import World, eventually

TOPIC = "receipts.requested"
TOPICS = (TOPIC, "dead-letters.release", "clips.wiped")
pytestmark = pytest.mark.stack


def mixed(count: int) -> list[str]:
    return [("poison" if number % 50 == 7 else "ok") + f".DOCK.{number}" for number in range(count)]


async def test_an_interrupted_short_stage_loses_nothing(world: World) -> None:
    await world.topics(*TOPICS)
    clips = mixed(200)
    await world.send(TOPIC, clips)
    killed = 0
    for after in (40, 110):
        process = world.start("short")
        await eventually(lambda after=after: len(world.done()) >= after, f"{after} done")
        await process.kill()
        killed += 1
    last = world.start("short")
    await eventually(lambda: world.all_committed("release", TOPIC, 200), "everything committed", every=0.3)
    assert await last.terminate() == 0
    letters = await world.letters("release")
    good = {clip for clip in clips if clip.startswith("ok")}
    assert killed == 2
    assert world.done() == good
    assert sorted(letter.key or b"" for letter in letters) == sorted(c.encode() for c in set(clips) - good)


async def test_a_stop_in_order_loses_nothing_and_redoes_nothing(world: World) -> None:
    await world.topics(*TOPICS)
    clips = mixed(200)
    await world.send(TOPIC, clips)
    first = world.start("short")
    await eventually(lambda: len(world.done()) >= 60, "60 done")
    assert await first.terminate() == 0
    assert len(world.done()) < 196
    second = world.start("short")
    await eventually(lambda: world.all_committed("release", TOPIC, 200), "everything committed", every=0.3)
    assert await second.terminate() == 0
    assert world.repeats() == {}
    assert len(world.done()) + len(await world.letters("release")) == 200


async def test_a_passing_fault_waits_and_is_neither_acknowledged_nor_dead_lettered(world: World) -> None:
    await world.topics(*TOPICS)
    world.touch("away")
    process = world.start("short")
    await world.send(TOPIC, ["store.DOCK.1", "ok.DOCK.2"], partition=0)
    await eventually(lambda: len(world.effects("start")) >= 5, "five tries")
    live = await world.health("release", "/live")
    assert live is not None and live.status_code == 200
    assert "object store" in live.json()["waiting"]
    metrics = await world.health("release", "/metrics")
    assert metrics is not None and 'bwv_waiting_for{part="object store",stage="release"} 1.0' in metrics.text
    assert await world.committed("release", TOPIC) in ({}, {0: 0})
    assert await world.letters("release") == []
    world.remove("away")
    await eventually(lambda: world.all_committed("release", TOPIC, 2), "both committed", every=0.2)
    assert world.effects("done") == ["store.DOCK.1", "ok.DOCK.2"]
    assert await process.terminate() == 0


async def test_a_stop_while_a_part_is_away_leaves_the_message_for_later(world: World) -> None:
    await world.topics(*TOPICS)
    world.touch("away")
    await world.send(TOPIC, ["ok.DOCK.1", "store.DOCK.2", "ok.DOCK.3"], partition=0)
    process = world.start("short")
    await eventually(lambda: len(world.effects("start")) >= 4, "tries")
    process.signal(signal.SIGTERM)
    assert await process.ends(within=10) == 0
    assert await world.committed("release", TOPIC) == {0: 1}
    world.remove("away")
    again = world.start("short")
    await eventually(lambda: world.all_committed("release", TOPIC, 3), "all committed", every=0.2)
    assert world.effects("done") == ["ok.DOCK.1", "store.DOCK.2", "ok.DOCK.3"]
    assert await again.terminate() == 0


async def test_a_rearrangement_while_a_part_is_away_ends_the_process_and_commits_nothing_unfinished(
    world: World,
) -> None:
    await world.topics(*TOPICS)
    world.touch("away")
    await world.send(TOPIC, ["ok.DOCK.1", "store.DOCK.2"], partition=0)
    first = world.start("short")
    await eventually(lambda: len(world.effects("start")) >= 4, "tries")
    second = world.start("short")
    assert await first.ends(within=20) == 75
    assert await world.committed("release", TOPIC) == {0: 1}
    world.remove("away")
    await eventually(lambda: world.all_committed("release", TOPIC, 2), "both committed", every=0.2)
    assert await second.terminate() == 0


async def test_a_run_of_permanent_faults_stops_the_stage(world: World) -> None:
    await world.topics(*TOPICS)
    world.change(fault_limit=5)
    await world.send(TOPIC, [f"defect.DOCK.{number}" for number in range(20)], partition=0)
    process = world.start("short")
    assert await process.ends() == 76
    assert len(await world.letters("release")) == 4
    assert await world.committed("release", TOPIC) == {0: 4}


async def test_a_refused_move_is_acknowledged_and_what_a_stage_publishes_is_a_cloud_event(world: World) -> None:
    await world.topics(*TOPICS)
    await world.send(TOPIC, ["refused.DOCK.1", "tells.DOCK.1"])
    process = world.start("short")
    await eventually(lambda: world.all_committed("release", TOPIC, 2), "both committed", every=0.2)
    assert await world.letters("release") == []
    records = await eventually(lambda: world.records("clips.wiped"), "the event", every=0.3)
    headers = {name: value.decode() for name, value in records[0].headers}
    time = headers.pop("ce_time")
    assert time.endswith("+00:00")
    assert headers.pop("ce_id").startswith("evt")
    assert headers == {
        "ce_specversion": "1.0",
        "ce_type": "bwv.clips.wiped",
        "ce_source": f"/bwv/{world.settings.namespace}/release",
        "ce_subject": "tells.DOCK.1",
        "ce_dataschema": "schemas/ClipWiped.json",
        "content-type": "application/json",
    }
    assert await process.terminate() == 0
