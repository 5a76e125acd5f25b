"""A clip: its footage, why it is kept, its holds and exhibits, its continuity record and how that is proved."""

from __future__ import annotations

import base64
import re
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.cli.timeline import moments
from console.web import sessions
from console.web.consulting import Clip, clip_of
from console.web.guard import FACTS, FOOTAGE, RESTRICTED, Page, Relation
from console.web.visit import Visit
from workers.catalogue.queries import history
from workers.catalogue.viewing import Seen
from workers.custody.queries import newest_seal
from workers.dock.ranges import RangeUnfit, single_range
from workers.prosecution.cases.rows import cases_with_clip
from workers.prosecution.disclosure.mg11 import mg11
from workers.prosecution.disclosure.unused import materials
from workers.prosecution.links.access import Minutes
from workers.prosecution.links.bodies import Body, Windows
from workers.retention.hold_queries import list_holds
from workers.retention.questions import explained_by_log, explained_by_row
from workers.vault.keys import attempt_keys

SHORTEST_REASON = 10
LONGEST_REASON = 500

STORED = ("secured", "verified", "released")
SHOWN = re.compile(r"(?:video|audio)/[a-z0-9][a-z0-9.+-]*|image/(?:jpeg|png)")
"""Media types that a browser may show in place: a camera says what its recording is, and it shall be no page."""

TOO_SHORT = f"Say it in {SHORTEST_REASON} to {LONGEST_REASON} characters: somebody reads it."

_MINUTES = Minutes()


async def show(visit: Visit) -> Response:
    """The page of a clip, or the question why one looks at it."""
    clip = await _clip(visit)
    leave = clip.look
    if leave.relation is None:
        return _closed(visit, clip, leave.says, ask=leave.ask)
    await clip.tell("look", leave.relation)
    return visit.show("clip.html", await _contents(visit, clip))


async def reason(visit: Visit) -> Response:
    """Take the typed reason; it is on record before anything is shown, and holds for this session."""
    clip = await _clip(visit)
    text = " ".join((await visit.fields()).get("reason", [""])[0].split())
    if not (clip.look.ask or clip.play.ask or clip.reason):
        return _closed(visit, clip, clip.look.says or clip.play.says, ask=False)
    if not SHORTEST_REASON <= len(text) <= LONGEST_REASON or not text.isprintable():
        return _closed(visit, clip, TOO_SHORT, ask=True, status=400)
    given = Clip(visit, clip.seen, text)
    await given.tell("reason", Relation.REASON)
    async with visit.parts.database.transaction() as connection:
        await sessions.give_reason(connection, visit.session.session, clip.seen.clip_id, text, visit.now)
    return visit.go(f"/clips/{clip.seen.clip_id}")


async def media(visit: Visit) -> Response:
    """The footage, to look at in place; one range, or all of it."""
    clip = await _clip(visit)
    leave, seen = clip.play, clip.seen
    if leave.relation is None:
        return _closed(visit, clip, leave.says, ask=leave.ask)
    if not playable(seen) or seen.size is None:
        raise HTTPException(404)
    tag, size, get = f'"{seen.sha256}"', seen.size, visit.request.method == "GET"
    ranged = visit.request.headers.get("range") if get else None
    if visit.request.headers.get("if-range", tag) != tag:
        ranged = None  # RFC 9110, 13.1.5
    try:
        first, length = single_range(ranged, size)
    except RangeUnfit as unfit:
        raise HTTPException(416, headers={"Content-Range": f"bytes */{size}"}) from unfit
    part = None if ranged is None else f"{first}-{first + length - 1}"
    relation = leave.relation
    key = (visit.session.session, seen.clip_id)
    await _MINUTES.tell(key, visit.now, lambda: clip.tell("play", relation, part))
    headers = _headers(seen, length)
    if part is not None:
        headers["Content-Range"] = f"bytes {part}/{size}"
    status = 200 if part is None else 206
    if not get:
        return Response(None, status, headers)

    async def still() -> bool:
        """Whether they may go on: signed in, not left, the clip not locked meanwhile."""
        now = await clip_of(visit)
        person = visit.parts.people.find(visit.person.person)
        return now is not None and person is not None and now.play.relation is not None

    stored = _Footage(visit.parts.settings.namespace, seen)
    windows = Windows(visit.parts.read, stored, first, length, still)
    await windows.begin()
    return Body(windows, status, headers)


class _Footage:
    """Where a clip's footage lies."""

    def __init__(self, namespace: str, seen: Seen) -> None:
        assert seen.version_id is not None
        self.key = attempt_keys(namespace, seen.clip_id, seen.attempt).footage
        self.version_id = seen.version_id


def playable(seen: Seen) -> bool:
    """Whether there is footage: from secured on, until it is deleted."""
    return seen.standing in STORED and seen.version_id is not None and seen.disposal not in ("committed", "done")


def _headers(seen: Seen, length: int) -> dict[str, str]:
    shown = seen.media_type is not None and SHOWN.fullmatch(seen.media_type) is not None
    digest = base64.b64encode(bytes.fromhex(seen.sha256 or "")).decode()
    return {
        "Content-Type": (seen.media_type or "") if shown else "application/octet-stream",
        "Content-Length": str(length),
        "Content-Disposition": "inline" if shown else f'attachment; filename="{seen.clip_id}.bin"',
        "Accept-Ranges": "bytes",
        "ETag": f'"{seen.sha256}"',
        "Repr-Digest": f"sha-256=:{digest}:",
    }


async def _clip(visit: Visit) -> Clip:
    clip = await clip_of(visit)
    if clip is None:
        raise HTTPException(404)
    return clip


def _closed(visit: Visit, clip: Clip, says: str, *, ask: bool, status: int = 403) -> Response:
    values = {"clip_id": clip.seen.clip_id, "says": says, "ask": ask, "most": LONGEST_REASON}
    return visit.show("closed.html", values, status)


async def _contents(visit: Visit, clip: Clip) -> dict[str, Any]:
    database, seen = visit.parts.database, clip.seen
    restricted = visit.person.has(RESTRICTED)
    explained = await explained_by_row(database, seen.clip_id, visit.now, restricted=restricted)
    if explained is None:
        explained, _ = await explained_by_log(database, seen.clip_id, visit.now, restricted=restricted)
    sealed = await newest_seal(database)
    timeline = moments(await history(database, seen.clip_id))
    return {
        "clip": seen,
        "play": clip.play,
        "playable": playable(seen),
        "major": (seen.media_type or "").partition("/")[0],
        "seconds": (seen.ended_at - seen.recorded_at).total_seconds() if seen.ended_at and seen.recorded_at else None,
        "explained": explained,
        "holds": await list_holds(database, clip=seen.clip_id, restricted=restricted),
        "timeline": timeline,
        "sealed": sum(line.index < sealed.size for line in timeline) if sealed else 0,
        "exhibits": await _exhibits(visit, seen),
    }


async def _exhibits(visit: Visit, seen: Seen) -> list[dict[str, Any]]:
    """Where this clip is an exhibit, each with the paragraph for its producer's statement (MG11)."""
    async with visit.parts.database.connection() as connection:
        cases = await cases_with_clip(connection, seen.clip_id)
        material = (await materials(connection, [seen.clip_id])).get(seen.clip_id) if cases else None
    return [
        {"urn": case.urn, "reference": exhibit.reference, "mg11": mg11(case, exhibit, material) if material else ""}
        for case in cases
        for exhibit in case.exhibits
        if exhibit.clip_id == seen.clip_id and not exhibit.withdrawn
    ]


_WHO = FOOTAGE | FACTS

PAGES = (
    Page("/clips/{clip}", show, _WHO),
    Page("/clips/{clip}/reason", reason, _WHO, methods=("POST",)),
    Page("/clips/{clip}/media", media, FOOTAGE),
)
