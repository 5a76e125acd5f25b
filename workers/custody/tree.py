"""The tree's tiles in PostgreSQL: read what a proof needs in one query, write what an append changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from workers.custody.merkle import Hashes
from workers.custody.tiles import Edge, Place, hashes_from, needed
from workers.database.engine import Connection, Database, fetch

T = TypeVar("T")


async def load_edge(connection: Connection, size: int) -> Edge:
    """The right edge of the tree of `size`, ready to grow."""
    return Edge(size, await read_tiles(connection, Edge.needed(size)))


async def write_tiles(connection: Connection, changed: Mapping[Place, bytes]) -> None:
    """Store the tiles that an append changed, partial ones too."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO custody_tiles VALUES (%s, %s, %s)"
            " ON CONFLICT (level, number) DO UPDATE SET hashes = EXCLUDED.hashes",
            [(level, number, hashes) for (level, number), hashes in changed.items()],
        )


async def answer(database: Database, question: Callable[[Hashes], T]) -> T:
    """Answer a question about the tree, such as `lambda h: inclusion_path(index, size, h)`, with one query."""
    async with database.connection() as connection:
        return question(hashes_from(await read_tiles(connection, needed(question))))


async def read_tiles(connection: Connection, places: Iterable[Place]) -> dict[Place, bytes]:
    """The tiles that are there, each as wide as the newest tree has it."""
    wanted = list(places)
    rows = await fetch(
        connection,
        "SELECT level, number, hashes FROM custody_tiles JOIN unnest(%s::smallint[], %s::bigint[])"
        " AS wanted (level, number) USING (level, number)",
        ([level for level, _ in wanted], [number for _, number in wanted]),
    )
    return {(row["level"], row["number"]): bytes(row["hashes"]) for row in rows}
