"""Moves that are interrupted, made at once by many, or made again: the row decides, and tells once."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.fate.rows import SIGNED, events_of, given_to, insert, new_clip, told
from workers.database.engine import Database, fetch
from workers.errors import DatabaseAway, MoveRefused
from workers.fate.moves import FAIL_READBACK, RELEASE, SECURE, VERIFY, Move, Standing
from workers.fate.outbox import Event
from workers.fate.row import announce, find, make, make_on, register
from workers.footage.recording import Kind, Recording, Report, SourceType

SLOW_OUTBOX = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.25); RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION slow()
"""
"""Holds a move between its row and its event long enough to be killed there."""


def declared(clip_id: str) -> Report:
    recording = Recording(
        "CAM-1", clip_id, SourceType.BODY_WORN, Kind.FOOTAGE, 1, 5, "0" * 64, 5, "0" * 64, "video/mp4",
        "2026-01-01T00:00:00Z", None, "button", None, 0.0, None, None, False, False, 2, "0" * 64,
    )  # fmt: skip
    return Report("DOCK-01", "BAY-1", 1, "2026-01-01T00:00:00Z", "0" * 64, "http://127.0.0.1/", recording)


async def kill_whoever_moves(database: Database) -> int:
    """End the connection that is in the middle of a move; returns how many were found there."""
    for _ in range(200):
        rows = await database.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE 'WITH moved AS%%' AND wait_event = 'PgSleep' AND pid <> pg_backend_pid()"
        )
        if rows:
            return len(rows)
        await asyncio.sleep(0.005)
    return 0


@pytest.mark.parametrize("move", [SECURE, FAIL_READBACK], ids=lambda move: move.name)
async def test_a_move_killed_before_its_event_was_not_made(database: Database, dsn: str, move: Move) -> None:
    async with database.connection() as connection:
        await connection.execute(SLOW_OUTBOX)
        state = {"standing": move.when["standing"][0], "stored_version": None if move is SECURE else "v1"}
        rows = [await insert(connection, state) for _ in range(5)]
    killed = 0
    for row in rows:
        moving = asyncio.create_task(
            make(database, move, row, events=events_of(move, row.clip_id), given=given_to(move))
        )
        killed += await kill_whoever_moves(database)
        with pytest.raises(DatabaseAway):
            await moving
        assert await find(database, row.clip_id) == row
        async with database.connection() as connection:
            assert await told(connection, row.clip_id) == []
    assert killed == len(rows)
    # The mover does not know whether it was made; making it again is safe.
    await make(database, move, rows[0], events=events_of(move, rows[0].clip_id), given=given_to(move))
    async with database.connection() as connection:
        assert sorted(await told(connection, rows[0].clip_id)) == sorted(move.events)


async def test_a_move_whose_event_cannot_be_put_down_is_not_made(database: Database) -> None:
    async with database.connection() as connection:
        row = await insert(connection, {})
        await connection.execute("ALTER TABLE outbox ADD CHECK (octet_length(body) < 100)")
    large = [Event("clips.secured", row.clip_id, "evt-large", row.clip_id, "transfer", b"x" * 200)]
    with pytest.raises(Exception, match="check constraint"):
        await make(database, SECURE, row, events=large, given=given_to(SECURE))
    assert await find(database, row.clip_id) == row


async def test_a_transaction_that_is_lost_takes_its_moves_and_events_with_it(database: Database) -> None:
    async with database.connection() as connection:
        row = await insert(connection, {})
    with pytest.raises(DatabaseAway):
        async with database.transaction() as connection:
            await make_on(connection, SECURE, row, events=events_of(SECURE, row.clip_id), given=given_to(SECURE))
            await database.fetch("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
            await fetch(connection, "SELECT 1")
    assert await find(database, row.clip_id) == row
    async with database.connection() as connection:
        assert await told(connection, row.clip_id) == []


@pytest.mark.parametrize("round_", range(10))
async def test_of_fifty_movers_at_once_exactly_one_moves(database: Database, round_: int) -> None:
    async with database.connection() as connection:
        row = await insert(connection, {"standing": Standing.SECURED, "stored_version": "v1"})
    together = asyncio.Barrier(50)

    async def judge(number: int) -> Move | None:
        move = (VERIFY, FAIL_READBACK)[(number + round_) % 2]
        await together.wait()
        try:
            await make(database, move, row, events=events_of(move, row.clip_id), given=given_to(move))
        except MoveRefused:
            return None
        return move

    winners = [move for move in await asyncio.gather(*(judge(number) for number in range(50))) if move]
    assert len(winners) == 1
    async with database.connection() as connection:
        assert sorted(await told(connection, row.clip_id)) == sorted(winners[0].events)
    after = await find(database, row.clip_id)
    assert after is not None
    assert after.standing == winners[0].sets["standing"]


async def test_fifty_registrations_of_one_clip_make_one_row_and_one_event(database: Database) -> None:
    clip_id = new_clip()

    async def one(number: int) -> bool:
        async with database.transaction() as connection:
            told_of = Event("clips.registered", clip_id, f"evt-{clip_id}", clip_id, "intake", b"{}")
            return await register(
                connection, clip_id=clip_id, report=SIGNED, declared=declared(clip_id), urgent=False, events=[told_of]
            )

    made = await asyncio.gather(*(one(number) for number in range(50)))
    assert sum(made) == 1
    async with database.connection() as connection:
        assert await told(connection, clip_id) == ["clips.registered"]


async def test_the_events_of_a_clip_are_in_the_order_of_its_moves(database: Database) -> None:
    lives = (SECURE, FAIL_READBACK, SECURE, VERIFY, RELEASE)

    async def live(clip_id: str) -> None:
        for number, move in enumerate(lives):
            await asyncio.sleep(random.random() / 100)
            row = await find(database, clip_id)
            assert row is not None
            await make(database, move, row, events=events_of(move, clip_id, str(number)), given=given_to(move))

    async with database.connection() as connection:
        clips = [(await insert(connection, {})).clip_id for _ in range(30)]
    await asyncio.gather(*(live(clip_id) for clip_id in clips))
    async with database.connection() as connection:
        for clip_id in clips:
            assert await told(connection, clip_id) == [topic for move in lives for topic in move.events]
        ids = [row["event_id"] for row in await fetch(connection, "SELECT event_id FROM outbox")]
    assert len(ids) == len(set(ids)) == 30 * 6


async def test_a_cause_that_comes_again_is_told_once(database: Database) -> None:
    event = Event("receipts.requested", "clip-a", "evt-same", "clip-a", "intake", b"{}")
    for _ in range(3):
        async with database.transaction() as connection:
            await announce(connection, [event, event])
    rows = await database.fetch("SELECT event_id FROM outbox")
    assert [row["event_id"] for row in rows] == ["evt-same"]


async def test_the_relay_is_woken_by_a_commit_and_not_before(database: Database) -> None:
    async with database.connection() as connection:
        row = await insert(connection, {})
    woken = database.notifications(f"{database.schema}.outbox", wake_every=30)
    await anext(woken)
    following = asyncio.create_task(anext(woken))
    async with database.transaction() as connection:
        await make_on(connection, SECURE, row, events=events_of(SECURE, row.clip_id), given=given_to(SECURE))
        done, _ = await asyncio.wait([following], timeout=0.3)
        assert not done
    await asyncio.wait_for(following, 5)
    await woken.aclose()
