"""Makes a dry run: every clip's dates under the policy in force and under the proposed one.

The rows are read from end to end, each processor a range of ids in a process of its own, since the arithmetic and
not the database takes the time. What the clips have in common is chosen once for each combination
of kind, standing and facts.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, ProcessPoolExecutor, ThreadPoolExecutor, wait
from datetime import datetime
from multiprocessing.context import SpawnContext
from multiprocessing.sharedctypes import Synchronized
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from workers.database.engine import Database, execute, fetch_plain
from workers.fate.moves import Standing
from workers.footage.recording import Kind, Report, SourceType
from workers.keys.signing import Signed
from workers.retention.choice import Choice, choose
from workers.retention.clips import clip_from
from workers.retention.dryrun import INCIDENTS_LISTED, SHORTENS, DryRun, Looked, Tally, added_up
from workers.retention.facts import Fact, HoldReason
from workers.retention.policy import Policy, parse
from workers.retention.reckoning import reckon

SLICE = 5_000
"""Rows read together; memory is some times this, whatever the number of clips."""

FEW = 50_000
"""Clips below which starting processes takes longer than they save."""

CHOICES_KEPT = 10_000
"""Combinations of kind, standing and facts that are remembered; few clips share a person's very sentence."""

TOLD_EVERY = 0.5
"""Seconds."""
FIRST_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
"""Of clip ids behind `clip-`, in the order of the alphabet (RFC 4648 base 32 in lower case)."""


class Read(NamedTuple):
    """One clip's row, in the order of `READ`.

    Attributes:
        report: the signed report, where schedule or catalogue do not know of the clip yet.
    """

    clip_id: str
    standing: str
    facts: str
    holds: list[str]
    recorded_at: datetime | None
    docked_at: datetime
    size: int
    source_type: str
    incident: str | None
    kind: str
    report: Any


BEHIND_ALL = f"clip-{'z' * 33}"
"""Greater than every id."""

READ = (
    "DECLARE rehearsed NO SCROLL CURSOR FOR"
    " SELECT f.clip_id, f.standing, f.facts::text, f.hold_reasons, s.recorded_at, s.docked_at, s.size,"
    " s.source_type, s.incident, c.kind, CASE WHEN s.clip_id IS NULL OR c.kind IS NULL THEN f.report END"
    " FROM clip_fate f"
    " LEFT JOIN schedule s ON s.clip_id = f.clip_id AND s.clip_id > %(after)s AND s.clip_id < %(before)s"
    " LEFT JOIN clips c ON c.clip_id = f.clip_id AND c.clip_id > %(after)s AND c.clip_id < %(before)s"
    " WHERE f.clip_id > %(after)s AND f.clip_id < %(before)s"
    " AND (f.disposal IS NULL OR f.disposal = 'intended')"
)

WHOLE = ("SET LOCAL work_mem = '64MB'", "SET LOCAL cursor_tuple_fraction = 1.0")
"""The tables are joined once from end to end, each process its own part of each; with PostgreSQL's defaults it is done
in many small portions, and planned as if only the first rows were wanted."""

CASE = f"{HoldReason.CASE.value}/"


class Part(Struct, frozen=True):
    """One range of clip ids, and what the process that counts it needs to know.

    Attributes:
        present: text and version of the policy in force.
        after, before: ids outside the range on either side.
    """

    dsn: str
    schema: str
    present: tuple[str, int] | None
    proposed: tuple[str, int]
    at: datetime
    after: str
    before: str


async def rehearse(
    database: Database,
    present: Policy | None,
    proposed: Policy,
    *,
    at: datetime,
    by: str,
    told: Callable[[int], None] = lambda done: None,
    processes: int | None = None,
) -> DryRun:
    """Make a dry run of a policy over every clip that is not disposed of.

    Args:
        present: the policy in force; None before the first: then nothing goes.
        at: the moment for which "at once" is meant.
        by: who makes it.
        told: is told how many clips are done.
        processes: that count at the same time; as many as there are processors if not given.
    """
    count = await clips_to_rehearse(database)
    texts = (present.toml, present.version) if present else None
    parts = [
        Part(database.dsn, database.schema, texts, (proposed.toml, proposed.version), at, after, before)
        for after, before in _ranges(1 if count < FEW else processes or os.cpu_count() or 1)
    ]
    return _result(await asyncio.to_thread(_all, parts, told), present, proposed, at, by)


async def clips_to_rehearse(database: Database) -> int:
    """How many clips a dry run looks at."""
    row = await database.fetch_one(
        "SELECT count(*) AS clips FROM clip_fate WHERE disposal IS NULL OR disposal = 'intended'"
    )
    return int(row["clips"]) if row else 0


def _ranges(parts: int) -> list[tuple[str, str]]:
    """Ranges of ids with about as many clips each: ids are digests."""
    letters = len(FIRST_LETTERS)
    starts = [f"clip-{FIRST_LETTERS[part * letters // parts]}" for part in range(1, min(parts, letters))]
    return list(zip(["", *starts], [*starts, BEHIND_ALL], strict=True))


def _all(parts: list[Part], told: Callable[[int], None]) -> Tally:
    total = Tally()
    processes = multiprocessing.get_context("spawn")
    done = processes.Value("q", 0)
    with _pool(len(parts), processes, done) as pool:
        pending = {pool.submit(count_part, part) for part in parts}
        while pending:
            finished, pending = wait(pending, timeout=TOLD_EVERY, return_when=FIRST_COMPLETED)
            told(done.value)
            for future in finished:
                total.merge(future.result())
    return total


def _pool(parts: int, processes: SpawnContext, done: Synchronized[int]) -> Executor:
    if parts == 1:
        return ThreadPoolExecutor(1, initializer=_count_into, initargs=(done,))
    return ProcessPoolExecutor(parts, processes, initializer=_count_into, initargs=(done,))


_counting = threading.local()
"""Where this worker adds up how many clips are done."""


def _count_into(done: Synchronized[int]) -> None:
    _counting.done = done


def count_part(part: Part) -> Tally:
    """Count one range; runs in a process or thread of its own."""
    return asyncio.run(_counted(part, _counting.done))


async def _counted(part: Part, done: Synchronized[int]) -> Tally:
    count = _Counting(parse(*part.present) if part.present else None, parse(*part.proposed), part.at)
    async with Database(part.dsn, part.schema, size=1, wait=30) as database, database.transaction() as connection:
        for setting in WHOLE:
            await execute(connection, setting)
        await execute(connection, READ, {"after": part.after, "before": part.before})
        while rows := await fetch_plain(connection, f"FETCH {SLICE} FROM rehearsed"):
            for row in rows:
                count.add(Read(*row))
            with done.get_lock():
                done.value += len(rows)
    return count.tally


class _Counting:
    """Reckons clip after clip under both policies."""

    def __init__(self, present: Policy | None, proposed: Policy, at: datetime) -> None:
        self.tally = Tally()
        self._present = present
        self._proposed = proposed
        self._at = at
        self._choices: dict[tuple[str, str, str, str], tuple[Choice | None, Choice]] = {}

    def add(self, row: Read) -> None:
        """Count one clip's row."""
        if row.report is not None:
            row = _declared(row)
        clip_id, _, _, holds, recorded_at, docked_at, size, _, incident, _, _ = row
        present, proposed = self._chosen(row)
        now = None
        if self._present is not None and present is not None:
            now = (present, reckon(present, recorded_at, docked_at, self._present))
        then = (proposed, reckon(proposed, recorded_at, docked_at, self._proposed))
        case_held = bool(holds) and any(entry.startswith(CASE) for entry in holds)
        self.tally.add(Looked(clip_id, size, incident, bool(holds), case_held, now, then), self._at)

    def _chosen(self, row: Read) -> tuple[Choice | None, Choice]:
        key = (row.source_type, row.kind, row.standing, row.facts)
        found = self._choices.get(key)
        if found is None:
            if len(self._choices) >= CHOICES_KEPT:
                self._choices.clear()
            facts = msgspec.json.decode(row.facts, type=tuple[Fact, ...])
            kinds = (SourceType(row.source_type), Kind(row.kind), Standing(row.standing))
            present = choose(*kinds, facts, self._present) if self._present else None
            found = self._choices[key] = (present, choose(*kinds, facts, self._proposed))
        return found


def _declared(row: Read) -> Read:
    """From the signed report what schedule or catalogue do not know of the clip yet."""
    signed = msgspec.convert(row.report, Signed)
    report = msgspec.json.decode(signed.body, type=Report)
    clip = clip_from(row.clip_id, report, Standing(row.standing))
    return row._replace(
        recorded_at=clip.recorded_at,
        docked_at=clip.docked_at,
        size=row.size if row.size is not None else report.recording.size,
        source_type=clip.source_type.value,
        kind=clip.kind.value,
        incident=clip.incident,
    )


def _result(total: Tally, present: Policy | None, proposed: Policy, at: datetime, by: str) -> DryRun:
    shortened = list(added_up(total.lines, SHORTENS))
    incidents, case_incidents = total.incidents()
    return DryRun(
        policy=proposed.name,
        policy_sha256=proposed.sha256,
        version=proposed.version,
        against=present.version if present else 0,
        for_trial=proposed.for_trial,
        made_at=at,
        made_by=by,
        clips=total.clips,
        size=total.size,
        held=total.held,
        shortened=sum(line.clips for line in shortened),
        shortened_size=sum(line.size for line in shortened),
        lines=total.lines,
        months=total.months,
        first_clips=total.first_clips,
        incidents=len(incidents),
        case_incidents=case_incidents,
        incident_list=tuple(incidents[:INCIDENTS_LISTED]),
    )
