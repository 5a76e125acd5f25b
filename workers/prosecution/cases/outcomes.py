"""What became of a defendant, as a change of the case. When it ends the case is worked out in `cpia.py`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from workers.errors import Refused
from workers.prosecution.cases import checks
from workers.prosecution.cases.case import Case, Outcome
from workers.prosecution.cases.checks import need
from workers.prosecution.cases.cpia import earliest_end, offences_of
from workers.prosecution.identity import plain
from workers.prosecution.statements import CaseChange, CaseKind, OutcomeKind, OutcomeRecorded, OutcomeWithdrawn

TOLD_BY = "receipts"
"""The service whose key may tell of outcomes, as the prosecutor's gateway reports them; of nothing else."""


def outcome_recorded(case: Case, change: OutcomeRecorded, asked: CaseChange, at: datetime) -> Case:
    """Add an outcome. Of a closed case: it is open again where nothing ends it any more."""
    need(case.kind is CaseKind.PROSECUTION, f"{case.urn} is no prosecution, and has no outcomes")
    defendant, offence, covers = _named(case, change.defendant, change.offence)
    on = checks.day_past(change.on, "the outcome's day", at)
    _sentence(change)
    made = Outcome(
        defendant=defendant,
        outcome=change.outcome,
        on=on.isoformat(),
        covers=covers,
        at=asked.at,
        by=asked.by,
        offence=offence,
        ends=change.ends,
        custodial=change.custodial,
        says=change.says,
    )
    there = next((one for one in case.outcomes if _same(one, made)), None)
    if there is not None:
        raise Refused(
            f"{change.outcome.value} of {defendant} on {on} was recorded at {there.at} by {there.by}",
            "nothing is left to do; one that was recorded by mistake is taken back: bwv case outcome --withdraw",
        )
    return _open_again(msgspec.structs.replace(case, outcomes=(*case.outcomes, made)))


def outcome_withdrawn(case: Case, change: OutcomeWithdrawn, asked: CaseChange, at: datetime) -> Case:
    """Take back an outcome that was recorded by mistake."""
    found = [
        one
        for one in case.outcomes
        if (plain(one.defendant), one.outcome, one.on) == (plain(change.defendant), change.outcome, change.on)
        and plain(one.offence or "") == plain(change.offence or "")
    ]
    need(
        found,
        f"{case.urn} has no outcome {change.outcome.value} of {change.defendant[:40]} on {change.on[:40]}",
        f"those that it has: bwv case show {case.urn}",
    )
    return _open_again(
        msgspec.structs.replace(case, outcomes=tuple(one for one in case.outcomes if one is not found[0]))
    )


def _open_again(case: Case) -> Case:
    if case.closed_at is None or earliest_end(case).earliest_end is not None:
        return case
    return msgspec.structs.replace(case, closed_at=None, closed_by=None)


def _named(case: Case, defendant: str, offence: str | None) -> tuple[str, str | None, tuple[str, ...]]:
    """Labels as the case writes them, and of which offences the outcome tells."""
    found = case.defendant(defendant)
    if found is None:
        labels = ", ".join(one.label for one in case.defendants) or "none"
        raise Refused(f"{case.urn} has no defendant {defendant[:40]!r}", f"its defendants: {labels}")
    known = offences_of(found)
    if offence is None:
        return found.label, None, known
    label = plain(offence)
    need(
        label and label in known,
        f"{found.label} of {case.urn} has no offence {offence[:40]!r}",
        f"the offences of {found.label}: {', '.join(filter(None, known)) or 'none'}",
    )
    return found.label, label, (label,)


def _sentence(change: OutcomeRecorded) -> None:
    need(not change.custodial or change.outcome is OutcomeKind.SENTENCE, "only a sentence is one of custody")
    if change.ends is None:
        return
    need(
        change.custodial or change.outcome is OutcomeKind.HOSPITAL_ORDER,
        "only a sentence of custody or a hospital order has an expected end",
    )
    ends = checks.day(change.ends, "the expected end")
    need(ends >= checks.day(change.on, "the outcome's day"), f"the expected end {ends} lies before it: {change.on}")


def _same(one: Outcome, other: Outcome) -> bool:
    names = ("defendant", "offence", "outcome", "on")
    return all(getattr(one, name) == getattr(other, name) for name in names)
