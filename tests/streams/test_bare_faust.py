"""Faust's two losses, kept as tests: on the day one of them fails, our engine has a reason less."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.streams.stream_world import World, eventually

pytestmark = pytest.mark.stack
BARE = Path(__file__).with_name("bare_faust.py")


async def committed(bootstrap: str, topic: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(f"{topic}-group")
    finally:
        await admin.close()
    return max((at.offset for at in offsets.values()), default=-1)


@pytest.mark.parametrize(("how", "messages"), [
    ("raises", ["m0", "m1", "bad", "m3", "m4"]),
    ("concurrent", ["bad", "m1", "m2", "m3", "m4"]),
])  # fmt: skip
async def test_bare_faust_acknowledges_what_was_not_finished(
    world: World, tmp_path: Path, how: str, messages: list[str]
) -> None:
    topic = f"bare-{how}"
    admin = AIOKafkaAdminClient(bootstrap_servers=world.settings.kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()
    for message in messages:
        await world.publisher.send(topic, key=b"k", value=message.encode())
    log = tmp_path / "done.log"
    with (tmp_path / "faust.log").open("wb") as out:
        process = subprocess.Popen(  # noqa: ASYNC220
            [sys.executable, str(BARE), how, world.settings.kafka, topic, str(log)], stdout=out, stderr=out
        )
    try:
        await eventually(lambda: log.exists() and len(log.read_text().split()) == 4, "the others done")

        async def all_acknowledged() -> bool:
            return await committed(world.settings.kafka, topic) == 5

        await eventually(all_acknowledged, "the commit past the unfinished one", every=0.2)
    finally:
        process.kill()
        process.wait(10)
    assert "bad" not in log.read_text()  # and nobody will ever see it again
