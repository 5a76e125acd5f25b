"""One encounter: its record, what each officer's camera shows of it, what is missing and why, and the copy for the
person concerned."""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from console import encounters
from console.web.consulting import hidden_categories
from console.web.guard import ENCOUNTERS, EXPLAINERS, GIVERS, Page
from console.web.pages.clip_roles import named_to
from console.web.pages.encounter_reasons import LONGEST, Told, give
from console.web.pages.encounter_words import GAPS, KINDS, drawn, how, reader_of
from console.web.pages.search import listed as in_lists
from console.web.rendering import LONDON
from console.web.signing import ask, sign, told
from console.web.visit import Visit
from streams.messages import event
from workers.catalogue.finding import these
from workers.encounters.check import moment
from workers.encounters.lines import Sight
from workers.encounters.open_gaps import reasons_of
from workers.encounters.person import ASK_WITHIN, facts, filmed
from workers.encounters.queries import Known, known_of
from workers.encounters.rows import Recorded, find_encounter
from workers.encounters.statements import ENCOUNTER_ID
from workers.errors import Refused
from workers.keys.statements import now_iso
from workers.prosecution.disclosure.months import last_day
from workers.prosecution.links.armour import policy
from workers.retention.facts import HoldReason
from workers.scrutiny.queries import returned_to

KEPT = "What there is of it is kept from now on, docked later too, until the request was answered."

_STYLE = re.compile("<style>(.*?)</style>", re.DOTALL)


async def found(visit: Visit) -> tuple[Recorded, Sight]:
    """The encounter that the address names, and how much of it the visitor sees; HTTPException 404 if nothing."""
    about = visit.request.path_params["encounter"]
    if ENCOUNTER_ID.fullmatch(about):
        async with visit.parts.database.connection() as connection:
            one = await find_encounter(connection, about)
        sight = Sight.NONE if one is None else reader_of(visit.person).sight(one.encounter)
        if one is not None and sight is not Sight.NONE:
            return one, sight
    raise HTTPException(404)


async def show(visit: Visit) -> Response:
    """The record of one encounter, its clips, what is missing and why."""
    return await page(visit, *await found(visit))


async def reason(visit: Visit) -> Response:
    """Say why something of it is missing."""
    one, sight = await found(visit)
    given = await give(visit)
    return await page(visit, one, sight, given)


async def page(visit: Visit, one: Recorded, sight: Sight, given: Told | None = None) -> Response:
    """The page.

    Args:
        given: what became of what somebody signed.
    """
    answered, it, person = given or Told(), one.encounter, visit.person
    began = _began(one)
    async with visit.parts.database.connection() as connection:
        known = await known_of(connection, one.encounter_id)
        reasons = await reasons_of(connection, one.encounter_id)
        returned = await returned_to(connection, person.person)
    clips, hidden = await _clips(visit, known)
    mine = {person.person}
    values: dict[str, Any] = {
        "one": one,
        "it": it,
        "began": began,
        "ended": moment(it.until) if it.until else None,
        "what": KINDS[it.kind],
        "facts": facts(it, "the person"),
        "filmed": filmed(it, known),
        "clips": clips,
        "hidden": hidden,
        "missing": [
            drawn(person, one.encounter_id, gap, it.borough, it.bcu, answered.typed)
            for gap in known.gaps if sight is Sight.ALL or gap.officer in mine
        ],
        "reasons": [one for one in reasons if sight is Sight.ALL or one.officer in mine],
        "gaps": {gap.value: words for gap, words in GAPS.items()},
        "returned": [grade for grade in returned if grade.encounter_id == one.encounter_id],
        "gives": person.has(GIVERS),
        "held": await _held(visit, one),
        "ask_by": last_day(began.astimezone(LONDON).date(), ASK_WITHIN),
        "all_of_it": sight is Sight.ALL,
        "said": answered.said,
        "problem": answered.problem,
        "most": LONGEST,
    }  # fmt: skip
    return visit.show("encounter.html", values, answered.status)


def _began(one: Recorded) -> datetime:
    began = moment(one.encounter.at)
    assert began is not None  # it was checked before it was recorded
    return began


async def _clips(visit: Visit, known: Known) -> tuple[list[dict[str, Any]], int]:
    """The clips that lists show to the visitor, and how many others there are."""
    database = visit.parts.database
    listed = await these(database, [clip.clip_id for clip in known.clips], person=visit.person.person)
    closed = await hidden_categories(visit)
    shown: list[dict[str, Any]] = []
    for clip in known.clips:
        line = listed.get(clip.clip_id)
        if line is not None and in_lists(visit, line, closed):
            named = named_to(visit.person, line.officer)
            kept = await encounters.explained(database, clip.clip_id, visit.now, named)
            shown.append({"it": clip, "line": line, "how": how(clip), "kept": kept.says})
    return shown, len(known.clips) - len(shown)


async def _held(visit: Visit, one: Recorded) -> encounters.Held | None:
    """The hold that the person concerned asked for, for whoever may know of such holds, or took it down.

    To others it reads as every hold does, so one that they must not learn of looks like any other.
    """
    person = visit.person
    held = await encounters.held(visit.parts.database, visit.parts.settings.namespace, one)
    own = any(there.officer == person.person for there in one.encounter.officers)
    named = named_to(person, person.person if own else None)
    known = held is not None and (HoldReason.SUBJECT_ACCESS in named or held.by == person.person)
    return held if known else None


async def copy(visit: Visit) -> Response:
    """The copy for the person concerned, as it is now, to print or to send; it needs nothing but itself."""
    one, _ = await found(visit)
    database = visit.parts.database
    async with database.connection() as connection:
        known = await known_of(connection, one.encounter_id)
    kept = {clip.clip_id: await encounters.explained(database, clip.clip_id, visit.now) for clip in known.clips}
    contact = visit.parts.settings.encounter_contact
    body = encounters.copy(one, known, kept, await _held(visit, one), now=visit.now, contact=contact)
    # It stands by itself, so its style is in it: of what is inline that alone is let through, byte by byte.
    own = policy("".join(_STYLE.findall(body.decode())))
    return HTMLResponse(body, headers={"Content-Security-Policy": own})


async def asked(visit: Visit) -> Response:
    """The person concerned asked for the footage: hold it, docked later too, until that is answered."""
    await visit.fields()
    one, sight = await found(visit)
    hold = await encounters.asked_hold_id(visit.parts.database, visit.parts.settings.namespace, one)
    at, by = now_iso(visit.now), visit.person.person
    try:
        message = encounters.asked_hold(hold, one, by=by, at=at, sign=partial(sign, visit))
    except Refused as refused:
        return await page(visit, one, sight, Told(problem=_sentence(refused), status=403))
    made = event("holds.requested", message, key=hold, subject=hold, source="person", cause=(hold,))
    answers = await ask(visit, [made])
    said, status = told(answers)
    return await page(visit, one, sight, Told(said=[KEPT] if all(answers) and status == 200 else said, status=status))


def _sentence(refused: Refused) -> str:
    text: str = str(refused)
    return f"{text[:1].upper()}{text[1:]}."


PAGES = (
    Page("/encounters/{encounter}", show, ENCOUNTERS),
    Page("/encounters/{encounter}", reason, EXPLAINERS, methods=("POST",)),
    Page("/encounters/{encounter}/copy", copy, GIVERS),
    Page("/encounters/{encounter}/asked", asked, GIVERS, methods=("POST",)),
)
