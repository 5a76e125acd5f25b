"""Reads what was published of earlier months: the folders that stand beside a new publication."""

from __future__ import annotations

from pathlib import Path

import msgspec

from workers.custody.queries import SealedHead
from workers.errors import RuleBroken
from workers.statistics.stated import Stated
from workers.statistics.suppression import FEWEST
from workers.statistics.trend import last_months

FILE = "figures.json"


def read_earlier(folder: Path, month: str) -> list[Stated]:
    """The publications in the folders of a folder, of the months that a page of this month shows before it.

    Raises:
        RuleBroken: a file is not what `bwv stats publish` writes, or was made when less was withheld.
    """
    wanted = {one.name for one in last_months(month)} - {month}
    found = []
    for path in sorted(folder.glob(f"*/{FILE}")):
        try:
            stated = msgspec.json.decode(path.read_bytes(), type=Stated)
        except (OSError, msgspec.DecodeError) as error:
            raise RuleBroken(f"{path} is no publication of figures: {error}; move it away") from error
        if stated.month not in wanted:
            continue
        if stated.fewest < FEWEST:
            raise RuleBroken(
                f"{path} shows numbers from {stated.fewest} on; on this page none below {FEWEST} may stand"
            )
        found.append(stated)
    return found


def check_head(stated: Stated, head: SealedHead | None) -> None:
    """Whether a publication was made from this very custody log.

    Args:
        head: what was sealed at its size, if anything was.

    Raises:
        RuleBroken: it was made from another one, or somebody changed its checkpoint.
    """
    if head is None or head.root.hex() != stated.root:
        raise RuleBroken(
            f"what stands published of {stated.month} was not made from this custody log: nothing was sealed at "
            f"{stated.size} entries with its root; move its folder away"
        )
