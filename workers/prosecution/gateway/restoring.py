"""Which of the gateway's outcomes were taken, from the custody log.

How far the gateway's list was read is not on record: after a rebuild it is read from the beginning. What was recorded
then is answered already, so it is not recorded once more, also where a person took it back since.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from workers.database.engine import Connection, fetch
from workers.keys.proving import proved
from workers.keys.signing import Role
from workers.prosecution.cases.outcomes import TOLD_BY
from workers.prosecution.gateway.outcomes import REASON
from workers.prosecution.statements import CaseChange
from workers.retention.answers import Answer, Verdict, answer
from workers.retention.restoring import IsMessage, Keys

TYPE = "cases.changed"


async def restore_outcomes(
    connection: Connection, keys: Keys, is_message: IsMessage, request_of: Callable[[str, str], str]
) -> int:
    """Answer again what the gateway told and a case took; returns how many outcomes.

    Args:
        keys: by id, with those of the services.
        is_message: whether bytes are a message of the type that a topic carries; what is not had no effect.
        request_of: event id of the request, by case and by the gateway's id of the outcome.
    """
    rows = await fetch(
        connection,
        "SELECT topic, payload FROM custody WHERE type = %s AND conflicts_with IS NULL AND payload IS NOT NULL"
        " AND entry::jsonb->>'unreadable' IS NULL",
        (TYPE,),
    )
    count = 0
    for row in rows:
        if not is_message(row["topic"], row["payload"]):
            continue
        asked = proved(msgspec.json.decode(row["payload"])["change"], CaseChange, Role.SERVICE, keys)
        if asked is None or asked.by != TOLD_BY or not asked.reason.startswith(REASON):
            continue
        says = f"{asked.reason} was recorded before the database was made again"
        request = request_of(asked.case_id, asked.reason.removeprefix(REASON))
        await answer(connection, request, "cases", Answer(Verdict.DONE, says))
        count += 1
    return count
