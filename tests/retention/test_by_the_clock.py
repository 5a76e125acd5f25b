"""The stages sweep and lease: what their rounds show, and that nothing goes while Kafka is away."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping

import msgspec
import pytest

from streams.engine.health import Health
from streams.lease import Lease
from streams.sweep import Sweep
from tests.retention.swept import Due
from workers.errors import BrokerAway


def shown(health: Health, name: str, **labels: str) -> float | None:
    return health.registry.get_sample_value(name, {"stage": health.stage, **labels})


def nobody() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


async def test_nothing_goes_while_kafka_is_away(due: Due) -> None:
    clip = await due.clip(stored=False)
    await due.relayed()
    sweep = Sweep(msgspec.structs.replace(due.settings, kafka=nobody()), Health("sweep"), asyncio.Event())
    with pytest.raises(BrokerAway):
        await sweep.round(due.database)
    await sweep.close()
    assert await due.disposals(clip) == [None]
    assert await due.sweeps() == []


async def test_the_metrics_of_a_sweep_say_why_it_stands_still_and_what_the_bin_waits_for(
    due: Due, monkeypatch: pytest.MonkeyPatch
) -> None:
    await due.clip()
    await due.clip(camera_copy="present")
    health = Health("sweep")
    settings = msgspec.structs.replace(due.settings, sweep_every=7.0)
    sweep = Sweep(settings, health, asyncio.Event())

    async def ends() -> Mapping[tuple[str, int], int]:
        return {}

    monkeypatch.setattr(sweep._ends, "read", ends)
    await due.database.execute("INSERT INTO rebuilds (sealed, size) VALUES (1, 1)")
    assert await sweep.round(due.database) == 7.0
    assert shown(health, "bwv_sweep_stopped", cause="rebuild") == 1
    assert shown(health, "bwv_sweep_stopped", cause="budget") == 0
    await due.database.execute("UPDATE rebuilds SET green_at = now()")
    await due.relayed()
    await sweep.round(due.database)
    assert shown(health, "bwv_sweep_stopped", cause="rebuild") == 0
    assert shown(health, "bwv_intended_total") == 2
    await due.database.execute(
        "UPDATE clip_fate SET intended_at = now() - interval '1 hour', dispose_from = now() - interval '1 minute'"
    )
    rows = await due.database.fetch("SELECT clip_id FROM clip_fate")
    await due.unlocked(*(row["clip_id"] for row in rows))
    await due.relayed()
    await sweep.round(due.database)
    assert shown(health, "bwv_committed_total") == 1
    assert shown(health, "bwv_sweep_waiting", reason="camera copy") == 1
    assert shown(health, "bwv_sweep_waiting", reason="lock") == 0
    await sweep.close()


async def test_the_metrics_of_the_lease_say_what_was_renewed_and_what_is_late(due: Due) -> None:
    await due.clip()
    await due.database.execute("UPDATE schedule SET dispose_from = now() + interval '90 days'")
    missing = await due.clip(stored=False)
    await due.database.execute(
        "UPDATE schedule SET dispose_from = now() + interval '90 days' WHERE clip_id = %s", (missing,)
    )
    await due.database.execute("UPDATE clip_fate SET registered_at = now() - interval '7 days'")
    health = Health("lease")
    settings = msgspec.structs.replace(due.settings, lease_every=9.0, lease=600.0, lease_renew=300.0)
    lease = Lease(settings, health, asyncio.Event())
    assert await lease.round(due.database) == 9.0
    assert (shown(health, "bwv_leases_renewed_total"), shown(health, "bwv_leases_late")) == (1, 1)
    lease.close()
