"""The copy for the person concerned: the record, whether it was filmed, until when the footage is there, how to ask.

A person who was searched may ask for the record for three months (PACE 1984 s.3(9), Code A 3.10, 4.10); most footage is
deleted after 31 days. The copy is one page that prints, needs no network and no script, and names nobody but officers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from msgspec import Struct

from workers.encounters.check import moment
from workers.encounters.queries import Known, ListedGap
from workers.encounters.rows import Recorded
from workers.encounters.sheet import LONDON
from workers.encounters.statements import Encounter
from workers.encounters.words import GapKind, Kind
from workers.footage.canonical import derived_id
from workers.footage.recording import SourceType
from workers.prosecution.disclosure.months import last_day
from workers.retention.explaining import Explanation, State

HERE = Path(__file__).parent

TITLES = {
    Kind.STOP_SEARCH: "Record of a stop and search",
    Kind.STOP_ACCOUNT: "Record of a stop and account",
    Kind.USE_OF_FORCE: "Record of the use of force",
}

POWERS = {
    "pace_s1": "section 1 of the Police and Criminal Evidence Act 1984",
    "mda_s23": "section 23 of the Misuse of Drugs Act 1971",
    "firearms_s47": "section 47 of the Firearms Act 1968",
    "cjpoa_s60": "section 60 of the Criminal Justice and Public Order Act 1994",
    "terrorism_s43": "section 43 of the Terrorism Act 2000",
    "terrorism_s47a": "section 47A of the Terrorism Act 2000",
    "psychoactive_s36": "section 36 of the Psychoactive Substances Act 2016",
    "public_order_s10": "section 10 of the Public Order Act 2023",
    "public_order_s11": "section 11 of the Public Order Act 2023",
    "svro_s342e": "section 342E of the Sentencing Code (serious violence reduction order)",
    "other": "another power",
}

ETHNICITIES = {
    "W1": "White: English, Welsh, Scottish, Northern Irish or British", "W2": "White: Irish",
    "W3": "White: Gypsy or Irish Traveller", "W9": "Any other White background",
    "M1": "White and Black Caribbean", "M2": "White and Black African", "M3": "White and Asian",
    "M9": "Any other mixed background", "A1": "Indian", "A2": "Pakistani", "A3": "Bangladeshi", "A4": "Chinese",
    "A9": "Any other Asian background", "B1": "Black Caribbean", "B2": "Black African",
    "B9": "Any other Black background", "O9": "Any other ethnic group", "NS": "Not stated",
}  # fmt: skip

ASK_WITHIN = 3
"""Months (PACE 1984 s.3(9))."""

EXPLAINED = {
    "battery_flat": "the camera's own log shows that its battery was flat",
    "power_lost": "the camera's own log shows that it lost power",
}


class Filmed(Struct, frozen=True):
    """What is said of the footage of one officer."""

    officer: str
    says: str
    why: str | None


class Kept(Struct, frozen=True):
    """Until when the footage is there, in a sentence; `day` where there is one."""

    says: str
    day: datetime | None = None


def page(
    found: Recorded,
    known: Known,
    explained: Mapping[str, Explanation],
    *,
    now: datetime,
    contact: str,
    held: str | None,
) -> bytes:
    """The copy, as UTF-8.

    Args:
        explained: clip → why it is kept, for each clip of the encounter.
        contact: how people ask this force, in a sentence.
        held: since when a hold stands because the person asked; None: nobody asked.
    """
    encounter = found.encounter
    at = moment(encounter.at)
    assert at is not None  # it was checked before it was recorded
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(HERE.joinpath("person.html").read_text(encoding="utf-8"))
    text = template.render(
        title=TITLES[encounter.kind],
        copy_number=copy_number(found, now),
        facts=facts(encounter),
        corrected=found.version > 1,
        version=found.version,
        signed_at=local(found.signed_at),
        filmed=filmed(encounter, known),
        kept=kept([explained[clip.clip_id] for clip in known.clips if clip.clip_id in explained]),
        any_clips=bool(known.clips),
        ask_by=f"{last_day(at.astimezone(LONDON).date(), ASK_WITHIN):%d %B %Y}",
        contact=contact,
        held=held,
        reference=encounter.reference,
        printed=local(now),
    )
    return text.encode()


def copy_number(found: Recorded, now: datetime) -> str:
    """Number of this copy; it is on the paper alone."""
    made = derived_id("copy", found.encounter_id, found.version, now.isoformat()).removeprefix("copy-").upper()
    return f"{made[:4]}-{made[4:8]}"


def local(at: datetime) -> str:
    """A moment as people read it."""
    return f"{at.astimezone(LONDON):%d %B %Y, %H:%M}"


def facts(encounter: Encounter, person: str = "you") -> list[tuple[str, str]]:
    """The record, line by line; what it does not say is left out.

    Args:
        person: how the person concerned is called.
    """
    at, until = moment(encounter.at), moment(encounter.until) if encounter.until else None
    assert at is not None
    lead = next(one.officer for one in encounter.officers if one.role == "lead")
    others = [one.officer for one in encounter.officers if one.officer != lead]
    said = (
        ("Reference", encounter.reference),
        ("When", local(at) + (f" to {until.astimezone(LONDON):%H:%M}" if until else "")),
        ("Where", encounter.place),
        ("Officer", lead),
        ("Other officers present", ", ".join(others)),
        ("Under which power", POWERS.get(encounter.power or "", "")),
        ("Authorisation", encounter.authorisation),
        ("What was looked for", _words(encounter.object)),
        ("Grounds", encounter.grounds),
        ("Vehicle searched", _yes(encounter.vehicle)),
        ("More than outer clothing removed", _yes(encounter.more_than_outer)),
        ("Force used", ", ".join(_words(tactic) for tactic in encounter.tactics)),
        ("Taser", ", ".join(_words(use) for use in encounter.ced)),
        ("Outcome", _words(encounter.outcome)),
        ("Outcome linked to what was looked for", _yes(encounter.linked)),
        (f"Ethnicity, as {person} described it", ETHNICITIES.get(encounter.ethnicity or "", "")),
        ("Ethnicity, as the officer saw it", _words(encounter.perceived)),
        ("Age", _words(encounter.age_band)),
        ("Gender", _words(encounter.gender)),
    )
    return [(name, value) for name, value in said if value]


def _words(value: str | None) -> str:
    return (value or "").replace("_", " ")


def _yes(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def filmed(encounter: Encounter, known: Known) -> list[Filmed]:
    """Of each officer whether it was filmed, and if not or not all, why."""
    return [_filmed(one.officer, known) for one in encounter.officers]


def _filmed(officer: str, known: Known) -> Filmed:
    gaps = {gap.gap: gap for gap in known.gaps if gap.officer == officer}
    taser = any(clip.officer == officer and clip.source_type is SourceType.TASER for clip in known.clips)
    if GapKind.NONE in gaps:
        says = "Not filmed by this officer's body-worn camera"
        return Filmed(officer, says + (", but by the camera of the Taser" if taser else ""), why(gaps[GapKind.NONE]))
    if not gaps:
        return Filmed(officer, "Filmed" + (", also by the camera of the Taser" if taser else ""), None)
    parts = {
        GapKind.LATE: "the recording starts after the beginning",
        GapKind.EARLY: "the recording stops before the end, or pauses",
        GapKind.MUTED: "part of it has no sound",
    }
    missing = [(parts[kind], why(gap)) for kind, gap in gaps.items() if kind in parts]
    reasons = sorted({reason for _, reason in missing})
    return Filmed(officer, f"Filmed in part: {'; '.join(part for part, _ in missing)}", "; ".join(reasons))


def why(gap: ListedGap) -> str:
    """Why something is missing, as it may be told to the person concerned."""
    if gap.explained_by is not None:
        return EXPLAINED.get(gap.explained_by, gap.explained_by)
    if gap.reason is not None:
        return f"the reason given is: {gap.reason}"
    return "no reason has been given yet; you may ask for one"


def kept(explained: Sequence[Explanation]) -> Kept:
    """Until when all of the footage is there. Nothing is promised that the policy in force does not say."""
    if not explained:
        return Kept("There is no footage of it.")
    if all(one.state in (State.GONE, State.LEAVING) for one in explained):
        return Kept("The footage was deleted at the end of its period.")
    there = [one for one in explained if one.state not in (State.GONE, State.LEAVING)]
    some = "Part of the footage was deleted at the end of its period. " if len(there) < len(explained) else ""
    ends = [one.plan.dispose_from for one in there if one.plan and not one.plan.held and one.plan.dispose_from]
    if ends:
        day = min(ends)
        return Kept(f"{some}The footage is kept until at least {day.astimezone(LONDON):%d %B %Y}.", day)
    return Kept(f"{some}The footage is kept, and no day is set for its deletion.")
