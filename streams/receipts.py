"""receipts: asks the gateway for receipts and outcomes, by the clock."""

from __future__ import annotations

import asyncio

from streams.engine.clockwork import by_the_clock
from streams.engine.health import Health
from streams.settings import Settings
from workers.database.engine import Database

NAME = "receipts"


async def serve(settings: Settings, health: Health, stopping: asyncio.Event) -> None:
    """Ask until `stopping` is set. Waits while a part is away."""
    await by_the_clock(NAME, settings, health, stopping, Receipts(settings))


class Receipts:
    """Rounds of questions to the gateway."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def round(self, database: Database) -> float:
        """Do what is due; see `streams.engine.clockwork.Rounds`."""
        return self._settings.gateway_every
