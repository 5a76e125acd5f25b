"""The receipt that goes with the letter to whoever complained: what is kept, how much of it, until when.

It names nobody: neither officers nor whoever complained, and no clip. It prints and needs no script.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from msgspec import Struct

from workers.prosecution.disclosure.times import LONDON
from workers.retention.scopes import Scope
from workers.scrutiny.complaint import DAYS, Complaint, earliest_end
from workers.scrutiny.queries import Kept

HERE = Path(__file__).parent


class Line(Struct, frozen=True):
    """One hold, as the receipt has it.

    Attributes:
        clips: how many are kept; too_late: of how many the deletion was committed before.
    """

    what: str
    clips: int
    too_late: int


class Receipt(Struct, frozen=True):
    """What the page says, and `--json`.

    Attributes:
        until, why: sentences.
        size: of the custody log at the checkpoint; 0: nothing is sealed yet, and `checkpoint` is empty.
        sealed: what was asked for stands in the log below that checkpoint; otherwise a later one will have it.
    """

    reference: str
    kept: tuple[Line, ...]
    until: str
    why: str
    size: int
    checkpoint: str
    sealed: bool


def receipt(complaint: Complaint, kept: Sequence[Kept], *, size: int, checkpoint: str, sealed: bool) -> Receipt:
    """What is kept for a complaint now. Pure.

    Args:
        kept: its holds that were placed.
        size, checkpoint: of the newest seal of the custody log; sealed: every hold of it was recorded below that.
    """
    standing = [one for one in kept if one.lifted_at is None]
    lines = tuple(
        Line(_what(one), one.clips.get("active", 0) + one.clips.get("pending", 0), one.clips.get("refused", 0))
        for one in standing
    )
    until, why = _until(complaint, standing=bool(standing), placed=bool(kept))
    return Receipt(complaint.reference, lines, until, why, size, checkpoint, sealed)


def page(made: Receipt, now: datetime) -> bytes:
    """The receipt as a page, UTF-8."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(HERE.joinpath("receipt.html").read_text(encoding="utf-8"))
    text = template.render(
        reference=made.reference,
        printed=_local(now),
        kept=made.kept,
        too_late=sum(line.too_late for line in made.kept),
        until=made.until,
        why=made.why,
        checkpoint=made.checkpoint,
        sealed=made.sealed,
    )
    return text.encode()


def _until(complaint: Complaint, *, standing: bool, placed: bool) -> tuple[str, str]:
    if not placed:
        return "Nothing is kept for this complaint.", "No hold stands: it is not placed yet, or it came too late."
    if not standing:
        return "Nothing is kept for this complaint now.", "Its holds were ended by two people."
    end, _ = earliest_end(complaint)
    rule = f"{DAYS} days from the day after the outcome is sent to you, and until any review is over"
    if end is None:
        waits = "a review was applied for" if complaint.sent is not None else "no outcome was sent to you yet"
        return "It is kept, and no day is set for its end.", f"The earliest end is {rule}; {waits}."
    day = f"{end.astimezone(LONDON):%d %B %Y}"
    return f"It is kept until at least {day}.", f"That is {rule}. After it two people decide; nothing ends by itself."


def _what(one: Kept) -> str:
    """Where and when, as whoever complained said it; officers are not named to them here."""
    period = f"from {_local(one.since)} to {_local(one.until)}" if one.since and one.until else ""
    if one.place is not None:
        where = f"within {one.place.metres:g} metres of {one.place.latitude:.5f}, {one.place.longitude:.5f}"
        return f"{where}, {period}"
    words = {
        Scope.CLIP.value: "one recording",
        Scope.INCIDENT.value: "all recordings of the incident",
        Scope.OFFICER.value: "all recordings of the officers concerned",
        Scope.ENCOUNTER.value: "all recordings of the encounter",
    }
    return f"{words[one.scope]} {period}".strip()


def _local(at: datetime) -> str:
    return f"{at.astimezone(LONDON):%d %B %Y, %H:%M}"
