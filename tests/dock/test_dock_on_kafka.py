"""The dock's own process on a real broker: what it publishes arrives, answers reach it, SIGTERM ends it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer

from local.kafka import Kafka
from streams.engine.admin import apply
from streams.engine.publishing import Publisher
from streams.messages import UploadReported
from streams.settings import Settings
from streams.topics import full_name
from tests.dock.conftest import Bench, put_recording
from workers.fate.outbox import Event
from workers.footage.recording import Report
from workers.keys.keyring import save_public
from workers.keys.signing import Signer

pytestmark = pytest.mark.stack
CAMERA = "BWC-0417"
ROOT = Path(__file__).resolve().parents[2]
RUN = (
    "import sys; from pathlib import Path; from streams.engine.process import run; from streams.settings import load;"
    "sys.exit(run('dock', load(Path(sys.argv[1]))))"
)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = Kafka(tmp_path_factory.mktemp("kafka"))
    server.start()
    yield server.bootstrap
    server.stop()


@pytest.fixture
async def publisher(broker: str) -> AsyncIterator[Publisher]:
    made = Publisher(broker, "bwv", "test")
    await made.start()
    yield made
    await made.stop()


async def _arrivals(broker: str, topics: list[str]) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    consumer = AIOKafkaConsumer(
        *[full_name("bwv", t) for t in topics], bootstrap_servers=broker, group_id=None, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async for record in consumer:
            yield record.topic, json.loads(record.value)
    finally:
        await consumer.stop()


async def test_a_dock_process_reports_and_wipes_over_kafka(broker: str, publisher: Publisher, tmp_path: Path) -> None:
    bench = Bench(tmp_path)  # for its keys and its folder; the dock itself is another process
    for name in ("release", "transfer"):
        signer: Signer = getattr(bench, name)
        save_public(signer.enrolment(), tmp_path / "keys/service" / f"{name}.pub")
    path, _ = put_recording(bench.folder / "BAY-01" / CAMERA, 1)
    await apply(Settings(kafka=broker, partitions=2, replication=1))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("BWV_")},
        "BWV_KAFKA": broker,
        "BWV_DOCK_FOLDER": str(bench.folder),
        "BWV_DOCK_SETTLE": "0.1",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN, str(tmp_path), cwd=ROOT, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(120):
            seen: list[str] = []
            async for topic, body in _arrivals(broker, ["cameras.docked", "uploads.reported", "clips.wiped"]):
                seen.append(topic.removeprefix("bwv."))
                if seen[-1] == "uploads.reported":
                    said = msgspec.convert(body, UploadReported)
                    answer = bench.receipt(msgspec.json.decode(said.report.body, type=Report))
                    body_sent = msgspec.json.encode(answer)
                    await publisher.publish(Event("clips.released", "clip-test", "evt-1", "s", "release", body_sent))
                if seen[-1] == "clips.wiped":
                    break
            assert sorted(seen) == ["cameras.docked", "clips.wiped", "uploads.reported"]
            assert not path.exists()
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
