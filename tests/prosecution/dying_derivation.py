"""A process that makes one derivative and kills itself at a failpoint: HOME STEP NAMESPACE REQUEST, the message on
standard input. The other settings come from the environment."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from streams.derivation import Derivation
from streams.messages import DerivativeRequested, decode
from streams.settings import load
from streams.stage import Envelope, Parts
from workers.database.engine import Database
from workers.failpoints import arm
from workers.fate.outbox import Event


async def main(home: Path, step: str, request: str) -> None:
    settings = load(home)
    body = sys.stdin.buffer.read()
    message = decode(body, DerivativeRequested)
    arm(step)

    async def publish(event: Event) -> None:
        return None  # transfers.progressed, for people alone

    envelope = Envelope("derivatives.requested", 0, 0, message.clip_id, 0.0, {"ce_id": request}, body)
    async with Database(settings.database, settings.namespace) as database:
        stage = Derivation(Parts(settings, database, publish))
        await stage.start()
        await stage.receive(message, envelope)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
