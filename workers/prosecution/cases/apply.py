"""What a signed change makes of a case: pure, so that the same changes make the same case again.

What only the rest of the system knows (whether a clip is there, how long it is) is asked by `clips.py` before.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from workers.errors import Refused
from workers.prosecution import statements as s
from workers.prosecution.cases import checks
from workers.prosecution.cases.case import Case, Defendant, RefusedOn
from workers.prosecution.cases.case_holds import REASON, holds_with, lift_of
from workers.prosecution.cases.checks import need
from workers.prosecution.cases.cpia import not_before
from workers.prosecution.cases.exhibits import exhibit_added, exhibit_amended, exhibit_withdrawn, unused_marked
from workers.prosecution.cases.outcomes import outcome_recorded, outcome_withdrawn
from workers.prosecution.disclosure.grounds import GROUNDS

changed = msgspec.structs.replace

WHILE_CLOSED = (s.OutcomeRecorded, s.OutcomeWithdrawn, s.IncidentAdded)
"""What may still be said of a closed case: what became of its people, which may open it again, and its holds."""


def apply(case: Case | None, asked: s.CaseChange) -> Case:
    """The case after a change.

    Args:
        case: before; None while there is none.
        asked: whose signature, and that of whatever it carries, holds.

    Raises:
        Refused: one sentence that says why not, and what to do.
    """
    change, at = asked.change, checks.moment(asked.at, "the time of the request")
    checks.text(asked.reason, "the reason")
    need(not asked.lifts or isinstance(change, s.CaseReviewed), "holds are lifted by the review that closes a case")
    if isinstance(change, s.Opened):
        return _opened(case, change, asked)
    if case is None:
        raise Refused(f"there is no case {asked.case_id}", "open it first: bwv case open URN")
    if case.closed_at is not None and not isinstance(change, WHILE_CLOSED):
        raise Refused(
            f"{case.urn} was closed at {case.closed_at} by {case.closed_by}",
            "an outcome opens it again, such as an appeal: bwv case outcome",
        )
    after = CHANGES[type(change)](case, change, asked, at)
    holds = holds_with(case.urn, case.kind, asked, change)
    added = tuple(hold.incident for hold in holds if hold.incident is not None)
    return changed(
        after,
        version=case.version + 1,
        holds=(*after.holds, *(hold.hold_id for hold in holds if hold.hold_id not in after.holds)),
        held_incidents=(*after.held_incidents, *added),
    )


def _opened(case: Case | None, change: s.Opened, asked: s.CaseChange) -> Case:
    if case is not None:
        raise Refused(
            f"{case.urn} was opened at {case.opened_at} by {case.opened_by}: {case.title}",
            f"see: bwv case show {case.urn}",
        )
    incidents = tuple(checks.text(incident, "an incident", 200) for incident in change.incidents)
    need(len(set(incidents)) == len(incidents), "an incident is given twice")
    _clock(change.clock, change.clock_since, change.clock_ends)
    if change.first_hearing is not None:
        checks.moment(change.first_hearing, "the first hearing")
    urn = checks.urn(change.urn, change.kind)
    opened = Case(
        case_id=asked.case_id,
        kind=change.kind,
        urn=urn,
        title=checks.text(change.title, "the title"),
        officer=checks.text(change.officer, "the officer in the case", 100),
        version=1,
        opened_at=asked.at,
        opened_by=asked.by,
        clock=change.clock,
        clock_since=change.clock_since,
        clock_ends=change.clock_ends,
        first_hearing=change.first_hearing,
        subject=None if change.subject is None else checks.text(change.subject, "the subject"),
        incidents=incidents,
    )
    holds = holds_with(urn, change.kind, asked, change)
    held = tuple(hold.incident for hold in holds if hold.incident is not None)
    return changed(opened, holds=tuple(hold.hold_id for hold in holds), held_incidents=held)


def _clock(clock: s.Clock, since: str | None, ends: str | None) -> None:
    began = None if since is None else checks.moment(since, "the clock's beginning")
    over = None if ends is None else checks.moment(ends, "the clock's end")
    need(began is None or over is None or began < over, f"the clock ends ({ends}) before it begins ({since})")
    need(
        clock is not s.Clock.DETAINED or over is not None,
        "detained: expected the relevant time and 24, 36 or 96 hours (PACE 1984 ss.41–44)",
    )


def _amended(case: Case, change: s.Amended, asked: s.CaseChange, at: datetime) -> Case:
    given = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not None}
    need(given, "nothing is amended: expected a title, an officer, a first hearing or the plea that is anticipated")
    if change.title is not None:
        given["title"] = checks.text(change.title, "the title")
    if change.officer is not None:
        given["officer"] = checks.text(change.officer, "the officer in the case", 100)
    if change.first_hearing is not None:
        checks.moment(change.first_hearing, "the first hearing")
    return changed(case, **given)


def _clock_set(case: Case, change: s.ClockSet, asked: s.CaseChange, at: datetime) -> Case:
    _clock(change.clock, change.since, change.ends)
    return changed(case, clock=change.clock, clock_since=change.since, clock_ends=change.ends)


def _incident_added(case: Case, change: s.IncidentAdded, asked: s.CaseChange, at: datetime) -> Case:
    incident = checks.text(change.incident, "the incident", 200)
    there = case.held_incidents if case.kind in REASON else case.incidents
    need(incident not in there, f"{incident} is an incident of {case.urn} already", f"see: bwv case show {case.urn}")
    known = case.incidents if incident in case.incidents else (*case.incidents, incident)
    return changed(case, incidents=known)


def _defendant_added(case: Case, change: s.DefendantAdded, asked: s.CaseChange, at: datetime) -> Case:
    label = checks.label(change.defendant, "the defendant's label")
    need(case.defendant(label) is None, f"{label} is a defendant of {case.urn} already")
    made = Defendant(label, checks.text(change.name, "the defendant's name", 200))
    for offence in change.offences:
        made = _with_offence(made, offence)
    return changed(case, defendants=(*case.defendants, made))


def _offence_added(case: Case, change: s.OffenceAdded, asked: s.CaseChange, at: datetime) -> Case:
    found = case.defendant(change.defendant)
    if found is None:
        labels = ", ".join(one.label for one in case.defendants) or "none"
        raise Refused(f"{case.urn} has no defendant {change.defendant[:40]!r}", f"its defendants: {labels}")
    made = _with_offence(found, change.offence)
    return changed(case, defendants=tuple(made if one is found else one for one in case.defendants))


def _with_offence(defendant: Defendant, given: s.Offence) -> Defendant:
    label = checks.label(given.offence, "the offence's label")
    known = [offence.offence for offence in defendant.offences]
    need(label not in known, f"{label} is an offence of {defendant.label} already")
    if given.committed is not None:
        checks.day(given.committed, "the day of the offence")
    offence = s.Offence(label, checks.text(given.wording, "the offence's wording"), given.committed)
    return changed(defendant, offences=(*defendant.offences, offence))


def _refused_on(case: Case, change: s.RequestRefusedOn, asked: s.CaseChange, at: datetime) -> Case:
    need(case.kind is s.CaseKind.SUBJECT_ACCESS, f"{case.urn} is no subject access request")
    need(
        # By its name: the law's wording may change, and what was refused before is folded again.
        change.ground.partition(" (")[0] in GROUNDS,
        f"{change.ground[:80]!r} is no ground of refusal; expected one of {', '.join(GROUNDS)}",
        "see: bwv subject-access refuse --help",
    )
    made = RefusedOn(change.ground, change.clips, asked.at, asked.by)
    return changed(case, refusals=(*case.refusals, made))


def _approved(case: Case, change: s.Approved, asked: s.CaseChange, at: datetime) -> Case:
    need(case.kind is s.CaseKind.TRAINING, f"{case.urn} is no training copy, and nothing else is approved")
    need(
        asked.by != case.opened_by,
        f"{case.urn} was opened by {case.opened_by}, and a second person approves it",
        "another person gives the same command with a key of their own",
    )
    until = checks.day(change.until, "the approval's last day")
    need(until > at.date(), f"the approval's last day {until} is not in the future")
    return changed(case, approved_until=until.isoformat(), approved_by=asked.by)


def _reviewed(case: Case, change: s.CaseReviewed, asked: s.CaseChange, at: datetime) -> Case:
    if change.keep_until is not None:
        until = checks.day(change.keep_until, "the next review")
        need(until > at.date(), f"the next review on {until} is not in the future")
        need(not asked.lifts, "a case that is kept keeps its holds")
        return changed(case, keep_until=until.isoformat())
    for lift in (lift_of(signed) for signed in asked.lifts):
        need(lift.by == asked.by, f"the lift of {lift.hold_id} is asked for by {lift.by}, the review by {asked.by}")
        need(lift.hold_id in case.holds, f"{lift.hold_id} is no hold of {case.urn}")
    end = not_before(case)
    if case.kind is s.CaseKind.PROSECUTION and (end is None or at + timedelta(minutes=5) < end):
        when = "nothing says yet when" if end is None else f"not before {end:%Y-%m-%d %H:%M %Z}"
        raise Refused(f"{case.urn} cannot be closed: {when}", f"why: bwv case show {case.urn}")
    return changed(case, closed_at=asked.at, closed_by=asked.by, keep_until=None, holds=(), held_incidents=())


CHANGES: dict[type, Callable[[Case, Any, s.CaseChange, datetime], Case]] = {
    s.Amended: _amended,
    s.ClockSet: _clock_set,
    s.IncidentAdded: _incident_added,
    s.DefendantAdded: _defendant_added,
    s.OffenceAdded: _offence_added,
    s.ExhibitAdded: exhibit_added,
    s.ExhibitWithdrawn: exhibit_withdrawn,
    s.ExhibitAmended: exhibit_amended,
    s.UnusedMarked: unused_marked,
    s.OutcomeRecorded: outcome_recorded,
    s.OutcomeWithdrawn: outcome_withdrawn,
    s.RequestRefusedOn: _refused_on,
    s.Approved: _approved,
    s.CaseReviewed: _reviewed,
}
"""Change → what it makes of a case."""
