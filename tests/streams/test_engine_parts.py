"""The smaller parts: waiting, health, slots, logs, publishing, topics, the guard's last resort."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest
import structlog

from streams import messages as m
from streams.dead_letters import Origin
from streams.engine import admin, exits, guard, logs
from streams.engine.byte_threads import ByteThreads, Work
from streams.engine.health import IDLE_LIMIT, METRICS, Health
from streams.engine.member import Slot
from streams.engine.refusals import Refusals
from streams.engine.waiting import Waiting, pause
from streams.settings import Settings
from streams.stage import Envelope, Stage
from streams.topics import full_name
from tests.streams.stream_world import REPORT, World
from workers.errors import BrokerAway, ConfigurationInvalid, DatabaseAway, RuleBroken, StoreAway


class Left(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@pytest.fixture
def leaving(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(code: int, reason: str) -> None:
        raise Left(code)

    monkeypatch.setattr(exits, "leave", leave)


def test_many_faults_at_once_are_one_try_and_each_delay_is_jittered_below_its_ceiling() -> None:
    now = 0.0
    waiting = Waiting(0.2, 15.0, clock=lambda: now)
    ceilings = []
    for tries in range(12):
        ceiling = min(15.0, 0.2 * 2**tries)
        delays = {waiting.note(StoreAway("away")) for _ in range(30)}
        assert len(delays) == 1 and 0 <= delays.pop() <= ceiling
        ceilings.append(ceiling)
        now += waiting.delay() + 0.001
    assert ceilings[-1] == 15.0
    assert waiting.parts["object store"].tries == 12


def test_the_first_that_gets_through_closes_it_for_all() -> None:
    told: list[tuple[str, bool]] = []
    waiting = Waiting(0.2, 15.0, changed=lambda part, away: told.append((part, away is not None)))
    waiting.note(StoreAway("away"))
    waiting.note(DatabaseAway("away"))
    assert waiting
    waiting.got_through()
    assert not waiting and waiting.delay() == 0
    assert told == [("object store", True), ("database", True), ("object store", False), ("database", False)]


async def test_a_cancellation_that_comes_with_the_event_is_not_swallowed() -> None:
    event = asyncio.Event()

    async def lasting() -> None:
        while True:
            await pause(event, 60)
            event.clear()

    task = asyncio.create_task(lasting())
    await asyncio.sleep(0)  # it waits now
    event.set()
    await asyncio.sleep(0)  # what it waits for has happened, and it has not run since
    task.cancel()
    _, going_on = await asyncio.wait([task], timeout=5)
    assert not going_on and task.cancelled()


def test_alive_means_progress_or_nothing_to_do_or_a_named_part_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    health = Health("transfer")
    assert health.alive()[0]
    now += IDLE_LIMIT + 1
    assert not health.alive()[0], "it never joined"
    health.joined()
    now += IDLE_LIMIT + 1
    assert health.alive() == (True, "nothing waits")
    health.lag_is(5)
    assert not health.alive()[0], "messages wait and nothing happens"
    health.waits_for("database", "no answer")
    assert health.alive() == (True, "waits for the database")
    health.is_back("database")
    now += IDLE_LIMIT + 1
    with health.working():
        assert health.alive()[0]
        now += 5 * 3600
        assert not health.alive()[0], "no job takes five hours"


async def test_every_metric_is_listed_and_every_listed_metric_is_there(tmp_path: Path) -> None:
    health = Health("transfer", folder=tmp_path)
    health.waits_for("database", "x")
    names = {metric.name for metric in health.registry.collect() if metric.name.startswith("bwv_")}
    assert names == {name.removesuffix("_total") for name in METRICS}
    await health.serve()
    assert (tmp_path / "transfer.port").read_text() == f"{health.port}\n"
    await health.stop()


def test_a_slot_belongs_to_one_process_and_is_free_when_it_ends(tmp_path: Path) -> None:
    first, second = Slot("transfer", tmp_path), Slot("transfer", tmp_path)
    assert first.member.endswith("-0") and second.member.endswith("-1")
    first.free()
    again = Slot("transfer", tmp_path)
    assert again.member == first.member
    again.free()
    second.free()


@pytest.mark.parametrize("stage", ["transfer", "alarms", "board"])
def test_no_secret_shows_in_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str], stage: str) -> None:
    canary, address = "CANARY-9f8e7d6c5b4a", "https://alerts.example.police.uk/hunter8-x"
    (tmp_path / "transfer.json").write_text(json.dumps({"access_key": "transfer", "secret_key": canary}))
    (tmp_path / "webhook").write_text(f"{address}\nwhsec_hunter9-x\n")
    settings = Settings(home=tmp_path, alarm_webhook="webhook", board_oidc_secret="is-not-there")
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        logs.configure(stage, tmp_path, files=settings.secret_files)
        log = logging.getLogger("test")
        log.info("the key is %s, POST %s with whsec_hunter9-x", canary, address)
        log.info("postgresql://bwv:hunter2-x@127.0.0.1/bwv password=hunter3-x {'secret_key': 'hunter4-x'}")
        log.info('{"password": "hunter5-x"}')
        log.info("-----BEGIN PRIVATE KEY-----\nhunter6-x\n-----END PRIVATE KEY-----")
        try:
            raise ValueError(f"token: hunter7-x and {canary}")
        except ValueError:
            log.exception("with a trace")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    written = capsys.readouterr().err
    assert canary not in written and "hunter" not in written
    lines = [json.loads(line) for line in written.splitlines()]
    assert len(lines) == 5 and all(line["stage"] == stage for line in lines)


@pytest.mark.usefixtures("leaving")
def test_refused_commits_in_a_row_end_the_process_and_a_burst_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    refusals = Refusals(Health("transfer"))
    for _ in range(10):
        refusals.note(False)
    for accepted in (False, True, False, False):
        now += 1
        refusals.note(accepted)
    now += 1
    with pytest.raises(Left) as left:
        refusals.note(False)
    assert left.value.code == exits.FENCED


class Broken(Stage):
    name = "release"
    listens = ("receipts.requested",)
    fault: Exception = RuleBroken("never")

    def __init__(self) -> None:
        self.calls = 0

    async def receive(self, message: m.Message, envelope: Envelope) -> None:
        self.calls += 1
        if isinstance(self.fault, TimeoutError):
            await asyncio.sleep(60)
        raise self.fault


class DeafBroker:
    namespace = "bwv"

    async def send(self, *_: Any, **__: Any) -> None:
        raise BrokerAway("no answer")


def requested() -> Origin:
    body = m.encode(m.ReceiptRequested("clip-1", "CAM-1", "r", REPORT))
    headers = (("ce_id", b"e"), ("ce_type", b"bwv.receipts.requested"))
    return Origin("bwv.receipts.requested", 0, 0, 0.0, b"clip-1", body, headers)


@pytest.mark.usefixtures("leaving")
async def test_what_cannot_even_be_dead_lettered_ends_the_process() -> None:
    guarded = guard.Guard(Broken(), Settings(), DeafBroker(), Health("release"), patience=1.0)  # type: ignore[arg-type]
    with pytest.raises(Left) as left:
        await guarded.attempt(requested())
    assert left.value.code == exits.UNSAFE


class Talks(Stage):
    """Logs where its work is done: in the loop, and in a thread of its own."""

    name = "release"
    listens = ("receipts.requested",)

    def __init__(self) -> None:
        self.threads = ByteThreads(Settings(), self.name)

    async def receive(self, message: m.Message, envelope: Envelope) -> None:
        log = logging.getLogger("stage")
        log.info("begins")
        await self.threads.run(Work(), lambda: log.info("reads"))


async def test_each_line_says_whose_it_is_and_what_it_is_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stage, good = Talks(), requested()
    poison = Origin("bwv.uploads.reported", 0, 1, 0.0, b"CAM-7", b"no JSON", good.headers)
    guarded = guard.Guard(stage, Settings(fault_limit=1), DeafBroker(), Health("release"), patience=9.0)  # type: ignore[arg-type]
    try:
        logs.configure("release", tmp_path)
        await guarded.attempt(good)
        with pytest.raises(exits.StageEnds):
            await guarded.attempt(poison)
        logging.getLogger("stage").info("after a poison message")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        structlog.contextvars.clear_contextvars()
        stage.threads.close()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    about = {line["event"]: {name: line.get(name) for name in ("stage", "clip", "camera")} for line in lines}
    assert about["begins"] == about["reads"] == {"stage": "release", "clip": "clip-1", "camera": None}
    assert about["after a poison message"] == {"stage": "release", "clip": None, "camera": "CAM-7"}


async def test_a_call_that_takes_too_long_is_a_passing_fault_and_is_never_dead_lettered() -> None:
    stage = Broken()
    stage.fault = TimeoutError()
    guarded = guard.Guard(stage, Settings(), DeafBroker(), Health("release"), patience=0.05)  # type: ignore[arg-type]
    with pytest.raises(guard.AnswerOverdue):
        await guarded.attempt(requested())


@pytest.mark.stack
async def test_a_send_goes_on_when_nobody_waits_for_it_any_more(world: World) -> None:
    topic = full_name(world.settings.namespace, "receipts.requested")
    await world.topics("receipts.requested")
    for number in range(20):
        task = asyncio.create_task(world.publisher.send(topic, key=b"k", value=str(number).encode()))
        await asyncio.sleep(0)
        task.cancel()
    await world.publisher.stop()
    assert len(await world.records("receipts.requested")) == 20


@pytest.mark.stack
async def test_a_topic_with_other_properties_is_refused(world: World) -> None:
    await world.topics("receipts.requested", "clips.registered", "clips.registered.urgent", "dead-letters.transfer")
    await admin.verify(world.settings, ["clips.registered"])
    assert await admin.apply(world.settings, ["clips.registered"]) == []
    with pytest.raises(ConfigurationInvalid, match=r"no topic t\d+\.clips\.wiped"):
        await admin.verify(world.settings, ["clips.wiped"])
    world.change(partitions=3)
    with pytest.raises(ConfigurationInvalid, match="expected 3 partitions, found 2"):
        await admin.verify(world.settings, ["clips.registered"])
    world.change(partitions=2, replication=3)
    with pytest.raises(ConfigurationInvalid, match="expected 3 replicas, found 1"):
        await admin.verify(world.settings, ["clips.registered"])
    process = world.start("long")
    assert await process.ends() == exits.CONFIGURATION
    assert "expected 3 replicas, found 1" in process.said()
