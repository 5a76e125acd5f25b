"""A dock in a process of its own that is killed at a failpoint: `python -m tests.dock.crashing_dock HOME FAILPOINT`.

It writes what it publishes to HOME/published.jsonl and answers the first report of each recording with a receipt.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import msgspec

from streams.messages import UploadReported
from tests.dock.conftest import Bench
from workers import failpoints
from workers.fate.outbox import Event
from workers.footage.recording import Report


class Published(Bench):
    async def publish(self, event: Event) -> None:
        with (self.home / "published.jsonl").open("a") as file:
            file.write(json.dumps({"topic": event.topic, "id": event.id, "body": event.body.decode()}) + "\n")
        if event.topic == "uploads.reported":
            said = msgspec.json.decode(event.body, type=UploadReported)
            self.answer(self.receipt(msgspec.json.decode(said.report.body, type=Report)))


async def main(home: Path, failpoint: str) -> None:
    bench = Published(home)
    failpoints.arm(failpoint, home / "fired")
    await bench.start()
    await asyncio.sleep(60)  # the failpoint ends the process long before; the test looks at how it ended
    await bench.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
