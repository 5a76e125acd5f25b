"""The board: docks and bays, the pipeline, what is to be done first, and the list behind every number.

The page is whole without a script. With one, the parts that have changed are sent as they change; each is drawn once
for all who look.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import urlencode

from msgspec.structs import replace
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from console.web.consulting import hidden_categories
from console.web.guard import FACTS, WATCHERS, Page
from console.web.pages.board_drawing import KNOWN
from console.web.pages.board_figures import Board
from console.web.pages.board_watch import Watch
from console.web.visit import Visit
from workers.errors import RuleBroken
from workers.operations.board import listing, lists
from workers.operations.board.bays import ORDER, of_code
from workers.operations.board.bays import transferring as moving_now

BAYS, RECORDINGS = 64, 250
"""Of one page; of five hundred bays nobody reads all at once."""

T = TypeVar("T")


def _some(visit: Visit, found: Sequence[T], most: int) -> tuple[Sequence[T], int | None]:
    """The part of what there is that the address asks for by `?from=`, and where the next one begins."""
    asked = visit.query("from")
    begin = int(asked) if asked.isdecimal() and len(asked) < 6 else 0
    return found[begin : begin + most], begin + most if len(found) > begin + most else None


def _to(begins: int | None, **kept: str) -> str | None:
    return (
        None if begins is None else urlencode({**{name: text for name, text in kept.items() if text}, "from": begins})
    )


async def everything(visit: Visit) -> Response:
    """Everything at a glance."""
    parts = visit.parts.board.parts(await board_of(visit))
    return visit.show("board.html", {"parts": parts, "wall": visit.query("view") == "wall"})


async def stream(visit: Visit) -> Response:
    """The parts of the board as they change: server-sent events."""
    drawing = visit.parts.board
    if drawing.full:
        raise HTTPException(503, headers={"Retry-After": "30"})
    headers = {"X-Accel-Buffering": "no"}
    events = drawing.events(watch_of(visit), visit.still)
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


async def each_bay(visit: Visit) -> Response:
    """Every bay with its recordings; `?code=` only those with this sign, `?dock=` only those of this dock."""
    seen = await board_of(visit)
    code, dock = visit.query("code"), visit.query("dock")
    if code and code not in ORDER:
        raise HTTPException(404)
    places = [it for it in of_code(seen.docks, *([code] if code else ORDER)) if dock in ("", it.dock)]
    shown, further = _some(visit, places, BAYS)
    kept = {"code": code, "dock": dock}
    values = {"places": shown, "further": _to(further, **kept), "count": len(places), **kept}
    return visit.show("board_bays.html", {**KNOWN, **values, "board": seen})


async def transferring(visit: Visit) -> Response:
    """Every recording that moves now."""
    seen = await board_of(visit)
    moving = moving_now(seen.docks)
    shown, further = _some(visit, moving, RECORDINGS)
    values = {"moving": shown, "count": len(moving), "further": _to(further), "board": seen}
    return visit.show("board_transferring.html", {**KNOWN, **values})


async def stage(visit: Visit) -> Response:
    """One stage: what waits for it, where, since when, and why it is not well."""
    name, seen = visit.request.path_params["stage"], await board_of(visit)
    step = next((step for step in seen.steps if step.stage == name), None)
    if step is None:
        raise HTTPException(404)
    lag = next((lag for lag in seen.lags if lag.stage == name), None)
    values = {"step": step, "lag": lag, "lists": STAGE_LISTS.get(name, ()), "board": seen}
    return visit.show("board_stage.html", {**KNOWN, **values, "listings": lists.LISTS})


STAGE_LISTS = {
    "transfer": ("unverified", "interrupted", "failed", "queued"),
    "verification": ("unverified", "quarantine"),
    "release": ("unreleased",),
    "dock": ("unwiped", "gaps"),
    "intake": ("rejected",),
    "retention": ("reviews", "uncategorised"),
    "sweep": ("sweeps", "soon"),
    "holds": ("holds",),
    "disposal": ("bin",),
    "prosecution": ("answered",),
    "receipts": ("overdue",),
}
"""Stage → the lists of what waits there, or is wrong there."""


async def listed(visit: Visit) -> Response:
    """The list behind a number, a page at a time."""
    name = visit.request.path_params["name"]
    wanted, page, hidden = await page_of(visit)
    after = None if page.after is None else urlencode({"sort": page.after.sort, "id": page.after.id})
    values = {"name": name, "listing": wanted, "page": page, "hidden": hidden, "after": after}
    return visit.show("board_list.html", {**KNOWN, **values})


async def letters(visit: Visit) -> Response:
    """Dead letters that nobody has redriven; what they carry is not shown."""
    seen = await board_of(visit)
    return visit.show("board_letters.html", {**KNOWN, "letters": seen.letters, "board": seen})


async def deadlines(visit: Visit) -> Response:
    """Cases against their deadlines."""
    seen = await board_of(visit)
    return visit.show("board_deadlines.html", {**KNOWN, "deadlines": seen.deadlines, "board": seen})


async def page_of(visit: Visit) -> tuple[listing.Listing, listing.Page, int]:
    """The page of a list that the address names, and how many lines are left out since only named people see them.

    Raises:
        HTTPException: 404 or 400: it names none.
    """
    try:
        wanted = lists.named(visit.request.path_params["name"])
    except RuleBroken as unknown:
        raise HTTPException(404, str(unknown)) from unknown
    place = listing.Cursor(visit.query("sort"), visit.query("id")) if visit.query("sort") else None
    try:
        page = await listing.page(visit.parts.database, wanted, place)
    except RuleBroken as odd:
        raise HTTPException(400, str(odd)) from odd
    if visit.person.has(FACTS):
        return wanted, page, 0
    ids = [line.clip_id for line in page.lines if line.clip_id is not None]
    hidden = await listing.only_named(
        visit.parts.database, ids, await hidden_categories(visit), visit.person.person
    )  # fmt: skip
    return wanted, replace(page, lines=tuple(line for line in page.lines if line.clip_id not in hidden)), len(hidden)


def watch_of(visit: Visit) -> Watch:
    """What gathers the figures."""
    return visit.parts.board.watch(visit.parts.settings, visit.parts.database)


async def board_of(visit: Visit) -> Board:
    """The figures, from memory."""
    return await watch_of(visit).board()


PAGES = (
    Page("/board", everything, WATCHERS),
    Page("/board/stream", stream, WATCHERS),
    Page("/board/bays", each_bay, WATCHERS),
    Page("/board/transferring", transferring, WATCHERS),
    Page("/board/stages/{stage}", stage, WATCHERS),
    Page("/board/lists/{name}", listed, WATCHERS),
    Page("/board/letters", letters, WATCHERS),
    Page("/board/deadlines", deadlines, WATCHERS),
)
