"""What grading for a panel and keeping the result of a sample share."""

from __future__ import annotations

from collections.abc import Callable

import click
from msgspec import Struct

from console.cli.asking import Request
from console.cli.encounters_record import one_encounter
from streams.messages import ScrutinyRequested
from streams.settings import Settings
from workers.database.engine import Database
from workers.keys.signing import Signed
from workers.retention.statements import HoldLift
from workers.scrutiny.rows import KeptDraw
from workers.scrutiny.statements import Grade, Graded, ScrutinyDeed


async def one_drawn(database: Database, kept: KeptDraw, words: str) -> str:
    """The encounter of a draw that `words` mean: its place in it, an id, its beginning, or the record's number."""
    if words.isdigit() and 0 < int(words) <= len(kept.deed.drawn):
        return kept.deed.drawn[int(words) - 1]
    found = (await one_encounter(database, words)).encounter_id
    if found not in kept.deed.drawn:
        raise click.UsageError(f"{words!r} was not drawn by {kept.draw_id}; see: bwv panel show {kept.draw_id}")
    return found


def request_of_grade(
    settings: Settings,
    kept: KeptDraw,
    encounter: str,
    grade: Grade,
    notes: str,
    hold: str | None,
    *,
    at: str,
    sign: Callable[[Struct], Signed],
) -> Request:
    """The signed request.

    Args:
        hold: whose lifting it asks for; None: none.
        sign: with the key of the person who grades.
    """
    reason = f"graded {grade.value} in {kept.draw_id}"
    lifts = () if hold is None else (sign(HoldLift(hold, reason, settings.person, at)),)
    body = ScrutinyDeed(kept.draw_id, Graded(encounter, grade, notes), settings.person, at, lifts=lifts)
    message = ScrutinyRequested(kept.draw_id, sign(body))
    return Request("scrutiny.requested", message, kept.draw_id, (message.deed.signature,))
