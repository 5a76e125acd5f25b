"""A hold for a panel ends by itself, at the moment that was signed with the draw; no other hold does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from typing import cast

import msgspec
import pytest
from msgspec.structs import replace

from streams.scrutiny import end_what_is_due
from tests.scrutiny.scrutinised import PLACE, Scrutinised
from workers.custody.entry import Entry
from workers.errors import PolicyInvalid, Refused
from workers.keys.signing import Signed
from workers.keys.statements import PURPOSES, now_iso
from workers.prosecution.disclosure.times import LONDON
from workers.retention.facts import HoldReason
from workers.retention.hold_queries import ends
from workers.retention.own_end import OWN_END_MOST, own_end
from workers.retention.past import Told
from workers.retention.policy import parse
from workers.retention.restoring import holds_of
from workers.retention.restoring_shared import _lifted
from workers.retention.scopes import check, find_hold
from workers.retention.self_ending import AFTER, MEETS
from workers.retention.statements import HoldRequest
from workers.scrutiny.holding import complaint_hold
from workers.scrutiny.statements import ComplaintOpened

DEMO = (files("workers.retention") / "shipped" / "demo.toml").read_text()
COMPLAINT = ComplaintOpened("CO/00123/26", HoldReason.COMPLAINT, restricted=False)
AT = "2026-03-05T09:00:00+00:00"
NOW = datetime.fromisoformat(AT)
HOLD = HoldRequest(
    hold_id="hold-" + "a" * 32, scope="incident", reason=HoldReason.SCRUTINY, by="ADMIN", at=AT, incident="INC-1",
    latest_end="2026-08-01T00:00:00+00:00",
)  # fmt: skip
END = datetime(2026, 8, 1, tzinfo=UTC)


async def asked_for(scrutinised: Scrutinised) -> list[HoldRequest]:
    """The holds that went with the draws, as they were signed."""
    told = await scrutinised.outbox("holds.requested")
    return [msgspec.json.decode(one["request"]["body"], type=HoldRequest) for one in told]


def body(hold: HoldRequest) -> str:
    return msgspec.json.encode(hold).decode()


async def test_the_end_counts_from_the_day_on_which_the_panel_meets(scrutinised: Scrutinised) -> None:
    await scrutinised.on_record(4)
    await scrutinised.fixed()
    before = datetime.now(UTC)
    _, _, answer = await scrutinised.draw("one", 2)
    assert answer.verdict == "done", answer
    for hold in await asked_for(scrutinised):
        end = own_end(body(hold))
        assert end is not None and timedelta(0) <= end - before - MEETS - AFTER < timedelta(minutes=5), "two quarters"
    day = datetime.now(LONDON).date() + timedelta(days=10)
    _, _, named = await scrutinised.draw("two", 2, changed=lambda deed: replace(deed, meets=day.isoformat()))
    assert named.verdict == "done", named
    *_, newest = await asked_for(scrutinised)
    assert own_end(body(newest)) == datetime.combine(day + timedelta(days=1), datetime.min.time(), LONDON) + AFTER


@pytest.mark.parametrize("change", ["longer", "never", "another day"])
async def test_a_draw_whose_holds_end_otherwise_is_refused(scrutinised: Scrutinised, change: str) -> None:
    await scrutinised.on_record(3)
    await scrutinised.fixed()
    later = (datetime.now(UTC) + timedelta(days=400)).isoformat()

    def held(holds: list[HoldRequest]) -> list[HoldRequest]:
        return [replace(hold, latest_end=None if change == "never" else later) for hold in holds]

    if change == "another day":
        past = (date.today() - timedelta(days=40)).isoformat()
        with pytest.raises(Refused, match="expected a day from that of the draw on"):
            await scrutinised.draw("x", 2, changed=lambda deed: replace(deed, meets=past))
        return
    _, _, answer = await scrutinised.draw("x", 2, held=held)
    assert answer.verdict == "refused" and "and the policy as they are now" in answer.says, answer


async def test_it_ends_then_once_and_is_told_and_no_other_hold_does(scrutinised: Scrutinised) -> None:
    kept = complaint_hold("complaint-1", COMPLAINT, PLACE, by="ADMIN", at=AT)
    manual = replace(HOLD, hold_id="hold-" + "b" * 32, reason=HoldReason.MANUAL, latest_end=None)
    by_hand = replace(HOLD, hold_id="hold-" + "c" * 32, latest_end=None)
    for hold in (HOLD, kept, manual, by_hand):
        await scrutinised.stands(hold)
    assert await end_what_is_due(scrutinised.database, END - timedelta(microseconds=1)) == []
    assert await end_what_is_due(scrutinised.database, END) == [HOLD.hold_id]
    assert await end_what_is_due(scrutinised.database, END) == [], "once"
    [told] = await scrutinised.outbox("holds.standing-lifted")
    assert (told["hold_id"], told["hold_reason"], told["lifts"]) == (HOLD.hold_id, "scrutiny", [])
    far = NOW + OWN_END_MOST
    assert await end_what_is_due(scrutinised.database, far) == [by_hand.hold_id], "not for ever"
    assert await end_what_is_due(scrutinised.database, far + timedelta(days=9999)) == []
    async with scrutinised.database.connection() as connection:
        standing = [await find_hold(connection, one.hold_id) for one in (kept, manual)]
    assert all(one is not None and one.lifted_at is None for one in standing)


async def test_people_may_be_first(scrutinised: Scrutinised) -> None:
    await scrutinised.stands(HOLD)
    await scrutinised.database.execute("UPDATE holds SET lifted_at = %s, lifted_by = '{ADMIN,BOB}'", (NOW,))
    assert await end_what_is_due(scrutinised.database, END) == []


def test_only_scrutiny_ends_by_itself_and_within_two_years() -> None:
    signed = Signed(body(HOLD), "", "")
    assert ends(check(HOLD, signed), NOW) == "ends by itself 2026-08-01 00:00 UTC"
    for reason in HoldReason:
        if reason in (HoldReason.SCRUTINY, HoldReason.SAME_INCIDENT, HoldReason.RESTORED):
            continue
        with pytest.raises(Refused, match="is lifted by people"):
            check(replace(HOLD, reason=reason), signed)
        assert own_end(body(replace(HOLD, reason=reason))) is None
    for end in (AT, (NOW + OWN_END_MOST + timedelta(seconds=1)).isoformat()):
        with pytest.raises(Refused, match="expected within two years"):
            check(replace(HOLD, latest_end=end), signed)
    assert own_end("") is None, "what a rebuild found without its request is lifted by people"


def test_the_policy_says_how_long_after() -> None:
    assert str(parse(DEMO, 1).holds[HoldReason.SCRUTINY].ends) == "92 days"
    for wrong, says in (('"never"', "at most a year"), ('"3 years"', "at most a year"), ('"soon"', "soon")):
        with pytest.raises(PolicyInvalid, match=says):
            parse(DEMO.replace('ends = "92 days"', f"ends = {wrong}"), 1)
    with pytest.raises(PolicyInvalid, match="people lift such a hold"):
        parse(DEMO.replace("[hold.manual]\n", '[hold.manual]\nends = "9 days"\n'), 1)


async def test_a_rebuild_believes_an_end_that_was_signed_and_no_other(scrutinised: Scrutinised) -> None:
    admin = scrutinised.force.people["ADMIN"]
    keys = {admin.enrolment().id: admin.enrolment()}

    def told(kind: str, at: datetime, hold: HoldRequest) -> Told:
        signed = msgspec.to_builtins(admin.sign(PURPOSES[HoldRequest], hold))
        content = {"hold_id": hold.hold_id, "hold_reason": hold.reason.value, "request": signed, "lifts": []}
        return Told(at, kind, cast(Entry, None), content)  # its header is not looked at

    over = replace(HOLD, latest_end="2026-03-20T00:00:00+00:00")
    then = datetime(2026, 3, 20, tzinfo=UTC)
    conduct = replace(over, reason=HoldReason.CONDUCT, latest_end=None)
    ahead = replace(HOLD, at=now_iso(), latest_end=(datetime.now(UTC) + timedelta(days=50)).isoformat())
    for hold, at, stands in (
        (over, then, False),
        (over, then - timedelta(seconds=1), True),
        (conduct, then, True),
        (ahead, datetime.now(UTC) + timedelta(days=60), True),
    ):
        history = [told("holds.accepted", NOW, hold), told("holds.lifted", at, hold)]
        assert bool(holds_of(history, keys)) is stands, (hold, at)
    assert holds_of([told("holds.accepted", NOW, over), told("holds.lifted", then, over)], {}), "nobody known signed it"
    await scrutinised.stands(over)
    for at, lifted in ((then - timedelta(seconds=1), False), (then, True)):
        async with scrutinised.database.transaction() as connection:
            await _lifted(connection, told("holds.standing-lifted", at, over), keys)
            found = await find_hold(connection, over.hold_id)
        assert found is not None and (found.lifted_at is not None) is lifted
