"""Reviews that a person ends, and footage that goes early because two people agree."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.retention.desk import Desk, ago, done, refused
from workers.fate.row import Fate
from workers.keys.statements import now_iso
from workers.retention.clips import clip_of
from workers.retention.decide import decide
from workers.retention.decision import Expire
from workers.retention.facts import EarlyDisposal, Reviewed, Verdict, hold_entry
from workers.retention.policies import current
from workers.retention.reviewing import OpenReview, open_reviews
from workers.retention.statements import EarlyDisposalRequest, ReviewVerdict

WITHIN = timedelta(days=28)


@pytest.fixture
async def office(desk: Desk) -> Desk:
    """Surrey's policy."""
    done(await desk.adopt(), "policy 1")
    return desk


async def old_clip(office: Desk, **row: object) -> str:
    """An evidential clip whose seven years are over."""
    clip = await office.clip(docked_at=ago(days=8 * 365), incident="INC-9", row=row)
    await office.categorise(clip, "evidential")
    return clip


async def open_review(office: Desk, clip: str, **due: float) -> None:
    """What the sweep does when a period ends."""
    await office.database.execute(
        "INSERT INTO reviews (clip_id, due_at, policy, category, rule, opened_at)"
        " VALUES (%s, %s, 1, 'evidential', 'evidential', now())",
        (clip, ago(**due)),
    )


async def waiting(office: Desk, *, overdue: bool = False) -> list[OpenReview]:
    async with office.database.connection() as connection:
        return await open_reviews(connection, WITHIN, overdue=overdue)


async def decided(office: Desk, clip: str):  # type: ignore[no-untyped-def]
    """The decision about a clip now."""
    fate: Fate = await office.fate(clip)
    async with office.database.connection() as connection:
        policy = await current(connection)
    assert policy is not None
    holds = tuple(hold_entry(entry) for entry in fate.hold_reasons)
    return decide(clip_of(fate), fate.facts, holds, policy, ago())


def verdict(clip: str, says: Verdict, by: str = "ADMIN") -> ReviewVerdict:
    return ReviewVerdict(clip, says, "looked at", by, now_iso())


async def test_reviews_are_listed_oldest_first_and_overdue_ones_are_named(office: Desk) -> None:
    old, young, gone = await old_clip(office), await old_clip(office), await old_clip(office, disposal="committed")
    await open_review(office, young, days=3)
    await open_review(office, old, days=30)
    await open_review(office, gone, days=40)
    found = await waiting(office)
    assert [(review.clip_id, review.overdue) for review in found] == [(old, True), (young, False)]
    assert (found[0].incident, found[0].size, found[0].camera, found[0].held) == ("INC-9", 1000, "CAM-1", False)
    assert [review.clip_id for review in await waiting(office, overdue=True)] == [old]


async def test_keeping_starts_another_period(office: Desk) -> None:
    clip = await old_clip(office)
    await open_review(office, clip, days=3)
    done(await office.ask(verdict(clip, Verdict.KEEP)), "is kept, decided by ADMIN", "a person reviews it from")
    planned = await office.planned(clip)
    assert planned is not None
    assert timedelta(days=5 * 365) < planned["review_from"] - ago() < timedelta(days=5 * 366)
    assert await waiting(office) == []
    [row] = await office.database.fetch("SELECT verdict, decided_by, decided_at FROM reviews")
    assert (row["verdict"], row["decided_by"]) == ("keep", "ADMIN") and row["decided_at"] is not None
    assert [told["clip_id"] for told in await office.told("reviews.decided")] == [clip]


async def test_letting_go_makes_it_due(office: Desk) -> None:
    clip = await old_clip(office)
    await open_review(office, clip, days=3)
    done(await office.ask(verdict(clip, Verdict.DISPOSE)), "may go, decided by ADMIN", "kept until")
    [fact] = [fact for fact in (await office.fate(clip)).facts if isinstance(fact, Reviewed)]
    assert (fact.verdict, fact.by) == (Verdict.DISPOSE, "ADMIN")
    assert isinstance(await decided(office, clip), Expire)
    planned = await office.planned(clip)
    assert planned is not None and planned["intend_from"] <= ago()


async def test_a_review_is_decided_once_and_only_when_it_is_open(office: Desk) -> None:
    clip = await old_clip(office)
    refused(await office.ask(verdict(clip, Verdict.KEEP)), "no retention review", "bwv reviews list")
    await open_review(office, clip, days=3)
    done(await office.ask(verdict(clip, Verdict.KEEP, "BAKER")))
    refused(await office.ask(verdict(clip, Verdict.DISPOSE)), "no retention review")
    assert [type(fact) for fact in (await office.fate(clip)).facts].count(Reviewed) == 1


async def test_nothing_is_let_go_under_a_hold_but_it_may_be_kept(office: Desk) -> None:
    clip = await old_clip(office, hold_reasons=["complaint/hold-1"])
    await open_review(office, clip, days=3)
    refused(await office.ask(verdict(clip, Verdict.DISPOSE)), "kept by the force", "bwv hold list")
    assert len(await waiting(office)) == 1
    done(await office.ask(verdict(clip, Verdict.KEEP)), "is kept", "the force keeps it")


async def test_a_review_waits_no_more_once_the_clip_has_a_longer_period(office: Desk) -> None:
    clip = await old_clip(office)
    await open_review(office, clip, days=3)
    assert len(await waiting(office)) == 1
    await office.categorise(clip, "public-protection")
    assert await waiting(office) == []
    for says in Verdict:
        refused(await office.ask(verdict(clip, says)), "no retention review", "it does not go by itself")
    await office.categorise(clip, "evidential")
    await office.categorise(clip, "evidential", "BAKER", confirms=True)
    assert [review.category for review in await waiting(office)] == ["evidential"]
    done(await office.ask(verdict(clip, Verdict.DISPOSE)), "may go")


# -- early -------------------------------------------------------------------------------------------------


def early(clip: str, by: str, *, approves: bool = False) -> EarlyDisposalRequest:
    return EarlyDisposalRequest(clip, approves, "recorded in a changing room", by, now_iso())


async def test_two_people_let_a_clip_go_early(office: Desk) -> None:
    clip = await office.clip()
    asked = await office.ask(early(clip, "BAKER"))
    assert asked.verdict == "pending" and "BAKER asks" in asked.says and "--approve" in asked.says
    assert (await office.fate(clip)).facts == ()
    refused(await office.ask(early(clip, "BAKER", approves=True)), "BAKER asked", "cannot approve it too")

    done(await office.ask(early(clip, "CLARK", approves=True)), "BAKER asked, CLARK approved", "kept until")

    [fact] = (await office.fate(clip)).facts
    assert isinstance(fact, EarlyDisposal) and (fact.asked_by, fact.approved_by) == ("BAKER", "CLARK")
    assert isinstance(await decided(office, clip), Expire)
    [told] = await office.told("disposals.early-approved")
    assert '"by":"BAKER"' in told["asked"]["body"] and '"by":"CLARK"' in told["approved"]["body"]
    refused(await office.ask(early(clip, "ADMIN", approves=True)), "nobody asked")


async def test_the_newest_wish_stands(office: Desk) -> None:
    clip = await office.clip()
    await office.ask(early(clip, "BAKER"))
    await office.ask(early(clip, "CLARK"))
    refused(await office.ask(early(clip, "CLARK", approves=True)), "CLARK asked")
    done(await office.ask(early(clip, "BAKER", approves=True)), "CLARK asked, BAKER approved")


async def test_nothing_goes_early_that_is_held_or_in_the_bin(office: Desk) -> None:
    clip = await office.clip()
    await office.ask(early(clip, "BAKER"))
    await office.database.execute("UPDATE clip_fate SET hold_reasons = '{dsi/hold-1}' WHERE clip_id = %s", (clip,))
    for asked in (early(clip, "CLARK"), early(clip, "CLARK", approves=True)):
        refused(await office.ask(asked), "kept by the force")
    await office.database.execute("UPDATE clip_fate SET hold_reasons = '{}' WHERE clip_id = %s", (clip,))
    await office.intend(clip)
    for asked in (early(clip, "CLARK"), early(clip, "CLARK", approves=True)):
        refused(await office.ask(asked), "in the bin already")
    assert await office.told("disposals.early-approved") == []
