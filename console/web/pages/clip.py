"""A clip: its footage, why it is kept, its holds and exhibits, its continuity record and how that is proved."""

from __future__ import annotations

from starlette.responses import Response

from console.web import sessions
from console.web.guard import FACTS, FOOTAGE, Page, Relation
from console.web.pages import clip_holds, clip_media, clip_proof
from console.web.pages.clip_page import LONGEST_REASON, closed, found, page
from console.web.visit import Visit

SHORTEST_REASON = 10

TOO_SHORT = f"Say it in {SHORTEST_REASON} to {LONGEST_REASON} characters: somebody reads it."


async def show(visit: Visit) -> Response:
    """The page of a clip, or the question why one looks at it; `?at=2026-11-22` explains it as it was then."""
    return await page(visit, await found(visit))


async def reason(visit: Visit) -> Response:
    """Take the typed reason; it is on record before anything is shown, and holds for this session."""
    clip = await found(visit)
    text = " ".join((await visit.fields()).get("reason", [""])[0].split())
    if not (clip.look.ask or clip.play.ask or clip.reason):
        return closed(visit, clip, clip.look.says or clip.play.says, ask=False)
    if not SHORTEST_REASON <= len(text) <= LONGEST_REASON or not text.isprintable():
        return closed(visit, clip, TOO_SHORT, ask=True, status=400)
    await clip.because(text).tell("reason", Relation.REASON)
    async with visit.parts.database.transaction() as connection:
        await sessions.give_reason(connection, visit.session.session, clip.seen.clip_id, text, visit.now)
    return visit.go(f"/clips/{clip.seen.clip_id}")


_WHO = FOOTAGE | FACTS

PAGES = (
    Page("/clips/{clip}", show, _WHO),
    Page("/clips/{clip}/reason", reason, _WHO, methods=("POST",)),
    *clip_media.PAGES,
    *clip_holds.PAGES,
    *clip_proof.PAGES,
)
