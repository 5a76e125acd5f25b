"""Which parts of an encounter are seen, and which are heard: arithmetic of spans of time. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from workers.encounters.day import ClipSeen, Meeting, Rules, Span


class Coverage(Struct, frozen=True):
    """What clips show of a span.

    Attributes:
        late: seconds until the first is seen; all of it where nothing is.
        early: seconds that are not seen after that: a pause, and the end.
        unheard: seconds that are seen and not heard.
        stopped, resumed: of the first pause, or of the end (then nothing resumed).
    """

    seen: bool
    late: float
    early: float
    unheard: float
    stopped: datetime | None = None
    resumed: datetime | None = None

    @property
    def unseen(self) -> float:
        """Seconds that no clip shows."""
        return self.late + self.early


def union(spans: Iterable[Span]) -> list[Span]:
    """The same time without overlaps, in order; empty spans are nothing."""
    made: list[Span] = []
    for began, ended in sorted(span for span in spans if span[0] < span[1]):
        if made and began <= made[-1][1]:
            made[-1] = (made[-1][0], max(made[-1][1], ended))
        else:
            made.append((began, ended))
    return made


def within(spans: Iterable[Span], began: datetime, ended: datetime) -> list[Span]:
    """The parts of spans that lie in another."""
    return union((max(one, began), min(other, ended)) for one, other in spans)


def length(spans: Iterable[Span]) -> float:
    """Seconds in all; the spans do not overlap."""
    return sum((ended - began).total_seconds() for began, ended in spans)


def less(spans: list[Span], away: list[Span]) -> list[Span]:
    """What is left of spans without others; both without overlaps, in order."""
    left: list[Span] = []
    for began, ended in spans:
        at = began
        for one, other in away:
            if other <= at or one >= ended:
                continue
            if one > at:
                left.append((at, one))
            at = max(at, other)
        if at < ended:
            left.append((at, ended))
    return left


def coverage(meeting: Meeting, clips: Iterable[ClipSeen], rules: Rules) -> Coverage:
    """What the body-worn clips of an officer show of an encounter.

    A clip without a known end is taken to go on: unknown is never called missing. Of an encounter without a known end
    nothing after its beginning is.
    """
    began, ended = meeting.at, meeting.end(rules)
    ended = max(ended, began + timedelta(seconds=1))  # a record to the minute has at least a moment
    slack = rules.slack
    spans: list[Span] = []
    heard: list[Span] = []
    for clip in clips:
        span = (clip.began - slack, ended if clip.ended is None else clip.ended + slack)
        spans.append(span)
        if not clip.silent:
            heard += less([span], union(clip.muted))
    seen = within(spans, began, ended)
    if not seen:
        return Coverage(False, (ended - began).total_seconds(), 0.0, 0.0)
    late = (seen[0][0] - began).total_seconds()
    unheard = length(less(seen, within(heard, began, ended)))
    if meeting.until is None:
        return Coverage(True, late, 0.0, unheard)
    pauses = less([(seen[0][0], ended)], seen)
    if not pauses:
        return Coverage(True, late, 0.0, unheard)
    stopped, over = pauses[0]
    return Coverage(True, late, length(pauses), unheard, stopped, None if over == ended else over)
