"""An officer's own clips, shift by shift: to play, to mark as evidence, and what happens to the rest, and when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from console.web.consulting import hidden_categories
from console.web.fate import next_of, rest_of, shifts
from console.web.guard import ONLY_NAMED, Page
from console.web.pages.clip_page import STORED
from console.web.pages.search import place_of
from console.web.people import Role
from console.web.signing import ask, sign, told
from console.web.visit import Visit
from streams.messages import CategoryRequested, event
from workers.catalogue.finding import Found, Wanted, own, search
from workers.encounters.open_gaps import Waiting, waiting_for
from workers.errors import Refused
from workers.fate.outbox import Event
from workers.footage.clip import CLIP_ID
from workers.keys.statements import now_iso
from workers.retention.categorising import check_incident
from workers.retention.policies import current
from workers.retention.policy import Policy
from workers.retention.rules import UNCATEGORISED
from workers.retention.statements import Categorisation
from workers.scrutiny.queries import Returned, returned_to

LISTED = 100
"""Clips of one page: some weeks of most officers."""
MOST_MARKED = 100
MOST_RETURNED = 20
"""Grades of panels and samples that are listed; `bwv panel returned` has the rest."""
SHIFT_LASTS = timedelta(days=2)
"""From its first clip on; no shift is longer."""

NO_INCIDENT = "Give the incident's reference, as the force writes it."
NO_CATEGORY = "Choose one of the categories."
NO_CLIPS = f"Choose 1 to {MOST_MARKED} clips."
NOT_YOURS = "Some of these clips are not yours; nothing was marked."


async def mine(visit: Visit) -> Response:
    """One's own clips, the newest first."""
    return await _page(visit)


async def mark(visit: Visit) -> Response:
    """Mark clips as evidence for an incident: those that are chosen, or all of a shift; one signed request each."""
    fields = await visit.fields()
    incident, category = (" ".join(fields.get(name, [""])[0].split()) for name in ("incident", "category"))
    shift = fields.get("shift", [""])[0]
    clips = await _of_shift(visit, shift) if shift else sorted(set(fields.get("clip", [])))
    policy = await _policy(visit)
    if not 1 <= len(clips) <= MOST_MARKED or not all(CLIP_ID.fullmatch(clip) for clip in clips):
        return await _page(visit, problem=NO_CLIPS, status=400)
    if not incident:
        return await _page(visit, problem=NO_INCIDENT, status=400)
    if category not in {name for name, _ in _categories(policy)}:
        return await _page(visit, problem=NO_CATEGORY, status=400)
    if await own(visit.parts.database, visit.person.person, clips) != clips:
        return await _page(visit, problem=NOT_YOURS, status=403)
    try:
        asked = [_request(visit, clip, category, incident) for clip in clips]
    except Refused as refused:
        return await _page(visit, problem=str(refused), status=403)
    said, status = told(await ask(visit, asked))
    return await _page(visit, said=said, status=status)


def _request(visit: Visit, clip: str, category: str, incident: str) -> Event:
    body = Categorisation(clip, category, f"evidence for incident {incident}", visit.person.person,
                          now_iso(visit.now), incident=incident)  # fmt: skip
    check_incident(body)
    signed = sign(visit, body)
    message = CategoryRequested(clip, signed)
    return event("categories.requested", message, key=clip, subject=clip, source="person", cause=(signed.signature,))


async def _of_shift(visit: Visit, first: str) -> list[str]:
    """Every clip of the shift that began with this one that may still be marked; none if it is not theirs."""
    if not CLIP_ID.fullmatch(first) or not await own(visit.parts.database, visit.person.person, [first]):
        return []
    row = await visit.parts.database.fetch_one("SELECT recorded_at FROM clips WHERE clip_id = %s", (first,))
    since: datetime | None = row["recorded_at"] if row else None
    until = since + SHIFT_LASTS if since else None
    wanted = Wanted(officer=visit.person.person, since=since, until=until)
    found = await search(visit.parts.database, wanted, most=MOST_MARKED + 1, person=visit.person.person)
    chosen = next((shift for shift in shifts(found.clips) if shift.name == first), None)
    return sorted(clip.clip_id for clip in chosen.open) if chosen else []


async def _policy(visit: Visit) -> Policy | None:
    async with visit.parts.database.connection() as connection:
        return await current(connection)


def _categories(policy: Policy | None) -> list[tuple[str, str]]:
    """Categories of the policy in force, name and title; none while there is no policy."""
    found = policy.categories if policy is not None else ()
    return [
        (one.name, f"{one.title} (only named people will see it)" if one.named_only else one.title)
        for one in found
        if one.name != UNCATEGORISED
    ]


async def _page(visit: Visit, *, problem: str = "", said: list[str] | None = None, status: int = 200) -> Response:
    after, _ = place_of(visit)
    wanted = Wanted(officer=visit.person.person)
    found = await search(visit.parts.database, wanted, after, LISTED, person=visit.person.person)
    policy, hidden = await _policy(visit), await hidden_categories(visit)
    values: dict[str, Any] = {
        "shifts": [
            {"it": shift, "clips": [_line(clip, visit.person.person, hidden) for clip in shift.clips]}
            for shift in shifts(found.clips)
        ],
        "categories": _categories(policy),
        "rest": rest_of(policy),
        "problem": problem,
        "said": said or [],
        "returned": await _returned(visit),
        "waiting": await _waiting(visit),
        "first": after is None,
        "older": urlencode({"at": found.after.at.isoformat() if found.after.at else "", "id": found.after.clip_id})
        if found.after
        else "",
    }
    return visit.show("mine.html", values, status)


async def _returned(visit: Visit) -> list[Returned]:
    """What panels and supervisors found of encounters at which they were; the newest."""
    async with visit.parts.database.connection() as connection:
        return (await returned_to(connection, visit.person.person))[:MOST_RETURNED]


async def _waiting(visit: Visit) -> Waiting:
    """What of their encounters waits for their word."""
    async with visit.parts.database.connection() as connection:
        return await waiting_for(connection, visit.person.person)


def _line(clip: Found, person: str, hidden: frozenset[str]) -> dict[str, Any]:
    """A clip as its officer sees it, with why it cannot be played, if it cannot."""
    closed = ""
    if clip.locked is not None:
        closed = f"nobody plays it now: {clip.locked}"
    elif clip.standing not in STORED or clip.disposal in ("committed", "done"):
        closed = "nothing to play" if clip.disposal or clip.standing != "registered" else "still on its way"
    elif (clip.named is not None or not clip.categories.isdisjoint(hidden)) and person not in (clip.named or ()):
        closed = ONLY_NAMED
    return {"it": clip, "next": next_of(clip), "closed": closed}


_OFFICERS = frozenset({Role.OFFICER, Role.SUPERVISOR})

PAGES = (
    Page("/mine", mine, _OFFICERS),
    Page("/mine/mark", mark, _OFFICERS, methods=("POST",)),
)
