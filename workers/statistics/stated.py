"""A month's figures as they are stated: at one sealed checkpoint, each with the digest of its query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct

from workers.custody.queries import SealedHead
from workers.database.engine import Database
from workers.statistics.areas import Areas
from workers.statistics.asking import Answers, ask
from workers.statistics.counting import FOLD_SHA256, count
from workers.statistics.figures import FIGURES, Figure
from workers.statistics.months import Month
from workers.statistics.suppression import FEWEST
from workers.statistics.tables import Place, Table, tables


class Query(Struct, frozen=True):
    """What was asked.

    Attributes:
        sql: name of the file; sha256: its digest.
    """

    figure: str
    title: str
    counts: str
    unit: str
    sql: str
    sha256: str


class Stated(Struct, frozen=True):
    """A month's figures. Everything here may be published.

    Attributes:
        month: "2026-10"; since, until: its first midnight and that of the next, by the clocks of England and Wales.
        size, root, sealed_at, checkpoint: of the custody log's signed head that the figures were made at; root in hex.
        fold_sha256, areas_sha256: digests of what else made the numbers: fold.sql and the docks' areas.
        fewest: below this number a figure is withheld.
    """

    month: str
    since: str
    until: str
    size: int
    root: str
    sealed_at: datetime
    checkpoint: str
    fold_sha256: str
    areas_sha256: str
    fewest: int
    queries: tuple[Query, ...]
    tables: tuple[Table, ...]

    @property
    def unfinished(self) -> bool:
        """Whether the month was not over at the checkpoint: more came to be counted later."""
        return self.sealed_at < datetime.fromisoformat(self.until)

    def table(self, figure: str) -> Table:
        """The table of a figure."""
        return next(one for one in self.tables if one.figure == figure)

    def query(self, figure: str) -> Query:
        """What was asked for a figure."""
        return next(one for one in self.queries if one.figure == figure)


async def state(
    database: Database, head: SealedHead, month: Month, areas: Areas, *, told: Callable[[int], None] = lambda done: None
) -> Stated:
    """Count the log up to a sealed checkpoint and state a month's figures; all of them, since what is withheld in one
    depends on the others.

    Args:
        told: gets the number of entries counted, where some still had to be.
    """
    return publishable(await answers(database, head, month, areas, FIGURES, told=told), head, month, areas)


async def answers(
    database: Database,
    head: SealedHead,
    month: Month,
    areas: Areas,
    figures: Sequence[Figure],
    *,
    told: Callable[[int], None] = lambda done: None,
) -> Answers:
    """The figures' rows from the present database at a sealed checkpoint, before anything is withheld."""
    await count(database, head.size, told=told)
    async with database.connection() as connection:
        return await ask(connection, figures, month, head.size, areas)


def publishable(asked: Answers, head: SealedHead, month: Month, areas: Areas) -> Stated:
    """What may be published of all figures' rows. Pure."""
    return Stated(
        month=month.name,
        since=month.since.isoformat(),
        until=month.until.isoformat(),
        size=head.size,
        root=head.root.hex(),
        sealed_at=head.sealed_at,
        checkpoint=head.checkpoint,
        fold_sha256=FOLD_SHA256,
        areas_sha256=areas.sha256,
        fewest=FEWEST,
        queries=tuple(
            Query(one.name, one.title, one.header("Counts"), one.header("Unit"), f"{one.name}.sql", one.sha256)
            for one in FIGURES
        ),
        tables=tables(FIGURES, asked),
    )


def csv_rows(stated: Stated, by: str = "all") -> list[tuple[str, ...]]:
    """The figures as rows of a CSV file, its header first.

    Args:
        by: "force", "bcu", "borough", or "all" for all three.
    """
    rows: list[tuple[str, ...]] = [
        ("month", "figure", "sha256", "size", "root", "bcu", "borough", "measure", "says", "number")
    ]
    for table in stated.tables:
        query = stated.query(table.figure)
        for place in places(table, by):
            rows += [
                (stated.month, table.figure, query.sha256, str(stated.size), stated.root, place.bcu, place.borough,
                 line.measure, line.says, "withheld" if line.number is None else str(line.number))
                for line in place.lines
            ]  # fmt: skip
    return rows


def places(table: Table, by: str) -> tuple[Place, ...]:
    """The areas of a table that are asked for; of one that is not told by area, the force."""
    chosen = {"force": (table.force,), "bcu": table.bcus(), "borough": table.boroughs()}
    return chosen.get(by, table.places) or (table.force,)
