"""People change cases and the gateway tells of outcomes: the stages cases and holds over a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from streams.messages import CaseEndSet, CaseRequested, ClipRegistered
from tests.prosecution.office import URN, Office
from tests.retention.desk import done, refused
from tests.retention.held import TEN
from workers.database.engine import Row
from workers.errors import RuleBroken, SignatureInvalid
from workers.fate.moves import Disposal
from workers.keys.signing import Role, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.prosecution import statements as s
from workers.prosecution.cases.case_holds import case_hold
from workers.prosecution.cases.rows import cases_of_incident, cases_with_clip
from workers.prosecution.disclosure.grounds import ground
from workers.prosecution.identity import case_id
from workers.prosecution.statements import OutcomeKind

TODAY = datetime.now(UTC).date()
HOUR = timedelta(hours=1)
LONG_AGO = (TODAY - timedelta(days=300)).isoformat()


def exhibit(reference: str, clip: str, **changes: object) -> s.ExhibitAdded:
    given = {"reference": reference, "clip_id": clip, "producer": "PC 100 Smith", "description": "the arrest"}
    return msgspec.convert(given | changes, s.ExhibitAdded)


async def row_of(office: Office) -> Row:
    row = await office.database.fetch_one("SELECT * FROM cases")
    assert row is not None
    return row


async def test_a_cases_hold_covers_the_clips_of_its_incidents_docked_before_and_later(office: Office) -> None:
    before, other = await office.clip(incident="INC-1"), await office.clip(incident="INC-2", began=TEN + HOUR)
    case = await office.opened(URN, "INC-1")

    later = await office.clip(incident="INC-1", catalogued=False)
    registered = ClipRegistered(later, 1, (await office.fate(later)).report)
    await office.give("clips.registered", registered, f"evt-{later}", later)
    await office.settle()

    [hold] = case.holds
    assert await office.states(hold) == {before: "active", later: "active"}
    assert office.holds_at_store(later) == [True, True, True]
    assert (await office.fate(later)).hold_reasons == (f"case/{hold}",)
    assert not (await office.fate(other)).held
    assert (await office.hold(hold)).reference == URN


async def test_an_exhibit_of_no_incident_of_the_case_is_held_by_itself(office: Office) -> None:
    inside, outside = await office.clip(incident="INC-1"), await office.clip(incident="INC-9")
    await office.opened(URN, "INC-1")
    done(await office.change(exhibit("JS/1", inside)), "JS/1", "the whole clip")
    done(await office.change(exhibit("JS/2", outside, start=1.5, end=65)), "0:00:01.500–0:01:05", "1 hold placed")
    case = await office.known()
    assert len(case.holds) == 2
    assert await office.states(case.holds[1]) == {outside: "active"}
    async with office.database.connection() as connection:
        assert [one.urn for one in await cases_with_clip(connection, outside)] == [URN]
        assert [one.urn for one in await cases_of_incident(connection, "INC-1")] == [URN]
        assert await cases_of_incident(connection, "INC-9") == []
    refused(await office.change(exhibit("JS/3", await office.clip()), holds=()), "nothing would keep it")


async def test_a_reference_that_is_taken_names_both_exhibits_and_the_next_free(office: Office) -> None:
    one, two = await office.clip(incident="INC-1"), await office.clip(incident="INC-1")
    await office.opened(URN, "INC-1")
    await office.change(exhibit("JS/1", one))
    again = await office.change(exhibit("js / 01", two, producer="PC 200"))
    refused(again, "JS/1", one, "PC 100 Smith", two, "PC 200", "JS/2", "ADMIN")
    done(await office.change(s.ExhibitWithdrawn("js/1")))
    refused(await office.change(exhibit("JS/1", two)), "withdrawn since", "JS/2")
    done(await office.change(exhibit("JS/2", two)))
    rows = await office.database.fetch("SELECT plain, clip_id, withdrawn FROM exhibits ORDER BY plain")
    assert [(row["plain"], row["clip_id"], row["withdrawn"]) for row in rows] == [
        ("JS/1", one, True),
        ("JS/2", two, False),
    ]


async def test_an_exhibit_needs_a_clip_that_is_there_and_long_enough(office: Office) -> None:
    clip = await office.clip(incident="INC-1", minutes=5)
    gone = await office.clip(incident="INC-1")
    await office.opened(URN, "INC-1")
    await office.disposal(gone, Disposal.COMMITTED)
    refused(await office.change(exhibit("JS/1", gone)), gone, "cannot be undone")
    refused(await office.change(exhibit("JS/1", "clip-" + "a" * 32), holds=()), "there is no clip")
    refused(await office.change(exhibit("JS/1", clip, start=10, end=302)), "ends at 302 s", "301 s long")
    await office.database.execute("UPDATE clips SET probe = '{\"duration\": 299.5}' WHERE clip_id = %s", (clip,))
    refused(await office.change(exhibit("JS/1", clip, start=10, end=300)), "299.5 s long by ffprobe")
    done(await office.change(exhibit("JS/1", clip, start=10, end=299.5)))
    refused(await office.change(exhibit("JS/2", clip, redaction="[[blur]]\nx = 1")), "redaction file")
    apart = await office.clip(incident="INC-1", stored=False)
    await office.store(apart, b"x", b"y", standing="quarantined")
    refused(await office.change(exhibit("JS/2", apart)), "quarantine")


async def test_outcomes_move_the_end_of_the_cases_holds_and_nobody_lifts_them_before(office: Office) -> None:
    clip = await office.clip(incident="INC-1")
    case = await office.opened(URN, "INC-1")
    [hold] = case.holds
    refused(await office.lift(hold), URN, "no outcome says yet")
    refused(await office.change(s.CaseReviewed()), "nothing says yet when")

    await office.outcome(OutcomeKind.CHARGE, LONG_AGO)
    done(await office.outcome(OutcomeKind.CONVICTION, LONG_AGO), "recorded")
    sentenced = await office.outcome(OutcomeKind.SENTENCE, LONG_AGO)
    done(sentenced, "kept at least to")
    told = [event for event in office.told if event.topic == "cases.end-set"]
    assert len(told) == 1, "only what moves the end is told"
    end_set = msgspec.json.decode(told[0].body, type=CaseEndSet)
    assert end_set.holds == (hold,) and "CPIA Code 5.9" in end_set.reasons[0]
    assert end_set.earliest_end is not None and (await office.hold(hold)).earliest_end == datetime.fromisoformat(
        end_set.earliest_end
    )
    late = await office.change(s.OffenceAdded("D1", s.Offence("O2", "obstruction")))
    done(late, "nothing says yet until when")
    assert (await office.ends(hold)).startswith("9000-01-01")
    tomorrow = TODAY + timedelta(days=1)  # today may be over by now
    await office.outcome(OutcomeKind.DISCONTINUED, tomorrow.isoformat(), offence="O2")
    refused(await office.lift(hold), "ends no sooner")

    old = CaseEndSet(case.case_id, URN, 1, (hold,), "2020-01-01T00:00:00+00:00", ())
    await office.give("cases.end-set", old, "evt-old", case.case_id)
    assert not (await office.ends(hold)).startswith("2020"), "an older version changes nothing"
    assert (await office.fate(clip)).held


async def test_a_hold_that_is_placed_after_its_end_was_set_ends_then(office: Office) -> None:
    clip = await office.clip(incident="INC-1")
    case = await office.opened(URN, "INC-1", by="ADMIN")
    await office.outcome(OutcomeKind.NO_FURTHER_ACTION, LONG_AGO)
    done(await office.change(exhibit("JS/1", await office.clip()), settle=False), "1 hold placed")
    late = (await office.known()).holds[1]
    rows = await office.database.fetch("SELECT body FROM outbox WHERE topic = 'cases.end-set' ORDER BY id DESC LIMIT 1")
    end_set = msgspec.json.decode(rows[0]["body"], type=CaseEndSet)
    assert end_set.holds == (case.holds[0], late)
    await office.give("cases.end-set", end_set, "evt-first", case.case_id)
    await office.settle()
    assert (await office.ends(late)) == (await office.ends(case.holds[0])) != ""
    assert not (await office.ends(late)).startswith("9000")
    assert (await office.fate(clip)).held


async def test_a_review_closes_the_case_and_one_person_lifts_its_holds(office: Office) -> None:
    clip = await office.clip(incident="INC-1")
    case = await office.opened(URN, "INC-1")
    await office.outcome(OutcomeKind.OUT_OF_COURT, LONG_AGO)
    assert await office.cases.tell_of_reviews() == 1 and await office.cases.tell_of_reviews() == 0
    await office.settle()
    assert [event.key for event in office.told if event.topic == "cases.review-due"] == [case.case_id]
    assert (await office.fate(clip)).held, "no timer lifts a hold"

    later = (TODAY + timedelta(days=90)).isoformat()
    done(await office.change(s.CaseReviewed(keep_until=later)), "kept")
    assert await office.cases.tell_of_reviews() == 0
    done(await office.change(s.CaseReviewed()), "closed", "1 holds")
    fate = await office.fate(clip)
    assert not fate.held and fate.hold_reasons == ()
    row = await row_of(office)
    assert row["closed_at"] is not None and row["review_from"] is None
    refused(await office.change(s.Amended(title="x")), "was closed at")

    done(await office.outcome(OutcomeKind.APPEAL_OPENED, TODAY.isoformat()), "add its incidents to hold them again")
    assert (await office.known()).closed_at is None
    done(await office.change(s.IncidentAdded("INC-1")), "1 hold placed")
    assert (await office.fate(clip)).held
    refused(await office.change(s.IncidentAdded("INC-1")), "already")


async def test_the_gateways_service_tells_of_outcomes_and_of_nothing_else(office: Office) -> None:
    await office.opened(URN)
    done(await office.outcome(OutcomeKind.CHARGE, LONG_AGO, by="receipts"))
    assert (await office.known()).outcomes[0].by == "receipts"
    refused(await office.outcome(OutcomeKind.CHARGE, LONG_AGO), "was recorded at", "receipts")
    body = s.CaseChange((await office.known()).case_id, s.Amended(title="x"), "mine", "receipts", now_iso())
    with pytest.raises(RuleBroken, match="a person decides"):
        await office.ask_change(body, office.sign("receipts", body), "evt-mine")
    refused(await office.answered("evt-mine"), "cannot be taken")
    forger = Signer.new(Role.SERVICE, "receipts")
    forged = msgspec.structs.replace(body, change=s.OutcomeRecorded("D1", OutcomeKind.ACQUITTAL, LONG_AGO))
    with pytest.raises(SignatureInvalid):
        await office.ask_change(forged, forger.sign(PURPOSES[s.CaseChange], forged))
    assert len((await office.known()).outcomes) == 1


async def test_a_change_is_taken_once_and_signed_by_whoever_asks(office: Office) -> None:
    case = await office.opened(URN)
    body = s.CaseChange(case.case_id, s.Amended(officer="PC 200"), "moved", "ADMIN", now_iso())
    signed = office.sign("ADMIN", body)
    first = await office.ask_change(body, signed, "evt-once")
    again = await office.ask_change(body, signed, "evt-once")
    assert first == again and (await office.known()).version == case.version + 1
    with pytest.raises(SignatureInvalid, match="everybody signs for themselves"):
        await office.ask_change(body, office.sign("BAKER", body), "evt-other")
    elsewhere = msgspec.structs.replace(body, case_id=case_id("elsewhere", URN))
    with pytest.raises(RuleBroken, match="is about"):
        message = CaseRequested(case.case_id, office.sign("ADMIN", elsewhere))
        await office.give("cases.requested", message, "evt-elsewhere", case.case_id)
    opened = s.Opened(s.CaseKind.PROSECUTION, "01AB0099926", "x", "y")
    foreign = msgspec.structs.replace(elsewhere, change=opened)
    with pytest.raises(RuleBroken, match="is case-"):
        await office.ask_change(foreign, office.sign("ADMIN", foreign), "evt-foreign")
    refused(await office.change(s.Opened(s.CaseKind.PROSECUTION, URN, "x", "y")), "was opened at", "R v Doe")


async def test_the_holds_of_a_change_are_the_cases_own(office: Office) -> None:
    await office.opened(URN, "INC-1")
    at = now_iso()
    hold = case_hold(URN, s.CaseKind.PROSECUTION, by="ADMIN", at=at, incident="INC-2")
    added = s.IncidentAdded("INC-2")
    for wrong, words in (
        ((), "each incident of a case is held"),
        ((msgspec.structs.replace(hold, incident="INC-3"),), "expected holds of ['INC-2']"),
        ((msgspec.structs.replace(hold, reference="01AB0099926"),), "refers to"),
        ((msgspec.structs.replace(hold, earliest_end=None),), "their end itself"),
        ((msgspec.structs.replace(hold, reason="manual"),), "holds for case"),
        ((msgspec.structs.replace(hold, scope="officer"),), "incidents and clips"),
    ):
        refused(await office.change(added, holds=wrong), words)
    done(await office.change(added, holds=(hold,)))


async def test_a_training_copy_is_approved_by_a_second_person_and_reviewed_when_that_ends(office: Office) -> None:
    await office.opened("Induction 2026/3", kind=s.CaseKind.TRAINING, subject="taser use")
    until = (TODAY + timedelta(days=30)).isoformat()
    refused(await office.change(s.Approved(until), urn="Induction 2026/3"), "a second person")
    done(await office.change(s.Approved(until), "BAKER", "Induction 2026/3"), "approved until", "BAKER")
    case = await office.known("induction2026/3")
    assert case.approved_by == "BAKER" and case.holds == ()
    clip = await office.clip(incident="INC-1")
    done(await office.change(exhibit("TR/1", clip), urn="Induction 2026/3"))
    assert not (await office.fate(clip)).held, "a training copy keeps nothing"
    assert (await row_of(office))["review_from"] is not None


async def test_a_subject_access_case_holds_for_that_reason_and_two_people_lift_it(office: Office) -> None:
    clip = await office.clip(incident="INC-1")
    kind = s.CaseKind.SUBJECT_ACCESS
    ends = datetime.now(UTC) + timedelta(days=30)
    case = await office.opened("SAR-7", "INC-1", kind=kind, clock_ends=ends.isoformat(), subject="Jane Roe")
    assert (await office.fate(clip)).hold_reasons == (f"subject-access/{case.holds[0]}",)
    assert (await row_of(office))["review_from"] == ends
    refused(await office.change(s.RequestRefusedOn("third parties", (clip,)), urn="SAR-7"), "no ground of refusal")
    done(await office.change(s.RequestRefusedOn(ground("rights-of-others"), (clip,)), urn="SAR-7"))
    refused(await office.change(s.RequestRefusedOn(ground("unfounded"))), "there is no case")
    done(await office.change(s.CaseReviewed(), urn="SAR-7"), "closed")
    assert (await office.fate(clip)).held, "two people lift it"
    await office.lift(case.holds[0], "BAKER")
    assert not (await office.fate(clip)).held


async def test_the_schedule_numbers_unused_clips_once(office: Office) -> None:
    clips = [await office.clip(incident="INC-1") for _ in range(3)]
    other = await office.clip(incident="INC-2")
    await office.opened(URN, "INC-1")
    await office.change(exhibit("JS/1", clips[0]))
    done(await office.change(s.UnusedMarked(clips[1], s.Relevance.RELEVANT, "the street before")), "item 1")
    done(await office.change(s.UnusedMarked(clips[2], s.Relevance.SENSITIVE, "an informant")), "item 2", "sensitive")
    done(await office.change(s.UnusedMarked(clips[1], s.Relevance.NOT_RELEVANT, "another street")), "item 1")
    refused(await office.change(s.UnusedMarked(clips[0], s.Relevance.RELEVANT, "x")), "is exhibit JS/1")
    refused(await office.change(s.UnusedMarked(other, s.Relevance.RELEVANT, "x")), "no incident of")
    assert [(one.number, one.relevance.value) for one in (await office.known()).unused] == [
        (1, "not_relevant"),
        (2, "sensitive"),
    ]
