"""Search by officer, camera, incident, time and category; and the reasons that people gave for looking."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

from starlette.responses import Response

from console.web.consulting import hidden_categories
from console.web.guard import FACTS, FOOTAGE, OVERSIGHT, Page
from console.web.people import Role
from console.web.rendering import LONDON
from console.web.visit import Visit
from workers.catalogue.finding import Found, Place, Results, Wanted, search
from workers.catalogue.queries import find_clip
from workers.catalogue.viewing import REASONS, Asked, reasons_given
from workers.footage.clip import CLIP_ID
from workers.retention.policies import current

NO_DAY = "{0!r} is no day; write it as 2026-11-22."
NO_PLACE = "This is no address of a next page; search again."
FIELDS = ("officer", "camera", "incident", "category", "from", "to")
LONGEST = 200
"""Characters of a field."""


def wanted_of(visit: Visit) -> tuple[Wanted, str]:
    """What the address asks for, and what is wrong with it; `to` is the last day that is in it."""
    since, until, problem = None, None, ""
    try:
        since = _day(visit.query("from"))
        last = _day(visit.query("to"))
        until = last + timedelta(days=1) if last else None
    except ValueError as error:
        problem = NO_DAY.format(str(error))
    officer, camera, incident, category = (
        visit.query(name)[:LONGEST] or None for name in ("officer", "camera", "incident", "category")
    )
    return Wanted(officer, camera, incident, category, since, until), problem


def place_of(visit: Visit) -> tuple[Place | None, str]:
    """Where the page begins that the address asks for, and what is wrong with it."""
    at, clip_id = visit.query("at"), visit.query("id")
    if not clip_id:
        return None, ""
    try:
        moment = datetime.fromisoformat(at) if at else None
    except ValueError:
        return None, NO_PLACE
    if not CLIP_ID.fullmatch(clip_id) or (moment is not None and moment.tzinfo is None):
        return None, NO_PLACE
    return Place(moment, clip_id), ""


async def find(visit: Visit) -> Response:
    """The form, and what was found. The list names clips; their record opens on their own page, and is recorded."""
    words = visit.query("clip")
    if words:
        ids = await find_clip(visit.parts.database, words)
        if len(ids) == 1:
            return visit.go(f"/clips/{ids[0]}")
    wanted, problem = wanted_of(visit)
    after, odd = place_of(visit)
    problem = problem or odd
    if words:
        problem = f"{words[:80]!r} is not one clip: give its id, nine letters of it, or CAMERA/RECORDING."
    asked = wanted != Wanted()
    results = Results()
    if asked and not problem:
        results = await search(visit.parts.database, wanted, after, person=visit.person.person)
    hidden = await hidden_categories(visit)
    shown = [clip for clip in results.clips if listed(visit, clip, hidden)]
    given = {name: visit.query(name)[:LONGEST] for name in ("clip", *FIELDS)}
    further = ""
    if results.after is not None:
        at = results.after.at.isoformat() if results.after.at else ""
        further = urlencode(
            {name: given[name] for name in FIELDS if given[name]} | {"at": at, "id": results.after.clip_id}
        )
    async with visit.parts.database.connection() as connection:
        policy = await current(connection)
    values = {
        "found": shown,
        "hidden": len(results.clips) - len(shown),
        "asked": asked,
        "given": given,
        "problem": problem,
        "further": further,
        "first": after is None,
        "categories": [(one.name, one.title) for one in policy.categories] if policy else [],
    }
    return visit.show("search.html", values, 400 if problem else 200)


def listed(visit: Visit, clip: Found, hidden: frozenset[str]) -> bool:
    """Whether a list shows it: of what only named people see, others learn no more than how many they are.

    Args:
        hidden: categories whose clips only named people see.
    """
    person = visit.person
    if clip.officer == person.person or person.has(FACTS) or person.person in (clip.named or ()):
        return True
    return clip.named is None and clip.categories.isdisjoint(hidden)


async def reasons(visit: Visit) -> Response:
    """Who looked at clips that are not theirs, and what they typed; by who looked, whose clip it is, or by clip."""
    person, officer, clip = (visit.query(name)[:LONGEST] for name in ("person", "officer", "clip"))
    before = _before(visit)
    asked = Asked(person or None, officer or None, clip or None)
    restricted, reader = visit.person.has({Role.STANDARDS}), visit.person.person
    found = await reasons_given(visit.parts.database, asked, restricted=restricted, reader=reader, before=before)
    given = {"person": person, "officer": officer, "clip": clip}
    older = ""
    if len(found) == REASONS:
        older = urlencode({name: value for name, value in given.items() if value}
                          | {"time": found[-1].time.isoformat(), "event": found[-1].event_id})  # fmt: skip
    return visit.show("reasons.html", {"found": found, "given": given, "older": older, "first": before is None})


def _before(visit: Visit) -> tuple[datetime, str] | None:
    """Where the page before ended, if the address says so."""
    time, event = visit.query("time"), visit.query("event")
    try:
        moment = datetime.fromisoformat(time) if time else None
    except ValueError:
        return None
    return (moment, event) if moment is not None and moment.tzinfo is not None and event else None


def _day(text: str) -> datetime | None:
    """Midnight of a day as people here count it; ValueError with the text if it is none."""
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=LONDON)
    except ValueError as odd:
        raise ValueError(text[:40]) from odd


PAGES = (
    Page("/search", find, FOOTAGE | FACTS),
    Page("/reasons", reasons, OVERSIGHT),
)
