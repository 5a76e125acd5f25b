"""What must hold of the join whatever the day: an added clip never makes a gap worse, and order does not matter."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.encounters.coverage import coverage, length, less, union, within
from workers.encounters.day import ClipSeen, Held, LogEvent, Meeting, OfficersDay, Rules
from workers.encounters.explained import said_of
from workers.encounters.join import join
from workers.encounters.places import GONE, Where, judged
from workers.encounters.words import GapKind
from workers.footage.recording import SourceType

T0 = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES = Rules(flags=("stop-and-search",))


def at(second: int) -> datetime:
    return T0 + timedelta(seconds=second)


seconds = st.integers(-3600, 3600)
spans = st.tuples(seconds, st.integers(1, 2400)).map(lambda span: (at(span[0]), at(span[0] + span[1])))


@st.composite
def clips(draw: st.DrawFn) -> ClipSeen:
    began, ended = draw(spans)
    return ClipSeen(
        clip_id=f"clip-{draw(st.integers(0, 10**9))}",
        camera=draw(st.sampled_from(["BWC-1", "BWC-2"])),
        source_type=draw(st.sampled_from([SourceType.BODY_WORN] * 3 + [SourceType.TASER])),
        began=began,
        ended=draw(st.sampled_from([ended, ended, ended, None])),
        incident=draw(st.sampled_from([None, "CAD-1", "CAD-2"])),
        trigger=draw(st.sampled_from(["button", "safety_off"])),
        categories=draw(st.sampled_from([(), ("stop-and-search",)])),
        silent=draw(st.booleans()),
        muted=tuple(draw(st.lists(spans, max_size=2))),
        ahead=timedelta(seconds=draw(st.sampled_from([0, 0, 7, -3600]))),
    )


@st.composite
def meetings(draw: st.DrawFn) -> Meeting:
    began, ended = draw(spans)
    return Meeting(
        f"encounter-{draw(st.integers(0, 10**9))}",
        began,
        draw(st.sampled_from([ended, ended, None])),
        draw(st.sampled_from([None, "CAD-1"])),
        *draw(st.sampled_from([(None, None), (51.5, -0.1)])),
    )


logs = st.lists(
    st.builds(LogEvent, st.sampled_from(["BWC-1", "BWC-2"]), seconds.map(at),
              st.sampled_from(["power_on", "power_off", "record", "stop", "battery_flat", "power_lost", "battery"])),
    max_size=6,
)  # fmt: skip
held = st.lists(st.builds(Held, st.sampled_from(["BWC-1", "BWC-2"]), seconds.map(at), st.none()), max_size=2)
distances = st.sampled_from([None, 0.0, 350.0, 351.0, 1100.0, 1101.0, 4200.0, GONE])
"""Each side of what is near and of what is elsewhere, and nothing known."""


@st.composite
def days(draw: st.DrawFn) -> OfficersDay:
    there = tuple(draw(st.lists(meetings(), max_size=4, unique_by=lambda one: one.encounter_id)))
    seen = tuple(draw(st.lists(clips(), max_size=6, unique_by=lambda one: one.clip_id)))
    nobodys = tuple(
        draw(st.lists(clips(), max_size=2, unique_by=lambda one: one.clip_id).map(lambda found: [
            one for one in found if one.clip_id not in {clip.clip_id for clip in seen}
        ]))
    )  # fmt: skip
    return OfficersDay(
        "PC-1", there, seen, tuple(draw(logs)), tuple(draw(held)), draw(measured(there, (*seen, *nobodys))), nobodys
    )


@st.composite
def measured(draw: st.DrawFn, there: tuple[Meeting, ...], seen: tuple[ClipSeen, ...]) -> dict[tuple[str, str], float]:
    """What tracks say of some pairs, of encounters that have a place."""
    pairs = [(one.encounter_id, clip.clip_id) for one in there if one.lat is not None for clip in seen]
    return {pair: metres for pair in pairs if (metres := draw(distances)) is not None}


def shows(day: OfficersDay, meeting: Meeting) -> list[ClipSeen]:
    """The body-worn clips that are not known to be of elsewhere."""
    return [
        clip
        for clip in day.clips
        if clip.source_type is SourceType.BODY_WORN
        and (
            meeting.lat is None
            or judged(day.metres.get((meeting.encounter_id, clip.clip_id)), RULES) is not Where.ELSEWHERE
        )
    ]


@settings(max_examples=60, deadline=None)
@given(days(), clips(), st.data())
def test_an_added_clip_never_makes_a_gap_worse(day: OfficersDay, clip: ClipSeen, data: st.DataObject) -> None:
    if clip.clip_id in {one.clip_id for one in (*day.clips, *day.unclaimed)}:
        return
    metres = day.metres | data.draw(measured(day.meetings, (clip,)))
    more = msgspec.structs.replace(day, clips=(*day.clips, clip), metres=metres)
    before, after = (
        {gap.encounter_id for gap in join(one, RULES).gaps if gap.kind is GapKind.NONE} for one in (day, more)
    )
    assert after <= before, "nothing that was filmed is unfilmed by another clip"
    for meeting in day.meetings:
        without = coverage(meeting, shows(day, meeting), RULES)
        with_it = coverage(meeting, shows(more, meeting), RULES)
        whole = (meeting.end(RULES) - meeting.at).total_seconds()
        assert with_it.unseen <= without.unseen
        heard = [(whole - one.unseen - one.unheard) if meeting.until else -one.late for one in (without, with_it)]
        assert heard[1] >= heard[0], "what is heard stays heard"


@settings(max_examples=50, deadline=None)
@given(days(), st.randoms(use_true_random=False))
def test_the_order_of_what_is_known_does_not_matter(day: OfficersDay, chance: random.Random) -> None:
    def mixed(values: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(chance.sample(values, len(values)))

    parts = ("meetings", "clips", "log", "held", "unclaimed")
    other = msgspec.structs.replace(day, **{part: mixed(getattr(day, part)) for part in parts})
    assert join(other, RULES) == join(day, RULES)


@settings(max_examples=50, deadline=None)
@given(days(), meetings())
def test_an_encounter_depends_on_no_other_one(day: OfficersDay, other: Meeting) -> None:
    if other.encounter_id in {one.encounter_id for one in day.meetings}:
        return
    alone, both = join(day, RULES), join(msgspec.structs.replace(day, meetings=(*day.meetings, other)), RULES)
    mine = {one.encounter_id for one in day.meetings}
    assert [one for one in both.shown if one.encounter_id in mine] == list(alone.shown)
    assert [one for one in both.gaps if one.encounter_id in mine] == list(alone.gaps)
    assert set(both.unmatched) <= set(alone.unmatched), "a record can only answer for a clip"


@settings(max_examples=60, deadline=None)
@given(days())
def test_a_distance_only_takes_footage_away_and_only_where_it_is_far(day: OfficersDay) -> None:
    blind = msgspec.structs.replace(day, metres={}, unclaimed=())
    without, with_it = join(blind, RULES), join(day, RULES)
    assert {(one.encounter_id, one.clip_id) for one in with_it.shown} <= {
        (one.encounter_id, one.clip_id) for one in without.shown
    }
    assert with_it.asked == without.asked, "what is asked does not depend on what was answered"
    far = {pair for pair, metres in day.metres.items() if judged(metres, RULES) is Where.ELSEWHERE}
    for one in with_it.shown:
        pair = one.encounter_id, one.clip_id
        assert one.how == "incident" or pair not in far, "what was recorded elsewhere is no footage of it"
        assert one.how.endswith("+place") == (
            one.how.startswith("time") and judged(day.metres.get(pair), RULES) is Where.NEAR
        )
    untouched = {one.encounter_id for one in day.meetings} - {encounter for encounter, _ in far}
    for before, after in ((without.gaps, with_it.gaps), (with_it.gaps, without.gaps)):
        mine = {(one.encounter_id, one.kind, one.seconds) for one in before if one.encounter_id in untouched}
        assert mine <= {(one.encounter_id, one.kind, one.seconds) for one in after}, "nothing else moves a gap"


@settings(max_examples=60, deadline=None)
@given(st.lists(spans, max_size=6), st.lists(spans, max_size=6))
def test_spans_are_reckoned_second_by_second(
    some: list[tuple[datetime, datetime]], away: list[tuple[datetime, datetime]]
) -> None:
    def moments(given: list[tuple[datetime, datetime]]) -> set[int]:
        return {
            n for one, other in given for n in range(int((one - T0).total_seconds()), int((other - T0).total_seconds()))
        }

    left = less(union(some), union(away))
    assert moments(left) == moments(some) - moments(away)
    assert length(left) == len(moments(left))
    assert moments(within(some, at(-100), at(1000))) == moments(some) & set(range(-100, 1000))


def test_only_what_nobody_chose_explains_a_gap() -> None:
    camera = [Held("BWC-1", at(-7200), None, at(7200))]
    events = {
        "power_off": None,
        "stop": None,
        "battery_flat": "battery_flat",
        "power_lost": "power_lost",
        "record": None,
    }
    for event, explains in events.items():
        assert said_of(at(0), camera, [LogEvent("BWC-1", at(-60), event)]).explained_by == explains, event
    flat_then_on = [LogEvent("BWC-1", at(-60), "battery_flat"), LogEvent("BWC-1", at(-30), "power_on")]
    assert said_of(at(0), camera, flat_then_on).explained_by is None, "it had power again"
    two = [*camera, Held("BWC-2", at(-7200), None, at(7200))]
    assert said_of(at(0), two, flat_then_on[:1]).explained_by is None, "the other camera had power"
    assert "no camera" in (said_of(at(0), [], []).note or "")
