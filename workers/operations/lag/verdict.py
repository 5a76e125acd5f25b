"""What the looks at a stage mean: OK, SLOW, STALLED, STOPPED or REWOUND, with the reason in words.

STOPPED   nobody is there to work: the group is empty, or nobody has a partition in which messages wait.
REWOUND   a position that was committed lies before one that was committed earlier, or behind the end of the topic:
          work is done again, or messages are missing. Over when the old position is reached again.
STALLED   somebody is there, messages wait, and for STALLED_AFTER seconds nothing of theirs was committed and no
          byte moved. Judged for each member by itself, so that one that sleeps does not hide behind those that work.
          Also a process that has not answered at its health port for so long: one that works by the clock has
          nothing else to be known by.
SLOW      it works, and for SLOW_OVER seconds what waits has grown no smaller while more came: it falls behind.
          Also a stage that says it has been at one message for longer than STALLED_AFTER and shows no bytes.
OK        nothing waits, or what waits is being worked off.

A stage in which nothing waits is never STALLED, however long it has committed nothing; and since waiting is counted
from the first look that saw it, a message that has just come accuses nobody. With a look every ten seconds a stage
that lives and does nothing is found within a minute of the first message that waits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from enum import Enum, StrEnum

from msgspec import Struct

from workers.operations.lag.history import Look, Looks, Members, Place

STALLED_AFTER = 40.0
"""Seconds: twice the longest step of a short stage, and more than Kafka takes to give a dead member's work away."""
GONE_AFTER = 15.0
"""Seconds: a stage that is started again is back sooner."""
LONG_STEP = 600.0
"""Seconds that a stage may say it is at work on one message, without a byte that moves."""
SLOW_OVER = 60.0
"""Seconds over which a trend is looked for; less is a moment's load."""
SLOW_BEHIND = 30.0
"""Seconds that the oldest message must have waited before somebody is called slow."""


class Verdict(StrEnum):
    """What a person is told, the gravest first."""

    STOPPED = "STOPPED"
    REWOUND = "REWOUND"
    STALLED = "STALLED"
    SLOW = "SLOW"
    OK = "OK"


class Shows(Enum):
    """How a stage shows that it works on a message which it has not committed yet."""

    COMMITS = "it commits every message within seconds"
    BYTES = "it tells every two seconds how many bytes it has moved"
    NOTHING = "one message may take minutes, and only the stage itself knows that it is at work"


class Finding(Struct, frozen=True):
    """The verdict on one stage.

    Attributes:
        reasons: one sentence each, the verdict's own first; empty when it is OK and nothing is to be said.
        since: seconds since 1970 from which it has been so, as far as the looks reach; None when it is OK.
    """

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    since: float | None = None


def judge(looks: Looks, shows: Shows = Shows.COMMITS) -> Finding:
    """What the newest look means, after those before it.

    Args:
        looks: at least one, oldest first.
        shows: how this stage shows that it works.
    """
    found = sorted(_found(looks, shows), key=lambda finding: list(Verdict).index(finding.verdict))
    lost = tuple(_lost(looks[-1]))
    if not found:
        return Finding(Verdict.OK, lost)
    reasons = [reason for finding in found for reason in finding.reasons]
    away = () if found[0].verdict is Verdict.STOPPED else tuple(f"waits for {part}" for part in looks[-1].waits_for)
    return Finding(found[0].verdict, (*dict.fromkeys(reasons), *away, *lost), found[0].since)


def _found(looks: Looks, shows: Shows) -> Iterator[Finding]:
    yield from _stopped(looks)
    yield from _rewound(looks)
    if looks[-1].members is not Members.NOBODY:
        yield from _stalled(looks, shows)
        yield from _mute(looks)
    yield from _slow(looks)


def _stopped(looks: Looks) -> Iterator[Finding]:
    since = _since(looks, lambda look: look.members is Members.NOBODY)
    if since is not None and (since == looks[0].at or looks[-1].at - since >= GONE_AFTER):
        waiting = looks[-1].messages
        tail = f"; {waiting} messages wait" if waiting else ""
        yield Finding(Verdict.STOPPED, (f"nobody works for it{tail}: start it, or see why it ended",), since)


def _rewound(looks: Looks) -> Iterator[Finding]:
    for place in looks[-1].places:
        if place.committed is None:
            continue
        where = f"{place.topic}/{place.partition}"
        if place.committed > place.end:
            reason = f"{where} ends at {place.end} and {place.committed} was committed: Kafka lost messages, or the "
            yield Finding(Verdict.REWOUND, (reason + "topic was made anew",), looks[-1].at)
            continue
        before = [(there.committed, look.at) for look in looks if (there := _place(look, place)) is not None]
        highest, last_at = max((committed, at) for committed, at in before if committed is not None)
        if place.committed < highest:
            reason = f"{where} was committed up to {highest} and stands at {place.committed}: "
            yield Finding(Verdict.REWOUND, (reason + f"{highest - place.committed} messages are done again",), last_at)


def _stalled(looks: Looks, shows: Shows) -> Iterator[Finding]:
    newest = looks[-1]
    members: defaultdict[str, list[Place]] = defaultdict(list)
    for place in newest.places:
        members[place.member].append(place)
    for member, places in members.items():
        waiting = [place for place in places if place.messages]
        since = _still(looks, places) if waiting else None
        if since is None or newest.at - since < STALLED_AFTER:
            continue
        quiet, messages = newest.at - since, sum(place.messages for place in waiting)
        if not member and newest.members is Members.THERE and any(place.member for place in newest.places):
            where = ", ".join(f"{place.topic}/{place.partition}" for place in waiting[:3])
            yield Finding(Verdict.STOPPED, (f"nobody has {where}, where {messages} messages wait",), since)
        elif shows is Shows.NOTHING and newest.at_work and quiet < LONG_STEP:
            yield Finding(Verdict.SLOW, (f"has been at work for {quiet:.0f} s without finishing a message",), since)
        else:
            who = f"{member}: " if len(members) > 1 and member else ""
            at_work = "" if newest.at_work is None else f"; it says that it is at work on {newest.at_work}"
            reason = f"{who}{messages} messages wait, and nothing was finished for {quiet:.0f} s{at_work}"
            yield Finding(Verdict.STALLED, (reason,), since)


def _mute(looks: Looks) -> Iterator[Finding]:
    since = _since(looks, lambda look: look.mute)
    if since is not None and looks[-1].at - since >= STALLED_AFTER:
        reason = f"its process is there and has not answered at its health port for {looks[-1].at - since:.0f} s"
        yield Finding(Verdict.STALLED, (reason,), since)


def _still(looks: Looks, places: list[Place]) -> float | None:
    """Since when, as far as we looked, messages waited in these places and nothing moved; None: it moves.

    Looks of several watchers lie among each other, and one that began later has not seen the older signs of bytes:
    only a sign that is newer than all before it says that something moved.
    """
    names = {place.name for place in places}
    now = {place.name: place.position for place in places}
    newest: dict[tuple[str, int], float] = {}
    since = None
    for look in looks:
        there = [place for place in look.places if place.name in names]
        moved = [place for place in there if place.moving > newest.get(place.name, 0.0)]
        newest.update((place.name, place.moving) for place in moved)
        if not any(place.messages for place in there) or {place.name: place.position for place in there} != now:
            since = None
        elif moved or since is None:
            since = look.at
    return since


def _slow(looks: Looks) -> Iterator[Finding]:
    newest = looks[-1]
    span = [look for look in looks if look.at >= newest.at - 2 * SLOW_OVER]
    first = span[0]
    if newest.at - first.at < SLOW_OVER or len(span) < 3 or not all(look.messages for look in span):
        return
    if {place.name for place in first.places} != {place.name for place in newest.places}:
        return
    came = _sum_of_ends(newest) - _sum_of_ends(first)
    finished = came + first.messages - newest.messages
    if came > 0 and 0 < finished <= came and newest.seconds >= SLOW_BEHIND and newest.seconds > first.seconds:
        seconds = newest.at - first.at
        reason = f"{finished} messages were finished in {seconds:.0f} s and {came} came: it falls behind"
        yield Finding(Verdict.SLOW, (reason,), first.at)


def _lost(look: Look) -> Iterator[str]:
    for place in look.places:
        if place.gone:
            yield (
                f"{place.topic}/{place.partition}: {place.gone} messages were deleted by the broker before they were "
                "committed; compare with `bwv reconcile`"
            )


def _since(looks: Looks, holds: Callable[[Look], bool]) -> float | None:
    """When the unbroken run of looks began that ends with the newest and in which this holds; None: not now."""
    since = None
    for look in reversed(looks):
        if not holds(look):
            break
        since = look.at
    return since


def _place(look: Look, wanted: Place) -> Place | None:
    return next((place for place in look.places if place.name == wanted.name), None)


def _sum_of_ends(look: Look) -> int:
    return sum(place.end for place in look.places)
