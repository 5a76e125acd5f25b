"""lease: keeps what is stored locked, as long as it may need and no longer ahead than the lease.

    by the clock   RENEW_LEASE, then the locks at the store, read back, then CONFIRM_LEASE

The first lock of footage is short, so that a mistake is soon free; from then on the lease protects. No event tells
of it: the row and the store do, and `bwv reconcile` compares the two.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from streams.engine.clockwork import by_the_clock
from streams.engine.health import Health
from streams.settings import Settings
from streams.vaults import open_vault
from workers.database.engine import Database
from workers.retention.leasing import Leases, renew_leases

log = logging.getLogger(__name__)

NAME = "lease"


async def serve(settings: Settings, health: Health, stopping: asyncio.Event) -> None:
    """Renew leases until `stopping` is set. Waits while a part is away."""
    lease = Lease(settings, health, stopping)
    try:
        await by_the_clock(NAME, settings, health, stopping, lease)
    finally:
        lease.close()


class Lease:
    """Rounds of renewal, with what they found in the metrics."""

    def __init__(self, settings: Settings, health: Health, stopping: asyncio.Event) -> None:
        self._settings = settings
        self._health = health
        self._stopping = stopping
        self._vault = open_vault(settings, NAME)
        self._leases = Leases(
            lease=timedelta(seconds=settings.lease),
            renew=timedelta(seconds=settings.lease_renew),
            first=timedelta(seconds=settings.first_lock),
        )

    def close(self) -> None:
        """Give back what is open."""
        self._vault.close()

    async def round(self, database: Database) -> float:
        """Renew what is due; see `streams.engine.clockwork.Rounds`."""
        with self._health.working():
            done = await renew_leases(
                database,
                self._vault,
                self._leases,
                namespace=self._settings.namespace,
                stop=self._stopping.is_set,
            )
        self._health.leases_renewed.inc(done.renewed)
        self._health.leases_late.set(done.late)
        self._health.progressed()
        if done.renewed or done.failed:
            log.info("leases: %d renewed, %d could not be shown to be locked", done.renewed, done.failed)
        if done.late:
            log.error("%d clips have a lock that ends soon and was not renewed: bwv reconcile names them", done.late)
        return self._settings.lease_every
