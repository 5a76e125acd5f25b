"""How far behind a stage is: in messages, clips, bytes and seconds, and when that is over."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from workers.operations.lag.history import Look, Looks, Members, Place
from workers.operations.lag.verdict import Shows, Verdict, judge

TREND_OVER = 120.0
"""Seconds of looks from which the end of a backlog is reckoned."""
TREND_LEAST = 5.0
"""Seconds that two looks must be apart for that."""


class StageLag(Struct, frozen=True, kw_only=True):
    """What people are shown of one stage.

    Attributes:
        at: when this was seen, seconds since 1970.
        reasons: why the verdict is not OK, and what else a person should know.
        since: from when on the verdict holds, as far as the looks reach.
        messages: that wait; a message counts until its offset is committed, as for Kafka's own tools.
        gone: messages that the broker deleted before they were committed. Kafka's tools count them as lag.
        clips, bytes: what is left of its work; None for a stage whose work is not counted in clips.
        seconds: age of the oldest message that waits; 0.0 when none does.
        rate: bytes a second that it moves now.
        over_in: seconds until nothing waits, if it goes on as in the last two minutes; 0.0 when nothing waits, None
            when no end is in sight.
        places: the partitions in which something waits or is gone.
    """

    stage: str
    at: float
    verdict: Verdict
    reasons: tuple[str, ...]
    since: float | None
    messages: int
    gone: int
    clips: int | None
    bytes: int | None
    seconds: float
    rate: float
    over_in: float | None
    members: Members
    places: tuple[Place, ...]

    @property
    def wants_a_person(self) -> bool:
        """Whether somebody should look."""
        return self.verdict is not Verdict.OK or self.gone > 0


def stage_lag(stage: str, looks: Looks, shows: Shows = Shows.COMMITS) -> StageLag:
    """The figures and the verdict of one stage.

    Args:
        looks: at least one, oldest first.
        shows: how this stage shows that it works.
    """
    newest, finding = looks[-1], judge(looks, shows)
    return StageLag(
        stage=stage,
        at=newest.at,
        verdict=finding.verdict,
        reasons=finding.reasons,
        since=finding.since,
        messages=newest.messages,
        gone=sum(place.gone for place in newest.places),
        clips=newest.clips,
        bytes=newest.bytes,
        seconds=newest.seconds,
        rate=newest.rate,
        over_in=over_in(looks),
        members=newest.members,
        places=tuple(place for place in newest.places if place.messages or place.gone),
    )


def over_in(looks: Looks) -> float | None:
    """Seconds until nothing waits; 0.0 when nothing does, None when no end is in sight.

    By bytes where the stage moves some now, since clips differ by a thousand times in size; else by messages, since
    most of them waited: a standstill that is over shall not hide for two minutes that it is being caught up.
    """
    newest = looks[-1]
    if not newest.messages:
        return 0.0
    if newest.bytes is not None and newest.rate > 0:
        return max(0, newest.bytes - newest.done) / newest.rate
    first = max(_lately(looks), key=lambda look: (look.messages, look.at))
    seconds, fewer = newest.at - first.at, first.messages - newest.messages
    if seconds < TREND_LEAST or fewer <= 0:
        return None
    return newest.messages * seconds / fewer


def has_trend(looks: Looks) -> bool:
    """Whether the looks of late lie far enough apart to see whether a backlog grows."""
    return looks[-1].at - _lately(looks)[0].at >= TREND_LEAST


def _lately(looks: Looks) -> list[Look]:
    return [look for look in looks if look.at >= looks[-1].at - TREND_OVER]


def gravest_first(lags: Iterable[StageLag]) -> tuple[StageLag, ...]:
    """The gravest first, then the one whose messages have waited longest."""
    grave = list(Verdict)
    return tuple(sorted(lags, key=lambda lag: (grave.index(lag.verdict), -lag.seconds, lag.stage)))
