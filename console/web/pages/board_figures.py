"""Everything that the board shows, as one value: what pages draw, and what the JSON API gives."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from streams.dead_letters import DeadLetter
from workers.operations.board import bays, pipeline
from workers.operations.board.alarms import Raised
from workers.operations.board.counts import Capacity, Counts, Totals
from workers.operations.board.deadlines import Deadline
from workers.operations.board.docks import Dock
from workers.operations.board.first import Down, Task
from workers.operations.board.reconciling import Reconciled
from workers.operations.lag.figures import StageLag


class Letter(Struct, frozen=True):
    """A dead letter without what it carries.

    Attributes:
        id: `<stage>/<partition>/<offset>` in the stage's dead letters.
        error: class of the fault; message: why, for people.
        came_from: topic, partition and offset of the message.
        time: when it was buried, ISO 8601.
        do: what sends it again once its cause is mended.
    """

    id: str
    stage: str
    error: str
    message: str
    attempts: int
    came_from: str
    time: str
    do: str


class Letters(Struct, frozen=True):
    """Dead letters that nobody has redriven: how many, and the first of them."""

    count: int
    listed: tuple[Letter, ...]


def told(letter: DeadLetter) -> Letter:
    """A letter as it may be shown."""
    came_from = f"{letter.origin_topic}/{letter.origin_partition}/{letter.origin_offset}"
    return Letter(letter.id, letter.stage, letter.error, letter.message, letter.attempts, came_from, letter.time,
                  f"bwv dead-letters redrive {letter.id}")  # fmt: skip


class Asked(Struct, frozen=True):
    """When each group of figures was asked; None: it never answered yet.

    Attributes:
        rows: counts, pipeline, alarms, deadlines, reconciliation.
        lag: what Kafka says of the stages.
        letters: dead letters.
        uncategorised: how many clips nobody has categorised.
        totals: what lies in the store, and its room.
    """

    rows: datetime | None
    lag: datetime | None
    letters: datetime | None
    uncategorised: datetime | None
    totals: datetime | None


class Board(Struct, frozen=True):
    """Everything that the board shows, at one time; sizes in bytes, lengths of time in seconds.

    Attributes:
        at: of the docks' pictures; the other figures are of the times in `asked`.
        unverified: age of the oldest clip that is not verified; None: there is none.
        first: what must be done first.
        uncategorised, letters, totals, room: None until they were asked for the first time.
        away: parts that did not answer just now, each with why; their figures are the last there were.
    """

    at: datetime
    asked: Asked
    docks: tuple[Dock, ...]
    summary: bays.Summary
    steps: tuple[pipeline.Step, ...]
    outlook: pipeline.Outlook
    pace: pipeline.Pace
    unverified: float | None
    counts: Counts
    deadlines: tuple[Deadline, ...]
    reconciled: Reconciled
    down: tuple[Down, ...]
    alarms: tuple[Raised, ...]
    first: tuple[Task, ...]
    lags: tuple[StageLag, ...] = ()
    uncategorised: int | None = None
    letters: Letters | None = None
    totals: Totals | None = None
    room: Capacity | None = None
    away: tuple[str, ...] = ()
