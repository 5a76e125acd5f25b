"""How far behind a stage is: in messages, clips, bytes and seconds, and when that is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from workers.database.engine import Database
from workers.operations.lag.history import Looks, Members, Place
from workers.operations.lag.verdict import Shows, Verdict, judge

TREND_OVER = 120.0
"""Seconds of looks from which the end of a backlog is reckoned."""
TREND_LEAST = 5.0
"""Seconds that two looks must be apart for that."""


class Load(Struct, frozen=True):
    """What of a stage's work is left, as the rows of the clips say.

    Attributes:
        bytes: as the docks declared and signed them.
    """

    clips: int = 0
    bytes: int = 0


class StageLag(Struct, frozen=True, kw_only=True):
    """What people are shown of one stage.

    Attributes:
        at: when this was seen, seconds since 1970.
        reasons: why the verdict is not OK, and what else a person should know.
        since: from when on the verdict holds, as far as the looks reach.
        messages: that wait; a message counts until its offset is committed, as for Kafka's own tools.
        gone: messages that the broker deleted before they were committed. Kafka's tools count them as lag.
        clips, bytes: what is left of its work; None for a stage whose work is not counted in clips.
        seconds: age of the oldest message that waits; 0.0 when none does.
        rate: bytes a second that it moves now.
        over_in: seconds until nothing waits, if it goes on as in the last two minutes; 0.0 when nothing waits, None
            when no end is in sight.
        places: the partitions in which something waits or is gone.
    """

    stage: str
    at: float
    verdict: Verdict
    reasons: tuple[str, ...]
    since: float | None
    messages: int
    gone: int
    clips: int | None
    bytes: int | None
    seconds: float
    rate: float
    over_in: float | None
    members: Members
    places: tuple[Place, ...]

    @property
    def wants_a_person(self) -> bool:
        """Whether somebody should look."""
        return self.verdict is not Verdict.OK or self.gone > 0


def stage_lag(stage: str, looks: Looks, shows: Shows = Shows.COMMITS) -> StageLag:
    """The figures and the verdict of one stage.

    Args:
        looks: at least one, oldest first.
        shows: how this stage shows that it works.
    """
    newest, finding = looks[-1], judge(looks, shows)
    return StageLag(
        stage=stage,
        at=newest.at,
        verdict=finding.verdict,
        reasons=finding.reasons,
        since=finding.since,
        messages=newest.messages,
        gone=sum(place.gone for place in newest.places),
        clips=newest.clips,
        bytes=newest.bytes,
        seconds=newest.seconds,
        rate=newest.rate,
        over_in=over_in(looks),
        members=newest.members,
        places=tuple(place for place in newest.places if place.messages or place.gone),
    )


def over_in(looks: Looks) -> float | None:
    """Seconds until nothing waits; 0.0 when nothing does, None when no end is in sight.

    By bytes where the stage moves some now, since clips differ by a thousand times in size; else by messages.
    """
    newest = looks[-1]
    if not newest.messages:
        return 0.0
    if newest.bytes is not None and newest.rate > 0:
        return max(0, newest.bytes - newest.done) / newest.rate
    first = next(look for look in looks if look.at >= newest.at - TREND_OVER)
    seconds, fewer = newest.at - first.at, first.messages - newest.messages
    if seconds < TREND_LEAST or fewer <= 0:
        return None
    return newest.messages * seconds / fewer


WORK = {
    "transfer": "standing = 'registered' AND NOT interrupted",
    "verification": "standing = 'secured'",
    "release": "standing = 'verified'",
    "disposal": "disposal = 'committed'",
}
"""Stage → the clips that it still has to work on. An interrupted transfer waits for its dock, not for the stage.
Partial indexes answer each of them: what it costs grows with what waits, never with what is stored."""

_LEFT = " UNION ALL ".join(
    f"SELECT '{stage}' AS stage, count(*) AS clips, COALESCE(sum(d.size), 0)::bigint AS bytes"
    f" FROM clip_fate f JOIN declared d USING (clip_id) WHERE {condition}"
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


async def locks_held(database: Database, numbers: Mapping[str, int]) -> dict[str, Members]:
    """Which of the processes that work one at a time are there: they hold a lock for as long as they live.

    Args:
        numbers: name → number of its advisory lock, below 2^32.

    Raises:
        DatabaseAway: PostgreSQL does not answer.
    """
    rows = await database.fetch(
        "SELECT objid::bigint AS number FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 0"
        " AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    held = {row["number"] for row in rows}
    return {name: Members.THERE if number in held else Members.NOBODY for name, number in numbers.items()}


def gravest_first(lags: Iterable[StageLag]) -> tuple[StageLag, ...]:
    """The gravest first, then the one whose messages have waited longest."""
    grave = list(Verdict)
    return tuple(sorted(lags, key=lambda lag: (grave.index(lag.verdict), -lag.seconds, lag.stage)))
