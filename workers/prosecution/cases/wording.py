"""What is answered to whoever changed a case: one sentence."""

from __future__ import annotations

from enum import StrEnum
from functools import singledispatch

from workers.prosecution import statements as s
from workers.prosecution.cases.case import Case, Exhibit
from workers.prosecution.cases.cpia import earliest_end, not_before


def said(before: Case | None, after: Case, asked: s.CaseChange) -> str:
    """What a change did, for the person who asked for it."""
    return f"{after.urn}: {_done(asked.change, after, asked)}{_end(before, after)}"


@singledispatch
def _done(change: s.Change, after: Case, asked: s.CaseChange) -> str:
    del change, after, asked
    return "amended"


@_done.register
def _(change: s.Opened, after: Case, asked: s.CaseChange) -> str:
    return f"opened as {after.title!r}{_held(asked)}"


@_done.register
def _(change: s.IncidentAdded, after: Case, asked: s.CaseChange) -> str:
    return f"{change.incident} belongs to it{_held(asked)}"


@_done.register(s.DefendantAdded)
@_done.register(s.OffenceAdded)
def _(change: s.DefendantAdded | s.OffenceAdded, after: Case, asked: s.CaseChange) -> str:
    return ", ".join(f"{one.label} with {len(one.offences)} offences" for one in after.defendants)


@_done.register
def _(change: s.ExhibitAdded, after: Case, asked: s.CaseChange) -> str:
    exhibit = after.exhibit(change.reference)
    assert exhibit is not None  # the change added it
    return f"{exhibit.reference} is {exhibit.clip_id}, {span(exhibit)}{_held(asked)}"


@_done.register
def _(change: s.ExhibitWithdrawn, after: Case, asked: s.CaseChange) -> str:
    return f"{change.reference} is withdrawn; the reference is not given again"


@_done.register
def _(change: s.UnusedMarked, after: Case, asked: s.CaseChange) -> str:
    number = next(one.number for one in after.unused if one.clip_id == change.clip_id)
    return f"{change.clip_id} is item {number} of the schedule, {words(change.relevance)}"


@_done.register
def _(change: s.OutcomeRecorded, after: Case, asked: s.CaseChange) -> str:
    bare = after.closed_at is None and after.incidents and not after.held_incidents
    again = "; its holds were lifted when it was closed: add its incidents to hold them again" if bare else ""
    return f"{words(change.outcome)} of {change.defendant} on {change.on} is recorded{again}"


@_done.register
def _(change: s.OutcomeWithdrawn, after: Case, asked: s.CaseChange) -> str:
    return f"{words(change.outcome)} of {change.defendant} on {change.on} is taken back"


@_done.register
def _(change: s.ClockSet, after: Case, asked: s.CaseChange) -> str:
    ends = f" until {after.clock_ends}" if after.clock_ends else ""
    return f"{words(after.clock)} since {after.clock_since}{ends}"


@_done.register
def _(change: s.Approved, after: Case, asked: s.CaseChange) -> str:
    return f"approved until {after.approved_until} by {after.approved_by}"


@_done.register
def _(change: s.RequestRefusedOn, after: Case, asked: s.CaseChange) -> str:
    return f"refused{f' for {len(change.clips)} clips' if change.clips else ''}: {change.ground}"


@_done.register
def _(change: s.CaseReviewed, after: Case, asked: s.CaseChange) -> str:
    if change.keep_until is None:
        return f"closed; {len(asked.lifts)} holds are asked to be lifted"
    return f"kept; a person looks at it again on {after.keep_until}"


def words(value: StrEnum) -> str:
    """A value of ours as people write it."""
    return value.value.replace("_", " ")


def span(exhibit: Exhibit) -> str:
    """Which part of its clip an exhibit is."""
    if exhibit.whole:
        return "the whole clip"
    start = clock(exhibit.start or 0.0)
    return f"{start}–{clock(exhibit.end)}" if exhibit.end is not None else f"from {start} on"


def clock(seconds: float) -> str:
    """Seconds into a clip as a player shows them."""
    whole, rest = divmod(round(seconds * 1000), 1000)
    shown = f"{whole // 3600:d}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{shown}.{rest:03d}" if rest else shown


def _held(asked: s.CaseChange) -> str:
    if not asked.holds:
        return ""
    return f"; {len(asked.holds)} hold{'s' if len(asked.holds) > 1 else ''} placed with it"


def _end(before: Case | None, after: Case) -> str:
    if before is None or after.kind is not s.CaseKind.PROSECUTION or not_before(before) == not_before(after):
        return ""
    end = earliest_end(after).earliest_end
    return f"; kept at least to {end}" if end is not None else "; kept, and nothing says yet until when"
