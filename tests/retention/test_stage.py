"""What people ask of retention is answered: once, by name, and only for themselves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from streams import messages as m
from tests.retention.desk import MET, SURREY, Desk, done, refused
from tests.streams.stream_world import eventually
from workers.database.engine import fetch
from workers.errors import MessageInvalid, RuleBroken, SignatureInvalid
from workers.keys.signing import Role, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.retention.policies import all_versions, current, of_version
from workers.retention.statements import Categorisation, SweepDecision


async def test_a_request_that_comes_again_changes_nothing(desk: Desk) -> None:
    await desk.adopt()
    clip = await desk.clip()
    asked = Categorisation(clip, "evidential", "an arrest", "ADMIN", now_iso())
    first = await desk.ask(asked, event_id="evt-one")
    done(first, "evidential")
    fate = await desk.fate(clip)
    await desk.categorise(clip, "complaint", "BAKER")

    assert await desk.ask(asked, event_id="evt-one") == first

    assert [fact.category for fact in (await desk.fate(clip)).facts] == ["evidential", "complaint"]  # type: ignore[union-attr]
    assert len(fate.facts) == 1
    assert [told["category"] for told in await desk.told("clips.categorised")] == ["evidential", "complaint"]


async def test_what_was_refused_stays_refused_when_it_comes_again(desk: Desk) -> None:
    clip = await desk.clip()
    asked = Categorisation(clip, "evidential", "an arrest", "ADMIN", now_iso())
    refused(await desk.ask(asked, event_id="evt-early"), "no retention policy is in force", "bwv retention adopt")
    await desk.adopt()

    refused(await desk.ask(asked, event_id="evt-early"), "no retention policy is in force")

    assert (await desk.fate(clip)).facts == ()
    [told] = await desk.told("requests.refused")
    assert (told["request"], told["by"], told["clip_id"], told["what"]) == ("evt-early", "ADMIN", clip, "categorise")


async def test_nobody_speaks_without_a_key_or_in_the_name_of_another(desk: Desk) -> None:
    await desk.adopt()
    clip = await desk.clip()
    stranger = Signer.new(Role.PERSON, "ADMIN")
    asked = Categorisation(clip, "evidential", "an arrest", "ADMIN", now_iso())
    for number, (signed, why) in enumerate(
        (
            (stranger.sign(PURPOSES[Categorisation], asked), "not enrolled"),
            (desk.sign("BAKER", asked), "signed by BAKER"),
            (desk.people["ADMIN"].sign("bwv.other.1", asked), "is wrong"),
        )
    ):
        with pytest.raises(SignatureInvalid, match=why):
            await desk.ask(asked, signed=signed, event_id=f"evt-forged-{number}")
        refused(await desk.answer(f"evt-forged-{number}"), why)
    assert (await desk.fate(clip)).facts == ()
    assert await desk.told("clips.categorised") == []


async def test_a_request_counts_for_the_clip_that_was_signed_alone(desk: Desk) -> None:
    await desk.adopt()
    clip, other = await desk.clip(), await desk.clip()
    signed = desk.sign("ADMIN", Categorisation(clip, "evidential", "an arrest", "ADMIN", now_iso()))
    with pytest.raises(RuleBroken, match=clip):
        await desk.tell("categories.requested", m.CategoryRequested(other, signed), other, "evt-moved")
    refused(await desk.answer("evt-moved"), other, clip)
    assert (await desk.fate(other)).facts == (await desk.fate(clip)).facts == ()


async def test_a_decision_from_the_future_is_refused(desk: Desk) -> None:
    await desk.adopt()
    clip = await desk.clip()
    later = now_iso(datetime.now(UTC) + timedelta(hours=2))
    refused(await desk.ask(Categorisation(clip, "evidential", "x", "ADMIN", later)), "in the future", "clock")
    for at in ("yesterday", "2026-11-22T10:00:00"):
        refused(await desk.ask(Categorisation(clip, "evidential", "x", "ADMIN", at)), "the time of the request")


async def test_a_clip_that_nobody_knows_is_refused_by_name(desk: Desk) -> None:
    await desk.adopt()
    refused(await desk.categorise("clip-unknown", "evidential"), "there is no clip clip-unknown")


async def test_another_message_is_a_fault_of_the_message(desk: Desk) -> None:
    with pytest.raises(MessageInvalid, match="CustodySealed"):
        await desk.tell("custody.sealed", m.CustodySealed(1, "r", "c", "o"), "k")


# -- policies ----------------------------------------------------------------------------------------------


async def test_the_newest_adopted_policy_is_in_force(desk: Desk) -> None:
    async with desk.database.connection() as connection:
        assert await current(connection) is None
    done(await desk.adopt(SURREY, 1), "policy 1", "surrey")
    done(await desk.adopt(MET, 2), "policy 2")
    async with desk.database.connection() as connection:
        newest, first = await current(connection), await of_version(connection, 1)
        versions = await all_versions(connection)
        assert await of_version(connection, 3) is None
    assert newest is not None and (newest.version, newest.toml) == (2, MET)
    assert first is not None and (first.version, first.toml) == (1, SURREY)
    assert [(v.version, v.adopted_by) for v in versions] == [(2, "ADMIN"), (1, "ADMIN")]
    assert [told["version"] for told in await desk.told("policies.adopted")] == [1, 2]


async def test_a_policy_is_adopted_in_its_turn_and_to_the_letter(desk: Desk) -> None:
    await desk.adopt(SURREY, 1)
    for asked, words in (
        (desk.adoption(MET, 1), ("version 1", "2 is the next")),
        (desk.adoption(MET, 3), ("version 3", "2 is the next")),
        (desk.adoption(MET, 2, sha256="0" * 64), ("SHA-256", "signs")),
        (desk.adoption(SURREY, 2), ("in force already",)),
        (desk.adoption(MET, 2, dry_run=""), ("no dry run", "bwv retention dry-run")),
        (desk.adoption("name = 1", 2), ("not a policy",)),
    ):
        refused(await desk.ask(asked), *words)
    assert [row["version"] for row in await desk.database.fetch("SELECT version FROM policies")] == [1]
    assert len(await desk.told("requests.refused")) == 6


async def test_a_policy_waits_for_the_commit_of_a_disposal_that_is_under_way(desk: Desk) -> None:
    async with desk.database.transaction() as committing:
        await fetch(committing, "SELECT one FROM guard FOR SHARE")
        adopting = asyncio.create_task(desk.adopt())
        waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')"
        await eventually(lambda: desk.database.fetch(waits), "the adoption to wait for the guard")
        assert not adopting.done()
        assert await desk.database.fetch("SELECT 1 FROM policies") == []
    done(await adopting, "policy 1")


# -- sweeps ------------------------------------------------------------------------------------------------


async def test_a_stopped_sweep_goes_on_once_a_person_says_so(desk: Desk) -> None:
    for sweep, state in (("sweep-1", "stopped"), ("sweep-2", "stopped"), ("sweep-3", "done")):
        await desk.database.execute(
            "INSERT INTO sweeps (sweep_id, started_at, policy, due, intended, state, reason)"
            " VALUES (%s, now(), 1, 900, 0, %s, 'too many')",
            (sweep, state),
        )

    def about(sweep: str, approve: bool, by: str = "ADMIN") -> SweepDecision:
        return SweepDecision(sweep, approve, "checked", by, now_iso())

    done(await desk.ask(about("sweep-1", True)), "sweep-1 goes on", "900", "ADMIN")
    done(await desk.ask(about("sweep-2", False, "BAKER")), "sweep-2 does not go on")
    refused(await desk.ask(about("sweep-1", False)), "approved by ADMIN", "waits for nobody")
    refused(await desk.ask(about("sweep-3", True)), "is done")
    refused(await desk.ask(about("sweep-4", True)), "no sweep 'sweep-4'", "bwv retention sweeps")
    rows = await desk.database.fetch("SELECT sweep_id, state, decided_by FROM sweeps ORDER BY sweep_id")
    assert [tuple(row.values()) for row in rows] == [
        ("sweep-1", "approved", "ADMIN"),
        ("sweep-2", "refused", "BAKER"),
        ("sweep-3", "done", None),
    ]
    assert [told["sweep_id"] for told in await desk.told("sweeps.decided")] == ["sweep-1", "sweep-2"]
