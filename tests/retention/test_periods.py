"""Lengths of time on the calendar of a force: leap days, and both changes of the clock."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workers.retention.periods import Period, _months_later, exact, first_reading, start_of_day

LONDON = ZoneInfo("Europe/London")
ZONES = tuple(map(ZoneInfo, ("Europe/London", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "UTC")))
WRITTEN = st.one_of(
    st.builds("{} days".format, st.integers(1, 4000)),
    st.builds("{} weeks".format, st.integers(1, 600)),
    st.builds("{} months".format, st.integers(1, 400)),
    st.builds("{} years".format, st.integers(1, 110)),
)
MOMENTS = st.datetimes(datetime(2012, 1, 2), datetime(2090, 1, 1), timezones=st.just(UTC))


def after(text: str, start: str, zone: ZoneInfo = LONDON) -> str:
    end = Period(text).after(datetime.fromisoformat(start), zone)
    assert end is not None
    return end.astimezone(zone).isoformat()


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("31 days", "2026-01-12T14:03:00+00:00", "2026-02-12T14:03:00+00:00"),
        # Across the change to summer time: the same reading of the clock, an hour less by the sun.
        ("31 days", "2026-03-12T14:03:00+00:00", "2026-04-12T14:03:00+01:00"),
        ("31 days", "2026-10-12T14:03:00+01:00", "2026-11-12T14:03:00+00:00"),
        # 01:30 on 29 March 2026 is skipped: it is over when the clock jumps to 02:00.
        ("31 days", "2026-02-26T01:30:00+00:00", "2026-03-29T02:00:00+01:00"),
        ("31 days", "2026-02-26T01:00:00+00:00", "2026-03-29T02:00:00+01:00"),
        ("31 days", "2026-02-26T02:00:00+00:00", "2026-03-29T02:00:00+01:00"),
        # 01:30 on 25 October 2026 comes twice: it is over the first time, so that "within" holds.
        ("31 days", "2026-09-24T01:30:00+01:00", "2026-10-25T01:30:00+01:00"),
        ("1 year", "2025-10-26T01:30:00+00:00", "2026-10-26T01:30:00+00:00"),
        ("1 year", "2024-02-29T12:00:00+00:00", "2025-02-28T12:00:00+00:00"),
        ("4 years", "2024-02-29T12:00:00+00:00", "2028-02-29T12:00:00+00:00"),
        ("1 month", "2026-01-31T23:59:59+00:00", "2026-02-28T23:59:59+00:00"),
        ("6 months", "2026-08-31T10:00:00+01:00", "2027-02-28T10:00:00+00:00"),
        ("2 weeks", "2026-12-25T10:00:00+00:00", "2027-01-08T10:00:00+00:00"),
        # Exact lengths know no calendar.
        ("2 hours", "2026-03-29T00:30:00+00:00", "2026-03-29T03:30:00+01:00"),
        ("12 seconds", "2026-12-31T23:59:50+00:00", "2027-01-01T00:00:02+00:00"),
    ],
)
def test_a_period_ends_at_the_same_reading_of_the_clock(text: str, start: str, end: str) -> None:
    assert after(text, start) == end


def test_a_zone_that_shifts_by_half_an_hour_and_one_that_skipped_a_day() -> None:
    lord_howe, apia = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Pacific/Apia")
    assert after("1 day", "2026-10-03T02:15:00+10:30", lord_howe) == "2026-10-04T02:30:00+11:00"
    # Samoa went from 29 to 31 December 2011.
    assert after("1 day", "2011-12-29T12:00:00-10:00", apia) == "2011-12-31T00:00:00+14:00"


@given(WRITTEN, MOMENTS, st.sampled_from(ZONES))
@example("31 days", datetime(2026, 2, 26, 1, 30, tzinfo=UTC), LONDON)
@example("1 day", datetime(2026, 10, 24, 0, 30, tzinfo=UTC), LONDON)
def test_a_period_is_over_when_the_clock_first_shows_its_reading_or_a_later_one(
    text: str, start: datetime, zone: ZoneInfo
) -> None:
    period = Period(text)
    end = period.after(start, zone)
    assert end is not None
    assert period.least <= end - start <= period.most
    reading = start.astimezone(zone).replace(tzinfo=None)
    moved = text.split()[1]
    if moved in ("days", "weeks"):
        reading += end_days(text)
        shown = end.astimezone(zone).replace(tzinfo=None)
        just_before = (end - timedelta(microseconds=1)).astimezone(zone).replace(tzinfo=None)
        assert shown >= reading, "it is not over early"
        assert just_before < reading, "and not a moment late"


def end_days(text: str) -> timedelta:
    amount, unit = text.split()
    return timedelta(days=int(amount) * (7 if unit == "weeks" else 1))


@given(WRITTEN, MOMENTS, st.timedeltas(timedelta(), timedelta(days=900)))
def test_what_begins_later_ends_no_earlier_by_the_clock_on_the_wall(
    text: str, start: datetime, later: timedelta
) -> None:
    first, second = Period(text).after(start, LONDON), Period(text).after(start + later, LONDON)
    assert first is not None and second is not None
    # The hour that comes twice in October can be read in the wrong order, by that hour and no more.
    assert second >= first - timedelta(hours=1)


def test_never_has_no_end_and_nothing_ends_beyond_the_calendar() -> None:
    assert Period("never").never
    assert Period("never").after(datetime(2026, 1, 1, tzinfo=UTC), LONDON) is None
    assert Period("900 years").after(datetime(8500, 1, 1, tzinfo=UTC), LONDON) is None
    assert Period("1 year").after(datetime(9999, 12, 31, 23, tzinfo=UTC), LONDON) is None


@pytest.mark.parametrize(
    "text", ["", "31", "31 Days", "-1 days", "0 days", "1.5 years", "31 days ", "Never", "9999 years"]
)
def test_what_is_no_length_of_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        Period(text)


def test_exact_lengths_are_exact() -> None:
    assert exact("2 days") == timedelta(hours=48)
    assert exact("1 week") == timedelta(days=7)
    assert exact("90 minutes") == timedelta(hours=1.5)
    with pytest.raises(ValueError, match="such as 48 hours"):
        exact("1 month")


def test_a_day_begins_when_its_first_reading_is_shown() -> None:
    assert start_of_day(date(2026, 7, 1), LONDON) == datetime(2026, 6, 30, 23, tzinfo=UTC)
    # In Beirut the clock went from 23:59 to 01:00: that day began at 01:00.
    beirut = start_of_day(date(2024, 3, 31), ZoneInfo("Asia/Beirut"))
    assert beirut == datetime(2024, 3, 30, 22, tzinfo=UTC)
    assert start_of_day(date.max, LONDON).year == 9000
    assert start_of_day(date.min, LONDON).year in (1899, 1900)


def test_a_period_can_be_sent_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(Period("31 days"))) == Period("31 days")


@given(WRITTEN, MOMENTS, st.sampled_from(ZONES))
@example("31 days", datetime(2026, 2, 26, 1, 30, tzinfo=UTC), LONDON)
@example("1 year", datetime(2025, 10, 26, 0, 30, tzinfo=UTC), LONDON)
@example("1 day", datetime(2026, 3, 27, 23, 59, 59, 999999, tzinfo=UTC), LONDON)
@example("1 day", datetime(2026, 6, 1, 23, 30, tzinfo=UTC), LONDON)
def test_the_short_way_over_days_without_a_change_of_the_clock_leads_to_the_same_moment(
    text: str, start: datetime, zone: ZoneInfo
) -> None:
    period = Period(text)
    wall = start.astimezone(zone)
    wall = _months_later(wall, period._months) + period._whole_days
    assert period.after(start, zone) == first_reading(wall)
