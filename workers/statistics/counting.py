"""Counts the custody log: folds its entries, once each and in order, into the tables that figures read.

The fold is SQL (`fold.sql`, published with the figures) and reads nothing but the log, so the same log gives the same
tables whenever it is counted, and wherever: in the database, or from the bundles in the vault.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from workers.database.engine import Connection, Database, execute, fetch
from workers.errors import RuleBroken

HERE = Path(__file__).parent

SLICE = 50_000
"""Entries that are counted in one transaction."""

FOLD = (HERE / "fold.sql").read_text(encoding="utf-8")
FOLD_SHA256 = hashlib.sha256(FOLD.encode()).hexdigest()

Told = Callable[[int], None]


async def count(database: Database, size: int, *, told: Told = lambda done: None, most: int | None = None) -> int:
    """Count the log up to its first `size` entries; what is counted already is passed over.

    Args:
        told: gets the number of entries counted.
        most: slices that are counted now; None: all.

    Returns:
        How many entries are counted now; less than `size` only where `most` ended it.

    Raises:
        RuleBroken: the log has fewer entries.
    """
    done, slices = await counted(database), 0
    while done < size and (most is None or slices < most):
        async with database.transaction() as connection:
            done = await _slice(connection, size)
        slices += 1
        told(done)
    return done


async def count_sealed(database: Database, *, most: int | None = None) -> int:
    """Count what is sealed, so that figures of the newest checkpoint are ready; as `count`."""
    row = await database.fetch_one("SELECT max(size) AS size FROM custody_seals WHERE sealed_at IS NOT NULL")
    size = row["size"] if row else None
    return 0 if size is None else await count(database, size, most=most)


async def counted(database: Database) -> int:
    """How many entries are counted."""
    row = await database.fetch_one("SELECT size FROM counted_upto")
    return int(row["size"]) if row else 0


async def _slice(connection: Connection, size: int) -> int:
    """One slice on from where the count stands, whoever brought it there."""
    start = (await fetch(connection, "SELECT size FROM counted_upto FOR UPDATE"))[0]["size"]
    end = min(size, start + SLICE)
    if end <= start:
        return int(start)
    [log] = await fetch(connection, "SELECT size FROM custody_head")
    if log["size"] < end:
        raise RuleBroken(f"the custody log has {log['size']} entries, {size} were to be counted: run: bwv rebuild")
    for statement in statements(FOLD):
        await execute(connection, with_numbers(statement, {"from": start, "to": end}))
    await execute(connection, "UPDATE counted_upto SET size = %s", (end,))
    return int(end)


def statements(text: str) -> list[str]:
    """The statements of an SQL file, each ended by a semicolon at the end of a line."""
    return [part for part in text.split(";\n") if part.strip()]


def with_numbers(text: str, values: dict[str, int]) -> str:
    """Put whole numbers in the place of psql's variables (`:size`), as psql would with --set."""
    for name, value in values.items():
        text = text.replace(f":{name}", str(int(value)))
    return text
