"""The board's figures over rows: each number counts what it says, and its list has exactly those lines."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click
import msgspec
import pytest

from console.cli.main import cli
from tests.operations.board_rows import CASES, EXPECTED, STORED, clip, everything, moment, put
from workers.database.engine import Database
from workers.errors import RuleBroken
from workers.operations.board import pipeline
from workers.operations.board.counts import counts, totals, uncategorised
from workers.operations.board.deadlines import deadlines
from workers.operations.board.docks import missing, on_record
from workers.operations.board.listing import Cursor, only_named, page
from workers.operations.board.lists import LISTS, named
from workers.operations.board.reconciling import reconciled
from workers.retention.facts import Categorised


async def test_each_number_is_what_it_says_and_leads_to_as_many_lines(database: Database) -> None:
    nothing = await counts(database)
    assert set(msgspec.to_builtins(nothing).values()) == {0, None}
    await everything(database)
    told = msgspec.to_builtins(await counts(database))
    assert told == EXPECTED
    lines = {name: (await page(database, listing)).lines for name, listing in LISTS.items()}
    told["gaps"] = 1  # three recordings in one line
    stages = {it.stage: it.clips for it in await pipeline.waiting(database)}
    told |= {"uncategorised": await uncategorised(database), "unreleased": stages["release"]}
    stored = (await totals(database, scrub_cycle=1.0)).clips
    told |= {"unwiped": stages["dock"], "verified": stored, "unread": stored, "reconciled": 0}
    assert {name: len(found) for name, found in lines.items()} == {name: told[name] for name in LISTS}
    assert set(lines) == set(told) - {"reviews_week", "policy"}, "a number without a list, or a list without one"
    for name, found in lines.items():
        about_clips = name not in ("gaps", "rejected", "sweeps", "overdue", "answered")
        assert all((line.clip_id is not None) == about_clips and line.says for line in found), name
        assert all(line.to == f"/clips/{line.clip_id}" for line in found if about_clips), name
    assert {line.case_id for line in (*lines["overdue"], *lines["answered"])} == {CASES[0]}
    assert [line.says for line in lines["gaps"]] == ["running numbers 4 to 6: 3 recordings"]
    assert not any("complaint" in line.says for line in lines["holds"]), "the reason of a hold is not told"


async def test_the_whole_store_is_added_up_without_what_is_not_stored(database: Database) -> None:
    await everything(database)
    told = await totals(database, scrub_cycle=2 * 3600.0)
    assert (told.clips, told.bytes, told.week, told.covered) == (8, 8000, 8000, 1000)
    assert (told.leaving, told.coverage) == (3000, 0.125)
    assert await uncategorised(database) == 2
    assert told.unread is not None and told.unread > 86000


async def test_what_waits_before_each_stage_and_how_fast_it_goes(database: Database) -> None:
    await everything(database)
    stages = {it.stage: it for it in await pipeline.waiting(database)}
    assert tuple(stages) == pipeline.STAGES
    transfer = stages["transfer"]
    assert (transfer.clips, transfer.bytes, transfer.interrupted, transfer.exhausted, transfer.new) == (
        4,
        4000,
        1,
        1,
        3,
    )
    assert transfer.oldest is not None and transfer.oldest > 8 * 86400
    assert [stages[name].clips for name in ("verification", "release", "dock")] == [1, 1, 1]
    assert (await pipeline.pace(database)) == pipeline.Pace(0, 0, 0, None)
    now = datetime.now(UTC)  # not the rows' moment: the question counts from its own time
    async with database.transaction() as connection:
        for minutes in range(1, 20):
            age = minutes * 120.0 - (now - moment.now).total_seconds()
            await clip(connection, STORED, age=age, told={"verified_at": now - timedelta(minutes=minutes)})
    pace = await pipeline.pace(database)
    assert (pace.clips, pace.bytes, pace.new) == (14, 14_000, 7)
    assert pace.p95 == pytest.approx(60 * 13.35, abs=1)


async def test_a_list_is_told_in_pages_that_skip_nothing_and_repeat_nothing(database: Database) -> None:
    async with database.transaction() as connection:
        made = [await clip(connection, {"standing": "registered"}, age=600 - number // 3) for number in range(25)]
    seen: list[str | None] = []
    after: Cursor | None = None
    for _ in range(3):
        told = await page(database, named("unverified"), after, most=10)
        seen += [line.clip_id for line in told.lines]
        after = told.after
    assert after is None and sorted(filter(None, seen)) == sorted(made)
    ages = {clip_id: number // 3 for number, clip_id in enumerate(made)}
    order = [ages[clip_id] for clip_id in seen if clip_id]
    assert order == sorted(order), "the oldest first"


async def test_a_list_leaves_out_what_only_named_people_see(database: Database) -> None:
    given = (Categorised("sexual-offence", "PC-1", moment.now),)
    async with database.transaction() as at:
        usual = await clip(at, STORED)
        planned = await clip(at, STORED, plan={"category": "sexual-offence"})
        renamed = await clip(at, STORED | {"facts": given})
        named, opened = await clip(at, STORED), await clip(at, STORED)
        for number, (one, kind) in enumerate(((named, "named"), (opened, "named"), (opened, "open"))):
            await put(at, "viewings", event_id=f"v-{number}", clip_id=one, kind=kind, people=["PC-7"], reason="child",
                      person="PC-1", time=moment.now + timedelta(seconds=number))  # fmt: skip
    every = [usual, planned, renamed, named, opened]
    assert await only_named(database, every, {"sexual-offence"}, "PC-8") == {planned, renamed, named}
    assert await only_named(database, every, set(), "PC-8") == {named}
    assert await only_named(database, every, {"sexual-offence"}, "PC-7") == {planned, renamed}
    assert await only_named(database, [], {"sexual-offence"}, "PC-8") == set()


@pytest.mark.parametrize("place", ["now()", "yesterday", "2026-13-01", "'; DROP TABLE clips"])
async def test_a_place_that_nobody_gave_out_is_refused(database: Database, place: str) -> None:
    with pytest.raises(RuleBroken, match="begin at its first page"):
        await page(database, named("bin"), Cursor(place, ""))


def test_a_list_that_there_is_not_is_refused_by_name() -> None:
    with pytest.raises(RuleBroken, match="no list 'nothing'; there are unverified"):
        named("nothing")


async def test_docks_without_a_picture_are_told_from_the_record_and_say_so(database: Database) -> None:
    async with database.transaction() as connection:
        for camera, dock, bay, hours in (
            ("CAM-1", "DOCK-07", "BAY-01", 1), ("CAM-2", "DOCK-07", "BAY-01", 3), ("CAM-3", "DOCK-07", "BAY-02", 30),
            ("CAM-4", "DOCK-08", "BAY-01", 1), ("CAM-5", "DOCK-09", "BAY-01", 2),
        ):  # fmt: skip
            await put(connection, "cameras", camera=camera, docking=1, dock=dock, bay=bay,
                      docked_at=moment.now - timedelta(hours=hours))  # fmt: skip
        await clip(connection, {"standing": "registered"})
        await clip(connection, {"standing": "secured"})
        await clip(connection, {"standing": "registered", "interrupted": True, "camera": "CAM-5"})
        await put(connection, "gaps", event_id="gap-1", camera="CAM-1", docking=1, first=4, last=6, time=moment.now)
    docks = await on_record(database, ["DOCK-08"])
    assert [(dock.dock, dock.live) for dock in docks] == [("DOCK-07", False), ("DOCK-09", False)]
    [bay] = docks[0].bays
    assert (bay.camera, bay.code, bay.remaining) == ("CAM-1", "told", 2) and "2 clips on their way" in bay.sign
    assert "wait for this camera" in docks[1].bays[0].sign
    assert await missing(database) == {"CAM-1": 3}


async def test_cases_near_their_deadline_and_the_newest_reconciliation(database: Database) -> None:
    assert (await reconciled(database)).newest is None
    await everything(database)
    [due] = await deadlines(database)
    assert (due.case_id, due.submitted, due.confirmed, due.open) == (CASES[0], 5, 1, True)
    assert 2700 < due.seconds < 3601
    async with database.transaction() as connection:
        for number, hours in enumerate((30, 2)):
            stated = moment.now - timedelta(hours=hours)
            await put(connection, "reconciliations", event_id=f"r-{number}", stated_at=stated, declared=10,
                      stored=9, verified=8, unexplained=number, statement="{}")  # fmt: skip
    newest = (await reconciled(database)).newest
    assert newest is not None and (newest.unexplained, newest.declared) == (1, 10)
    assert newest.age == pytest.approx(7200, abs=900)


async def test_each_day_on_which_a_camera_was_docked_is_covered_by_a_statement_that_was_made_after_it(
    database: Database,
) -> None:
    midnight = moment.now.replace(hour=0, minute=0, second=0, microsecond=0)
    days = [midnight - timedelta(days=back) for back in range(6)]

    async def stated(number: int, at: datetime, **scope: object) -> None:
        async with database.transaction() as connection:
            await put(connection, "reconciliations", event_id=f"r-{number}", stated_at=at, declared=10, stored=10,
                      verified=10, statement="{}", **{"unexplained": 0, **scope})  # fmt: skip

    async with database.transaction() as connection:
        for number, day in enumerate((days[0], days[1], days[2], days[3], days[5], midnight - timedelta(days=40))):
            await put(connection, "dockings", camera=f"CAM-{number}", docking=1, dock="DOCK-1", bay="BAY-1",
                      docked_at=day + timedelta(hours=5), sha256="", inventory="", key="", signature="")  # fmt: skip
    found = await reconciled(database)
    assert (found.days, found.covered, found.differing) == (4, 0, 0), "neither today, nor a day without a docking"
    await stated(1, days[1] + timedelta(hours=30), day=days[1].date())
    await stated(2, days[2] + timedelta(hours=20), day=days[2].date())  # that day was not over
    await stated(3, days[3] + timedelta(hours=30), day=days[3].date(), dock="DOCK-1")  # not all of it
    found = await reconciled(database)
    assert (found.days, found.covered, found.differing) == (4, 1, 0)
    await stated(4, days[3] + timedelta(hours=25), unexplained=2)  # of everything: it covers the days before
    found = await reconciled(database)
    assert (found.days, found.covered, found.differing) == (4, 3, 2)
    lines = (await page(database, named("reconciled"))).lines
    assert [line.id for line in lines] == [f"{days[back]:%Y-%m-%d}" for back in (1, 2, 3, 5)]
    assert [line.do for line in lines] == [
        "", f"bwv reconcile --day {days[2]:%Y-%m-%d}", *(f"bwv reconcile --day {days[b]:%Y-%m-%d}" for b in (3, 5))
    ]  # fmt: skip
    assert "not reconciled yet" in lines[1].says and "2 unexplained" in lines[2].says


def test_every_command_that_mends_is_one_that_there_is() -> None:
    context = click.Context(cli)
    words = {
        command for listing in LISTS.values() for command in re.findall(r"'bwv ([a-z ]+?) ?(?:--\w+ )?'", listing.do)
    }
    assert len(words) >= 8, words
    for command in words:
        group, _, name = command.partition(" ")
        found = cli.get_command(context, group)
        assert found is not None, command
        assert not name or name in getattr(found, "commands", {}), command
