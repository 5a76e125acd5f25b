"""The log grows exactly once, with its tree, whatever repeats, sleeps or stands beside it."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.custody.logs import grow, message, messages
from workers.custody.continuity import root_at
from workers.custody.entry import Entry
from workers.custody.log import append, read_head
from workers.custody.merkle import check_consistency, check_inclusion, consistency_path, inclusion_path, leaf_hash
from workers.custody.tiles import Edge
from workers.custody.tree import answer
from workers.database.engine import Database
from workers.errors import MoveRefused

pytestmark = pytest.mark.stack


async def rows(database: Database) -> list[dict[str, object]]:
    return await database.fetch("SELECT index, event_id, entry, leaf, conflicts_with FROM custody ORDER BY index")


async def test_the_stored_tree_is_that_of_the_entries(database: Database) -> None:
    head = await read_head(database)
    for start, count in ((0, 1), (1, 254), (255, 1), (256, 1), (257, 300), (557, 43)):
        head = await append(database, head, messages(start, count))
        leaves = [leaf_hash(str(row["entry"]).encode()) for row in await rows(database)]
        fresh = Edge(0, {})
        fresh.append(leaves)
        assert await root_at(database, len(leaves)) == fresh.root() == head.root
    assert head.size == 600


async def test_any_entry_and_any_earlier_head_is_proven_from_the_stored_tiles(database: Database) -> None:
    head = await grow(database, messages(0, 700))
    leaves = [bytes(row["leaf"]) for row in await rows(database)]  # type: ignore[call-overload]
    for index in (0, 1, 255, 256, 511, 512, 699):
        path = await answer(database, lambda h, i=index: inclusion_path(i, 700, h))
        check_inclusion(index, 700, leaves[index], path, head.root)
    for old in (1, 255, 256, 257, 640, 700):
        path = await answer(database, lambda h, n=old: consistency_path(n, 700, h))
        check_consistency(old, await root_at(database, old), 700, head.root, path)


async def test_what_the_broker_repeats_is_not_recorded_again(database: Database) -> None:
    head = await grow(database, messages(0, 10))
    again = await append(database, head, messages(0, 10))
    assert again.size == 10
    # The same event at a later offset: a publisher that was not sure repeated it.
    later = await append(database, again, [message(10, event_id="evt-3", about=4, offset=10)])
    found = await rows(database)
    assert later.size == 11 and found[10]["conflicts_with"] == 3, "other bytes under a known id are a conflict"
    same = await append(database, later, [message(3, event_id="evt-3", about=4, offset=11)])
    assert same.size == 11 and same.offsets["clips.verified", 0] == 12


async def test_a_writer_that_slept_is_refused_and_writes_nothing(database: Database) -> None:
    asleep = await read_head(database)
    await grow(database, messages(0, 5))
    with pytest.raises(MoveRefused, match="another record process writes"):
        await append(database, asleep, messages(0, 7))
    assert len(await rows(database)) == 5


async def test_of_two_writers_at_once_one_wins_and_the_log_has_no_fork(database: Database) -> None:
    won = 0
    for round_ in range(20):
        first, second = await read_head(database), await read_head(database)
        batch = messages(round_ * 10, 10)
        ends = await asyncio.gather(
            append(database, first, batch), append(database, second, batch), return_exceptions=True
        )
        won += sum(not isinstance(end, BaseException) for end in ends)
        assert sum(isinstance(end, MoveRefused) for end in ends) == 1, ends
    assert won == 20
    found = await rows(database)
    assert [row["index"] for row in found] == list(range(200))
    assert len({row["event_id"] for row in found}) == 200


async def test_a_hostile_message_is_recorded_and_stops_nothing(database: Database) -> None:
    nasty = msgspec.structs.replace(
        message(0), content={"clip_id": "../../x\x00", "camera": ["CAM"], "decision": {"key": "person:\x00:x"}}
    )
    head = await grow(database, [nasty])
    entry = msgspec.json.decode(str((await rows(database))[0]["entry"]), type=Entry)
    assert head.size == 1 and (entry.clip_id, entry.camera, entry.person) == (None, None, None)


async def test_a_writer_that_knew_another_log_of_the_same_size_is_refused(database: Database) -> None:
    before = await grow(database, messages(0, 5))
    async with database.transaction() as connection:
        await connection.execute("DROP RULE custody_keeps_entries ON custody")
        for table in ("custody", "custody_tiles", "record_offsets"):
            await connection.execute(f"DELETE FROM {table}".encode())
        await connection.execute("UPDATE custody_head SET size = 0")
    rebuilt = await grow(database, messages(0, 5))  # the same messages with other salts, as a rebuild makes them
    assert (rebuilt.size, rebuilt.offsets) == (before.size, before.offsets) and rebuilt.root != before.root
    with pytest.raises(MoveRefused, match="rebuilt"):
        await append(database, before, messages(5, 1))
