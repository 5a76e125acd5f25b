"""Holds of one clip: placed, asked to be lifted, and the question whether it shows the same incident answered.

Each is signed by whoever asks and decided by the holds stage, with as many people as the hold's reason needs.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.web.guard import RESTRICTED, Page
from console.web.pages.clip_page import closed, found, page
from console.web.pages.clip_roles import ANSWERERS, PLACES, may_know, may_lift, reasons_for
from console.web.signing import ask, sign, told
from console.web.visit import Visit
from streams.messages import HoldLiftRequested, HoldRequested, event
from workers.errors import Refused
from workers.fate.outbox import Event
from workers.footage.canonical import derived_id
from workers.keys.statements import now_iso
from workers.retention.facts import HoldReason
from workers.retention.hold_queries import list_holds
from workers.retention.scopes import TEXT_MOST, Scope, check
from workers.retention.statements import HoldLift, HoldRequest

LONGEST = 500
SAY_WHY = f"Say why, in 3 to {LONGEST} characters: it is signed and recorded."
NOT_THIS = "None of your roles places a hold for that."


async def place(visit: Visit) -> Response:
    """Hold this clip."""
    fields = await visit.fields()
    clip = await found(visit)
    if clip.look.relation is None:
        return closed(visit, clip, clip.look.says, ask=clip.look.ask)
    reason, reference = (fields.get(name, [""])[0].strip() for name in ("why", "reference"))
    restricted = bool(fields.get("restricted")) and visit.person.has(RESTRICTED)
    if reason not in reasons_for(visit.person):
        return await page(visit, clip, problem=NOT_THIS, status=403)
    at, by = now_iso(visit.now), visit.person.person
    clip_id = clip.seen.clip_id
    hold_id = derived_id("hold", visit.parts.settings.namespace, by, at, reason, clip_id, reference)
    body = HoldRequest(hold_id, Scope.CLIP, HoldReason(reason), by, at, clip_id=clip_id,
                       reference=reference[: TEXT_MOST + 1] or None, restricted=restricted)  # fmt: skip
    try:
        signed = sign(visit, body)
        check(body, signed)
    except Refused as refused:
        return await page(visit, clip, problem=str(refused), status=403)
    made = event("holds.requested", HoldRequested(hold_id, signed), key=hold_id, subject=hold_id, source="person",
                 cause=(hold_id,))  # fmt: skip
    said, status = told(await ask(visit, [made]))
    return await page(visit, clip, said=said, status=status)


async def lift(visit: Visit) -> Response:
    """Ask that a hold of this clip is lifted, or answer its question."""
    fields = await visit.fields()
    clip = await found(visit)
    if clip.look.relation is None:
        return closed(visit, clip, clip.look.says, ask=clip.look.ask)
    restricted = may_know(visit.person, clip.seen.officer)
    hold_id = visit.request.path_params["hold"]
    listed = await list_holds(visit.parts.database, clip=clip.seen.clip_id, restricted=restricted)
    hold = next((one for one in listed if one.hold_id == hold_id), None)
    if hold is None:
        raise HTTPException(404)
    why = " ".join(fields.get("why", [""])[0].split())
    same = fields.get("same", [""])[0]
    question = hold.reason == HoldReason.SAME_INCIDENT
    if not may_lift(visit.person, hold):
        return await page(visit, clip, problem="None of your roles lifts this hold.", status=403)
    if not 3 <= len(why) <= LONGEST or not why.isprintable() or (question and same not in ("yes", "no")):
        return await page(visit, clip, problem=SAY_WHY, status=400)
    body = HoldLift(hold_id, why, visit.person.person, now_iso(visit.now), same == "yes" if question else None)
    try:
        made = _lift(visit, body)
    except Refused as refused:
        return await page(visit, clip, problem=str(refused), status=403)
    said, status = told(await ask(visit, [made]))
    return await page(visit, clip, said=said, status=status)


def _lift(visit: Visit, body: HoldLift) -> Event:
    signed = sign(visit, body)
    return event("holds.lift-requested", HoldLiftRequested(body.hold_id, signed), key=body.hold_id,
                 subject=body.hold_id, source="person", cause=(signed.signature,))  # fmt: skip


PAGES = (
    Page("/clips/{clip}/holds", place, frozenset(PLACES), methods=("POST",)),
    Page("/clips/{clip}/holds/{hold}", lift, frozenset(PLACES) | ANSWERERS, methods=("POST",)),
)
