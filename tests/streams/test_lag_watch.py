"""`bwv lag --watch` over a broker that is killed and comes back."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.kafka import Kafka
from streams.engine.admin import apply
from streams.settings import Settings

TOPICS = ("clips.registered", "receipts.requested", "transfers.progressed")


async def test_while_kafka_is_away_the_command_says_so_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    server = await asyncio.to_thread(_started, tmp_path / "kafka")
    process = None
    try:
        settings = Settings(home=tmp_path, kafka=server.bootstrap, partitions=2, replication=1)
        await apply(settings, TOPICS)
        environment = {"BWV_KAFKA": server.bootstrap, "BWV_PARTITIONS": "2", "BWV_HOME": str(tmp_path)}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "console.cli.main", "lag", "--watch", "--every", "0.3", "--json"),
            env=os.environ | environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            # Where the tests run in the background SIGINT is ignored, and whoever is started there inherits that.
            preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        before = await _line(process, lambda told: told["kafka_away"] is None)
        await asyncio.to_thread(server.stop, 0.01)
        away = await _line(process, lambda told: told["kafka_away"] is not None)
        await asyncio.to_thread(server.start)
        after = await _line(process, lambda told: told["kafka_away"] is None)
        process.send_signal(signal.SIGINT)
        _, said = await process.communicate()
    finally:
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()
        await asyncio.to_thread(server.stop)
    assert away["stages"] == [] and server.bootstrap in away["kafka_away"]
    assert {row["stage"] for row in after["stages"]} == {row["stage"] for row in before["stages"]} != set()
    assert b"Traceback" not in said


def _started(folder: Path) -> Kafka:
    server = Kafka(folder)
    server.start()
    return server


async def _line(process: asyncio.subprocess.Process, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The next line of its output that is wanted."""
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while line := await process.stdout.readline():
            told: dict[str, Any] = json.loads(line)
            if wanted(told):
                return told
    raise AssertionError(f"it ended with {await process.wait()}")
