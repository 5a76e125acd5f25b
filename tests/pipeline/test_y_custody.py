"""What all tests before this one left in the record: each event once, without a gap, each leaf provable."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from streams.topics import TOPICS
from tests.pipeline.broker import Record, everything
from tests.pipeline.pipeline import Pipeline
from workers.custody.entry import Entry
from workers.footage.canonical import canonical

pytestmark = pytest.mark.stack


async def recorded(system: Pipeline, records: list[Record]) -> list[dict[str, object]]:
    """The custody log, once everything on the topics is in it."""
    ends: dict[tuple[str, int], int] = {}
    for record in records:
        ends[record.topic, record.partition] = max(record.offset + 1, ends.get((record.topic, record.partition), 0))

    async def done() -> bool:
        rows = await system.sql("SELECT topic, partition, next_offset FROM record_offsets")
        known = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
        return all(known.get(place, 0) >= end for place, end in ends.items())

    await system.until(done, "the record to catch up")
    return await system.sql("SELECT * FROM custody ORDER BY index")


async def test_every_event_is_recorded_exactly_once(system: Pipeline) -> None:
    await one_more_clip(system)
    records = await everything(system, *(topic.name for topic in TOPICS if topic.recorded))
    log = await recorded(system, records)

    # A repeat has the id and the bytes of the first; what came without an id is known by its place.
    published = {
        (record.id or f"{record.topic}/{record.partition}/{record.offset}", record.value) for record in records
    }
    kept = [(str(entry["event_id"]), bytes(entry["payload"])) for entry in log]  # type: ignore[call-overload]
    assert len(kept) == len(set(kept)), "an event is recorded twice"
    missing = published - set(kept)
    assert not missing, f"{len(missing)} of {len(published)} events are not recorded: {sorted(missing)[:3]}"
    assert len(published) >= 5
    assert [entry["index"] for entry in log if entry["conflicts_with"] is not None] == [], "one id, two stories"


async def test_the_log_has_no_gap_and_each_leaf_is_the_hash_of_its_entry(system: Pipeline) -> None:
    await one_more_clip(system)
    log = await system.sql("SELECT * FROM custody ORDER BY index")
    [head] = await system.sql("SELECT size FROM custody_head")

    assert [entry["index"] for entry in log[: head["size"]]] == list(range(head["size"]))
    for row in log:
        entry = msgspec.json.decode(row["entry"], type=Entry)
        assert bytes(row["leaf"]) == hashlib.sha256(b"\x00" + row["entry"].encode()).digest()
        assert canonical(entry).decode() == row["entry"], "the leaf is over the canonical form"
        assert entry.payload == hashlib.sha256(bytes(row["salt"]) + bytes(row["payload"])).hexdigest()
        assert (entry.index, entry.event_id, entry.clip_id) == (row["index"], row["event_id"], row["clip_id"])
    assert len({bytes(row["salt"]) for row in log}) == len(log), "a salt is used twice"


async def test_an_entry_can_not_be_deleted(system: Pipeline) -> None:
    await one_more_clip(system)
    before = (await system.sql("SELECT count(*) AS n FROM custody"))[0]["n"]
    await system.sql("WITH gone AS (SELECT 1) SELECT 1")
    await delete_all(system)
    assert (await system.sql("SELECT count(*) AS n FROM custody"))[0]["n"] >= before > 0


async def delete_all(system: Pipeline) -> None:
    from workers.database.engine import Database

    async with Database(system.settings.database, system.settings.namespace, size=1, wait=20) as database:
        await database.execute("DELETE FROM custody")


async def one_more_clip(system: Pipeline) -> None:
    """So that each test here has something to look at when it is run alone."""
    if await system.sql("SELECT 1 FROM clips WHERE wiped_at IS NOT NULL LIMIT 1"):
        return
    camera = system.filled("CUS-0001", [1000])
    await system.enrol("CUS-0001")
    system.dock(camera, "BAY-CUS-1")
    await system.settled(camera)
