"""What the servers need before any stage starts: schema, topics, the log's first key; safe to repeat.

Runs as the supervisor's first program. A module of its own, since it alone needs the migrations' library.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from streams.engine.admin import apply as apply_topics
from streams.engine.admin import groups_ready
from streams.settings import Settings, load
from workers.custody.keys import new_key
from workers.database.schema import upgrade


async def prepare(settings: Settings) -> None:
    """Bring schema and topics up to date, Kafka's own too; make the key that signs checkpoints where there is none."""
    if not any((settings.keys / "custody").glob("*.pem")):
        new_key(settings.keys / "custody", "first", settings.origin)
    await asyncio.gather(
        asyncio.to_thread(upgrade, settings.database, settings.namespace),
        apply_topics(settings),
        groups_ready(settings),
    )


if __name__ == "__main__":
    asyncio.run(prepare(load(Path(sys.argv[1]))))
