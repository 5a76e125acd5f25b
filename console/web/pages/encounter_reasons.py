"""Why footage of an encounter, or the record of one, is missing: said on a page, signed with the person's own key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from msgspec import Struct
from starlette.exceptions import HTTPException

from console import encounters
from console.web.pages.encounter_words import may_explain, reader_of
from console.web.signing import ask, sign, told
from console.web.visit import Visit
from streams.messages import event
from workers.encounters.lines import Sight
from workers.encounters.open_gaps import unrecorded
from workers.encounters.rows import find_encounter
from workers.encounters.statements import ENCOUNTER_ID, EncounterReason
from workers.encounters.words import GapKind
from workers.errors import Refused
from workers.footage.clip import CLIP_ID, ENROLLED_ID
from workers.keys.statements import now_iso

TOPIC = "encounters.reason-requested"
LONGEST = 500
"""Characters of a reason; the stage takes no more."""

SAY = f"Say why, in 1 to {LONGEST} characters: it is signed, and the person concerned may read it."
NOT_YOURS = "An officer says why for themselves, or a supervisor of the unit for them."


class Told(Struct, frozen=True):
    """What became of a reason.

    Attributes:
        said: the stage's answer. problem: why it was not asked.
        typed: what is shown again, since it was not taken; with its gap.
    """

    said: Sequence[str] = ()
    problem: str = ""
    status: int = 200
    typed: Mapping[str, str] = {}


async def give(visit: Visit) -> Told:
    """Take the form of one gap; HTTPException 404 where the visitor sees no such encounter or clip."""
    fields = await visit.fields()
    typed = {name: " ".join(fields.get(name, [""])[0].split()) for name in ("about", "gap", "officer", "reason")}
    about, officer, text = typed["about"], typed["officer"], typed["reason"]
    if typed["gap"] not in set(GapKind) or not ENROLLED_ID.fullmatch(officer):
        raise HTTPException(404)
    gap = GapKind(typed["gap"])
    borough, bcu = await _area(visit, about, gap, officer)
    if not may_explain(visit.person, officer, borough, bcu):
        return Told(problem=NOT_YOURS, status=403)
    if not 0 < len(text) <= LONGEST:
        return Told(problem=SAY, status=400, typed=typed)
    unmatched = gap is GapKind.UNMATCHED
    asked = EncounterReason(
        officer=officer,
        gap=gap,
        reason=text,
        by=visit.person.person,
        at=now_iso(visit.now),
        encounter_id=None if unmatched else about,
        clip_id=about if unmatched else None,
    )
    try:
        message, cause = encounters.reason_request(asked, partial(sign, visit))
    except Refused as refused:
        return Told(problem=f"{str(refused)[:1].upper()}{str(refused)[1:]}.", status=403, typed=typed)
    made = event(TOPIC, message, key=about, subject=about, source="person", cause=cause)
    said, status = told(await ask(visit, [made]))
    return Told(said=said, status=status, typed=typed if status != 200 else {})


async def _area(visit: Visit, about: str, gap: GapKind, officer: str) -> tuple[str | None, str | None]:
    """Borough and basic command unit of what is asked about; HTTPException 404 where the visitor sees none."""
    reader = reader_of(visit.person)
    async with visit.parts.database.connection() as connection:
        if gap is GapKind.UNMATCHED:
            clip = await unrecorded(connection, about) if CLIP_ID.fullmatch(about) else None
            if clip is None or clip.officer != officer:
                raise HTTPException(404)
            if not (reader.every or clip.officer == reader.person or reader.supervises(clip.borough, clip.bcu)):
                raise HTTPException(404)
            return clip.borough, clip.bcu
        found = await find_encounter(connection, about) if ENCOUNTER_ID.fullmatch(about) else None
    if found is None or reader.sight(found.encounter) is Sight.NONE:
        raise HTTPException(404)
    return found.encounter.borough, found.encounter.bcu
