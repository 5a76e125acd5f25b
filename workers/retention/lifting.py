"""Who may lift a hold: one person or two, as its reason asks. No timer ever does, but of scrutiny (`self_ending`)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec

from workers.database.engine import Connection, Row, execute, fetch
from workers.errors import Refused
from workers.keys.signing import Signed, signer_of
from workers.retention.facts import HoldReason
from workers.retention.holding import OPEN
from workers.retention.scopes import NOT_KNOWN, HoldRow, find_hold
from workers.retention.statements import HoldLift

ONE_PERSON = (HoldReason.MANUAL, HoldReason.SAME_INCIDENT)
"""A manual hold is its placer's own; a same-incident question is answered by looking at the clip."""


CASES = (HoldReason.CASE,)
COMPLAINTS = (HoldReason.COMPLAINT, HoldReason.CONDUCT, HoldReason.DSI)
"""Reasons whose holds are given their end: by the outcomes of a case, and by the outcome of a complaint."""


NOT_BY_THEMSELVES = (*COMPLAINTS, HoldReason.SCRUTINY)
"""Reasons whose holds are lifted by others than whoever they concern."""


async def concerns(connection: Connection, holds: Collection[str], person: str) -> bool:
    """Whether one of these holds names this person, or keeps a clip of theirs."""
    return bool(
        await fetch(
            connection,
            "SELECT FROM holds h WHERE hold_id = ANY(%(holds)s) AND (%(person)s = ANY(officers) OR EXISTS (SELECT"
            " FROM hold_clips k JOIN clip_officers o USING (clip_id) WHERE k.hold_id = h.hold_id"
            " AND k.state <> 'cleared' AND o.officer = %(person)s)) LIMIT 1",
            {"holds": list(holds), "person": person},
        )
    )


def people_needed(hold: HoldRow) -> int:
    """How many different people lift this hold.

    A case hold is lifted by one person, at the case review after its earliest end (CPIA Code 5.7–5.10). While nobody
    knows that date, two people take its place.
    """
    one = hold.reason in ONE_PERSON or (hold.reason is HoldReason.CASE and hold.earliest_end is not None)
    return 1 if one else 2


async def ask_to_lift(connection: Connection, asked: HoldLift, signed: Signed, now: datetime) -> tuple[Signed, ...]:
    """Take one person's wish; returns the wishes that lift the hold now, or the first of two alone.

    Inside the caller's transaction. The hold's `lifted_at` tells which of both it is.

    Args:
        signed: the wish as it was signed; its signature holds, and whoever asks made it.

    Raises:
        Refused: there is no such hold, it is too early, the same person asks twice, or it concerns whoever asks.
    """
    hold = await find_hold(connection, asked.hold_id, lock="FOR UPDATE")
    if hold is None:
        raise Refused(f"there is no hold {asked.hold_id[:64]}", "see: bwv hold list")
    if hold.lifted_at is not None:
        raise Refused(f"{hold.hold_id} was lifted at {hold.lifted_at:%Y-%m-%d %H:%M %Z}", "nothing is left to do")
    early = hold.earliest_end is not None and now < hold.earliest_end
    theirs = hold.reason in NOT_BY_THEMSELVES and await concerns(connection, [hold.hold_id], asked.by)
    if (early or theirs) and hold.restricted:
        # Whoever it concerns may ask too, and must not learn of the complaint, or of its outcome, by the answer.
        raise Refused(f"{hold.hold_id} is kept by the force, and no end of it has come", "ask whoever placed it")
    if hold.earliest_end == NOT_KNOWN:
        raise Refused(
            f"{hold.hold_id} belongs to the {_what(hold)} {hold.reference}, and no outcome says yet when it may end",
            f"why: bwv {_what(hold)} show {hold.reference}",
        )
    if early:
        raise Refused(
            f"{hold.hold_id} ends no sooner than {hold.earliest_end:%Y-%m-%d %H:%M %Z}", "ask again at the review then"
        )
    if theirs:
        raise Refused(
            f"{_hold(hold)} is lifted by others than whoever it concerns, and {hold.hold_id} concerns {asked.by}",
            f"another person gives: bwv hold lift {hold.hold_id} --reason …",
        )
    if (hold.reason is HoldReason.SAME_INCIDENT) != (asked.same_incident is not None):
        raise Refused(
            f"{hold.hold_id} is kept for {hold.reason.value}",
            "a question is answered by bwv hold answer, others lifted",
        )
    if people_needed(hold) == 1 or (hold.lift is not None and signer_of(hold.lift) != asked.by):
        lifts = (signed,) if hold.lift is None else (hold.lift, signed)
        await execute(
            connection,
            "UPDATE holds SET lifted_at = %s, lifted_by = %s WHERE hold_id = %s",
            (now, [signer_of(lift) for lift in lifts], hold.hold_id),
        )
        return lifts
    if hold.lift is not None and hold.lift != signed:
        raise Refused(
            f"{asked.by} has asked for it before, and {_hold(hold)} is lifted by two people",
            f"another person gives: bwv hold lift {hold.hold_id} --reason …",
        )
    await execute(
        connection,
        "UPDATE holds SET lift = %s WHERE hold_id = %s",
        (msgspec.json.encode(signed).decode(), hold.hold_id),
    )
    return (signed,)


def _hold(hold: HoldRow) -> str:
    return "a hold of the force" if hold.restricted else f"a {hold.reason.value} hold"


def _what(hold: HoldRow) -> str:
    return "complaint" if hold.reason in COMPLAINTS else "case"


async def set_ends(
    connection: Connection,
    holds: Collection[str],
    version: int,
    end: datetime | None,
    *,
    of: tuple[HoldReason, ...] = CASES,
) -> None:
    """Give holds of a case, or of a complaint, the end that its outcomes say. Inside the caller's transaction.

    Args:
        holds: ids; one that is not placed yet gets its end once it is (`take_ends`).
        version: of the case or complaint; an older one changes nothing.
        end: the moment before which nobody lifts them; None: nobody knows yet.
        of: CASES or COMPLAINTS: neither moves an end of the other's.
    """
    for hold_id in sorted(holds):
        await execute(
            connection,
            "INSERT INTO hold_ends (hold_id, given_by, version, earliest_end) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (hold_id, given_by) DO UPDATE SET version = EXCLUDED.version,"
            " earliest_end = EXCLUDED.earliest_end WHERE hold_ends.version < EXCLUDED.version",
            (hold_id, "complaint" if of == COMPLAINTS else "case", version, end or NOT_KNOWN),
        )
    await take_ends(connection, holds)


async def take_ends(connection: Connection, holds: Collection[str]) -> None:
    """Let these holds end no sooner than their case or complaint says; other reasons keep the end they have."""
    await execute(
        connection,
        "UPDATE holds h SET earliest_end = e.earliest_end FROM hold_ends e WHERE e.hold_id = h.hold_id"
        " AND h.hold_id = ANY(%s) AND h.reason = ANY(CASE e.given_by WHEN 'case' THEN %s::text[] ELSE %s::text[] END)"
        " AND h.earliest_end IS DISTINCT FROM e.earliest_end",
        (list(holds), [one.value for one in CASES], [one.value for one in COMPLAINTS]),
    )


async def clips_to_lift(connection: Connection, hold: HoldRow, after: str, limit: int = 200) -> list[str]:
    """Clips that are still under a lifted hold. A page, by clip id.

    Rows that carry its reason and of which `hold_clips` knows nothing, as after a restore, are among them.
    """
    rows: list[Row] = await fetch(
        connection,
        "SELECT clip_id FROM hold_clips WHERE hold_id = %(hold)s AND state = ANY(%(open)s) AND clip_id > %(after)s"
        " UNION SELECT clip_id FROM clip_fate WHERE held AND %(entry)s = ANY(hold_reasons) AND clip_id > %(after)s"
        " ORDER BY clip_id LIMIT %(limit)s",
        {
            "hold": hold.hold_id,
            "entry": hold.hold.entry,
            "open": [state.value for state in OPEN],
            "after": after,
            "limit": limit,
        },
    )
    return [row["clip_id"] for row in rows]
