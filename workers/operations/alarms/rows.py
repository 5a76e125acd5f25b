"""What stands open, what was told, and when somebody last looked; written by the stage alarms, and by whoever
acknowledges an alarm."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from workers.database.engine import Connection, Database, Row, execute, fetch
from workers.operations.alarms.judge import Judged, Kind, Past, Standing, Telling
from workers.operations.alarms.limits import REMEMBERED
from workers.operations.alarms.table import BY_NAME, NOW, TICKET

STALE = 120.0
"""Seconds without a judgement after which nobody would be told of anything: twelve rounds."""


class Open(Struct, frozen=True):
    """An alarm of one subject as people are shown it.

    Attributes:
        title, do, severity: from the table; of an alarm that it no longer has, its name and empty.
        runbook: anchor of its page in docs/runbook.md.
        fired_at: when it was told; None: it has not lasted long enough, or is held back.
        behind: the alarm from which it follows, and which holds it back.
        over: it is not seen any more, and is over if it stays so.
        acknowledged_by: who has it in hand; None: nobody.
    """

    alarm: str
    subject: str
    title: str
    says: str
    do: str
    severity: str
    runbook: str
    since: datetime
    fired_at: datetime | None
    behind: str | None
    over: bool
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    acknowledged_reason: str | None


class Rounds(Struct, frozen=True):
    """When the alarms were judged last.

    Attributes:
        judged_at: None: never.
        ago: seconds since then by the database's clock; None: never.
    """

    judged_at: datetime | None = None
    ago: float | None = None

    @property
    def stale(self) -> bool:
        """Nobody would be told of anything now."""
        return self.ago is None or self.silent

    @property
    def silent(self) -> bool:
        """The same, where somebody has judged before: a system that has just started has not yet."""
        return self.ago is not None and self.ago > STALE


async def read_standing(connection: Connection) -> list[Standing]:
    """What stands; nobody else judges until the caller's transaction ends, be it a process that lost its turn."""
    await _alone(connection)
    rows = await fetch(connection, "SELECT alarm, subject, since, says, fired_at, quiet_since, behind FROM alarms")
    return [Standing(**in_utc(row)) for row in rows]


async def read_past(connection: Connection, now: datetime) -> list[Past]:
    """What was told within the last hour."""
    rows = await fetch(
        connection,
        "SELECT alarm, subject, count(*) FILTER (WHERE kind = 'over') AS overs,"
        " max(at) FILTER (WHERE kind = 'fired') AS fired FROM alarm_tellings WHERE at > %s GROUP BY alarm, subject",
        (now - REMEMBERED,),
    )
    return [Past(**in_utc(row)) for row in rows]


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
                "INSERT INTO alarms (alarm, subject, since, says, fired_at, quiet_since, behind)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (alarm, subject) DO UPDATE SET since = excluded.since, says = excluded.says,"
                " fired_at = excluded.fired_at, quiet_since = excluded.quiet_since, behind = excluded.behind",
                (one.alarm, one.subject, one.since, one.says, one.fired_at, one.quiet_since, one.behind),
            )
    for telling in judged.tellings:
        await _tell(connection, telling)
    await execute(
        connection,
        "INSERT INTO alarm_rounds (judged_at) VALUES (now()) ON CONFLICT (one) DO UPDATE SET judged_at = now()",
    )


async def acknowledge(
    database: Database, alarm: str, person: str, reason: str, now: datetime, *, subject: str | None = None
) -> int:
    """Note who has an alarm in hand, and tell the others; it stands until it is over all the same.

    Args:
        person: who is sure to be who they say.
        subject: one of it; None: all that were told and nobody has in hand yet.

    Returns:
        How many subjects that were; 0: none stands.
    """
    async with database.transaction() as connection:
        await _alone(connection)
        rows = await fetch(
            connection,
            "UPDATE alarms SET acknowledged_by = %(person)s, acknowledged_at = %(now)s, acknowledged_reason = %(why)s"
            " WHERE alarm = %(alarm)s AND fired_at IS NOT NULL AND (subject = %(subject)s OR"
            " %(subject)s::text IS NULL AND acknowledged_by IS NULL) RETURNING subject, since",
            {"person": person, "now": now, "why": reason, "alarm": alarm, "subject": subject},
        )
        for row in rows:
            says = f"{person} has it in hand: {reason}"
            since = row["since"].astimezone(UTC)
            await _tell(connection, Telling(Kind.ACKNOWLEDGED, alarm, row["subject"], says, since, now))
    return len(rows)


async def _alone(connection: Connection) -> None:
    """One at a time: so that nothing is judged twice, and tellings commit in the order of their numbers."""
    await execute(connection, "LOCK TABLE alarms IN SHARE ROW EXCLUSIVE MODE")


async def _tell(connection: Connection, telling: Telling) -> None:
    await execute(
        connection,
        "INSERT INTO alarm_tellings (kind, alarm, subject, says, since, at) VALUES (%s, %s, %s, %s, %s, %s)",
        (telling.kind.value, telling.alarm, telling.subject, telling.says, telling.since, telling.at),
    )


# -- what people are shown -------------------------------------------------------------------------------------


async def read_open(database: Database, *, told: bool = True) -> tuple[Open, ...]:
    """What stands, the most pressing first and within that the oldest.

    Args:
        told: only what people were told of; otherwise also what is held back or has not lasted long enough.
    """
    rows = await database.fetch(
        "SELECT alarm, subject, says, since, fired_at, behind, quiet_since IS NOT NULL AS over, acknowledged_by,"
        " acknowledged_at, acknowledged_reason FROM alarms"
        + (" WHERE fired_at IS NOT NULL" if told else "")
        + " ORDER BY fired_at IS NULL, since, alarm, subject"
    )
    shown = [_open(in_utc(row)) for row in rows]
    return tuple(sorted(shown, key=lambda one: (one.fired_at is None, one.severity != NOW)))


def _open(row: Row) -> Open:
    alarm = BY_NAME.get(row["alarm"])
    return Open(
        **row,
        title=alarm.title if alarm else row["alarm"],
        do=alarm.do if alarm else "",
        severity=alarm.severity if alarm else TICKET,
        runbook=row["alarm"],
    )


async def read_rounds(database: Database) -> Rounds:
    """When the alarms were judged last."""
    row = await database.fetch_one(
        "SELECT judged_at, extract(epoch FROM clock_timestamp() - judged_at)::float AS ago FROM alarm_rounds"
    )
    return Rounds(**in_utc(row)) if row else Rounds()


async def read_told(database: Database, most: int) -> tuple[Telling, ...]:
    """What was told last, the newest first."""
    rows = await database.fetch(
        "SELECT kind, alarm, subject, says, since, at FROM alarm_tellings ORDER BY id DESC LIMIT %s", (most,)
    )
    return tuple(telling_of(row) for row in rows)


def telling_of(row: Row) -> Telling:
    """A telling from its row."""
    return Telling(**in_utc({**row, "kind": Kind(row["kind"])}))


def in_utc(row: Row) -> Row:
    """The row with its times in UTC."""
    return {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in row.items()}
