"""What to tell, decided from what stands open and what is seen now. Pure; `now` comes in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from workers.operations.alarms.figures import Figures
from workers.operations.alarms.table import Alarm

SETTLES = timedelta(seconds=60)
"""How long a condition must be gone before its alarm is over: what comes and goes is told once, not each minute."""


class Kind(StrEnum):
    """What is told of an alarm."""

    FIRED = "fired"
    OVER = "over"


class Standing(Struct, frozen=True):
    """An alarm of one subject that is seen, or was seen a moment ago.

    Attributes:
        since: first seen.
        says: what was seen last.
        fired_at: when it was told; None while it has not lasted long enough.
        quiet_since: since when it is not seen any more.
    """

    alarm: str
    subject: str
    since: datetime
    says: str
    fired_at: datetime | None = None
    quiet_since: datetime | None = None


class Telling(Struct, frozen=True):
    """One thing to tell."""

    kind: Kind
    alarm: str
    subject: str
    says: str
    since: datetime
    at: datetime


class Judged(Struct, frozen=True):
    """What stands now, and what is to be told."""

    standing: tuple[Standing, ...]
    tellings: tuple[Telling, ...]


def judge(alarms: Iterable[Alarm], standing: Sequence[Standing], figures: Figures) -> Judged:
    """Compare what is seen with what stands.

    A condition that nobody can judge now leaves everything of its alarm as it stands. What stands of an alarm that
    is not in the table any more is dropped without a word.
    """
    before: dict[str, dict[str, Standing]] = {}
    for one in standing:
        before.setdefault(one.alarm, {})[one.subject] = one
    now, kept, told = figures.now, list[Standing](), list[Telling]()
    for alarm in alarms:
        mine = before.get(alarm.name, {})
        seen = alarm.seen(figures)
        if seen is None:
            kept += mine.values()
            continue
        for stays, telling in _of_one(alarm, mine, seen, now):
            if stays is not None:
                kept.append(stays)
            if telling is not None:
                told.append(telling)
    return Judged(tuple(kept), tuple(told))


def _of_one(
    alarm: Alarm, before: Mapping[str, Standing], seen: Mapping[str, str], now: datetime
) -> Iterable[tuple[Standing | None, Telling | None]]:
    for subject, says in seen.items():
        known = before.get(subject) or Standing(alarm.name, subject, now, says)
        one = replace(known, says=says, quiet_since=None)
        if one.fired_at is None and now - one.since >= timedelta(seconds=alarm.lasts):
            one = replace(one, fired_at=now)
            yield one, _telling(Kind.FIRED, one, now)
        else:
            yield one, None
    for subject, one in before.items():
        if subject in seen or one.fired_at is None:
            continue  # it never lasted long enough to be told: forgotten
        quiet = replace(one, quiet_since=one.quiet_since or now)
        if quiet.quiet_since is not None and now - quiet.quiet_since >= SETTLES:
            yield None, _telling(Kind.OVER, one, now)
        else:
            yield quiet, None


def _telling(kind: Kind, one: Standing, now: datetime) -> Telling:
    return Telling(kind, one.alarm, one.subject, one.says, one.since, now)
