"""Search by officer, camera, incident, time and category; and the reasons that people gave for looking."""

from __future__ import annotations

from datetime import datetime, timedelta

from starlette.responses import Response

from console.web.consulting import named_only
from console.web.guard import FACTS, FOOTAGE, OVERSIGHT, Page
from console.web.rendering import LONDON
from console.web.visit import Visit
from workers.catalogue.finding import MOST, Found, Wanted, search
from workers.catalogue.queries import find_clip
from workers.catalogue.viewing import reasons_given

NO_DAY = "{0!r} is no day; write it as 2026-11-22."


def wanted_of(visit: Visit) -> tuple[Wanted, str]:
    """What the address asks for, and what is wrong with it; `to` is the last day that is in it."""
    since, until, problem = None, None, ""
    try:
        since = _day(visit.query("from"))
        last = _day(visit.query("to"))
        until = last + timedelta(days=1) if last else None
    except ValueError as error:
        problem = NO_DAY.format(str(error))
    named = {name: visit.query(name)[:100] or None for name in ("officer", "camera", "incident", "category")}
    return Wanted(since=since, until=until, **named), problem


async def find(visit: Visit) -> Response:
    """The form, and what was found. The list names clips; their record opens on their own page, and is recorded."""
    words = visit.query("clip")
    if words:
        ids = await find_clip(visit.parts.database, words)
        if len(ids) == 1:
            return visit.go(f"/clips/{ids[0]}")
    wanted, problem = wanted_of(visit)
    if words:
        problem = f"{words[:80]!r} is not one clip: give its id, nine letters of it, or CAMERA/RECORDING."
    asked = wanted != Wanted()
    found: list[Found] = []
    if asked and not problem:
        found = [clip for clip in await search(visit.parts.database, wanted) if _listed(visit, clip)]
    given = {name: visit.query(name) for name in ("clip", "officer", "camera", "incident", "category", "from", "to")}
    values = {"found": found, "asked": asked, "given": given, "problem": problem, "most": MOST}
    return visit.show("search.html", values, 400 if problem else 200)


async def reasons(visit: Visit) -> Response:
    """Who looked at clips that are not theirs, and what they typed."""
    return visit.show("reasons.html", {"given": await reasons_given(visit.parts.database)})


def _listed(visit: Visit, clip: Found) -> bool:
    """Whether a list shows it: of what only named people see, others learn nothing from a search."""
    own = clip.officer == visit.person.person
    return own or visit.person.has(FACTS) or clip.category not in named_only(visit.parts.settings.named_only)


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
