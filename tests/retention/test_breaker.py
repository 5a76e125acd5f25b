"""A sweep stands still while records may be incomplete, and asks a person when more is due than usual; once each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.retention.swept import Due
from workers.keys.signing import Role, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.operations.statement import Amount, CustodyHead, Looked, Reconciliation
from workers.retention import breaker
from workers.retention.breaker import Cause
from workers.retention.sweeping import Swept

SMALL = ("floor = 50", "floor = 3")
RECONCILER = Signer.new(Role.SERVICE, "reconcile")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "PATIENCE", 0.5)


def cause(swept: Swept) -> Cause | None:
    return swept.stopped.cause if swept.stopped else None


async def causes(due: Due) -> list[tuple[str | None, str]]:
    return [(row["cause"], row["state"]) for row in await due.sweeps()]


# -- records that may be incomplete --------------------------------------------------------------------------------


async def test_a_catalogue_that_lacks_clips_stops_the_sweep_and_is_told_once(due: Due) -> None:
    clips = [await due.clip(stored=False) for _ in range(3)]
    await due.database.execute("DELETE FROM clips WHERE clip_id = %s", (clips[0],))
    for _ in range(3):
        assert cause(await due.round()) is Cause.CATALOGUE
    [told] = await due.told("sweeps.stopped")
    assert "the catalogue has 2 clips and there are 3 rows" in told["reason"]
    assert (told["due"], told["policy"]) == (3, 1)
    assert await causes(due) == [("catalogue", "refused")]
    assert await due.disposals(*clips) == [None] * 3
    await due.database.execute("INSERT INTO clips (clip_id) VALUES (%s)", (clips[0],))
    assert (await due.round()).intended == 3
    assert await causes(due) == [("catalogue", "done"), (None, "done")]


async def test_an_empty_catalogue_stops_the_sweep(due: Due) -> None:
    await due.clip(stored=False)
    await due.database.execute("DELETE FROM clips")
    assert cause(await due.round()) is Cause.CATALOGUE


async def test_what_was_decided_before_the_round_must_be_published(due: Due) -> None:
    clip = await due.clip(stored=False)
    await due.relayed()
    await due.database.execute(
        "INSERT INTO outbox (topic, key, event_id, subject, source, body)"
        " VALUES ('holds.accepted', 'k', 'evt-1', 'k', 'holds', '{}')"
    )
    swept = await due.sweep().round()
    assert cause(swept) is Cause.RECORD
    assert swept.stopped is not None and "1 events decided before" in swept.stopped.says
    assert await due.disposals(clip) == [None]


async def test_what_is_published_must_be_on_record_and_is_waited_for(due: Due, monkeypatch: pytest.MonkeyPatch) -> None:
    await due.clip(stored=False)
    due.ends = {("clips.registered", 0): 10, ("holds.accepted", 0): 3, ("clips.wiped", 0): 0}
    offsets = "INSERT INTO record_offsets (topic, partition, next_offset) VALUES (%s, 0, %s)"
    await due.database.execute(offsets, ("clips.registered", 9))
    swept = await due.round()
    assert cause(swept) is Cause.RECORD
    assert swept.stopped is not None and "4 published events are not on record" in swept.stopped.says
    monkeypatch.setattr(breaker, "PATIENCE", 30.0)
    await due.relayed()
    going = asyncio.create_task(due.sweep().round())
    await due.database.execute("UPDATE record_offsets SET next_offset = 10")
    await due.database.execute(offsets, ("holds.accepted", 3))
    assert (await going).intended == 1


async def test_the_ends_are_read_after_what_is_older_was_published(due: Due, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that the relay publishes while the sweep looks lies before the ends that it compares with."""
    monkeypatch.setattr(breaker, "PATIENCE", 30.0)
    await due.clip(stored=False)
    await due.relayed()
    await due.database.execute(
        "INSERT INTO outbox (topic, key, event_id, subject, source, body)"
        " VALUES ('holds.accepted', 'k', 'evt-1', 'k', 'holds', '{}')"
    )
    unsent: list[int] = []

    async def ends() -> Mapping[tuple[str, int], int]:
        rows = await due.database.fetch("SELECT FROM outbox WHERE sent_at IS NULL")
        unsent.append(len(rows))
        return {}

    going = asyncio.create_task(due.sweep(ends=ends).round())
    await asyncio.sleep(0)
    await due.relayed()
    assert (await going).intended == 1
    assert unsent == [0]


# -- after a rebuild -----------------------------------------------------------------------------------------------


def statement(due: Due, signer: Signer = RECONCILER, **changes: Any) -> tuple[Any, ...]:
    nothing = Amount(1, 1)
    body = Reconciliation(
        namespace=due.namespace, store="local", day=None, dock=None, stated_at=now_iso(), by="ADMIN", sentence="",
        declared=nothing, stored=nothing, verified=nothing, wiped=nothing, lines=(), quarantined=(), unexplained=0,
        differences=(), in_flight=(), looked=Looked(True, True, True, 4, 1.0), custody=CustodyHead(1, None, None),
    )  # fmt: skip
    body = msgspec.structs.replace(body, **changes)
    signed = signer.sign(PURPOSES[Reconciliation], body)
    return (
        f"evt-{signed.signature}", body.day, body.dock, datetime.now(UTC), body.unexplained,
        msgspec.json.encode(signed).decode(),
    )  # fmt: skip


async def state(due: Due, row: tuple[Any, ...]) -> None:
    await due.database.execute(
        "INSERT INTO reconciliations (event_id, day, dock, stated_at, declared, stored, verified, unexplained,"
        " statement) VALUES (%s, %s, %s, %s, 1, 1, 1, %s, %s)",
        row,
    )


async def test_after_a_rebuild_nothing_goes_before_everything_was_reconciled_and_is_green(due: Due) -> None:
    due.reconciler = RECONCILER.enrolment()
    clip = await due.clip(stored=False)
    await state(due, statement(due))  # from before
    await due.database.execute("INSERT INTO rebuilds (sealed, size) VALUES (1, 1)")
    closely = Looked(True, True, True, 4, 1.0)
    others = {
        "from before": None,
        "by another key": statement(due, Signer.new(Role.SERVICE, "reconcile")),
        "of one dock": statement(due, dock="DOCK-01"),
        "not green": statement(due, unexplained=1),
        "of another namespace": statement(due, namespace="elsewhere"),
        "without heads": statement(due, looked=msgspec.structs.replace(closely, heads=False)),
        "without proofs": statement(due, looked=msgspec.structs.replace(closely, proofs=False)),
        "without strays": statement(due, looked=msgspec.structs.replace(closely, strays=False)),
    }
    # What the row says is not what counts: the signed body does.
    others["altered"] = (*statement(due, unexplained=2)[:4], 0, statement(due, unexplained=2)[5])
    for name, row in others.items():
        if row is not None:
            await state(due, row)
        assert cause(await due.round()) is Cause.REBUILD, name
    assert len(await due.told("sweeps.stopped")) == 1
    assert await due.disposals(clip) == [None]
    await state(due, statement(due))
    assert (await due.round()).intended == 1
    [rebuilt] = await due.database.fetch("SELECT green_at > at AS green FROM rebuilds")
    assert rebuilt["green"]


async def test_after_a_rebuild_nothing_is_committed_either(due: Due) -> None:
    clip = await due.clip()
    await due.round()
    due.later = timedelta(seconds=6)
    await due.unlocked(clip)
    await due.database.execute("INSERT INTO rebuilds (sealed, size) VALUES (1, 1)")
    assert cause(await due.round()) is Cause.REBUILD
    assert await due.disposals(clip) == ["intended"]


# -- the budget ----------------------------------------------------------------------------------------------------


async def decide(due: Due, word: str) -> str:
    """A person answers the newest question, as the retention stage writes it."""
    [row] = await due.database.fetch(
        "UPDATE sweeps SET state = %s, decided_by = 'ADMIN', decided_at = %s WHERE state = 'stopped'"
        " RETURNING sweep_id",
        (word, due.now()),
    )
    return str(row["sweep_id"])


async def test_more_than_usual_stops_the_sweep_and_asks_once(due: Due) -> None:
    await due.adopt(None, SMALL)
    clips = [await due.clip(stored=False) for _ in range(4)]
    for _ in range(3):
        swept = await due.round()
        assert (cause(swept), swept.due, swept.intended) == (Cause.BUDGET, 4, 0)
    [told], [row] = await due.told("sweeps.stopped"), await due.sweeps()
    assert (told["sweep_id"], told["due"], row["state"], row["cause"]) == (row["sweep_id"], 4, "stopped", "budget")
    assert "4 clips are due" in told["reason"] and "3 a day in any case" in told["reason"]
    assert await due.disposals(*clips) == [None] * 4


async def test_an_approval_lets_go_what_was_asked_about_and_no_more(due: Due) -> None:
    await due.adopt(None, SMALL)
    asked = [await due.clip(stored=False) for _ in range(5)]
    await due.round()
    due.later = timedelta(seconds=30)
    later = [await due.clip(stored=False) for _ in range(4)]
    await decide(due, "approved")
    swept = await due.round()
    assert (swept.due, swept.intended, cause(swept)) == (9, 5, None)
    assert await due.disposals(*asked, *later) == ["intended"] * 5 + [None] * 4
    assert cause(await due.round()) is Cause.BUDGET, "the later ones are asked about anew"
    assert await causes(due) == [("budget", "done"), ("budget", "stopped")]


async def test_what_came_since_does_not_take_the_place_of_what_was_approved(due: Due) -> None:
    await due.adopt(None, SMALL)
    asked = [await due.clip(stored=False) for _ in range(5)]
    await due.round()
    await decide(due, "approved")
    held = "UPDATE clip_fate SET hold_reasons = '{complaint/hold-1}' WHERE clip_id = %s"
    await due.database.execute(held, (asked[0],))
    due.later = timedelta(seconds=30)
    new = await due.clip(stored=False)
    assert (await due.round()).intended == 4
    assert await due.disposals(asked[0], new) == [None, None]
    assert (await due.round()).intended == 1, "one clip is within the budget"
    assert await due.disposals(asked[0], new) == [None, "intended"]


async def test_a_refusal_stands_for_a_day_and_another_policy_ends_it(due: Due) -> None:
    await due.adopt(None, SMALL)
    for _ in range(4):
        await due.clip(stored=False)
    await due.round()
    await decide(due, "refused")
    assert [cause(await due.round()) for _ in range(2)] == [Cause.BUDGET] * 2
    assert len(await due.told("sweeps.stopped")) == 1
    due.later = timedelta(hours=25)
    assert cause(await due.round()) is Cause.BUDGET
    assert len(await due.told("sweeps.stopped")) == 2
    await decide(due, "approved")
    await due.adopt(None, ("floor = 50", "floor = 2"))
    swept = await due.round()
    assert (cause(swept), swept.intended) == (Cause.BUDGET, 0), "it was approved under another policy"
    assert len(await due.told("sweeps.stopped")) == 3
    await due.adopt(None, ("floor = 50", "floor = 4"))
    assert (await due.round()).intended == 4
    assert {state for _, state in await causes(due)} == {"done"}


async def test_the_floor_of_a_day_is_used_up_and_comes_back(due: Due) -> None:
    await due.adopt(None, SMALL)
    for expected in (2, 1):
        for _ in range(expected):
            await due.clip(stored=False)
        assert (await due.round()).intended == expected
        due.later += timedelta(minutes=1)
    await due.clip(stored=False)
    swept = await due.round()
    assert cause(swept) is Cause.BUDGET and swept.stopped is not None
    assert "3 went in the last day, 3 of them in the last hour" in swept.stopped.says
    due.later += timedelta(days=1)
    assert (await due.round()).intended == 1
    assert (await causes(due))[2] == ("budget", "done"), "nobody needs to answer any more"


@pytest.mark.parametrize(("per_hour", "goes"), [(100, True), (3, False)])
async def test_a_share_of_the_mean_day_goes_unless_the_hour_is_full(due: Due, per_hour: int, goes: bool) -> None:
    await due.adopt(None, ("floor = 50", "floor = 0"), ("per_hour = 100", f"per_hour = {per_hour}"))
    clips = [await due.clip(stored=False) for _ in range(4)]
    # Sixty clips came in thirty days: two a day, and the share is twice that.
    await due.database.execute(
        "INSERT INTO schedule (clip_id, source_type, docked_at, size, policy, verdict, category, rule, held)"
        " SELECT 'clip-' || n, 'body_worn', %s, 1, 2, 'never', 'uncategorised', '', false"
        " FROM generate_series(1, 60) n",
        (due.now() - timedelta(days=3),),
    )
    swept = await due.round()
    assert swept.intended == (4 if goes else 0)
    assert await due.disposals(*clips) == ["intended" if goes else None] * 4
