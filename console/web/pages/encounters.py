"""Encounters: an officer's own, and for supervisors those of their unit; what no camera shows, and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct
from msgspec.structs import replace
from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.web.consulting import hidden_categories
from console.web.guard import ENCOUNTERS, EXPLAINERS, Page
from console.web.pages import encounter
from console.web.pages.encounter_reasons import LONGEST, Told, give
from console.web.pages.encounter_words import GAPS, KINDS, drawn, flagged, reader_of
from console.web.pages.search import listed as in_lists
from console.web.people import Role
from console.web.visit import Visit
from workers.catalogue.finding import Found, these
from workers.encounters.lines import After, EncounterLine, Encounters, Reader, Show, Wanted
from workers.encounters.listing import page as page_of
from workers.encounters.open_gaps import owing, waiting_for
from workers.encounters.words import GapKind, Kind
from workers.footage.clip import ENROLLED_ID
from workers.statistics.months import Month, month, month_of

LISTED = 50
"""Lines of one page."""
MOST_OWING = 20
"""Officers whose word is missing, that a supervisor's page names."""
MONTHS = 13
"""Months to choose from: a year, and the one that is running."""
LONGEST_FIELD = 200

FIELDS = ("officer", "kind", "gap", "month", "show")
NO_FIELD = "{0!r} is none of the {1}: choose one."
NO_OFFICER = "{0!r} is no warrant number."
NO_PLACE = "This is no address of a next page; begin again."


class Seen(Struct, frozen=True):
    """A page as the visitor may see it.

    Attributes:
        page: with the clips that lists show to them.
        clips: of these, as lists show them.
        hidden: lines that are left out: clips without a record, that only named people see.
        named: encounter → how many of its clips only named people see.
    """

    page: Encounters
    clips: dict[str, Found]
    hidden: int
    named: dict[str, int]


async def seen_of(visit: Visit, wanted: Wanted, after: After | None) -> Seen:
    """A page, less what is for named people."""
    database = visit.parts.database
    async with database.connection() as connection:
        page = await page_of(connection, reader_of(visit.person), wanted, after, LISTED)
    every = {clip for line in page.lines for clip in line.clips}
    found = await these(database, every, person=visit.person.person)
    hidden = await hidden_categories(visit)
    shown = {name: clip for name, clip in found.items() if in_lists(visit, clip, hidden)}
    lines, named = [], dict[str, int]()
    for line in page.lines:
        clips = tuple(clip for clip in line.clips if clip in shown)
        if line.reference is None and not clips:
            continue
        named[line.about] = len(line.clips) - len(clips)
        lines.append(replace(line, clips=clips))
    return Seen(Encounters(tuple(lines), page.after), shown, len(page.lines) - len(lines), named)


def wanted_of(visit: Visit, show: Show = Show.ALL) -> tuple[Wanted, str]:
    """What the address asks for, and what is wrong with it.

    Args:
        show: what is shown where the address does not say.
    """
    given = {name: visit.query(name)[:LONGEST_FIELD] for name in FIELDS}
    known: dict[str, frozenset[str]] = {
        "kind": frozenset(Kind), "gap": frozenset(GapKind), "show": frozenset(Show),
    }  # fmt: skip
    for name, values in known.items():
        if given[name] and given[name] not in values:
            return Wanted(show=show), NO_FIELD.format(given[name][:40], {"show": "lists"}.get(name, f"{name}s"))
    if given["officer"] and not ENROLLED_ID.fullmatch(given["officer"].upper()):
        return Wanted(show=show), NO_OFFICER.format(given["officer"][:40])
    try:
        of = month(given["month"]) if given["month"] else None
    except ValueError as odd:
        return Wanted(show=show), f"{odd}."
    return Wanted(
        officer=given["officer"].upper() or None,
        kind=Kind(given["kind"]) if given["kind"] else None,
        gap=GapKind(given["gap"]) if given["gap"] else None,
        since=of.since if of else None,
        until=of.until if of else None,
        show=Show(given["show"]) if given["show"] else show,
    ), ""


def after_of(visit: Visit) -> tuple[After | None, str]:
    """Where the page begins that the address asks for, and what is wrong with it."""
    behind, at, about = visit.query("behind"), visit.query("at"), visit.query("id")[:LONGEST_FIELD]
    if not behind:
        return None, ""
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None, NO_PLACE
    if behind not in ("open", "others") or moment.tzinfo is None or "\0" in about:
        return None, NO_PLACE
    return After(behind == "open", moment, about), ""


async def listed(visit: Visit) -> Response:
    """Encounters that the visitor sees: what is open first, the oldest first."""
    return await _page(visit, Told())


async def reason(visit: Visit) -> Response:
    """Say why something is missing, from the list."""
    return await _page(visit, await give(visit))


async def gaps_of(visit: Visit) -> Encounters:
    """The same for programs: encounters that lack something, and clips without a record."""
    wanted, odd = wanted_of(visit, Show.GAPS)
    after, wrong = after_of(visit)
    if odd or wrong:
        raise HTTPException(400, odd or wrong)
    return (await seen_of(visit, wanted, after)).page


async def _page(visit: Visit, told: Told) -> Response:
    wanted, odd = wanted_of(visit)
    after, wrong = after_of(visit)
    found = Seen(Encounters(), {}, 0, {}) if odd or wrong else await seen_of(visit, wanted, after)
    person, reader = visit.person, reader_of(visit.person)
    given = {name: visit.query(name)[:LONGEST_FIELD] for name in FIELDS}
    asked = {name: value for name, value in given.items() if value}
    here = asked | {name: visit.query(name) for name in ("behind", "at", "id") if visit.query(name)}
    explains, others = person.has(EXPLAINERS), reader.every or bool(reader.unit)
    async with visit.parts.database.connection() as connection:
        waiting = await waiting_for(connection, person.person) if explains else None
        first = others and not here
        theirs = await owing(connection, reader, MOST_OWING) if first else []
    values: dict[str, Any] = {
        "lines": [_line(visit, reader, line, found, told.typed) for line in found.page.lines],
        "hidden": found.hidden,
        "waiting": waiting,
        "owing": [{"it": one, "days": (visit.now - one.since).days} for one in theirs],
        "others": others,
        "unit": reader.unit,
        "every": reader.every,
        "no_unit": person.has({Role.SUPERVISOR}) and not reader.unit and not reader.every,
        "given": given,
        "kinds": {kind.value: words for kind, words in KINDS.items()},
        "gaps": {gap.value: words for gap, words in GAPS.items()},
        "months": _months(visit, given["month"]),
        "here": urlencode(here),
        "said": told.said,
        "problem": told.problem or odd or wrong,
        "most": LONGEST,
        "first": after is None,
        "newest": urlencode(asked),
        "further": urlencode(asked | _place(found.page.after)) if found.page.after else "",
    }
    return visit.show("encounters.html", values, 400 if odd or wrong else told.status)


def _line(visit: Visit, reader: Reader, line: EncounterLine, found: Seen, typed: Mapping[str, str]) -> dict[str, Any]:
    return {
        "it": line,
        "what": KINDS[Kind(line.what)] if line.reference is not None else flagged(line.what),
        "clips": [found.clips[clip] for clip in line.clips],
        "named": found.named[line.about],
        "area": " · ".join(part for part in (line.place, line.borough or line.bcu) if part),
        "missing": [drawn(visit.person, line.about, gap, line.borough, line.bcu, typed) for gap in line.missing],
        "whose": reader.every or reader.supervises(line.borough, line.bcu),
    }


def _months(visit: Visit, given: str) -> list[Month]:
    """The months of a year back, the newest first, and the one that was asked for."""
    found = [month_of(visit.now)]
    while len(found) < MONTHS:
        year, number = map(int, found[-1].name.split("-"))
        found.append(month(f"{year - (number == 1):04}-{number - 1 or 12:02}"))
    if given and given not in {one.name for one in found}:
        try:
            found.append(month(given))
        except ValueError:
            return found
    return found


def _place(after: After) -> dict[str, str]:
    return {"behind": "open" if after.open else "others", "at": after.at.isoformat(), "id": after.about}


PAGES = (
    Page("/encounters", listed, ENCOUNTERS),
    Page("/encounters", reason, EXPLAINERS, methods=("POST",)),
    *encounter.PAGES,
)
