"""What the page of a clip shows: to whom it is open, why it is kept, what was made of it, and its continuity record."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.cli.timeline import Moment, moments
from console.web.consulting import Clip, clip_of
from console.web.guard import FOOTAGE
from console.web.pages import clip_roles
from console.web.pages.casework import reader_of
from console.web.people import Role
from console.web.playing import unplayable
from console.web.rendering import LONDON
from console.web.visit import Visit
from workers.catalogue.queries import history
from workers.catalogue.viewing import Seen
from workers.custody.queries import newest_seal
from workers.prosecution.cases.case import Case
from workers.prosecution.cases.rows import cases_with_clip
from workers.prosecution.derivatives.rows import MADE, Derivative, derivatives_of
from workers.prosecution.disclosure.material import Material
from workers.prosecution.disclosure.mg11 import draft, mg11
from workers.prosecution.disclosure.unused import materials
from workers.prosecution.statements import CaseKind, DerivativeKind
from workers.prosecution.submission.queries import submissions_with_clip
from workers.retention.explaining import Explanation
from workers.retention.hold_queries import Listed, list_holds
from workers.retention.questions import explained_by_log, explained_by_row

LONGEST_REASON = 500
STORED = ("secured", "verified", "released")

NO_PAST_DAY = "{0!r} is no day that has come; write it as 2026-11-22."


async def found(visit: Visit) -> Clip:
    """The clip that the address names; HTTPException 404 if there is none."""
    clip = await clip_of(visit)
    if clip is None:
        raise HTTPException(404)
    return clip


def closed(visit: Visit, clip: Clip, says: str, *, ask: bool, status: int = 403) -> Response:
    """Why this clip is not open, and the question for a reason where one would open it."""
    values = {"clip_id": clip.seen.clip_id, "says": says, "ask": ask, "most": LONGEST_REASON}
    return visit.show("closed.html", values, status)


async def page(
    visit: Visit, clip: Clip, *, said: list[str] | None = None, problem: str = "", status: int = 200
) -> Response:
    """The page; the look is on record before it is shown.

    Args:
        said: what was answered to what somebody decided.
        problem: why nothing was decided.
    """
    leave = clip.look
    if leave.relation is None:
        return closed(visit, clip, leave.says, ask=leave.ask)
    await clip.tell("look", leave.relation)
    at, odd = past_day(visit.query("at"), visit.now)
    if odd:
        problem, status = NO_PAST_DAY.format(odd), 400
    values = await _contents(visit, clip, at) | {"said": said or [], "problem": problem}
    return visit.show("clip.html", values, status)


def playable(seen: Seen) -> bool:
    """Whether there is footage: from secured on, until it is deleted."""
    gone = seen.disposal in ("committed", "done")
    return seen.standing in STORED and seen.version_id is not None and seen.size is not None and not gone


def past_day(text: str, now: datetime) -> tuple[datetime | None, str]:
    """The end of a day that somebody asks about, no later than now; and the text where it is none.

    Args:
        text: 2026-11-22; empty: nobody asks.
    """
    if not text:
        return None, ""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()
        end = datetime.combine(day + timedelta(days=1), time(), LONDON) - timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None, text[:40]
    if day > now.astimezone(LONDON).date():
        return None, text[:40]
    return min(end, now), ""


async def _contents(visit: Visit, clip: Clip, at: datetime | None) -> dict[str, Any]:
    database, seen, person = visit.parts.database, clip.seen, visit.person
    restricted = clip_roles.may_know(person, seen.officer)
    sealed = await newest_seal(database)
    timeline = await record_of(visit, seen, LONDON)
    holds = await holds_of(visit, seen)
    made = await derivatives_of(database, seen.clip_id)
    async with database.connection() as connection:
        cases = await cases_with_clip(connection, seen.clip_id)
        material = (await materials(connection, [seen.clip_id])).get(seen.clip_id)
    return {
        "clip": seen,
        "play": clip.play,
        "playable": playable(seen),
        "major": (seen.media_type or "").partition("/")[0],
        "unplayable": unplayable(seen.media_type, seen.probe),
        "copy": next((one for one in made if _whole_copy(one)), None),
        "derivatives": made,
        "explained": await explained(visit, seen, at),
        "at": visit.query("at") if at else "",
        "today": f"{visit.now.astimezone(LONDON):%Y-%m-%d}",
        "holds": [{"it": hold, "liftable": clip_roles.may_lift(person, hold)} for hold in holds],
        "reasons": clip_roles.reasons_for(person),
        "may_restrict": restricted,
        "may_prove": person.has(clip_roles.PROVERS),
        "may_play": person.has(FOOTAGE),
        "timeline": timeline,
        "sealed": sum(line.index < sealed.size for line in timeline) if sealed else 0,
        "exhibits": _exhibits(visit, cases, material, seen),
        "mg11": draft(material) if material is not None and not cases and seen.officer == person.person else "",
        "submissions": [
            one
            for one in await submissions_with_clip(database, seen.clip_id)
            if reader_of(person).sees(CaseKind(one.kind), one.officer)
        ],
        "most": LONGEST_REASON,
    }


async def holds_of(visit: Visit, seen: Seen) -> list[Listed]:
    """The holds of a clip, as the visitor may know them."""
    restricted = clip_roles.may_know(visit.person, seen.officer)
    listed = await list_holds(visit.parts.database, clip=seen.clip_id, restricted=restricted)
    return clip_roles.holds_told(visit.person, seen.officer, listed)


async def record_of(visit: Visit, seen: Seen, zone: tzinfo | None = None) -> list[Moment]:
    """The continuity record of a clip, as the visitor may know it."""
    person, rows = visit.person, await history(visit.parts.database, seen.clip_id)
    standards = person.has({Role.STANDARDS}) and person.person != seen.officer
    return moments(rows, restricted=standards, holds=clip_roles.named_to(person, seen.officer), zone=zone)


async def explained(visit: Visit, seen: Seen, at: datetime | None) -> Explanation:
    """Why it is kept or gone: now by the row that decides, of any other day by the custody log alone."""
    database, clip_id = visit.parts.database, seen.clip_id
    person, officer = visit.person, seen.officer
    restricted, named = clip_roles.may_know(person, officer), clip_roles.named_to(person, officer)
    if at is None:
        now = await explained_by_row(database, clip_id, visit.now, restricted=restricted, named=named)
        if now is not None:
            return now
    told, _ = await explained_by_log(database, clip_id, at or visit.now, restricted=restricted, named=named)
    return told


def _whole_copy(one: Derivative) -> bool:
    """Whether it is a playback copy of the whole clip."""
    stated = one.stated() if one.state == MADE and one.kind == DerivativeKind.PLAYBACK else None
    return stated is not None and stated.start is None and stated.end is None


def _exhibits(visit: Visit, cases: list[Case], material: Material | None, seen: Seen) -> list[dict[str, Any]]:
    """Where this clip is an exhibit, each with the paragraph for its producer's statement (MG11).

    Of cases that are not for the visitor they learn nothing here either, but what they must sign about their own clip.
    """
    person, reader = visit.person.person, reader_of(visit.person)
    told = []
    for case in cases:
        leads, own = reader.sees(case.kind, case.officer), case.kind is CaseKind.PROSECUTION and seen.officer == person
        for exhibit in case.standing() if leads or own else ():
            if exhibit.clip_id == seen.clip_id:
                known = own or reader.knows(case.officer)
                told.append({
                    "case": case.case_id if leads else None, "urn": case.urn, "title": case.title if known else None,
                    "reference": exhibit.reference, "producer": exhibit.producer,
                    "mg11": mg11(case, exhibit, material) if known and material else "",
                })  # fmt: skip
    return told
