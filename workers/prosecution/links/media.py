"""The bytes of an item: the stable address leads to one that lives a minute, and that one serves ranges."""

from __future__ import annotations

import base64
import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from workers.dock.ranges import RangeUnfit, single_range
from workers.prosecution.links import pages
from workers.prosecution.links.access import Access, Told, What
from workers.prosecution.links.bodies import Body, Read, Windows
from workers.prosecution.links.door import Door
from workers.prosecution.links.rows import Link
from workers.prosecution.links.sessions import Session
from workers.prosecution.links.tickets import Way
from workers.prosecution.submission.manifest import ManifestItem

_SHOWN = re.compile(r"(?:video|audio)/[a-z0-9][a-z0-9.+-]*|image/(?:jpeg|png)")
"""Media types that a browser may show in place: a camera says what its recording is, and it shall be no page."""

_BINARY = "application/octet-stream"

_SUFFIXES = {"video/mp4": ".mp4", "image/jpeg": ".jpg", "image/png": ".png", "video/webm": ".webm"}


class Media:
    """Serves items.

    Args:
        read: bytes from the vault.
        told: each access, before its first byte.
    """

    def __init__(self, door: Door, read: Read[ManifestItem], told: Told) -> None:
        self._door = door
        self._read = read
        self._told = told

    async def serve(self, request: Request) -> Response:
        """Answer a request for a short address."""
        ticket, link, session = await self._door.shown(request)
        if ticket.late(self._door.now()):
            return RedirectResponse(self._door.stable(ticket), 302)  # a player that seeks after its minute
        item = await self._door.item(link, ticket.n)
        ranged = request.headers.get("range") if request.method == "GET" else None
        if request.headers.get("if-range", _tag(item)) != _tag(item):
            ranged = None  # RFC 9110, 13.1.5: what was partly read is something else, so all of it
        try:
            first, length = single_range(ranged, item.size)
        except RangeUnfit:
            return pages.plain(pages.NOT_THIS_WAY, 416, {"Content-Range": f"bytes */{item.size}"})
        part = None if ranged is None else f"{first}-{first + length - 1}"
        await self._told.tell(Access(link, session, _what(item, ticket.way), self._door.now(), item, part))
        headers = _headers(item, ticket.way, length)
        if part is not None:
            headers["Content-Range"] = f"bytes {part}/{item.size}"
        return await self._answer(request, 200 if part is None else 206, headers, item, first, length, session)

    async def _answer(
        self,
        request: Request,
        status: int,
        headers: dict[str, str],
        item: ManifestItem,
        first: int,
        length: int,
        session: Session,
    ) -> Response:
        if request.method == "HEAD":
            return Response(None, status, headers)
        windows = Windows(self._read, item, first, length, lambda: self._door.still_open(session))
        await windows.begin()
        return Body(windows, status, headers)

    async def lead(self, link: Link, session: Session, n: str, way: Way) -> Response:
        """Answer a request for a stable address: where the item is for the next minute."""
        item = await self._door.item(link, number(n))
        return RedirectResponse(self._door.short(item, way, session), 302)


def number(text: str) -> int:
    """The number of an item as an address has it; HTTPException 404 if it is none."""
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise HTTPException(404)
    return int(text)


def _what(item: ManifestItem, way: Way) -> What:
    if way == "file":
        return "fetch"
    return "still" if item.media_type.startswith("image/") else "play"


def _headers(item: ManifestItem, way: Way, length: int) -> dict[str, str]:
    shown = _SHOWN.fullmatch(item.media_type) is not None
    disposition = "inline" if way == "media" and shown else "attachment"
    digest = base64.b64encode(bytes.fromhex(item.sha256)).decode()
    return {
        "Content-Type": item.media_type if shown else _BINARY,
        "Content-Length": str(length),
        "Content-Disposition": f'{disposition}; filename="{_file_name(item)}"',
        "Accept-Ranges": "bytes",
        "ETag": _tag(item),
        "Repr-Digest": f"sha-256=:{digest}:",  # RFC 9530: of the whole, whatever part of it this is
    }


def _tag(item: ManifestItem) -> str:
    return f'"{item.sha256}"'


def _file_name(item: ManifestItem) -> str:
    """A name made of letters, digits and dashes alone, whatever the reference says."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", item.reference).strip("-")[:60] or "item"
    return f"{item.n:03}-{plain}{_SUFFIXES.get(item.media_type, '.bin')}"
