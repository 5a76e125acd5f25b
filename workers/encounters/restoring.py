"""Encounters and reasons, made again from the custody log: what a known person signed, in its order.

What no key proves is passed over and named. The join is made anew afterwards (`batch.join_all`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, execute, fetch
from workers.encounters.rows import enter_reason, store
from workers.encounters.statements import EncounterReason, EncounterRecord
from workers.errors import BwvError
from workers.keys.proving import proved
from workers.keys.signing import EnrolledKey, Role, Signed, check_signer

RECORDED, REASONED = "encounters.recorded", "encounters.reasoned"


class RestoredEncounters(Struct, frozen=True):
    """What was made again.

    Attributes:
        passed_over: one sentence for each event that has no effect now.
    """

    versions: int
    reasons: int
    passed_over: tuple[str, ...]


async def restore_encounters(
    connection: Connection, keys: Mapping[str, EnrolledKey], is_message: Callable[[str, bytes], bool]
) -> RestoredEncounters:
    """Make every version and reason again.

    Args:
        keys: by id; one that was revoked since still proves what it signed before.
        is_message: whether bytes are a message of the type that a topic carries; what is not had no effect.
    """
    versions = reasons = 0
    passed_over: list[str] = []
    for row in await fetch(
        connection,
        "SELECT event_id, type, topic, time, payload FROM custody WHERE type = ANY(%s) AND conflicts_with IS NULL"
        " AND payload IS NOT NULL AND entry::jsonb->>'unreadable' IS NULL ORDER BY index",
        ([RECORDED, REASONED],),
    ):
        if not is_message(row["topic"] or row["type"], row["payload"]):
            continue
        content = msgspec.json.decode(row["payload"])
        if row["type"] == RECORDED:
            record = _said(content["record"], EncounterRecord, keys)
            if isinstance(record, EncounterRecord) and record.encounter_id == content["encounter_id"]:
                signed = msgspec.convert(content["record"], Signed)
                await store(connection, record, signed, content["version"], row["event_id"])
                versions += 1
                continue
        else:
            reason = _said(content["reason"], EncounterReason, keys)
            if isinstance(reason, EncounterReason):
                await enter_reason(connection, reason, msgspec.convert(content["reason"], Signed), row["event_id"])
                reasons += 1
                continue
        passed_over.append(f"{row['type']} of {row['time']:%Y-%m-%d %H:%M %Z}: no known person signed it")
    return RestoredEncounters(versions, reasons, tuple(passed_over))


async def keep_what_was_told(connection: Connection) -> int:
    """Take back gaps that are there only because clips were deleted since; returns how many. After `restore_told`.

    A join that is made anew lacks the clips that went at the end of their period. What was told of it, while they were
    there, is on record: a kind of gap that was not told then is none now.
    """
    taken = await execute(
        connection,
        "DELETE FROM encounter_gaps g USING encounter_told t WHERE t.encounter_id = g.encounter_id AND NOT EXISTS ("
        " SELECT FROM jsonb_array_elements(t.joined->'gaps') told WHERE told->>'kind' = g.kind)",
    )
    await execute(
        connection, "DELETE FROM encounter_untold WHERE encounter_id IN (SELECT encounter_id FROM encounter_told)"
    )
    return taken


def _said(
    value: Any, body: type[EncounterRecord] | type[EncounterReason], keys: Mapping[str, EnrolledKey]
) -> EncounterRecord | EncounterReason | None:
    """What a person signed in their own name."""
    said = proved(value, body, Role.PERSON, keys)
    if said is None:
        return None
    try:
        check_signer(said.by, msgspec.convert(value, Signed))
    except BwvError:
        return None
    return said
