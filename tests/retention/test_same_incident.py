"""A clip that may show a held incident, and does not say so, is kept until one person has looked at it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.retention.held import HERE, TEN, Held, near
from workers.retention.answers import Verdict
from workers.retention.nearby import question_id

MINUTE = timedelta(minutes=1)
INCIDENT = {"scope": "incident", "incident": "INC-1", "reason": "complaint"}


async def kept_for(held: Held, clip: str) -> list[str]:
    """Reasons in the clip's row, without their ids."""
    return [entry.partition("/")[0] for entry in (await held.fate(clip)).hold_reasons]


async def test_clips_near_in_time_and_place_are_asked_about_and_the_rest_is_not(held: Held) -> None:
    await held.clip(incident="INC-1", track=[near(0)])
    beside = await held.clip(began=TEN + 14 * MINUTE, track=[near(150)])
    away = await held.clip(track=[near(2000)])
    later = await held.clip(began=TEN + 16 * MINUTE, track=[near(0)])
    no_track = await held.clip(began=TEN + 4 * MINUTE)
    no_track_later = await held.clip(began=TEN + 6 * MINUTE)

    hold, _ = await held.ask(**INCIDENT)

    for clip in (beside, no_track):
        assert await kept_for(held, clip) == ["same-incident"]
        assert await held.states(question_id(hold, clip)) == {clip: "active"}
        assert held.holds_at_store(clip) == [True, True, True]
    for clip in (away, later, no_track_later):
        assert await kept_for(held, clip) == []


async def test_a_clip_that_is_docked_later_is_asked_about_once_it_is_stored(held: Held) -> None:
    await held.clip(incident="INC-1", track=[near(0)])
    await held.ask(**INCIDENT)
    beside = await held.clip(track=[near(100)], stored=False, catalogued=False)
    away = await held.clip(track=[near(900)], stored=False)

    await held.stored(beside)
    await held.stored(away)

    assert await kept_for(held, beside) == ["same-incident"] and await kept_for(held, away) == []


@pytest.mark.parametrize("fields", [INCIDENT | {"reason": "foi"}, {"scope": "clip"}])
async def test_only_complaints_and_cases_about_an_incident_or_a_place_ask(held: Held, fields: dict[str, str]) -> None:
    clip = await held.clip(incident="INC-1")
    beside = await held.clip()
    await held.ask(**(fields if "incident" in fields else {"clip_id": clip}))
    assert await kept_for(held, clip) != [] and await kept_for(held, beside) == []


async def test_a_place_hold_asks_about_those_who_stood_just_outside(held: Held) -> None:
    inside = await held.clip(track=[near(0)])
    outside = await held.clip(began=TEN + 18 * MINUTE, track=[near(250)])
    place = {"latitude": HERE.latitude, "longitude": HERE.longitude, "metres": 50.0}
    hold, _ = await held.ask(scope="place", place=place, since=TEN, until=TEN + 8 * MINUTE, reason="case")
    assert await kept_for(held, inside) == ["case"] and await kept_for(held, outside) == []

    nearer = await held.clip(began=TEN + 14 * MINUTE, track=[near(250)], stored=False)
    await held.stored(nearer)
    assert await held.states(question_id(hold, nearer)) == {nearer: "active"}


async def test_no_lets_it_go_and_nobody_is_asked_again(held: Held) -> None:
    first = await held.clip(incident="INC-1")
    beside = await held.clip()
    hold, _ = await held.ask(**INCIDENT)
    asked = question_id(hold, beside)
    wrong = await held.lift(asked)
    assert wrong.verdict is Verdict.REFUSED and "bwv hold answer" in wrong.says

    answer = await held.lift(asked, same_incident=False)
    assert answer.verdict is Verdict.DONE and await kept_for(held, beside) == []

    await held.stage.neighbours.ask_around((await held.hold(hold)), await held.fate(first))
    await held.settle()
    assert await kept_for(held, beside) == [] and await held.states(asked) == {beside: "lifted"}


async def test_yes_brings_it_under_the_hold_that_asked_and_it_is_never_without_either(held: Held) -> None:
    await held.clip(incident="INC-1")
    beside = await held.clip()
    hold, _ = await held.ask(**INCIDENT)

    answer = await held.lift(question_id(hold, beside), same_incident=True)

    assert answer.verdict is Verdict.DONE and hold in answer.says
    assert await kept_for(held, beside) == ["complaint"]
    assert (await held.states(hold))[beside] == "active"
    own = [topic for topic in held.topics(beside) if topic != "holds.matched"]
    assert own[:3] == ["holds.accepted", "holds.placed", "holds.accepted"] and own.index("holds.lifted") > 2
