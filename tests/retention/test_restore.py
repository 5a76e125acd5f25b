"""What is in the bin comes out of it for a reason that keeps it out."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.retention.desk import Desk, done, refused
from workers.errors import MoveRefused
from workers.fate.moves import COMMIT
from workers.fate.outbox import Event
from workers.fate.row import make
from workers.keys.statements import now_iso
from workers.retention.facts import NotBefore
from workers.retention.statements import Restoration

LATER = datetime.now(UTC).date() + timedelta(days=200)


@pytest.fixture
async def office(desk: Desk) -> Desk:
    """Surrey's policy."""
    done(await desk.adopt(), "policy 1")
    return desk


def restoration(clip: str, day: object = LATER) -> Restoration:
    return Restoration(clip, str(day), "the officer is on leave", "BAKER", now_iso())


async def binned(office: Desk) -> str:
    clip = await office.clip()
    await office.intend(clip)
    return clip


async def test_a_clip_comes_out_of_the_bin_and_stays_until_that_day(office: Desk) -> None:
    clip = await binned(office)
    done(await office.ask(restoration(clip)), "out of the bin", f"not before {LATER}", "kept until")
    fate = await office.fate(clip)
    assert (fate.disposal, fate.intended_at, fate.intent, fate.dispose_from) == (None, None, None, None)
    [fact] = fate.facts
    assert isinstance(fact, NotBefore) and (fact.day, fact.by) == (LATER, "BAKER")
    planned = await office.planned(clip)
    assert planned is not None
    assert planned["dispose_from"].date() >= LATER - timedelta(days=1)
    assert planned["exception"] is not None and str(LATER) in planned["exception"]
    [told] = await office.told("disposals.cancelled")
    assert told["reason"] == "the officer is on leave" and told["restoration"] is not None


async def test_only_what_is_in_the_bin_is_restored(office: Desk) -> None:
    clip = await office.clip()
    refused(await office.ask(restoration(clip)), "is not in the bin")
    await office.intend(clip)
    done(await office.ask(restoration(clip)))
    refused(await office.ask(restoration(clip)), "is not in the bin")


@pytest.mark.parametrize("day", [datetime.now(UTC).date(), date(2020, 1, 1), date(9000, 1, 1), "soon", "2027-02-30"])
async def test_a_day_that_protects_nothing_is_refused(office: Desk, day: object) -> None:
    clip = await binned(office)
    refused(await office.ask(restoration(clip, day)), "not before")
    assert (await office.fate(clip)).disposal == "intended"


async def test_what_is_committed_is_not_restored(office: Desk) -> None:
    clip = await binned(office)
    await office.database.execute("UPDATE clip_fate SET disposal = 'committed' WHERE clip_id = %s", (clip,))
    refused(await office.ask(restoration(clip)), "is being disposed of", "bwv explain")


async def test_a_restore_beside_the_commit_has_one_winner(office: Desk) -> None:
    """Either it is out of the bin, or it was committed before; the answer says which."""
    won = {"restored": 0, "committed": 0}
    for number in range(30):
        clip = await binned(office)
        seen = await office.fate(clip)
        event = Event("disposals.committed", clip, f"evt-commit-{number}", clip, "sweep", b"{}")
        answer, committed = await asyncio.gather(
            office.ask(restoration(clip)),
            make(office.database, COMMIT, seen, events=[event]),
            return_exceptions=True,
        )
        assert not isinstance(answer, BaseException), answer
        fate = await office.fate(clip)
        if isinstance(committed, MoveRefused):
            assert (answer.verdict, fate.disposal) == ("done", None)
            won["restored"] += 1
        else:
            assert committed is None
            assert (answer.verdict, fate.disposal) == ("refused", "committed")
            won["committed"] += 1
    print(won)
    assert sum(won.values()) == 30
