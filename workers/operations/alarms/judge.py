"""What to tell, decided from what stands open and what is seen now. Pure; `now` comes in.

seen    for `lasts` seconds → fired, told once
gone    for `settles`, twice as long for each return within an hour → over, told once
held    while an alarm stands from which it follows (`behind`): noted, not told; told if it outlasts that
together  subjects that come after the first are told at once, `gathers` after it
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from workers.operations.alarms.conditions import Seen
from workers.operations.alarms.figures import Figures
from workers.operations.alarms.limits import SETTLES_MOST
from workers.operations.alarms.table import Alarm


class Kind(StrEnum):
    """What is told of an alarm."""

    FIRED = "fired"
    OVER = "over"
    ACKNOWLEDGED = "acknowledged"


class Standing(Struct, frozen=True):
    """An alarm of one subject that is seen, or was seen a moment ago.

    Attributes:
        since: first seen; or, of one that was held back, when that ended.
        says: what was seen last.
        fired_at: when it was told; None while it has not lasted long enough, or is held back.
        quiet_since: since when it is not seen any more.
        behind: the alarm that holds it back, "alarm" or "alarm subject".
    """

    alarm: str
    subject: str
    since: datetime
    says: str
    fired_at: datetime | None = None
    quiet_since: datetime | None = None
    behind: str | None = None


class Past(Struct, frozen=True):
    """What was told of one subject within the last hour.

    Attributes:
        overs: how often that it is over.
        fired: when it was last told; None: it was not.
    """

    alarm: str
    subject: str
    overs: int = 0
    fired: datetime | None = None


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


def judge(alarms: Sequence[Alarm], standing: Sequence[Standing], figures: Figures, past: Iterable[Past] = ()) -> Judged:
    """Compare what is seen with what stands.

    A condition that nobody can judge now leaves everything of its alarm as it stands. What stands of an alarm that
    is not in the table any more is dropped without a word.

    Args:
        past: what was told within the last hour; at most one of a subject.
    """
    before: dict[str, dict[str, Standing]] = {}
    for one in standing:
        before.setdefault(one.alarm, {})[one.subject] = one
    told_before: dict[str, dict[str, Past]] = {}
    for was in past:
        told_before.setdefault(was.alarm, {})[was.subject] = was
    seen = {alarm.name: alarm.seen(figures) for alarm in alarms}
    known = _on(seen, standing)
    kept, told = list[Standing](), list[Telling]()
    for alarm in alarms:
        mine, sees = before.get(alarm.name, {}), seen[alarm.name]
        if sees is None:
            kept += mine.values()
            continue
        one_alarm = _OneAlarm(alarm, mine, told_before.get(alarm.name, {}), figures)
        stays, tellings = one_alarm.judged(sees, known)
        kept += stays
        told += tellings
    return Judged(tuple(kept), tuple(told))


def _on(seen: Mapping[str, Seen], standing: Sequence[Standing]) -> frozenset[str]:
    """What others may be held back behind: each alarm that is seen or has fired, by name and with its subject."""
    pairs = {(name, subject) for name, subjects in seen.items() for subject in subjects or ()}
    pairs |= {(one.alarm, one.subject) for one in standing if one.fired_at is not None}
    return frozenset({name for name, _ in pairs} | {f"{name} {subject}" for name, subject in pairs})


class _OneAlarm:
    """One alarm with what stands of it and what was told of it."""

    def __init__(
        self, alarm: Alarm, before: Mapping[str, Standing], past: Mapping[str, Past], figures: Figures
    ) -> None:
        self._alarm = alarm
        self._before = before
        self._past = past
        self._figures = figures
        self._now = figures.now

    def judged(self, seen: Mapping[str, str], on: frozenset[str]) -> tuple[list[Standing], list[Telling]]:
        stays, ripe = list[Standing](), list[Standing]()
        for subject, says in seen.items():
            known = self._before.get(subject) or Standing(self._alarm.name, subject, self._now, says)
            one = replace(known, says=says, quiet_since=None)
            if one.fired_at is None:
                one = self._held(one, on)
            waits = one.fired_at is not None or one.behind or self._now - one.since < _seconds(self._alarm.lasts)
            (stays if waits else ripe).append(one)
        together = self._together()
        stays += [replace(one, fired_at=self._now) if together else one for one in ripe]
        tellings = [self._telling(Kind.FIRED, one) for one in ripe] if together else []
        for subject, one in self._before.items():
            if subject in seen or one.fired_at is None:
                continue  # it never lasted long enough to be told: forgotten
            quiet = replace(one, quiet_since=one.quiet_since or self._now)
            if self._now - (quiet.quiet_since or self._now) >= self._settles(subject):
                tellings.append(self._telling(Kind.OVER, one))
            else:
                stays.append(quiet)
        return stays, tellings

    def _held(self, one: Standing, on: frozenset[str]) -> Standing:
        """Held back, or no longer: then it has to last anew."""
        wanted = (*self._alarm.behind(self._figures, one.subject), *([one.behind] if one.behind else []))
        behind = next((name for name in wanted if name in on), None)
        since = self._now if one.behind and not behind else one.since
        return replace(one, behind=behind, since=since)

    def _together(self) -> bool:
        """Whether enough time has passed since something of this alarm was told."""
        times = [one.fired_at for one in self._before.values()] + [was.fired for was in self._past.values()]
        return all(at is None or self._now - at >= self._alarm.gathers for at in times)

    def _settles(self, subject: str) -> timedelta:
        was = self._past.get(subject)
        longer: int = 2 ** min(was.overs if was else 0, 10)
        return min(self._alarm.settles * longer, max(SETTLES_MOST, self._alarm.settles))

    def _telling(self, kind: Kind, one: Standing) -> Telling:
        return Telling(kind, one.alarm, one.subject, one.says, one.since, self._now)


def _seconds(count: float) -> timedelta:
    return timedelta(seconds=count)
