"""A hold of one clip: protected by its row, then by the store, whatever crashes between."""

from __future__ import annotations

import msgspec
import pytest

from streams.holds.events import asked_as
from streams.messages import ClipQuarantined, ClipVerified, HoldMatched, HoldRequested
from streams.vaults import access_of, open_vault
from tests.retention.held import Held
from workers.errors import SignatureInvalid, StoreAway
from workers.fate.moves import Disposal
from workers.keys.signing import Role, Signer
from workers.keys.statements import PURPOSES
from workers.retention.answers import Verdict
from workers.retention.holding import put_on
from workers.retention.statements import HoldRequest
from workers.vault.retry import Limits
from workers.vault.s3 import S3Vault
from workers.vault.vault import Version

FAST = Limits(connect=0.5, silence=0.5, request=1.0, tries=1)


async def test_a_held_clip_is_protected_by_its_row_and_every_version_reads_on(held: Held) -> None:
    clip = await held.clip()

    hold, answer = await held.ask(clip_id=clip)

    assert answer.verdict is Verdict.DONE and "3 versions" in answer.says
    assert (await held.fate(clip)).hold_reasons == (f"complaint/{hold}",)
    assert held.holds_at_store(clip) == [True, True, True]
    assert held.topics(clip) == ["holds.matched", "holds.accepted", "holds.placed"]
    assert await held.states(hold) == {clip: "active"}


async def test_several_reasons_stand_on_one_clip_and_a_repeat_adds_none(held: Held) -> None:
    clip = await held.clip()
    first, _ = await held.ask(clip_id=clip)
    second, _ = await held.ask(clip_id=clip, reason="foi")

    for hold in (first, second, first):
        await held.give("holds.matched", HoldMatched(clip, hold), "evt-again", clip)

    assert (await held.fate(clip)).hold_reasons == (f"complaint/{first}", f"foi/{second}")
    told = await held.database.fetch("SELECT topic FROM outbox WHERE key = %s", (clip,))
    assert sorted(row["topic"] for row in told) == ["holds.accepted"] * 2 + ["holds.placed"] * 2


async def test_a_hold_takes_a_clip_out_of_the_bin(held: Held) -> None:
    clip = await held.clip()
    await held.disposal(clip, Disposal.INTENDED)

    _, answer = await held.ask(clip_id=clip)

    fate = await held.fate(clip)
    assert answer.verdict is Verdict.DONE
    assert (fate.disposal, fate.intended_at, fate.dispose_from, fate.held) == (None, None, None, True)


@pytest.mark.parametrize("disposal", [Disposal.COMMITTED, Disposal.DONE])
async def test_a_hold_after_the_commit_is_refused_and_names_the_certificate(held: Held, disposal: Disposal) -> None:
    clip = await held.clip()
    await held.disposal(clip, disposal)

    hold, answer = await held.ask(clip_id=clip)

    assert answer.verdict is Verdict.REFUSED and f"certificates/{clip}" in answer.says
    assert (await held.fate(clip)).hold_reasons == ()
    assert await held.states(hold) == {clip: "refused"}
    assert held.topics(clip) == ["holds.refused"]
    assert held.holds_at_store(clip) == [False, False, False]


async def test_a_clip_that_is_not_stored_yet_is_pending_until_it_is_verified(held: Held) -> None:
    clip = await held.clip(stored=False)
    hold, answer = await held.ask(clip_id=clip)
    assert answer.verdict is Verdict.PENDING and (await held.fate(clip)).held
    assert await held.states(hold) == {clip: "pending"}

    await held.store(clip, *held.sidecars[clip])
    fate = await held.fate(clip)
    verified = ClipVerified(clip, 1, fate.report, "key", fate.verified_version or "", 1, "sha", 0.1, "now")
    await held.give("clips.verified", verified, "evt-verified", clip)

    assert (await held.answered(asked_as(hold))).verdict is Verdict.DONE
    assert held.holds_at_store(clip) == [True, True, True]


async def test_bytes_that_were_set_apart_are_held_too(held: Held) -> None:
    clip = await held.clip(stored=False)
    hold, _ = await held.ask(clip_id=clip)
    await held.store(clip, *held.sidecars[clip], standing="quarantined")
    fate = await held.fate(clip)

    apart = ClipQuarantined(clip, 1, fate.report, "differs", "a", 1, "b", 2, "key", "version")
    await held.give("clips.quarantined", apart, "evt-apart", clip)

    assert await held.states(hold) == {clip: "active"} and held.holds_at_store(clip) == [True, True, True]


async def test_while_the_store_is_away_the_person_reads_pending_and_the_hold_follows(held: Held) -> None:
    clip = await held.clip()
    away = msgspec.structs.replace(held.settings, store="http://127.0.0.1:9")
    there, held.stage.bringing._vault = held.stage.bringing._vault, open_vault(away, "holds", limits=FAST)

    hold, answer = await held.ask(clip_id=clip, settle=False)
    busy = await held.settle()

    assert answer.verdict is Verdict.PENDING and busy == [clip]
    assert (await held.fate(clip)).held and held.holds_at_store(clip) == [False, False, False]

    held.stage.bringing._vault = there
    await held.give("holds.matched", HoldMatched(clip, hold), "evt-again", clip)
    assert (await held.answered(asked_as(hold))).verdict is Verdict.DONE
    assert held.holds_at_store(clip) == [True, True, True]


async def test_a_crash_before_or_after_the_store_is_made_good_by_the_repeat(held: Held) -> None:
    clip = await held.clip()
    asked = held.request(clip_id=clip)
    signed = held.people["ADMIN"].sign(PURPOSES[HoldRequest], asked)
    await held.request_of(asked.hold_id, signed)
    held.waiting.clear()  # the message to the store was never published
    put_on(held.stage.vault, held.settings.namespace, await held.fate(clip))  # or its end was never written down

    answer = await held.request_of(asked.hold_id, signed)
    assert answer.verdict is Verdict.PENDING
    await held.settle()

    assert await held.states(asked.hold_id) == {clip: "active"}
    assert held.topics(clip).count("holds.accepted") == 1
    assert (await held.answered(asked_as(asked.hold_id))).verdict is Verdict.DONE


async def test_a_store_that_takes_a_hold_and_shows_none_is_not_believed(held: Held) -> None:
    clip = await held.clip()

    class Lying(S3Vault):
        def set_legal_hold(self, version: Version, on: bool) -> None:
            """Answers and does nothing."""

    held.stage.bringing._vault = Lying(access_of(held.settings, "holds"))
    hold, _ = await held.ask(clip_id=clip, settle=False)
    assert await held.settle() == [clip]
    assert await held.states(hold) == {clip: "pending"}


async def test_a_stored_version_that_is_not_listed_is_not_called_held(held: Held) -> None:
    clip = await held.clip()
    await held.database.execute("UPDATE clip_fate SET verified_version = 'another' WHERE clip_id = %s", (clip,))
    with pytest.raises(StoreAway, match="which was verified"):
        put_on(held.stage.vault, held.settings.namespace, await held.fate(clip))
    await held.database.execute("UPDATE clip_fate SET standing = 'damaged' WHERE clip_id = %s", (clip,))
    assert put_on(held.stage.vault, held.settings.namespace, await held.fate(clip)) == 3


BAD = [
    ({"clip_id": "clip-1"}, "clip's whole id"),
    ({"scope": "incident", "incident": "I", "reason": "same-incident"}, "the system gives it"),
    ({"scope": "town", "incident": "I"}, "scope 'town'"),
    ({"scope": "incident"}, "names the incident"),
    ({"scope": "incident", "incident": " "}, "incident: expected"),
    ({"scope": "incident", "incident": "I", "officers": ["PC-100"]}, "does not take officers"),
    ({"scope": "officer", "officers": ["PC-100"], "since": "2026-11-22T10:00:00Z"}, "names a period"),
    ({"scope": "officer", "since": "2026-11-22T10:00:00Z", "until": "2026-11-22T11:00:00Z"}, "at least one officer"),
    ({"scope": "officer", "officers": ["X"], "since": "2026-11-22", "until": "2026-11-23T00:00:00Z"}, "its zone"),
    (
        {"scope": "officer", "officers": ["X"], "since": "2026-11-22T11:00:00Z", "until": "2026-11-22T10:00:00Z"},
        "before it begins",
    ),
    (
        {
            "scope": "place",
            "place": {"latitude": 91.0, "longitude": 0.0, "metres": 5.0},
            "since": "2026-11-22T10:00:00Z",
            "until": "2026-11-22T11:00:00Z",
        },
        "latitude 91.0",
    ),
    ({"scope": "place", "place": {"latitude": 1.0, "longitude": 0.0, "metres": 5.0}}, "names a period"),
    ({"scope": "encounter", "encounter": "E", "officers": ["X"]}, "need its period"),
    ({"scope": "incident", "incident": "I", "earliest_end": "soon"}, "earliest_end 'soon'"),
]


@pytest.mark.parametrize(("fields", "words"), BAD)
async def test_a_request_that_is_not_whole_gets_one_clear_refusal(held: Held, fields: object, words: str) -> None:
    hold, answer = await held.ask(**fields)  # type: ignore[arg-type]
    assert answer.verdict is Verdict.REFUSED and words in answer.says, answer
    assert await held.database.fetch("SELECT FROM holds WHERE hold_id = %s", (hold,)) == []
    assert [event.topic for event in held.told] == ["requests.refused"]


async def test_a_clip_that_was_never_registered_is_refused(held: Held) -> None:
    _, answer = await held.ask(clip_id="clip-" + "a" * 32)
    assert answer.verdict is Verdict.REFUSED and "there is no clip" in answer.says


async def test_nobody_asks_with_a_strangers_key_or_in_somebody_elses_name(held: Held) -> None:
    clip = await held.clip()
    stranger = Signer.new(Role.PERSON, "ADMIN")
    asked = held.request(clip_id=clip)
    with pytest.raises(SignatureInvalid, match="not enrolled"):
        await held.give(
            "holds.requested",
            HoldRequested(asked.hold_id, stranger.sign(PURPOSES[HoldRequest], asked)),
            asked_as(asked.hold_id),
            asked.hold_id,
        )
    assert (await held.answered(asked_as(asked.hold_id))).verdict is Verdict.REFUSED

    await held.enrol("SECOND")
    asked = held.request("ADMIN", clip_id=clip)
    with pytest.raises(SignatureInvalid, match="signed by SECOND"):
        await held.request_of(asked.hold_id, held.people["SECOND"].sign(PURPOSES[HoldRequest], asked))
    answer = await held.answered(asked_as(asked.hold_id))
    assert answer.verdict is Verdict.REFUSED and "signed by SECOND" in answer.says
    assert not (await held.fate(clip)).held
