"""Draws, grades and complaints, made again from the custody log: what a known person signed, in its order.

What no key proves, or what may not be done, is passed over and named. A draw was checked when it was recorded, against
a state of holds that is gone; its list and its lot can be checked at any time (`bwv panel show DRAW --out`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, fetch
from workers.errors import BwvError
from workers.keys.proving import proved
from workers.keys.signing import EnrolledKey, Role, Signed, check_signer
from workers.retention.lifting import COMPLAINTS, set_ends
from workers.scrutiny.complaint import Complaint, apply, earliest_end
from workers.scrutiny.holding import requests_of
from workers.scrutiny.rows import store_complaint, store_draw, store_grade
from workers.scrutiny.statements import Drawn, Graded, ScrutinyDeed, tag_of

RECORDED = "scrutiny.recorded"


class RestoredScrutiny(Struct, frozen=True):
    """What was made again.

    Attributes:
        passed_over: one sentence for each deed that has no effect now.
        unplaced: (hold id, signed request) of holds that go with a deed and of which the log knows nothing: they were
            asked for when the database was lost, and are asked for again.
    """

    deeds: int
    passed_over: tuple[str, ...]
    unplaced: tuple[tuple[str, Signed], ...]


async def restore_scrutiny(
    connection: Connection, keys: Mapping[str, EnrolledKey], is_message: Callable[[str, bytes], bool]
) -> RestoredScrutiny:
    """Make every draw, grade and complaint again, and give complaints' holds their end. After every hold is entered.

    Args:
        keys: by id; one that was revoked since still proves what it signed before.
        is_message: whether bytes are a message of the type that a topic carries; what is not had no effect.
    """
    deeds = 0
    passed_over: list[str] = []
    wanted: dict[str, Signed] = {}
    complaints: dict[str, Complaint] = {}
    for row in await fetch(
        connection,
        "SELECT event_id, topic, type, time, payload FROM custody WHERE type = %s AND conflicts_with IS NULL"
        " AND payload IS NOT NULL AND entry::jsonb->>'unreadable' IS NULL ORDER BY index",
        (RECORDED,),
    ):
        if not is_message(row["topic"] or row["type"], row["payload"]):
            continue
        content = msgspec.json.decode(row["payload"])
        asked = _said(content["deed"], keys)
        if asked is None or asked.about != content["about"]:
            passed_over.append(f"{RECORDED} of {row['time']:%Y-%m-%d %H:%M %Z}: no known person signed it")
            continue
        try:
            made = await _again(
                connection, asked, msgspec.convert(content["deed"], Signed), row["event_id"], complaints
            )
        except BwvError as error:
            passed_over.append(f"{tag_of(asked.deed)} of {asked.about}: {error}")
            continue
        deeds += made
        wanted |= dict(requests_of(asked))
    for complaint in complaints.values():
        await set_ends(connection, complaint.holds, complaint.version, earliest_end(complaint)[0], of=COMPLAINTS)
    rows = await fetch(connection, "SELECT hold_id FROM holds WHERE hold_id = ANY(%s)", (list(wanted),))
    there = {row["hold_id"] for row in rows}
    unplaced = tuple((hold, signed) for hold, signed in wanted.items() if hold not in there)
    return RestoredScrutiny(deeds, tuple(passed_over), unplaced)


async def _again(
    connection: Connection, asked: ScrutinyDeed, signed: Signed, event_id: str, complaints: dict[str, Complaint]
) -> int:
    match asked.deed:
        case Drawn():
            await store_draw(connection, asked, asked.deed, signed, event_id)
        case Graded():
            await store_grade(connection, asked, asked.deed, signed, event_id)
        case _:
            complaints[asked.about] = apply(complaints.get(asked.about), asked)
            await store_complaint(connection, complaints[asked.about])
    return 1


def _said(value: Any, keys: Mapping[str, EnrolledKey]) -> ScrutinyDeed | None:
    """What a person signed in their own name."""
    said = proved(value, ScrutinyDeed, Role.PERSON, keys)
    if said is None:
        return None
    try:
        check_signer(said.by, msgspec.convert(value, Signed))
    except BwvError:
        return None
    return said
