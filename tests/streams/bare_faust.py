"""Faust as its own documentation uses it, to show why `streams/engine/app.py` is what it is.

`python bare_faust.py raises|concurrent BOOTSTRAP TOPIC LOG`
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import faust
import mode

how, bootstrap, topic, log = sys.argv[1:]
app = faust.App(
    f"{topic}-group",
    broker=f"kafka://{bootstrap}",
    datadir=str(Path(log).parent),
    store="memory://",
    web_enabled=False,
    autodiscover=False,
    topic_allow_declare=False,
    topic_disable_leader=True,
    table_standby_replicas=0,
    consumer_auto_offset_reset="earliest",
    value_serializer="raw",
    broker_commit_interval=0.3,
    broker_session_timeout=6.0,
    broker_heartbeat_interval=2.0,
)


async def agent(stream: faust.Stream[bytes]) -> None:
    async for value in stream:
        name = value.decode()
        if name == "bad" and how == "raises":
            raise RuntimeError(name)
        if name == "bad":
            await asyncio.sleep(600)
        with Path(log).open("a") as out:  # noqa: ASYNC230
            out.write(name + "\n")


app.agent(app.topic(topic, value_type=bytes, value_serializer="raw"), concurrency=2 if how == "concurrent" else 1)(
    agent
)


async def main() -> None:
    worker = mode.Worker(app, override_logging=False, redirect_stdouts=False, loop=asyncio.get_running_loop())
    app.in_worker = True
    await worker.start()
    await asyncio.sleep(600)


asyncio.run(main())
