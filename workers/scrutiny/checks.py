"""What must hold before a draw or a grade is on record."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from workers.database.engine import Connection, fetch
from workers.errors import Refused
from workers.scrutiny.drawing import list_digest
from workers.scrutiny.listing import drawn, listed
from workers.scrutiny.rows import KeptDraw
from workers.scrutiny.statements import DrawKind, Drawn, Graded
from workers.statistics.months import month

MOST = 200
"""Encounters of one draw: a panel of people looks at each."""

SEED_MOST = 200
NOTES_MOST = 2_000
TERMS_MOST = 1_000
"""Characters."""

AGAIN = "draw again: bwv panel draw, bwv dip-sample draw"


async def check_draw(connection: Connection, deed: Drawn, before: Sequence[KeptDraw]) -> None:
    """Make the draw again, and compare.

    Args:
        before: draws of this kind and month, and unit, that are on record.

    Raises:
        Refused: a field is wrong, a sample of this month was drawn before, the list is not the one of the checkpoint,
            or its draw gives something else, as when an encounter became part of a case meanwhile.
    """
    try:
        of = month(deed.month)
    except ValueError as error:
        raise Refused(str(error), AGAIN) from error
    _need(0 < deed.n <= MOST, f"{deed.n} encounters: expected 1 to {MOST}")
    _need(
        0 < len(deed.seed) <= SEED_MOST and deed.seed.isprintable() and deed.seed == deed.seed.strip(),
        f"the seed: expected 1 to {SEED_MOST} characters that can be printed, without blanks at its ends",
    )
    _need(len(deed.terms) <= TERMS_MOST, f"the terms: at most {TERMS_MOST} characters")
    if deed.kind is DrawKind.SAMPLE:
        _need(deed.unit, "a sample is of one unit: a borough or a basic command unit")
        there = before[0].draw_id if before else ""
        _need(not before, f"{deed.unit} was sampled for {deed.month}: {there}", f"see: bwv dip-sample show {there}")
    else:
        _need(deed.unit is None, "a panel draws over the whole force")
    await _check_checkpoint(connection, deed)
    encounters = await listed(connection, of, deed.unit, deed.size)
    _need(encounters, f"no encounter of {deed.month} is on record at this checkpoint")
    digest = list_digest(encounters)
    _need(
        (digest, len(encounters)) == (deed.list_sha256, deed.listed),
        f"the list at {deed.size} has {len(encounters)} encounters and the digest {digest},"
        f" not {deed.list_sha256[:64]}",
    )
    again = await drawn(connection, encounters, deed.seed, deed.n)
    _need(
        (again.drawn, again.passed_over) == (deed.drawn, deed.passed_over),
        "the seed draws others now: what may be shown has changed, or the draw was made from something else",
    )


async def _check_checkpoint(connection: Connection, deed: Drawn) -> None:
    rows = await fetch(
        connection, "SELECT root FROM custody_seals WHERE size = %s AND sealed_at IS NOT NULL", (deed.size,)
    )
    _need(rows and bytes(rows[0]["root"]).hex() == deed.root, f"nothing was sealed at {deed.size} with this root")
    [counted] = await fetch(connection, "SELECT size FROM counted_upto")
    _need(counted["size"] >= deed.size, f"the log is counted up to {counted['size']}, not yet up to {deed.size}")


def check_grade(draw: KeptDraw, deed: Graded, by: str, present: Collection[str]) -> None:
    """Whether the encounter came out of the draw, and something is said of it by somebody who was not there.

    Args:
        present: officers who were at the encounter.

    Raises:
        Refused: it did not, nothing is, or they were: the newest grade counts, and would be their own.
    """
    _need(
        deed.encounter_id in draw.deed.drawn,
        f"{deed.encounter_id[:64]} was not drawn by {draw.draw_id}",
        f"see: bwv panel show {draw.draw_id}",
    )
    _need(by not in present, f"{by} was at {deed.encounter_id}", "somebody who was not there grades it")
    notes = deed.notes.strip()
    _need(0 < len(notes) <= NOTES_MOST, f"notes: expected 1 to {NOTES_MOST} characters", "say why, and grade again")


def _need(holds: object, otherwise: str, action: str = AGAIN) -> None:
    if not holds:
        raise Refused(otherwise, action)
