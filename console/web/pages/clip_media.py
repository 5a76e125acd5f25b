"""The footage of a clip and what was made from it, by ranges from the vault; each look is recorded first."""

from __future__ import annotations

import base64

from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.web.consulting import Clip, Looks, clip_of
from console.web.guard import FOOTAGE, Page
from console.web.pages.clip_page import closed, found, page, playable
from console.web.playing import SHOWN, captions
from console.web.signing import ask, sign, told
from console.web.visit import Visit
from streams.messages import DerivativeRequested, event
from workers.dock.ranges import RangeUnfit, single_range
from workers.errors import Refused
from workers.keys.statements import now_iso
from workers.prosecution.derivatives.needed import ordered
from workers.prosecution.derivatives.rows import MADE, find_derivative
from workers.prosecution.links.bodies import Body, Windows
from workers.prosecution.statements import DerivativeKind
from workers.vault.keys import attempt_keys

_LOOKS = Looks()


class Item(Struct, frozen=True):
    """Something of a clip in the vault.

    Attributes:
        name: of a file, where it is taken away.
        part: of the clip, for the record; None: its footage.
    """

    key: str
    version_id: str
    size: int
    sha256: str
    media_type: str
    name: str
    part: str | None = None


async def media(visit: Visit) -> Response:
    """The footage, to look at in place; one range, or all of it."""
    clip = await found(visit)
    seen = clip.seen
    if clip.play.relation is None:
        return closed(visit, clip, clip.play.says, ask=clip.play.ask)
    if not playable(seen):
        raise HTTPException(404)
    key = attempt_keys(visit.parts.settings.namespace, seen.clip_id, seen.attempt).footage
    assert seen.version_id is not None and seen.size is not None
    item = Item(key, seen.version_id, seen.size, seen.sha256 or "", seen.media_type or "", seen.clip_id)
    return await _sent(visit, clip, item)


async def derivative(visit: Visit) -> Response:
    """What was made from the clip; whoever may see the clip's footage may see this."""
    clip = await found(visit)
    if clip.play.relation is None:
        return closed(visit, clip, clip.play.says, ask=clip.play.ask)
    made = await find_derivative(visit.parts.database, visit.request.path_params["derivative"])
    if made is None or made.clip_id != clip.seen.clip_id or made.state != MADE or clip.seen.disposal == "done":
        raise HTTPException(404)
    assert made.key is not None and made.version_id is not None and made.size is not None
    item = Item(made.key, made.version_id, made.size, made.sha256 or "", made.media_type or "", made.derivative_id,
                made.derivative_id)  # fmt: skip
    return await _sent(visit, clip, item)


async def track(visit: Visit) -> Response:
    """The times beside the picture, and where there is no sound (WebVTT)."""
    clip = await found(visit)
    if clip.play.relation is None:
        return closed(visit, clip, clip.play.says, ask=clip.play.ask)
    seen = clip.seen
    text = captions(seen.recorded_at, seen.seconds, seen.preroll, incomplete=seen.incomplete)
    return Response(text, media_type="text/vtt", headers={"Cache-Control": "private, no-store"})


async def order_playback(visit: Visit) -> Response:
    """Order a copy that any browser plays; the master stays as it is."""
    await visit.fields()
    clip = await found(visit)
    if clip.play.relation is None:
        return closed(visit, clip, clip.play.says, ask=clip.play.ask)
    if not playable(clip.seen):
        raise HTTPException(404)
    clip_id = clip.seen.clip_id
    order = ordered(clip_id, DerivativeKind.PLAYBACK, None, None, None, by=visit.person.person,
                    at=now_iso(visit.now), reason="to be played on the board")  # fmt: skip
    try:
        signed = sign(visit, order)
    except Refused as refused:
        return await page(visit, clip, problem=str(refused), status=403)
    message = DerivativeRequested(order.derivative_id, clip_id, signed)
    asked = event("derivatives.requested", message, key=clip_id, subject=clip_id, source="person",
                  cause=(order.derivative_id, signed.signature))  # fmt: skip
    said, status = told(await ask(visit, [asked]))
    return await page(visit, clip, said=said, status=status)


async def _sent(visit: Visit, clip: Clip, item: Item) -> Response:
    """An item's range, once the look at it is on record."""
    relation = clip.play.relation
    assert relation is not None
    tag, get = f'"{item.sha256}"', visit.request.method == "GET"
    ranged = visit.request.headers.get("range") if get else None
    if visit.request.headers.get("if-range", tag) != tag:
        ranged = None  # RFC 9110, 13.1.5
    try:
        first, length = single_range(ranged, item.size)
    except RangeUnfit as unfit:
        raise HTTPException(416, headers={"Content-Range": f"bytes */{item.size}"}) from unfit
    key = (visit.session.session, clip.seen.clip_id, item.part)
    await _LOOKS.tell(key, visit.now, lambda: clip.tell("play", relation, item.part))
    headers = _headers(item, length)
    if ranged is not None:
        headers["Content-Range"] = f"bytes {first}-{first + length - 1}/{item.size}"
    status = 200 if ranged is None else 206
    if not get:
        return Response(None, status, headers)

    async def still() -> bool:
        """Whether they may go on: signed in, not left, the clip not locked meanwhile."""
        now = await clip_of(visit) if await visit.still() else None
        return now is not None and now.play.relation is not None

    windows = Windows(visit.parts.read, item, first, length, still)
    await windows.begin()
    return Body(windows, status, headers)


def _headers(item: Item, length: int) -> dict[str, str]:
    shown = SHOWN.fullmatch(item.media_type) is not None
    digest = base64.b64encode(bytes.fromhex(item.sha256)).decode()
    return {
        "Content-Type": item.media_type if shown else "application/octet-stream",
        "Content-Length": str(length),
        "Content-Disposition": "inline" if shown else f'attachment; filename="{item.name}.bin"',
        "Accept-Ranges": "bytes",
        "ETag": f'"{item.sha256}"',
        "Repr-Digest": f"sha-256=:{digest}:",
    }


PAGES = (
    Page("/clips/{clip}/media", media, FOOTAGE),
    Page("/clips/{clip}/track", track, FOOTAGE),
    Page("/clips/{clip}/playback", order_playback, FOOTAGE, methods=("POST",)),
    Page("/clips/{clip}/derivatives/{derivative}", derivative, FOOTAGE),
)
