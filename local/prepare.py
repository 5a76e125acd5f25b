"""What the servers need before any stage starts: schema and topics; safe to repeat.

Runs as the supervisor's first program. A module of its own, since it alone needs the migrations' library.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from streams.engine.admin import apply as apply_topics
from streams.settings import Settings, load
from workers.database.schema import upgrade


async def prepare(settings: Settings) -> None:
    """Bring schema and topics up to date."""
    await asyncio.gather(asyncio.to_thread(upgrade, settings.database, settings.namespace), apply_topics(settings))


if __name__ == "__main__":
    asyncio.run(prepare(load(Path(sys.argv[1]))))
