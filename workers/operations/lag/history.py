"""What was seen of a stage: one look after another, kept for ten minutes.

Everything that is judged is a difference between looks, by the clock of whoever looks. Times of the broker are
compared with each other alone, so a clock that is off accuses nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

KEPT = 600.0
"""Seconds of looks that are kept: long enough to see a trend, and that a position was once further on."""

APART = 8.0
"""Seconds: of looks that are closer together than this the later replaces the earlier, the first one excepted."""

RECENT = 150.0
OLD_APART = 45.0
"""Seconds: of looks that are older than RECENT, every one so far apart is enough: what is kept stays small."""


class Members(StrEnum):
    """Who is in the stage's consumer group, or holds its lock."""

    THERE = "there"
    REARRANGING = "rearranging"
    NOBODY = "nobody"
    UNKNOWN = "unknown"
    """It has no group and no lock, and its health endpoint was not asked."""


class Place(Struct, frozen=True, array_like=True):
    """One partition that a stage reads, at one time.

    Attributes:
        committed: next offset that the group will read after a restart; None: it has never committed.
        begin, end: first offset that the broker still has, and the one that the next message will get.
        member: who has it; empty: nobody, or nobody knows.
        oldest: append time of the first message that waits, seconds since 1970 by the broker's clock.
        moving: the same of the newest sign that bytes of this partition move; 0.0: none was seen.
    """

    topic: str
    partition: int
    committed: int | None
    begin: int
    end: int
    member: str = ""
    oldest: float | None = None
    moving: float = 0.0

    @property
    def name(self) -> tuple[str, int]:
        """Topic and partition."""
        return self.topic, self.partition

    @property
    def position(self) -> int:
        """Offset of the first message that waits."""
        return max(self.begin, self.committed or 0)

    @property
    def messages(self) -> int:
        """Messages that wait and that the broker still has."""
        return max(0, self.end - self.position)

    @property
    def gone(self) -> int:
        """Messages that the broker deleted before the stage committed them; its own tools count them as lag."""
        return max(0, min(self.begin, self.end) - self.committed) if self.committed is not None else 0


class Look(Struct, frozen=True):
    """One stage at one time.

    Attributes:
        at: seconds since 1970, by the clock of whoever looked.
        waits_for: parts that are away, each with since when and why, as the stage itself says.
        at_work: messages that it works on now, as it says; None: it was not asked.
        mute: its process is there and does not answer at its health port.
        clips, bytes: what of its work is left, from the database; None: its messages are not about bytes.
        rate: bytes a second that it moves now.
        done: bytes that are done of what it works on now; they are in `bytes` still.
    """

    at: float
    members: Members
    places: tuple[Place, ...] = ()
    waits_for: tuple[str, ...] = ()
    at_work: int | None = None
    clips: int | None = None
    bytes: int | None = None
    rate: float = 0.0
    done: int = 0
    mute: bool = False

    @property
    def messages(self) -> int:
        """Messages that wait, in all places."""
        return sum(place.messages for place in self.places)

    @property
    def seconds(self) -> float:
        """Age of the oldest message that waits; 0.0 when none does."""
        times = [place.oldest for place in self.places if place.messages and place.oldest is not None]
        return max(0.0, self.at - min(times)) if times else 0.0


Looks = tuple[Look, ...]
"""The looks at one stage, oldest first; never empty once somebody has looked."""


def add(looks: Looks, newest: Look) -> Looks:
    """The looks with one more, without what is older than KEPT seconds.

    A look that is not newer than the last one (somebody else's, or a clock that was set back) begins anew.
    """
    if looks and newest.at <= looks[-1].at:
        return (newest,)
    kept: list[Look] = []
    for look in looks:
        old = look.at < newest.at - RECENT
        if look.at >= newest.at - KEPT and not (old and kept and look.at - kept[-1].at < OLD_APART):
            kept.append(look)
    if len(kept) > 1 and kept[-1].at - kept[-2].at < APART:
        kept.pop()
    return (*kept, newest)


def merged(ours: Looks, theirs: Iterable[Look]) -> Looks:
    """What two watchers of one machine saw of one stage, in the order of time.

    Args:
        ours: the newest of these is of now; what lies well after it was written by a clock that was set back since.
    """
    latest = ours[-1].at + APART
    together: Looks = ()
    for at, look in sorted({look.at: look for look in (*theirs, *ours)}.items()):
        if at <= latest:
            together = add(together, look)
    return together
