"""An order is checked, prepared, sent once, and sent again when a person says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from streams.messages import DerivativeFailed, SubmissionPrepared
from tests.prosecution.office import URN, Office
from tests.prosecution.submitting import LINKS, Desk, submitting
from workers.errors import MoveRefused, RuleBroken, TryLater
from workers.fate.outbox import Event
from workers.footage.canonical import canonical, sha256_hex
from workers.keys.statements import now_iso
from workers.prosecution import statements as s
from workers.prosecution.gateway.client import Gateway
from workers.prosecution.gateway.stub.script import Do, Rule, Script
from workers.prosecution.submission import rows
from workers.prosecution.submission.manifest import manifest_of
from workers.prosecution.submission.states import State


@pytest.fixture
async def desk(office: Office, tmp_path: Path) -> AsyncIterator[Desk]:
    async with submitting(office, tmp_path) as made:
        yield made


async def test_what_is_there_is_prepared_and_sent_with_one_event_a_clip(desk: Desk) -> None:
    first, second = await desk.exhibit("JS/1"), await desk.exhibit("JS/2")
    sent = await desk.submit()
    assert (sent.state, sent.attempt, sent.waits_for) == (State.SENT, 1, "the recipient's receipt")
    assert sent.due_at is not None and sent.due_at - datetime.now(UTC) > timedelta(days=1)
    manifest = sent.prepared()
    assert [(item.n, item.reference, item.clip_id, item.kind) for item in manifest.items] == [
        (1, "JS/1", first, "master"),
        (2, "JS/2", second, "master"),
    ]
    fate = await desk.office.fate(first)
    item = manifest.items[0]
    assert (item.sha256, item.version_id) == (item.parent_sha256, fate.verified_version)
    assert item.mme.status == "recorded" and item.mme.camera == fate.camera
    assert manifest.link is not None and manifest.link.startswith(f"{LINKS}/l/")
    assert sent.manifest_sha256 == sha256_hex(canonical(sent.manifest)) == manifest.sha256
    submitted = await desk.told("clips.submitted")
    assert [(one["clip_id"], one["reference"], one["manifest_sha256"]) for one in submitted] == [
        (first, "JS/1", manifest.sha256),
        (second, "JS/2", manifest.sha256),
    ]
    assert [one["attempt"] for one in await desk.told("submissions.sent")] == [1]
    theirs = desk.receipt(sent.submission_id)
    assert [(one.sha256, one.size) for one in theirs.items] == [(one.sha256, one.size) for one in manifest.items]


async def test_the_same_content_is_one_submission_whoever_orders_it_again(desk: Desk) -> None:
    await desk.exhibit()
    sent = await desk.submit()
    again = await desk.ask(await desk.order())
    assert again.verdict == "done" and "submitted before; it is sent" in again.says
    await desk.deliver()
    assert (await desk.row(sent.submission_id)).attempt == 1
    assert len(await desk.told("submissions.prepared")) == len(await desk.told("clips.submitted")) == 1
    other = await desk.submit(purpose=s.Purpose.TRIAL)
    assert other.submission_id != sent.submission_id and other.state is State.SENT


async def test_messages_that_come_again_send_nothing_twice(desk: Desk) -> None:
    await desk.exhibit()
    sent = await desk.submit()
    assert sent.manifest is not None
    prepared = SubmissionPrepared(sent.submission_id, sent.case_id, sent.urn, sent.purpose, sent.recipient,
                                  sent.manifest_sha256 or "", sent.manifest)  # fmt: skip
    await desk.give("submissions.prepared", prepared)
    assert await desk.row(sent.submission_id) == sent
    async with desk.database.transaction() as connection:
        with pytest.raises(MoveRefused, match="expected one of prepared"):
            await rows.sent(connection, sent, await _sent_event(desk), due_at=datetime.now(UTC))


async def _sent_event(desk: Desk) -> list[Event]:
    [row] = await desk.database.fetch(
        "SELECT topic, key, event_id AS id, subject, source, body FROM outbox WHERE topic = 'submissions.sent'"
    )
    return [Event(**row)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"urn": "99ZZ0000000"}, ("urn: 99ZZ0000000", URN)),
        ({"purpose": s.Purpose.ACTION_PLAN}, ("purpose_item: nothing",)),
        ({"purpose_item": 3}, ("purpose_item: 3 with the purpose charging",)),
        ({"recipient": s.Recipient.DEFENCE}, ("recipient: defence with the purpose charging", "cps")),
        ({"recipient": s.Recipient.TRAINING}, ("recipient: training",)),
        ({"purpose": s.Purpose.TRAINING}, ("purpose: training in a case of the kind prosecution", "charging")),
        ({"items": (s.OrderedItem("JS/9", "clip-x"),)}, ("exhibits: JS/9 is no exhibit", "JS/1")),
        ({"items": (s.OrderedItem("JS/1", "clip-x"),)}, ("exhibits: JS/1 as it was not added",)),
        ({"items": ()}, ("exhibits: none",)),
        ({"address": "a@b\nc"}, ("address",)),
        ({"submission_id": "submission-" + "a" * 32}, ("the id that its content has",)),
    ],
)
async def test_an_order_that_does_not_fit_is_refused_and_leaves_no_row(
    desk: Desk, change: dict[str, object], words: tuple[str, ...]
) -> None:
    await desk.exhibit()
    order = msgspec.structs.replace(await desk.order(), **change)
    answer = await desk.ask(order)
    assert answer.verdict == "refused"
    assert [word for word in words if word not in answer.says] == [], answer.says
    assert await rows.find(desk.database, order.submission_id) is None
    assert len(await desk.told("requests.refused")) == 1


async def test_a_disposed_clip_and_one_that_is_not_verified_do_not_go(desk: Desk) -> None:
    clip = await desk.exhibit()
    await desk.office.disposal(clip, "committed")
    assert "was disposed of" in (await desk.ask(await desk.order())).says
    await desk.office.disposal(clip, None)
    await desk.database.execute("UPDATE clip_fate SET standing = 'damaged' WHERE clip_id = %s", (clip,))
    assert "is damaged" in (await desk.ask(await desk.order())).says


async def test_an_exhibit_that_is_withdrawn_before_it_is_prepared_refuses_it_and_it_may_be_ordered_again(
    desk: Desk,
) -> None:
    await desk.exhibit("JS/1", start=0.0, end=2.0)
    order = await desk.order()
    waiting = await desk.ask(order)
    assert waiting.verdict == "pending"
    row = await desk.row(order.submission_id)
    assert row.state is State.REQUESTED and row.waits_for is not None and "made for JS/1" in row.waits_for
    await desk.office.change(s.ExhibitWithdrawn("JS/1"))
    [item] = order.items
    await _enter_failed(desk, item.derivative_id or "", item.clip_id)
    refused = await desk.row(order.submission_id)
    assert refused.state is State.REFUSED and "withdrawn" in (refused.waits_for or "")
    assert [one["what"] for one in await desk.told("requests.refused")] == [f"submit {order.submission_id}"]
    assert "withdrawn" in (await desk.ask(msgspec.structs.replace(order, at=now_iso()))).says


async def test_what_cannot_be_made_refuses_the_submission_with_its_reason(desk: Desk) -> None:
    await desk.exhibit("JS/1", start=0.0, end=2.0)
    order = await desk.order()
    assert (await desk.ask(order)).verdict == "pending"
    [item] = order.items
    await _enter_failed(desk, item.derivative_id or "", item.clip_id)
    refused = await desk.row(order.submission_id)
    assert refused.state is State.REFUSED
    assert "JS/1 cannot be made: the picture is too small" in (refused.waits_for or "")
    plan = await desk.plan(f"urn,purpose\n{URN},charging\n")
    assert plan.rows == () and "the picture is too small" in str(plan.faults[0])
    await desk.database.execute("DELETE FROM derivatives")
    assert (await desk.ask(await desk.order())).verdict == "pending"
    assert (await desk.row(order.submission_id)).state is State.REQUESTED


async def _enter_failed(desk: Desk, derivative: str, clip: str) -> None:
    """As derivation leaves it, and tells of it."""
    await desk.database.execute(
        "INSERT INTO derivatives (derivative_id, clip_id, kind, state, reason, action, requested_by)"
        " VALUES (%s, %s, 'range', 'failed', 'the picture is too small', 'look at it', 'ADMIN')",
        (derivative, clip),
    )
    told = DerivativeFailed(derivative, clip, "range", "the picture is too small", "look at it")
    await desk.give("derivatives.failed", told, key=clip)


async def test_without_a_gateway_it_stays_prepared_and_goes_once_there_is_one(desk: Desk) -> None:
    await desk.exhibit()
    await desk.replace(gateway="")
    waiting = await desk.submit()
    assert waiting.state is State.PREPARED and "BWV_GATEWAY" in (waiting.waits_for or "")
    await desk.replace()
    await desk.deliver()
    sent = await desk.row(waiting.submission_id)
    assert (sent.state, sent.manifest_sha256) == (State.SENT, waiting.manifest_sha256)


async def test_what_is_for_the_defence_is_prepared_and_never_sent(desk: Desk) -> None:
    await desk.exhibit()
    row = await desk.submit(purpose=s.Purpose.DISCLOSURE, recipient=s.Recipient.DEFENCE)
    assert row.state is State.PREPARED and "bwv package build" in (row.waits_for or "")
    assert desk.server.reception.standing().submissions == {}
    assert "no gateway takes it" in (await desk.retry(row.submission_id)).says


async def test_a_case_without_footage_says_why(desk: Desk) -> None:
    row = await desk.submit(not_recorded="the battery was flat: event log of CAM-1")
    manifest = row.prepared()
    assert row.state is State.SENT and manifest.items == () and manifest.link is None
    assert (manifest.mme.status, manifest.mme.because) == ("not_recorded", "the battery was flat: event log of CAM-1")
    await desk.exhibit()
    assert "has exhibits" in (await desk.ask(await desk.order(not_recorded="no"))).says


async def test_while_the_gateway_is_away_orders_are_taken_and_one_looks_for_all(desk: Desk) -> None:
    await desk.exhibit()
    await desk.replace(retry_first=3600.0, retry_most=3600.0)
    desk.server.reception.add(Script((Rule(Do.AWAY, times=0),)))
    first, second = await desk.order(), await desk.order(purpose=s.Purpose.TRIAL)
    for order in (first, second):
        assert (await desk.ask(order)).verdict == "done"
    with pytest.raises(TryLater) as later:
        await desk.stage.sending.send(first.submission_id)
    assert later.value.part == "gateway"
    asked = desk.server.reception.standing().done
    assert asked["away"] > 0
    with pytest.raises(TryLater):
        await desk.stage.sending.send(second.submission_id)
    assert desk.server.reception.standing().done == asked
    for order in (first, second):
        row = await desk.row(order.submission_id)
        assert row.state is State.PREPARED and "the gateway, which is away" in (row.waits_for or "")
    desk.server.reception.shelf.forget_rules()
    await desk.replace()
    await desk.deliver()
    assert {(await desk.row(order.submission_id)).state for order in (first, second)} == {State.SENT}


async def test_an_urgent_order_is_sent_in_the_slot_that_prepared_it(desk: Desk) -> None:
    await desk.exhibit()
    order = await desk.order(urgent=True)
    assert (await desk.ask(order)).verdict == "done"
    assert (await desk.row(order.submission_id)).state is State.SENT


async def test_what_the_gateway_will_never_take_waits_for_a_person_who_has_it_sent_again(desk: Desk) -> None:
    await desk.exhibit()
    order = await desk.order()
    await desk.ask(order)
    other = msgspec.json.decode(msgspec.json.encode((await desk.row(order.submission_id)).manifest))
    other["ordered_by"] = "SOMEBODY"
    await _there_already(desk, order.submission_id, other)
    with pytest.raises(RuleBroken, match="the gateway has it with manifest"):
        await desk.deliver()
    row = await desk.row(order.submission_id)
    assert row.state is State.PREPARED and (row.waits_for or "").startswith("a person: ")
    desk.server.reception.shelf.forget(order.submission_id)
    assert (await desk.retry(order.submission_id)).verdict == "done"
    await desk.deliver()
    assert (await desk.row(order.submission_id)).state is State.SENT


async def _there_already(desk: Desk, submission_id: str, manifest: dict[str, object]) -> None:
    gateway = Gateway(desk.server.url)
    await gateway.send(manifest)
    await gateway.close()
    assert manifest_of(manifest).submission_id == submission_id


async def test_bytes_are_given_where_the_gateway_wants_them(office: Office, tmp_path: Path) -> None:
    async with submitting(office, tmp_path, gateway_delivers="bytes", links_url="") as desk:
        clip = await desk.exhibit()
        row = await desk.submit()
        assert row.state is State.SENT and row.prepared().link is None
        [item] = desk.receipt(row.submission_id).items
        footage, _ = office.sidecars[clip]
        assert (item.sha256, item.size) == (sha256_hex(footage), len(footage))


async def test_retry_sends_the_same_manifest_once_more_and_not_what_is_acknowledged(desk: Desk) -> None:
    await desk.exhibit()
    sent = await desk.submit()
    again = await desk.retry(sent.submission_id)
    assert again.verdict == "done", again
    await desk.deliver()
    row = await desk.row(sent.submission_id)
    assert (row.state, row.attempt, row.manifest_sha256) == (State.SENT, 2, sent.manifest_sha256)
    [told] = await desk.told("submissions.returned")
    assert told["reason"] == "looked at" and told["retry"]["key"].startswith("person:ADMIN:")
    await desk.database.execute("UPDATE submissions SET state = 'acknowledged'")
    assert "is acknowledged" in (await desk.retry(sent.submission_id)).says
    assert "there is no submission" in (await desk.retry("submission-" + "a" * 32)).says
