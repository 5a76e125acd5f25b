"""Whether the log in the database extends what was signed before: asked before anything is appended."""

from __future__ import annotations

from collections.abc import Iterable

from workers.custody.checkpoint import Checkpoint
from workers.custody.merkle import root
from workers.custody.tree import answer
from workers.database.engine import Database
from workers.errors import LogForked


async def check_extends(database: Database, checkpoints: Iterable[tuple[str, Checkpoint]]) -> None:
    """Raise LogForked unless the log contains every one of these checkpoints.

    Args:
        checkpoints: where each was found, and what it says; its signature has been checked.
    """
    head = await database.fetch_one("SELECT size FROM custody_head")
    size = head["size"] if head else 0
    for place, checkpoint in checkpoints:
        if checkpoint.size > size:
            raise LogForked(
                f"the custody log in the database has {size} entries, the checkpoint {place} has {checkpoint.size}: "
                "the database is an older copy. Nothing was appended; run: bwv rebuild"
            )
        found = await root_at(database, checkpoint.size)
        if found != checkpoint.root:
            raise LogForked(
                f"the custody log in the database has root {found.hex()} at {checkpoint.size} entries, the checkpoint "
                f"{place} has {checkpoint.root.hex()}: two histories. Nothing was appended; find out which is "
                "true (bwv custody verify --witness), then bwv rebuild"
            )


async def root_at(database: Database, size: int) -> bytes:
    """The root of the tree when the log had `size` entries."""
    return await answer(database, lambda hashes: root(size, hashes))
