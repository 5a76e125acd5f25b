"""An officer's own clips: to play, to mark as evidence, and what happens to the rest, and when."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

from starlette.responses import Response

from console.web.guard import Page
from console.web.people import Role
from console.web.visit import Visit
from streams.messages import CategoryRequested, event
from workers.catalogue.finding import Found, Wanted, own, search
from workers.errors import ConfigurationInvalid
from workers.fate.outbox import Event
from workers.footage.clip import CLIP_ID
from workers.keys.signing import Role as KeyRole
from workers.keys.signing import Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.retention.answers import Answer, Verdict, answer_to
from workers.retention.policies import current
from workers.retention.rules import UNCATEGORISED
from workers.retention.statements import Categorisation
from workers.scrutiny.queries import Returned, returned_to

DAYS = 31
"""How far back one's own clips are listed; the search has the rest."""
MOST_MARKED = 100
MOST_RETURNED = 20
"""Grades of panels and samples that are listed; `bwv panel returned` has the rest."""
ANSWERED_WITHIN = 5.0
"""Seconds that the page waits for the retention stage; a request that waits longer is done later, and shows then."""
INCIDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9 /._-]{2,39}")

NO_KEY = (
    "Marking is signed, and there is no key with your warrant number. Ask your administrator: "
    "bwv keys new person {0}, then bwv keys enrol person {0}."
)
NO_INCIDENT = "Give the incident's reference: 3 to 40 letters, digits, blanks, / . _ or -."
NO_CATEGORY = "Choose one of the categories."
NO_CLIPS = f"Choose 1 to {MOST_MARKED} clips."
NOT_YOURS = "Some of these clips are not yours; nothing was marked."


async def mine(visit: Visit) -> Response:
    """One's own clips of the last month."""
    return await _page(visit)


async def mark(visit: Visit) -> Response:
    """Mark clips as evidence for an incident: one signed request each."""
    fields = await visit.fields()
    incident, category = (fields.get(name, [""])[0].strip() for name in ("incident", "category"))
    clips = sorted(set(fields.get("clip", [])))
    categories = await _categories(visit)
    if not 1 <= len(clips) <= MOST_MARKED or not all(CLIP_ID.fullmatch(clip) for clip in clips):
        return await _page(visit, problem=NO_CLIPS, status=400)
    if not INCIDENT.fullmatch(incident):
        return await _page(visit, problem=NO_INCIDENT, status=400)
    if category not in {name for name, _ in categories}:
        return await _page(visit, problem=NO_CATEGORY, status=400)
    if await own(visit.parts.database, visit.person.person, clips) != clips:
        return await _page(visit, problem=NOT_YOURS, status=403)
    try:
        signer = _signer(visit)
    except ConfigurationInvalid:
        return await _page(visit, problem=NO_KEY.format(visit.person.person), status=403)
    asked = [_request(visit, signer, clip, category, incident) for clip in clips]
    for one in asked:
        await visit.parts.tell(one)
    answers = await _answers(visit, asked)
    done = [f"{answer.says}" for answer in answers if answer is not None]
    late = sum(answer is None for answer in answers)
    refused = any(answer is not None and answer.verdict is Verdict.REFUSED for answer in answers)
    if late:
        done.append(f"{late} more are signed and sent; they show here as soon as they are taken.")
    return await _page(visit, said=done, status=409 if refused else 200)


def _signer(visit: Visit) -> Signer:
    name = visit.person.person
    return Signer.load(KeyRole.PERSON, name, visit.parts.settings.keys / "person" / f"{name}.pem")


def _request(visit: Visit, signer: Signer, clip: str, category: str, incident: str) -> Event:
    body = Categorisation(clip, category, f"evidence for incident {incident}", visit.person.person, now_iso(visit.now))
    signed = signer.sign(PURPOSES[Categorisation], body)
    message = CategoryRequested(clip, signed)
    return event("categories.requested", message, key=clip, subject=clip, source="person", cause=(signed.signature,))


async def _answers(visit: Visit, asked: list[Event]) -> list[Answer | None]:
    """What the retention stage answered to each; None where it has not in time."""
    end = asyncio.get_running_loop().time() + ANSWERED_WITHIN
    while True:
        answers = [await answer_to(visit.parts.database, one.id) for one in asked]
        if all(answers) or asyncio.get_running_loop().time() >= end:
            return answers
        await asyncio.sleep(0.1)


async def _categories(visit: Visit) -> list[tuple[str, str]]:
    """Categories of the policy in force, name and title; none while there is no policy."""
    async with visit.parts.database.connection() as connection:
        policy = await current(connection)
    found = policy.categories if policy is not None else ()
    return [(category.name, category.title) for category in found if category.name != UNCATEGORISED]


def fate_of(clip: Found) -> str:
    """What happens to a clip next if nobody does anything, without its date."""
    if clip.disposal == "done":
        return "deleted"
    if clip.disposal == "committed":
        return "being deleted"
    if clip.held:
        return "kept: it is under a hold"
    if clip.disposal == "intended":
        return "in the bin; mark it, and it comes out. Deleted by"
    if clip.verdict == "expire":
        return "goes into the bin on"
    if clip.verdict == "review":
        return "a person decides from"
    return "kept" if clip.verdict == "never" else "not decided yet: it arrives"


async def _page(visit: Visit, *, problem: str = "", said: list[str] | None = None, status: int = 200) -> Response:
    since = visit.now - timedelta(days=DAYS)
    found = await search(visit.parts.database, Wanted(officer=visit.person.person, since=since))
    values: dict[str, Any] = {
        "clips": [{"it": clip, "fate": fate_of(clip), "on": _when(clip)} for clip in found],
        "categories": await _categories(visit),
        "problem": problem,
        "said": said or [],
        "days": DAYS,
        "returned": await _returned(visit),
    }
    return visit.show("mine.html", values, status)


async def _returned(visit: Visit) -> list[Returned]:
    """What panels and supervisors found of encounters at which they were; the newest."""
    async with visit.parts.database.connection() as connection:
        return (await returned_to(connection, visit.person.person))[:MOST_RETURNED]


def _when(clip: Found) -> Any:
    if clip.held or clip.disposal in ("committed", "done"):
        return None
    if clip.disposal == "intended":
        return clip.ends_at
    return {"expire": clip.intend_from, "review": clip.review_from}.get(clip.verdict or "")


_OFFICERS = frozenset({Role.OFFICER, Role.SUPERVISOR})

PAGES = (
    Page("/mine", mine, _OFFICERS),
    Page("/mine/mark", mark, _OFFICERS, methods=("POST",)),
)
