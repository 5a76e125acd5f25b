"""Until when the material of a case is kept at least, by what became of each defendant.

The Code of Practice under Part II of the Criminal Procedure and Investigations Act 1996, 5.7–5.10:

    5.7   until it is decided whether to institute proceedings
    5.8   then until the accused is acquitted or convicted, or the prosecutor does not proceed
    5.9   a convicted person: until release from custody or discharge from hospital, where the court imposed either,
          and never under six months from the conviction
    5.10  longer, while an appeal is in progress or the Criminal Cases Review Commission considers an application

It is a floor: nothing ends by itself on that day, a person reviews the case. Whatever is not known keeps: an offence
without a final outcome, a conviction without its sentence, custody without the release. The order in which outcomes
were recorded does not matter, the days on which they happened do.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from workers.prosecution.cases.case import Case, Defendant, Outcome
from workers.prosecution.statements import CaseKind, OutcomeKind
from workers.retention.periods import start_of_day

ENGLAND = ZoneInfo("Europe/London")
"""The Code is that of England and Wales: its days end when theirs do."""

MONTHS = 6
"""From the conviction, at least (5.9)."""

ORDER = {
    OutcomeKind.NO_FURTHER_ACTION: 0,
    OutcomeKind.OUT_OF_COURT: 0,
    OutcomeKind.CHARGE: 1,
    OutcomeKind.PLEA_GUILTY: 2,
    OutcomeKind.PLEA_NOT_GUILTY: 2,
    OutcomeKind.ACQUITTAL: 3,
    OutcomeKind.DISCONTINUED: 3,
    OutcomeKind.CONVICTION: 4,
}
"""What decides how far proceedings have come, in the order in which it happens on one day. Where two of a day
contradict each other, the one that keeps longer comes last."""

ENDS = (
    OutcomeKind.NO_FURTHER_ACTION,
    OutcomeKind.OUT_OF_COURT,
    OutcomeKind.ACQUITTAL,
    OutcomeKind.DISCONTINUED,
)

PENDING = (
    (OutcomeKind.APPEAL_OPENED, OutcomeKind.APPEAL_ENDED, "an appeal is in progress"),
    (OutcomeKind.CCRC_OPENED, OutcomeKind.CCRC_ENDED, "the CCRC considers an application"),
)

LEAVES = (
    (OutcomeKind.SENTENCE, OutcomeKind.RELEASED, "in custody", "release"),
    (OutcomeKind.HOSPITAL_ORDER, OutcomeKind.DISCHARGED_FROM_HOSPITAL, "in hospital", "discharge from hospital"),
)


class End(Struct, frozen=True):
    """The answer for a case, or for one offence of one defendant.

    Attributes:
        earliest_end: the last day on which the material is kept in any case; None: not before an outcome is known.
        expected: the same as far as it can be foreseen: a day on which a person should look whether it has come.
        reasons: one sentence for each offence, without names.
    """

    earliest_end: date | None
    expected: date | None
    reasons: tuple[str, ...]


def earliest_end(case: Case) -> End:
    """Until when the whole case is kept: to the last defendant's end, for the last of his offences."""
    if not case.defendants:
        says = "no defendant is recorded: it is kept until it is decided whether to institute proceedings"
        return End(None, None, (f"{says} (CPIA Code 5.7)",))
    ends = [_of_unit(case, one, offence) for one in case.defendants for offence in offences_of(one)]
    return End(
        _latest(end.earliest_end for end in ends),
        _latest(end.expected for end in ends),
        tuple(reason for end in ends for reason in end.reasons),
    )


def not_before(case: Case) -> datetime | None:
    """The moment before which nobody lifts the holds of a case: its last day is over. None: not known yet."""
    if case.kind is not CaseKind.PROSECUTION:
        return None
    end = earliest_end(case).earliest_end
    return None if end is None else after(end)


def review_from(case: Case) -> datetime | None:
    """From when a person should look at a case; None while nothing says so, or once it is closed.

    A prosecution: its earliest end, or the day on which that is expected. A subject access request: the end of its
    clock. A training copy: the end of its approval. Where a review kept it longer: that day.
    """
    if case.closed_at is not None:
        return None
    if case.kind is CaseKind.PROSECUTION:
        expected = earliest_end(case).expected
        found = None if expected is None else after(expected)
    elif case.kind is CaseKind.SUBJECT_ACCESS:
        found = None if case.clock_ends is None else datetime.fromisoformat(case.clock_ends)
    else:
        found = None if case.approved_until is None else after(date.fromisoformat(case.approved_until))
    if case.keep_until is None:
        return found
    kept = start_of_day(date.fromisoformat(case.keep_until), ENGLAND)
    return kept if found is None else max(found, kept)


def after(day: date) -> datetime:
    """The moment at which a day is over in England and Wales."""
    return start_of_day(day + timedelta(days=1), ENGLAND)


def months_after(day: date, months: int) -> date:
    """The same day of a later month, or its last day (Dodds v Walker [1981] UKHL 5)."""
    number = day.year * 12 + day.month - 1 + months
    year, month = number // 12, number % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def offences_of(defendant: Defendant) -> tuple[str, ...]:
    """Labels of what is decided separately; "" where no offence is recorded."""
    return tuple(offence.offence for offence in defendant.offences) or ("",)


def _of_unit(case: Case, defendant: Defendant, offence: str) -> End:
    label = f"{defendant.label} {offence}".strip()
    told = [one for one in case.outcomes if one.defendant == defendant.label and offence in one.covers]
    for opened, ended, says in PENDING:
        if _is_pending(told, opened, ended):
            return End(None, None, (f"{label}: {says} (CPIA Code 5.10)",))
    floors = [(_day(one), f"{_words(one)} on {one.on} (CPIA Code 5.10)") for one in told if one.outcome in DETERMINED]
    convictions = _convictions(told)
    for one in convictions:
        until = months_after(_day(one), MONTHS)
        floors.append((until, f"{_words(one)} on {one.on}, six months from it end on {until} (CPIA Code 5.9)"))
    last = max((one for one in told if one.outcome in ORDER or one in convictions), key=_in_order, default=None)
    if last is None:
        return End(None, None, (f"{label}: no outcome is recorded yet (CPIA Code 5.7)",))
    if last.outcome in ENDS:
        return _over(label, [*floors, (_day(last), f"{_words(last)} on {last.on} ({_paragraph(last)})")])
    if last not in convictions:
        return End(None, None, (f"{label}: {_words(last)} on {last.on}, proceedings go on (CPIA Code 5.8)",))
    return _convicted(label, told, convictions, floors)


def _convicted(
    label: str, told: Sequence[Outcome], convictions: Sequence[Outcome], floors: list[tuple[date, str]]
) -> End:
    since = max(_day(one) for one in convictions)
    kinds = (OutcomeKind.SENTENCE, OutcomeKind.HOSPITAL_ORDER)
    sentences = [one for one in told if one.outcome in kinds and _day(one) >= since]
    if not sentences:
        return End(None, None, (f"{label}: convicted on {since}, no sentence is recorded yet (CPIA Code 5.9)",))
    for imposed, left, where, leaving in LEAVES:
        held = [s for s in sentences if s.outcome is imposed and (s.custodial or imposed is not OutcomeKind.SENTENCE)]
        if not held:
            continue
        from_day = max(_day(one) for one in held)
        days = [_day(one) for one in told if one.outcome is left and _day(one) >= from_day]
        if not days:
            return _still(label, held, floors, f"{where} since {from_day}", leaving)
        floors.append((max(days), f"{leaving} on {max(days)} (CPIA Code 5.9)"))
    return _over(label, floors)


def _still(label: str, held: Sequence[Outcome], floors: Sequence[tuple[date, str]], where: str, leaving: str) -> End:
    """Nobody has said yet that the person left; the day that the court foresaw opens a review, and ends nothing."""
    foreseen = [date.fromisoformat(one.ends) for one in held if one.ends is not None]
    expected = max([*foreseen, *(day for day, _ in floors)]) if len(foreseen) == len(held) else None
    says = f"; {leaving} is expected by {expected}" if expected is not None else ""
    return End(None, expected, (f"{label}: {where}, no {leaving} is recorded{says} (CPIA Code 5.9)",))


def _over(label: str, floors: Sequence[tuple[date, str]]) -> End:
    day, reason = max(floors, key=lambda floor: floor[0])
    return End(day, day, (f"{label}: kept to {day}: {reason}",))


DETERMINED = (OutcomeKind.APPEAL_ENDED, OutcomeKind.CCRC_ENDED)


def _is_pending(told: Iterable[Outcome], opened: OutcomeKind, ended: OutcomeKind) -> bool:
    """More were opened than ended, or the last one was opened after the last end."""
    openings = [_day(one) for one in told if one.outcome is opened]
    endings = [_day(one) for one in told if one.outcome is ended]
    return len(openings) > len(endings) or (bool(openings) and max(openings) > max(endings))


def _convictions(told: Iterable[Outcome]) -> list[Outcome]:
    """Convictions; where there is none, hospital orders count as such (a person unfit to plead is not convicted)."""
    found = [one for one in told if one.outcome is OutcomeKind.CONVICTION]
    return found or [one for one in told if one.outcome is OutcomeKind.HOSPITAL_ORDER]


def _in_order(outcome: Outcome) -> tuple[date, int]:
    return _day(outcome), ORDER.get(outcome.outcome, ORDER[OutcomeKind.CONVICTION])


def _paragraph(outcome: Outcome) -> str:
    before = outcome.outcome in (OutcomeKind.NO_FURTHER_ACTION, OutcomeKind.OUT_OF_COURT)
    return "CPIA Code 5.7" if before else "CPIA Code 5.8"


def _words(outcome: Outcome) -> str:
    return outcome.outcome.value.replace("_", " ")


def _day(outcome: Outcome) -> date:
    return date.fromisoformat(outcome.on)


def _latest(days: Iterable[date | None]) -> date | None:
    known = []
    for day in days:
        if day is None:
            return None
        known.append(day)
    return max(known)
