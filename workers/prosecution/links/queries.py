"""What people ask about links: where one leads, and who has looked, from the custody log."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, fetch


class Opening(Struct, frozen=True):
    """One access, as the custody log has it.

    Attributes:
        entry: its index in the log.
    """

    entry: int
    at: datetime
    holder: str
    what: str
    clip_id: str | None = None
    reference: str | None = None
    part: str | None = None


async def url_of(connection: Connection, submission: str) -> str | None:
    """The address of a submission's link, from its manifest; nothing else has it."""
    rows = await fetch(
        connection, "SELECT manifest->>'link' AS link FROM submissions WHERE submission_id = %s", (submission,)
    )
    return rows[0]["link"] if rows else None


async def openings(connection: Connection, link: str, *, most: int) -> list[Opening]:
    """Who has looked, newest first. An access whose clip is gone is gone with it."""
    rows = await fetch(
        connection,
        "SELECT index, payload FROM custody WHERE type = 'links.opened' AND payload IS NOT NULL"
        " AND conflicts_with IS NULL AND convert_from(payload, 'UTF8')::jsonb->>'link_id' = %s"
        " ORDER BY index DESC LIMIT %s",
        (link, most),
    )
    return [
        msgspec.convert(msgspec.json.decode(row["payload"]) | {"entry": row["index"]}, Opening) for row in rows
    ]  # fmt: skip
