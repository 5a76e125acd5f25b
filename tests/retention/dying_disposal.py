"""A process that disposes of one clip and kills itself at a failpoint: HOME CLIP STEP, the event on standard input."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from streams.disposal import Disposal
from streams.messages import DisposalCommitted, decode
from streams.settings import load
from streams.stage import Parts
from tests.retention.gone import envelope
from workers.database.engine import Database
from workers.failpoints import arm
from workers.fate.outbox import Event


async def main(home: Path, step: str) -> None:
    settings = load(home)
    message = decode(sys.stdin.buffer.read(), DisposalCommitted)
    arm(step)

    async def publish(event: Event) -> None:
        raise AssertionError(event)

    async with Database(settings.database, settings.namespace) as database:
        await Disposal(Parts(settings, database, publish)).receive(message, envelope(message))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
