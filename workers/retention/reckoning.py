"""The arithmetic of a decision: which dates follow from what counts; no sentences.

Two steps, since over a million clips share a few hundred combinations of kind and facts: `choose` depends on
those alone, `reckon` adds a clip's own times. `decide` puts both into words.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from workers.retention.choice import Choice
from workers.retention.decision import Outcome
from workers.retention.periods import start_of_day
from workers.retention.rules import Clock, Policy, Rule, Then

AFTER_DOCKING = timedelta(days=1)
"""A recording that began so long after it was docked has no time that could be right; the day leaves room for a
camera whose offset could not be measured."""

FIRST_YEAR = 2000
"""No body-worn, Taser or vehicle recording is older: a clock that shows less was not set."""


class Reckoned(Struct, frozen=True):
    """The dates of one clip.

    Attributes:
        rule: the one that decides; None for a clip that is not verified yet.
        began: what its period counts from.
        end: of the period, before anything prolonged it.
        late, kept, delayed: what prolonged it: a late docking, a review, somebody who took it out of the bin.
        gone: people decided that it goes.
    """

    outcome: Outcome
    rule: Rule | None = None
    began: datetime | None = None
    end: datetime | None = None
    ends_at: datetime | None = None
    dispose_from: datetime | None = None
    intend_from: datetime | None = None
    review_from: datetime | None = None
    late: bool = False
    kept: bool = False
    delayed: bool = False
    gone: bool = False


def reckon(choice: Choice, recorded_at: datetime | None, docked_at: datetime, policy: Policy) -> Reckoned:
    """The dates of a clip.

    Args:
        recorded_at: as the camera said, clock corrected; None if unknown.
        docked_at: with its offset.
    """
    if choice.unverified:
        return Reckoned(Outcome.NEVER)
    recorded = time_of_recording(choice, recorded_at, docked_at)
    longest = _under(choice.rules[0], choice, recorded, docked_at, policy)
    for rule in choice.rules[1:]:
        found = _under(rule, choice, recorded, docked_at, policy)
        if _rank(found) >= _rank(longest):
            longest = found
    return _as_people_decided(longest, choice, policy)


def time_of_recording(choice: Choice, recorded_at: datetime | None, docked_at: datetime) -> datetime | None:
    """What a period counts from: the latest of what the camera said and of what people corrected, until a correction
    is confirmed; None if one of them is no time that could be right."""
    if not choice.corrections:
        return recorded_at if recorded_at is not None and plausible(recorded_at, docked_at) else None
    times = choice.corrections if choice.corrected else (recorded_at, *choice.corrections)
    known = [moment for moment in times if moment is not None and plausible(moment, docked_at)]
    return max(known) if len(known) == len(times) else None


def plausible(moment: datetime, docked_at: datetime) -> bool:
    """Whether a recording that was docked then can have begun at this moment."""
    return moment.tzinfo is not None and moment.year >= FIRST_YEAR and moment - docked_at <= AFTER_DOCKING


def _under(rule: Rule, choice: Choice, recorded: datetime | None, docked_at: datetime, policy: Policy) -> Reckoned:
    """What one rule says about the clip."""
    began = _began(rule.clock, choice, recorded, docked_at)
    end = None if began is None else rule.period.after(began, policy.zone)
    if end is None:
        return Reckoned(Outcome.NEVER, rule, began)
    until, late, kept = end, False, False
    minimum = policy.late_docking.minimum
    if until - docked_at < minimum.most:
        least = minimum.after(docked_at, policy.zone)
        if least is None:
            return Reckoned(Outcome.NEVER, rule, began)
        if least > until:
            until, late = least, True
    if choice.kept is not None:
        again = rule.again.after(choice.kept.at, policy.zone)
        if again is None:
            return Reckoned(Outcome.NEVER, rule, began, kept=True)
        if again > until:
            until, late, kept = again, False, True
    if rule.then is Then.REVIEW:
        return Reckoned(Outcome.REVIEW, rule, began, end, review_from=until, late=late, kept=kept)
    dispose_from = until - policy.window
    intend_from = dispose_from - policy.bin
    return Reckoned(Outcome.EXPIRE, rule, began, end, until, dispose_from, intend_from, None, late, kept)


def _began(clock: Clock, choice: Choice, recorded: datetime | None, docked_at: datetime) -> datetime | None:
    if clock is Clock.RECORDED:
        return recorded
    if clock is Clock.DOCKED:
        return docked_at
    if clock is Clock.LAST_REVIEW:
        return choice.kept.at if choice.kept else recorded
    return None  # nothing tells yet when a case was closed or had its outcome


def _rank(found: Reckoned) -> tuple[int, float]:
    """Longest is what never goes, then what a person decides, then what goes last."""
    until = found.ends_at or found.review_from
    order = (Outcome.EXPIRE, Outcome.REVIEW, Outcome.NEVER).index(found.outcome)
    return order, until.timestamp() if until else 0.0


def _expiring(reckoned: Reckoned, ends_at: datetime, policy: Policy) -> Reckoned:
    """The dates of disposal, counted back from when everything is gone."""
    dispose_from = ends_at - policy.window
    return Reckoned(
        Outcome.EXPIRE,
        reckoned.rule,
        reckoned.began,
        reckoned.end,
        ends_at,
        dispose_from,
        dispose_from - policy.bin,
        None,
        reckoned.late,
        reckoned.kept,
        reckoned.delayed,
        reckoned.gone,
    )


def _as_people_decided(found: Reckoned, choice: Choice, policy: Policy) -> Reckoned:
    """The same with what people decided about this very clip: it goes, and not before a day."""
    if choice.gone is not None:
        margins = policy.bin + policy.window
        goes = choice.gone.at + margins
        if found.ends_at is None or found.ends_at > goes:
            gone = Reckoned(Outcome.EXPIRE, found.rule, found.began, found.end, gone=True)
            found = _expiring(gone, goes, policy)
    if choice.not_before is None:
        return found
    day = start_of_day(choice.not_before.day, policy.zone)
    if found.review_from is not None and day > found.review_from:
        return Reckoned(Outcome.REVIEW, found.rule, found.began, found.end, review_from=day, delayed=True)
    if found.dispose_from is not None and day > found.dispose_from:
        delayed = Reckoned(
            Outcome.EXPIRE, found.rule, found.began, found.end, kept=found.kept, delayed=True, gone=found.gone
        )
        return _expiring(delayed, day + policy.window, policy)
    return found
