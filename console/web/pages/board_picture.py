"""What the picture of the board says: of each bay, each stage and each number; pure, over the figures.

Whatever is shown is shown three times over, in words, by a mark and by a colour, so that nobody needs all three. A
time that lies ahead is given as a time of day: it stays the same while it comes nearer, and a person can plan by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from console.web.rendering import LONDON, size
from workers.dock.bay import FOR_A_PERSON, State
from workers.operations.board import bays
from workers.operations.board.docks import TOLD, Bay
from workers.operations.board.pipeline import PICTURE, Step, span
from workers.operations.lag.verdict import Verdict

MANY = 64
"""Bays above which each is drawn small: mark, name and camera; its page says the rest."""

CROWD = 24
"""The same on a wall, where nobody scrolls."""


# -- bays ----------------------------------------------------------------------------------------------------


class DrawnBay(Struct, frozen=True):
    """A bay as it is drawn.

    Attributes:
        code: as in workers/operations/board/bays.py; its colour and mark.
        word: what a person may do with the camera.
        detail, small: when and how fast, how many remain, or why; empty where there is nothing to say.
        note: what is wrong with the camera besides; empty if nothing is.
        share: percent of its bytes that are out; None where nothing moves.
    """

    bay: str
    camera: str
    code: str
    word: str
    detail: str = ""
    small: str = ""
    note: str = ""
    share: int | None = None


_DOING = (
    (State.TRANSFERRING, "being copied"),
    (State.MEASURING, "being measured"),
    (State.SETTLING, "just docked"),
    (State.REPORTED, "waits for its turn"),
    (State.FETCHED, "being read back"),
    (State.RELEASED, "being erased"),
)
"""State of a recording → what is done with it; of several the first is told."""


def drawn_bay(bay: Bay, at: datetime) -> DrawnBay:
    """What a bay says.

    Args:
        at: when this was so.
    """
    word = bays.WORDS.get(bay.code, bay.code)
    note = f"{_many(bay.missing, 'recording')} missing" if bay.missing else ""
    detail, small = _said(bay, at)
    share = round(100 * bay.share) if bay.code == bays.LEAVE else None
    return DrawnBay(bay.bay, bay.camera or "", bay.code, word, detail, small, note, share)


def _said(bay: Bay, at: datetime) -> tuple[str, str]:
    if bay.code == bays.LEAVE:
        rest = _many(bay.remaining, "recording")
        if bay.eta is not None:
            return f"free about {clock(at, bay.eta)}", f"{rest}, {size(bay.rate)}/s"
        states = {item.state for item in bay.recordings}
        return next((says for state, says in _DOING if state in states), "just docked"), rest if bay.remaining else ""
    if bay.code == bays.TAKE:
        verb = "remains" if bay.remaining == 1 else "remain"
        return f"{_many(bay.remaining, 'recording')} {verb}", "to go on at the next dock"
    if bay.code == bays.READY:
        return "empty", ""
    if bay.code == bays.FAILED:
        wrong = [item.reason for item in bay.recordings if item.state in FOR_A_PERSON and item.reason]
        more = f"and {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
        return (wrong[0], more) if wrong else (bay.sign.removeprefix("failed: "), "")
    return (bay.sign, "") if bay.code == TOLD else ("", "")


def clock(at: datetime, seconds: float) -> str:
    """The time of day in so many seconds, here; with its day where that is another."""
    now, then = at.astimezone(LONDON), (at + timedelta(seconds=seconds)).astimezone(LONDON)
    return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%a %H:%M}"


# -- stages --------------------------------------------------------------------------------------------------

TITLES: Mapping[str, tuple[str, str]] = {
    "intake": ("Intake", "checks what docks signed"),
    "transfer": ("Transfer", "copies it into the vault"),
    "verification": ("Verification", "reads everything back"),
    "release": ("Release", "signs the wipe receipt"),
    "dock": ("Erasure", "the camera erases it"),
}
"""Stage of the picture → its heading, and what is done there."""


class DrawnStage(Struct, frozen=True):
    """A stage as it is drawn.

    Attributes:
        number, unit: how much waits; number None: nobody knows.
        more: of how many bytes, since when.
        verdict: in lower letters; `none`: not known.
        says: why it is not well; empty if it is.
        to: where its number leads.
    """

    stage: str
    title: str
    does: str
    number: int | None
    unit: str
    more: str
    verdict: str
    says: str
    to: str


def drawn_stages(steps: Iterable[Step]) -> tuple[tuple[DrawnStage, ...], tuple[DrawnStage, ...]]:
    """The stages of the picture, and all others."""
    drawn = [_stage(step) for step in steps]
    row = tuple(one for one in drawn if one.stage in PICTURE)
    return row, tuple(one for one in drawn if one.stage not in PICTURE)


def _stage(step: Step) -> DrawnStage:
    title, does = TITLES.get(step.stage, (step.stage, ""))
    number, unit = (step.clips, "clip") if step.clips is not None else (step.messages, "message")
    more = [size(step.bytes)] if step.bytes else []
    more += [f"oldest {span(step.seconds)}"] if step.seconds else []
    return DrawnStage(
        stage=step.stage,
        title=title,
        does=does,
        number=number,
        unit=unit if number == 1 else f"{unit}s",
        more=", ".join(more),
        verdict=step.verdict.lower() if step.verdict else "none",
        says=step.says,
        to=f"/board/stages/{step.stage}",
    )


def unwell(stages: Iterable[DrawnStage]) -> tuple[DrawnStage, ...]:
    """Those that a person should look at."""
    return tuple(one for one in stages if one.verdict not in (Verdict.OK.lower(), "none"))


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
