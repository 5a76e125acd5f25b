"""Lag against a real broker: the figures of Kafka's own tool, who is there, and what a stage shows of its bytes."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import json
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from click.testing import CliRunner, Result

from console.cli.main import cli
from local.jars import default_cache, fetch_jars
from local.java import find_java
from streams import lag_said
from streams import messages as m
from streams.engine.process import STAGES
from streams.lag_stages import BY_LOCK, BY_WORD, BYTES, MINUTES
from streams.lagging import Watching
from streams.listening import LISTENS
from streams.stage import LongStage
from streams.topics import STAGES_WITH_DEAD_LETTERS, full_name
from tests.streams.stream_world import World, eventually
from workers.database.engine import Database, execute
from workers.database.locks import lock_of
from workers.errors import BrokerAway
from workers.operations.lag.figures import StageLag
from workers.operations.lag.history import Look, Members
from workers.operations.lag.verdict import Verdict

TOOLS = Path(__file__).with_name("kafka-tools.lock.json")
CLIPS = [f"clp-{number}" for number in range(12)]
SIZE = 1_000_000
TOPICS = ("clips.registered", "clips.registered.urgent", "clips.secured", "receipts.requested", "transfers.progressed")
"""Few, since each costs time; a topic that is not there yet is none that anything waits in."""

Row = tuple[str, str, int]
"""Group, topic, partition, by their full names."""
Offsets = tuple[int | None, int | None, int | None]
"""Committed, end, lag."""


def as_kafka_says(bootstrap: str, groups: list[str]) -> dict[Row, Offsets]:
    """What kafka-consumer-groups prints."""
    jars = [*fetch_jars(default_cache(), TOOLS), *fetch_jars(default_cache())]
    command = [find_java(None).path, "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
    command += ["-cp", os.pathsep.join(map(str, jars)), "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"]
    command += ["--bootstrap-server", bootstrap, "--describe", "--offsets"]
    command += [word for group in groups for word in ("--group", group)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    said: dict[Row, Offsets] = {}
    columns: list[str] = []
    for line in done.stdout.splitlines():
        words = line.split()
        if words[:1] == ["GROUP"]:
            columns = words
        elif columns and len(words) == len(columns) and words[0] in groups:
            of = dict(zip(columns, words, strict=True))
            said[of["GROUP"], of["TOPIC"], int(of["PARTITION"])] = (
                _number(of["CURRENT-OFFSET"]),
                _number(of["LOG-END-OFFSET"]),
                _number(of["LAG"]),
            )
    assert said, f"kafka-consumer-groups printed no group: {done.stdout}{done.stderr}"
    return said


def _number(word: str) -> int | None:
    return None if word == "-" else int(word)


def as_we_say(namespace: str, looks: dict[str, Look], stages: list[str]) -> dict[Row, Offsets]:
    """The same of ours; where nothing was committed Kafka's tool counts no lag, and for us everything waits."""
    return {
        (full_name(namespace, stage), full_name(namespace, place.topic), place.partition): (
            place.committed,
            place.end,
            None if place.committed is None else place.messages + place.gone,
        )
        for stage in stages
        for place in looks[stage].places
    }


@asynccontextmanager
async def member(world: World, stage: str, *topics: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A process of the stage that has joined its group, and commits what the test says."""
    consumer = AIOKafkaConsumer(
        *[full_name(world.settings.namespace, topic) for topic in topics],
        bootstrap_servers=world.settings.kafka,
        group_id=full_name(world.settings.namespace, stage),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        await eventually(consumer.assignment, f"the partitions of {stage}")
        yield consumer
    finally:
        await consumer.stop()


@pytest.fixture
async def watching(schema: World) -> AsyncIterator[Callable[[], Watching]]:
    """Makes what looks; ten seconds pass between two looks, for it."""
    database = Database(schema.settings.database, schema.settings.namespace, size=2)
    seconds = itertools.count(2_000_000_000, 10)
    await schema.topics(*TOPICS)
    async with database:
        yield lambda: Watching(schema.settings, database, clock=lambda: float(next(seconds)))


async def _delete(world: World, place: TopicPartition, before: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=world.settings.kafka)
    await admin.start()
    try:
        await admin.delete_records({place: RecordsToDelete(before)})
    finally:
        await admin.close()


def of(lags: tuple[StageLag, ...], stage: str) -> StageLag:
    return next(lag for lag in lags if lag.stage == stage)


async def test_the_figures_are_those_of_kafkas_own_tool(world: World, watching: Callable[[], Watching]) -> None:
    await world.send("clips.registered", CLIPS)
    await world.send("receipts.requested", CLIPS[:5])
    name, stages = world.settings.namespace, ["transfer", "release"]
    registered, requested = full_name(name, "clips.registered"), full_name(name, "receipts.requested")
    async with (
        member(world, "transfer", "clips.registered", "clips.registered.urgent") as transfer,
        member(world, "release", "receipts.requested") as release,
        watching() as eyes,
    ):
        await transfer.commit({TopicPartition(registered, 0): 2, TopicPartition(registered, 1): 0})
        await release.commit({TopicPartition(requested, 0): 5})
        await _delete(world, TopicPartition(registered, 1), 3)  # unread, as when a topic's time is over
        looks = await eyes.look()
        groups = [full_name(name, stage) for stage in stages]
        kafkas = await asyncio.to_thread(as_kafka_says, world.settings.kafka, groups)
    assert as_we_say(name, looks, stages) == kafkas
    assert sum(lag for _, _, lag in kafkas.values() if lag is not None) == len(CLIPS) - 2
    assert looks["transfer"].messages == len(CLIPS) - 2 - 3
    assert [place.gone for place in looks["transfer"].places if place.topic == "clips.registered"] == [0, 3]
    assert looks["transfer"].members is looks["release"].members is Members.THERE
    assert looks["verification"].members is Members.NOBODY
    waiting = [place for place in looks["transfer"].places if place.messages]
    assert waiting
    assert all(place.oldest is not None and place.member for place in waiting)


async def test_a_stage_that_lives_and_does_nothing_is_found_and_an_idle_one_is_not(
    world: World, watching: Callable[[], Watching]
) -> None:
    async with (
        member(world, "transfer", "clips.registered", "clips.registered.urgent") as transfer,
        member(world, "verification", "clips.secured"),
        watching() as eyes,
    ):
        assert {lag.verdict for lag in [of(await eyes.now(), "transfer") for _ in range(3)]} == {Verdict.OK}
        await world.send("clips.registered", CLIPS[:3])
        verdicts = [(lags := await eyes.now(), of(lags, "transfer").verdict)[1] for _ in range(6)]
        assert verdicts == [Verdict.OK] * 4 + [Verdict.STALLED] * 2
        assert of(lags, "transfer").reasons == ("3 messages wait, and nothing was finished for 50 s",)
        assert of(lags, "verification").verdict is Verdict.OK
        assert of(lags, "relay").verdict is Verdict.STOPPED
        places = {place: len(CLIPS) for place in transfer.assignment()}
        ends = await transfer.end_offsets(list(places))
        await transfer.commit(ends)
        done = of(await eyes.now(), "transfer")
        assert (done.verdict, done.messages, done.over_in) == (Verdict.OK, 0, 0.0)
    async with watching() as others:  # the file tells a second watcher what the first one saw
        assert of(await others.now(), "transfer").verdict is Verdict.OK
        assert [of(await others.now(), "transfer").verdict for _ in range(2)][-1] is Verdict.STOPPED


async def test_clips_and_bytes_are_those_of_the_rows_and_moving_bytes_are_a_sign_of_work(
    world: World, watching: Callable[[], Watching]
) -> None:
    database = Database(world.settings.database, world.settings.namespace, size=1)
    async with database:
        for number, (clip, standing) in enumerate(zip(CLIPS, itertools.cycle(["registered", "secured", "released"]))):
            size, old = SIZE * (number + 1), number % 2
            if old:  # a row of before it had a size of its own
                await database.execute(
                    "INSERT INTO declared (camera, recording, sha256, size, clip_id) VALUES ('c', %s, '', %s, %s)",
                    (clip, size, clip),
                )
            await database.execute(
                "INSERT INTO clip_fate (clip_id, camera, recording, standing, interrupted, docking, report,"
                " declared_size) VALUES (%s, 'c', %s, %s, %s, 1, '{}', %s)",
                (clip, clip, standing, number == 0, None if old else size),
            )
    await world.send("clips.registered", CLIPS[3:4])
    async with watching() as eyes:
        await eyes.look()
        signs = []
        for rate in (2e6, 0.0):
            told = m.TransferProgressed(CLIPS[3], "c", "transfer", SIZE, 4 * SIZE, rate)
            await world.send_raw("transfers.progressed", CLIPS[3].encode(), m.encode(told))
            looks = await eyes.look()
            signs.append([place.moving for place in looks["transfer"].places if place.messages])
        assert signs[0][0] > 0
        assert signs == [signs[0]] * 2  # a message that says that no byte moves is no sign of work
        assert {place.moving for place in looks["verification"].places} == {0.0}
    rows = {stage: (looks[stage].clips, looks[stage].bytes) for stage in ("transfer", "verification", "release")}
    # Clips 0, 3, 6, 9 are registered, and the first of them was interrupted; 1, 4, 7, 10 are secured.
    assert rows == {
        "transfer": (3, SIZE * (4 + 7 + 10)),
        "verification": (4, SIZE * (2 + 5 + 8 + 11)),
        "release": (0, 0),
    }
    assert looks["intake"].clips is None


async def bwv(world: World, *words: str) -> Result:
    """The command, as a person gives it."""
    names = ("namespace", "kafka", "database", "partitions", "replication")
    settings = {f"BWV_{name.upper()}": str(getattr(world.settings, name)) for name in names}
    return await asyncio.to_thread(CliRunner(env=settings).invoke, cli, ["--home", str(world.home), *words], obj={})


async def test_the_command_prints_every_stage_and_its_exit_code_says_whether_somebody_should_look(
    world: World, watching: Callable[[], Watching]
) -> None:
    async with watching() as eyes:
        stages = {lag.stage for lag in await eyes.now()}
    (world.home / "lag.json").unlink()  # the fixture's clock is years ahead
    table, document = await bwv(world, "lag"), await bwv(world, "lag", "--json")
    assert (table.exit_code, document.exit_code) == (1, 1), (table, document)
    told = json.loads(document.stdout)
    assert told["database_away"] is None
    assert {row["stage"] for row in told["stages"]} == stages
    assert stages <= set(table.stdout.split())
    assert "relay: nobody works for it: start it, or see why it ended" in table.stdout.splitlines()
    world.change(database=f"{world.settings.database} port=1")
    without = await bwv(world, "lag")
    assert without.exit_code == 1
    assert "clips and bytes are missing: PostgreSQL does not answer" in without.stdout
    world.change(kafka="127.0.0.1:9")
    away = await bwv(world, "lag")
    assert isinstance(away.exception, BrokerAway)
    assert "127.0.0.1:9" in str(away.exception)


async def test_a_stage_that_works_by_the_clock_is_known_by_its_lock_and_its_word(
    world: World, watching: Callable[[], Watching], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process sleeps: it holds the lock, and does not answer where it did."""
    monkeypatch.setattr(lag_said, "ANSWERS_WITHIN", 0.1)
    mute = socket.create_server(("127.0.0.1", 0))
    folder = world.home / "health"
    folder.mkdir()
    for stage in ("lease", "scrub"):
        (folder / f"{stage}.port").write_text(f"{mute.getsockname()[1]}\n")
    async with (
        Database(world.settings.database, world.settings.namespace, size=1) as database,
        database.connection() as held,
        watching() as eyes,
    ):
        await execute(held, "SELECT pg_advisory_lock(%s)", (lock_of(database.schema, "lease"),))
        found = [{lag.stage: lag for lag in await eyes.now()} for _ in range(5)]
    mute.close()
    assert {lags["lease"].members for lags in found} == {Members.THERE}
    for stage in ("lease", "scrub"):
        assert [lags[stage].verdict for lags in found] == [Verdict.OK] * 4 + [Verdict.STALLED], stage
        assert found[-1][stage].reasons == ("its process is there and has not answered at its health port for 40 s",)
    assert found[-1]["sweep"].verdict is Verdict.STOPPED


def test_every_stage_is_watched_as_what_it_is_and_on_every_topic_it_reads() -> None:
    assert {*LISTENS, *BY_LOCK, *BY_WORD} == set(STAGES) - {"dock"}
    assert set(LISTENS) == set(STAGES_WITH_DEAD_LETTERS)
    for stage in STAGES:
        kind = getattr(importlib.import_module(f"streams.{stage}"), "STAGE", None)
        assert (kind is not None or stage == "record") == (stage in LISTENS), stage
        if kind is not None:
            assert set(LISTENS[stage]) == set(kind.listens), stage
            assert issubclass(kind, LongStage) == (stage in (*BYTES, *MINUTES)), stage
