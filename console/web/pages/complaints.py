"""Complaints, for professional standards alone: what there is, and one button that keeps the footage."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from console import complaints
from console.hold_fields import Typed, fields_of
from console.web.guard import STANDARDS, Page
from console.web.pages import complaint
from console.web.rendering import LONDON
from console.web.signing import ask, sign, told
from console.web.visit import Visit
from workers.catalogue.queries import find_clip
from workers.errors import Refused
from workers.keys.statements import now_iso
from workers.retention.facts import HoldReason
from workers.retention.lifting import COMPLAINTS
from workers.scrutiny.complaint import Complaint, earliest_end
from workers.scrutiny.queries import clips_kept
from workers.scrutiny.rows import list_complaints
from workers.scrutiny.statements import COMPLAINT_ID, ComplaintOpened, complaint_id

LISTED = 100
"""Complaints of one page."""
KEPT_WITHIN = 5.0
"""Seconds that the page waits for the store's legal hold; what is still under way shows on the complaint's page."""

CALLED = {
    "clip": "Recording",
    "incident": "Incident",
    "officers": "Officers",
    "place": "Place",
    "encounter": "Encounter",
    "since": "From",
    "until": "To",
}
"""Field of the form → its label."""

NO_CLIP = "expected the one recording that it is: its id, nine letters of it, or CAMERA/RECORDING"
NO_REASON = f"Choose what it is: {', '.join(COMPLAINTS)}."
NOT_KNOWN = "No complaint has the reference {0!r}."
STILL_LOOKED_FOR = "Its recordings are still being looked for; this page shows them as they are found."


async def listed(visit: Visit) -> Response:
    """All complaints, newest first, and the form that opens one; `?find=` leads to the one of this reference."""
    words = visit.query("find")[:200]
    if words:
        about = complaint_id(visit.parts.settings.namespace, words)
        if await complaints.complaint_of(visit.parts.database, about, visit.person.person) is not None:
            return visit.go(f"/complaints/{about}")
        return await _page(visit, problem=NOT_KNOWN.format(words), status=404)
    return await _page(visit)


async def open_(visit: Visit) -> Response:
    """Keep the footage: a complaint and its hold in one signed request; another place of one is kept beside it."""
    fields = await visit.fields()
    given = {name: fields.get(name, [""])[0].strip() for name in ("reference", "reason", "restricted", *CALLED)}
    if given["reason"] not in COMPLAINTS:
        return await _page(visit, given, problem=NO_REASON, status=400)
    deed = ComplaintOpened(given["reference"], HoldReason(given["reason"]), bool(given["restricted"]))
    try:
        scope = await _scope(visit, given)
    except Refused as refused:
        return await _page(visit, given, problem=_sentence(refused), status=400)
    at, by, namespace = now_iso(visit.now), visit.person.person, visit.parts.settings.namespace
    try:
        database, signs = visit.parts.database, partial(sign, visit)
        asked = await complaints.opening(database, namespace, deed, scope, by=by, at=at, sign=signs)
    except Refused as refused:
        return await _page(visit, given, problem=_sentence(refused), status=403)
    said, status = told(await ask(visit, [complaint.request(asked)]))
    one = await complaints.complaint_of(visit.parts.database, asked.about, by)
    if one is None or asked.hold not in one.holds:
        refused_it = status != 200
        return await _page(visit, given if refused_it else {}, said=[] if refused_it else said,
                           problem=" ".join(said) if refused_it else "", status=status)  # fmt: skip
    return await complaint.page(visit, one, said=said + await _kept(visit, one, asked.hold or ""), status=status)


async def _scope(visit: Visit, given: Mapping[str, str]) -> dict[str, Any]:
    """The fields of the hold; times are local."""
    typed = {name: given[name] or None for name in CALLED if name != "officers"}
    officers = tuple(one for one in (name.strip() for name in given["officers"].split(",")) if one)
    scope = fields_of(Typed(officers=officers, **typed), CALLED, LONDON)
    if scope["clip_id"]:
        found = await find_clip(visit.parts.database, scope["clip_id"])
        if len(found) != 1:
            raise Refused(f"{CALLED['clip']} {scope['clip_id'][:80]!r}: {NO_CLIP}", "give it again")
        scope["clip_id"] = found[0]
    return scope


async def _kept(visit: Visit, one: Complaint, hold: str) -> list[str]:
    """What is kept, as it is said to whoever asked."""
    done = await complaints.settled(visit.parts.database, hold, KEPT_WITHIN)
    made = await complaints.receipt_of(visit.parts.database, one)
    said = [f"{complaints.sentence(line)}." for line in made.kept]
    return said if done else [*said, STILL_LOOKED_FOR]


def _sentence(refused: Refused) -> str:
    return f"{str(refused)[:1].upper()}{str(refused)[1:]}."


async def _page(
    visit: Visit,
    given: Mapping[str, str] | None = None,
    *,
    problem: str = "",
    said: list[str] | None = None,
    status: int = 200,
) -> Response:
    after = _place(visit)
    async with visit.parts.database.connection() as connection:
        found = await list_complaints(connection, visit.person.person, after, LISTED + 1)
        shown = found[:LISTED]
        kept = await clips_kept(connection, shown)
    values: dict[str, Any] = {
        "complaints": [_line(one, kept.get(one.complaint_id, 0)) for one in shown],
        "given": dict.fromkeys(("reference", "reason", "restricted", *CALLED), "") | dict(given or {}),
        "called": CALLED,
        "reasons": COMPLAINTS,
        "problem": problem,
        "said": said or [],
        "first": after is None,
        "further": urlencode({"at": shown[-1].opened_at.isoformat(), "id": shown[-1].complaint_id})
        if len(found) > LISTED
        else "",
    }
    return visit.show("complaints.html", values, status)


def _line(one: Complaint, kept: int) -> dict[str, Any]:
    end, reasons = earliest_end(one)
    return {"it": one, "end": end, "reasons": reasons, "kept": kept}


def _place(visit: Visit) -> tuple[datetime, str] | None:
    """Where the page before ended, if the address says so."""
    try:
        at = datetime.fromisoformat(visit.query("at")) if visit.query("at") else None
    except ValueError:
        return None
    about = visit.query("id")
    return (at, about) if at is not None and at.tzinfo is not None and COMPLAINT_ID.fullmatch(about) else None


PAGES = (
    Page("/complaints", listed, STANDARDS),
    Page("/complaints", open_, STANDARDS, methods=("POST",)),
    *complaint.PAGES,
)
