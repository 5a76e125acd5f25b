"""What the table of moves says and what PostgreSQL does are the same thing."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fate.rows import DOMAIN, Case, cases, columns_of, events_of, given_to, insert, outcome, told
from workers.database.engine import Connection, Database
from workers.errors import MoveRefused
from workers.fate.moves import MOVES, RELEASE, SECURE, VERIFY, Move, Standing
from workers.fate.row import make, make_on

SEEN_OTHERWISE = ("attempt", "docking", "urgent", "facts", "hold_reasons", "intended_at", "lease_end")


class UndoneError(Exception):
    """Ends a transaction whose rows nobody needs any more."""


async def agree(connection: Connection, move: Move, case: Case) -> bool:
    """Whether the move was made; fails unless the table and PostgreSQL say the same of this row."""
    row = await insert(connection, case.row)
    seen = msgspec.structs.replace(row, **case.seen)
    before = columns_of(row)
    allowed = move.allows(before, columns_of(seen))
    made, after, topics = await outcome(connection, move, seen)
    assert made == allowed, f"{move.name}: the table says {allowed}, PostgreSQL {made}, for {case}"
    expected = move.applied(before, given_to(move)) if allowed else before
    assert after == expected, f"{move.name} of {case}"
    assert sorted(topics) == (sorted(move.events) if allowed else []), f"{move.name} of {case}"
    return made


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.name)
async def test_a_move_is_made_from_exactly_the_states_of_the_table(database: Database, move: Move) -> None:
    made = refused = 0
    with pytest.raises(UndoneError):
        async with database.transaction() as connection:
            for case in cases(move):
                if await agree(connection, move, case):
                    made += 1
                else:
                    refused += 1
            raise UndoneError
    print(f"{move.name}: made {made}, refused {refused}")
    assert made
    assert refused


@given(
    move=st.sampled_from(MOVES),
    row=st.fixed_dictionaries({column: st.sampled_from(values) for column, values in DOMAIN.items()}),
    seen=st.fixed_dictionaries({}, optional={c: st.sampled_from(DOMAIN[c]) for c in SEEN_OTHERWISE}),
)
@settings(max_examples=150)
def test_columns_that_a_move_does_not_name_change_nothing(dsn: str, shared: str, move: Move, row, seen) -> None:
    async def run() -> None:
        async with Database(dsn, shared, size=1) as database:
            with pytest.raises(UndoneError):
                async with database.transaction() as connection:
                    await agree(connection, move, Case(row, seen))
                    raise UndoneError

    asyncio.run(run())


@pytest.fixture(scope="module")
def shared(dsn: str) -> str:
    from workers.database.schema import upgrade

    upgrade(dsn, "fate_shared")
    return "fate_shared"


async def test_a_refusal_says_what_was_expected_and_what_was_found(database: Database) -> None:
    async with database.connection() as connection:
        row = await insert(connection, {"standing": Standing.QUARANTINED, "attempt": 3, "disposal": "committed"})
    seen = msgspec.structs.replace(row, attempt=2)
    with pytest.raises(MoveRefused) as refusal:
        await make(database, SECURE, seen, events=events_of(SECURE, row.clip_id), given=given_to(SECURE))
    said = str(refusal.value)
    for part in (row.clip_id, "cannot secure", "registered", "attempt still 2", "quarantined, attempt 3", "committed"):
        assert part in said


async def test_a_move_of_a_clip_that_is_not_there_says_so(database: Database) -> None:
    async with database.connection() as connection:
        row = await insert(connection, {})
    gone = msgspec.structs.replace(row, clip_id="clip-nowhere")
    with pytest.raises(MoveRefused, match=r"clip-nowhere.*the row is missing"):
        await make(database, SECURE, gone, events=events_of(SECURE, "clip-nowhere"), given=given_to(SECURE))


async def test_a_move_without_its_event_or_with_another_is_a_defect(database: Database) -> None:
    async with database.connection() as connection:
        row = await insert(connection, {"standing": Standing.SECURED, "stored_version": "v1"})
        for events, values in (
            ([], given_to(VERIFY)),
            (events_of(SECURE, row.clip_id), given_to(VERIFY)),
            (events_of(VERIFY, row.clip_id), {}),
            (events_of(VERIFY, row.clip_id), given_to(VERIFY) | {"receipt": None}),
        ):
            with pytest.raises(AssertionError):
                await make_on(connection, VERIFY, row, events=events, given=values)
        assert await told(connection, row.clip_id) == []


async def test_a_move_may_be_told_in_the_urgent_lane(database: Database) -> None:
    async with database.connection() as connection:
        row = await insert(connection, {"urgent": True})
        events = [msgspec.structs.replace(e, topic=f"{e.topic}.urgent") for e in events_of(SECURE, row.clip_id)]
        await make_on(connection, SECURE, row, events=events, given=given_to(SECURE))
        assert await told(connection, row.clip_id) == ["clips.secured.urgent"]


async def test_the_events_of_one_move_are_told_in_its_order(database: Database) -> None:
    async with database.connection() as connection:
        for move in MOVES:
            if len(move.events) > 1:
                row = await insert(connection, {"standing": move.when["standing"][0], "stored_version": "v1"})
                await make_on(connection, move, row, events=events_of(move, row.clip_id), given=given_to(move))
                assert await told(connection, row.clip_id) == list(move.events)


async def test_a_receipt_is_given_once(database: Database) -> None:
    async with database.connection() as connection:
        row = await insert(connection, {"standing": Standing.VERIFIED, "verified_version": "v1"})
        await make_on(connection, RELEASE, row, events=events_of(RELEASE, row.clip_id), given=given_to(RELEASE))
        with pytest.raises(MoveRefused):
            await make_on(connection, RELEASE, row, events=events_of(RELEASE, row.clip_id), given=given_to(RELEASE))
        assert await told(connection, row.clip_id) == ["clips.released"]
