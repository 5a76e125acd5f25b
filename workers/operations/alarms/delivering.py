"""Gives each channel what it has not had: in order, one process at a time, again until it is taken.

A process that ends between a message and the note that it was taken sends that message again: the same tellings under
the same number, whatever has come since, so that whoever takes it can tell. Nothing is dropped while a channel is
away; what all have had goes after KEPT.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from workers.database.engine import Connection, Database, execute, fetch
from workers.database.locks import lock_of
from workers.operations.alarms.judge import Telling
from workers.operations.alarms.rows import telling_of

MOST_AT_ONCE = 500
"""Tellings that go in one message."""

KEPT = timedelta(days=90)
"""For how long it can be looked up what was told."""

Send = Callable[[Sequence[Telling], int], Awaitable[None]]
"""Sends tellings under a number that is the same when they are sent again."""


async def deliver(database: Database, channel: str, send: Send) -> int:
    """Send a channel everything that it has not had, oldest first; returns how many tellings that were.

    Nothing is sent while another process is sending to this channel, nor to one that `tidy` has not seen yet.

    Raises:
        DatabaseAway: nobody knows what it has had.
        Whatever `send` raises: the rest is sent at the next call.
    """
    sent = 0
    async with database.connection() as connection:
        number = lock_of(database.schema, f"alarms.{channel}")
        # Not a transaction: a relay may take longer than one may rest. The server frees the lock of whoever is gone.
        [locked] = await fetch(connection, "SELECT pg_try_advisory_lock(%s::bigint) AS ours", (number,))
        if not locked["ours"]:
            return 0
        try:
            while due := await _due(connection, channel):
                upto, tellings = due
                await send(tellings, upto)
                await execute(
                    connection,
                    "UPDATE alarm_channels SET upto = %s, sending = NULL, sent_at = now() WHERE channel = %s",
                    (upto, channel),
                )
                sent += len(tellings)
        finally:
            if not connection.closed:
                await execute(connection, "SELECT pg_advisory_unlock(%s::bigint)", (number,))
    return sent


async def _due(connection: Connection, channel: str) -> tuple[int, tuple[Telling, ...]] | None:
    """The message that the channel was being given, or the next one; its bound is noted before it is sent."""
    known = await fetch(connection, "SELECT upto, sending FROM alarm_channels WHERE channel = %s", (channel,))
    if not known:
        return None
    upto, sending = known[0]["upto"], known[0]["sending"]
    if sending is None:
        [newest] = await fetch(
            connection,
            "SELECT max(id) AS id FROM (SELECT id FROM alarm_tellings WHERE id > %s ORDER BY id LIMIT %s) AS next",
            (upto, MOST_AT_ONCE),
        )
        if (sending := newest["id"]) is None:
            return None
        await execute(connection, "UPDATE alarm_channels SET sending = %s WHERE channel = %s", (sending, channel))
    rows = await fetch(
        connection,
        "SELECT kind, alarm, subject, says, since, at FROM alarm_tellings WHERE id > %s AND id <= %s ORDER BY id",
        (upto, sending),
    )
    return sending, tuple(map(telling_of, rows))


async def tidy(database: Database, channels: Sequence[str], now: datetime) -> None:
    """Know these channels; forget others, which begin anew should they come back, and old tellings that all had.

    A channel that is new begins with what is told from now on.
    """
    await database.execute("DELETE FROM alarm_channels WHERE channel <> ALL(%s)", (list(channels),))
    await database.execute(
        "INSERT INTO alarm_channels (channel, upto) SELECT unnest(%s::text[]), COALESCE(max(id), 0)"
        " FROM alarm_tellings ON CONFLICT DO NOTHING",
        (list(channels),),
    )
    await database.execute(
        "DELETE FROM alarm_tellings WHERE at < %s"
        " AND id <= COALESCE((SELECT min(upto) FROM alarm_channels), 9223372036854775807)",
        (now - KEPT,),
    )
