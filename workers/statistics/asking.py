"""Asks figures of one namespace's tables, at one size of its custody log."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, execute, fetch
from workers.statistics.areas import Areas
from workers.statistics.counting import with_numbers
from workers.statistics.figures import Figure
from workers.statistics.months import Month


class Counted(Struct, frozen=True, order=True):
    """One row of a figure's answer, before anything is withheld.

    Attributes:
        behind: how many persons, cases or events stand behind the number.
    """

    bcu: str
    borough: str
    measure: str
    number: int
    behind: int


Answers = dict[str, tuple[Counted, ...]]
"""Figure's name → its rows, sorted."""


async def ask(connection: Connection, figures: Iterable[Figure], month: Month, size: int, areas: Areas) -> Answers:
    """Ask each figure.

    Args:
        connection: of a schema that is counted up to `size`, or further.
        size: entries of the custody log that count.
    """
    async with connection.transaction():
        # Figures join and group the clips of a month: they fit into this, and then nothing is written to a disk.
        await execute(connection, "SET LOCAL work_mem = '64MB'")
        await execute(connection, "DROP TABLE IF EXISTS pg_temp.areas")
        await execute(connection, "CREATE TEMP TABLE areas (dock text PRIMARY KEY, bcu text, borough text)")
        docks, bcus, boroughs = ([row[n] for row in areas.rows] for n in range(3))
        await execute(
            connection,
            "INSERT INTO areas SELECT * FROM unnest(%s::text[], %s::text[], %s::text[])",
            (docks, bcus, boroughs),
        )
        await execute(connection, "ANALYZE areas")
        return {figure.name: await _answer(connection, figure, month, size) for figure in figures}


def statement(figure: Figure, month: Month, size: int) -> str:
    """The figure's SQL with the values that psql would put in: `:size`, `:'since'`, `:'until'`."""
    text = with_numbers(figure.sql, {"size": size})
    for name, moment in (("since", month.since), ("until", month.until)):
        text = text.replace(f":'{name}'", f"'{moment.isoformat()}'")
    return text


async def _answer(connection: Connection, figure: Figure, month: Month, size: int) -> tuple[Counted, ...]:
    rows = await fetch(connection, statement(figure, month, size))
    return tuple(sorted(msgspec.convert({**row, "behind": row.get("behind", row["number"])}, Counted) for row in rows))
