"""When each alarm is on: pure functions of the figures, each giving subject → what is seen; None: nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from workers.operations.alarms import limits
from workers.operations.alarms.figures import Docked, Figures, Overdue

Seen = Mapping[str, str] | None
Condition = Callable[[Figures], Seen]

ALL = "system"
"""The subject of an alarm that concerns no single thing."""


def blind(f: Figures) -> Seen:
    """Figures that could not be read: the alarms over them are blind."""
    return dict(f.unread)


def verified_late(f: Figures) -> Seen:
    """p95 from docking to verified within the last hour is above what is allowed."""
    if f.verified is None:
        return None
    seen = f.verified
    if not seen.clips or seen.late <= limits.LATE_SHARE * seen.clips or seen.p95 is None:
        return {}
    return {
        ALL: f"{seen.late} of {seen.clips} clips of the last hour were verified later than they may be;"
        f" 95 of 100 within {minutes(seen.p95)}, expected {minutes(limits.VERIFIED_WITHIN)}"
    }


def unverified(f: Figures) -> Seen:
    """Clips that were registered a day ago and are not verified."""
    return _overdue(f.unverified, "not verified", limits.UNVERIFIED_MOST.total_seconds())


def unreleased(f: Figures) -> Seen:
    """Clips that are verified and have no wipe receipt."""
    return _overdue(f.unreleased, "verified and not released", limits.UNRELEASED_MOST.total_seconds())


def _overdue(seen: Overdue | None, what: str, most: float) -> Seen:
    if seen is None:
        return None
    if not seen.clips:
        return {}
    clips = many(seen.clips, "clip is", "clips are")
    return {
        ALL: f"{clips} {what} after {minutes(most)}; the oldest has waited {minutes(seen.oldest)}:"
        f" {', '.join(seen.examples)}"
    }


def stage_stalled(f: Figures) -> Seen:
    """Stages that are there and do not do their work, or do it again."""
    return _verdicts(f, stopped=False)


def stage_stopped(f: Figures) -> Seen:
    """Stages at which nobody works."""
    return _verdicts(f, stopped=True)


def _verdicts(f: Figures, *, stopped: bool) -> Seen:
    if f.stages is None:
        return None
    return {
        name: f"{name} {seen.verdict}: {seen.says}"
        for name, seen in f.stages.items()
        if (seen.verdict == "STOPPED") is stopped
    }


def dead_letters(f: Figures) -> Seen:
    """Messages that can never succeed and wait for a person."""
    if f.dead_letters is None:
        return None
    return {
        stage: f"{many(count, 'dead letter', 'dead letters')} of {stage}"
        for stage, count in f.dead_letters.items()
        if count
    }


def quarantine(f: Figures) -> Seen:
    """Clips whose bytes are not the declared ones, undecided."""
    return None if f.quarantined is None else dict(f.quarantined)


def counter_gap(f: Figures) -> Seen:
    """Recordings that a camera's counter says were made and that no inventory listed."""
    if f.gaps is None:
        return None
    found: dict[str, list[str]] = {}
    for gap in f.gaps:
        numbers = f"{gap.first}" if gap.first == gap.last else f"{gap.first}–{gap.last}"
        found.setdefault(gap.camera, []).append(numbers)
    return {camera: f"recordings {', '.join(numbers)} of {camera} are missing" for camera, numbers in found.items()}


def store_red(f: Figures) -> Seen:
    """The object store does not serve."""
    if f.store is None:
        return None
    return {"object store": f.store} if f.store else {}


def database_away(f: Figures) -> Seen:
    """PostgreSQL does not answer: nothing moves, and nothing else can be judged."""
    if f.database is None:
        return None
    return {"database": f.database} if f.database else {}


def damaged(f: Figures) -> Seen:
    """Stored footage that is rotten or gone."""
    if f.damaged is None:
        return None
    what = many(f.damaged, "clip in the vault is", "clips in the vault are")
    return {ALL: f"{what} not what the dock signed"} if f.damaged else {}


def lease_missed(f: Figures) -> Seen:
    """Locks that end within a day and should have been renewed."""
    if f.leases_late is None:
        return None
    what = many(f.leases_late, "clip has", "clips have")
    return {ALL: f"{what} a lock that ends within a day"} if f.leases_late else {}


def budget_hit(f: Figures) -> Seen:
    """The retention sweep stands still and asks."""
    return None if f.sweeps is None else dict(f.sweeps)


def deadline_near(f: Figures) -> Seen:
    """A hearing or the end of a clock is near, and what goes there is not acknowledged; or a receipt is late."""
    if f.deadlines is None:
        return None
    seen: dict[str, str] = {}
    for one in f.deadlines:
        near = one.ends is not None and one.ends - f.now <= limits.DEADLINE_NEAR
        if near and one.ends is not None:
            left = (one.ends - f.now).total_seconds()
            when = f"{minutes(left)} before" if left >= 0 else f"{minutes(-left)} after"
            seen[one.submission_id] = f"{one.urn}: {one.state}, not acknowledged, {when} {stamp(one.ends)}"
        elif one.receipt_overdue:
            seen[one.submission_id] = f"{one.urn}: sent, and no receipt came in time"
    return seen


def disk_full(f: Figures) -> Seen:
    """Disks that are short of room."""
    if f.disks is None:
        return None
    return {
        place: f"{room.free / 1e9:.1f} GB of {room.total / 1e9:.1f} GB are free at {place}"
        for place, room in f.disks.items()
        if room.free < max(limits.DISK_BYTES, limits.DISK_SHARE * room.total)
    }


def camera_out(f: Figures) -> Seen:
    """Cameras that were issued and not docked for a day."""
    if f.out is None:
        return None
    return {
        one.camera: f"{one.camera} was issued to {one.officer} and has not been docked since {stamp(one.since)}"
        for one in f.out
        if f.now - one.since > limits.OUT_MOST
    }


def camera_lost(f: Figures) -> Seen:
    """Cameras that somebody reported lost."""
    return (
        None if f.lost is None else {camera: f"{camera} was reported lost: {said}" for camera, said in f.lost.items()}
    )


def camera_clock(f: Figures) -> Seen:
    """Cameras whose clock is off."""
    if f.clocks is None:
        return None
    return {
        camera: f"the clock of {camera} is {abs(off):.0f} s {'ahead' if off > 0 else 'behind'}"
        for camera, off in f.clocks.items()
        if abs(off) > limits.CLOCK_MOST
    }


def dock_silent(f: Figures) -> Seen:
    """Docks that had no camera at a change of shift, and usually have."""
    if f.docks is None:
        return None
    return {one.dock: _silence(one) for one in f.docks if is_silent(one, f.now)}


def is_silent(docked: Docked, now: datetime) -> bool:
    """Whether the window is over, the dock had no camera in it or since, and had one on most of the days before."""
    over = now >= docked.change + limits.WINDOW_AFTER
    usual = sum(1 for count in docked.before if count) >= limits.USUAL_DAYS
    return over and usual and not docked.cameras and not docked.since


def _silence(docked: Docked) -> str:
    return (
        f"{docked.dock} had no camera around {stamp(docked.change)}; in the seven days before"
        f" {', '.join(str(count) for count in docked.before)}"
    )


def many(count: int, one: str, more: str) -> str:
    """A number with its noun: "1 clip is", "2 clips are"."""
    return f"{count} {one if count == 1 else more}"


def minutes(seconds: float) -> str:
    """A duration for people: "40 s", "15 min", "26 h", "3 days"."""
    for most, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < most:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"


def stamp(at: datetime) -> str:
    """A moment for people, with its zone."""
    return at.strftime("%Y-%m-%d %H:%M %Z").strip()
