"""The board: docks and bays, the pipeline, what is to be done first, and the list behind every number.

The page is whole without a script. With one, the parts that have changed are sent as they change; each is drawn once
for all who look.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from console.web.guard import STAFF, Page
from console.web.pages.board_drawing import KNOWN
from console.web.pages.board_watch import RECENT, Board, Watch
from console.web.people import Role
from console.web.visit import Visit
from workers.errors import RuleBroken
from workers.operations.board import listing, lists
from workers.operations.board.bays import ORDER, of_code
from workers.operations.board.bays import transferring as moving_now

WATCHERS = STAFF - {Role.OFFICER}
"""Who sees the board and its lists: what becomes of clips, never footage."""


async def everything(visit: Visit) -> Response:
    """Everything at a glance."""
    return visit.show("board.html", {"parts": visit.parts.board.parts(await _board(visit))})


async def stream(visit: Visit) -> Response:
    """The parts of the board as they change: server-sent events."""
    if visit.parts.board.full:
        raise HTTPException(503, headers={"Retry-After": "30"})
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(visit.parts.board.events(_watch(visit)), media_type="text/event-stream", headers=headers)


async def each_bay(visit: Visit) -> Response:
    """Every bay with its recordings; `?code=` only those with this sign, `?dock=` only those of this dock."""
    seen = await _board(visit)
    code, dock = visit.query("code"), visit.query("dock")
    if code and code not in ORDER:
        raise HTTPException(404)
    places = of_code(seen.docks, *([code] if code else ORDER))
    values = {"places": [place for place in places if dock in ("", place.dock)], "code": code, "dock": dock}
    return visit.show("board_bays.html", {**KNOWN, **values, "board": seen})


async def transferring(visit: Visit) -> Response:
    """Every recording that moves now."""
    seen = await _board(visit)
    return visit.show("board_transferring.html", {**KNOWN, "moving": moving_now(seen.docks), "board": seen})


async def listed(visit: Visit) -> Response:
    """The list behind a number, a page at a time."""
    name = visit.request.path_params["name"]
    wanted, page = await _page(visit)
    after = None if page.after is None else urlencode({"sort": page.after.sort, "id": page.after.id})
    values = {"name": name, "listing": wanted, "page": page, "after": after}
    return visit.show("board_list.html", {**KNOWN, **values})


async def listed_as_json(visit: Visit) -> Response:
    """The same for programs."""
    wanted, page = await _page(visit)
    return _json({"title": wanted.title, "means": wanted.means, "lines": page.lines, "after": page.after})


async def letters(visit: Visit) -> Response:
    """Dead letters that nobody has redriven; what they carry is not shown."""
    seen = await _board(visit)
    return visit.show("board_letters.html", {**KNOWN, "letters": seen.letters, "board": seen})


async def deadlines(visit: Visit) -> Response:
    """Cases against their deadlines."""
    seen = await _board(visit)
    return visit.show("board_deadlines.html", {**KNOWN, "deadlines": seen.deadlines, "board": seen})


async def as_json(visit: Visit) -> Response:
    """Everything that the board shows, for programs."""
    return _json(await _board(visit))


async def _page(visit: Visit) -> tuple[listing.Listing, listing.Page]:
    try:
        wanted = lists.named(visit.request.path_params["name"])
    except RuleBroken as unknown:
        raise HTTPException(404, str(unknown)) from unknown
    place = listing.Place(visit.query("sort"), visit.query("id")) if visit.query("sort") else None
    try:
        return wanted, await listing.page(visit.parts.database, wanted, place)
    except RuleBroken as odd:
        raise HTTPException(400, str(odd)) from odd


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


def _watch(visit: Visit) -> Watch:
    return visit.parts.board.watch(visit.parts.settings, visit.parts.database)


async def _board(visit: Visit) -> Board:
    return await _watch(visit).board(RECENT)


PAGES = (
    Page("/board", everything, WATCHERS),
    Page("/board/stream", stream, WATCHERS),
    Page("/board/bays", each_bay, WATCHERS),
    Page("/board/transferring", transferring, WATCHERS),
    Page("/board/lists/{name}", listed, WATCHERS),
    Page("/board/letters", letters, WATCHERS),
    Page("/board/deadlines", deadlines, WATCHERS),
    Page("/api/board", as_json, WATCHERS),
    Page("/api/board/lists/{name}", listed_as_json, WATCHERS),
)
