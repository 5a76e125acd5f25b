"""The days of a complaint, by hand from the calendar; and what does not follow from what is on record."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.scrutiny.scrutinised import PLACE
from workers.errors import Refused
from workers.keys.signing import Signed
from workers.retention.facts import HoldReason
from workers.scrutiny.complaint import Complaint, apply, earliest_end, ends_moved
from workers.scrutiny.holding import complaint_hold
from workers.scrutiny.queries import Kept
from workers.scrutiny.receipt import page, receipt
from workers.scrutiny.statements import ComplaintOpened, Deed, OutcomeSent, ReviewApplied, ReviewDecided, ScrutinyDeed

OPENED = ComplaintOpened("CO/00123/26", HoldReason.COMPLAINT, restricted=True)


def deed(step: Deed, at: str = "2026-12-01T09:00:00Z", holds: tuple[Signed, ...] = ()) -> ScrutinyDeed:
    return ScrutinyDeed("complaint-1", step, "PSD-1", at, holds)


def opened(at: str = "2026-02-01T09:00:00Z", metres: float = 200.0) -> ScrutinyDeed:
    place = PLACE | {"place": {"latitude": 51.5, "longitude": -0.1, "metres": metres}}
    hold = complaint_hold("complaint-1", OPENED, place, by="PSD-1", at=at)
    return deed(OPENED, at, (Signed(msgspec.json.encode(hold).decode(), "person:PSD-1:0", "c2ln"),))


def after(*steps: Any) -> Complaint:
    complaint = apply(None, opened())
    for step in steps:
        complaint = apply(complaint, step if isinstance(step, ScrutinyDeed) else deed(step))
    return complaint


@pytest.mark.parametrize(
    ("steps", "ends"),
    [
        # sent on a Monday in winter: 10 Feb is the day after, 28 days from it are over as 10 March begins
        ((OutcomeSent("2026-02-09"),), "2026-03-10T00:00:00+00:00"),
        # over the change to summer time: the day begins at 23:00 UTC
        ((OutcomeSent("2026-03-01"),), "2026-03-30T00:00:00+01:00"),
        # over the change to winter time, and over a year's end
        ((OutcomeSent("2026-09-27"),), "2026-10-26T00:00:00+00:00"),
        # a review that is decided early moves nothing, a late one does
        ((OutcomeSent("2026-02-09"), ReviewApplied("2026-02-20"), ReviewDecided("2026-02-27")),
         "2026-03-10T00:00:00+00:00"),
        ((OutcomeSent("2026-02-09"), ReviewApplied("2026-03-09"), ReviewDecided("2026-06-30")),
         "2026-07-01T00:00:00+01:00"),
        # a new outcome counts from its own day
        ((OutcomeSent("2026-02-09"), ReviewApplied("2026-03-01"), ReviewDecided("2026-04-01"),
          OutcomeSent("2026-08-03")), "2026-09-01T00:00:00+01:00"),
    ],
)  # fmt: skip
def test_golden_days(steps: tuple[Deed, ...], ends: str) -> None:
    end, reasons = earliest_end(after(*steps))
    assert end is not None and end.isoformat() == ends and reasons


def test_no_end_is_made_up() -> None:
    for steps in ((), (OutcomeSent("2026-02-09"), ReviewApplied("2026-03-09"))):
        end, [reason] = earliest_end(after(*steps))
        assert end is None and ("no outcome" in reason or "is not decided" in reason)


def test_holds_are_told_when_their_end_moves_or_one_is_added() -> None:
    first = after()
    sent, applied = after(OutcomeSent("2026-02-09")), after(OutcomeSent("2026-02-09"), ReviewApplied("2026-03-09"))
    assert [ends_moved(None, first), ends_moved(first, sent), ends_moved(sent, applied)] == [False, True, True]
    more = apply(sent, opened("2026-12-01T09:00:00Z", 300.0))
    assert len(more.holds) == 2 and ends_moved(sent, more), "the new hold gets the end that is known"
    assert not ends_moved(first, apply(first, opened("2026-12-01T09:00:00Z", 300.0)))
    again = apply(sent, deed(OutcomeSent("2026-02-09")))
    assert not ends_moved(sent, again)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((ReviewApplied("2026-03-01"),), "after the outcome was sent"),
        ((OutcomeSent("2026-02-09"), ReviewDecided("2026-03-01")), "nobody has applied"),
        ((OutcomeSent("2026-12-02"),), "in the future"),
        ((OutcomeSent("2026-01-31"),), "before 2026-02-01"),
        ((OutcomeSent("2026-02-09"), ReviewApplied("2026-02-08")), "before 2026-02-09"),
        # what the letter promised is not taken back, and no review is lost by saying an outcome again
        ((OutcomeSent("2026-02-09"), OutcomeSent("2026-02-02")), "before 2026-02-09"),
        ((OutcomeSent("2026-02-09"), ReviewApplied("2026-03-01"), OutcomeSent("2026-02-09")), "a review .* is open"),
        ((OutcomeSent("2026-02-09"), ReviewApplied("2026-03-01"), ReviewDecided("2026-06-30"),
          OutcomeSent("2026-03-02")), "before 2026-06-30"),
        ((OutcomeSent("2026-02-09"), ReviewApplied("2026-03-01"), ReviewDecided("2026-06-30"),
          ReviewDecided("2026-03-02")), "before 2026-06-30"),
        ((OutcomeSent("soon"),), "expected a day"),
    ],
)  # fmt: skip
def test_what_does_not_follow_is_refused(steps: tuple[Deed, ...], words: str) -> None:
    with pytest.raises(Refused, match=words):
        after(*steps)
    with pytest.raises(Refused, match="there is no complaint"):
        apply(None, deed(OutcomeSent("2026-02-09")))


STEPS = st.one_of(
    *(st.dates(date(2026, 2, 1), date(2026, 11, 30)).map(lambda day, kind=kind: kind(day.isoformat()))
      for kind in (OutcomeSent, ReviewApplied, ReviewDecided))
)  # fmt: skip


@example([OutcomeSent("2026-02-01"), ReviewApplied("2026-02-01"), ReviewDecided("2026-03-02"),
          ReviewApplied("2026-02-01"), ReviewDecided("2026-02-01")])  # fmt: skip
@given(st.lists(STEPS, max_size=12))
def test_whatever_is_said_next_no_end_that_was_promised_comes_sooner(steps: list[Deed]) -> None:
    complaint, promised = after(), datetime.min.replace(tzinfo=UTC)
    for step in steps:
        try:
            complaint = apply(complaint, deed(step))
        except Refused:
            continue
        end, _ = earliest_end(complaint)
        assert end is None or end >= promised, (complaint, step)
        promised = end or promised


def test_what_people_have_lifted_is_held_anew() -> None:
    def hold(*lifted: str) -> str:
        return complaint_hold("complaint-1", OPENED, PLACE, by="PSD-1", at="now", lifted=lifted).hold_id

    first = hold()
    second = hold(first)
    third = hold(first, second)
    assert len({first, second, third}) == 3 and hold("hold-of-another") == first


def test_a_complaint_stays_what_it_is() -> None:
    asked = opened()
    other = ScrutinyDeed(asked.about, ComplaintOpened("CO/00123/26", HoldReason.COMPLAINT, False), asked.by, asked.at,
                         asked.holds)  # fmt: skip
    with pytest.raises(Refused, match="restricted, and stays so"):
        apply(after(), other)
    with pytest.raises(Refused, match="expected complaint, conduct, dsi"):
        apply(None, ScrutinyDeed(asked.about, ComplaintOpened("X", HoldReason.FOI, False), "A", asked.at, asked.holds))


def kept(scope: str = "place", clips: dict[str, int] | None = None, lifted: datetime | None = None) -> Kept:
    return msgspec.convert(
        {
            "hold_id": "hold-1", "scope": scope, "since": PLACE["since"], "until": PLACE["until"],
            "place": PLACE["place"] if scope == "place" else None, "placed_at": "2026-03-05T10:00:00Z",
            "earliest_end": None, "lifted_at": lifted, "clips": clips or {"active": 3, "pending": 1, "refused": 2},
        },
        Kept,
    )  # fmt: skip


def test_the_receipt_says_what_is_kept_and_names_nobody() -> None:
    at = datetime(2026, 3, 5, 11, tzinfo=UTC)
    made = receipt(after(), [kept(), kept("officer", {"active": 1})], size=77, checkpoint="force\n77\nroot\n",
                   sealed=True)  # fmt: skip
    assert [(line.clips, line.too_late) for line in made.kept] == [(4, 2), (1, 0)] and made.sealed
    assert "51.50070, -0.12460, from 01 March 2026, 13:30" in made.kept[0].what
    assert made.until == "It is kept, and no day is set for its end." and "no outcome was sent to you" in made.why
    text = page(made, at).decode()
    assert "CO/00123/26" in text and "force\n77\nroot" in text and "PSD-1" not in text and "hold-1" not in text
    assert "<script" not in text and "http" not in text.replace("http-equiv", "")
    ended = receipt(after(OutcomeSent("2026-03-01")), [kept()], size=1, checkpoint="", sealed=False)
    assert ended.until == "It is kept until at least 30 March 2026." and not ended.sealed
    gone = receipt(after(), [kept(lifted=at)], size=1, checkpoint="", sealed=True)
    assert gone.kept == () and gone.until == "Nothing is kept for this complaint now."
