"""What the database says of the lag: work left in clips and bytes, the outbox, what is on record, who is there."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from workers.database.engine import Database
from workers.database.locks import lock_of
from workers.operations.lag.history import Members, Place


class Load(Struct, frozen=True):
    """What of a stage's work is left, as the rows of the clips say.

    Attributes:
        bytes: as the docks declared and signed them.
    """

    clips: int = 0
    bytes: int = 0


WORK = {
    "transfer": "standing = 'registered' AND NOT interrupted",
    "verification": "standing = 'secured'",
    "release": "standing = 'verified'",
    "disposal": "disposal = 'committed'",
}
"""Stage → the clips that it still has to work on. An interrupted transfer waits for its dock, not for the stage.
Partial indexes answer each of them: what it costs grows with what waits, never with what is stored. The size stands in
the row itself, as looking up tens of thousands of them elsewhere takes a second; where it does not, it is looked up."""

_LEFT = " UNION ALL ".join(
    f"SELECT '{stage}' AS stage, count(*) AS clips, COALESCE(sum(COALESCE(f.declared_size,"
    " (SELECT d.size FROM declared d WHERE d.clip_id = f.clip_id))), 0)::bigint AS bytes"
    f" FROM clip_fate f WHERE {condition}"
    for stage, condition in WORK.items()
)


async def work_left(database: Database) -> dict[str, Load]:
    """Clips and bytes that each stage of WORK still has before it.

    Raises:
        DatabaseAway: PostgreSQL does not answer.
    """
    return {row["stage"]: Load(row["clips"], row["bytes"]) for row in await database.fetch(_LEFT)}


class Outbox(Struct, frozen=True):
    """What was decided and not yet published.

    Attributes:
        first: number of the oldest such event.
        oldest: when it was decided, seconds since 1970 by the database's clock.
    """

    unsent: int = 0
    first: int = 0
    oldest: float | None = None

    def as_place(self) -> Place:
        """The same as the relay's one partition."""
        return Place("outbox", 0, None, self.first, self.first + self.unsent, oldest=self.oldest)


async def outbox(database: Database) -> Outbox:
    """What waits for the relay.

    Raises:
        DatabaseAway: PostgreSQL does not answer.
    """
    row = await database.fetch_one(
        "SELECT count(*) AS unsent, COALESCE(min(id), 0) AS first, extract(epoch FROM min(time))::float AS oldest"
        " FROM outbox WHERE sent_at IS NULL"
    )
    return Outbox(**row) if row else Outbox()


async def recorded(database: Database) -> dict[tuple[str, int], int]:
    """Topic without the namespace, and partition → next offset that record will write.

    Raises:
        DatabaseAway: PostgreSQL does not answer.
    """
    rows = await database.fetch("SELECT topic, partition, next_offset FROM record_offsets")
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def locks_held(database: Database, stages: Iterable[str]) -> dict[str, Members]:
    """Which of the stages that work one at a time are there: they hold a lock for as long as they live.

    Raises:
        DatabaseAway: PostgreSQL does not answer.
    """
    rows = await database.fetch(
        "SELECT objid::bigint AS number FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 0"
        " AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    held = {row["number"] for row in rows}
    return {stage: Members.THERE if lock_of(database.schema, stage) in held else Members.NOBODY for stage in stages}


class Rows(Struct, frozen=True):
    """All of it at one time."""

    left: dict[str, Load]
    outbox: Outbox
    recorded: dict[tuple[str, int], int]
    locks: dict[str, Members]


async def read_rows(database: Database, one_at_a_time: Iterable[str]) -> Rows:
    """Ask for all of it.

    Args:
        one_at_a_time: the stages of which one process works, and holds a lock.

    Raises:
        DatabaseAway: PostgreSQL does not answer.
    """
    return Rows(
        await work_left(database),
        await outbox(database),
        await recorded(database),
        await locks_held(database, one_at_a_time),
    )
