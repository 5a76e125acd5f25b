"""The pure decisions of long work: whose turn it is, and how far may be committed."""

from __future__ import annotations

import random

from streams.dead_letters import Origin
from streams.engine.turns import Job, Turns
from streams.engine.window import BEHIND, Window


def job(
    number: int, source: str = "A", *, key: str | None = None, urgent: bool = False, offset: int | None = None
) -> Job:
    topic = "bwv.clips.registered" + (".urgent" if urgent else "")
    name = (key or f"clip-{number}").encode()
    return Job(
        Origin(topic, 0, number if offset is None else offset, float(number), name, b"", ()), None, number, source
    )


def taken(turns: Turns, now: float = 0.0) -> list[Job]:
    found = []
    while (next_job := turns.take(now)) is not None:
        found.append(next_job)
    return found


def test_the_oldest_of_the_source_with_fewest_at_work_is_next() -> None:
    turns = Turns(at_once=4, urgent_slots=0, per_source=3)
    for number, source in enumerate("AAAABBC"):
        turns.put(job(number, source))
    assert [(x.source, x.order[1]) for x in taken(turns)] == [("A", 0), ("B", 4), ("C", 6), ("A", 1)]


def test_no_source_takes_more_than_its_share() -> None:
    turns = Turns(at_once=5, urgent_slots=1, per_source=2)
    for number in range(10):
        turns.put(job(number))
    assert len(taken(turns)) == 2


def test_urgent_goes_first_and_has_slots_of_its_own() -> None:
    turns = Turns(at_once=2, urgent_slots=1, per_source=2)
    for number in range(4):
        turns.put(job(number))
    patient = taken(turns)
    assert len(patient) == 2
    for number in range(10, 13):
        turns.put(job(number, urgent=True))
    assert [x.urgent for x in taken(turns)] == [True]
    turns.end(patient[0])
    assert [x.urgent for x in taken(turns)] == [True]


def test_two_messages_of_one_clip_are_never_at_work_together() -> None:
    turns = Turns(at_once=4, urgent_slots=2, per_source=4)
    for number in range(3):
        turns.put(job(number, key="one"))
    turns.put(job(3, key="two"))
    turns.put(job(4, key="one", urgent=True))
    first = taken(turns)
    assert [(x.key, x.urgent) for x in first] == [(b"one", True), (b"two", False)]
    turns.end(first[0])
    assert [x.order[1] for x in taken(turns)] == [0]


def test_a_busy_source_is_left_alone_until_it_asked_to_be_tried() -> None:
    turns = Turns(at_once=4, urgent_slots=0, per_source=2)
    turns.put(job(1, "A"))
    turns.put(job(2, "B"))
    turns.busy("A", until=10.0)
    assert [x.source for x in taken(turns, now=5.0)] == ["B"]
    assert turns.again(5.0) == 5.0
    assert [x.source for x in taken(turns, now=10.0)] == ["A"]
    assert turns.again(10.0) is None


def test_whatever_the_order_of_endings_every_job_has_its_turn_once_and_no_cap_is_passed() -> None:
    for seed in range(200):
        chance = random.Random(seed)
        turns = Turns(at_once=3, urgent_slots=1, per_source=2)
        jobs = [
            job(n, chance.choice("ABC"), key=f"k{chance.randrange(8)}", urgent=chance.random() < 0.3) for n in range(40)
        ]
        for each in jobs:
            turns.put(each)
        done: list[Job] = []
        at_work: list[Job] = []
        while len(done) < len(jobs):
            at_work += taken(turns)
            assert at_work, f"seed {seed}: nobody may start"
            assert len(at_work) <= 4 and sum(not x.urgent for x in at_work) <= 3
            assert len({x.key for x in at_work}) == len(at_work)
            assert all(sum(x.source == source for x in at_work) <= 3 for source in "ABC")
            ended = at_work.pop(chance.randrange(len(at_work)))
            turns.end(ended)
            if chance.random() < 0.2:
                turns.put(ended)
            else:
                done.append(ended)
        assert {id(x) for x in done} == {id(x) for x in jobs}


def test_the_position_moves_over_the_finished_head_alone() -> None:
    window = Window(4)
    for offset in (5, 6, 7):
        window.add(job(1, offset=offset))
    window.finish(6)
    window.finish(7)
    assert window.position is None and window.due() is None
    window.finish(5)
    assert window.position == 8 and window.due() == 8
    window.committed = 8
    assert window.due() is None


def test_offsets_may_have_gaps() -> None:
    window = Window(4)
    for offset in (5, 90, 400):
        window.add(job(1, offset=offset))
    window.finish(5)
    assert window.position == 6
    window.finish(90)
    assert window.position == 91
    window.finish(400)
    assert window.position == 401


def test_in_any_order_of_endings_the_position_never_passes_an_unfinished_message() -> None:
    for seed in range(200):
        chance = random.Random(seed)
        offsets = sorted(chance.sample(range(1000), 50))
        window = Window(50)
        for offset in offsets:
            window.add(job(1, offset=offset))
        unfinished = set(offsets)
        for offset in chance.sample(offsets, 50):
            window.finish(offset)
            unfinished.discard(offset)
            assert window.position is None or all(left >= window.position for left in unfinished), seed
            assert len(window.jobs()) == len(unfinished) == window.unfinished
        assert window.position == offsets[-1] + 1


def test_a_record_that_was_finished_or_is_in_flight_is_known() -> None:
    window = Window(4)
    window.add(job(1, offset=5))
    assert window.knows(5)
    window.finish(5)
    assert window.knows(5) and not window.knows(6)


def test_an_unfinished_head_leaves_room_for_others_but_not_without_end() -> None:
    window = Window(2)
    window.add(job(1, offset=1))
    for offset in range(2, 2 + 2 * BEHIND - 1):
        assert window.room() == 1
        window.add(job(1, offset=offset))
        assert window.room() == 0
        window.finish(offset)
    assert window.room() == 0
    assert [hole.origin.offset for hole in window.holes()] == [1]


def test_what_lies_below_something_at_work_must_be_finished_too_before_a_stop() -> None:
    window = Window(8)
    jobs = [job(number, offset=number) for number in range(6)]
    for each in jobs:
        window.add(each)
    window.finish(2)
    assert window.holes() == jobs[:2]
    assert window.holes({jobs[4]: "task"}) == [jobs[0], jobs[1], jobs[3]]
