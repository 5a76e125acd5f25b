"""Complaints as the stage decides them, over a real database: their holds, their steps, and whom they concern."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from tests.scrutiny.scrutinised import COMPLAINT, PLACE, Scrutinised, refused
from workers.errors import Refused
from workers.keys.statements import now_iso
from workers.prosecution.disclosure.times import LONDON
from workers.retention.lifting import COMPLAINTS, ask_to_lift, set_ends
from workers.retention.scopes import find_hold
from workers.retention.statements import HoldLift
from workers.scrutiny.holding import complaint_hold
from workers.scrutiny.rows import complaint_for, list_complaints
from workers.scrutiny.statements import OutcomeSent, ReviewApplied


async def test_a_complaint_from_its_hold_to_its_end(scrutinised: Scrutinised) -> None:
    about, answer = await scrutinised.complain(COMPLAINT, PLACE)
    assert answer.verdict == "done" and "no outcome was sent yet" in answer.says
    _, same = await scrutinised.complain(COMPLAINT, PLACE)
    assert same.verdict == "done" and same.details is not None and same.details["version"] == 1
    [asked] = await scrutinised.outbox("holds.requested")
    wider = PLACE | {"place": {"latitude": 51.5, "longitude": -0.1, "metres": 500.0}}
    foreign = complaint_hold("complaint-of-another", COMPLAINT, wider, by="ADMIN", at=now_iso())
    wrong = await scrutinised.give(about, COMPLAINT, holds=(scrutinised.force.sign(foreign),))
    refused(wrong, "is not one of the complaint")
    today = datetime.now(LONDON).date()
    refused(await scrutinised.give(about, OutcomeSent((today + timedelta(days=2)).isoformat())), "in the future")
    sent = await scrutinised.give(about, OutcomeSent(today.isoformat()))
    assert sent.verdict == "done" and "28 days from the day after" in sent.says
    await scrutinised.give(about, ReviewApplied(today.isoformat()))
    ends = await scrutinised.outbox("complaints.end-set")
    assert [end["holds"] for end in ends] == [[asked["hold_id"]]] * 2 and ends[1]["earliest_end"] is None
    until = datetime.fromisoformat(ends[0]["earliest_end"])
    assert (until.date() - today).days == 29 and until.strftime("%H:%M") == "00:00"


async def test_a_complaints_hold_ends_by_its_outcome_alone_and_by_two_people(scrutinised: Scrutinised) -> None:
    hold = complaint_hold("complaint-1", COMPLAINT, PLACE, by="ADMIN", at="2026-03-05T09:00:00Z")
    await scrutinised.stands(hold)
    now = datetime(2026, 4, 1, tzinfo=UTC)

    async def lifted(by: str, at: datetime) -> bool:
        lift = HoldLift(hold.hold_id, "over", by, now_iso())
        async with scrutinised.database.transaction() as connection:
            await ask_to_lift(connection, lift, scrutinised.force.sign(lift, by), at)
            found = await find_hold(connection, hold.hold_id)
        return found is not None and found.lifted_at is not None

    with pytest.raises(Refused, match="belongs to the complaint CO/00123/26"):
        await lifted("ADMIN", now)
    async with scrutinised.database.transaction() as connection:
        await set_ends(connection, [hold.hold_id], 9, datetime(2026, 3, 6, tzinfo=UTC))
    with pytest.raises(Refused, match="belongs to the complaint"):
        await lifted("ADMIN", now)  # a case that names another's hold moves nothing
    async with scrutinised.database.transaction() as connection:
        await set_ends(connection, [hold.hold_id], 2, datetime(2026, 3, 30, tzinfo=UTC), of=COMPLAINTS)
    with pytest.raises(Refused, match="ends no sooner than 2026-03-30"):
        await lifted("ADMIN", datetime(2026, 3, 29, 23, 59, tzinfo=UTC))
    assert not await lifted("ADMIN", now)
    assert await lifted("PC-4711", now)


async def test_what_people_lifted_is_held_again_and_not_said_to_be_held(scrutinised: Scrutinised) -> None:
    about, _ = await scrutinised.complain(COMPLAINT, PLACE)
    first = complaint_hold(about, COMPLAINT, PLACE, by="ADMIN", at=now_iso())
    await scrutinised.stands(first)
    _, same = await scrutinised.complain(COMPLAINT, PLACE)
    assert "holds this already" in same.says
    await scrutinised.database.execute("UPDATE holds SET lifted_at = now()")
    _, stale = await scrutinised.complain(COMPLAINT, PLACE)
    refused(stale, "is not one of the complaint")
    anew = complaint_hold(about, COMPLAINT, PLACE, by="ADMIN", at=now_iso(), lifted={first.hold_id})
    answer = await scrutinised.give(about, COMPLAINT, at=anew.at, holds=(scrutinised.force.sign(anew),))
    assert answer.verdict == "done" and answer.details is not None, answer
    assert answer.details["holds"] == [first.hold_id, anew.hold_id]
    assert [asked["hold_id"] for asked in await scrutinised.outbox("holds.requested")] == [first.hold_id, anew.hold_id]


async def test_whoever_it_concerns_takes_no_step_of_it_and_lifts_nothing(scrutinised: Scrutinised) -> None:
    day = {"since": PLACE["since"], "until": PLACE["until"]}
    secret = replace(COMPLAINT, restricted=True)
    about, _ = await scrutinised.complain(secret, {"scope": "officer", "officers": ["PC-4711"]} | day)
    hold = complaint_hold(about, secret, {"scope": "officer", "officers": ["PC-4711"]} | day, by="ADMIN", at=now_iso())
    await scrutinised.stands(hold)
    today = datetime.now(LONDON).date().isoformat()
    theirs, nobodys = [await scrutinised.give(name, OutcomeSent(today), "PC-4711") for name in (about, "complaint-x")]
    refused(theirs, "there is no complaint")
    assert theirs.says.replace(about, "") == nobodys.says.replace("complaint-x", ""), "trying tells nothing"
    async with scrutinised.database.connection() as connection:
        found = [
            (await complaint_for(connection, about, reader), await list_complaints(connection, reader))
            for reader in ("ADMIN", "PC-4711")
        ]
    assert found[0][0] is not None and found[0][1] == [found[0][0]] and found[1] == (None, [])

    async def wish(by: str, at: datetime) -> str:
        lift = HoldLift(hold.hold_id, "over", by, now_iso())
        async with scrutinised.database.transaction() as connection:
            try:
                await ask_to_lift(connection, lift, scrutinised.force.sign(lift, by), at)
            except Refused as said:
                return str(said)
        return ""

    now = datetime.now(UTC)
    early = await wish("PC-4711", now)
    async with scrutinised.database.transaction() as connection:
        await set_ends(connection, [hold.hold_id], 2, now, of=COMPLAINTS)
    late = now + timedelta(days=1)
    assert await wish("PC-4711", late) == early != "", "nor when its time is over"
    assert await wish("ADMIN", late) == ""
    assert await wish("PC-4711", late) == early
    await scrutinised.database.execute("UPDATE holds SET restricted = false")
    assert "by others than whoever it concerns" in await wish("PC-4711", late)
    [row] = await scrutinised.rows("holds")
    assert row["lifted_at"] is None
