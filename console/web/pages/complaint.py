"""One complaint: what is kept for it, until when and why, the receipt for the letter, and what happened next.

Its clips lead to their own pages, where each look of professional standards is on record and for their eyes alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from console import complaints
from console.complaints import Asking
from console.web.guard import STANDARDS, Page
from console.web.rendering import LONDON
from console.web.signing import ask, sign, told
from console.web.visit import Visit
from streams.messages import event
from workers.errors import Refused
from workers.fate.outbox import Event
from workers.keys.statements import now_iso
from workers.prosecution.links.armour import policy
from workers.retention.hold_queries import Listed, list_holds
from workers.scrutiny import receipt as letters
from workers.scrutiny.complaint import Complaint, earliest_end
from workers.scrutiny.queries import clips_found, kept_by
from workers.scrutiny.statements import COMPLAINT_ID, Deed, OutcomeSent, ReviewApplied, ReviewDecided

MOST_CLIPS = 200
"""Clips that are listed; `bwv hold show` has all of a hold."""

STEPS: dict[str, type[OutcomeSent | ReviewApplied | ReviewDecided]] = {
    "outcome": OutcomeSent,
    "applied": ReviewApplied,
    "decided": ReviewDecided,
}
NO_STEP = "Choose what happened."
NO_DAY = "Give the day, such as 2026-11-22."

MEANS = {
    "active": "kept",
    "pending": "kept; the store follows",
    "refused": "too late: the deletion was committed before",
    "cleared": "looked at, and not of it",
    "lifted": "no longer kept for it",
}
"""What a hold means for a clip, in words."""

_STYLE = re.compile("<style>(.*?)</style>", re.DOTALL)


async def found(visit: Visit) -> Complaint:
    """The complaint that the address names; HTTPException 404 if there is none, or none that is for the visitor."""
    about = visit.request.path_params["complaint"]
    known = COMPLAINT_ID.fullmatch(about) is not None
    one = await complaints.complaint_of(visit.parts.database, about, visit.person.person) if known else None
    if one is None:
        raise HTTPException(404)
    return one


async def complaint(visit: Visit) -> Response:
    """What is kept for one complaint, until when and why."""
    return await page(visit, await found(visit))


async def page(
    visit: Visit, one: Complaint, *, said: Sequence[str] = (), problem: str = "", status: int = 200
) -> Response:
    """The page.

    Args:
        said: what was answered to what somebody decided.
        problem: why nothing was decided.
    """
    database = visit.parts.database
    async with database.connection() as connection:
        kept = await kept_by(connection, one)
        clips = await clips_found(connection, one, MOST_CLIPS + 1)
    end, reasons = earliest_end(one)
    values = {
        "one": one,
        "end": end,
        "over": end is not None and end <= visit.now,
        "reasons": reasons,
        "holds": [await _hold(visit, hold.hold_id) for hold in kept],
        "clips": clips[:MOST_CLIPS],
        "more": len(clips) > MOST_CLIPS,
        "means": MEANS,
        "not_placed": await complaints.not_placed(database, one, kept),
        "waits": len(one.holds) - len(kept),
        "today": f"{visit.now.astimezone(LONDON):%Y-%m-%d}",
        "said": said,
        "problem": problem,
    }
    return visit.show("complaint.html", values, status)


async def _hold(visit: Visit, hold: str) -> Listed:
    [listed] = await list_holds(visit.parts.database, hold=hold, lifted=True, restricted=True)
    return listed


async def step(visit: Visit) -> Response:
    """Its outcome was sent, a review was applied for or decided: signed, and decided by the stage."""
    fields = await visit.fields()
    one = await found(visit)
    what, day = (fields.get(name, [""])[0].strip() for name in ("step", "day"))
    if what not in STEPS or not day:
        return await page(visit, one, problem=NO_DAY if what in STEPS else NO_STEP, status=400)
    deed: Deed = STEPS[what](day)
    try:
        at, by = now_iso(visit.now), visit.person.person
        asked = complaints.step(one.complaint_id, deed, by=by, at=at, sign=partial(sign, visit))
    except Refused as refused:
        return await page(visit, one, problem=str(refused), status=403)
    said, status = told(await ask(visit, [request(asked)]))
    return await page(visit, await found(visit), said=said, status=status)


def request(asked: Asking) -> Event:
    """What is asked of the stage, as it is sent."""
    about = asked.about
    return event(complaints.TOPIC, asked.message, key=about, subject=about, source="person", cause=asked.cause)


async def receipt(visit: Visit) -> Response:
    """The receipt for the letter, as it is now; it names no officer, no clip and nobody who complained."""
    made = await complaints.receipt_of(visit.parts.database, await found(visit))
    body = letters.page(made, visit.now)
    # It stands by itself, so its style is in it: of what is inline that alone is let through, byte by byte.
    own = policy("".join(_STYLE.findall(body.decode())))
    return HTMLResponse(body, headers={"Content-Security-Policy": own})


PAGES = (
    Page("/complaints/{complaint}", complaint, STANDARDS),
    Page("/complaints/{complaint}", step, STANDARDS, methods=("POST",)),
    Page("/complaints/{complaint}/receipt", receipt, STANDARDS),
)
