"""An officer's clips by shift, and what happens to each if nobody does anything. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from workers.catalogue.finding import Found
from workers.retention.choice import UNVERIFIED
from workers.retention.explaining import BY_THE_FORCE
from workers.retention.rules import UNCATEGORISED, Policy, Then

BETWEEN_SHIFTS = timedelta(hours=6)
"""Without a recording for so long, the next one is of another shift (Working Time Regulations 1998 reg. 10: eleven
hours of rest a day; a quiet night is shorter)."""


class Next(Struct, frozen=True):
    """What happens to a clip next.

    Attributes:
        says: without its day.
        on: the day; None: there is none.
        gone: when nothing of it is left, where it goes by itself.
        marked: whether a person said what it is.
    """

    says: str
    on: datetime | None = None
    gone: datetime | None = None
    marked: bool = False


class Shift(Struct, frozen=True):
    """Clips that one officer recorded without a long pause between them.

    Attributes:
        name: of the shift in a form: its first clip's id.
        began, ended: None: nobody knows.
        clips: the newest first.
    """

    began: datetime | None
    ended: datetime | None
    clips: tuple[Found, ...]

    @property
    def name(self) -> str:
        """What stands for it in a form."""
        return self.clips[-1].clip_id

    @property
    def open(self) -> tuple[Found, ...]:
        """Clips that may still be marked."""
        return tuple(clip for clip in self.clips if markable(clip))


def shifts(clips: Iterable[Found]) -> list[Shift]:
    """Clips by shift, the newest first; those of which nobody knows the time are one by themselves, at the end.

    Args:
        clips: newest first.
    """
    timed: list[list[Found]] = []
    untimed: list[Found] = []
    for clip in clips:
        if clip.recorded_at is None:
            untimed.append(clip)
        elif timed and _same(clip, timed[-1][-1]):
            timed[-1].append(clip)
        else:
            timed.append([clip])
    made = [Shift(group[-1].recorded_at, max(filter(None, map(_ended, group))), tuple(group)) for group in timed]
    return made + ([Shift(None, None, tuple(untimed))] if untimed else [])


def _same(earlier: Found, later: Found) -> bool:
    ended, began = _ended(earlier), later.recorded_at
    return ended is not None and began is not None and began - ended < BETWEEN_SHIFTS


def _ended(clip: Found) -> datetime | None:
    if clip.recorded_at is None or clip.ended_at is None or clip.ended_at < clip.recorded_at:
        return clip.recorded_at
    return clip.ended_at


def markable(clip: Found) -> bool:
    """Whether a person may still say what it is."""
    return clip.disposal not in ("committed", "done")


def next_of(clip: Found) -> Next:
    """What happens to a clip if nobody does anything; of holds no more than that the force keeps it."""
    marked = bool(clip.category) and clip.category != UNCATEGORISED
    if clip.disposal == "done":
        return Next("deleted", marked=marked)
    if clip.disposal == "committed":
        return Next("being deleted", marked=marked)
    if clip.held:
        return Next(BY_THE_FORCE, marked=marked)
    if clip.disposal == "intended":
        return Next("in the bin, and out of it if you mark it", None, clip.ends_at, marked)
    if clip.verdict == "expire":
        return Next("goes into the bin on", clip.intend_from, clip.ends_at, marked)
    if clip.verdict == "review":
        return Next("kept; a person decides from", clip.review_from, None, marked)
    if clip.verdict is None or clip.standing in UNVERIFIED:
        return Next("not decided before it is verified", marked=marked)
    return Next("kept", marked=marked)


def rest_of(policy: Policy | None) -> str:
    """What becomes of footage that nobody marks, in a sentence."""
    found = policy.category(UNCATEGORISED) if policy is not None else None
    if policy is None or found is None:
        return "No retention policy is in force: nothing is deleted."
    if found.then is Then.REVIEW:
        return f"Whatever nobody marks is kept {found.period.text}; then a person decides ({found.source})."
    return (
        f"Whatever nobody marks is deleted within {found.period.text} of its recording ({found.source}); "
        f"for the last part of that time it lies in the bin, and marking it takes it out."
    )
