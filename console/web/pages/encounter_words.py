"""How encounters, and what of them is missing, read on a page; and who says why. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.web.guard import EVERY_ENCOUNTER, EXPLAINERS
from console.web.people import Person, Role
from workers.encounters.lines import Missing, Reader
from workers.encounters.person import EXPLAINED
from workers.encounters.queries import ListedGap, ShownClip
from workers.encounters.words import GapKind, Kind
from workers.footage.recording import SourceType

KINDS = {
    Kind.STOP_SEARCH: "stop and search",
    Kind.STOP_ACCOUNT: "stop and account",
    Kind.USE_OF_FORCE: "use of force",
}

GAPS = {
    GapKind.NONE: "not filmed",
    GapKind.LATE: "filmed late",
    GapKind.EARLY: "stops early, or pauses",
    GapKind.MUTED: "without sound",
    GapKind.UNMATCHED: "no record of it",
}
"""What is missing, in words."""

BESIDE = "beside "
"""What the note of a Taser's clip without a record begins with: the body-worn clip of the same moment follows."""

ASKED = {
    GapKind.NONE: "Why was it not filmed?",
    GapKind.LATE: "Why was it filmed late?",
    GapKind.EARLY: "Why does it stop, or pause?",
    GapKind.MUTED: "Why is there no sound?",
    GapKind.UNMATCHED: "Why is there no record of it?",
}
"""What an officer is asked."""


def flagged(said: str) -> str:
    """What a clip without a record says of itself, in words.

    Args:
        said: `flagged_by` of the join.
    """
    by, _, name = said.partition(" ")
    return "clip of a Taser whose safety was off" if by == "trigger" else f"clip that was marked as {name}"


def reader_of(person: Person) -> Reader:
    """What somebody sees of encounters."""
    unit = person.unit if person.has({Role.SUPERVISOR}) else ""
    return Reader(person.person, unit, person.has(EVERY_ENCOUNTER))


def may_explain(person: Person, officer: str | None, borough: str | None, bcu: str | None) -> bool:
    """Whether somebody says why an officer's footage, or the record of their clip, is missing.

    Args:
        officer: None: nobody knows whose clip it is; then nobody answers for it.
        borough, bcu: of the encounter.
    """
    if officer is None or not person.has(EXPLAINERS):
        return False
    return officer == person.person or reader_of(person).supervises(borough, bcu)


def drawn(
    person: Person, about: str, gap: Missing | ListedGap, borough: str | None, bcu: str | None, typed: Mapping[str, str]
) -> dict[str, Any]:
    """Something that is missing, as a page shows it.

    Args:
        typed: what somebody typed and was not taken, with the gap that it was of.
    """
    name = {"about": about, "gap": gap.gap.value, "officer": gap.officer or ""}
    state = "explained" if gap.explained_by is not None else "given" if gap.reason is not None else "open"
    return {
        "it": gap,
        "name": name,
        "what": GAPS[gap.gap],
        "asks": ASKED[gap.gap],
        "state": state,
        "log": EXPLAINED.get(gap.explained_by or "", gap.explained_by),
        "beside": (gap.note or "").removeprefix(BESIDE) if gap.gap is GapKind.UNMATCHED else "",
        "own": gap.officer == person.person,
        "form": state != "explained" and may_explain(person, gap.officer, borough, bcu),
        "typed": typed.get("reason", "") if all(typed.get(key) == value for key, value in name.items()) else "",
    }


def how(clip: ShownClip) -> str:
    """What a clip has to do with an encounter, in words."""
    if not clip.how.startswith("time"):
        return "same incident, at another time" if clip.how == "incident" else clip.how
    said = ["shows it, from the Taser" if clip.source_type is SourceType.TASER else "shows it"]
    if "incident" in clip.how:
        said.append("same incident")
    if "place" in clip.how and clip.metres is not None:
        said.append(f"recorded within {max(10, round(clip.metres, -1)):.0f} m")
    return ", ".join(said)
