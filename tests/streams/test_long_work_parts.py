"""Long work without a broker: what happens within one turn of the event loop, where no process can be stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord

from streams import messages as m
from streams.engine import exits
from streams.engine.health import Health
from streams.engine.long_work import LongWork
from streams.engine.publishing import type_of
from streams.settings import Settings
from streams.stage import Envelope, LongStage
from streams.topics import full_name
from tests.streams.stream_world import REPORT, eventually
from workers.errors import RuleBroken

TOPIC = "clips.registered"
PLACE = TopicPartition(full_name("t", TOPIC), 0)


class Listed(LongStage):
    """Notes whose message it was given."""

    name = "transfer"
    listens = (TOPIC,)

    def __init__(self) -> None:
        self.given: list[str] = []

    def source_of(self, message: m.Message) -> str:
        return "DOCK-A"

    async def receive(self, message: m.Message, envelope: Envelope) -> None:
        if envelope.key == "poison":
            raise RuleBroken("it is poison")
        self.given.append(envelope.key)


def record(offset: int, clip: str) -> ConsumerRecord:
    body = m.encode(m.ClipRegistered(clip, 1, REPORT))
    headers = (("ce_id", b"evt"), ("ce_type", type_of(TOPIC).encode()))
    return ConsumerRecord(PLACE.topic, 0, offset, 1000, 0, clip.encode(), body, None, 0, len(body), headers)


class Engine:
    """Long work, and the group's side of it."""

    def __init__(self, home: Path) -> None:
        self.stage = Listed()
        settings = Settings(home=home, namespace="t", per_dock=2, at_once=2, fault_limit=1)
        nothing: Any = None
        self.work = LongWork(self.stage, settings, nothing, Health("transfer"), asyncio.Event(), "one")
        self.partitions = self.work._partitions

    async def take_in(self, *clips: str) -> None:
        await self.partitions.on_partitions_assigned([PLACE])
        [window] = self.partitions.windows()
        for offset, clip in enumerate(clips):
            self.work.take_in(window, record(offset, clip))
        self.work.start()


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    made = Engine(tmp_path)
    yield made
    await made.partitions.close()


async def test_what_goes_before_it_took_its_first_step_gives_its_slot_and_its_clip_back(engine: Engine) -> None:
    await engine.take_in("CLIP-1", "CLIP-2", "CLIP-3")
    assert engine.work._turns.at_work == 2 and engine.stage.given == []
    await engine.partitions.on_partitions_revoked([PLACE])
    assert engine.stage.given == []
    await engine.take_in("CLIP-1", "CLIP-2", "CLIP-3")
    await eventually(lambda: len(engine.stage.given) == 3 and not engine.work._turns.at_work, "all three", within=10)
    assert engine.stage.given == ["CLIP-1", "CLIP-2", "CLIP-3"]
    [window] = engine.partitions.windows()
    assert window.position == 3 and window.unfinished == 0


async def test_what_ends_the_stage_ends_it_with_its_code(engine: Engine) -> None:
    await engine.take_in("poison")
    async with asyncio.timeout(10):
        end = await engine.work._fatal
    assert end.code == exits.TOO_MANY_FAULTS
    [window] = engine.partitions.windows()
    assert window.position is None, "it is not acknowledged"


async def test_a_defect_at_work_ends_the_stage_and_acknowledges_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(job: object) -> None:
        raise AssertionError("the window lost it")

    monkeypatch.setattr(engine.partitions, "finish", broken)
    await engine.take_in("CLIP-1")
    async with asyncio.timeout(10):
        end = await engine.work._fatal
    assert end.code == exits.UNSAFE and "the window lost it" in str(end)
    [window] = engine.partitions.windows()
    assert window.position is None and not engine.work._turns.at_work
