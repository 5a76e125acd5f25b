"""What stands open, what was told, and how far each channel has been told; written by the stage alarms alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from workers.database.engine import Connection, Database, Row, execute, fetch
from workers.operations.alarms.judge import Judged, Kind, Standing, Telling

MOST_AT_ONCE = 500
"""Tellings that go in one message."""


class Unsent(Struct, frozen=True):
    """What a channel has not had yet.

    Attributes:
        upto: number of the last of them.
    """

    upto: int
    tellings: tuple[Telling, ...]


async def read_standing(connection: Connection) -> list[Standing]:
    """What stands."""
    rows = await fetch(connection, "SELECT alarm, subject, since, says, fired_at, quiet_since FROM alarms")
    return [Standing(**_in_utc(row)) for row in rows]


async def write(connection: Connection, before: Sequence[Standing], judged: Judged) -> None:
    """Put what stands now in the place of what stood, and note what is to be told; the caller's transaction."""
    kept = {(one.alarm, one.subject): one for one in judged.standing}
    known = {(one.alarm, one.subject): one for one in before}
    for alarm, subject in known.keys() - kept.keys():
        await execute(connection, "DELETE FROM alarms WHERE alarm = %s AND subject = %s", (alarm, subject))
    for key, one in kept.items():
        if known.get(key) != one:
            await execute(
                connection,
                "INSERT INTO alarms (alarm, subject, since, says, fired_at, quiet_since)"
                " VALUES (%s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (alarm, subject) DO UPDATE SET says = excluded.says, fired_at = excluded.fired_at,"
                " quiet_since = excluded.quiet_since",
                (one.alarm, one.subject, one.since, one.says, one.fired_at, one.quiet_since),
            )
    for telling in judged.tellings:
        await execute(
            connection,
            "INSERT INTO alarm_tellings (kind, alarm, subject, says, since, at) VALUES (%s, %s, %s, %s, %s, %s)",
            (telling.kind.value, telling.alarm, telling.subject, telling.says, telling.since, telling.at),
        )


async def unsent(database: Database, channel: str) -> Unsent | None:
    """What the channel has not had, oldest first; None if it has had everything.

    A channel that is new begins with what is told from now on.
    """
    await database.execute(
        "INSERT INTO alarm_channels (channel, upto) SELECT %s, COALESCE(max(id), 0) FROM alarm_tellings"
        " ON CONFLICT DO NOTHING",
        (channel,),
    )
    rows = await database.fetch(
        "SELECT id, kind, alarm, subject, says, since, at FROM alarm_tellings"
        " WHERE id > (SELECT upto FROM alarm_channels WHERE channel = %s) ORDER BY id LIMIT %s",
        (channel, MOST_AT_ONCE),
    )
    if not rows:
        return None
    tellings = tuple(
        Telling(Kind(row["kind"]), **{name: _in_utc(row)[name] for name in ("alarm", "subject", "says", "since", "at")})
        for row in rows
    )
    return Unsent(rows[-1]["id"], tellings)


async def mark_sent(database: Database, channel: str, upto: int) -> None:
    """The channel has had everything up to this number."""
    await database.execute(
        "UPDATE alarm_channels SET upto = %s, sent_at = now() WHERE channel = %s AND upto < %s",
        (upto, channel, upto),
    )


def _in_utc(row: Row) -> Row:
    return {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in row.items()}
