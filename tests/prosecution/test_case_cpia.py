"""Until when a case is kept: sequences worked out by hand, and rules that hold for any sequence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from workers.errors import Refused
from workers.prosecution import statements as s
from workers.prosecution.cases.apply import apply
from workers.prosecution.cases.case import Case
from workers.prosecution.cases.cpia import after, earliest_end, months_after, not_before, review_from
from workers.prosecution.statements import OutcomeKind

GOLDEN = Path(__file__).parent / "golden/cpia.txt"
CASE = "case-" + "a" * 32
NOW = "2035-01-01T00:00:00+00:00"


def changed(case: Case | None, change: s.Change) -> Case:
    return apply(case, s.CaseChange(CASE, change, "as it says", "ADMIN", NOW))


def opened(*defendants: tuple[str, ...]) -> Case:
    """A case with these defendants: label, then the labels of their offences."""
    case = changed(None, s.Opened(s.CaseKind.PROSECUTION, "01AB0012326", "R v Doe", "PC 100"))
    for label, *offences in defendants:
        added = s.DefendantAdded(label, f"somebody, {label}", tuple(s.Offence(one, "assault") for one in offences))
        case = changed(case, added)
    return case


class Golden(Struct):
    """A block of the file."""

    name: str
    defendants: list[tuple[str, ...]] = []
    outcomes: list[s.OutcomeRecorded] = []
    ends: tuple[str, str] = ("", "")


def read() -> list[Golden]:
    blocks = GOLDEN.read_text().split("\n\n")
    return [_block([line for line in block.splitlines() if not line.startswith("#")]) for block in blocks[1:]]


def _block(lines: list[str]) -> Golden:
    made = Golden(lines[0])
    for line in lines[1:]:
        first, *words = line.split()
        if first == "=":
            made.ends = (words[0], words[1])
        elif first in OutcomeKind.__members__.values():
            made.outcomes.append(_outcome(OutcomeKind(first), words))
        else:
            made.defendants.append((first, *words))
    made.defendants = made.defendants or [("D1", "O1")]
    return made


def _outcome(kind: OutcomeKind, words: list[str]) -> s.OutcomeRecorded:
    return s.OutcomeRecorded(
        defendant=next((word for word in words if word.startswith("D")), "D1"),
        outcome=kind,
        on=words[0],
        offence=words[words.index("of") + 1] if "of" in words else None,
        ends=words[words.index("ends") + 1] if "ends" in words else None,
        custodial="custodial" in words,
    )


BLOCKS = read()


@pytest.mark.parametrize("golden", BLOCKS, ids=[block.name for block in BLOCKS])
def test_a_case_is_kept_as_long_as_the_code_says(golden: Golden) -> None:
    for outcomes in (golden.outcomes, list(reversed(golden.outcomes))):
        case = opened(*golden.defendants)
        for outcome in outcomes:
            case = changed(case, outcome)
        end = earliest_end(case)
        assert tuple(str(day or "-") for day in (end.earliest_end, end.expected)) == golden.ends
        assert end.reasons and all("CPIA Code 5." in reason for reason in end.reasons)
        assert not_before(case) == (None if end.earliest_end is None else after(end.earliest_end))


def test_the_golden_file_was_read() -> None:
    assert len(BLOCKS) > 35 and all(block.ends != ("", "") for block in BLOCKS)


def test_a_case_without_defendants_is_kept_until_it_is_decided_about() -> None:
    end = earliest_end(opened())
    assert end.earliest_end is None and "5.7" in end.reasons[0]


def test_what_was_recorded_for_all_offences_says_nothing_of_one_that_came_later() -> None:
    case = changed(opened(("D1", "O1")), s.OutcomeRecorded("D1", OutcomeKind.NO_FURTHER_ACTION, "2026-01-10"))
    assert earliest_end(case).earliest_end == date(2026, 1, 10)
    case = changed(case, s.OffenceAdded("D1", s.Offence("O2", "affray")))
    assert earliest_end(case).earliest_end is None


def test_an_outcome_that_is_taken_back_counts_no_more() -> None:
    case = changed(opened(("D1", "O1")), s.OutcomeRecorded("D1", OutcomeKind.NO_FURTHER_ACTION, "2026-01-10"))
    back = s.OutcomeWithdrawn("d1", OutcomeKind.NO_FURTHER_ACTION, "2026-01-10")
    after_it = changed(case, back)
    assert earliest_end(after_it).earliest_end is None and after_it.outcomes == ()
    with pytest.raises(Refused, match="has no outcome"):
        changed(after_it, back)


def test_days_end_when_those_of_england_do() -> None:
    assert after(date(2026, 1, 10)) == datetime(2026, 1, 11, tzinfo=UTC)
    assert after(date(2026, 7, 10)) == datetime(2026, 7, 10, 23, tzinfo=UTC)


def test_a_case_that_a_review_keeps_is_looked_at_again_then() -> None:
    case = changed(opened(("D1", "O1")), s.OutcomeRecorded("D1", OutcomeKind.NO_FURTHER_ACTION, "2026-01-10"))
    assert review_from(case) == datetime(2026, 1, 11, tzinfo=UTC)
    case = changed(case, s.CaseReviewed("2036-07-01"))
    assert review_from(case) == datetime(2036, 6, 30, 23, tzinfo=UTC)
    assert review_from(changed(case, s.CaseReviewed())) is None


KINDS = st.sampled_from(list(OutcomeKind))
DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 31))
OFFENCES = st.sampled_from([None, "O1", "O2"])
OUTCOMES = st.lists(
    st.builds(
        lambda label, kind, on, offence, custodial, length: s.OutcomeRecorded(
            label,
            kind,
            on.isoformat(),
            offence,
            (on + timedelta(days=length)).isoformat() if custodial and kind is OutcomeKind.SENTENCE else None,
            custodial and kind is OutcomeKind.SENTENCE,
        ),
        st.sampled_from(["D1", "D2"]),
        KINDS,
        DAYS,
        OFFENCES,
        st.booleans(),
        st.integers(0, 900),
    ),
    max_size=14,
    unique_by=lambda one: (one.defendant, one.outcome, one.on, one.offence),
)
TWO = opened(("D1", "O1", "O2"), ("D2", "O1", "O2"))


def folded(outcomes: list[s.OutcomeRecorded]) -> Case:
    case = TWO
    for outcome in outcomes:
        case = changed(case, outcome)
    return case


@settings(max_examples=150)
@given(OUTCOMES, st.randoms(use_true_random=False))
def test_the_order_in_which_outcomes_arrive_does_not_matter(outcomes: list[s.OutcomeRecorded], random) -> None:  # type: ignore[no-untyped-def]
    there = earliest_end(folded(outcomes))
    shuffled = list(outcomes)
    random.shuffle(shuffled)
    other = earliest_end(folded(shuffled))
    assert (there.earliest_end, there.expected) == (other.earliest_end, other.expected)


@settings(max_examples=150)
@given(OUTCOMES)
def test_no_end_comes_before_six_months_from_any_conviction(outcomes: list[s.OutcomeRecorded]) -> None:
    # Every unit ends, so that there is something to look at: with an acquittal at the end of it all.
    last = [s.OutcomeRecorded(label, OutcomeKind.ACQUITTAL, "2028-01-01") for label in ("D1", "D2")]
    pending = (OutcomeKind.APPEAL_OPENED, OutcomeKind.CCRC_OPENED)
    settled = [one for one in outcomes if one.outcome not in pending]
    end = earliest_end(folded([*settled, *last])).earliest_end
    assert end is not None and end >= date(2028, 1, 1)
    for one in settled:
        if one.outcome is OutcomeKind.CONVICTION:
            assert end >= months_after(date.fromisoformat(one.on), 6)
    for one in (one for one in outcomes if one.outcome in pending):
        later = msgspec.structs.replace(one, on="2028-02-01")
        assert earliest_end(folded([*settled, *last, later])).earliest_end is None


@settings(max_examples=150)
@given(OUTCOMES)
def test_whoever_is_in_custody_keeps_the_case(outcomes: list[s.OutcomeRecorded]) -> None:
    before = [one for one in outcomes if one.on < "2027-01-01"]
    convicted = s.OutcomeRecorded("D1", OutcomeKind.CONVICTION, "2028-01-01")
    custody = s.OutcomeRecorded("D1", OutcomeKind.SENTENCE, "2028-01-02", None, "2029-01-02", True)
    assert earliest_end(folded([*before, convicted, custody])).earliest_end is None
