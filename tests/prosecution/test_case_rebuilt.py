"""The database is lost: cases and exhibits come back from their signed changes, and what nobody proves does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from streams import messages as m
from streams.rebuilding import _is_message as is_message
from tests.prosecution.office import URN, Office
from tests.prosecution.test_case_stage import HOUR, LONG_AGO, exhibit
from tests.retention.held import TEN
from tests.retention.rebuilt import made_again, record, registered, same
from workers.database.engine import Database
from workers.fate.outbox import Event
from workers.keys.keyring import load_public
from workers.keys.signing import EnrolledKey, Role, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.prosecution import statements as s
from workers.prosecution.cases.case_holds import hold_of
from workers.prosecution.cases.restoring import RestoredCases, restore_cases
from workers.prosecution.cases.rows import find_case
from workers.prosecution.statements import OutcomeKind

CASES = ("case_id, urn, kind, version, officer, clock, clock_ends, first_hearing, incidents, earliest_end, review_from,"
         " review_told_at IS NULL, opened_at, closed_at, body")  # fmt: skip
EXHIBITS = "case_id, plain, reference, clip_id, withdrawn"
HOLDS = "hold_id, scope, reason, incident, clip_id, reference, earliest_end, lifted_by"


async def told(office: Office) -> None:
    """What the stages told becomes the custody log."""
    for clip in await office.database.fetch("SELECT clip_id FROM clip_fate ORDER BY clip_id"):
        await record(office.database, [await registered(office.database, clip["clip_id"])])
    await record(office.database, office.told)


async def test_cases_exhibits_and_the_ends_of_their_holds_are_as_before(office: Office) -> None:
    clips = [await office.clip(incident="INC-1") for _ in range(2)]
    outside = await office.clip(began=TEN + HOUR)
    await office.opened(URN, "INC-1")
    await office.change(exhibit("JS/1", clips[0]), "BAKER")
    await office.change(exhibit("JS/2", outside, start=1, end=2))
    await office.change(s.ExhibitWithdrawn("JS/1"))
    await office.outcome(OutcomeKind.CONVICTION, LONG_AGO, by="receipts")
    await office.outcome(OutcomeKind.SENTENCE, LONG_AGO)
    other = "01AB0099926"
    await office.opened(other, "INC-2")
    await office.outcome(OutcomeKind.NO_FURTHER_ACTION, LONG_AGO, urn=other)
    await office.change(s.CaseReviewed(), urn=other)
    ends = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    await office.opened("SAR-7", "INC-3", kind=s.CaseKind.SUBJECT_ACCESS, clock_ends=ends)
    assert await office.cases.tell_of_reviews() == 1
    await office.settle()
    await told(office)

    async with made_again(office.database, _keys(office)) as again:
        made = await _cases(office, again.database)
        assert (made.cases, made.passed_over, made.unplaced) == (3, (), ())
        assert len(await same(office.database, again, "cases", CASES)) == 3
        assert len(await same(office.database, again, "exhibits", EXHIBITS)) == 2
        assert len(await same(office.database, again, "holds", HOLDS)) == 4
        assert len(await same(office.database, again, "hold_ends", "hold_id, earliest_end")) == 3


async def test_what_no_key_proves_may_not_be_done_or_was_erased_is_passed_over_and_named(office: Office) -> None:
    case = await office.opened(URN)
    await office.outcome(OutcomeKind.CHARGE, LONG_AGO)
    stranger = Signer.new(Role.PERSON, "ADMIN")
    release = Signer.load(Role.SERVICE, "release", office.settings.keys / "service" / "release.pem")
    acquitted = s.OutcomeRecorded("D1", OutcomeKind.ACQUITTAL, LONG_AGO)
    forged = [
        (4, stranger, s.CaseChange(case.case_id, acquitted, "x", "ADMIN", now_iso())),
        (5, office.people["BAKER"], s.CaseChange(case.case_id, acquitted, "x", "ADMIN", now_iso())),
        (6, release, s.CaseChange(case.case_id, acquitted, "x", "release", now_iso())),
        (7, office.people["BAKER"], s.CaseChange(case.case_id, s.ExhibitWithdrawn("JS/1"), "x", "BAKER", now_iso())),
        (8, office.people["BAKER"], s.CaseChange(case.case_id, s.Amended(officer="PC 9"), "x", "BAKER", now_iso())),
        (8, office.people["BAKER"], s.CaseChange(case.case_id, s.Amended(officer="PC 8"), "x", "BAKER", now_iso())),
    ]
    for number, (version, signer, body) in enumerate(forged):
        change = m.CaseChanged(case.case_id, URN, version, "outcome", signer.sign(PURPOSES[s.CaseChange], body))
        office.told.append(_event(change, number))
    await told(office)
    erased = _event(m.CaseChanged(case.case_id, URN, 9, "outcome", office.sign("ADMIN", forged[4][2])), 99)
    await record(office.database, [erased])
    await office.database.execute("UPDATE custody SET payload = NULL, salt = NULL WHERE event_id = %s", (erased.id,))

    async with made_again(office.database, [*_keys(office), release.enrolment()]) as again:
        made = await _cases(office, again.database)
        async with again.database.connection() as connection:
            found = await find_case(connection, URN)
    assert found is not None and (found.officer, found.version) == ("PC 9", 8)
    assert [one.outcome for one in found.outcomes] == [OutcomeKind.CHARGE]
    said = "\n".join(made.passed_over)
    assert "content was erased" in said and f"change 8 of {URN}: another change has this number" in said
    for version in (4, 5, 6):
        assert f"change {version} of {URN}: no known key signed it for this case" in said
    assert f"change 7 of {URN}: JS/1 is no exhibit" in said


async def test_a_hold_that_was_never_placed_is_asked_for_again(office: Office) -> None:
    clip = await office.clip(incident="INC-1")
    opened = s.Opened(s.CaseKind.PROSECUTION, URN, "R v Doe", "PC 100", ("INC-1",))
    await office.change(opened, settle=False)
    rows = await office.database.fetch("SELECT topic, key, event_id, subject, source, body FROM outbox ORDER BY id")
    first = rows[0]
    assert first["topic"] == "cases.changed"
    await record(office.database, [await registered(office.database, clip)])
    await record(office.database, [Event(*first.values())])

    async with made_again(office.database, _keys(office)) as again:
        made = await _cases(office, again.database)
    assert [hold_of(signed).incident for signed in made.unplaced] == ["INC-1"]
    assert hold_of(made.unplaced[0]).hold_id == rows[1]["key"]


def _event(change: m.CaseChanged, number: int) -> Event:
    return m.event(
        "cases.changed", change, key=change.case_id, subject=change.case_id, source="x", cause=("test", number)
    )


def _keys(office: Office) -> list[EnrolledKey]:
    receipts = load_public(office.settings.keys / "service" / "receipts.pub")
    return [*(key.enrolment() for key in (*office.people.values(), office.scene.dock)), receipts]


async def _cases(office: Office, database: Database) -> RestoredCases:
    known = {key.id: key for key in _keys(office)}
    release = office.settings.keys / "service" / "release.pem"
    signer = Signer.load(Role.SERVICE, "release", release).enrolment()
    async with database.transaction() as connection:
        return await restore_cases(connection, known | {signer.id: signer}, is_message)
