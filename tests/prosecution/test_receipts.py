"""Receipts are asked for, compared with what was sent, and move the submission once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams import submission_events as events
from tests.contracts.gateways import stub
from tests.prosecution.sent import LIMITS, Post, posted
from workers.database.engine import Database
from workers.errors import GatewayAway, MoveRefused
from workers.prosecution.gateway.client import Gateway
from workers.prosecution.gateway.stub.script import At, Do, Rule
from workers.prosecution.submission import rows
from workers.prosecution.submission.states import State

DAY = timedelta(days=1)
AT_ONCE = timedelta()


@pytest.fixture
async def post(database: Database, tmp_path: Path) -> AsyncIterator[Post]:
    async with posted(database, tmp_path) as made:
        yield made


async def test_a_receipt_that_is_the_manifest_acknowledges_and_the_same_again_changes_nothing(post: Post) -> None:
    manifests = [await post.sent() for _ in range(3)]
    assert (await post.ask()).moved == {"acknowledged": 3}
    told = await post.told("submissions.acknowledged")
    assert [message["differences"] for message in told] == [[], [], []]
    again = await post.ask(again=AT_ONCE)
    assert (again.asked, again.moved) == (3, {})
    assert await post.told("submissions.acknowledged") == told
    assert await post.states(manifests) == ["acknowledged"] * 3


@pytest.mark.parametrize(
    ("rule", "state", "words"),
    [
        (Rule(Do.REJECT, reason="the wrong unit"), "rejected", ["the wrong unit"]),
        (Rule(Do.DROP_ITEM, n=2), "partial", ["item 2", "missing"]),
        (Rule(Do.WRONG_DIGEST, n=1), "contradicted", ["item 1", "SHA-256"]),
    ],
)
async def test_a_receipt_that_is_not_the_manifest_says_so_and_a_retry_mends_it(
    post: Post, rule: Rule, state: str, words: list[str]
) -> None:
    post.script(rule)
    manifest = await post.sent()
    assert (await post.ask()).moved == {state: 1}
    (told,) = await post.told(f"submissions.{state}")
    (difference,) = told["differences"]
    assert all(word in difference for word in words), difference
    assert (await post.ask(again=AT_ONCE)).moved == {}
    await _returned_by_a_person(post, manifest)
    await post.send(manifest)
    assert (await post.ask()).moved == {"acknowledged": 1}
    assert (await post.row(manifest)).differences == ()
    assert post.server.reception.standing().items_received == {"partial": 3, "contradicted": 3, "rejected": 2}[state]


async def _returned_by_a_person(post: Post, manifest: Any) -> None:
    seen = await post.row(manifest)
    async with post.database.transaction() as connection:
        told = events.returned(seen, "as it says", events.PROSECUTION, cause="a signature")
        await rows.returned(connection, seen, [told], waits_for="the gateway")


async def test_an_undecided_receipt_is_waited_for(post: Post) -> None:
    post.script(Rule(Do.ACCEPT, seconds=3600))
    manifest = await post.sent()
    asked = await post.ask()
    assert (asked.asked, asked.moved) == (1, {})
    assert await post.states([manifest]) == ["sent"]


async def test_receipts_with_other_numbers_for_the_same_content_change_nothing(post: Post) -> None:
    post.script(Rule(Do.DUPLICATE))
    manifest = await post.sent()
    await post.ask()
    first = (await post.row(manifest)).receipt
    assert (await post.ask(again=AT_ONCE)).moved == {}
    second = await post.gateway.receipt(manifest.submission_id)
    assert first is not None and second is not None and second.receipt_id != first["receipt_id"]
    assert len(await post.told("submissions.acknowledged")) == 1


async def test_an_answer_that_changes_contradicts_and_is_told_once(post: Post) -> None:
    post.script(Rule(Do.CHANGE_MIND, reason="second thoughts"))
    manifest = await post.sent()
    assert (await post.ask()).moved == {"acknowledged": 1}
    assert (await post.ask()).asked == 0, "what was answered is not asked about again at once"
    assert (await post.ask(again=AT_ONCE)).moved == {"contradicted": 1}
    (told,) = await post.told("submissions.contradicted")
    assert "was accepted and is now rejected" in told["differences"][0]
    assert "second thoughts" in told["differences"][1]
    assert (await post.ask(again=AT_ONCE)).moved == {}
    assert await post.states([manifest]) == ["contradicted"]


async def test_what_the_gateway_has_forgotten_goes_again_with_the_same_id(post: Post) -> None:
    post.script(Rule(Do.FORGET))
    manifest = await post.sent()
    assert (await post.ask()).moved == {"prepared": 1}
    (told,) = await post.told("submissions.returned")
    assert (told["submission_id"], told["retry"]) == (manifest.submission_id, None)
    assert "knows nothing" in told["reason"]
    await post.send(manifest)
    assert (await post.ask()).moved == {"acknowledged": 1}
    assert (await post.row(manifest)).attempt == 2


async def test_a_late_receipt_is_told_once_and_may_still_come(post: Post) -> None:
    post.script(Rule(Do.ACCEPT, seconds=3600))
    late, in_time = await post.sent(due=-DAY), await post.sent(due=DAY)
    assert [await post.tell_overdue(), await post.tell_overdue()] == [1, 0]
    (told,) = await post.told("submissions.overdue")
    assert told["submission_id"] == late.submission_id
    assert (await post.ask()).moved == {"acknowledged": 1}
    assert await post.states([late, in_time]) == ["sent", "acknowledged"]


async def test_those_asked_about_longest_ago_come_first_and_nobody_starves(post: Post) -> None:
    post.script(Rule(Do.ACCEPT, times=0, seconds=3600))
    manifests = [await post.sent() for _ in range(9)]
    counts = [(await post.ask(most=3)).asked for _ in range(3)]
    assert counts == [3, 3, 3]
    asked = [(await post.row(manifest)).asked_at for manifest in manifests]
    assert None not in asked and len(set(asked)) == 9


async def test_one_that_cannot_be_answered_does_not_hold_up_the_others(post: Post) -> None:
    ill, *sound = [await post.sent() for _ in range(4)]
    post.script(Rule(Do.AWAY, submission=ill.submission_id, at=At.RECEIPT, times=0))
    rounds = [await post.ask(most=2) for _ in range(6)]
    assert [asked.away for asked in rounds if asked.away], "the gateway was never away"
    assert await post.states(sound) == ["acknowledged"] * 3
    assert await post.states([ill]) == ["sent"]


async def test_a_gateway_that_is_away_is_waited_for_and_loses_nothing(
    post: Post, database: Database, tmp_path: Path
) -> None:
    manifest = await post.sent()
    nobody = Gateway("http://127.0.0.1:9", limits=LIMITS)
    post.gateway, there = nobody, post.gateway
    asked = await post.ask()
    assert isinstance(asked.away, GatewayAway) and asked.asked == 0
    assert isinstance((await post.read()).away, GatewayAway)
    await nobody.close()
    assert await post.states([manifest]) == ["sent"]
    post.gateway = there
    assert (await post.ask()).moved == {"acknowledged": 1}


async def test_a_row_that_has_moved_meanwhile_is_left_alone(post: Post) -> None:
    manifest = await post.sent()
    seen = await post.row(manifest)
    receipt = await post.gateway.receipt(manifest.submission_id)
    assert (await post.ask()).moved == {"acknowledged": 1}
    with pytest.raises(MoveRefused):
        async with post.database.transaction() as connection:
            plain = msgspec.to_builtins(receipt)
            told = post.tells.answered(seen, State.REJECTED, ("late",), plain)
            await rows.answered(connection, seen, State.REJECTED, [told], receipt=plain, differences=("late",))
    assert await post.states([manifest]) == ["acknowledged"]


async def test_the_reference_server_goes_on_where_it_was(post: Post, database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    async with stub(folder) as first:
        client = Gateway(first.url, limits=LIMITS)
        manifest = await post.prepared(items=3)
        plain = manifest.plain()

        class Killed(Exception):
            pass

        def stop(step: str) -> None:
            if step == "after_item":
                raise Killed

        with pytest.raises(Killed):
            await client.send(plain, step=stop)
        await client.close()
    async with stub(folder) as second:
        client = Gateway(second.url, limits=LIMITS)
        half = await client.receipt(manifest.submission_id)
        assert half is not None and [item.state.value for item in half.items] == ["received", "missing", "missing"]
        taken = await client.send(plain)
        assert taken.final
        assert second.reception.standing().items_received == 3
        await client.close()
