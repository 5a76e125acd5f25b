"""Golden histories: what was seen of a stage, and what that means."""

from __future__ import annotations

import itertools

import pytest
from msgspec.structs import replace

from workers.operations.lag.figures import has_trend, over_in, stage_lag
from workers.operations.lag.history import APART, KEPT, OLD_APART, RECENT, Look, Looks, Members, Place, add, merged
from workers.operations.lag.verdict import LONG_STEP, STALLED_AFTER, Shows, Verdict, judge

START = 1_800_000_000.0
EVERY = 10.0
FOUND_WITHIN = 60.0


def looks(*positions: tuple[int, int], members: Members = Members.THERE, member: str = "one") -> Looks:
    """A look every ten seconds at one partition: what is committed, and where the topic ends."""
    came: dict[int, float] = {}
    seen: Looks = ()
    for number, (committed, end) in enumerate(positions):
        at = START + number * EVERY
        for offset in range(end):
            came.setdefault(offset, at)
        place = Place("clips.secured", 0, committed, 0, end, member, came.get(committed) if committed < end else None)
        seen = add(seen, Look(at, members, (place,)))
    return seen


GOLDEN = {
    "nothing ever came": (looks(*[(0, 0)] * 40), Verdict.OK),
    "everything was done long ago": (looks(*[(500, 500)] * 40), Verdict.OK),
    "a message has just come after a long rest": (looks(*[(500, 500)] * 40, (500, 501)), Verdict.OK),
    "one message every look, each done before the next": (looks(*[(n, n + 1) for n in range(40)]), Verdict.OK),
    "a backlog that is worked off": (looks(*[(100 * n, 3000) for n in range(20)]), Verdict.OK),
    "a backlog that grows and is gone again": (
        looks(*[(n, 2 * n) for n in range(10)], *[(10 + 5 * n, 50) for n in range(9)]),
        Verdict.OK,
    ),
    "less is finished than comes": (looks(*[(10 * n, 100 + 30 * n) for n in range(20)]), Verdict.SLOW),
    "as much is finished as comes, and the oldest waits ever longer": (
        looks(*[(10 * n, 100 + 12 * n) for n in range(20)]),
        Verdict.SLOW,
    ),
    "the oldest waits for fifty seconds, and never longer": (
        looks(*[(10 * n, 10 * n + 50) for n in range(30)]),
        Verdict.OK,
    ),
    "it falls behind by a few seconds": (looks(*[(10 * n, 11 * n + 10) for n in range(13)]), Verdict.OK),
    "nothing waited a minute ago": (
        looks((0, 10), (10, 10), *[(10 * n, 20 + 20 * n) for n in range(1, 7)]),
        Verdict.OK,
    ),
    "it moves at every second look": (looks(*[(10 * (n // 2), 3000) for n in range(20)]), Verdict.OK),
    "it stands for thirty seconds": (looks((5, 5), *[(5, 9)] * 4), Verdict.OK),
    "it lives and does nothing": (looks((5, 5), *[(5, 9)] * 6), Verdict.STALLED),
    "it does nothing while ever more comes": (looks(*[(5, 9 + n) for n in range(9)]), Verdict.STALLED),
    "it has never committed anything": (looks(*[(0, 3)] * 9), Verdict.STALLED),
    "it stood and goes on": (looks(*[(5, 9)] * 9, (6, 9)), Verdict.OK),
    "nobody is there and messages wait": (looks(*[(5, 9)] * 9, members=Members.NOBODY, member=""), Verdict.STOPPED),
    "nobody is there and nothing waits": (looks(*[(9, 9)] * 9, members=Members.NOBODY, member=""), Verdict.STOPPED),
    "the group is rearranged for a moment": (
        looks(*[(5, 9)] * 3, members=Members.REARRANGING, member=""),
        Verdict.OK,
    ),
    "the group is rearranged without end": (
        looks(*[(5, 9)] * 9, members=Members.REARRANGING, member=""),
        Verdict.STALLED,
    ),
    "its position was set back": (looks(*[(500, 500)] * 5, (20, 500), (60, 500)), Verdict.REWOUND),
    "it was set back and is where it was": (looks(*[(500, 500)] * 5, (20, 500), (500, 500)), Verdict.OK),
    "the topic was made anew": (looks(*[(500, 500)] * 5, (500, 3)), Verdict.REWOUND),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_a_golden_history_has_its_verdict(name: str) -> None:
    seen, expected = GOLDEN[name]
    finding = judge(seen)
    assert finding.verdict is expected, finding
    assert bool(finding.reasons) == (expected is not Verdict.OK)
    assert (finding.since is None) == (expected is Verdict.OK)


@pytest.mark.parametrize("idle", [0.0, 1.0, 9.9])
@pytest.mark.parametrize("rested", [0, 3, 50])
def test_a_stage_that_lives_and_does_nothing_is_found_within_a_minute_and_not_at_once(idle: float, rested: int) -> None:
    """The message comes somewhere between two looks; the stage is healthy, and idle, before."""
    came = START + rested * EVERY + idle
    seen: Looks = ()
    for number in itertools.count():
        at = START + number * EVERY
        end = 8 if at > came else 7
        seen = add(seen, Look(at, Members.THERE, (Place("t", 0, 7, 0, end, "one", came if end == 8 else None),)))
        verdict = judge(seen).verdict
        if verdict is not Verdict.OK:
            break
        assert at - came <= FOUND_WITHIN
    assert verdict is Verdict.STALLED
    assert STALLED_AFTER <= at - came <= FOUND_WITHIN


@pytest.mark.parametrize("skew", [-3600.0, 3600.0])
def test_a_clock_that_is_off_accuses_nobody(skew: float) -> None:
    """The broker's clock is an hour away from ours, and a message has just come."""
    place = Place("t", 0, 7, 0, 8, "one", START + skew)
    seen = tuple(Look(START + n, Members.THERE, (place,)) for n in (0.0, 5.0, 10.0))
    assert judge(seen).verdict is Verdict.OK
    assert all(look.seconds >= 0 for look in seen)


def test_a_clip_whose_bytes_move_is_not_stalled_and_one_whose_bytes_stand_is() -> None:
    """One clip of twenty minutes: nothing is committed; the bytes move for ten minutes, then they do not."""
    seen: Looks = ()
    for number in range(60):
        moving = START + number * EVERY
        seen = add(seen, Look(moving, Members.THERE, (Place("clips.registered", 0, 3, 0, 4, "one", START, moving),)))
        assert judge(seen, Shows.BYTES).verdict is Verdict.OK
    last = seen[-1]
    verdicts = []
    for number in range(1, 7):
        seen = add(seen, replace(last, at=last.at + number * EVERY))
        verdicts.append(judge(seen, Shows.BYTES).verdict)
    assert verdicts == [Verdict.OK] * 3 + [Verdict.STALLED] * 3


def test_who_began_to_look_later_has_not_seen_the_older_signs_and_acquits_nobody() -> None:
    """Two watchers' looks lie among each other: one knows of bytes that moved before the message came, one does not."""
    seen: Looks = ()
    for number in range(8):
        moving = START - 100.0 if number % 2 else 0.0
        place = Place("clips.registered", 0, 3, 0, 4, "one", START, moving)
        seen = add(seen, Look(START + number * EVERY, Members.THERE, (place,)))
    assert judge(seen, Shows.BYTES).verdict is Verdict.STALLED


def test_a_stage_is_not_called_slow_because_others_queue_behind_its_first_long_clips() -> None:
    seen: Looks = ()
    for number in range(12):
        at = START + number * EVERY
        seen = add(seen, Look(at, Members.THERE, (Place("clips.registered", 0, 3, 0, 5 + number, "one", START, at),)))
        assert judge(seen, Shows.BYTES).verdict is Verdict.OK


def test_one_member_that_sleeps_does_not_hide_behind_another_that_works() -> None:
    seen: Looks = ()
    for number in range(9):
        awake = Place("t", 0, 10 * number, 0, 1000, "awake", START)
        asleep = Place("t", 1, 4, 0, 6, "asleep", START)
        seen = add(seen, Look(START + number * EVERY, Members.THERE, (awake, asleep)))
    finding = judge(seen)
    assert finding.verdict is Verdict.STALLED
    assert finding.reasons == ("asleep: 2 messages wait, and nothing was finished for 80 s",)


def test_a_partition_that_nobody_has_counts_as_stopped() -> None:
    had, nobodys = Place("t", 0, 9, 0, 9, "one"), Place("t", 1, 4, 0, 6, "", START)
    seen = tuple(Look(START + n * EVERY, Members.THERE, (had, nobodys)) for n in range(6))
    finding = judge(seen)
    assert finding.verdict is Verdict.STOPPED
    assert finding.reasons == ("nobody has t/1, where 2 messages wait",)


def test_a_stage_without_signs_of_its_bytes_is_slow_while_it_says_that_it_works_and_stalled_for_good() -> None:
    place = Place("holds.requested", 0, 4, 0, 5, "one", START)

    def after(seconds: float, at_work: int | None) -> Verdict:
        seen = [Look(START + t, Members.THERE, (place,), at_work=at_work) for t in (0.0, seconds / 2, seconds)]
        return judge(tuple(seen), Shows.NOTHING).verdict

    assert after(STALLED_AFTER - 1, 1) is Verdict.OK
    assert after(STALLED_AFTER + 1, 1) is Verdict.SLOW
    assert after(LONG_STEP + 1, 1) is Verdict.STALLED
    assert after(STALLED_AFTER + 1, 0) is Verdict.STALLED
    assert after(STALLED_AFTER + 1, None) is Verdict.STALLED


def test_what_is_away_is_named_beside_the_verdict() -> None:
    seen = looks(*[(5, 9)] * 9)
    away = replace(seen[-1], waits_for=("object store, away since 2026-11-22T10:00:00Z: refused",))
    reasons = judge((*seen[:-1], away)).reasons
    assert reasons == (
        "4 messages wait, and nothing was finished for 80 s",
        "waits for object store, away since 2026-11-22T10:00:00Z: refused",
    )


def test_messages_that_the_broker_deleted_unread_are_told_and_do_not_wait() -> None:
    place = Place("t", 0, 10, 50, 50, "one")
    lag = stage_lag("intake", tuple(Look(START + n * EVERY, Members.THERE, (place,)) for n in range(9)))
    assert (lag.messages, lag.gone, lag.verdict) == (0, 40, Verdict.OK)
    assert lag.wants_a_person
    assert "40 messages were deleted" in lag.reasons[0]


def test_a_first_look_says_who_is_not_there_and_accuses_nobody_else() -> None:
    (stopped,) = looks((5, 9), members=Members.NOBODY, member="")
    (waiting,) = looks((5, 9))
    assert judge((stopped,)).verdict is Verdict.STOPPED
    assert judge((waiting,)).verdict is Verdict.OK


def test_a_stage_that_is_started_again_is_not_called_stopped() -> None:
    there, gone = looks(*[(9, 9)] * 3), looks((9, 9), members=Members.NOBODY, member="")[0]
    away = tuple(replace(gone, at=there[-1].at + seconds) for seconds in (5.0, 10.0, 19.0, 25.0))
    assert [judge((*there, *away[:n])).verdict for n in (1, 2, 3, 4)] == [
        Verdict.OK,
        Verdict.OK,
        Verdict.OK,
        Verdict.STOPPED,
    ]


@pytest.mark.parametrize(
    ("mute", "expected"),
    [
        ([False] * 9, Verdict.OK),
        ([False] + [True] * 4, Verdict.OK),
        ([False] + [True] * 5, Verdict.STALLED),
        ([True] * 9 + [False], Verdict.OK),
        ([True, True, False] * 5 + [True], Verdict.OK),
    ],
)
def test_who_works_by_the_clock_and_does_not_answer_is_stalled(mute: list[bool], expected: Verdict) -> None:
    """It has a lock and no messages: nothing else tells that its process sleeps."""
    seen = tuple(Look(START + n * EVERY, Members.THERE, mute=one) for n, one in enumerate(mute))
    assert judge(seen).verdict is expected
    gone = tuple(replace(look, members=Members.NOBODY) for look in seen)
    assert judge(gone).verdict is Verdict.STOPPED


def test_there_is_a_trend_once_looks_of_late_lie_apart() -> None:
    assert not has_trend(looks((5, 9)))
    assert not has_trend((Look(START, Members.THERE), Look(START + 1, Members.THERE)))
    assert has_trend(looks((5, 9), (6, 9)))
    assert not has_trend((Look(START - 500, Members.THERE), Look(START, Members.THERE)))


# The figures.


def test_the_end_of_a_backlog_is_reckoned_from_messages_or_where_bytes_move_from_bytes() -> None:
    backlog = looks(*[(100 * n, 3000) for n in range(11)])
    assert over_in(backlog) == pytest.approx(2000 / 10)
    moving = replace(backlog[-1], clips=20, bytes=50_000_000, done=10_000_000, rate=4e6)
    assert over_in((*backlog[:-1], moving)) == pytest.approx(10.0)
    assert over_in(looks((9, 9))) == 0.0
    assert over_in(looks(*[(5, 9 + n) for n in range(9)])) is None
    assert over_in(backlog[:1]) is None
    stood = looks((0, 0), (0, 60), (0, 60), (0, 60), (20, 60))
    assert over_in(stood) == pytest.approx(2 * (stood[-1].at - stood[-2].at)), "what stood still is caught up now"


def test_the_figures_of_a_stage_name_only_the_places_in_which_something_waits() -> None:
    idle, busy = Place("t", 0, 9, 0, 9, "one"), Place("t", 1, None, 2, 5, "one", START - 30)
    lag = stage_lag("transfer", (Look(START, Members.THERE, (idle, busy), clips=3, bytes=12),))
    assert (lag.messages, lag.clips, lag.bytes, lag.seconds, lag.places) == (3, 3, 12, 30.0, (busy,))


def test_looks_are_kept_for_ten_minutes_and_never_without_bound() -> None:
    seen: Looks = ()
    for number in range(2000):
        seen = add(seen, Look(START + number, Members.THERE))
    assert len(seen) <= RECENT / APART + (KEPT - RECENT) / OLD_APART + 3
    assert seen[-1].at - seen[0].at == pytest.approx(KEPT, abs=OLD_APART + APART)
    apart = [later.at - earlier.at for earlier, later in itertools.pairwise(seen)]
    assert max(apart) < OLD_APART + APART + 1


def test_two_watchers_see_more_than_one_and_a_clock_that_was_set_back_begins_anew() -> None:
    ours = tuple(Look(START + n * 20, Members.THERE) for n in range(4))
    theirs = tuple(Look(START + 10 + n * 20, Members.THERE) for n in range(3))
    assert [look.at - START for look in merged(ours, theirs)] == [0, 10, 20, 30, 40, 50, 60]
    ahead = tuple(Look(START + 5000 + n, Members.THERE) for n in range(3))
    assert merged(ours, ahead) == ours
    assert add(ours, Look(START - 100, Members.THERE)) == (Look(START - 100, Members.THERE),)
