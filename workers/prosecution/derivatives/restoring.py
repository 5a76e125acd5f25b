"""The table `derivatives`, made again from the custody log."""

from __future__ import annotations

from typing import Any

import msgspec

from workers.database.engine import Connection, execute, fetch
from workers.keys.proving import proved
from workers.keys.signing import Role, Signed, signer_of
from workers.prosecution.derivatives.keeping import Kept
from workers.prosecution.derivatives.rows import enter_made
from workers.prosecution.statements import Lineage
from workers.retention.restoring import IsMessage, Keys

TYPE = "derivatives.made"


async def restore_derivatives(connection: Connection, keys: Keys, is_message: IsMessage) -> int:
    """Enter again what was made and whose clip is still there; returns how many.

    What could not be made is not entered: ordered again, it is tried again.

    Args:
        keys: by id, with those of the services.
        is_message: whether bytes are a message of the type that a topic carries; what is not had no effect.
    """
    rows = await fetch(
        connection,
        "SELECT topic, time, payload FROM custody WHERE type = %s AND conflicts_with IS NULL"
        " AND payload IS NOT NULL AND entry::jsonb->>'unreadable' IS NULL ORDER BY index",
        (TYPE,),
    )
    count = 0
    for row in rows:
        if not is_message(row["topic"], row["payload"]):
            continue
        content: dict[str, Any] = msgspec.json.decode(row["payload"])
        lineage = proved(content.get("lineage"), Lineage, Role.SERVICE, keys)
        if lineage is None or lineage.derivative_id != content.get("derivative_id"):
            continue
        signed = msgspec.convert(content["lineage"], Signed)
        kept = Kept(content["key"], content["version_id"], signed)
        await enter_made(connection, lineage, kept, signer_of(lineage.order))
        await execute(
            connection, "UPDATE derivatives SET at = %s WHERE derivative_id = %s", (row["time"], lineage.derivative_id)
        )
        count += 1
    return count
