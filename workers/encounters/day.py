"""What the join looks at: an officer's encounters, clips and cameras around a day. Values, nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from msgspec import Struct

from workers.encounters.words import GapKind
from workers.footage.recording import SourceType

LONGEST = timedelta(hours=24)
"""No clip and no encounter is longer; what says so has a wrong date."""

Span = tuple[datetime, datetime]
"""From, to; in UTC."""


class Rules(Struct, frozen=True):
    """The force's policy. Seconds and metres; defaults and reasons: docs/encounters.md.

    Attributes:
        late, early: that may be missing at the beginning, and of the rest.
        muted: that may be seen and not heard.
        clocks: that a record's time and a clip's may differ: a clip counts as so much longer at both ends.
        assumed: length of an encounter whose record does not say when it was over. Of such a one the end is never
            called missing.
        flags: categories whose clips want a record of an encounter.
        near: a clip whose track comes so near was recorded there.
        elsewhere: one whose track stays farther was not. Both before the error of a receiver.
    """

    late: float = 30.0
    early: float = 30.0
    muted: float = 30.0
    clocks: float = 30.0
    assumed: float = 600.0
    flags: tuple[str, ...] = ()
    near: float = 250.0
    elsewhere: float = 1000.0

    @property
    def slack(self) -> timedelta:
        """`clocks`."""
        return _span(self.clocks)


@lru_cache
def _span(seconds: float) -> timedelta:
    # A join asks for it at each comparison of a clip with an encounter.
    return timedelta(seconds=seconds)


class ClipSeen(Struct, frozen=True):
    """A clip as an officer's day has it; its times are the dock's, not the camera's.

    Attributes:
        ended: None: the recording does not say (power loss).
        silent: it has no sound at all.
        muted: parts without sound, by the camera's log.
        categories: that people gave it.
        ahead: of these times are those in its sidecar, which are the camera's.
    """

    clip_id: str
    camera: str
    source_type: SourceType
    began: datetime
    ended: datetime | None
    incident: str | None = None
    trigger: str | None = None
    categories: tuple[str, ...] = ()
    silent: bool = False
    muted: tuple[Span, ...] = ()
    ahead: timedelta = timedelta(0)


class Meeting(Struct, frozen=True):
    """An encounter at which the officer was.

    Attributes:
        lat, lon: of its record, WGS 84; None: the record does not say.
    """

    encounter_id: str
    at: datetime
    until: datetime | None
    incident: str | None = None
    lat: float | None = None
    lon: float | None = None

    def end(self, rules: Rules) -> datetime:
        """When it was over, or is taken to have been."""
        return self.until or self.at + timedelta(seconds=rules.assumed)


class LogEvent(Struct, frozen=True):
    """Something that a camera did, by the dock's clock."""

    camera: str
    at: datetime
    event: str


class Held(Struct, frozen=True):
    """A camera that the officer had.

    Attributes:
        until: when it was returned or given to another; None: not yet.
        docked_at: its newest docking; None: it was never docked.
    """

    camera: str
    since: datetime
    until: datetime | None
    docked_at: datetime | None = None


class Asked(Struct, frozen=True):
    """What the track of a clip is asked: how near it came to this place in this time.

    Attributes:
        lat, lon: of the record, WGS 84; never of the clip.
        since, until: by the camera's clock.
    """

    encounter_id: str
    clip_id: str
    lat: float
    lon: float
    since: datetime
    until: datetime


class OfficersDay(Struct, frozen=True):
    """All that the join of one officer looks at.

    Attributes:
        metres: (encounter, clip) → how near the clip's track came to the encounter; nothing where that is not known.
        unclaimed: clips that nobody is known to have recorded.
    """

    officer: str
    meetings: tuple[Meeting, ...] = ()
    clips: tuple[ClipSeen, ...] = ()
    log: tuple[LogEvent, ...] = ()
    held: tuple[Held, ...] = ()
    metres: dict[tuple[str, str], float] = {}
    unclaimed: tuple[ClipSeen, ...] = ()


class Shown(Struct, frozen=True):
    """A clip that shows an encounter.

    Attributes:
        how: time, with +incident and +place where those are the same too; or incident: the same one at another time
            of the day, or at that time and elsewhere.
        beside: of a Taser's recording: the body-worn clip of the same moment.
    """

    encounter_id: str
    clip_id: str
    how: str
    source_type: SourceType
    beside: str | None = None


class Gap(Struct, frozen=True):
    """What of an encounter is not shown, or not heard.

    Attributes:
        seconds: that are missing; None: all, of an encounter whose length nobody wrote down.
        explained_by: what the camera's event log says; None: it does not explain it.
        note: what the records say besides, for people.
    """

    encounter_id: str
    kind: GapKind
    seconds: float | None
    explained_by: str | None = None
    note: str | None = None


class Unmatched(Struct, frozen=True):
    """A clip that says of itself that it shows an encounter, and there is no record of one."""

    clip_id: str
    flagged_by: str
    beside: str | None = None


class Lacking(Struct, frozen=True):
    """An encounter of which something is missing, and the clips of that time that were compared with it.

    Attributes:
        elsewhere: those that were recorded elsewhere.
    """

    meeting: Meeting
    clips: tuple[ClipSeen, ...]
    elsewhere: tuple[ClipSeen, ...]


class Joined(Struct, frozen=True):
    """What became of an officer's day; each part in an order that depends on nothing but the day.

    Attributes:
        asked: what the tracks of the clips of that time are to be asked, whether or not it is known already.
        lacking: what the gaps are of.
    """

    shown: tuple[Shown, ...]
    gaps: tuple[Gap, ...]
    unmatched: tuple[Unmatched, ...]
    asked: tuple[Asked, ...] = ()
    lacking: tuple[Lacking, ...] = ()
