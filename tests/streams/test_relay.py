"""The relay: what was decided is published, in order per key, whatever happens to it."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg
import pytest

from tests.streams.stream_world import World, eventually
from workers.database.engine import Database
from workers.fate.outbox import Event
from workers.fate.row import announce

TOPIC = "clips.secured"
pytestmark = pytest.mark.stack


def events(numbers: Iterable[int], keys: int = 5) -> list[Event]:
    return [
        Event(TOPIC, f"clip-{n % keys}", f"evt-{n}", f"clip-{n % keys}", "transfer", str(n).encode()) for n in numbers
    ]


def database_of(world: World) -> Database:
    return Database(world.settings.database, world.settings.namespace)


async def decide(world: World, decided: list[Event]) -> None:
    async with database_of(world) as database, database.transaction() as connection:
        await announce(connection, decided)


async def unsent(world: World) -> int:
    async with await psycopg.AsyncConnection.connect(world.settings.database) as connection:
        query = f"SELECT count(*) FROM {world.settings.namespace}.outbox WHERE sent_at IS NULL"
        row = await (await connection.execute(query.encode())).fetchone()
    assert row is not None
    return int(row[0])


async def all_sent(world: World) -> bool:
    return await unsent(world) == 0


async def per_key(world: World) -> dict[str, list[int]]:
    """Key → numbers in the order of their first appearance."""
    found: dict[str, list[int]] = {}
    for record in await world.records(TOPIC):
        numbers = found.setdefault(record.key.decode(), [])
        if int(record.value) not in numbers:
            numbers.append(int(record.value))
    return found


@pytest.mark.parametrize("failpoint", ["relay.after_publish", "relay.after_mark"])
async def test_a_killed_relay_loses_nothing_and_keeps_the_order(schema: World, failpoint: str) -> None:
    world = schema
    await world.topics()
    await decide(world, events(range(300)))
    killed = world.start("relay", fail=failpoint)
    assert await killed.ends() == -9
    assert (await unsent(world) == 300) is (failpoint == "relay.after_publish")
    await decide(world, events(range(300, 600)))
    again = world.start("relay", fail=failpoint)  # the marker lies there: it does not fire again
    await eventually(lambda: all_sent(world), "everything sent", every=0.2)
    assert await again.terminate() == 0
    found = await per_key(world)
    assert sum(map(len, found.values())) == 600
    assert all(numbers == sorted(numbers) for numbers in found.values())
    headers = {name: value.decode() for name, value in (await world.records(TOPIC))[0].headers}
    assert headers["ce_type"] == "bwv.clips.secured"
    assert headers["ce_source"] == f"/bwv/{world.settings.namespace}/transfer"


async def test_an_id_that_becomes_visible_late_is_not_skipped(schema: World) -> None:
    world = schema
    await world.topics()
    relay = world.start("relay")
    async with database_of(world) as database, database.transaction() as early:
        await announce(early, events([1], keys=1000))  # takes the lower id, commits last
        await decide(world, events([2], keys=1000))
        await eventually(lambda: world.records(TOPIC), "the later one", every=0.2)
    await eventually(lambda: all_sent(world), "both sent", every=0.2)
    assert sorted(int(record.value) for record in await world.records(TOPIC)) == [1, 2]
    assert await relay.terminate() == 0


async def test_a_second_relay_waits_until_the_first_has_gone(schema: World) -> None:
    world = schema
    await world.topics()
    first = world.start("relay")
    await eventually(lambda: is_ready(world), "the first is ready")
    world.remove("health/relay.port")
    second = world.start("relay")
    await eventually(lambda: waits(world), "the second waits")
    await decide(world, events(range(10)))
    await eventually(lambda: all_sent(world), "sent by the first", every=0.2)
    await first.kill()
    await decide(world, events(range(10, 20)))
    await eventually(lambda: all_sent(world), "sent by the second", every=0.2)
    assert await second.terminate() == 0
    assert sum(map(len, (await per_key(world)).values())) == 20


async def is_ready(world: World) -> bool:
    answer = await world.health("relay", "/ready")
    return answer is not None and answer.status_code == 200


async def waits(world: World) -> bool:
    answer = await world.health("relay", "/live")
    return answer is not None and answer.status_code == 200 and "other relay" in answer.text
