"""How far behind the pipeline is, in clips, bytes and seconds, and when it will have caught up: from the rows.

What waits is read from the index of unfinished clips, what was finished lately from the index of verified ones:
neither grows with the store. What Kafka says of the same stages (workers/operations/lag) stands beside it on the
board; the two count different things, clips here and messages there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from workers.database.engine import Database
from workers.operations.lag.figures import StageLag, gravest_first
from workers.operations.lag.verdict import Verdict

LATELY = 900
"""Seconds over which the pace is measured; as long as the service level for a clip to be verified."""

FEW = 3
"""Clips finished in LATELY below which no end is foretold."""


class Waiting(Struct, frozen=True):
    """Clips that wait before one stage.

    Attributes:
        stage: the stage that they wait for, as `bwv stage` calls it; `dock` for the erasure.
        oldest: seconds since the oldest of them was registered; None when nothing waits.
        interrupted: of them, those whose dock has gone; they go on when the camera is docked again.
        exhausted: of them, those for which nothing starts by itself any more.
        new: of them, those registered within LATELY.
    """

    stage: str
    clips: int = 0
    bytes: int = 0
    oldest: float | None = None
    interrupted: int = 0
    exhausted: int = 0
    new: int = 0


class Pace(Struct, frozen=True):
    """What was verified within LATELY.

    Attributes:
        new: of them, those that were registered within LATELY too.
        p95: seconds from docking to verified that 19 of 20 took at most; None when there were none.
    """

    clips: int = 0
    bytes: int = 0
    new: int = 0
    p95: float | None = None


class Outlook(Struct, frozen=True):
    """When everything that is behind will be verified, if both paces stay as they are.

    Attributes:
        behind: clips that are not verified and can go on by themselves.
        over_in: seconds; 0 when nothing is behind, None when it cannot be foretold.
        says: the same for people.
    """

    behind: int
    bytes: int
    over_in: float | None
    says: str


STAGES = ("transfer", "verification", "release", "dock")
"""In the order in which a clip meets them."""

_WAITS_FOR = {"registered": "transfer", "secured": "verification", "verified": "release"}

_BYTES = (
    "COALESCE(sum(COALESCE(f.declared_size, (SELECT size FROM declared d WHERE d.clip_id = f.clip_id))), 0)::bigint"
)
"""Of rows that have it the declared size is their own; of others it is looked up."""

_OPEN = "(f.disposal IS NULL OR f.disposal = 'intended')"

WAITING = (
    f"SELECT f.standing, count(*) AS clips, {_BYTES} AS bytes,"
    " extract(epoch FROM now() - min(f.registered_at))::float AS oldest,"
    " count(*) FILTER (WHERE f.interrupted) AS interrupted,"
    " count(*) FILTER (WHERE f.standing = 'registered' AND f.attempt > 5) AS exhausted,"
    " count(*) FILTER (WHERE f.registered_at > now() - make_interval(secs => %(lately)s)) AS new"
    " FROM clip_fate f"
    f" WHERE f.standing IN ('registered', 'secured', 'verified') AND {_OPEN} GROUP BY f.standing"
)
"""Clips that were not released yet, by their standing."""

ON_CAMERAS = (
    f"SELECT count(*) AS clips, {_BYTES} AS bytes, extract(epoch FROM now() - min(f.moved_at))::float AS oldest"
    " FROM clip_fate f"
    " WHERE f.standing = 'released' AND f.camera_copy = 'present' AND f.disposal IS NULL"
)
"""Clips whose camera may erase them and has not."""

VERIFIED = (
    "SELECT count(*) AS clips, COALESCE(sum(size), 0)::bigint AS bytes,"
    " count(*) FILTER (WHERE registered_at > now() - make_interval(secs => %(lately)s)) AS new,"
    " percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM verified_at - docked_at)::float) AS p95"
    " FROM clips WHERE verified_at > now() - make_interval(secs => %(lately)s)"
)


async def waiting(database: Database) -> tuple[Waiting, ...]:
    """What waits before each of STAGES."""
    rows = await database.fetch(WAITING, {"lately": LATELY})
    found = {}
    for row in rows:
        stage = _WAITS_FOR[row.pop("standing")]
        found[stage] = msgspec.convert(row | {"stage": stage}, Waiting)
    [left] = await database.fetch(ON_CAMERAS)
    found["dock"] = msgspec.convert(left | {"stage": "dock"}, Waiting)
    return tuple(found.get(stage, Waiting(stage)) for stage in STAGES)


async def pace(database: Database) -> Pace:
    """How fast clips were verified lately."""
    return msgspec.convert(await database.fetch_one(VERIFIED, {"lately": LATELY}), Pace)


def unverified_for(stages: Sequence[Waiting]) -> float | None:
    """Seconds since the oldest clip was registered that is not verified; None when there is none."""
    return max((it.oldest for it in stages if it.stage in ("transfer", "verification") and it.oldest), default=None)


BEFORE_VERIFIED = ("transfer", "verification")
"""Stages that a clip passes until it is verified."""


def outlook(stages: Sequence[Waiting], made: Pace, lags: Iterable[StageLag] = ()) -> Outlook:
    """When it will be over. What waits for its camera to be docked again, or for a person, is not counted.

    Args:
        made: the pace of LATELY; it decides where the last two minutes say nothing.
        lags: what they say; after a standstill they see at once that it is being caught up.
    """
    before = [it for it in stages if it.stage in BEFORE_VERIFIED]
    stuck = sum(it.interrupted + it.exhausted for it in before)
    behind = max(0, sum(it.clips for it in before) - stuck)
    size = sum(it.bytes for it in before)
    aside = f"; {stuck:,} more cannot go on by themselves" if stuck else ""
    if not behind:
        return Outlook(0, size, 0.0, f"nothing is behind{aside}")
    left = _by_trend(lags)
    if left is not None:
        return Outlook(behind, size, left, f"{behind:,} clips behind; over in about {span(left)}{aside}")
    arrived = made.new + sum(it.new for it in before)
    gained = made.clips - arrived
    if made.clips < FEW:
        says = f"{behind:,} clips behind; too few were verified lately to say until when{aside}"
        return Outlook(behind, size, None, says)
    if gained <= 0:
        says = (
            f"{behind:,} clips behind and not catching up: {arrived:,} came and {made.clips:,} were verified"
            f" in {LATELY // 60} min{aside}"
        )
        return Outlook(behind, size, None, says)
    left = behind * LATELY / gained
    return Outlook(behind, size, left, f"{behind:,} clips behind; over in about {span(left)}{aside}")


def _by_trend(lags: Iterable[StageLag]) -> float | None:
    """Seconds until these stages have done all that waits for them; None: not known of one, or nothing waits at all."""
    ends = [lag.over_in for lag in lags if lag.stage in BEFORE_VERIFIED]
    known = [end for end in ends if end is not None]
    return max(known) or None if known and len(known) == len(ends) else None


def span(seconds: float) -> str:
    """A length of time for people, in the unit that fits."""
    for most, unit, name in ((100, 1, "s"), (6000, 60, "min"), (48 * 3600, 3600, "h")):
        if seconds < most:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86400:.0f} days"


class Step(Struct, frozen=True):
    """One stage as the picture draws it.

    Attributes:
        clips, bytes: that wait before it, from the rows; None where rows do not tell.
        seconds: age of the oldest of them, or of the oldest message; None when nothing waits.
        messages: that wait for it at the broker; None: not known.
        verdict: of its lag; None: not known.
        says: why, for people.
    """

    stage: str
    clips: int | None = None
    bytes: int | None = None
    seconds: float | None = None
    messages: int | None = None
    verdict: Verdict | None = None
    says: str = ""


PICTURE = ("intake", "transfer", "verification", "release", "dock")
"""Stages that the picture draws in a row; any other is in the list below it."""


def steps(stages: Sequence[Waiting], lags: Iterable[StageLag]) -> tuple[Step, ...]:
    """Every stage of the picture, and after them those that are known by their lag alone, the gravest first."""
    rows, by_name = {it.stage: it for it in stages}, {lag.stage: lag for lag in lags}
    drawn = tuple(_step(name, rows.get(name), by_name.get(name)) for name in PICTURE)
    others = [lag for name, lag in by_name.items() if name not in PICTURE]
    return (*drawn, *(_step(lag.stage, None, lag) for lag in gravest_first(others)))


def _step(name: str, row: Waiting | None, lag: StageLag | None) -> Step:
    says = [*(lag.reasons if lag else ())]
    if row is not None and row.interrupted:
        says.append(f"{row.interrupted:,} waiting for the camera")
    if row is not None and row.exhausted:
        says.append(f"{row.exhausted:,} failed five times")
    ages = [age for age in (row.oldest if row else None, lag.seconds if lag and lag.messages else None) if age]
    return Step(
        name,
        row.clips if row else lag.clips if lag else None,
        row.bytes if row else lag.bytes if lag else None,
        max(ages, default=None),
        lag.messages if lag else None,
        lag.verdict if lag else None,
        "; ".join(says),
    )
