"""Tells what the join of each encounter came to, each time that it is another: the events that figures count."""

from __future__ import annotations

import msgspec

from streams.messages import EncounterJoined, event
from workers.database.engine import Database, Row
from workers.fate.outbox import Event
from workers.fate.row import announce
from workers.statistics.joins import untold

SOURCE = "encounters"


async def tell_of_joins(database: Database) -> int:
    """Tell of every encounter whose join has changed since it was told of; returns of how many.

    Called by the stage encounters after each look; what it tells and that it was told are one transaction.
    """
    told = 0
    while True:
        async with database.transaction() as connection:
            looked, changed = await untold(connection)
            await announce(connection, [joined(row) for row in changed])
        told += len(changed)
        if not looked:
            return told


def joined(row: Row) -> Event:
    """The event that tells of one join."""
    said = msgspec.convert(
        {"encounter_id": row["encounter_id"], "telling": row["telling"], **row["joined"]}, EncounterJoined
    )
    encounter = said.encounter_id
    cause = (encounter, said.telling, msgspec.json.encode(row["joined"], order="sorted").decode())
    return event("encounters.joined", said, key=encounter, subject=encounter, source=SOURCE, cause=cause)
