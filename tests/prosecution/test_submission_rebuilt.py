"""The database is lost: submissions and links come back from what was told of them, and never better than it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams import messages as m
from streams.cases import Cases
from streams.links import Links
from streams.rebuilding import _is_message as is_message
from streams.receipts import Told
from streams.stage import Envelope, Parts
from streams.submission_events import outcome_request, prepared, submitted
from tests.prosecution.linked import Linked
from tests.prosecution.office import URN, Office
from tests.prosecution.sent import LIMITS
from tests.prosecution.submitting import LINKS, Desk, submitting
from tests.retention.rebuilt import Again, made_again, record, record_outbox, registered, same
from workers.database.engine import Database
from workers.keys.keyring import load_public
from workers.keys.signing import EnrolledKey, Role, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.prosecution import statements as s
from workers.prosecution.cases.restoring import restore_cases
from workers.prosecution.cases.rows import find_case
from workers.prosecution.gateway.asking import Asked, Asking, tell_overdue
from workers.prosecution.gateway.client import Gateway
from workers.prosecution.gateway.contract import Outcome
from workers.prosecution.gateway.restoring import restore_outcomes
from workers.prosecution.gateway.stub.script import Do, Rule, Script
from workers.prosecution.identity import link_id
from workers.prosecution.links import rows as links
from workers.prosecution.links.restoring import RestoredLinks, restore_links
from workers.prosecution.links.secret import LINKS_SECRET
from workers.prosecution.statements import OutcomeKind, Purpose, Recipient
from workers.prosecution.submission.restoring import RestoredSubmissions, restore_submissions
from workers.prosecution.submission.rows import Submission
from workers.prosecution.submission.states import State

SUBMISSIONS = (
    "submission_id, case_id, urn, purpose, purpose_item, recipient, state, ordered, items, manifest, manifest_sha256,"
    " attempt, receipt, differences, batch, batch_row, urgent, prepared_at, sent_at,"
    " date_trunc('milliseconds', due_at), overdue_told_at, answered_at"
)
"""All but `requested_at` and `asked_at`; what is told in messages has milliseconds (docs/submissions.md)."""
WAITS = "submission_id, CASE state WHEN 'prepared' THEN recipient ELSE waits_for END"
LINK = "link_id, token_sha256, submission_id, case_id, address, made_at, revoked_at, revoked_by"


@pytest.fixture
async def desk(office: Office, tmp_path: Path) -> AsyncIterator[Desk]:
    async with submitting(office, tmp_path) as made:
        yield made


# -- what is done before the loss ----------------------------------------------------------------------------------


async def ordered(desk: Desk, purpose: Purpose, *, rule: Do | None = None, sent: bool = True, **more: Any) -> str:
    """An order of JS/1; `rule`: what becomes of it at the gateway."""
    order = await desk.order("JS/1", purpose=purpose, **more)
    if rule is not None:
        desk.server.reception.add(Script((Rule(rule, n=1, submission=order.submission_id),)))
    assert (await desk.ask(order)).verdict == "done"
    if sent:
        await desk.deliver()
    return order.submission_id


async def receipts(desk: Desk) -> Asked:
    """One round of the stage receipts."""
    gateway = Gateway(desk.server.url, limits=LIMITS)
    try:
        return await Asking(desk.database, gateway, Told(desk.office.receipts)).round()
    finally:
        await gateway.close()


async def change_links(desk: Desk, *changes: s.LinkChange) -> None:
    """People change links, and the stage links carries it out."""
    settings = msgspec.structs.replace(desk.office.settings, mail="mail", links_url=LINKS)
    stage = Links(Parts(settings, desk.database, desk._never))
    for number, change in enumerate(changes):
        message = m.LinkRequested(change.link_id, desk.office.sign("ADMIN", change))
        request = f"evt-link-{number}"
        headers = {"ce_id": request}
        await stage.receive(message, Envelope("links.requested", 0, 0, "", 0.0, headers, m.encode(message)))
        assert (await desk.answered(request)).verdict == "done"
    await stage.stop()


def link_change(submission: str, address: str | None = None) -> s.LinkChange:
    return s.LinkChange(link_id(submission), address is None, "as it says", "ADMIN", now_iso(), address)


# -- the loss, and what comes of it --------------------------------------------------------------------------------


async def told(desk: Desk) -> None:
    """What the stages told becomes the custody log, with the times of the outbox."""
    for clip in await desk.database.fetch("SELECT clip_id FROM clip_fate ORDER BY clip_id"):
        await record(desk.database, [await registered(desk.database, clip["clip_id"])])
    await record_outbox(desk.database)
    await desk.database.execute("UPDATE custody c SET time = o.time FROM outbox o WHERE o.event_id = c.event_id")


def keys_of(office: Office) -> list[EnrolledKey]:
    service = office.settings.keys / "service" / "receipts.pub"
    return [*(key.enrolment() for key in (*office.people.values(), office.scene.dock)), load_public(service)]


async def restored(again: Again, office: Office) -> tuple[RestoredSubmissions, RestoredLinks]:
    known = {key.id: key for key in keys_of(office)}
    async with again.database.transaction() as connection:
        await restore_cases(connection, known, is_message)
        made = await restore_submissions(connection, known, is_message, submitted)
        return made, await restore_links(connection, known, is_message)


async def take_over(desk: Desk, database: Database) -> None:
    """The stage goes on over the tables that were made again."""
    await desk.stage.stop()
    desk.database = database
    desk.stage = desk.process()


async def opens(database: Database, submission: Submission) -> bool:
    """Whether the address that was given out leads anywhere."""
    link = submission.prepared().link
    assert link is not None
    async with database.connection() as connection:
        return await links.find_open(connection, link.rpartition("/")[2]) is not None


async def test_submissions_and_links_are_as_before_and_what_was_not_sent_goes(desk: Desk) -> None:
    await desk.exhibit()
    await desk.exhibit("JS/2", start=0, end=1)
    acknowledged = await ordered(desk, Purpose.CHARGING, address="j.smith@cps.example", batch="monday.csv", row=2)
    rejected = await ordered(desk, Purpose.TRIAL, rule=Do.REJECT)
    await ordered(desk, Purpose.UPGRADE, rule=Do.DROP_ITEM)
    await ordered(desk, Purpose.DISCLOSURE, rule=Do.WRONG_DIGEST)
    lost = await ordered(desk, Purpose.EARLY_ADVICE, rule=Do.FORGET, urgent=True)
    moved = (await receipts(desk)).moved
    assert moved == dict.fromkeys(("acknowledged", "rejected", "partial", "contradicted", "prepared"), 1)
    await desk.replace(gateway_answer_within=-60.0)
    assert (await desk.retry(rejected)).verdict == "done"
    new = await ordered(desk, Purpose.ACTION_PLAN, purpose_item=3, sent=False)
    by_hand = await ordered(desk, Purpose.FIRST_HEARING, recipient=Recipient.DEFENCE, sent=False)
    await desk.give("submissions.returned", m.SubmissionReturned(rejected, "", ""))
    assert await tell_overdue(desk.database, Told(desk.office.receipts)) == 1
    waiting = await desk.order("JS/2")
    await desk.ask(waiting)
    await change_links(
        desk, link_change(lost), link_change(by_hand), link_change(lost, "a@cps.example"),
        link_change(acknowledged, "b@cps.example"),
    )  # fmt: skip
    await told(desk)
    gone = f"DELETE FROM submissions WHERE submission_id = '{waiting.submission_id}' AND state = 'requested'"
    assert await desk.database.execute(gone) == 1, "what was not prepared is on no record"

    async with made_again(desk.database, keys_of(desk.office)) as again:
        made, made_links = await restored(again, desk.office)
        assert (made.submissions, made.passed_over) == (7, ()) and (made_links.links, made_links.passed_over) == (7, ())
        rows = await same(desk.database, again, "submissions", SUBMISSIONS)
        assert {row["state"] for row in rows} == {"acknowledged", "sent", "partial", "contradicted", "prepared"}
        await same(desk.database, again, "submissions", WAITS)
        found = {(row["address"], row["revoked_by"]) for row in await same(desk.database, again, "links", LINK)}
        assert found == {(None, None), (None, "ADMIN"), ("a@cps.example", None), ("b@cps.example", None)}
        before = {one: await desk.row(one) for one in (acknowledged, lost, by_hand, new)}

        await take_over(desk, again.database)
        assert made.again == 2 and await desk.told("submissions.prepared") != []
        leads = [await opens(again.database, before[one]) for one in (acknowledged, lost, by_hand)]
        assert leads == [True, True, False]
        await desk.deliver()
        after = {one: await desk.row(one) for one in before}
        assert [(after[one].state, after[one].attempt) for one in before] == [
            (State.ACKNOWLEDGED, 1), (State.SENT, 2), (State.PREPARED, 0), (State.SENT, 1),
        ]  # fmt: skip
        assert (await receipts(desk)).moved["acknowledged"] == 3


async def test_what_nobody_proves_counts_for_nothing_and_is_named(desk: Desk) -> None:
    await desk.exhibit()
    sent = await desk.submit()
    hand = await ordered(desk, Purpose.FIRST_HEARING, recipient=Recipient.DEFENCE)
    await told_but(desk, "clips.submitted")
    stranger = Signer.new(Role.PERSON, "ADMIN")
    manifest, receipt = sent.prepared(), msgspec.to_builtins(desk.receipt(sent.submission_id))
    other = msgspec.structs.replace(manifest, submission_id="submission-forged")
    order = msgspec.structs.replace(sent.order(), submission_id="submission-forged")
    forged = prepared(other, stranger.sign(PURPOSES[s.SubmissionOrder], order))[0]
    wrong = prepared(msgspec.structs.replace(manifest, ordered_by="X"), sent.ordered)[0]
    change = stranger.sign(PURPOSES[s.LinkChange], link_change(hand, "thief@x.example"))
    changed = m.LinkChanged(link_id(hand), sent.case_id, hand, False, change)
    await record(
        desk.database,
        [forged, wrong]
        + [_answered(one, sent, receipt | {"items": []}) for one in ("submission-forged", sent.submission_id)]
        + [_answered(hand, sent, receipt)]
        + [m.event("links.changed", changed, key=hand, subject=link_id(hand), source="links", cause=("t",))],
    )

    async with made_again(desk.database, keys_of(desk.office)) as again:
        made, made_links = await restored(again, desk.office)
        recorded = [message["submission_id"] for message in await desk.told("clips.submitted")]
        [row] = await again.database.fetch("SELECT revoked_by FROM links WHERE link_id = %s", (link_id(hand),))
        await take_over(desk, again.database)
        assert [(await desk.row(one)).state for one in (sent.submission_id, hand)] == [State.SENT, State.PREPARED]
        assert [message["submission_id"] for message in await desk.told("clips.submitted")] == sorted(recorded)
        assert not await opens(again.database, await desk.row(hand))
    assert (made.submissions, made.again, row["revoked_by"]) == (2, 2, "rebuild")
    said = "\n".join(made.passed_over)
    assert "submissions.prepared of submission-forged" in said and "no known person's key signed its order" in said
    assert f"submissions.prepared of {sent.submission_id}" in said and "prepared before" in said
    assert f"submissions.acknowledged of {sent.submission_id}" in said and "is not in the receipt" in said
    assert (
        f"submissions.acknowledged of {hand}" in said and "the log has it prepared then; expected one of sent" in said
    )
    assert "submissions.acknowledged of submission-forged" in said and "nothing before it" in said
    assert len(made.passed_over) == 5
    [closed] = made_links.passed_over
    assert link_id(hand) in closed and "bwv link readdress" in closed


def _answered(submission: str, sent: Submission, receipt: dict[str, Any]) -> Any:
    answered = m.SubmissionAnswered(submission, sent.case_id, "acknowledged", (), receipt)
    return m.event(
        "submissions.acknowledged", answered, key=sent.case_id, subject=submission, source="x", cause=(submission,)
    )


async def told_but(desk: Desk, topic: str) -> None:
    """Everything is on record but this topic, whose events the relay had not sent."""
    kept = await desk.database.fetch("SELECT * FROM outbox WHERE topic = %s", (topic,))
    assert kept != []
    await desk.database.execute("UPDATE outbox SET topic = 'cases.requested' WHERE topic = %s", (topic,))
    await told(desk)
    await desk.database.execute("UPDATE outbox SET topic = %s WHERE id = ANY(%s)", (topic, [row["id"] for row in kept]))


async def test_an_outcome_that_was_taken_back_stays_so_when_the_gateways_list_is_read_again(office: Office) -> None:
    case, tells = await office.opened(), Told(office.receipts)
    first, second = (
        Outcome(f"o-{n}", URN, "D1", kind, "2026-10-01", "O1")
        for n, kind in ((1, OutcomeKind.CONVICTION), (2, OutcomeKind.CHARGE))
    )
    taken = tells.outcome(case.case_id, first)
    await office.give(taken.topic, m.decode(taken.body, m.CaseRequested), taken.id, taken.key)
    await office.change(s.OutcomeWithdrawn("D1", OutcomeKind.CONVICTION, "2026-10-01", "O1"))
    assert (await office.known()).outcomes == ()
    await record(office.database, office.told)

    async with made_again(office.database, keys_of(office)) as again:
        known = {key.id: key for key in keys_of(office)}
        async with again.database.transaction() as connection:
            await restore_cases(connection, known, is_message)
            assert await restore_outcomes(connection, known, is_message, outcome_request) == 1
        stage = Cases(Parts(office.settings, again.database, office._never))
        for outcome in (first, second):
            event = tells.outcome(case.case_id, outcome)
            headers = {"ce_id": event.id}
            message = m.decode(event.body, m.CaseRequested)
            await stage.receive(message, Envelope(event.topic, 0, 0, event.key, 0.0, headers, event.body))
        async with again.database.connection() as connection:
            found = await find_case(connection, URN)
    assert found is not None and [one.outcome for one in found.outcomes] == [OutcomeKind.CHARGE]


async def test_another_secret_ends_links_also_those_that_were_made_again(linked: Linked, tmp_path: Path) -> None:
    link = await linked.link(await linked.item(1, b"footage"), address=None)
    assert (await linked.browser().get(link)).status_code == 200
    secret = tmp_path / LINKS_SECRET
    secret.touch(0o600)
    secret.write_text("t" * 48)
    async with linked.served(keys=tmp_path) as base:
        found = await linked.browser(base).get(link)
    assert found.status_code == 404
