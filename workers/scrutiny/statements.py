"""What people sign about scrutiny: draws, grades, complaints and their outcomes."""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct

from workers.footage.canonical import derived_id
from workers.keys.signing import Signed
from workers.retention.facts import HoldReason
from workers.scrutiny.drawing import PassedOver

COMPLAINT_ID = re.compile(r"complaint-[a-z2-7]{32}")


class DrawKind(StrEnum):
    """Who looks at what was drawn."""

    PANEL = "panel"
    SAMPLE = "sample"


class Grade(StrEnum):
    """What a panel, or a supervisor, finds. Panels grade by traffic lights; not every encounter can be graded."""

    GREEN = "green"
    """No concern."""
    AMBER = "amber"
    """Something to learn."""
    RED = "red"
    """A serious concern: somebody of professional standards reads it."""
    NOT_GRADED = "not-graded"
    """It cannot be judged from what there is."""


class Drawn(Struct, frozen=True, tag="draw"):
    """A draw. The list itself is made again from the custody log at `size`; its digest says whether it is the one.

    Attributes:
        size, root: of the custody log at the checkpoint at which the list was made.
        terms: what is covered and silenced before a panel sees footage, in the force's words.
        meets: day on which the panel meets (ISO 8601), from which the end of the holds counts; None: within a quarter.
    """

    kind: DrawKind
    month: str
    n: int
    seed: str
    size: int
    root: str
    listed: int
    list_sha256: str
    drawn: tuple[str, ...]
    passed_over: tuple[PassedOver, ...] = ()
    unit: str | None = None
    terms: str = ""
    meets: str | None = None


class Graded(Struct, frozen=True, tag="grade"):
    """What was found of one encounter of a draw; of several the newest counts."""

    encounter_id: str
    grade: Grade
    notes: str


class ComplaintOpened(Struct, frozen=True, tag="complaint"):
    """A complaint, conduct matter, or a death or serious injury; or another place and period of one.

    Attributes:
        reason: complaint, conduct, dsi.
        restricted: whoever it concerns must not learn of it.
    """

    reference: str
    reason: HoldReason
    restricted: bool


class OutcomeSent(Struct, frozen=True, tag="outcome"):
    """The letter with the outcome went out on this day (ISO 8601)."""

    day: str


class ReviewApplied(Struct, frozen=True, tag="review-applied"):
    """Somebody applied for a review of the outcome on this day."""

    day: str


class ReviewDecided(Struct, frozen=True, tag="review-decided"):
    """The outcome of the review was sent on this day."""

    day: str


Deed = Drawn | Graded | ComplaintOpened | OutcomeSent | ReviewApplied | ReviewDecided


class ScrutinyDeed(Struct, frozen=True):
    """Body of ScrutinyRequested and ScrutinyRecorded.

    Attributes:
        about: the draw, or the complaint.
        holds: requests for holds that go with it, each signed by the same person.
        lifts: wishes to lift holds that go with it, the same.
    """

    about: str
    deed: Deed
    by: str
    at: str
    holds: tuple[Signed, ...] = ()
    lifts: tuple[Signed, ...] = ()


def tag_of(deed: Deed) -> str:
    """ "draw", "grade", …"""
    return str(type(deed).__struct_config__.tag)


def draw_id(namespace: str, kind: DrawKind, month: str, unit: str | None, size: int, seed: str, n: int) -> str:
    """One draw for each list, seed and number."""
    return derived_id("draw", namespace, kind.value, month, (unit or "").lower(), size, seed, n)


def complaint_id(namespace: str, reference: str) -> str:
    """One complaint for each reference, whatever its capitals and blanks."""
    return derived_id("complaint", namespace, "".join(reference.split()).upper())
