"""What people decided outlives the database: policies, facts, holds, reviews, and disposals that were committed."""

from __future__ import annotations

import msgspec

from streams import messages as m
from tests.retention.desk import DOCK, Desk, ago, done
from tests.retention.gone import Gone, envelope, service
from tests.retention.held import Held
from tests.retention.rebuilt import made_again, record, record_outbox, registered, same
from workers.fate.rebuilt import Listed
from workers.keys.signing import Role, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.retention import statements as s
from workers.retention.facts import Verdict


async def test_policies_facts_and_reviews_come_back_and_what_was_in_the_bin_does_not(desk: Desk) -> None:
    await desk.adopt()
    clips = [await desk.clip(incident=f"INC-{number}") for number in range(4)]
    clips.append(await desk.clip(docked_at=ago(days=8 * 365), incident="INC-9"))
    await desk.categorise(clips[4], "evidential")
    events = [await registered(desk.database, clip) for clip in clips]
    await record(desk.database, events)
    shown = s.Categorisation(clips[0], "evidential", "as seen", "ADMIN", now_iso(), incident="INC-0")
    done(await desk.ask(shown))
    done(await desk.ask(msgspec.structs.replace(shown, incident="INC-7")))
    await desk.categorise(clips[0], "evidential", "BAKER", confirms=True)
    corrected = s.TimeCorrection(clips[1], now_iso(ago(days=3)), "wrong clock", "ADMIN", now_iso())
    await desk.ask(corrected)
    await desk.intend(clips[2])
    await desk.ask(s.Restoration(clips[2], "2027-01-31", "asked for", "ADMIN", now_iso()))
    await desk.ask(s.EarlyDisposalRequest(clips[3], False, "private", "ADMIN", now_iso()))
    await desk.ask(s.EarlyDisposalRequest(clips[3], True, "agreed", "BAKER", now_iso()))
    due = m.ReviewDue(clips[4], now_iso(), 1, "other", "six years", ())
    await desk.database.execute(
        "INSERT INTO reviews (clip_id, due_at, policy, category, rule, opened_at) VALUES (%s, %s, 1, %s, %s, now())",
        (due.clip_id, due.due_at, due.category, due.rule),
    )
    told = m.event("reviews.due", due, key=due.clip_id, subject=due.clip_id, source="sweep", cause=(due.clip_id,))
    await record(desk.database, [told])
    done(await desk.ask(s.ReviewVerdict(clips[4], Verdict.KEEP, "still needed", "ADMIN", now_iso())))
    await desk.intend(clips[4])
    await record_outbox(desk.database)

    keys = [key.enrolment() for key in (*desk.people.values(), DOCK)]
    async with made_again(desk.database, keys) as again:
        ask = "SELECT clip_id, facts, hold_reasons FROM clip_fate ORDER BY clip_id"
        before, after = await desk.database.fetch(ask), await again.database.fetch(ask)
        assert after == before
        kinds = {fact["type"] for row in after for fact in row["facts"]}
        assert kinds == {"category", "confirmed", "incident", "time", "not-before", "early", "reviewed"}
        assert (await again.row(clips[4]))["disposal"] is None, "what was in the bin is out of it"
        await same(desk.database, again, "policies", "version, name, toml, sha256, adopted_at, adopted_by, adoption")
        await same(
            desk.database, again, "reviews", "clip_id, due_at, policy, category, rule, decided_at, verdict, decided_by"
        )
        plans = await again.database.fetch("SELECT clip_id, policy FROM schedule")
        assert len(plans) == len(clips) and {plan["policy"] for plan in plans} == {1}


async def test_what_no_known_person_signed_decides_nothing(desk: Desk) -> None:
    await desk.adopt()
    clip = await desk.clip()
    await record(desk.database, [await registered(desk.database, clip)])
    stranger = Signer.new(Role.PERSON, "ADMIN")
    said = s.Categorisation(clip, "evidential", "mine", "ADMIN", now_iso())
    forged = m.ClipCategorised(clip, "evidential", "evidential", 1, stranger.sign(PURPOSES[s.Categorisation], said))
    adopted = m.PolicyAdopted(2, "x", stranger.sign(PURPOSES[s.Adoption], desk.adoption("x = 1", 2)))
    lines = [("clips.categorised", forged, clip), ("policies.adopted", adopted, "2")]
    await record(
        desk.database, [m.event(t, told, key=key, subject=key, source="x", cause=(t,)) for t, told, key in lines]
    )
    await record_outbox(desk.database)
    async with made_again(desk.database, [key.enrolment() for key in (*desk.people.values(), DOCK)]) as again:
        assert (await again.row(clip))["facts"] == []
        assert again.counted["policies"] == 1


async def test_holds_come_back_and_a_lifted_one_that_the_vault_still_holds_is_a_hold(held: Held) -> None:
    await held.enrol("BAKER")
    clips = [await held.clip(incident="INC-1" if number < 2 else None) for number in range(4)]
    late = await held.clip(incident="INC-1", stored=False)
    single, _ = await held.ask(clip_id=clips[2])
    standing, _ = await held.ask(scope="incident", incident="INC-1", reason="conduct")
    lifted, _ = await held.ask(clip_id=clips[3], reason="manual")
    await held.lift(lifted)
    await held.lift(single, "ADMIN")  # the first of two
    await held.settle()
    events = [await registered(held.database, clip) for clip in (*clips, late)]
    await record(held.database, [*events, *held.told])

    keys = [key.enrolment() for key in (*held.people.values(), held.scene.dock)]
    listed = [Listed(clips[3], "v", held=True)]
    async with made_again(held.database, keys, listed) as again:
        await same(held.database, again, "hold_clips", "hold_id, clip_id, state")
        columns = ("hold_id, scope, reason, clip_id, incident, officers, since, until, restricted, request, placed_by,"
                   " placed_at, lift, lifted_by")  # fmt: skip
        before = {row["hold_id"]: row for row in await held.database.fetch(f"SELECT {columns} FROM holds")}
        after = {row["hold_id"]: row for row in await again.database.fetch(f"SELECT {columns} FROM holds")}
        assert {hold: after[hold] for hold in before} == before and set(before) == {single, standing, lifted}
        for clip in (*clips[:3], late):
            assert tuple((await again.row(clip))["hold_reasons"]) == (await held.fate(clip)).hold_reasons != ()
        assert (await held.fate(clips[3])).hold_reasons == ()
        [entry] = (await again.row(clips[3]))["hold_reasons"]
        assert entry.startswith("restored/hold-"), "any sign of a hold is a hold"
        assert entry.removeprefix("restored/") in after, "and two people can lift it"
        assert again.counted["held"] == 1 and again.counted["unproved"] == 0
        rows = await again.database.fetch("SELECT topic FROM outbox WHERE topic LIKE 'holds.%%'", ())
        assert [row["topic"] for row in rows] == ["holds.standing-placed"], "its clips are looked for again"


async def test_a_lift_that_too_few_signed_lifts_nothing(held: Held) -> None:
    clip = await held.clip()
    hold, _ = await held.ask(clip_id=clip)
    lift = s.HoldLift(hold, "enough", "ADMIN", now_iso())
    signed = held.people["ADMIN"].sign(PURPOSES[s.HoldLift], lift)
    forged = m.HoldLifted(clip, hold, "complaint", (signed, signed))
    told = m.event("holds.lifted", forged, key=clip, subject=clip, source="holds", cause=(hold,))
    await record(held.database, [await registered(held.database, clip), *held.told, told])
    keys = [key.enrolment() for key in (*held.people.values(), held.scene.dock)]
    async with made_again(held.database, keys) as again:
        assert (await again.row(clip))["hold_reasons"] == [f"complaint/{hold}"]
        state = await again.database.fetch_one("SELECT state FROM hold_clips")
        assert state == {"state": "active"}


async def test_a_hold_whose_request_proves_nothing_still_holds_and_can_be_lifted(held: Held) -> None:
    clip = await held.clip()
    hold, _ = await held.ask(clip_id=clip)
    await record(held.database, [await registered(held.database, clip), *held.told])
    async with made_again(held.database, [held.scene.dock.enrolment()]) as again:
        assert (await again.row(clip))["hold_reasons"] == [f"complaint/{hold}"]
        assert again.counted["unproved"] == 1
        rows = await again.database.fetch("SELECT hold_id, scope, placed_by FROM holds")
        assert rows == [{"hold_id": hold, "scope": "clip", "placed_by": "rebuild"}]


async def test_a_committed_disposal_stays_committed_and_is_told_again(gone: Gone) -> None:
    fate = await gone.stored("R1")
    message = await gone.committed(fate)
    told = m.event("disposals.committed", message, key=fate.clip_id, subject=fate.clip_id, source="sweep", cause=("c",))
    await record(gone.database, [await registered(gone.database, fate.clip_id), told])
    keys = [gone.scene.dock.enrolment(), service(gone.settings, "release").enrolment()]
    listed = [Listed(fate.clip_id, fate.verified_version)]
    async with made_again(gone.database, keys, listed) as again:
        row = await again.row(fate.clip_id)
        assert (row["disposal"], row["standing"], row["verified_version"]) == (
            "committed",
            "released",
            fate.verified_version,
        )
        assert row["intent"]["rule"] == "uncategorised" and row["lease_end"] is None
        rows = await again.database.fetch("SELECT topic, event_id FROM outbox")
        assert rows == [{"topic": "disposals.committed", "event_id": told.id}]


async def test_a_disposed_clip_comes_back_with_its_receipt_from_what_outlasted_it(gone: Gone) -> None:
    fate = await gone.stored("R1", attempts=2)
    clip, stage = fate.clip_id, gone.stage()
    message = await gone.committed(fate)
    await stage.receive(message, envelope(message))
    committed = m.event("disposals.committed", message, key=clip, subject=clip, source="sweep", cause=("c",))
    await record(gone.database, [await registered(gone.database, clip), committed])
    await record_outbox(gone.database)
    left = await gone.database.fetch("SELECT type FROM custody WHERE payload IS NOT NULL ORDER BY index")
    assert [row["type"] for row in left] == ["disposals.committed", "clips.disposed"]
    keys = [gone.scene.dock.enrolment(), service(gone.settings, "release").enrolment()]
    async with made_again(gone.database, keys, [Listed(clip, None)]) as again:
        row = await again.row(clip)
        assert (row["disposal"], row["camera_copy"], row["standing"], row["attempt"]) == (
            "done",
            "unknown",
            "released",
            2,
        )
        assert row["receipt"] == msgspec.to_builtins(fate.receipt)
        assert again.counted["again"] == 0
        assert await again.database.fetch("SELECT * FROM schedule") == []
