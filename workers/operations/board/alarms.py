"""Alarms that stand, as the board shows them: one line an alarm, however many clips or stages it is about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from workers.database.engine import Database
from workers.operations.alarms.rows import Open, read_open
from workers.operations.alarms.table import NOW


class Raised(Struct, frozen=True):
    """An alarm that was told and is not over.

    Attributes:
        alarm: its name; its page in docs/runbook.md has it as a heading.
        page: somebody is woken for it.
        count: how many subjects it stands for; says: what was seen of the one that it has stood for longest.
        since: when it was first seen.
        do: the first thing to do.
        in_hand: whoever has it in hand; empty while of one subject at least nobody has.
    """

    alarm: str
    title: str
    page: bool
    count: int
    says: str
    since: datetime
    do: str
    in_hand: str = ""


def raised(alarms: Iterable[Open]) -> tuple[Raised, ...]:
    """One line for each name, in the order of the first of each.

    Args:
        alarms: those that were told, the most pressing first and within that the oldest.
    """
    by_name: dict[str, list[Open]] = {}
    for one in alarms:
        by_name.setdefault(one.alarm, []).append(one)
    return tuple(_line(members) for members in by_name.values())


def _line(members: list[Open]) -> Raised:
    oldest, people = members[0], {one.acknowledged_by for one in members}
    return Raised(
        oldest.alarm, oldest.title, oldest.severity == NOW, len(members), oldest.says, oldest.since, oldest.do,
        "" if None in people else ", ".join(sorted(filter(None, people))),
    )  # fmt: skip


async def raised_now(database: Database) -> tuple[Raised, ...]:
    """Those that stand."""
    return raised(await read_open(database))
