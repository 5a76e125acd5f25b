"""The list behind every number of the board: each names its clips, the most pressing first."""

from __future__ import annotations

from workers.errors import RuleBroken
from workers.operations.board import lists_ingest, lists_retention
from workers.operations.board.listing import Listing

LISTS: dict[str, Listing] = {**lists_ingest.LISTS, **lists_retention.LISTS}
"""Name → list; the name is that of a field of `Counts` where it is behind one."""


def named(name: str) -> Listing:
    """The list of this name; RuleBroken if there is none."""
    if name not in LISTS:
        raise RuleBroken(f"there is no list {name!r}; there are {', '.join(LISTS)}")
    return LISTS[name]
